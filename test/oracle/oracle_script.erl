%% @doc A script is a map of funs named after callbacks: what a scripted handler does in place of what it would do.
-module(oracle_script).

-export([run/4]).

%% Calls the script's fun for a callback, or gives `Default'. A state holds its script under `script'.
-spec run(atom(), [term()], Script :: map(), Default :: term()) -> term().
run(Callback, Args, #{script := Script}, Default) -> run(Callback, Args, Script, Default);
run(Callback, Args, Script, Default) ->
    case Script of
        #{Callback := Fun} -> apply(Fun, Args);
        _ -> Default
    end.
