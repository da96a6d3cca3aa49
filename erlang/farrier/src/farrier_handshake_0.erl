%% @doc The opening handshake as Cowboy 0.6 does it: the drafts hybi 7 and 8, RFC 6455 (version 13), and
%% draft-hixie-thewebsocketprotocol-76 (version 0). Pure.
-module(farrier_handshake_0).

-export([check/1]).

%% What the 101 says, who is told what, and how frames look afterwards.
-type handshake() :: #{
    version := 0 | 7 | 8 | 13,
    status := 101 | binary(),
    headers := [{binary(), iodata()}],
    framing := generation_0 | {hixie76, 0..16#ffffffff, 0..16#ffffffff}
}.

-export_type([handshake/0]).

%% @doc Looks at neither method nor HTTP version. Whatever is refused gets 400.
-spec check(farrier_req_0:req()) -> {ok, handshake(), farrier_req_0:req()} | error.
check(Req0) ->
    try
        {Connection, Req1} = farrier_req_0:parse_header('Connection', Req0),
        true = lists:member(<<"upgrade">>, Connection),
        {[<<"websocket">>], Req2} = farrier_req_0:parse_header('Upgrade', Req1),
        {Version, Req3} = farrier_req_0:header(<<"Sec-Websocket-Version">>, Req2),
        {ok, handshake(Version, Req3), Req3}
    catch
        _:_ -> error
    end.

-spec handshake(binary() | undefined, farrier_req_0:req()) -> handshake().
handshake(undefined, Req) ->
    Origin = present(<<"Origin">>, Req),
    Number1 = number(present(<<"Sec-Websocket-Key1">>, Req)),
    Number2 = number(present(<<"Sec-Websocket-Key2">>, Req)),
    #{
        version => 0,
        status => <<"101 WebSocket Protocol Handshake">>,
        headers => [
            {<<"Upgrade">>, <<"WebSocket">>},
            {<<"Sec-Websocket-Location">>, location(Req)},
            {<<"Sec-Websocket-Origin">>, Origin}
        ],
        framing => {hixie76, Number1, Number2}
    };
handshake(Version, Req) when Version =:= <<"7">>; Version =:= <<"8">>; Version =:= <<"13">> ->
    Key = present(<<"Sec-Websocket-Key">>, Req),
    #{
        version => binary_to_integer(Version),
        status => 101,
        headers => [
            {<<"Upgrade">>, <<"websocket">>},
            {<<"Sec-Websocket-Accept">>, farrier_handshake:accept(Key)}
        ],
        framing => generation_0
    }.

-spec present(binary(), farrier_req_0:req()) -> binary().
present(Name, Req) ->
    {Value, _} = farrier_req_0:header(Name, Req),
    true = is_binary(Value),
    Value.

%% The digits of a key divided by the number of its spaces (draft 76, 5.2).
-spec number(binary()) -> 0..16#ffffffff.
number(Key) ->
    Digits = [C || <<C>> <= Key, C >= $0, C =< $9],
    Spaces = length([C || <<C>> <= Key, C =:= $\s]),
    (list_to_integer(Digits) div Spaces) band 16#ffffffff.

%% The port is left out where it goes without saying.
-spec location(farrier_req_0:req()) -> iodata().
location(Req) ->
    {Host, _} = farrier_req_0:raw_host(Req),
    {Port, _} = farrier_req_0:port(Req),
    {Path, _} = farrier_req_0:raw_path(Req),
    {Qs, _} = farrier_req_0:raw_qs(Req),
    [origin(farrier_exchange:transport(), Host, Port), Path, [[$?, Qs] || Qs =/= <<>>]].

-spec origin(tcp | ssl, binary(), inet:port_number()) -> iodata().
origin(tcp, Host, 80) -> [<<"ws://">>, Host];
origin(tcp, Host, Port) -> [<<"ws://">>, Host, $:, integer_to_binary(Port)];
origin(ssl, Host, 443) -> [<<"wss://">>, Host];
origin(ssl, Host, Port) -> [<<"wss://">>, Host, $:, integer_to_binary(Port)].
