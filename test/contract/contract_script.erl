%% @doc What the handlers of `contract_SUITE' have in common: a test writes their callbacks, and is told of every call.
%%
%% `Opts' map the names of callbacks to funs of their arguments; the test is `test' there.
-module(contract_script).

-export([started/1, call/4]).

%% To be called first in init: the test gets a monitor on the process before anything can happen to it.
-spec started(map()) -> ok.
started(#{test := Test}) ->
    Test ! {process, self()},
    receive {go, Test} -> ok end.

%% Reports the call, whose last argument is the state or the options, and does what the test wants, or else `Default'.
-spec call(atom(), term(), [term()], term()) -> term().
call(Callback, What, Arguments, Default) ->
    #{test := Test} = Script = lists:last(Arguments),
    Test ! {call, What},
    case Script of
        #{Callback := Fun} -> apply(Fun, Arguments);
        _ -> Default
    end.
