%% @doc Sockets that are read on a scheduler: nothing is lost, doubled or moved when the seat changes hands, whatever becomes of the
%% process that has it.
-module(reactor_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-export([all/0, suite/0, init_per_suite/1, end_per_suite/1]).
-export([replies_keep_their_order/1, batches_keep_their_order/1, messages_from_several_readers_are_put_in_order/1, large_messages_arrive_whole/1, a_scheduler_reads_under_load/1,
         few_messages_are_read_by_the_thread/1, a_suspended_reader_delays_nothing_for_long/1, readers_that_are_killed_under_load/1, a_reader_whose_scheduler_is_off_line/1,
         handlers_that_work_have_all_schedulers/1, connections_end_under_load/1, compressed_beside_clear/1,
         the_application_stops_under_load/1, without_reactors/1]).

-define(PATIENCE, 60000).

-spec suite() -> [term()].
suite() -> [{timetrap, {seconds, 180}}].

-spec all() -> [atom()].
all() -> cowboy_suite:cases(?MODULE).

-spec init_per_suite([term()]) -> [term()].
init_per_suite(Config) ->
    {ok, Path} = oracle_node:farrier_path(),
    [{node, oracle_node:hold(Path, nif)} | Config].

-spec end_per_suite([term()]) -> ok.
end_per_suite(Config) -> oracle_node:stop(?config(node, Config)).

%%% Cases

-spec replies_keep_their_order([term()]) -> ok.
replies_keep_their_order(Config) -> load(listen(Config), 40, 1, 1000).

-spec batches_keep_their_order([term()]) -> ok.
batches_keep_their_order(Config) -> load(listen(Config), 40, 100, 50).

%% As the VM may deliver them to a process that keeps them off its heap.
-spec messages_from_several_readers_are_put_in_order([term()]) -> ok.
messages_from_several_readers_are_put_in_order(Config) ->
    Socket = websocket(listen(Config)),
    echoes(Socket, 1, 1),
    [Pid] = peer:call(?config(node, Config), farrier, connections, [reactor_handler]),
    ok = there(Config, deliver, [Pid, [{<<"c">>, 103}, {<<"a">>, 101}, {<<"b">>, 102}, {<<"d">>, 103}, {<<"e">>, 104}]]),
    [?assertEqual({1, Text}, raw_client:frame(Socket)) || Text <- [<<"a">>, <<"b">>, <<"c">>, <<"d">>, <<"e">>]],
    echoes(Socket, 1, 1),
    gen_tcp:close(Socket).

-spec large_messages_arrive_whole([term()]) -> ok.
large_messages_arrive_whole(Config) ->
    Port = listen(Config),
    in_parallel(8, fun(Number) ->
        Socket = websocket(Port),
        lists:foreach(fun(Round) ->
            Payload = crypto:hash(sha256, <<Number, Round>>),
            Message = binary:copy(Payload, (1 bsl (12 + Round)) div 32 + Number),
            ok = raw_client:send(Socket, oracle_frame:frame(2, Message)),
            ?assertEqual({2, Message}, raw_client:frame(Socket))
        end, lists:seq(1, 9)),
        gen_tcp:close(Socket)
    end).

-spec a_scheduler_reads_under_load([term()]) -> ok.
a_scheduler_reads_under_load(Config) ->
    Port = listen(Config),
    Before = reductions(Config),
    %% Where others need the machine a thread may read for a while.
    eventually:is(fun() ->
        load(Port, 40, 1, 500),
        reductions(Config) - Before > 10000
    end).

-spec few_messages_are_read_by_the_thread([term()]) -> ok.
few_messages_are_read_by_the_thread(Config) ->
    Socket = websocket(listen(Config)),
    Before = reductions(Config),
    echoes(Socket, 1, 1000),
    ?assert(reductions(Config) - Before < 1000),
    gen_tcp:close(Socket).

-spec a_suspended_reader_delays_nothing_for_long([term()]) -> ok.
a_suspended_reader_delays_nothing_for_long(Config) ->
    Port = listen(Config),
    Ref = make_ref(),
    Holders = [there(Config, suspended_while, [Pid, Ref]) || {Pid, _} <- there(Config, reactors, [])],
    load(Port, 20, 10, 100),
    [peer:call(?config(node, Config), erlang, send, [Holder, Ref]) || Holder <- Holders],
    load(Port, 20, 10, 100).

-spec readers_that_are_killed_under_load([term()]) -> ok.
readers_that_are_killed_under_load(Config) ->
    Port = listen(Config),
    Count = length(there(Config, reactors, [])),
    Load = start_load(Port, 40, 1, 1500),
    %% No more than their supervisor puts up with.
    [there(Config, kill_all, []) || _ <- lists:seq(1, 3)],
    await(Load),
    eventually:is(fun() -> length(there(Config, reactors, [])) =:= Count end),
    load(Port, 20, 10, 100).

%% Processes of connections that it has read for are not bound to it.
-spec a_reader_whose_scheduler_is_off_line([term()]) -> ok.
a_reader_whose_scheduler_is_off_line(Config) ->
    Node = ?config(node, Config),
    Online = peer:call(Node, erlang, system_info, [schedulers_online]),
    restart(Config, Online),
    Port = listen(Config),
    Socket = websocket(Port),
    load(Port, 40, 1, 300),
    Online = peer:call(Node, erlang, system_flag, [schedulers_online, 1]),
    echoes(Socket, 1, 1),
    load(Port, 40, 1, 300),
    1 = peer:call(Node, erlang, system_flag, [schedulers_online, Online]),
    load(Port, 40, 1, 300),
    restart(Config, default).

%% Each works for longer than reading takes: they are not to wait for one another on the scheduler that reads.
-spec handlers_that_work_have_all_schedulers([term()]) -> ok.
handlers_that_work_have_all_schedulers(Config) ->
    Port = listen(Config),
    Results = in_parallel(16, fun(_) ->
        Socket = websocket(Port),
        Schedulers = [begin
            ok = raw_client:send(Socket, oracle_frame:text(<<"work">>)),
            {1, Scheduler} = raw_client:frame(Socket),
            Scheduler
        end || _ <- lists:seq(1, 60)],
        gen_tcp:close(Socket),
        Schedulers
    end),
    Schedulers = lists:usort(lists:append(Results)),
    Online = peer:call(?config(node, Config), erlang, system_info, [schedulers_online]),
    ?assert(length(Schedulers) > 1 orelse Online =:= 1).

-spec connections_end_under_load([term()]) -> ok.
connections_end_under_load(Config) ->
    Port = listen(Config),
    Load = start_load(Port, 30, 1, 1000),
    in_parallel(10, fun(Number) ->
        [begin
            Socket = websocket(Port),
            echoes(Socket, Round, 1),
            End = case (Number + Round) rem 3 of
                0 -> oracle_frame:close(1000);
                1 -> oracle_frame:text(<<"die">>);
                2 -> <<>>
            end,
            ok = raw_client:send(Socket, End),
            _ = End =:= <<>> orelse raw_client:until_eof(Socket),
            gen_tcp:close(Socket)
         end || Round <- lists:seq(1, 30)]
    end),
    await(Load),
    Node = ?config(node, Config),
    eventually:is(fun() -> peer:call(Node, farrier, connections, [reactor_handler]) =:= [] end),
    %% A socket outlives its process by the time that the client takes to read.
    eventually:is(fun() ->
        #{connections := Connections, websockets := WebSockets} = peer:call(Node, farrier, info, [reactor_handler]),
        {Connections, WebSockets} =:= {0, 0}
    end).

%% What is compressed is read by the workers, whatever the reactors do.
-spec compressed_beside_clear([term()]) -> ok.
compressed_beside_clear(Config) ->
    Port = listen(Config),
    Load = start_load(Port, 30, 1, 1000),
    in_parallel(10, fun(Number) ->
        Socket = compressed(Port),
        Inflate = zlib:open(),
        ok = zlib:inflateInit(Inflate, -15),
        lists:foreach(fun(Round) ->
            Text = binary:copy(integer_to_binary(Number * 1000 + Round), 30),
            ok = raw_client:send(Socket, oracle_frame:text(Text)),
            <<16#C1, Length>> = raw_client:received(Socket, 2),
            Inflated = zlib:inflate(Inflate, [raw_client:received(Socket, Length), <<0, 0, 16#FF, 16#FF>>]),
            ?assertEqual(Text, iolist_to_binary(Inflated))
        end, lists:seq(1, 200)),
        gen_tcp:close(Socket)
    end),
    await(Load).

-spec the_application_stops_under_load([term()]) -> ok.
the_application_stops_under_load(Config) ->
    Port = listen(Config),
    Node = ?config(node, Config),
    Sockets = [websocket(Port) || _ <- lists:seq(1, 40)],
    Flood = [oracle_frame:text(<<"flood">>) || _ <- lists:seq(1, 1000)],
    [ok = raw_client:send(Socket, Flood) || Socket <- Sockets],
    [ok = peer:call(Node, application, stop, [App]) || App <- [cowboy, farrier]],
    {error, econnrefused} = gen_tcp:connect({127, 0, 0, 1}, Port, []),
    [?assertMatch({error, _}, drained(Socket)) || Socket <- Sockets],
    load(listen(Config), 20, 10, 100).

-spec without_reactors([term()]) -> ok.
without_reactors(Config) ->
    restart(Config, 0),
    Port = listen(Config),
    [] = there(Config, reactors, []),
    load(Port, 20, 10, 100),
    restart(Config, default).

%%% The node

-spec there([term()], atom(), [term()]) -> term().
there(Config, Function, Args) -> peer:call(?config(node, Config), reactor_handler, Function, Args, ?PATIENCE).

%% With so many reactors.
-spec restart([term()], non_neg_integer() | default) -> ok.
restart(Config, Reactors) ->
    Node = ?config(node, Config),
    _ = [peer:call(Node, application, stop, [App]) || App <- [cowboy, farrier]],
    ok = peer:call(Node, application, set_env, [farrier, reactors, Reactors]),
    {ok, _} = peer:call(Node, application, ensure_all_started, [cowboy], ?PATIENCE),
    ok.

-spec listen([term()]) -> inet:port_number().
listen(Config) -> there(Config, listen, []).

-spec reductions([term()]) -> non_neg_integer().
reductions(Config) -> lists:sum([Reductions || {_, Reductions} <- there(Config, reactors, [])]).

%%% Clients

-spec websocket(inet:port_number()) -> gen_tcp:socket().
websocket(Port) ->
    {Socket, _} = raw_client:upgraded(Port, raw_client:handshake()),
    Socket.

%% One whose messages are compressed (RFC 7692) in both directions, though it sends clear ones.
-spec compressed(inet:port_number()) -> gen_tcp:socket().
compressed(Port) ->
    Handshake = raw_client:handshake(<<"/compressed">>, [{"sec-websocket-extensions", "permessage-deflate"}]),
    {Socket, Head} = raw_client:upgraded(Port, Handshake),
    {_, _} = binary:match(Head, <<"permessage-deflate">>),
    Socket.

%% Several connections at a time: `Rounds' batches of `Batch' numbered messages on each, all of which come back in their order.
-spec load(inet:port_number(), pos_integer(), pos_integer(), pos_integer()) -> ok.
load(Port, Count, Batch, Rounds) -> await(start_load(Port, Count, Batch, Rounds)).

-spec start_load(inet:port_number(), pos_integer(), pos_integer(), pos_integer()) -> [{pid(), reference()}].
start_load(Port, Count, Batch, Rounds) ->
    start(Count, fun(_) ->
        Socket = websocket(Port),
        echoes(Socket, Batch, Rounds),
        ok = gen_tcp:close(Socket)
    end).

-spec await([{pid(), reference()}]) -> ok.
await(Clients) ->
    _ = results(Clients),
    ok.

-spec echoes(gen_tcp:socket(), pos_integer(), non_neg_integer()) -> ok.
echoes(_, _, 0) ->
    ok;
echoes(Socket, Batch, Rounds) ->
    Texts = [integer_to_binary(Rounds * Batch + Number) || Number <- lists:seq(1, Batch)],
    ok = raw_client:send(Socket, [oracle_frame:text(Text) || Text <- Texts]),
    Expected = << <<16#81, (byte_size(Text)), Text/binary>> || Text <- Texts >>,
    ?assertEqual(Expected, raw_client:received(Socket, byte_size(Expected))),
    echoes(Socket, Batch, Rounds - 1).

%% What ends a socket from which nothing is missed.
-spec drained(gen_tcp:socket()) -> {error, term()}.
drained(Socket) ->
    case gen_tcp:recv(Socket, 0, ?PATIENCE) of
        {ok, _} -> drained(Socket);
        {error, _} = Error -> Error
    end.

-spec in_parallel(pos_integer(), fun((pos_integer()) -> Result)) -> [Result].
in_parallel(Count, Fun) -> results(start(Count, Fun)).

-spec start(pos_integer(), fun((pos_integer()) -> term())) -> [{pid(), reference()}].
start(Count, Fun) -> [spawn_monitor(fun() -> exit({result, Fun(Number)}) end) || Number <- lists:seq(1, Count)].

-spec results([{pid(), reference()}]) -> [term()].
results(Clients) ->
    [receive
        {'DOWN', Monitor, process, Pid, {result, Result}} -> Result;
        {'DOWN', Monitor, process, Pid, Reason} -> ct:fail(Reason)
     end || {Pid, Monitor} <- Clients].
