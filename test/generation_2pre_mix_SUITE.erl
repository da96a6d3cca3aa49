%% @doc Whole handlers of 2014 to 2016 as their authors wrote them, side by side, and what pre.4 to pre.9 did
%% differently.
-module(generation_2pre_mix_SUITE).

-export([all/0, suite/0, init_per_suite/1, end_per_suite/1, end_per_testcase/2]).
-export([a_chat_of_2015/1, every_generation_on_one_listener/1, static_files/1, tuples_of_pre_4_to_6/1,
    options_of_pre_7_to_9/1, strict_without_the_old_start_function/1, constraints_of_one_argument/1,
    websocket_init_of_spring_2016/1]).

-include_lib("stdlib/include/assert.hrl").

-import(oracle_frame, [text/1, close/0, hex/1]).
-import(raw_client, [open/1, send/2, handshake/0, handshake/2, head/1, payload/1, until_eof/1]).
-import(handler_reports, [next_call/0]).
-import(pre_client, [listen/2, listen/3, unlisten/0, port/0]).

-spec suite() -> [term()].
suite() -> [{timetrap, {seconds, 60}}].

-spec all() -> [atom()].
all() -> [a_chat_of_2015, every_generation_on_one_listener, static_files, tuples_of_pre_4_to_6,
    options_of_pre_7_to_9, strict_without_the_old_start_function, constraints_of_one_argument,
    websocket_init_of_spring_2016].

-spec init_per_suite([term()]) -> [term()].
init_per_suite(Config) -> cowboy_suite:start(Config).

-spec end_per_suite([term()]) -> ok.
end_per_suite(Config) -> cowboy_suite:stop(Config).

-spec end_per_testcase(atom(), [term()]) -> ok.
end_per_testcase(_, _) -> unlisten().

%%% Whole handlers

-spec a_chat_of_2015([term()]) -> ok.
a_chat_of_2015(_) ->
    pre_chat = ets:new(pre_chat, [bag, named_table, public]),
    Port = listen([{"/room/:room", pre_chat_handler, []}], []),
    Join = fun(Name) ->
        Socket = open(Port),
        send(Socket, handshake(<<"/room/tea?name=", Name/binary>>, [{"sec-websocket-protocol", "superchat, chat"}])),
        ?assertMatch({_, _}, binary:match(head(Socket), <<"\r\nsec-websocket-protocol: chat\r\n">>)),
        ?assertEqual([<<"welcome to tea">>, <<"13">>], [payload(Socket), payload(Socket)]),
        Socket
    end,
    Ann = Join(<<"ann">>),
    Bob = Join(<<"bob">>),
    send(Ann, text(<<"hi">>)),
    [?assertEqual(<<"ann: hi">>, payload(S)) || S <- [Ann, Bob]],
    send(Bob, text(<<"/quit">>)),
    ?assertEqual(hex("8802 03e8"), until_eof(Bob)),
    ?assertEqual(<<"left: stop /room/tea">>, payload(Ann)),
    [begin
        Socket = open(Port),
        send(Socket, handshake(<<"/room/tea">>, Fields)),
        ?assertMatch(<<"HTTP/1.1 ", Status:3/binary, _/binary>>, head(Socket))
     end || {Fields, Status} <- [{[], <<"400">>}, {[{"sec-websocket-protocol", "soap"}], <<"406">>}]],
    ok.

