%% @doc Whatever clients, handlers and operators do, the node answers, memory stays flat, and nothing is left behind.
%%
%% The server is a VM of its own, so that its processes, descriptors and memory are not mixed up with the clients'.
-module(abuse_SUITE).

-include_lib("common_test/include/ct.hrl").

-export([all/0, suite/0, init_per_suite/1, end_per_suite/1, init_per_testcase/2, end_per_testcase/2]).
-export([clients_that_never_read/1, a_reply_that_nobody_reads/1, handlers_that_never_return/1,
    ten_thousand_connects_and_aborts/1,
         handlers_killed_while_they_send/1, stop_listener_with_open_connections/1,
         applications_restarted_with_open_connections/1,
         a_node_halted_under_load/1, slow_handshakes/1, endless_handshakes/1, messages_byte_by_byte/1]).

-import(oracle_frame, [text/1, frame/3]).

%% Resident memory of a VM wavers; what leaks per connection or byte below is far above this.
-define(SLACK, 32 * 1024).

-spec suite() -> [term()].
suite() -> [{timetrap, {seconds, 60}}].

-spec all() -> [atom()].
all() ->
    [clients_that_never_read, a_reply_that_nobody_reads, handlers_that_never_return, ten_thousand_connects_and_aborts,
     handlers_killed_while_they_send, stop_listener_with_open_connections, applications_restarted_with_open_connections,
     a_node_halted_under_load, slow_handshakes, endless_handshakes, messages_byte_by_byte].

-spec init_per_suite([term()]) -> [term()].
init_per_suite(Config) ->
    {ok, Path} = oracle_node:farrier_path(),
    [{node, oracle_node:hold(Path)}, {path, Path} | Config].

-spec end_per_suite([term()]) -> ok.
end_per_suite(Config) -> oracle_node:stop(?config(node, Config)).

-spec init_per_testcase(atom(), [term()]) -> [term()].
init_per_testcase(Case, Config) ->
    Port = there(Config, listen, [options(Case)]),
    answers(Port),
    [{port, Port}, {before, there(Config, counts, [])} | Config].

-spec options(atom()) -> map().
options(slow_handshakes) -> #{request_timeout => 300};
options(_) -> #{}.

-spec end_per_testcase(atom(), [term()]) -> ok.
end_per_testcase(_, Config) ->
    _ = there(Config, unlisten, []),
    ok.

%%% Cases

-spec clients_that_never_read([term()]) -> ok.
clients_that_never_read(Config) ->
    Sockets = [asked(<<"flood">>, Config) || _ <- lists:seq(1, 30)],
    eventually:is(fun() -> waiting(Config) >= 30 end),
    [begin answers(?config(port, Config)), flat(Config) end || _ <- lists:seq(1, 10)],
    close(Sockets),
    nothing_is_left(Config).

-spec a_reply_that_nobody_reads([term()]) -> ok.
a_reply_that_nobody_reads(Config) ->
    Sockets = [asked(<<"one flood">>, Config) || _ <- lists:seq(1, 4)],
    answers(?config(port, Config)),
    close(Sockets),
    nothing_is_left(Config).

%% What such a handler's client goes on sending must not pile up anywhere but in the client.
-spec handlers_that_never_return([term()]) -> ok.
handlers_that_never_return(Config) ->
    Sockets = [asked(<<"hang">>, Config) || _ <- lists:seq(1, 10)],
    eventually:is(fun() -> length(connections(Config)) >= 10 end),
    %% A close would wait for what is still to be sent.
    [ok = inet:setopts(Socket, [{send_timeout, 200}, {linger, {true, 0}}]) || Socket <- Sockets],
    [{error, timeout} = pour(Socket) || Socket <- Sockets],
    answers(?config(port, Config)),
    flat(Config),
    close(Sockets),
    [peer:call(?config(node, Config), erlang, send, [Pid, go]) || Pid <- connections(Config)],
    nothing_is_left(Config).

-spec ten_thousand_connects_and_aborts([term()]) -> ok.
ten_thousand_connects_and_aborts(Config) ->
    Port = ?config(port, Config),
    abort(Port, 2000),
    #{kilobytes := Warm} = there(Config, counts, []),
    abort(Port, 8000),
    answers(Port),
    #{kilobytes := Now} = there(Config, counts, []),
    true = Now < Warm + ?SLACK,
    nothing_is_left(Config).

-spec handlers_killed_while_they_send([term()]) -> ok.
handlers_killed_while_they_send(Config) ->
    Sockets = [asked(<<"flood">>, Config) || _ <- lists:seq(1, 20)],
    eventually:is(fun() -> waiting(Config) >= 20 end),
    [peer:call(?config(node, Config), erlang, exit, [Pid, kill]) || Pid <- connections(Config)],
    answers(?config(port, Config)),
    nothing_is_left(Config),
    close(Sockets).

