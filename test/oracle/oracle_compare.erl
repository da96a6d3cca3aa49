%% @doc Finds the differences between what two servers did, or between what one did and what it should have done.
-module(oracle_compare).

-export([same/3, expected/2]).

-type part() :: wire | callbacks | exits | init_exits | logs.
%% In `part', the oracle must show the first term (anywhere, at any depth), and farrier the second one in its place.
%% The first term may also be the whole part.
-type deviation() :: {part(), term(), term(), Why :: string()}.
-export_type([deviation/0]).

-define(PARTS, [wire, callbacks, exits, init_exits, logs]).

%% Differences of farrier's result from the oracle's, the scenario's deviations allowed for.
-spec same(map(), oracle_run:result(), oracle_run:result()) -> [term()].
same(Scenario, Oracle, Farrier) ->
    {Wanted, Missing} = lists:foldl(fun deviate/2, {Oracle, []}, maps:get(deviates, Scenario, [])),
    broken(Oracle) ++ Missing ++ differences(Wanted, Farrier).

%% Differences from the `wire', `callbacks', `exits' that the scenario spells out.
-spec expected(map(), oracle_run:result()) -> [term()].
expected(#{expect := Expected}, Result) ->
    broken(Result) ++ differences(Expected, maps:with(maps:keys(Expected), Result)).

-spec differences(map(), map()) -> [term()].
differences(Wanted, Got) ->
    [{Part, {expected, maps:get(Part, Wanted)}, {got, maps:get(Part, Got)}}
     || Part <- ?PARTS, maps:is_key(Part, Wanted), maps:get(Part, Wanted) =/= maps:get(Part, Got)].

%% A step that ran into its time limit says nothing about a server: the scenario itself must be mended.
-spec broken(oracle_run:result()) -> [term()].
broken(#{wire := Wire}) -> [{scenario_is_broken, Step} || Step <- Wire, is_stuck(Step)].

-spec is_stuck(term()) -> boolean().
is_stuck({timeout, _}) -> true;
is_stuck({finish, timeout}) -> true;
is_stuck(_) -> false.

-spec deviate(deviation(), {map(), [term()]}) -> {map(), [term()]}.
deviate({Part, Old, New, Why}, {Result, Missing}) ->
    Term = maps:get(Part, Result),
    case replace(Term, Old, New) of
        Term -> {Result, [{oracle_does_not_show, Part, Old, Why} | Missing]};
        Replaced -> {Result#{Part := Replaced}, Missing}
    end.

-spec replace(term(), term(), term()) -> term().
replace(Old, Old, New) -> New;
replace([Head | Tail], Old, New) -> [replace(Head, Old, New) | replace(Tail, Old, New)];
replace(Tuple, Old, New) when is_tuple(Tuple) -> list_to_tuple(replace_each(tuple_to_list(Tuple), Old, New));
replace(Map, Old, New) when is_map(Map) -> maps:map(fun(_, Value) -> replace(Value, Old, New) end, Map);
replace(Term, _, _) -> Term.

-spec replace_each([term()], term(), term()) -> [term()].
replace_each(List, Old, New) -> [replace(Element, Old, New) || Element <- List].
