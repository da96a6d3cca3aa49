%% @doc Scenarios: the process of a connection, its messages, its timers, and how it ends.
-module(oracle_processes).

-export([tables/0, hibernates/1]).

-import(oracle_frame, [text/1, frame/3, close/0]).

-spec tables() -> [{atom(), [map()]}].
tables() ->
    [{idle_timeouts, idle_timeouts()},
     {terminate_reasons, terminate_reasons()},
     {messages, messages()},
     {system_messages, system_messages()},
     {supervisor_calls, supervisor_calls()},
     {identity, identity()},
     {exits, exits()},
     {hibernation, hibernation()},
     {listeners, listeners()}].

-spec scenario(string(), map(), [oracle_run:step()]) -> map().
scenario(Name, Script, Steps) -> #{name => Name, script => Script, steps => [upgrade | Steps]}.

%% A session in which the node is asked something.
-spec asked(string(), fun((map()) -> term())) -> map().
asked(Name, Fun) -> scenario(Name, #{}, [{await, websocket_init}, {node, Fun}, {send, close()}, eof]).

-spec idle_timeouts() -> [map()].
idle_timeouts() ->
    Slow = <<1:1, 0:3, 1:4, 1:1, 3:7, 0:32, "abc">>,
    Drip = lists:append([[{send, <<Byte>>}, {pause, 150}] || <<Byte>> <= Slow]),
    Ticks = fun(S) -> [erlang:send_after(After, self(), {tick, After}) || After <- [150, 300, 900]], {[], S} end,
    [scenario("nothing received for idle_timeout", #{opts => #{idle_timeout => 100}}, [eof]),
     scenario("silence after a message", #{opts => #{idle_timeout => 100}}, [{send, text(<<"a">>)}, {frames, 1}, eof]),
     scenario("silence inside a frame", #{opts => #{idle_timeout => 100}}, [{send, binary:part(Slow, 0, 4)}, eof]),
     scenario("silence inside a fragmented message", #{opts => #{idle_timeout => 100}}, [{send, frame(1, <<"a">>, #{fin => 0})}, eof]),
     scenario("a part of a frame is received data", #{opts => #{idle_timeout => 600}}, Drip ++ [{frames, 1}, {send, close()}, eof]),
     scenario("what the server sends is not received data",
              #{opts => #{idle_timeout => 600}, websocket_init => Ticks, info => fun(_, S) -> {[{text, <<"tick">>}], S} end}, [eof]),
     scenario("messages to the process are not received data",
              #{opts => #{idle_timeout => 600}, websocket_init => Ticks}, [eof]),
     scenario("an infinite idle_timeout", #{opts => #{idle_timeout => infinity}}, [{send, text(<<"a">>)}, {frames, 1}, {send, close()}, eof]),
     scenario("a timeout after a slow websocket_init",
              #{opts => #{idle_timeout => 100}, websocket_init => fun(S) -> receive after 50 -> {[{text, <<"up">>}], S} end end}, [{frames, 1}, eof])].

-spec terminate_reasons() -> [map()].
terminate_reasons() ->
    [scenario("the peer disconnects", #{}, [{await, websocket_init}, close]),
     scenario("the peer resets the connection", #{}, [{await, websocket_init}, reset]),
     scenario("the peer disconnects inside a frame", #{}, [{send, <<16#81, 16#85, 0, 0>>}, {await, websocket_init}, close]),
     scenario("the peer half-closes", #{}, [{await, websocket_init}, shutdown, eof]),
     scenario("a bare handler and a disconnect", #{handle => fun(F, S) -> {[F], S} end}, [{send, text(<<"a">>)}, {frames, 1}, reset]),
     scenario("a send to a peer that has gone",
              #{handle => fun(_, S) -> receive gone -> {[{text, <<"late">>}], S} end end},
              [{send, text(<<"a">>)}, {await, handle}, reset, {pause, 100}, {message, gone}])].

-spec messages() -> [map()].
messages() ->
    Told = fun(Name, Tell) -> scenario(Name, #{}, [{await, websocket_init}, {node, fun(#{pid := Pid}) -> Tell(Pid), told end}, {await, info}, {send, close()}, eof]) end,
    [Told("a message", fun(Pid) -> Pid ! {any, [term]} end),
     Told("a cast", fun(Pid) -> gen_server:cast(Pid, hello) end),
     Told("a DOWN that is not ours", fun(Pid) -> Pid ! {'DOWN', make_ref(), process, self(), gone} end),
     Told("a timeout that is not ours", fun(Pid) -> Pid ! {timeout, make_ref(), mine} end),
     Told("an EXIT tuple that is not the parent's", fun(Pid) -> Pid ! {'EXIT', self(), boom} end),
     Told("a tuple that looks like a socket's", fun(Pid) -> Pid ! {tcp, not_a_socket, <<"x">>} end),
     scenario("messages to itself, in order", #{websocket_init => fun(S) -> self() ! one, self() ! two, {[], S} end,
                                                info => fun(M, S) -> {[{text, atom_to_binary(M)}], S} end}, [{frames, 2}, {send, close()}, eof]),
     scenario("a timer of its own", #{websocket_init => fun(S) -> erlang:start_timer(20, self(), mine), {[], S} end,
                                      info => fun({timeout, _, mine}, S) -> {[{text, <<"timer">>}], S} end}, [{frames, 1}, {send, close()}, eof]),
     scenario("a monitor of its own", #{websocket_init => fun(S) -> spawn_monitor(fun() -> exit(done) end), {[], S} end,
                                        info => fun({'DOWN', _, process, _, R}, S) -> {[{text, atom_to_binary(R)}], S} end}, [{frames, 1}, {send, close()}, eof]),
     scenario("messages that a stop leaves behind", #{handle => fun(_, S) -> self() ! never, {stop, S} end}, [{send, text(<<"a">>)}, eof]),
     scenario("a registered name is free again afterwards",
              #{websocket_init => fun(S) -> true = register(oracle_name, self()), {[], S} end},
              [{send, close()}, eof, {await, exit}, {node, fun(_) -> whereis(oracle_name) end}])].

-spec system_messages() -> [map()].
system_messages() ->
    [asked("sys:get_state", fun(#{pid := Pid}) ->
         {Transport, Handler, Parser} = sys:get_state(Pid),
         {element(1, Transport), Handler, element(1, Parser)} end),
     (asked("sys:get_status", fun(#{pid := Pid}) ->
         {status, Pid, {module, Module}, [Dictionary, Status | _]} = sys:get_status(Pid),
         {Module, is_list(Dictionary), Status} end))
     #{deviates => [{wire, cowboy_websocket, farrier_sys, "the cowboy application may be absent"}]},
     asked("sys:replace_state", fun(#{pid := Pid}) ->
         {_, Handler, _} = sys:replace_state(Pid, fun({T, H, P}) -> {T, H#{s := replaced}, P} end),
         Handler end),
     asked("an unknown system request", fun(#{pid := Pid}) ->
         Ref = make_ref(),
         Pid ! {system, {self(), Ref}, no_such_request},
         receive {Ref, Answer} -> Answer end end),
     asked("sys:change_code", fun(#{pid := Pid}) ->
         {sys:suspend(Pid), sys:change_code(Pid, oracle_handler, undefined, []), sys:resume(Pid)} end),
     scenario("while suspended frames wait", #{},
              [{await, websocket_init}, {node, fun(#{pid := Pid}) -> sys:suspend(Pid) end}, {send, text(<<"a">>)}, {pause, 50},
               {node, fun(#{pid := Pid}) -> {_, S, _} = sys:get_state(Pid), S end},
               {node, fun(_) -> oracle_trace:events() end},
               {node, fun(#{pid := Pid}) -> sys:resume(Pid) end}, {frames, 1}, {send, close()}, eof]),
     scenario("while suspended messages wait", #{info => fun(M, S) -> {[{text, atom_to_binary(M)}], S} end},
              [{await, websocket_init}, {node, fun(#{pid := Pid}) -> sys:suspend(Pid) end}, {message, later},
               {node, fun(#{pid := Pid}) -> {_, S, _} = sys:get_state(Pid), S end}, {node, fun(_) -> oracle_trace:events() end},
               {node, fun(#{pid := Pid}) -> sys:resume(Pid) end}, {frames, 1}, {send, close()}, eof]),
     scenario("sys:terminate", #{}, [{await, websocket_init}, {node, fun(#{pid := Pid}) -> sys:terminate(Pid, my_reason) end}, eof]),
     scenario("sys:terminate with shutdown_reason", #{websocket_init => fun(S) -> {[{shutdown_reason, mine}], S} end},
              [{await, websocket_init}, {node, fun(#{pid := Pid}) -> sys:terminate(Pid, normal) end}, eof])].

-spec supervisor_calls() -> [map()].
supervisor_calls() ->
    [asked("gen_server:call", fun(#{pid := Pid}) -> gen_server:call(Pid, hello) end),
     asked("supervisor:which_children", fun(#{pid := Pid}) -> supervisor:which_children(Pid) end),
     asked("supervisor:count_children", fun(#{pid := Pid}) -> lists:sort(supervisor:count_children(Pid)) end),
     asked("supervisor:start_child", fun(#{pid := Pid}) ->
         supervisor:start_child(Pid, #{id => x, start => {erlang, node, []}}) end),
     asked("supervisor:terminate_child", fun(#{pid := Pid}) -> supervisor:terminate_child(Pid, x) end)].

-spec identity() -> [map()].
identity() ->
    FromInit = fun(Make) -> fun(Req, Script) -> {cowboy_websocket, Req, (oracle_handler:state(Script))#{s := Make(Req)}} end end,
    Show = fun(Fun) -> fun(#{s := Made} = S) -> oracle_trace:note(S, Fun(Made)), {[], S#{s := 0}} end end,
    Ends = [{await, websocket_init}, {send, close()}, eof],
    OneProcess = "init and websocket callbacks run in one process",
    Lost = "what init does to its own process is not lost",
    [scenario("the pid of Req is the websocket's", #{init => FromInit(fun(#{pid := Pid}) -> Pid end), websocket_init => Show(fun(Pid) -> Pid =:= self() end)}, Ends),
     (scenario("init runs in a process of its own", #{init => FromInit(fun(_) -> self() end), websocket_init => Show(fun(Pid) -> Pid =:= self() end)}, Ends))
     #{deviates => [{callbacks, {note, false}, {note, true}, OneProcess}]},
     (scenario("init's process dictionary", #{init => FromInit(fun(_) -> put(oracle, 1) end), websocket_init => Show(fun(_) -> get(oracle) end)}, Ends))
     #{deviates => [{callbacks, {note, undefined}, {note, 1}, Lost}]},
     (scenario("init's message to itself", #{init => FromInit(fun(_) -> self() ! hello, 0 end), handle => fun(_, S) -> {stop, S} end},
               [{await, websocket_init}, {send, text(<<"a">>)}, eof]))
     #{deviates => [{callbacks, [{init, <<"GET">>, <<"/ws">>}, {websocket_init, {state, 0}}, {handle, {text, <<"a">>}, {state, 0}}, {terminate, stop, {state, 0}}],
                     [{init, <<"GET">>, <<"/ws">>}, {websocket_init, {state, 0}}, {info, hello, {state, 0}}, {handle, {text, <<"a">>}, {state, 0}}, {terminate, stop, {state, 0}}], Lost}]},
     (scenario("init's message to the websocket's process", #{init => FromInit(fun(#{pid := Pid}) -> Pid ! hello, 0 end), handle => fun(_, S) -> {stop, S} end},
               [{await, websocket_init}, {send, text(<<"a">>)}, eof]))
     #{deviates => [{callbacks, [{init, <<"GET">>, <<"/ws">>}, {websocket_init, {state, 0}}, {handle, {text, <<"a">>}, {state, 0}}, {terminate, stop, {state, 0}}],
                     [{init, <<"GET">>, <<"/ws">>}, {websocket_init, {state, 0}}, {info, hello, {state, 0}}, {handle, {text, <<"a">>}, {state, 0}}, {terminate, stop, {state, 0}}],
                     "a message sent between init and websocket_init is not lost"}]},
     scenario("init's timer for the websocket's process",
              #{init => FromInit(fun(#{pid := Pid}) -> erlang:start_timer(100, Pid, mine), 0 end),
                info => fun({timeout, _, mine}, S) -> {[{text, <<"timer">>}], S} end}, [{frames, 1}, {send, close()}, eof]),
     scenario("init's monitor of the websocket's process",
              #{init => FromInit(fun(#{pid := Pid}) -> erlang:monitor(process, Pid), 0 end)}, Ends),
     (asked("its ancestors and initial call", fun(#{pid := Pid}) ->
         {dictionary, Dictionary} = process_info(Pid, dictionary),
         {lists:keyfind('$initial_call', 1, Dictionary), is_list(proplists:get_value('$ancestors', Dictionary))} end))
     #{deviates => [{wire, {cowboy_clear, connection_process, 4}, {farrier_connection, init, 3}, "it is another process"}]},
     asked("its group leader is not the client's", fun(#{pid := Pid}) -> process_info(Pid, group_leader) =:= {group_leader, group_leader()} end),
     asked("the processes it is linked to", fun(#{pid := Pid}) ->
         {links, Links} = process_info(Pid, links),
         length([L || L <- Links, is_pid(L)]) end)].

-spec exits() -> [map()].
exits() ->
    Trap = "trap_exit is false since 2.11",
    Child = fun(Fun) -> #{handle => fun(_, S) -> spawn_link(Fun), {[], S} end, info => fun({'EXIT', _, R}, S) -> {[{text, atom_to_binary(R)}], S} end} end,
    Trapping = #{websocket_init => fun(S) -> process_flag(trap_exit, true), {[], S} end},
    Go = {send, text(<<"go">>)},
    Kill = fun(Reason) -> {node, fun(#{pid := Pid}) -> exit(Pid, Reason) end} end,
    [(asked("trap_exit", fun(#{pid := Pid}) -> process_info(Pid, trap_exit) end))
     #{deviates => [{wire, {trap_exit, true}, {trap_exit, false}, Trap}]},
     (scenario("a linked process crashes", Child(fun() -> exit(boom) end), [Go, {await, handle}, shutdown, eof]))
     #{steps => [upgrade, Go, {await, handle}, {pause, 100}, shutdown, eof],
       deviates => [{wire, {eof, <<16#81, 4, "boom">>}, {eof, <<>>}, Trap}, {exits, [normal], [boom], Trap},
                    {callbacks, [{init, <<"GET">>, <<"/ws">>}, {websocket_init, {state, 0}}, {handle, {text, <<"go">>}, {state, 0}},
                                 {info, {'EXIT', '<pid>', boom}, {state, 0}}, {terminate, {error, closed}, {state, 0}}],
                     [{init, <<"GET">>, <<"/ws">>}, {websocket_init, {state, 0}}, {handle, {text, <<"go">>}, {state, 0}}], Trap}]},
     (scenario("a linked process ends normally", Child(fun() -> ok end), [Go, {await, handle}, {pause, 50}, {send, close()}, eof]))
     #{deviates => [{wire, {eof, <<16#81, 6, "normal", 16#88, 0>>}, {eof, <<16#88, 0>>}, Trap},
                    {callbacks, [{init, <<"GET">>, <<"/ws">>}, {websocket_init, {state, 0}}, {handle, {text, <<"go">>}, {state, 0}},
                                 {info, {'EXIT', '<pid>', normal}, {state, 0}}, {terminate, remote, {state, 0}}],
                     [{init, <<"GET">>, <<"/ws">>}, {websocket_init, {state, 0}}, {handle, {text, <<"go">>}, {state, 0}}, {terminate, remote, {state, 0}}], Trap}]},
     scenario("a linked process crashes while exits are trapped", maps:merge(Child(fun() -> exit(boom) end), Trapping), [Go, {frames, 1}, {send, close()}, eof]),
     scenario("an exit signal while exits are trapped", Trapping#{info => fun({'EXIT', _, R}, S) -> {[{text, atom_to_binary(R)}], S} end},
              [{await, websocket_init}, Kill(bye), {frames, 1}, {send, close()}, eof]),
     scenario("a kill", #{}, [{await, websocket_init}, Kill(kill), eof]),
     (scenario("an exit signal", #{}, [{await, websocket_init}, Kill(bye), {pause, 50}, {send, close()}, eof]))
     #{deviates => [{wire, {eof, <<16#88, 0>>}, {eof, <<>>}, Trap}, {exits, [normal], [bye], Trap},
                    {callbacks, [{init, <<"GET">>, <<"/ws">>}, {websocket_init, {state, 0}}, {info, {'EXIT', '<pid>', bye}, {state, 0}}, {terminate, remote, {state, 0}}],
                     [{init, <<"GET">>, <<"/ws">>}, {websocket_init, {state, 0}}], Trap}]},
     scenario("processes linked to it end with it", #{websocket_init => fun(S) -> oracle_trace:watch(S, spawn_link(fun() -> receive never -> ok end end)), {[], S} end,
                                                      handle => fun(_, _) -> error(boom) end}, [Go, eof])].

-spec hibernation() -> [map()].
hibernation() ->
    Found = {node, fun ?MODULE:hibernates/1},
    H = fun(_, S) -> {[], S, hibernate} end,
    [scenario("hibernate from websocket_init", #{websocket_init => fun(S) -> {[], S, hibernate} end}, [{await, websocket_init}, Found, {send, text(<<"a">>)}, {frames, 1}, {send, close()}, eof]),
     scenario("hibernate from websocket_info", #{info => H}, [{message, x}, {await, info}, Found, {send, close()}, eof]),
     scenario("hibernate from websocket_handle", #{handle => H}, [{send, text(<<"a">>)}, {await, handle}, Found, {send, close()}, eof]),
     scenario("hibernate with a reply", #{handle => fun(F, S) -> {[F], S, hibernate} end}, [{send, text(<<"a">>)}, {frames, 1}, Found, {send, text(<<"b">>)}, {frames, 1}, Found, {send, close()}, eof]),
     scenario("hibernation lasts until the next message only",
              #{handle => H}, [{send, text(<<"a">>)}, {await, handle}, Found, {message, x}, {await, info},
                               {node, fun(#{pid := Pid}) -> found(Pid, {current_function, {erlang, hibernate, 3}}, 3) end}, {send, close()}, eof])].

%% Whether the connection's process comes to hibernate.
-spec hibernates(map()) -> boolean().
hibernates(#{pid := Pid}) -> found(Pid, {current_function, {erlang, hibernate, 3}}, 100).

%% Whether the process comes to be so within some looks at it.
-spec found(pid(), {atom(), term()}, non_neg_integer()) -> boolean().
found(_, _, 0) -> false;
found(Pid, {Key, _} = Wanted, Looks) ->
    case process_info(Pid, Key) of
        Wanted -> true;
        _ -> receive after 10 -> found(Pid, Wanted, Looks - 1) end
    end.

-spec listeners() -> [map()].
listeners() ->
    Trapping = #{websocket_init => fun(S) -> process_flag(trap_exit, true), {[], S} end},
    [scenario("stop_listener ends a session without a word", #{}, [{await, websocket_init}, unlisten, eof]),
     (scenario("stop_listener and a handler that traps exits", Trapping, [{await, websocket_init}, unlisten, eof]))
     #{deviates => [{callbacks, [{init, <<"GET">>, <<"/ws">>}, {websocket_init, {state, 0}}],
                     [{init, <<"GET">>, <<"/ws">>}, {websocket_init, {state, 0}}, {terminate, shutdown, {state, 0}}], "since 2.14.1 terminate is called"},
                    {exits, [shutdown], [normal], "since 2.14.1 it is a normal end"}]},
     asked("ranch:procs lists the connection", fun(#{ref := Ref, pid := Pid}) -> ranch:procs(Ref, connections) =:= [Pid] end),
     asked("ranch:info counts it", fun(#{ref := Ref}) ->
         %% A proplist in Ranch 1, a map in Ranch 2.
         case ranch:info(Ref) of
             #{all_connections := Count} -> Count;
             Info -> proplists:get_value(all_connections, Info)
         end end),
     asked("a second listener of the same name", fun(#{ref := Ref}) ->
         {error, {already_started, Pid}} = cowboy:start_clear(Ref, [{port, 0}], #{env => #{}}),
         is_pid(Pid) end),
     asked("a port that is taken", fun(#{ref := Ref}) ->
         cowboy:start_clear(another, [{port, ranch:get_port(Ref)}], #{env => #{}}) end),
     (asked("stop_listener of nobody", fun(_) -> cowboy:stop_listener(nobody) end))
     #{deviates => [{wire, {node, {error, badarg}}, {node, {error, not_found}}, "what the manual promises; Ranch 2.1 raises badarg"}]},
     #{name => "set_env changes the routes of new connections",
       steps => [{node, fun(#{ref := Ref}) -> cowboy:set_env(Ref, dispatch, cowboy_router:compile([])) end}, reopen,
                 {send, oracle_run:handshake()}, response],
       script => #{}}].
