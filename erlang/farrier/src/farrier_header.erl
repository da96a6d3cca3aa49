%% @doc Parses the values of request headers into the terms that Cowboy 2 gives its handlers.
%%
%% Grammar: RFC 7230 (lists, tokens, quoted strings), RFC 7231 (content negotiation, dates), RFC 7232 (validators),
%% RFC 7233 (ranges), RFC 7235 with 7617, 6750 and 7616 (authorization), RFC 6454 (origin), RFC 6455 (sec-websocket-*).
%% Lenient lists (empty elements between commas) as RFC 7230 7 asks of recipients.
%%
%% The productions crash on malformed input; only {@link parse/2} faces callers, and it turns the crash into `error'.
-module(farrier_header).

-export([parse/2]).
-export([content_disposition/1, token_list/1, lower/1]).

-export_type([quality/0]).

%% Thousandths.
-type quality() :: 0..1000.
-type media_range() ::
    {{binary(), binary(), [{binary(), binary()}]}, quality(), [binary() | {binary(), binary()}]}.
-type production() :: fun((binary()) -> {binary(), binary()}).

-define(IS_DIGIT(C), (C >= $0 andalso C =< $9)).
-define(IS_ALPHA(C), ((C >= $a andalso C =< $z) orelse (C >= $A andalso C =< $Z))).
-define(IS_ALPHANUM(C), (?IS_ALPHA(C) orelse ?IS_DIGIT(C))).
-define(IS_TOKEN(C),
    (?IS_ALPHANUM(C) orelse C =:= $! orelse C =:= $# orelse C =:= $$ orelse C =:= $% orelse C =:= $& orelse
        C =:= $' orelse C =:= $* orelse C =:= $+ orelse C =:= $- orelse C =:= $. orelse C =:= $^ orelse
        C =:= $_ orelse C =:= $` orelse C =:= $| orelse C =:= $~)).
