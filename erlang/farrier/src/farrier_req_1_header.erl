%% @doc Parses request headers into the terms of Cowboy 1, which knew fewer of them and gave some another shape.
-module(farrier_req_1_header).

-export([parse/2]).

%% @doc The parsed value of header `Name' (lower case).
-spec parse(binary(), binary() | undefined) -> {ok, term()} | error | absent | unknown.
parse(Name, Raw) ->
    case shape(Name) of
        unknown -> unknown;
        _ when Raw =:= undefined -> absent;
        cookies -> farrier_cookie:parse_1(Raw);
        Shape -> parsed(Shape, farrier_header:parse(parser(Name), Raw))
    end.

-spec shape(binary()) -> same | cookies | credentials | expectations | ranges | unknown.
shape(<<"authorization">>) -> credentials;
shape(<<"cookie">>) -> cookies;
shape(<<"expect">>) -> expectations;
shape(<<"range">>) -> ranges;
shape(Name) ->
    Known = [
        <<"accept">>, <<"accept-charset">>, <<"accept-encoding">>, <<"accept-language">>, <<"connection">>,
        <<"content-length">>, <<"content-type">>, <<"if-match">>, <<"if-modified-since">>,
        <<"if-none-match">>, <<"if-unmodified-since">>, <<"sec-websocket-extensions">>,
        <<"sec-websocket-protocol">>, <<"sec-websocket-version">>, <<"transfer-encoding">>, <<"upgrade">>,
        <<"x-forwarded-for">>
    ],
    case lists:member(Name, Known) of
        true -> same;
        false -> unknown
    end.

%% Both are lists of lower-cased tokens.
-spec parser(binary()) -> binary().
parser(<<"expect">>) -> <<"connection">>;
parser(<<"transfer-encoding">>) -> <<"connection">>;
parser(Name) -> Name.

-spec parsed(same | credentials | expectations | ranges, {ok, term()} | error | unknown) -> {ok, term()} | error.
parsed(credentials, {ok, {basic, User, Password}}) -> {ok, {<<"basic">>, {User, Password}}};
parsed(credentials, _) -> error;
parsed(ranges, {ok, {bytes, [_ | _] = Ranges}}) -> {ok, {<<"bytes">>, Ranges}};
parsed(ranges, _) -> error;
parsed(_, {ok, Term}) -> {ok, Term};
parsed(_, _) -> error.
