%% @doc Parsers of Cowboy 0 and early Cowboy 1 that projects call directly.
%%
%% Those of two arguments read from the front of a binary and call a function with what they have read and with the
%% rest, as `list/2' wants it.
-module(cowboy_http).

%% Values of headers.
-export([list/2, nonempty_list/2, token/2, token_ci/2, quoted_string/2, whitespace/2, digits/1]).
-export([content_type/1, entity_tag_match/1, http_date/1, rfc1123_date/1, rfc850_date/1, asctime_date/1]).
%% Bodies.
-export([ce_identity/1]).
%% Meaning.
-export([connection_to_atom/1, version_to_binary/1, urldecode/1, urldecode/2, urlencode/1, urlencode/2]).
-export([x_www_form_urlencoded/2]).

-export_type([method/0, version/0, header/0, headers/0, status/0]).

-type method() :: 'OPTIONS' | 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE' | 'TRACE' | binary().
-type version() :: {Major :: non_neg_integer(), Minor :: non_neg_integer()}.
-type header() :: atom() | binary().
-type headers() :: [{header(), iodata()}].
-type status() :: non_neg_integer() | binary().

-type continue(T) :: fun((Rest :: binary(), Read :: binary()) -> T).
-type element_parser() :: fun((binary(), fun((binary(), any()) -> any())) -> any()).

-define(IS_SPACE(C), (C =:= $\s orelse C =:= $\t)).

%%% Values of headers

%% @doc A comma-separated list (RFC 2616 2.1). `Element' reads one element and hands rest and element on.
-spec list(binary(), element_parser()) -> [any()] | {error, badarg}.
list(Text, Element) ->
    whitespace(Text, fun(Rest) -> list(Rest, Element, []) end).

-spec list(binary(), element_parser(), [any()]) -> [any()] | {error, badarg}.
list(<<>>, _, Acc) ->
    lists:reverse(Acc);
list(<<$,, Rest/binary>>, Element, Acc) ->
    whitespace(Rest, fun(Next) -> list(Next, Element, Acc) end);
list(Text, Element, Acc) ->
    Element(Text, fun(Rest, Read) -> whitespace(Rest, fun(Next) -> separator(Next, Element, [Read | Acc]) end) end).

-spec separator(binary(), element_parser(), [any()]) -> [any()] | {error, badarg}.
separator(<<>>, _, Acc) -> lists:reverse(Acc);
separator(<<$,, _/binary>> = Text, Element, Acc) -> list(Text, Element, Acc);
separator(_, _, _) -> {error, badarg}.

%% @doc The same with at least one element.
-spec nonempty_list(binary(), element_parser()) -> [any(), ...] | {error, badarg}.
nonempty_list(Text, Element) ->
    case list(Text, Element) of
        [] -> {error, badarg};
        Result -> Result
    end.

%% @doc A token (RFC 2616 2.2).
-spec token(binary(), continue(T)) -> T | {error, badarg}.
token(Text, Continue) ->
    {Token, Rest} = split_binary(Text, token_size(Text, 0)),
    case Token of
        <<>> -> {error, badarg};
        _ -> Continue(Rest, Token)
    end.

%% @doc A token in lower case.
-spec token_ci(binary(), continue(T)) -> T | {error, badarg}.
token_ci(Text, Continue) ->
    token(Text, fun(Rest, Token) -> Continue(Rest, farrier_header:lower(Token)) end).

-spec token_size(binary(), non_neg_integer()) -> non_neg_integer().
token_size(Text, Size) ->
    case Text of
        <<_:Size/binary, C, _/binary>> when C > 32, C < 127 ->
            case lists:member(C, "()<>@,;:\\\"/[]?={}") of
                true -> Size;
                false -> token_size(Text, Size + 1)
            end;
        _ ->
            Size
    end.