-define(IS_WS(C), (C =:= $\s orelse C =:= $\t)).
-define(IS_VCHAR(C), (C > 16#20 andalso C =/= 16#7F)).

%% @doc The parsed value of header `Name' (lower-case), `error' if it is malformed, `unknown' if there is no parser for
%% that header.
-spec parse(binary(), binary()) -> {ok, term()} | error | unknown.
parse(Name, Value) ->
    case parser(Name) of
        unknown ->
            unknown;
        Parser ->
            try
                {ok, Parser(Value)}
            catch
                error:_ -> error
            end
    end.

-spec parser(binary()) -> fun((binary()) -> term()) | unknown.
parser(<<"accept">>) -> fun accept/1;
parser(<<"accept-charset">>) -> nonempty(fun(V) -> list(V, fun weighted_token/1) end);
parser(<<"accept-encoding">>) -> fun(V) -> list(V, fun weighted_token/1) end;
parser(<<"accept-language">>) -> nonempty(fun(V) -> list(V, fun weighted_language/1) end);
parser(<<"access-control-request-headers">>) -> fun token_list/1;
parser(<<"access-control-request-method">>) -> whole(fun token/1);
parser(<<"authorization">>) -> fun credentials/1;
parser(<<"proxy-authorization">>) -> fun credentials/1;
parser(<<"connection">>) -> nonempty(fun token_list/1);
parser(<<"content-encoding">>) -> nonempty(fun token_list/1);
parser(<<"content-language">>) -> nonempty(fun(V) -> list(V, fun content_language/1) end);
parser(<<"content-length">>) -> fun integer/1;
parser(<<"content-type">>) -> whole(fun content_type/1);
parser(<<"cookie">>) -> fun cookies/1;
parser(<<"expect">>) -> fun expect/1;
parser(<<"if-match">>) -> fun entity_tags/1;
parser(<<"if-none-match">>) -> fun entity_tags/1;
parser(<<"if-modified-since">>) -> fun farrier_http_date:parse/1;
parser(<<"if-unmodified-since">>) -> fun farrier_http_date:parse/1;
parser(<<"if-range">>) -> fun if_range/1;
parser(<<"max-forwards">>) -> fun integer/1;
parser(<<"origin">>) -> fun origins/1;
parser(<<"range">>) -> fun ranges/1;
parser(<<"sec-websocket-extensions">>) -> nonempty(fun(V) -> list(V, fun extension/1) end);
parser(<<"sec-websocket-protocol">>) -> nonempty(fun(V) -> list(V, fun token/1) end);
parser(<<"sec-websocket-version">>) -> fun websocket_version/1;
parser(<<"trailer">>) -> nonempty(fun token_list/1);
parser(<<"upgrade">>) -> nonempty(fun(V) -> list(V, fun upgrade_protocol/1) end);
parser(<<"x-forwarded-for">>) -> nonempty(fun(V) -> list(V, fun node_name/1) end);
parser(_) -> unknown.

%%% Combinators. A production takes the rest of the value and returns `{Term, Rest}'.

-spec nonempty(fun((binary()) -> list())) -> fun((binary()) -> [term(), ...]).
nonempty(Parser) ->
    fun(Value) -> [_ | _] = Parser(Value) end.

-spec whole(fun((binary()) -> {T, binary()})) -> fun((binary()) -> T).
whole(Production) ->
    fun(Value) ->
        {Term, <<>>} = Production(Value),
        Term
    end.

%% RFC 7230 7: elements between commas, empty ones ignored.
-spec list(binary(), fun((binary()) -> {T, binary()})) -> [T].
list(<<>>, _) ->
    [];
list(<<C, Rest/binary>>, Element) when ?IS_WS(C); C =:= $, ->
    list(Rest, Element);
list(Bin, Element) ->
    {Term, Rest} = Element(Bin),
    case skip_ws(Rest) of
        <<>> -> [Term];
        <<$,, Rest2/binary>> -> [Term | list(Rest2, Element)]
    end.

-spec skip_ws(binary()) -> binary().
skip_ws(<<C, Rest/binary>>) when ?IS_WS(C) -> skip_ws(Rest);
skip_ws(Bin) -> Bin.

%% @doc ASCII lower case, bytes above 127 untouched.
-spec lower(binary()) -> binary().
lower(Bin) ->
    <<<<(lower_char(C))>> || <<C>> <= Bin>>.

-spec lower_char(byte()) -> byte().
lower_char(C) when C >= $A, C =< $Z -> C + 32;
lower_char(C) -> C.

-spec token(binary()) -> {binary(), binary()}.
token(Bin) ->
    take(Bin, 0, fun(C) -> ?IS_TOKEN(C) end).

-spec token_ci(binary()) -> {binary(), binary()}.
token_ci(Bin) ->
    {Token, Rest} = token(Bin),
    {lower(Token), Rest}.

%% The longest non-empty prefix of bytes that `Accept' takes.
-spec take(binary(), non_neg_integer(), fun((byte()) -> boolean())) -> {binary(), binary()}.
take(Bin, N, Accept) ->
    case Bin of
        <<_:N/binary, C, _/binary>> ->
            case Accept(C) of
                true -> take(Bin, N + 1, Accept);
                false -> taken(Bin, N)
            end;
        _ ->
            taken(Bin, N)
    end.

-spec taken(binary(), pos_integer()) -> {binary(), binary()}.
taken(Bin, N) when N > 0 ->
    split_binary(Bin, N).

%% @doc A list of lower-cased tokens, possibly empty.
-spec token_list(binary()) -> [binary()].
token_list(Value) ->
    list(Value, fun token_ci/1).

%% RFC 7230 3.2.6
-spec quoted_string(binary(), binary()) -> {binary(), binary()}.
quoted_string(<<$", Rest/binary>>, Acc) ->
    {Acc, Rest};
quoted_string(<<$\\, C, Rest/binary>>, Acc) when C =:= $\t; C > 16#1F, C =/= 16#7F ->
    quoted_string(Rest, <<Acc/binary, C>>);
quoted_string(<<C, Rest/binary>>, Acc) when C =:= $\t; C > 16#1F, C =/= 16#7F, C =/= $\\ ->
    quoted_string(Rest, <<Acc/binary, C>>).

-spec token_or_quoted(binary()) -> {binary(), binary()}.
token_or_quoted(<<$", Rest/binary>>) -> quoted_string(Rest, <<>>);
token_or_quoted(Bin) -> token(Bin).

-spec integer(binary()) -> non_neg_integer().
integer(<<C, _/binary>> = Value) when ?IS_DIGIT(C) ->
    binary_to_integer(Value).

%%% Content negotiation, RFC 7231 5.3

-spec accept(binary()) -> [media_range()].
accept(Value) ->
    list(Value, fun media_range/1).

-spec media_range(binary()) -> {media_range(), binary()}.
media_range(Bin) ->
    {Type, <<$/, Rest/binary>>} = token_ci(Bin),
    {Sub, Rest2} = token_ci(Rest),
    {Params, Quality, Ext, Rest3} = media_params(Rest2, []),
    {{{Type, Sub, Params}, Quality, Ext}, Rest3}.

%% Parameters up to `q' belong to the media type, those behind it to the accept header. Only a lower-case `q' is
%% the weight, as in Cowboy.
-spec media_params(binary(), [{binary(), binary()}]) ->
    {[{binary(), binary()}], quality(), [binary() | {binary(), binary()}], binary()}.
media_params(Bin, Params) ->
    case skip_ws(Bin) of
        <<$;, Rest/binary>> ->
            case token(skip_ws(Rest)) of
                {<<"q">>, <<$=, Rest2/binary>>} ->
                    {Quality, Rest3} = lenient_quality(Rest2),
                    {Ext, Rest4} = flags_and_values(Rest3, fun token_ci/1, fun token_or_quoted/1),
                    {lists:reverse(Params), Quality, Ext, Rest4};
                {Name, <<$=, Rest2/binary>>} ->
                    {Value, Rest3} = parameter_value(Name, Rest2),
                    media_params(Rest3, [{lower(Name), Value} | Params])
            end;
        _ ->
            {lists:reverse(Params), 1000, [], Bin}
    end.

%% `*( ";" name [ "=" value ] )'
-spec flags_and_values(binary(), production(), production()) -> {[binary() | {binary(), binary()}], binary()}.
flags_and_values(Bin, Name, Value) ->
    case skip_ws(Bin) of
        <<$;, Rest/binary>> ->
            {Param, Rest2} = flag_or_value(Name(skip_ws(Rest)), Value),
            {Params, Rest3} = flags_and_values(Rest2, Name, Value),
            {[Param | Params], Rest3};
        _ ->
            {[], Bin}
    end.

-spec flag_or_value({binary(), binary()}, production()) -> {binary() | {binary(), binary()}, binary()}.
flag_or_value({Name, <<$=, Bin/binary>>}, Value) ->
    {V, Rest} = Value(Bin),
    {{Name, V}, Rest};
flag_or_value({Name, Rest}, _) ->
    {Name, Rest}.

%% RFC 7231 5.3.1: 0 to 1 with at most three decimals.
-spec quality(binary()) -> {quality(), binary()}.
quality(<<"0.", Bin/binary>>) ->
    {Digits, Rest} = decimals(Bin, 0),
    {binary_to_integer(<<Digits/binary, (zeros(3 - byte_size(Digits)))/binary>>), Rest};
quality(<<"1.", Bin/binary>>) ->
    {Digits, Rest} = decimals(Bin, 0),
    Digits = zeros(byte_size(Digits)),
    {1000, Rest};
quality(<<$0, Rest/binary>>) ->
    {0, Rest};
quality(<<$1, Rest/binary>>) ->
    {1000, Rest}.

%% Some clients leave the zero out of `0.8'.
-spec lenient_quality(binary()) -> {quality(), binary()}.
lenient_quality(<<$., C, _/binary>> = Bin) when ?IS_DIGIT(C) -> quality(<<$0, Bin/binary>>);
lenient_quality(Bin) -> quality(Bin).

-spec decimals(binary(), 0..3) -> {binary(), binary()}.
decimals(Bin, N) ->
    case Bin of
        <<_:N/binary, C, _/binary>> when N < 3, ?IS_DIGIT(C) -> decimals(Bin, N + 1);
        _ -> split_binary(Bin, N)
    end.

-spec zeros(0..3) -> binary().
zeros(N) ->
    binary:copy(<<"0">>, N).

-spec weighted_token(binary()) -> {{binary(), quality()}, binary()}.
weighted_token(Bin) ->
    weight(token_ci(Bin)).

-spec weighted_language(binary()) -> {{binary(), quality()}, binary()}.
weighted_language(<<$*, Rest/binary>>) -> weight({<<"*">>, Rest});
weighted_language(Bin) -> weight(language_tag(Bin)).

-spec weight({binary(), binary()}) -> {{binary(), quality()}, binary()}.
weight({Term, Bin}) ->
    case skip_ws(Bin) of
        <<$;, Rest/binary>> ->
            <<"q=", Rest2/binary>> = skip_ws(Rest),
            {Quality, Rest3} = quality(Rest2),
            {{Term, Quality}, Rest3};
        _ ->
            {{Term, 1000}, Bin}
    end.

%% RFC 5646: subtags of one to eight letters or digits, the first of letters alone.
-spec language_tag(binary()) -> {binary(), binary()}.
language_tag(Bin) ->
    {Tag, Rest} = take(Bin, 0, fun(C) -> ?IS_ALPHANUM(C) orelse C =:= $- end),
    [Primary | Subtags] = binary:split(Tag, <<"-">>, [global]),
    true = lists:all(fun(C) -> ?IS_ALPHA(C) end, binary_to_list(Primary)),
    true = lists:all(fun(S) -> byte_size(S) > 0 andalso byte_size(S) =< 8 end, [Primary | Subtags]),
    {lower(Tag), Rest}.

%% As in Cowboy, no subtag of one letter.
-spec content_language(binary()) -> {binary(), binary()}.
content_language(Bin) ->
    {Tag, Rest} = language_tag(Bin),
    true = lists:all(fun(S) -> byte_size(S) > 1 end, binary:split(Tag, <<"-">>, [global])),
    {Tag, Rest}.

%% RFC 7231 3.1.1.5
-spec content_type(binary()) -> {{binary(), binary(), [{binary(), binary()}]}, binary()}.
content_type(Bin) ->
    {Type, <<$/, Rest/binary>>} = token_ci(Bin),
    {Sub, Rest2} = token_ci(Rest),
    {Params, Rest3} = parameters(Rest2),
    {{Type, Sub, Params}, skip_ws(Rest3)}.

%% @doc A disposition and its parameters (RFC 6266, RFC 7578 4.2). Crashes if it is malformed.
-spec content_disposition(binary()) -> {binary(), [{binary(), binary()}]}.
content_disposition(Value) ->
    {Type, Rest} = token_ci(Value),
    {Params, <<>>} = parameters(string:trim(Rest, trailing, "; \t")),
    {Type, Params}.

%% `*( ";" name "=" value )' with lower-cased names.
-spec parameters(binary()) -> {[{binary(), binary()}], binary()}.
parameters(Bin) ->
    case skip_ws(Bin) of
        <<$;, Rest/binary>> ->
            {Name, <<$=, Rest2/binary>>} = token(skip_ws(Rest)),
            {Value, Rest3} = parameter_value(Name, Rest2),
            {Params, Rest4} = parameters(Rest3),
            {[{lower(Name), Value} | Params], Rest4};
        _ ->
            {[], Bin}
    end.

%% A charset is case-insensitive, and Cowboy lets it be empty; only if the name is in lower case.
-spec parameter_value(binary(), binary()) -> {binary(), binary()}.
parameter_value(<<"charset">>, <<>>) ->
    {<<>>, <<>>};
parameter_value(<<"charset">>, Bin) ->
    {Value, Rest} = token_or_quoted(Bin),
    {lower(Value), Rest};
parameter_value(_, Bin) ->
    token_or_quoted(Bin).

-spec expect(binary()) -> continue.
expect(Value) ->
    <<"100-continue">> = lower(Value),
    continue.

-spec cookies(binary()) -> [{binary(), binary()}].
cookies(Value) ->
    {ok, Cookies} = farrier_cookie:parse(Value),
    Cookies.

%%% Validators and ranges

-spec entity_tags(binary()) -> '*' | [{weak | strong, binary()}, ...].
entity_tags(<<"*">>) -> '*';
entity_tags(Value) -> (nonempty(fun(V) -> list(V, fun entity_tag/1) end))(Value).

-spec entity_tag(binary()) -> {{weak | strong, binary()}, binary()}.
entity_tag(<<"W/\"", Bin/binary>>) -> opaque_tag(Bin, weak);
entity_tag(<<$", Bin/binary>>) -> opaque_tag(Bin, strong).

-spec opaque_tag(binary(), weak | strong) -> {{weak | strong, binary()}, binary()}.
opaque_tag(Bin, Strength) ->
    [Tag, Rest] = binary:split(Bin, <<$">>),
    true = lists:all(fun(C) -> ?IS_VCHAR(C) end, binary_to_list(Tag)),
    {{Strength, Tag}, Rest}.

-spec if_range(binary()) -> {weak | strong, binary()} | calendar:datetime().
if_range(<<C, _/binary>> = Value) when C =:= $" ->
    {Tag, <<>>} = entity_tag(Value),
    Tag;
if_range(<<"W/", _/binary>> = Value) ->
    {Tag, <<>>} = entity_tag(Value),
    Tag;
if_range(Value) ->
    farrier_http_date:parse(Value).

%% RFC 7233 3.1. A suffix range is a negative integer.
-spec ranges(binary()) ->
    {bytes, [{non_neg_integer(), non_neg_integer() | infinity} | neg_integer()]} | {binary(), binary()}.
ranges(Value) ->
    {Unit, <<$=, Set/binary>>} = token_ci(Value),
    case Unit of
        <<"bytes">> ->
            {bytes, list(Set, fun byte_range/1)};
        _ ->
            true = Set =/= <<>> andalso lists:all(fun(C) -> ?IS_VCHAR(C) orelse ?IS_WS(C) end, binary_to_list(Set)),
            {Unit, Set}
    end.

-spec byte_range(binary()) ->
    {{non_neg_integer(), non_neg_integer() | infinity} | neg_integer(), binary()}.
byte_range(<<$-, Bin/binary>>) ->
    {Last, Rest} = digits(Bin),
    {-Last, Rest};
byte_range(Bin) ->
    {First, <<$-, Rest/binary>>} = digits(Bin),
    case Rest of
        <<C, _/binary>> when ?IS_DIGIT(C) ->
            {Last, Rest2} = digits(Rest),
            {{First, Last}, Rest2};
        _ ->
            {{First, infinity}, Rest}
    end.

-spec digits(binary()) -> {non_neg_integer(), binary()}.
digits(Bin) ->
    {Digits, Rest} = take(Bin, 0, fun(C) -> ?IS_DIGIT(C) end),
    {binary_to_integer(Digits), Rest}.

%%% Authorization

-spec credentials(binary()) ->
    {basic, binary(), binary()} | {bearer, binary()} | {digest, [{binary(), binary()}]}.
credentials(Value) ->
    {Scheme, <<$\s, Rest/binary>>} = token_ci(Value),
    case Scheme of
        <<"basic">> -> basic(Rest);
        <<"bearer">> -> bearer(Rest);
        <<"digest">> -> {digest, (nonempty(fun(V) -> list(V, fun digest_param/1) end))(Rest)}
    end.

-spec basic(binary()) -> {basic, binary(), binary()}.
basic(Bin) ->
    [User, Password] = binary:split(base64:decode(Bin), <<":">>),
    {basic, User, Password}.

-spec bearer(binary()) -> {bearer, binary()}.
bearer(Bin) ->
    {bearer, token68(Bin)}.

%% RFC 7235 2.1, with white space behind it.
-spec token68(binary()) -> binary().
token68(Bin) ->
    {Chars, Rest} = take(Bin, 0, fun
        (C) when C =:= $-; C =:= $.; C =:= $_; C =:= $~; C =:= $+; C =:= $/ -> true;
        (C) -> ?IS_ALPHANUM(C)
    end),
    {Padding, <<>>} = padding(Rest, 0),
    <<Chars/binary, Padding/binary>>.

-spec padding(binary(), non_neg_integer()) -> {binary(), binary()}.
padding(Bin, N) ->
    case Bin of
        <<_:N/binary, $=, _/binary>> ->
            padding(Bin, N + 1);
        _ ->
            {Padding, Rest} = split_binary(Bin, N),
            {Padding, skip_ws(Rest)}
    end.

-spec digest_param(binary()) -> {{binary(), binary()}, binary()}.
digest_param(Bin) ->
    {Name, <<$=, Rest/binary>>} = token_ci(Bin),
    {Value, Rest2} = token_or_quoted(Rest),
    {{Name, Value}, Rest2}.

%%% Origin, RFC 6454 7

-spec origins(binary()) -> [{binary(), binary(), inet:port_number()} | reference(), ...].
origins(<<C, _/binary>> = Value) when ?IS_VCHAR(C) ->
    [origin(Text) || Text <- binary:split(Value, <<" ">>, [global]), Text =/= <<>>].

%% What is neither http nor https is opaque: a reference equals nothing but itself.
-spec origin(binary()) -> {binary(), binary(), inet:port_number()} | reference().
origin(<<"http://", Authority/binary>>) -> authority(<<"http">>, 80, Authority);
origin(<<"https://", Authority/binary>>) -> authority(<<"https">>, 443, Authority);
origin(<<C, _/binary>>) when ?IS_VCHAR(C) -> make_ref().

-spec authority(binary(), inet:port_number(), binary()) -> {binary(), binary(), inet:port_number()}.
authority(Scheme, DefaultPort, Authority) ->
    {Host, Rest} = host(Authority),
    case Rest of
        <<>> -> {Scheme, lower(Host), DefaultPort};
        <<$:, Port/binary>> -> {Scheme, lower(Host), port(binary_to_integer(Port))}
    end.

-spec port(integer()) -> inet:port_number().
port(Port) when Port > 0, Port =< 65535 -> Port.

-spec host(binary()) -> {binary(), binary()}.
host(<<$[, _/binary>> = Bin) ->
    [Address, Rest] = binary:split(Bin, <<"]">>),
    {<<Address/binary, $]>>, Rest};
host(<<>>) ->
    {<<>>, <<>>};
host(Bin) ->
    take(Bin, 0, fun
        (C) when C =:= $(; C =:= $); C =:= $,; C =:= $;; C =:= $= -> true;
        (C) -> ?IS_TOKEN(C) andalso C =/= $# andalso C =/= $^ andalso C =/= $` andalso C =/= $|
    end).

%%% WebSocket and forwarding

-spec extension(binary()) -> {{binary(), [binary() | {binary(), binary()}]}, binary()}.
extension(Bin) ->
    {Name, Rest} = token(Bin),
    {Params, Rest2} = flags_and_values(Rest, fun token/1, fun extension_value/1),
    {{Name, Params}, Rest2}.

%% RFC 6455 9.1: a quoted value must be a token once unquoted.
-spec extension_value(binary()) -> {binary(), binary()}.
extension_value(<<$", Rest/binary>>) ->
    {Value, <<$", Rest2/binary>>} = token(Rest),
    {Value, Rest2};
extension_value(Bin) ->
    token(Bin).

-spec websocket_version(binary()) -> 0..255.
websocket_version(Value) ->
    true = byte_size(Value) =< 3,
    Version = integer(Value),
    true = Version =< 255 andalso integer_to_binary(Version) =:= Value,
    Version.

%% RFC 7230 6.7: `name [ "/" version ]'
-spec upgrade_protocol(binary()) -> {binary(), binary()}.
upgrade_protocol(Bin) ->
    {Name, Rest} = token_ci(Bin),
    case Rest of
        <<$/, Version/binary>> ->
            {V, Rest2} = token_ci(Version),
            {<<Name/binary, $/, V/binary>>, Rest2};
        _ ->
            {Name, Rest}
    end.

-spec node_name(binary()) -> {binary(), binary()}.
node_name(Bin) ->
    take(Bin, 0, fun
        (C) when C =:= $:; C =:= $[; C =:= $]; C =:= $.; C =:= $_; C =:= $- -> true;
        (C) -> ?IS_ALPHANUM(C)
    end).
