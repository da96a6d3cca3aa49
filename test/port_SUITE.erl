%% @doc The transport in processes of the operating system: what happens when one of them is lost, stopped, missing or of another build,
%% and that none of them stays behind.
-module(port_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-export([all/0, suite/0, init_per_suite/1, end_per_suite/1, end_per_testcase/2]).
-export([connections_are_spread_over_all_processes/1, info_tells_the_bridge/1, a_killed_process_ends_its_connections_only/1,
         two_thousand_connections_survive_no_kill_but_their_own/1, requests_end_with_their_process/1, all_processes_are_killed/1,
         a_process_that_is_killed_again_and_again/1, a_stopped_process_holds_senders_no_longer_than_send_timeout/1,
         close_frames_wait_for_room_in_the_pipe/1, close_frames_outlive_the_application/1,
         max_connections_hold_over_all_processes/1, a_taken_port_is_refused/1, a_suspended_listener_stays_suspended/1,
         nothing_outlives_the_application/1, nothing_outlives_the_node/1, another_build_is_refused/1,
         without_the_program_there_is_a_sentence/1, auto_is_the_port_where_the_nif_is_missing/1, both_bridges_in_one_node/1]).

-define(PATIENCE, 20000).

-spec suite() -> [term()].
suite() -> [{timetrap, {seconds, 120}}].

-spec all() -> [atom()].
all() -> cowboy_suite:cases(?MODULE) -- [end_per_testcase].

-spec init_per_suite([term()]) -> [term()].
init_per_suite(Config) ->
    {ok, Path} = oracle_node:farrier_path(),
    [{path, Path}, {node, oracle_node:hold(Path, port)} | Config].

-spec end_per_suite([term()]) -> ok.
end_per_suite(Config) -> oracle_node:stop(?config(node, Config)).

-spec end_per_testcase(atom(), [term()]) -> ok.
end_per_testcase(_, Config) ->
    _ = there(Config, unlisten, []),
    ok.

%%% Cases

-spec connections_are_spread_over_all_processes([term()]) -> ok.
connections_are_spread_over_all_processes(Config) ->
    Port = listen(Config),
    Sockets = [websocket(Port) || _ <- lists:seq(1, 60)],
    [?assert(length(sockets_of(Os, Port)) > 5) || Os <- processes_of(Config)],
    [echoes(Socket) || Socket <- Sockets],
    close(Sockets).

-spec info_tells_the_bridge([term()]) -> ok.
info_tells_the_bridge(Config) ->
    _ = listen(Config),
    #{bridge := port, connections := 0} = there(Config, info, []),
    ok.

-spec a_killed_process_ends_its_connections_only([term()]) -> ok.
a_killed_process_ends_its_connections_only(Config) ->
    killed(60, Config).

-spec two_thousand_connections_survive_no_kill_but_their_own([term()]) -> ok.
two_thousand_connections_survive_no_kill_but_their_own(Config) ->
    killed(2000, Config).

-spec killed(pos_integer(), [term()]) -> ok.
killed(Count, Config) ->
    Port = listen(Config),
    Sockets = [websocket(Port) || _ <- lists:seq(1, Count)],
    [Killed | _] = processes_of(Config),
    ok = there(Config, begin_log, []),
    Doomed = length(sockets_of(Killed, Port)),
    kill(Killed),
    eventually:is(fun() -> length(there(Config, ended, [])) =:= Doomed end),
    ?assertEqual([{error, closed}], lists:usort(there(Config, ended, []))),
    Living = [Socket || Socket <- Sockets, lives(Socket)],
    ?assertEqual(Count - Doomed, length(Living)),
    eventually:is(fun() -> length(processes_of(Config)) =:= 2 andalso not lists:member(Killed, processes_of(Config)) end),
    eventually:is(fun() -> lists:all(fun(Os) -> listens(Os, Port) end, processes_of(Config)) end),
    Fresh = [websocket(Port) || _ <- lists:seq(1, 60)],
    [echoes(Socket) || Socket <- Fresh ++ Living],
    ?assertMatch([_ | _], [Text || Text <- there(Config, logged, []), string:find(Text, "farrier_port") =/= nomatch]),
    close(Fresh ++ Living).

%% A request's process waits for a body that never comes; a loop handler for nothing at all.
-spec requests_end_with_their_process([term()]) -> ok.
requests_end_with_their_process(Config) ->
    Port = listen(Config),
    Waiting = [request(Port, "GET /wait HTTP/1.1\r\nhost: x\r\n\r\n") || _ <- lists:seq(1, 10)],
    Reading = [request(Port, "POST /body HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n12345") || _ <- lists:seq(1, 10)],
    eventually:is(fun() -> length(peer:call(?config(node, Config), farrier, connections, [port_handler])) =:= 20 end),
    [kill(Os) || Os <- processes_of(Config)],
    eventually:is(fun() -> peer:call(?config(node, Config), farrier, connections, [port_handler]) =:= [] end),
    close(Waiting ++ Reading).

-spec all_processes_are_killed([term()]) -> ok.
all_processes_are_killed(Config) ->
    Port = listen(Config),
    Sockets = [websocket(Port) || _ <- lists:seq(1, 20)],
    [kill(Os) || Os <- processes_of(Config)],
    eventually:is(fun() -> length(there(Config, ended, [])) =:= 20 end),
    eventually:is(fun() -> reachable(Port) end),
    close(Sockets).

-spec a_process_that_is_killed_again_and_again([term()]) -> ok.
a_process_that_is_killed_again_and_again(Config) ->
    Port = listen(Config),
    lists:foreach(fun(_) ->
        eventually:is(fun() -> processes_of(Config) =/= [] end),
        [os:cmd("kill -KILL " ++ integer_to_list(Os)) || Os <- processes_of(Config)]
    end, lists:seq(1, 10)),
    eventually:is(fun() -> reachable(Port) end).

%% What is sent to it fills the pipe; nothing of the node may wait longer than that allows.
-spec a_stopped_process_holds_senders_no_longer_than_send_timeout([term()]) -> ok.
a_stopped_process_holds_senders_no_longer_than_send_timeout(Config) ->
    Port = listen(Config, #{send_timeout => 300}),
    Stopped = processes_of(Config),
    Sockets = [websocket(Port) || _ <- lists:seq(1, 4)],
    [ok = gen_tcp:send(Socket, oracle_frame:text(<<"flood">>)) || Socket <- Sockets],
    [_ = raw_client:received(Socket, 100000) || Socket <- Sockets],
    [signal("STOP", Os) || Os <- Stopped],
    eventually:is(fun() -> there(Config, ended, []) =:= lists:duplicate(4, {error, timeout}) end),
    [signal("CONT", Os) || Os <- Stopped],
    eventually:is(fun() -> there(Config, connections, []) =:= 0 end),
    echoes(websocket(Port)),
    close(Sockets).

%% No end of a connection's process may pass its last frames.
-spec close_frames_wait_for_room_in_the_pipe([term()]) -> ok.
close_frames_wait_for_room_in_the_pipe(Config) ->
    closed_while_pipes_are_full(fun() -> ok end, Config).

-spec close_frames_outlive_the_application([term()]) -> ok.
close_frames_outlive_the_application(Config) ->
    Node = ?config(node, Config),
    closed_while_pipes_are_full(fun() -> [ok = peer:cast(Node, application, stop, [App]) || App <- [cowboy, farrier]] end, Config),
    {ok, _} = peer:call(Node, application, ensure_all_started, [cowboy], ?PATIENCE),
    ok.

-spec closed_while_pipes_are_full(fun(() -> term()), [term()]) -> ok.
closed_while_pipes_are_full(Then, Config) ->
    Port = listen(Config),
    Sockets = [websocket(Port) || _ <- lists:seq(1, 100)],
    Stopped = processes_of(Config),
    [signal("STOP", Os) || Os <- Stopped],
    ok = there(Config, fill_pipes, []),
    ok = there(Config, tell_all, [leave]),
    eventually:is(fun() -> there(Config, ended, []) =:= lists:duplicate(100, stop) end),
    _ = Then(),
    [signal("CONT", Os) || Os <- Stopped],
    [?assertEqual({8, <<1000:16, "bye">>}, raw_client:frame(Socket)) || Socket <- Sockets],
    [?assertEqual(<<>>, raw_client:until_eof(Socket)) || Socket <- Sockets],
    close(Sockets).

-spec max_connections_hold_over_all_processes([term()]) -> ok.
max_connections_hold_over_all_processes(Config) ->
    Port = listen(Config, #{max_connections => 200}),
    Sockets = [websocket(Port) || _ <- lists:seq(1, 200)],
    200 = there(Config, connections, []),
    Waiting = request(Port, raw_client:handshake()),
    {error, timeout} = gen_tcp:recv(Waiting, 0, 300),
    200 = there(Config, connections, []),
    close(tl(Sockets)),
    <<"HTTP/1.1 101", _/binary>> = raw_client:head(Waiting),
    close([Waiting, hd(Sockets)]).

-spec a_taken_port_is_refused([term()]) -> ok.
a_taken_port_is_refused(Config) ->
    Port = listen(Config),
    Again = peer:call(?config(node, Config), farrier, start_listener,
        [again, #{port => Port, ip => {127, 0, 0, 1}, bridge => port, dispatch => []}]),
    ?assertMatch({error, _}, Again),
    ?assertNotEqual(nomatch, string:find(io_lib:format("~p", [Again]), "eaddrinuse")),
    close([websocket(Port)]).

-spec a_suspended_listener_stays_suspended([term()]) -> ok.
a_suspended_listener_stays_suspended(Config) ->
    Port = listen(Config),
    Node = ?config(node, Config),
    ok = peer:call(Node, farrier, suspend_listener, [port_handler]),
    {error, econnrefused} = gen_tcp:connect({127, 0, 0, 1}, Port, []),
    Before = processes_of(Config),
    [kill(Os) || Os <- Before],
    eventually:is(fun() -> length(processes_of(Config)) =:= 2 andalso processes_of(Config) -- Before =:= processes_of(Config) end),
    {error, econnrefused} = gen_tcp:connect({127, 0, 0, 1}, Port, []),
    ok = peer:call(Node, farrier, resume_listener, [port_handler]),
    eventually:is(fun() -> reachable(Port) end).

-spec nothing_outlives_the_application([term()]) -> ok.
nothing_outlives_the_application(Config) ->
    Port = listen(Config),
    Sockets = [websocket(Port) || _ <- lists:seq(1, 10)],
    Processes = processes_of(Config),
    Node = ?config(node, Config),
    [ok = peer:call(Node, application, stop, [App]) || App <- [cowboy, farrier]],
    eventually:is(fun() -> not lists:any(fun exists/1, Processes) end),
    {error, econnrefused} = gen_tcp:connect({127, 0, 0, 1}, Port, []),
    [] = [Key || {{farrier_shared, _} = Key, _} <- peer:call(Node, persistent_term, get, [])],
    {ok, _} = peer:call(Node, application, ensure_all_started, [cowboy]),
    close(Sockets).

-spec nothing_outlives_the_node([term()]) -> ok.
nothing_outlives_the_node(Config) ->
    Node = oracle_node:hold(?config(path, Config), port),
    Port = peer:call(Node, port_handler, listen, [#{}], ?PATIENCE),
    Processes = peer:call(Node, port_handler, processes_of, []),
    Socket = websocket(Port),
    kill(list_to_integer(peer:call(Node, os, getpid, []))),
    <<>> = raw_client:until_eof(Socket),
    eventually:is(fun() -> not lists:any(fun exists/1, Processes) end).

-spec another_build_is_refused([term()]) -> ok.
another_build_is_refused(Config) ->
    %% {farrier_port, <<"0.0.9">>} as the first packet.
    Hello = term_to_binary({farrier_port, <<"0.0.9">>}, [{minor_version, 2}]),
    Bytes = <<(byte_size(Hello)):32, Hello/binary>>,
    Escaped = [io_lib:format("\\~3.8.0b", [Byte]) || <<Byte>> <= Bytes],
    Program = ["#!/bin/sh\nprintf '", Escaped, "'\nexec cat >/dev/null\n"],
    Lib = library(?FUNCTION_NAME, [{"farrier_port", Program}], Config),
    {{error, Reason}, Said} = start_farrier(Lib, port),
    ?assertMatch({port_not_started, {version, <<"0.0.9">>, _}}, root(Reason)),
    ?assertNotEqual(nomatch, string:find(Said, "farrier cannot start")).

-spec without_the_program_there_is_a_sentence([term()]) -> ok.
without_the_program_there_is_a_sentence(Config) ->
    Lib = library(?FUNCTION_NAME, [], Config),
    {{error, Reason}, Said} = start_farrier(Lib, port),
    ?assertMatch({port_not_started, _}, root(Reason)),
    ?assertNotEqual(nomatch, string:find(Said, "rebar3 compile")).

-spec auto_is_the_port_where_the_nif_is_missing([term()]) -> ok.
auto_is_the_port_where_the_nif_is_missing(Config) ->
    {ok, Program} = file:read_file(filename:join(code:priv_dir(farrier), "farrier_port")),
    Lib = library(?FUNCTION_NAME, [{"farrier_port", Program}], Config),
    Node = node_with(Lib, auto),
    {ok, _} = peer:call(Node, application, ensure_all_started, [cowboy], ?PATIENCE),
    Port = peer:call(Node, port_handler, listen, [#{bridge => auto}], ?PATIENCE),
    #{bridge := port} = peer:call(Node, port_handler, info, []),
    echoes(websocket(Port)),
    oracle_node:stop(Node).

-spec both_bridges_in_one_node([term()]) -> ok.
both_bridges_in_one_node(Config) ->
    Port = listen(Config),
    Node = ?config(node, Config),
    {ok, _} = peer:call(Node, port_handler, listen_beside, [nif], ?PATIENCE),
    Other = peer:call(Node, farrier, get_port, [nif]),
    [echoes(websocket(P)) || P <- [Port, Other]],
    #{bridge := nif} = peer:call(Node, farrier, info, [nif]),
    ok = peer:call(Node, farrier, stop_listener, [nif]).

%%% Nodes

-spec there([term()], atom(), [term()]) -> term().
there(Config, Function, Args) -> peer:call(?config(node, Config), port_handler, Function, Args, ?PATIENCE).

-spec listen([term()]) -> inet:port_number().
listen(Config) -> listen(Config, #{}).

-spec listen([term()], map()) -> inet:port_number().
listen(Config, Options) ->
    Port = there(Config, listen, [Options]),
    eventually:is(fun() -> length(processes_of(Config)) =:= 2 end),
    Port.

%% A copy of the application with these programs and nothing else of the native part.
-spec library(atom(), [{string(), iodata()}], [term()]) -> file:filename().
library(Name, Programs, Config) ->
    Lib = filename:join([?config(priv_dir, Config), Name, "farrier"]),
    Ebin = filename:join(Lib, "ebin"),
    Priv = filename:join(Lib, "priv"),
    ok = filelib:ensure_path(Ebin),
    ok = filelib:ensure_path(Priv),
    From = filename:dirname(code:which(farrier)),
    [{ok, _} = file:copy(File, filename:join(Ebin, filename:basename(File))) || File <- filelib:wildcard(filename:join(From, "*"))],
    [begin
         File = filename:join(Priv, Program),
         ok = file:write_file(File, Content),
         ok = file:change_mode(File, 8#755)
     end || {Program, Content} <- Programs],
    Ebin.

%% A node that has that copy in its code path, and farrier not started.
-spec node_with(file:filename(), nif | port | auto) -> pid().
node_with(Ebin, Bridge) ->
    Dirs = [Ebin | [filename:dirname(code:which(Module)) || Module <- [?MODULE, cowboy, ranch]]],
    Args = lists:append([["-pa", Dir] || Dir <- lists:reverse(Dirs)]) ++ ["-farrier", "bridge", atom_to_list(Bridge)],
    {ok, Node, _} = peer:start(#{connection => standard_io, args => Args, env => [{"ERL_LIBS", ""}, {"ERL_FLAGS", ""}]}),
    Node.

%% What starting it returns, and what is logged meanwhile.
-spec start_farrier(file:filename(), nif | port | auto) -> {term(), string()}.
start_farrier(Ebin, Bridge) ->
    Node = node_with(Ebin, Bridge),
    ok = peer:call(Node, port_handler, begin_log, []),
    Result = peer:call(Node, application, ensure_all_started, [farrier], ?PATIENCE),
    Said = lists:append(peer:call(Node, port_handler, logged, [])),
    ok = peer:stop(Node),
    {Result, Said}.

-spec root(term()) -> term().
root({farrier, Reason}) -> root(Reason);
root({{Reason, {farrier_app, start, _}}, _}) -> root(Reason);
root({Reason, {farrier_app, start, _}}) -> root(Reason);
root(Reason) -> Reason.

%%% Processes of the operating system

-spec processes_of([term()]) -> [pos_integer()].
processes_of(Config) -> there(Config, processes_of, []).

-spec kill(pos_integer()) -> ok.
kill(Os) -> signal("KILL", Os).

-spec signal(string(), pos_integer()) -> ok.
signal(Signal, Os) ->
    "" = os:cmd(lists:concat(["kill -", Signal, " ", Os])),
    ok.

-spec exists(pos_integer()) -> boolean().
exists(Os) ->
    case file:read_file(lists:concat(["/proc/", Os, "/stat"])) of
        {ok, Stat} -> binary:match(Stat, <<") Z ">>) =:= nomatch;
        {error, _} -> false
    end.

%% The inodes of its connections to this port.
-spec sockets_of(pos_integer(), inet:port_number()) -> [binary()].
sockets_of(Os, Port) -> [Inode || {Inode, <<"01">>} <- sockets(Os, Port)].

-spec listens(pos_integer(), inet:port_number()) -> boolean().
listens(Os, Port) -> lists:keymember(<<"0A">>, 2, sockets(Os, Port)).

-spec sockets(pos_integer(), inet:port_number()) -> [{binary(), State :: binary()}].
sockets(Os, Port) ->
    Dir = lists:concat(["/proc/", Os, "/fd"]),
    {ok, Fds} = file:list_dir(Dir),
    Own = [Link || Fd <- Fds, {ok, Link} <- [file:read_link(filename:join(Dir, Fd))]],
    {ok, Table} = file:read_file("/proc/net/tcp"),
    Local = list_to_binary(io_lib:format("0100007F:~4.16.0B", [Port])),
    [{Inode, State} || Line <- binary:split(Table, <<"\n">>, [global]),
        [_, L, _, State, _, _, _, _, _, Inode | _] <- [binary:split(Line, <<" ">>, [global, trim_all])], L =:= Local,
        lists:member("socket:[" ++ binary_to_list(Inode) ++ "]", Own)].

%%% Clients

-spec websocket(inet:port_number()) -> gen_tcp:socket().
websocket(Port) ->
    {Socket, _} = raw_client:upgraded(Port, raw_client:handshake()),
    Socket.

-spec request(inet:port_number(), iodata()) -> gen_tcp:socket().
request(Port, Bytes) ->
    Socket = raw_client:open(Port),
    ok = gen_tcp:send(Socket, Bytes),
    Socket.

-spec echoes(gen_tcp:socket()) -> ok.
echoes(Socket) ->
    ok = gen_tcp:send(Socket, oracle_frame:text(<<"hello">>)),
    {1, <<"hello">>} = raw_client:frame(Socket),
    ok.

-spec lives(gen_tcp:socket()) -> boolean().
lives(Socket) ->
    _ = gen_tcp:send(Socket, oracle_frame:text(<<"hello">>)),
    case gen_tcp:recv(Socket, 7, ?PATIENCE) of
        {ok, <<16#81, 5, "hello">>} -> true;
        {error, _} -> false
    end.

-spec reachable(inet:port_number()) -> boolean().
reachable(Port) ->
    case gen_tcp:connect({127, 0, 0, 1}, Port, [binary, {active, false}]) of
        {ok, Socket} ->
            ok = gen_tcp:send(Socket, raw_client:handshake()),
            Answer = gen_tcp:recv(Socket, 12, 1000),
            ok = gen_tcp:close(Socket),
            Answer =:= {ok, <<"HTTP/1.1 101">>};
        {error, _} ->
            false
    end.

-spec close([gen_tcp:socket()]) -> ok.
close(Sockets) -> lists:foreach(fun gen_tcp:close/1, Sockets).
