%% @doc What shares a listener with WebSocket handlers: loop handlers, sub-protocols, hooks, middlewares, stream
%% handlers.
%%
%% Generation 2 is compared with the real Cowboy, as in oracle_SUITE; scenarios of the others carry what is expected.
-module(neighbours_SUITE).

-export([all/0, suite/0, init_per_suite/1, end_per_suite/1]).
-export([neighbours_of_generation_2_are_as_cowboys/1, neighbours_of_generation_2_are_as_the_contract_says/1,
         neighbours_of_generation_1_are_as_the_contract_says/1]).

-spec suite() -> [term()].
suite() -> [{timetrap, {seconds, 120}}].

-spec all() -> [atom()].
all() ->
    [neighbours_of_generation_2_are_as_cowboys, neighbours_of_generation_2_are_as_the_contract_says,
     neighbours_of_generation_1_are_as_the_contract_says].

-spec init_per_suite([term()]) -> [term()] | {fail, string()}.
init_per_suite(Config) -> oracle_pair:start(Config).

-spec end_per_suite([term()]) -> ok.
end_per_suite(Config) -> oracle_pair:stop(Config).

-spec neighbours_of_generation_2_are_as_cowboys([term()]) -> ok | no_return().
neighbours_of_generation_2_are_as_cowboys(Config) -> oracle_pair:compare(neighbours_2:tables(), Config).

-spec neighbours_of_generation_2_are_as_the_contract_says([term()]) -> ok | no_return().
neighbours_of_generation_2_are_as_the_contract_says(Config) ->
    oracle_pair:expected(20000, #{}, neighbours_2:later(), Config).

-spec neighbours_of_generation_1_are_as_the_contract_says([term()]) -> ok | no_return().
neighbours_of_generation_1_are_as_the_contract_says(Config) ->
    oracle_pair:expected(10000, #{generation => 1}, neighbours_1:tables(), Config).
