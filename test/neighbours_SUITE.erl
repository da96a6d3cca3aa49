%% @doc What shares a listener with WebSocket handlers: loop handlers, sub-protocols, hooks, middlewares, stream handlers.
%%
%% Generation 2 is compared with the real Cowboy, as in oracle_SUITE; scenarios of the others carry what is expected.
-module(neighbours_SUITE).

-export([all/0, suite/0, init_per_suite/1, end_per_suite/1]).
-export([neighbours_of_generation_2_are_as_cowboys/1, neighbours_of_generation_2_are_as_the_contract_says/1,
         neighbours_of_generation_1_are_as_the_contract_says/1]).

-include_lib("common_test/include/ct.hrl").

-spec suite() -> [term()].
suite() -> [{timetrap, {seconds, 120}}].

-spec all() -> [atom()].
all() ->
    [neighbours_of_generation_2_are_as_cowboys, neighbours_of_generation_2_are_as_the_contract_says,
     neighbours_of_generation_1_are_as_the_contract_says].

-spec init_per_suite([term()]) -> [term()] | {fail, string()}.
init_per_suite(Config) ->
    case {oracle_node:oracle_path(), oracle_node:farrier_path()} of
        {{ok, Oracle}, {ok, Farrier}} ->
            [{oracle, oracle_node:hold(Oracle)}, {farrier, oracle_node:hold(Farrier)} | Config];
        _ ->
            {fail, "no real Cowboy to compare with: run `make deps', or name its directory in FARRIER_ORACLE_PLUGINS"}
    end.

-spec end_per_suite([term()]) -> ok.
end_per_suite(Config) ->
    oracle_node:stop(?config(oracle, Config)),
    oracle_node:stop(?config(farrier, Config)).

-spec neighbours_of_generation_2_are_as_cowboys([term()]) -> ok | no_return().
neighbours_of_generation_2_are_as_cowboys(Config) ->
    report([Failed || {Table, Scenario} <- numbered(1, neighbours_2:tables()),
                      Failed <- failed(Table, Scenario, both(Scenario, Config))]).

-spec neighbours_of_generation_2_are_as_the_contract_says([term()]) -> ok | no_return().
neighbours_of_generation_2_are_as_the_contract_says(Config) ->
    expected(2, neighbours_2:later(), Config).

-spec neighbours_of_generation_1_are_as_the_contract_says([term()]) -> ok | no_return().
neighbours_of_generation_1_are_as_the_contract_says(Config) ->
    expected(1, neighbours_1:tables(), Config).

-spec expected(1 | 2, [{atom(), [map()]}], [term()]) -> ok | no_return().
expected(Generation, Tables, Config) ->
    Run = fun(Scenario) -> oracle_run:scenario(?config(farrier, Config), Scenario#{generation => Generation}) end,
    report([Failed || {Table, Scenario} <- numbered(10000 * Generation, Tables),
                      Failed <- failed(Table, Scenario, oracle_compare:expected(Scenario, Run(Scenario)))]).

-spec both(map(), [term()]) -> [term()].
both(Scenario, Config) ->
    Self = self(),
    Oracle = spawn_link(fun() -> Self ! {self(), oracle_run:scenario(?config(oracle, Config), Scenario)} end),
    Farrier = oracle_run:scenario(?config(farrier, Config), Scenario),
    receive {Oracle, Seen} -> oracle_compare:same(Scenario, Seen, Farrier) end.

-spec numbered(pos_integer(), [{atom(), [map()]}]) -> [{atom(), map()}].
numbered(From, Tables) ->
    All = [{Table, Scenario} || {Table, Scenarios} <- Tables, Scenario <- Scenarios],
    [{Table, Scenario#{id => Id}} || {Id, {Table, Scenario}} <- lists:zip(lists:seq(From, From + length(All) - 1), All)].

-spec failed(atom(), map(), [term()]) -> [{atom(), string(), [term()]}].
failed(_, _, []) -> [];
failed(Table, #{name := Name}, Differences) -> [{Table, Name, Differences}].

-spec report([{atom(), string(), [term()]}]) -> ok | no_return().
report([]) -> ok;
report(Failed) ->
    [ct:pal("~s: ~ts~n~ts", [Table, Name, [["  ", io_lib:format("~tp", [D]), "\n"] || D <- Differences]])
     || {Table, Name, Differences} <- Failed],
    ct:fail({length(Failed), [{Table, Name} || {Table, Name, _} <- Failed]}).
