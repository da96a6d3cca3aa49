%% @doc Scenarios: what is logged about the end of a connection or request, word for word.
-module(oracle_logs).

-export([tables/0]).

-import(oracle_frame, [text/1, close/0]).
-import(oracle_run, [handshake/0]).

-spec tables() -> [{atom(), [map()]}].
tables() -> [{silence, silence()}, {connections, connections()}, {requests, requests()}].

-spec silence() -> [map()].
silence() ->
    Quiet = fun(Name, Script, Steps) -> #{name => Name, logs => 0, script => Script, steps => [upgrade | Steps]} end,
    Go = [{send, text(<<"x">>)}, eof],
    [Quiet("the peer closes", #{}, [{send, close()}, eof]),
     Quiet("the peer disconnects", #{}, [{await, websocket_init}, close]),
     Quiet("a violation", #{}, [{send, oracle_frame:frame(3, <<>>)}, eof]),
     Quiet("a stop", #{handle => fun(_, S) -> {stop, S} end}, Go),
     Quiet("a shutdown_reason", #{handle => fun(_, S) -> {[{shutdown_reason, x}, close], S} end}, Go),
     Quiet("exit(normal)", #{handle => fun(_, _) -> exit(normal) end}, Go),
     Quiet("exit(shutdown)", #{handle => fun(_, _) -> exit(shutdown) end}, Go),
     Quiet("exit({shutdown, x})", #{handle => fun(_, _) -> exit({shutdown, x}) end}, Go),
     Quiet("stop_listener", #{}, [{await, websocket_init}, unlisten, eof]),
     #{name => "a refused handshake", logs => 0, steps => [{send, oracle_run:handshake([{<<"sec-websocket-key">>, none}])}, response]},
     #{name => "a malformed request", logs => 0, steps => [{send, <<"nonsense\r\n\r\n">>}, response, eof]}].

-spec connections() -> [map()].
connections() ->
    Old = "Ranch listener ~p had connection process started with ~p:start_link/3 at ~p exit with reason: ~999999p~n",
    New = "Ranch listener ~p had connection process started with ~p:start_link/3 at ~p exit with reason: ~0p~n",
    [Scenario#{deviates => [{logs, Old, New, "the words of a later Ranch 2"}]} || Scenario <- ended_connections()].

-spec ended_connections() -> [map()].
ended_connections() ->
    [#{name => "logged: " ++ Name, logs => 1, script => #{handle => Fun}, steps => [upgrade, {send, text(<<"x">>)}, eof]}
     || {Name, Fun} <- [{"error", fun(_, _) -> error(boom) end}, {"exit", fun(_, _) -> exit(boom) end}, {"throw", fun(_, _) -> throw(boom) end},
                        {"a bad return", fun(_, _) -> bad end}, {"a bad frame", fun(_, S) -> {[bad], S} end}]]
    ++ [#{name => "logged: a kill", logs => 1,
          steps => [upgrade, {await, websocket_init}, {node, fun(#{pid := Pid}) -> exit(Pid, kill) end}, eof]},
        #{name => "logged: a crash in terminate", logs => 1, script => #{terminate => fun(_, _, _) -> error(boom) end},
          steps => [upgrade, {send, close()}, eof]}].

-spec requests() -> [map()].
requests() ->
    Old = "Ranch listener ~p, connection process ~p, stream ~p had its request process ~p exit with reason ~999999p and stacktrace ~999999p~n",
    New = "Ranch listener ~p, connection process ~p, stream ~p had its request process ~p exit with reason ~0p~n",
    Logged = fun(Name, Fun, Reason) ->
        #{name => "logged: init, " ++ Name, logs => 1, script => #{init => Fun}, steps => [{send, handshake()}, response],
          deviates => [{logs, [{Old, ['<pid>', 1, '<pid>', Reason, '<stack>']}], [{New, ['<pid>', 1, '<pid>', {Reason, '<stack>'}]}], "since 2.13 one term"}]} end,
    [Logged("error", fun(_, _) -> error(boom) end, boom), Logged("exit", fun(_, _) -> exit(boom) end, boom),
     Logged("throw", fun(_, _) -> throw(boom) end, {nocatch, boom}),
     Logged("a bad return", fun(_, _) -> bad end, {try_clause, bad})].
