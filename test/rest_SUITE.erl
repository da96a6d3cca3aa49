%% @doc REST handlers: the same handlers and the same requests against real Cowboy 2.8.0 and against farrier.
%%
%% What a client can see, which callbacks a handler sees in which order, and how its process ends must be the same.
%% See `oracle_SUITE' for the manner.
-module(rest_SUITE).

-export([all/0, suite/0, init_per_suite/1, end_per_suite/1]).
-export([requests_are_as_cowboys/1, actions_are_as_cowboys/1, other_generations_are_as_their_cowboys/1,
         there_are_enough_scenarios/1]).

-define(TABLES, [oracle_rest, oracle_rest_actions]).

-spec suite() -> [term()].
suite() -> [{timetrap, {seconds, 180}}].

-spec all() -> [atom()].
all() ->
    [requests_are_as_cowboys, actions_are_as_cowboys, other_generations_are_as_their_cowboys,
     there_are_enough_scenarios].

-spec init_per_suite([term()]) -> [term()] | {fail, string()}.
init_per_suite(Config) -> oracle_pair:start(Config).

-spec end_per_suite([term()]) -> ok.
end_per_suite(Config) -> oracle_pair:stop(Config).

-spec requests_are_as_cowboys([term()]) -> ok.
requests_are_as_cowboys(Config) -> compare(oracle_rest, Config).

-spec actions_are_as_cowboys([term()]) -> ok.
actions_are_as_cowboys(Config) -> compare(oracle_rest_actions, Config).

%% For these there is no oracle at hand: the scenarios carry what is expected.
-spec other_generations_are_as_their_cowboys([term()]) -> ok.
other_generations_are_as_their_cowboys(Config) ->
    oracle_pair:expected(1000, #{}, oracle_rest_old:tables(), Config).

-spec there_are_enough_scenarios([term()]) -> {comment, string()}.
there_are_enough_scenarios(_) ->
    Names = [{Table, maps:get(name, S)} || Module <- ?TABLES, {Table, Scenarios} <- Module:tables(), S <- Scenarios],
    Count = length(lists:usort(Names)),
    true = Count >= 150 andalso Count =:= length(Names),
    {comment, lists:concat([Count, " scenarios"])}.

-spec compare(module(), [term()]) -> ok | no_return().
compare(Module, Config) -> oracle_pair:compare(Module:tables(), fun normal/1, Config).

%% Boundaries are random, and a process that is done may find that its client has left.
-spec normal(oracle_run:result()) -> oracle_run:result().
normal(#{wire := Wire, init_exits := Exits} = Result) ->
    Result#{wire := [without_boundary(Seen) || Seen <- Wire], init_exits := [left(Exit) || Exit <- Exits]}.

-spec left(term()) -> term().
left(shutdown) -> normal;
left(Exit) -> Exit.

-spec without_boundary(term()) -> term().
without_boundary({node, [Status, Fields | Lines]}) ->
    case lists:keyfind(<<"content-type">>, 1, Fields) of
        {Name, <<"multipart/byteranges; boundary=", Boundary/binary>>} ->
            Type = {Name, <<"multipart/byteranges; boundary=(boundary)">>},
            {Status, lists:keyreplace(Name, 1, Fields, Type),
             [binary:replace(Line, Boundary, <<"(boundary)">>) || Line <- Lines]};
        _ ->
            {Status, Fields, Lines}
    end;
without_boundary(Seen) ->
    Seen.
