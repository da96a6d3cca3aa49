%% @doc Generated handlers and generated clients against real Cowboy 2.8.0 and against farrier: both must do the same.
%%
%% What is meant to differ is in differential_known, name by name. Each test prints its seed; DIFFERENTIAL_SEED plays
%% the same cases again, and DIFFERENTIAL_CASES sets how many there are.
-module(differential_SUITE).

-include_lib("common_test/include/ct.hrl").

-export([all/0, suite/0, init_per_suite/1, end_per_suite/1]).
-export([sessions_are_as_cowboys/1, requests_are_as_cowboys/1]).

-define(CASES, "60").
%% The same cases each time, so that a change is to blame for what it breaks; other seeds are for looking further.
-define(SEED, "1").
%% How large a case grows, in PropEr's measure.
-define(SIZES, 12).

-spec suite() -> [term()].
suite() -> [{timetrap, {hours, 2}}].

-spec all() -> [atom()].
all() -> [sessions_are_as_cowboys, requests_are_as_cowboys].

-spec init_per_suite([term()]) -> [term()] | {fail, string()}.
init_per_suite(Config) ->
    case {oracle_node:oracle_path(), oracle_node:farrier_path()} of
        {{ok, Oracle}, {ok, Farrier}} -> [{nodes, {oracle_node:hold(Oracle), oracle_node:hold(Farrier)}} | Config];
        {{error, missing}, _} -> {fail, "no real Cowboy to compare with: run `make deps', or name its directory in FARRIER_ORACLE_PLUGINS"};
        {_, {error, missing}} -> {fail, "farrier is not in the code path"}
    end.

-spec end_per_suite([term()]) -> ok.
end_per_suite(Config) ->
    {Oracle, Farrier} = ?config(nodes, Config),
    oracle_node:stop(Oracle),
    oracle_node:stop(Farrier).

-spec sessions_are_as_cowboys([term()]) -> {comment, string()}.
sessions_are_as_cowboys(Config) ->
    check(differential_websocket:session(), fun differential_case:websocket/1, ?config(nodes, Config)).

-spec requests_are_as_cowboys([term()]) -> {comment, string()}.
requests_are_as_cowboys(Config) ->
    check(differential_http:connection(), fun differential_case:http/1, ?config(nodes, Config)).

-spec check(proper_types:type(), fun((map()) -> map()), differential_compare:nodes()) -> {comment, string()}.
check(Type, Played, Nodes) ->
    Cases = list_to_integer(os:getenv("DIFFERENTIAL_CASES", ?CASES)),
    Seed = list_to_integer(os:getenv("DIFFERENTIAL_SEED", ?SEED)),
    ct:pal("DIFFERENTIAL_SEED=~b DIFFERENTIAL_CASES=~b", [Seed, Cases]),
    Known = lists:append([one(Type, N, Seed, Played, Nodes) || N <- lists:seq(1, Cases)]),
    ct:pal("known differences that showed up:~n~p", [[{Name, length([K || K <- Known, K =:= Name])} || Name <- lists:usort(Known)]]),
    {comment, lists:concat([Cases, " cases, seed ", Seed])}.

-spec one(proper_types:type(), pos_integer(), integer(), fun((map()) -> map()), differential_compare:nodes()) -> [atom()].
one(Type, N, Seed, Played, Nodes) ->
    {ok, Generated} = proper_gen:pick(Type, 1 + N rem ?SIZES, {Seed, N, 0}),
    case differential_compare:differences(Played(Generated), Nodes) of
        {[], Known} -> Known;
        {Differences, _} ->
            ct:pal("case ~b:~n~tp~n~n~tp", [N, Generated, Differences]),
            ct:fail({different_in_case, N, seed, Seed})
    end.
