%% @doc The same handlers and the same client bytes against real Cowboy 2.8.0 and against farrier.
%%
%% What a client can see (every byte but the date's value and the order of header lines, which Cowboy takes from a
%% map) and what a handler can see (callbacks, their terms, exit reasons) must be the same. Where the version that
%% farrier imitates differs from 2.8.0, or farrier differs on purpose, the scenario says in `deviates' which term the
%% oracle must show and which one farrier must show instead, and why.
%%
%% For Cowboy 1 there is no oracle at hand: its scenarios carry what is expected.
-module(oracle_SUITE).

-export([all/0, suite/0, init_per_suite/1, end_per_suite/1]).
-export([frames_are_as_cowboys/1, handshakes_are_as_cowboys/1, returns_are_as_cowboys/1, processes_are_as_cowboys/1,
         requests_are_as_cowboys/1, bodies_are_as_cowboys/1, logs_are_as_cowboys/1, there_are_enough_scenarios/1,
         generation_1_is_as_the_contract_says/1]).

-define(TABLES, [oracle_frames, oracle_handshakes, oracle_returns, oracle_processes, oracle_requests, oracle_bodies,
                 oracle_logs]).

-spec suite() -> [term()].
suite() -> [{timetrap, {seconds, 120}}].

-spec all() -> [atom()].
all() ->
    [frames_are_as_cowboys, handshakes_are_as_cowboys, returns_are_as_cowboys, processes_are_as_cowboys,
     requests_are_as_cowboys, bodies_are_as_cowboys, logs_are_as_cowboys, generation_1_is_as_the_contract_says,
     there_are_enough_scenarios].

-spec init_per_suite([term()]) -> [term()] | {fail, string()}.
init_per_suite(Config) -> oracle_pair:start(Config).

-spec end_per_suite([term()]) -> ok.
end_per_suite(Config) -> oracle_pair:stop(Config).

-spec frames_are_as_cowboys([term()]) -> ok.
frames_are_as_cowboys(Config) -> compare(oracle_frames, Config).

-spec handshakes_are_as_cowboys([term()]) -> ok.
handshakes_are_as_cowboys(Config) -> compare(oracle_handshakes, Config).

-spec returns_are_as_cowboys([term()]) -> ok.
returns_are_as_cowboys(Config) -> compare(oracle_returns, Config).

-spec processes_are_as_cowboys([term()]) -> ok.
processes_are_as_cowboys(Config) -> compare(oracle_processes, Config).

-spec requests_are_as_cowboys([term()]) -> ok.
requests_are_as_cowboys(Config) -> compare(oracle_requests, Config).

-spec bodies_are_as_cowboys([term()]) -> ok.
bodies_are_as_cowboys(Config) -> compare(oracle_bodies, Config).

-spec logs_are_as_cowboys([term()]) -> ok.
logs_are_as_cowboys(Config) -> compare(oracle_logs, Config).

-spec there_are_enough_scenarios([term()]) -> {comment, string()}.
there_are_enough_scenarios(_) ->
    Names = [{Module, Table, maps:get(name, S)}
             || Module <- ?TABLES, {Table, Scenarios} <- Module:tables(), S <- Scenarios],
    Count = length(lists:usort(Names)),
    true = Count >= 150 andalso Count =:= length(Names),
    {comment, lists:concat([Count, " scenarios"])}.

-spec generation_1_is_as_the_contract_says([term()]) -> ok | no_return().
generation_1_is_as_the_contract_says(Config) ->
    oracle_pair:expected(100000, #{generation => 1}, oracle_generation_1:tables(), Config).

-spec compare(module(), [term()]) -> ok | no_return().
compare(Module, Config) -> oracle_pair:compare(Module:tables(), Config).
