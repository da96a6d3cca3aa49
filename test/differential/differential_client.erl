%% @doc A client that only writes what it is told, while another process reads all that comes.
%%
%% It works on `socket' and not on gen_tcp, whose driver gives up what it has not read yet once a write fails, and
%% here writing to a server that has closed is part of the plan.
-module(differential_client).

-export([play/2]).

-type step() :: {send, iodata()} | {pause, pos_integer()} | shutdown | reset.
-type result() :: #{wire := {closed | reset | timeout, binary()}, callbacks := [term()], exits := [term()], init_exits := [term()]}.
-export_type([step/0, result/0]).

%% No case is meant to come near it.
-define(PATIENCE, 2000).

-spec play(pid(), map()) -> result().
play(Peer, #{steps := Steps} = Scenario) ->
    Port = peer:call(Peer, oracle_node, listen, [Scenario], 10000),
    {ok, Socket} = socket:open(inet, stream, tcp),
    ok = socket:connect(Socket, #{family => inet, addr => {127, 0, 0, 1}, port => Port}),
    ok = socket:setopt(Socket, {tcp, nodelay}, true),
    Self = self(),
    Reader = spawn_link(fun() -> Self ! {self(), read(Socket, <<>>)} end),
    [step(Step, Socket) || Step <- Steps],
    Wire = receive {Reader, Read} -> Read end,
    _ = socket:close(Socket),
    {_, Trace} = peer:call(Peer, oracle_trace, finish, [?PATIENCE], 2 * ?PATIENCE),
    _ = peer:call(Peer, oracle_node, unlisten, [Scenario], 2 * ?PATIENCE),
    Trace#{wire => Wire}.

-spec read(socket:socket(), binary()) -> {closed | reset | timeout, binary()}.
read(Socket, Seen) ->
    case socket:recv(Socket, 0, ?PATIENCE) of
        {ok, Bytes} -> read(Socket, <<Seen/binary, Bytes/binary>>);
        {error, timeout} -> {timeout, Seen};
        {error, closed} -> {closed, Seen};
        {error, _} -> {reset, Seen}
    end.

-spec step(step(), socket:socket()) -> term().
step({send, Bytes}, Socket) -> socket:send(Socket, Bytes, ?PATIENCE);
step({pause, Time}, _) -> receive after Time -> ok end;
step(shutdown, Socket) -> socket:shutdown(Socket, write);
step(reset, Socket) ->
    _ = socket:setopt(Socket, {socket, linger}, #{onoff => true, linger => 0}),
    socket:close(Socket).
