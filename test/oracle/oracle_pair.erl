%% @doc Real Cowboy and farrier side by side for a suite: their nodes, scenarios played against both or against farrier
%% alone, and the differences.
%%
%% Tables are lists of `{Name, Scenarios}'; see `oracle_run' for what a scenario is.
-module(oracle_pair).

-export([start/1, stop/1, seen/2, compare/2, compare/3, expected/4]).

-type tables() :: [{atom(), [map()]}].

%% For init_per_suite/1: the nodes are `oracle' and `farrier' in the configuration.
-spec start([term()]) -> [term()] | {fail, string()}.
start(Config) ->
    case {oracle_node:oracle_path(), oracle_node:farrier_path()} of
        {{ok, Oracle}, {ok, Farrier}} ->
            [{oracle, oracle_node:hold(Oracle)}, {farrier, oracle_node:hold(Farrier)} | Config];
        {{error, missing}, _} ->
            {fail, "no real Cowboy to compare with: run `make deps', or name its directory in FARRIER_ORACLE_PLUGINS"};
        {_, {error, missing}} ->
            {fail, "farrier is not in the code path"}
    end.

%% For end_per_suite/1.
-spec stop([term()]) -> ok.
stop(Config) ->
    [ok = oracle_node:stop(proplists:get_value(Node, Config)) || Node <- [oracle, farrier]],
    ok.

%% What is seen of Cowboy and of farrier, at the same time.
-spec seen(map(), [term()]) -> {Cowboy :: oracle_run:result(), Farrier :: oracle_run:result()}.
seen(Scenario, Config) ->
    Self = self(),
    Oracle = spawn_link(fun() -> Self ! {self(), oracle_run:scenario(node(oracle, Config), Scenario)} end),
    Farrier = oracle_run:scenario(node(farrier, Config), Scenario),
    receive {Oracle, Cowboy} -> {Cowboy, Farrier} end.

-spec node(oracle | farrier, [term()]) -> pid().
node(Name, Config) -> proplists:get_value(Name, Config).

%% Fails with the differences between the two.
-spec compare(tables(), [term()]) -> ok | no_return().
compare(Tables, Config) -> compare(Tables, fun(Result) -> Result end, Config).

%% The same where a result holds what two runs never have in common: the fun takes that out.
-spec compare(tables(), fun((oracle_run:result()) -> oracle_run:result()), [term()]) -> ok | no_return().
compare(Tables, Normal, Config) ->
    report(1, Tables, fun(Scenario) ->
        {Cowboy, Farrier} = seen(Scenario, Config),
        oracle_compare:same(Scenario, Normal(Cowboy), Normal(Farrier))
    end).

%% Fails with the differences of farrier from what the scenarios expect. They are numbered from `From', apart from those
%% of the suite's other cases; what a scenario does not say, `Default' says.
-spec expected(pos_integer(), map(), tables(), [term()]) -> ok | no_return().
expected(From, Default, Tables, Config) ->
    report(From, Tables, fun(Own) ->
        Scenario = maps:merge(Default, Own),
        oracle_compare:expected(Scenario, oracle_run:scenario(node(farrier, Config), Scenario))
    end).

-spec report(pos_integer(), tables(), fun((map()) -> [term()])) -> ok | no_return().
report(From, Tables, Differences) ->
    failed([{Table, maps:get(name, Scenario), Found}
            || {Id, {Table, Scenario}} <- numbered(From, Tables),
               Found <- [Differences(Scenario#{id => Id})], Found =/= []]).

-spec numbered(pos_integer(), tables()) -> [{pos_integer(), {atom(), map()}}].
numbered(From, Tables) ->
    All = [{Table, Scenario} || {Table, Scenarios} <- Tables, Scenario <- Scenarios],
    lists:zip(lists:seq(From, From + length(All) - 1), All).

-spec failed([{atom(), string(), [term()]}]) -> ok | no_return().
failed([]) -> ok;
failed(Failed) ->
    [ct:pal("~s: ~ts~n~ts", [Table, Name, [["  ", io_lib:format("~tp", [D]), "\n"] || D <- Found]])
     || {Table, Name, Found} <- Failed],
    ct:fail({length(Failed), [{Table, Name} || {Table, Name, _} <- Failed]}).
