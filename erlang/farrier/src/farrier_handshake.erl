%% The opening handshake (RFC 6455 4.2) as each generation of Cowboy does it: which requests may upgrade, what the
%% others are told, and the headers of the 101. Pure but for the date.
-module(farrier_handshake).

-export([accept/1, check_1/1, check_2/1, is_upgrade_request/1, headers_1/3, headers_2/3]).

%% What was negotiated: the value of `sec-websocket-extensions', if any.
-type extensions() :: none | binary().

-define(GUID, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").

%% @doc Cowboy 1 looks at neither method nor HTTP version, and answers 400 to whatever it refuses.
-spec check_1(term()) -> {ok, Accept :: binary(), Version :: 7 | 8 | 13, Req :: term()} | error.
check_1(Req0) ->
    try
        {ok, Connection, Req1} = farrier_req_1:parse_header(<<"connection">>, Req0),
        true = lists:member(<<"upgrade">>, Connection),
        {ok, [<<"websocket">>], Req2} = farrier_req_1:parse_header(<<"upgrade">>, Req1),
        {ok, Version, Req3} = farrier_req_1:parse_header(<<"sec-websocket-version">>, Req2),
        true = lists:member(Version, [7, 8, 13]),
        {Key, Req4} = farrier_req_1:header(<<"sec-websocket-key">>, Req3),
        true = is_binary(Key),
        {ok, accept(Key), Version, Req4}
    catch
        _:_ -> error
    end.

%% @doc Cowboy 2.18: what is no upgrade request is told so (426, or 501 for a version other than 1.1), what is a bad one
%% gets 400. Over HTTP/2 the request is an extended CONNECT (RFC 8441 4), which needs no key.
-spec check_2(map()) -> {ok, Accept :: binary() | none} | {error, 400 | 426 | 501, map()}.
check_2(#{version := 'HTTP/2'} = Req) ->
    try is_upgrade_request(Req) andalso checked_version(Req) of
        true -> {ok, none};
        false -> {error, 501, #{}}
    catch
        _:_ -> {error, 400, #{}}
    end;
check_2(#{version := Version} = Req) ->
    try is_upgrade_request(Req) andalso checked_2(Req) of
        false when Version =:= 'HTTP/1.1' ->
            {error, 426, #{<<"connection">> => <<"upgrade">>, <<"upgrade">> => <<"websocket">>}};
        false ->
            {error, 501, #{}};
        Accept ->
            {ok, Accept}
    catch
        _:_ -> {error, 400, #{}}
    end.

%% @doc What `cowboy_websocket:is_upgrade_request/1' answers. An absent `upgrade' header makes `lists:member/2' fail:
%% Cowboy answers 400 to that, unlike to any other value.
-spec is_upgrade_request(map()) -> boolean().
is_upgrade_request(#{version := 'HTTP/1.1', method := <<"GET">>} = Req) ->
    lists:member(<<"upgrade">>, farrier_req_2:parse_header(<<"connection">>, Req, [])) andalso
        lists:member(<<"websocket">>, farrier_req_2:parse_header(<<"upgrade">>, Req));
is_upgrade_request(#{version := 'HTTP/2', method := <<"CONNECT">>, protocol := Protocol}) ->
    farrier_header:lower(Protocol) =:= <<"websocket">>;
is_upgrade_request(_) ->
    false.

-spec checked_version(map()) -> true.
checked_version(Req) ->
    true = lists:member(farrier_req_2:parse_header(<<"sec-websocket-version">>, Req), [7, 8, 13]),
    %% Malformed extensions fail the handshake even where none would be accepted.
    _ = farrier_req_2:parse_header(<<"sec-websocket-extensions">>, Req),
    true.

-spec checked_2(map()) -> binary().
checked_2(Req) ->
    true = checked_version(Req),
    Key = farrier_req_2:header(<<"sec-websocket-key">>, Req),
    true = is_binary(Key),
    accept(Key).

%% @doc The answer to a `sec-websocket-key' (RFC 6455 4.2.2).
-spec accept(binary()) -> binary().
accept(Key) ->
    base64:encode(crypto:hash(sha, [Key, ?GUID])).

%% @doc The 101 of Cowboy 1: no date, no server, and what the handler set stands in the middle.
-spec headers_1(binary(), extensions(), [{binary(), iodata()}]) -> [{binary(), iodata()}].
headers_1(Accept, Extensions, Set) ->
    [{<<"connection">>, <<"Upgrade">>} | Set] ++
        [{<<"upgrade">>, <<"websocket">>}, {<<"sec-websocket-accept">>, Accept}] ++
        [{<<"sec-websocket-extensions">>, Extensions} || Extensions =/= none].

%% @doc The 101 of Cowboy 2: one map of headers, in which the handler's win over date and server and the handshake's
%% over the handler's; the cookies come last.
-spec headers_2(binary() | none, extensions(), map()) -> [{binary(), iodata()}].
headers_2(Accept, Extensions, Req) ->
    IsCookie = fun({Name, _}) -> Name =:= <<"set-cookie">> end,
    {Cookies, Set} = lists:partition(IsCookie, farrier_req_2:upgrade_headers(Req)),
    Default = #{<<"date">> => farrier_clock:rfc1123(), <<"server">> => <<"Cowboy">>},
    Headers = accepted(Accept, maps:merge(Default, maps:from_list(Set))),
    maps:to_list(extended(Extensions, Headers)) ++ Cookies.

-spec accepted(binary() | none, map()) -> map().
accepted(none, Headers) ->
    Headers;
accepted(Accept, Headers) ->
    Headers#{
        <<"connection">> => <<"Upgrade">>,
        <<"upgrade">> => <<"websocket">>,
        <<"sec-websocket-accept">> => Accept
    }.

-spec extended(extensions(), map()) -> map().
extended(none, Headers) -> Headers;
extended(Extensions, Headers) -> Headers#{<<"sec-websocket-extensions">> => Extensions}.
