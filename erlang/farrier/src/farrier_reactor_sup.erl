%% The processes that read for the native side's reactors: none before the NIF bridge starts, then one for each.
-module(farrier_reactor_sup).
-behaviour(supervisor).

-export([start_link/0, start_reactors/0]).
-export([init/1]).

-spec start_link() -> supervisor:startlink_ret().
start_link() ->
    supervisor:start_link({local, ?MODULE}, ?MODULE, []).

%% @doc Gives each running reactor a process, unless it has one, on schedulers far from each other. Without the application nobody
%% keeps one, and the reactors read by themselves.
-spec start_reactors() -> ok.
start_reactors() ->
    _ = is_pid(whereis(?MODULE)) andalso [supervisor:start_child(?MODULE, Child) || Child <- reactors()],
    ok.

%% One that is restarted finds the reactors running.
-spec init([]) -> {ok, {supervisor:sup_flags(), [supervisor:child_spec()]}}.
init([]) ->
    {ok, {#{strategy => one_for_one, intensity => 10, period => 10}, reactors()}}.

%% The NIF is not loaded for this: the node may run on ports alone.
-spec reactors() -> [supervisor:child_spec()].
reactors() ->
    case erlang:module_loaded(farrier_nif) of
        true -> children(farrier_nif:reactors());
        false -> []
    end.

-spec children([farrier_nif:reactor()]) -> [supervisor:child_spec()].
children(Reactors) ->
    Count = length(Reactors),
    Online = erlang:system_info(schedulers_online),
    [#{id => Number, start => {farrier_reactor, start_link, [Reactor, Number * Online div Count + 1]}}
        || {Number, Reactor} <- lists:zip(lists:seq(0, Count - 1), Reactors)].
