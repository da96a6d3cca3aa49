%% @doc What the scripted handlers of Cowboy 0 and of the pre-releases of Cowboy 2 report to the test: the process of a
%% request, its calls, and its end.
%%
%% A handler sends `{process, Pid}' when its init is called and waits for `{go, Test}', so that no call is missed before
%% the test has a monitor on it. Then it sends `{call, Call}' for each.
-module(handler_reports).

-export([started/0, exit_of/1, calls/1, next_call/0, flush/0]).

-define(PATIENCE, 5000).

%% The process that runs init, from now on monitored.
-spec started() -> pid().
started() ->
    receive
        {process, Pid} ->
            _ = monitor(process, Pid, [{tag, {'DOWN', Pid}}]),
            Pid ! {go, self()},
            Pid
    after ?PATIENCE -> error(init_was_not_called)
    end.

-spec exit_of(pid()) -> term().
exit_of(Pid) ->
    receive {{'DOWN', Pid}, _, process, Pid, Reason} -> self() ! {ended, Pid}, Reason
    after ?PATIENCE -> error({still_alive, Pid, process_info(Pid, current_stacktrace)})
    end.

%% All calls of a handler that has ended, in order. Its process stays to be asked for its exit.
-spec calls(pid()) -> [term()].
calls(Pid) ->
    receive
        {ended, Pid} -> taken();
        {{'DOWN', Pid}, Ref, process, Pid, Reason} ->
            self() ! {{'DOWN', Pid}, Ref, process, Pid, Reason},
            taken()
    after ?PATIENCE -> error({still_alive, Pid})
    end.

-spec taken() -> [term()].
taken() ->
    receive {call, Call} -> [Call | taken()] after 0 -> [] end.

%% The next call of any handler.
-spec next_call() -> term().
next_call() ->
    receive {call, Call} -> Call after ?PATIENCE -> error(no_call) end.

%% Forgets what is left of earlier requests.
-spec flush() -> ok.
flush() ->
    receive _ -> flush() after 0 -> ok end.
