%% The processes that read for the native side's reactors: none before the NIF bridge starts, then one for each.
-module(farrier_reactor_sup).
-behaviour(supervisor).

-export([start_link/0, start_reactors/0]).
-export([init/1]).

-spec start_link() -> supervisor:startlink_ret().
start_link() ->
    supervisor:start_link({local, ?MODULE}, ?MODULE, []).

%% @doc Gives each running reactor a process, on schedulers far from each other. Without the application nobody keeps one, and the
%% reactors read by themselves.
-spec start_reactors() -> ok.
start_reactors() ->
    Reactors = farrier_nif:reactors(),
    Numbers = lists:seq(0, length(Reactors) - 1),
    is_pid(whereis(?MODULE)) andalso
        lists:foreach(fun({Number, Reactor}) -> start_reactor(Number, length(Reactors), Reactor) end, lists:zip(Numbers, Reactors)),
    ok.

-spec start_reactor(non_neg_integer(), pos_integer(), farrier_nif:reactor()) -> ok.
start_reactor(Number, Count, Reactor) ->
    Scheduler = Number * erlang:system_info(schedulers_online) div Count + 1,
    Child = #{id => Number, start => {farrier_reactor, start_link, [Reactor, Scheduler]}},
    _ = supervisor:start_child(?MODULE, Child),
    ok.

-spec init([]) -> {ok, {supervisor:sup_flags(), [supervisor:child_spec()]}}.
init([]) ->
    {ok, {#{strategy => one_for_one, intensity => 10, period => 10}, []}}.
