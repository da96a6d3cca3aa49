%% @doc The processes of the operating system that serve connections, each with the Erlang process that owns it. Started with
%% the first listener that needs them.
%%
%% One that ends is started again by its supervisor, after a pause if it has not lived for long: this keeps within the
%% supervisor's intensity whatever happens, so that a transport that cannot live ends no node.
-module(farrier_port_sup).
-behaviour(supervisor).

-export([start_link/0, ensure_started/1, stop/0, numbers/0, age/1, init/1]).

%% More than pauses allow.
-define(INTENSITY, 100).

-spec start_link() -> supervisor:startlink_ret().
start_link() ->
    supervisor:start_link({local, ?MODULE}, ?MODULE, []).

%% @doc Starts those that do not run. Options: `processes' (schedulers online), `log_level', `workers' (threads of each, 1).
-spec ensure_started(map()) -> ok | {error, term()}.
ensure_started(Options) ->
    Count = maps:get(processes, Options, erlang:system_info(schedulers_online)),
    ensure_started(1, Count, maps:remove(processes, Options)).

-spec ensure_started(pos_integer(), pos_integer(), map()) -> ok | {error, term()}.
ensure_started(Number, Count, _) when Number > Count ->
    ok;
ensure_started(Number, Count, Options) ->
    Start = {farrier_port_process, start_link, [Number, Options]},
    case supervisor:start_child(?MODULE, #{id => Number, start => Start, shutdown => 5000}) of
        {ok, _} -> ensure_started(Number + 1, Count, Options);
        {error, {already_started, _}} -> ensure_started(Number + 1, Count, Options);
        {error, already_present} -> ensure_started(Number + 1, Count, Options);
        {error, {Reason, _Child}} -> {error, Reason}
    end.

%% @doc Ends them all.
-spec stop() -> ok.
stop() ->
    lists:foreach(fun(Number) ->
        _ = supervisor:terminate_child(?MODULE, Number),
        supervisor:delete_child(?MODULE, Number)
    end, numbers()).

%% @doc The numbers of the processes.
-spec numbers() -> [pos_integer()].
numbers() ->
    lists:sort([Number || {Number, _, _, _} <- supervisor:which_children(?MODULE)]).

%% @doc The milliseconds since the process of this number was last started, which it is now.
-spec age(pos_integer()) -> non_neg_integer() | infinity.
age(Number) ->
    Now = erlang:monotonic_time(millisecond),
    Before = ets:lookup(?MODULE, Number),
    true = ets:insert(?MODULE, {Number, Now}),
    case Before of
        [{_, Then}] -> Now - Then;
        [] -> infinity
    end.

%% The table outlives the processes whose times are in it.
-spec init([]) -> {ok, {supervisor:sup_flags(), [supervisor:child_spec()]}}.
init([]) ->
    ?MODULE = ets:new(?MODULE, [named_table, public]),
    {ok, {#{strategy => one_for_one, intensity => ?INTENSITY, period => 1}, []}}.
