%% @doc The same generated handlers and clients on both bridges: what is seen on the wire and in callbacks must be the same.
%%
%% Each test prints its seed; DIFFERENTIAL_SEED plays the same cases again, and DIFFERENTIAL_CASES sets how many there are.
-module(bridges_SUITE).

-include_lib("common_test/include/ct.hrl").

-export([all/0, suite/0, init_per_suite/1, end_per_suite/1]).
-export([sessions_are_the_same/1, requests_are_the_same/1]).

-define(CASES, "60").
-define(SEED, "1").
%% How large a case grows, in PropEr's measure.
-define(SIZES, 12).

-spec suite() -> [term()].
suite() -> [{timetrap, {hours, 2}}].

-spec all() -> [atom()].
all() -> [sessions_are_the_same, requests_are_the_same].

-spec init_per_suite([term()]) -> [term()].
init_per_suite(Config) ->
    {ok, Path} = oracle_node:farrier_path(),
    [{nodes, {oracle_node:hold(Path, nif), oracle_node:hold(Path, port)}} | Config].

-spec end_per_suite([term()]) -> ok.
end_per_suite(Config) ->
    {Nif, Port} = ?config(nodes, Config),
    oracle_node:stop(Nif),
    oracle_node:stop(Port).

-spec sessions_are_the_same([term()]) -> {comment, string()}.
sessions_are_the_same(Config) ->
    check(differential_websocket:session(), fun differential_case:websocket/1, ?config(nodes, Config)).

-spec requests_are_the_same([term()]) -> {comment, string()}.
requests_are_the_same(Config) ->
    check(differential_http:connection(), fun differential_case:http/1, ?config(nodes, Config)).

-spec check(proper_types:type(), fun((map()) -> map()), differential_compare:nodes()) -> {comment, string()}.
check(Type, Played, Nodes) ->
    Cases = list_to_integer(os:getenv("DIFFERENTIAL_CASES", ?CASES)),
    Seed = list_to_integer(os:getenv("DIFFERENTIAL_SEED", ?SEED)),
    ct:pal("DIFFERENTIAL_SEED=~b DIFFERENTIAL_CASES=~b", [Seed, Cases]),
    lists:foreach(fun(N) -> one(Type, N, Seed, Played, Nodes) end, lists:seq(1, Cases)),
    {comment, lists:concat([Cases, " cases, seed ", Seed])}.

-spec one(proper_types:type(), pos_integer(), integer(), fun((map()) -> map()), differential_compare:nodes()) -> ok.
one(Type, N, Seed, Played, Nodes) ->
    {ok, Generated} = proper_gen:pick(Type, 1 + N rem ?SIZES, {Seed, N, 0}),
    case differential_compare:same(Played(Generated), Nodes) of
        {[], _} ->
            ok;
        {Differences, _} ->
            ct:pal("case ~b:~n~tp~n~nnif first, port second:~n~tp", [N, Generated, Differences]),
            ct:fail({different_in_case, N, seed, Seed})
    end.