-spec stop_listener_with_open_connections([term()]) -> ok.
stop_listener_with_open_connections(Config) ->
    Port = ?config(port, Config),
    Sockets = [open(Port) || _ <- lists:seq(1, 200)] ++ [asked(<<"flood">>, Config) || _ <- lists:seq(1, 10)],
    ok = there(Config, unlisten, []),
    {error, econnrefused} = gen_tcp:connect({127, 0, 0, 1}, Port, []),
    [ended(Socket) || Socket <- Sockets],
    nothing_is_left(Config).

-spec applications_restarted_with_open_connections([term()]) -> ok.
applications_restarted_with_open_connections(Config) ->
    Node = ?config(node, Config),
    Sockets = [open(?config(port, Config)) || _ <- lists:seq(1, 50)] ++
        [asked(<<"flood">>, Config) || _ <- lists:seq(1, 5)],
    [ok = peer:call(Node, application, stop, [App]) || App <- [cowboy, farrier]],
    [ended(Socket) || Socket <- Sockets],
    {ok, _} = peer:call(Node, application, ensure_all_started, [cowboy]),
    answers(there(Config, listen, [#{}])),
    nothing_is_left(Config).

-spec a_node_halted_under_load([term()]) -> ok.
a_node_halted_under_load(Config) ->
    [0 = halted(?config(path, Config)) || _ <- [1, 2, 3]],
    ok.

-spec slow_handshakes([term()]) -> ok.
slow_handshakes(Config) ->
    Sockets = [begin
                   Socket = connect(?config(port, Config)),
                   ok = gen_tcp:send(Socket, binary:part(iolist_to_binary(oracle_run:handshake()), 0, Size)),
                   Socket
               end || Size <- lists:seq(1, 100)],
    answers(?config(port, Config)),
    [ended(Socket) || Socket <- Sockets],
    nothing_is_left(Config).

-spec endless_handshakes([term()]) -> ok.
endless_handshakes(Config) ->
    Filler = binary:copy(<<"x">>, 65536),
    Starts = [<<"GET /">>, <<"GET /ws HTTP/1.1\r\nx: ">>, <<"GET /ws HTTP/1.1\r\nx">>, <<>>],
    [begin
         Socket = connect(?config(port, Config)),
         _ = gen_tcp:send(Socket, Start),
         {error, _} = pour(Socket, Filler, 1000),
         ok = gen_tcp:close(Socket)
     end || Start <- Starts, _ <- lists:seq(1, 5)],
    flat(Config),
    nothing_is_left(Config).

-spec messages_byte_by_byte([term()]) -> ok.
messages_byte_by_byte(Config) ->
    Sockets = [open(?config(port, Config)) || _ <- lists:seq(1, 100)],
    Message = <<"one byte at a time">>,
    [[ok = gen_tcp:send(Socket, <<Byte>>) || Socket <- Sockets] || <<Byte>> <= text(Message)],
    [{ok, <<16#81, 18, Message:18/binary>>} = gen_tcp:recv(Socket, 20, 5000) || Socket <- Sockets],
    close(Sockets),
    nothing_is_left(Config).

%%% The server's side

-spec there([term()], atom(), [term()]) -> term().
there(Config, Function, Args) -> peer:call(?config(node, Config), abuse_handler, Function, Args, 20000).

-spec connections([term()]) -> [pid()].
connections(Config) -> peer:call(?config(node, Config), ranch, procs, [abuse_handler, connections]).

%% Connections whose process rests, be it that it waits for its client.
-spec waiting([term()]) -> non_neg_integer().
waiting(Config) ->
    length([Pid || Pid <- connections(Config),
                   peer:call(?config(node, Config), erlang, process_info, [Pid, status]) =:= {status, waiting}]).

-spec flat([term()]) -> ok.
flat(Config) ->
    #{kilobytes := Before} = ?config(before, Config),
    #{kilobytes := Now} = there(Config, counts, []),
    case Now < Before + ?SLACK of
        true -> ok;
        false -> ct:fail("resident memory grew from ~b to ~b KiB", [Before, Now])
    end.

-spec nothing_is_left([term()]) -> ok.
nothing_is_left(Config) ->
    Before = ?config(before, Config),
    eventually:is(fun() -> not more(there(Config, counts, []), Before) end,
        fun() -> ct:fail("left behind: ~p before, ~p now", [Before, there(Config, counts, [])]) end).

-spec more(map(), map()) -> boolean().
more(#{processes := P, descriptors := D}, #{processes := Processes, descriptors := Descriptors}) ->
    P > Processes orelse D > Descriptors.

%% Runs a node of its own, loads it, has it halt, and tells its exit status.
-spec halted([file:filename()]) -> non_neg_integer().
halted(Path) ->
    Args = lists:append([["-pa", Dir] || Dir <- [filename:dirname(code:which(abuse_handler)) | Path]])
           ++ ["-noshell", "-kernel", "logger_level", "none", "-s", "abuse_handler", "main"],
    Erl = open_port({spawn_executable, os:find_executable("erl")},
                    [{args, Args}, {env, [{"ERL_LIBS", ""}, {"ERL_CRASH_DUMP_BYTES", "0"}]}, {line, 100}, exit_status,
                        stderr_to_stdout, binary]),
    Port = receive {Erl, {data, {eol, <<"port ", Digits/binary>>}}} -> binary_to_integer(Digits) end,
    [Swallower | Players] = [open(Port) || _ <- lists:seq(1, 21)],
    Load = [spawn_link(fun() -> ping_pong(Player) end) || Player <- Players] ++ [spawn_link(fun() -> swallow(Swallower) end)],
    receive after 200 -> ok end,
    true = port_command(Erl, <<"halt\n">>),
    Status = receive {Erl, {exit_status, S}} -> S end,
    [begin unlink(Pid), exit(Pid, kill) end || Pid <- Load],
    Status.

-spec ping_pong(gen_tcp:socket()) -> ok.
ping_pong(Socket) ->
    _ = gen_tcp:send(Socket, text(<<"ping">>)),
    case gen_tcp:recv(Socket, 6) of
        {ok, _} -> ping_pong(Socket);
        {error, _} -> ok
    end.

-spec swallow(gen_tcp:socket()) -> ok.
swallow(Socket) ->
    ok = gen_tcp:send(Socket, text(<<"flood">>)),
    until_closed(Socket).

-spec until_closed(gen_tcp:socket()) -> ok.
until_closed(Socket) ->
    case gen_tcp:recv(Socket, 0, 20000) of
        {ok, _} -> until_closed(Socket);
        {error, Reason} when Reason =/= timeout -> ok
    end.

%%% The clients' side

-spec connect(inet:port_number()) -> gen_tcp:socket().
connect(Port) ->
    {ok, Socket} = gen_tcp:connect({127, 0, 0, 1}, Port, [binary, {active, false}, {nodelay, true}, {buffer, 4096}]),
    Socket.

-spec open(inet:port_number()) -> gen_tcp:socket().
open(Port) ->
    Socket = connect(Port),
    ok = gen_tcp:send(Socket, oracle_run:handshake()),
    head(Socket, <<>>),
    Socket.

%% Byte by byte: what follows the head is not the head's.
-spec head(gen_tcp:socket(), binary()) -> ok.
head(Socket, Head) ->
    case binary:longest_common_suffix([Head, <<"\r\n\r\n">>]) of
        4 -> <<"HTTP/1.1 101", _/binary>> = Head, ok;
        _ ->
            {ok, Byte} = gen_tcp:recv(Socket, 1, 10000),
            head(Socket, <<Head/binary, Byte/binary>>)
    end.

-spec asked(binary(), [term()]) -> gen_tcp:socket().
asked(Text, Config) ->
    Socket = open(?config(port, Config)),
    ok = gen_tcp:send(Socket, text(Text)),
    Socket.

%% The node is there for others: within the time in which a person would call it slow.
-spec answers(inet:port_number()) -> ok.
answers(Port) ->
    Socket = open(Port),
    ok = gen_tcp:send(Socket, text(<<"hello">>)),
    {ok, <<16#81, 5, "hello">>} = gen_tcp:recv(Socket, 7, 3000),
    gen_tcp:close(Socket).

%% Sends up to 64 MiB, or as much as is taken.
-spec pour(gen_tcp:socket()) -> ok | {error, term()}.
pour(Socket) -> pour(Socket, frame(2, binary:copy(<<"x">>, 65536), #{}), 1000).

-spec pour(gen_tcp:socket(), binary(), non_neg_integer()) -> ok | {error, term()}.
pour(_, _, 0) -> ok;
pour(Socket, Bytes, Times) ->
    case gen_tcp:send(Socket, Bytes) of
        ok -> pour(Socket, Bytes, Times - 1);
        {error, _} = Error -> Error
    end.

-spec close([gen_tcp:socket()]) -> ok.
close(Sockets) -> lists:foreach(fun gen_tcp:close/1, Sockets).

-spec ended(gen_tcp:socket()) -> ok.
ended(Socket) -> until_closed(Socket), gen_tcp:close(Socket).

%% Connections that end in every state of their life, fifty at a time.
-spec abort(inet:port_number(), pos_integer()) -> ok.
abort(Port, Count) ->
    Workers = [spawn_monitor(fun() -> [abort_one(Port, N rem 5) || N <- lists:seq(1, Count div 50)] end)
        || _ <- lists:seq(1, 50)],
    [receive {'DOWN', Ref, process, Pid, Reason} -> normal = Reason end || {Pid, Ref} <- Workers],
    ok.

-spec abort_one(inet:port_number(), 0..4) -> ok.
abort_one(Port, State) ->
    Socket = connect(Port),
    _ = gen_tcp:send(Socket, aborted(State)),
    _ = State =:= 4 andalso gen_tcp:recv(Socket, 0, 5000),
    ok = inet:setopts(Socket, [{linger, {true, 0}}]),
    gen_tcp:close(Socket).

-spec aborted(0..4) -> iodata().
aborted(0) -> <<>>;
aborted(1) -> <<"GET /ws HTTP/1.1\r\nhost: loc">>;
aborted(2) -> oracle_run:handshake();
aborted(3) -> [oracle_run:handshake(), text(<<"hello">>)];
aborted(4) -> [oracle_run:handshake(), text(<<"hello">>), binary:part(text(<<"half">>), 0, 5)].