%% @doc A quoted string, without its quotes.
-spec quoted_string(binary(), continue(T)) -> T | {error, badarg}.
quoted_string(<<$", Rest/binary>>, Continue) -> quoted_string(Rest, Continue, <<>>);
quoted_string(_, _) -> {error, badarg}.

-spec quoted_string(binary(), continue(T), binary()) -> T | {error, badarg}.
quoted_string(<<$", Rest/binary>>, Continue, Acc) -> Continue(Rest, Acc);
quoted_string(<<$\\, C, Rest/binary>>, Continue, Acc) -> quoted_string(Rest, Continue, <<Acc/binary, C>>);
quoted_string(<<C, Rest/binary>>, Continue, Acc) -> quoted_string(Rest, Continue, <<Acc/binary, C>>);
quoted_string(<<>>, _, _) -> {error, badarg}.

%% @doc Skips spaces and tabs.
-spec whitespace(binary(), fun((binary()) -> T)) -> T.
whitespace(<<C, Rest/binary>>, Continue) when ?IS_SPACE(C) -> whitespace(Rest, Continue);
whitespace(Text, Continue) -> Continue(Text).

%% @doc A number, and nothing behind it but white space.
-spec digits(binary()) -> non_neg_integer() | {error, badarg}.
digits(Text) ->
    parsed(farrier_header:parse(<<"content-length">>, string:trim(Text, trailing, " \t"))).

%% @doc A media type with its parameters.
-spec content_type(binary()) -> {binary(), binary(), [{binary(), binary()}]} | {error, badarg}.
content_type(Text) ->
    parsed(farrier_header:parse(<<"content-type">>, Text)).

%% @doc The entity tags of `If-Match' and `If-None-Match'.
-spec entity_tag_match(binary()) -> '*' | [{weak | strong, binary()}] | {error, badarg}.
entity_tag_match(Text) ->
    parsed(farrier_header:parse(<<"if-match">>, Text)).

-spec parsed({ok, T} | error | unknown) -> T | {error, badarg}.
parsed({ok, Term}) -> Term;
parsed(_) -> {error, badarg}.

%% @doc A date in any of HTTP's three formats.
-spec http_date(binary()) -> calendar:datetime() | {error, badarg}.
http_date(Text) ->
    try
        farrier_http_date:parse(Text)
    catch
        error:_ -> {error, badarg}
    end.

-spec rfc1123_date(binary()) -> calendar:datetime() | {error, badarg}.
rfc1123_date(<<_:3/binary, ",", _/binary>> = Text) -> http_date(Text);
rfc1123_date(_) -> {error, badarg}.

-spec rfc850_date(binary()) -> calendar:datetime() | {error, badarg}.
rfc850_date(<<_:3/binary, C, _/binary>> = Text) when C =/= $,, C =/= $\s -> http_date(Text);
rfc850_date(_) -> {error, badarg}.

-spec asctime_date(binary()) -> calendar:datetime() | {error, badarg}.
asctime_date(<<_:3/binary, " ", _/binary>> = Text) -> http_date(Text);
asctime_date(_) -> {error, badarg}.

%%% Bodies

%% @doc The content coding that changes nothing, for `cowboy_http_req:init_stream/4'.
-spec ce_identity(binary()) -> {ok, binary()}.
ce_identity(Data) ->
    {ok, Data}.

%%% Meaning

%% @doc Whether a connection lives on, by the tokens of its `Connection' header.
-spec connection_to_atom([binary()]) -> keepalive | close.
connection_to_atom(Tokens) ->
    case [Token || Token <- Tokens, Token =:= <<"close">> orelse Token =:= <<"keep-alive">>] of
        [<<"close">> | _] -> close;
        _ -> keepalive
    end.

%% @doc The version as it stands in a status line.
-spec version_to_binary(version()) -> binary().
version_to_binary({1, 1}) -> <<"HTTP/1.1">>;
version_to_binary({1, 0}) -> <<"HTTP/1.0">>.

%% @doc Decodes escapes; a bad one raises `badarg'.
-spec urldecode(binary()) -> binary().
urldecode(Text) ->
    urldecode(Text, crash).

%% @doc Decodes escapes; with `skip' a bad one stays as it is.
-spec urldecode(binary(), crash | skip) -> binary().
urldecode(Text, OnError) ->
    farrier_url_0:decode(Text, OnError).

%% @doc Encodes all but letters, digits, `.', `-', `~' and `_'; a space becomes `+'.
-spec urlencode(binary()) -> binary().
urlencode(Text) ->
    urlencode(Text, []).

%% @doc The same with `lower' digits, or with a space as `%20' (`noplus').
-spec urlencode(binary(), [farrier_url_0:encode_option()]) -> binary().
urlencode(Text, Options) ->
    farrier_url_0:encode(Text, Options).

%% @doc The pairs of a query string or form; a key without `=' has the value `true'.
-spec x_www_form_urlencoded(binary(), fun((binary()) -> binary())) -> [{binary(), binary() | true}].
x_www_form_urlencoded(Text, Decode) ->
    farrier_url_0:form(Text, Decode).
