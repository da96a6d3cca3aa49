%% @doc Plays generated cases one after the other, until one shows a difference.
%%
%% DIFFERENTIAL_SEED plays the cases of another seed, and DIFFERENTIAL_CASES sets how many there are.
-module(differential_cases).

-export([play/3]).

-define(CASES, "60").
%% The same cases each time, so that a change is to blame for what it breaks; other seeds are for looking further.
-define(SEED, "1").
%% How large a case grows, in PropEr's measure.
-define(SIZES, 12).

%% `Compare' says how the two differ in a case, and which known differences it has met. `Played' is the case of what was generated.
-spec play(proper_types:type(), fun((term()) -> map()), fun((map()) -> {[term()], [atom()]})) -> {comment, string()}.
play(Type, Played, Compare) ->
    Cases = list_to_integer(os:getenv("DIFFERENTIAL_CASES", ?CASES)),
    Seed = list_to_integer(os:getenv("DIFFERENTIAL_SEED", ?SEED)),
    ct:pal("DIFFERENTIAL_SEED=~b DIFFERENTIAL_CASES=~b", [Seed, Cases]),
    Known = lists:append([one(Type, N, Seed, Played, Compare) || N <- lists:seq(1, Cases)]),
    ct:pal("known differences that showed up:~n~p", [[{Name, length([K || K <- Known, K =:= Name])} || Name <- lists:usort(Known)]]),
    {comment, lists:concat([Cases, " cases, seed ", Seed])}.

-spec one(proper_types:type(), pos_integer(), integer(), fun((term()) -> map()), fun((map()) -> {[term()], [atom()]})) -> [atom()].
one(Type, N, Seed, Played, Compare) ->
    {ok, Generated} = proper_gen:pick(Type, 1 + N rem ?SIZES, {Seed, N, 0}),
    case Compare(Played(Generated)) of
        {[], Known} ->
            Known;
        {Differences, _} ->
            ct:pal("case ~b:~n~tp~n~n~tp", [N, Generated, Differences]),
            ct:fail({different_in_case, N, seed, Seed})
    end.