%% What each handler exports and returns tells them apart, whatever started the listener.
-spec every_generation_on_one_listener([term()]) -> ok.
every_generation_on_one_listener(_) ->
    Upgrade = fun(Req, State) -> {cowboy_websocket, Req, State} end,
    Handlers = [{<<"0">>, pre_neighbour_0, []}, {<<"1">>, pre_neighbour_1, []}, {<<"pre">>, pre_quiet_handler, []},
        {<<"2">>, draft_handler, #{test => self(), init => Upgrade}}],
    Old = [{'_', [{[Path], Handler, Opts} || {Path, Handler, Opts} <- Handlers]}],
    Dispatch = cowboy_router:compile([{'_', [{<<"/", Path/binary>>, Handler, Opts}
        || {Path, Handler, Opts} <- Handlers]}]),
    Socket = [{ip, {127, 0, 0, 1}}, {port, 0}],
    Starts = [
        {start_listener, fun() -> cowboy:start_listener(pre, 1, cowboy_tcp_transport, Socket, cowboy_http_protocol,
            [{dispatch, Old}]) end},
        {start_http, fun() -> cowboy:start_http(pre, 1, Socket, [{env, [{dispatch, Dispatch}]}]) end},
        {pre, fun() -> farrier:start_listener(pre, #{ip => {127, 0, 0, 1}, port => 0, generation => '2pre',
            dispatch => Dispatch}) end},
        {start_clear, fun() -> cowboy:start_clear(pre, Socket, #{env => #{dispatch => Dispatch}}) end}
    ],
    [begin
        {ok, _} = Start(),
        [echoes(Name, Path, Echo) || {Path, Echo} <- [{<<"0">>, <<"0:a">>}, {<<"1">>, <<"a">>}, {<<"pre">>, <<"<a>">>},
            {<<"2">>, <<"a">>}]],
        ok = unlisten()
     end || {Name, Start} <- Starts],
    ok.

-spec echoes(atom(), binary(), binary()) -> ok.
echoes(Listener, Path, Echo) ->
    Socket = open(port()),
    send(Socket, handshake(<<"/", Path/binary>>, [])),
    ?assertMatch({Listener, Path, <<"HTTP/1.1 101 ", _/binary>>}, {Listener, Path, head(Socket)}),
    send(Socket, text(<<"a">>)),
    ?assertEqual({Listener, Path, Echo}, {Listener, Path, payload(Socket)}),
    send(Socket, close()),
    ?assertEqual({Listener, Path, hex("8800")}, {Listener, Path, until_eof(Socket)}).

-spec static_files([term()]) -> ok.
static_files(Config) ->
    File = filename:join(proplists:get_value(priv_dir, Config), "file.txt"),
    ok = file:write_file(File, "content"),
    Port = listen([{"/file", cowboy_static, {file, File}}], [], #{generation => '2pre'}),
    Socket = open(Port),
    send(Socket, "GET /file HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"),
    [Head, Body] = binary:split(until_eof(Socket), <<"\r\n\r\n">>),
    ?assertMatch(<<"HTTP/1.1 200 OK\r\n", _/binary>>, Head),
    ?assertEqual(<<"content">>, Body),
    ok.

%%% 2.0.0-pre.4 to pre.9

-spec tuples_of_pre_4_to_6([term()]) -> ok.
tuples_of_pre_4_to_6(_) ->
    Rows = [
        {fun(R, S) -> {cowboy_websocket, R, S} end, "8802 03e8", stop},
        {fun(R, S) -> {cowboy_websocket, R, S, hibernate} end, "8802 03e8", stop},
        {fun(R, S) -> {cowboy_websocket, R, S, 60000} end, "8802 03e8", stop},
        {fun(R, S) -> {cowboy_websocket, R, S, infinity, hibernate} end, "8802 03e8", stop}
    ],
    [begin
        Socket = draft(Init),
        ?assertMatch(<<"HTTP/1.1 101 ", _/binary>>, head(Socket)),
        send(Socket, [text(<<"a">>), text(<<"stop">>)]),
        ?assertEqual(hex("810161" ++ Wire), until_eof(Socket)),
        ?assertMatch([{websocket_init, _}, {terminate, Reason, undefined}], [next_call(), next_call()]),
        ok = unlisten()
     end || {Init, Wire, Reason} <- Rows],
    Idle = draft(fun(R, S) -> {cowboy_websocket, R, S, 50} end),
    _ = head(Idle),
    ?assertEqual(hex("8802 03e8"), until_eof(Idle)),
    ?assertMatch([{websocket_init, _}, {terminate, timeout, undefined}], [next_call(), next_call()]),
    ok.

-spec options_of_pre_7_to_9([term()]) -> ok.
options_of_pre_7_to_9(_) ->
    Idle = draft(fun(R, S) -> {cowboy_websocket, R, S, #{idle_timeout => 50}} end),
    _ = head(Idle),
    ?assertEqual(hex("8802 03e8"), until_eof(Idle)),
    ?assertMatch([{websocket_init, _}, {terminate, timeout, undefined}], [next_call(), next_call()]),
    ok = unlisten(),
    %% A plain handler still gets its whole Req.
    Plain = draft(fun(R, S) -> {ok, cowboy_req:reply(200, R), S} end),
    ?assertMatch(<<"HTTP/1.1 200 OK\r\n", _/binary>>, head(Plain)),
    ?assertMatch({terminate, normal, #{headers := _}}, next_call()),
    ok.

-spec draft(fun((term(), map()) -> term())) -> gen_tcp:socket().
draft(Init) ->
    draft(fun(Ref, Trans, Proto) -> cowboy:start_clear(Ref, 100, Trans, Proto) end, Init).

-spec draft(fun((term(), list(), map()) -> {ok, pid()}), fun((term(), map()) -> term())) -> gen_tcp:socket().
draft(Start, Init) ->
    Dispatch = cowboy_router:compile([{'_', [{'_', draft_handler, #{test => self(), init => Init}}]}]),
    {ok, _} = Start(pre, [{ip, {127, 0, 0, 1}}, {port, 0}], #{env => #{dispatch => Dispatch}}),
    Socket = open(port()),
    send(Socket, handshake()),
    Socket.

-spec strict_without_the_old_start_function([term()]) -> ok.
strict_without_the_old_start_function(_) ->
    [begin
        Socket = draft(fun cowboy:start_clear/3, Init),
        ?assertMatch(<<"HTTP/1.1 500 ", _/binary>>, head(Socket)),
        ok = unlisten()
     end || Init <- [fun(R, S) -> {cowboy_websocket, R, S, hibernate} end,
         fun(R, S) -> {cowboy_websocket, R, S, 100} end,
        fun(R, S) -> {cowboy_websocket, R, S, 100, hibernate} end]],
    ?assertEqual(none, receive {call, Call} -> Call after 0 -> none end),
    ok.

-spec constraints_of_one_argument([term()]) -> ok.
constraints_of_one_argument(_) ->
    Even = fun(N) -> N rem 2 =:= 0 end,
    Routes = [{"/:n", [{n, [int, Even]}], pre_quiet_handler, []}],
    Starts = [fun(D) -> cowboy:start_http(pre, 1, [{port, 0}], [{env, [{dispatch, D}]}]) end,
        fun(D) -> cowboy:start_clear(pre, 1, [{port, 0}], #{env => #{dispatch => D}}) end],
    [begin
        {ok, _} = Start(cowboy_router:compile([{'_', Routes}])),
        [begin
            Socket = open(port()),
            send(Socket, handshake(Path, [])),
            ?assertMatch(<<"HTTP/1.1 ", Status:3/binary, _/binary>>, head(Socket))
         end || {Path, Status} <- [{<<"/4">>, <<"101">>}, {<<"/3">>, <<"404">>}, {<<"/x">>, <<"404">>}]],
        ok = unlisten()
     end || Start <- Starts],
    ok.

-spec websocket_init_of_spring_2016([term()]) -> ok.
websocket_init_of_spring_2016(_) ->
    Dispatch = cowboy_router:compile([{'_', [{"/s", spring_handler, []}]}]),
    {ok, _} = cowboy:start_clear(pre, 100, [{port, 0}], #{env => #{dispatch => Dispatch}}),
    Socket = open(port()),
    send(Socket, handshake(<<"/s">>, [])),
    _ = head(Socket),
    send(Socket, text(<<"a">>)),
    ?assertEqual(<<"a/s">>, payload(Socket)),
    ok.
