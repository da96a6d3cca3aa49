%% @doc Generated handlers and generated clients against real Cowboy 2.8.0 and against farrier: both must do the same.
%%
%% What is meant to differ is in differential_known, name by name. Each test prints its seed; DIFFERENTIAL_SEED plays
%% the same cases again, and DIFFERENTIAL_CASES sets how many there are.
-module(differential_SUITE).

-include_lib("common_test/include/ct.hrl").

-export([all/0, suite/0, init_per_suite/1, end_per_suite/1]).
-export([sessions_are_as_cowboys/1, requests_are_as_cowboys/1]).

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

-spec check(proper_types:type(), fun((term()) -> map()), differential_compare:nodes()) -> {comment, string()}.
check(Type, Played, Nodes) ->
    differential_cases:play(Type, Played, fun(Case) -> differential_compare:differences(Case, Nodes) end).
