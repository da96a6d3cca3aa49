%% @doc The same generated handlers and clients on both bridges: what is seen on the wire and in callbacks must be the same.
%% Of two that differ, the first is the NIF's.
-module(bridges_SUITE).

-include_lib("common_test/include/ct.hrl").

-export([all/0, suite/0, init_per_suite/1, end_per_suite/1]).
-export([sessions_are_the_same/1, requests_are_the_same/1]).

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

-spec check(proper_types:type(), fun((term()) -> map()), differential_compare:nodes()) -> {comment, string()}.
check(Type, Played, Nodes) ->
    differential_cases:play(Type, Played, fun(Case) -> differential_compare:same(Case, Nodes) end).
