%% @doc Waits for what no event tells: it is asked for again and again.
-module(eventually).

-export([is/1, is/2]).

%% Milliseconds between two questions.
-define(PAUSE, 50).
-define(QUESTIONS, 400).

%% Asks for 20 s at most.
-spec is(fun(() -> boolean())) -> ok.
is(Fun) -> is(Fun, fun() -> ct:fail("it does not come about") end).

%% The same, with what is done then.
-spec is(fun(() -> boolean()), fun(() -> no_return())) -> ok.
is(Fun, Else) -> is(Fun, Else, ?QUESTIONS).

-spec is(fun(() -> boolean()), fun(() -> no_return()), non_neg_integer()) -> ok.
is(_, Else, 0) ->
    Else();
is(Fun, Else, Left) ->
    case Fun() of
        true -> ok;
        false -> receive after ?PAUSE -> is(Fun, Else, Left - 1) end
    end.
