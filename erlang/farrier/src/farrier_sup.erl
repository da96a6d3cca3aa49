%% The root: the native side's log, its reactors' processes, the ports, and one supervisor per listener.
-module(farrier_sup).
-behaviour(supervisor).

-export([start_link/0, init/1]).

-spec start_link() -> supervisor:startlink_ret().
start_link() ->
    supervisor:start_link({local, ?MODULE}, ?MODULE, []).

%% The table outlives every listener and acceptor that registers in it.
-spec init([]) -> {ok, {supervisor:sup_flags(), [supervisor:child_spec()]}}.
init([]) ->
    ok = farrier_listener:create_registry(),
    Log = #{id => farrier_log, start => {farrier_log, start_link, []}},
    Reactors = #{id => farrier_reactor_sup, start => {farrier_reactor_sup, start_link, []}, type => supervisor, shutdown => infinity},
    Ports = #{id => farrier_port_sup, start => {farrier_port_sup, start_link, []}, type => supervisor, shutdown => infinity},
    {ok, {#{strategy => one_for_one, intensity => 10, period => 10}, [Log, Reactors, Ports]}}.
