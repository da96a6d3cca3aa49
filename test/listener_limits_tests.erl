%% Limits of a listener, seen from clients.
-module(listener_limits_tests).

-include_lib("eunit/include/eunit.hrl").

-export([init/2, websocket_handle/2, websocket_info/2]).

-spec init(map(), term()) -> {cowboy_websocket, map(), term()}.
init(Req, State) ->
    {cowboy_websocket, Req, State}.

-spec websocket_handle(term(), term()) -> {[term()], term()}.
websocket_handle({text, Text}, State) ->
    {[{text, Text}], State}.

-spec websocket_info(term(), term()) -> {ok, term()}.
websocket_info(_, State) ->
    {ok, State}.

-spec limits_test_() -> term().
limits_test_() ->
    {setup,
        fun() -> {ok, Started} = application:ensure_all_started(cowboy), Started end,
        fun(Started) -> [ok = application:stop(Application) || Application <- lists:reverse(Started)] end,
        [
            {"websockets count towards max_connections", fun websockets_count/0},
            {"a limit that is changed leaves the other options alone", fun others_stay/0}
        ]}.

-spec websockets_count() -> ok.
websockets_count() ->
    Port = start([{port, 0}, {max_connections, 1}], #{}),
    First = handshake(Port),
    {ok, <<"HTTP/1.1 101 ", _/binary>>} = gen_tcp:recv(First, 0),
    Second = handshake(Port),
    ok = gen_tcp:send(First, <<16#81, 16#82, 0:32, "hi">>),
    {ok, <<16#81, 2, "hi">>} = gen_tcp:recv(First, 0),
    ?assertMatch(#{connections := 1, websockets := 1}, farrier:info(?MODULE)),
    ok = gen_tcp:close(First),
    {ok, <<"HTTP/1.1 101 ", _/binary>>} = gen_tcp:recv(Second, 0),
    ok = gen_tcp:close(Second),
    ok = cowboy:stop_listener(?MODULE).

-spec others_stay() -> ok.
others_stay() ->
    Port = start([{port, 0}], #{max_request_line_length => 100}),
    ok = ranch:set_max_connections(?MODULE, 5),
    {ok, Socket} = gen_tcp:connect({127, 0, 0, 1}, Port, [binary, {active, false}]),
    ok = gen_tcp:send(Socket, ["GET /", lists:duplicate(200, $a), " HTTP/1.1\r\nhost: localhost\r\n\r\n"]),
    {ok, <<"HTTP/1.1 414 ", _/binary>>} = gen_tcp:recv(Socket, 0),
    ok = gen_tcp:close(Socket),
    ok = cowboy:stop_listener(?MODULE).

-spec start(list(), map()) -> inet:port_number().
start(TransOpts, ProtoOpts) ->
    Dispatch = cowboy_router:compile([{'_', [{"/", ?MODULE, []}]}]),
    {ok, _} = cowboy:start_clear(?MODULE, TransOpts, ProtoOpts#{env => #{dispatch => Dispatch}}),
    farrier:get_port(?MODULE).

-spec handshake(inet:port_number()) -> gen_tcp:socket().
handshake(Port) ->
    {ok, Socket} = gen_tcp:connect({127, 0, 0, 1}, Port, [binary, {active, false}]),
    ok = gen_tcp:send(Socket, [
        "GET / HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n",
        "sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    ]),
    Socket.
