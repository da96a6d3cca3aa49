%% @doc Scenarios for Cowboy 1 handlers, with what Cowboy 1.1.2 does with them.
-module(oracle_generation_1).

-export([tables/0]).

-import(oracle_frame, [text/1, binary/1, ping/1, pong/1, close/0, close/2, frame/2, frame/3, hex/1]).
-import(oracle_run, [handshake/0, handshake/1]).

-define(UPGRADED, [{init, {tcp, http}}, {websocket_init, tcp}]).
-define(TERMINATED(Reason), {terminate, Reason, {state, 0}}).

-spec tables() -> [{atom(), [map()]}].
tables() ->
    [{handshakes, handshakes()}, {refusals, refusals()}, {frames, frames()}, {violations, violations()}, {returns, returns()},
     {closes, closes()}, {bad_returns, bad_returns()}, {crashes, crashes()}, {websocket_inits, websocket_inits()},
     {timeouts, timeouts()}, {process, a_process()}, {requests, requests()}, {plain, plain()}, {around, around()},
     {logs, logs()}, {mixed_listeners, mixed_listeners()}].

%% A session: what comes after the 101, what is called after websocket_init, how the process ends.
-spec session(string(), map(), [oracle_run:step()], [term()], [term()], [term()]) -> map().
session(Name, Script, Steps, Wire, Callbacks, Exits) ->
    #{name => Name, script => Script, steps => [upgrade_silently | Steps],
      expect => #{wire => Wire, callbacks => ?UPGRADED ++ Callbacks, exits => Exits}}.

%% One text "x" that ends the session.
-spec ending(string(), map(), binary(), [term()], [term()]) -> map().
ending(Name, Script, Bytes, After, Exits) ->
    session(Name, Script, [{send, text(<<"x">>)}, eof], [{eof, Bytes}], [{handle, {text, <<"x">>}, {state, 0}} | After], Exits).

-spec handshakes() -> [map()].
handshakes() ->
    Accept = <<"sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n">>,
    Up = fun(Name, Script, Bytes, Head) ->
        #{name => Name, script => Script, steps => [{send, Bytes}, raw_head, {send, close()}, eof],
          expect => #{wire => [iolist_to_binary([Head, <<"\r\n">>]), {eof, hex("8800")}], callbacks => ?UPGRADED ++ [?TERMINATED({remote, closed})]}} end,
    Plain = [<<"HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n">>, Accept],
    Set = fun(Req) -> cowboy_req:set_resp_header(<<"x-a">>, <<"1">>, Req) end,
    WithHeader = [<<"HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nx-a: 1\r\nupgrade: websocket\r\n">>, Accept],
    [Up("neither date nor server in the 101", #{}, handshake(), Plain),
     Up("connection: keep-alive, Upgrade", #{}, handshake([{<<"connection">>, <<"keep-alive, Upgrade">>}]), Plain),
     Up("version 8", #{}, handshake([{<<"sec-websocket-version">>, <<"8">>}]), Plain),
     Up("malformed extensions are ignored", #{}, handshake([{<<"sec-websocket-extensions">>, <<";;">>}]), Plain),
     Up("permessage-deflate is never negotiated", #{}, handshake([{<<"sec-websocket-extensions">>, <<"permessage-deflate">>}]), Plain),
     Up("HTTP/1.0 is upgraded", #{}, binary:replace(iolist_to_binary(handshake()), <<"HTTP/1.1">>, <<"HTTP/1.0">>),
        binary:replace(iolist_to_binary(Plain), <<"HTTP/1.1">>, <<"HTTP/1.0">>)),
     Up("POST is upgraded", #{}, binary:replace(iolist_to_binary(handshake()), <<"GET">>, <<"POST">>), Plain),
     Up("a header set in websocket_init", #{websocket_init => fun(Req, S) -> {ok, Set(Req), oracle_handler_1:state(S)} end}, handshake(), WithHeader),
     Up("a header set in init, by the five-tuple", #{init => fun(Req, Opts) -> {upgrade, protocol, cowboy_websocket, Set(Req), Opts} end}, handshake(), WithHeader),
     #{name => "a header set twice is there twice", steps => [{send, handshake()}, head, {send, close()}, eof],
       script => #{websocket_init => fun(Req, S) -> {ok, Set(Set(Req)), oracle_handler_1:state(S)} end},
       expect => #{wire => [{head, <<"HTTP/1.1 101 Switching Protocols">>,
                             [{<<"connection">>, <<"Upgrade">>}, {<<"sec-websocket-accept">>, <<"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=">>},
                              {<<"upgrade">>, <<"websocket">>}, {<<"x-a">>, <<"1">>}, {<<"x-a">>, <<"1">>}]}, {eof, hex("8800")}]}},
     Up("a cookie carries its version", #{websocket_init => fun(Req, S) ->
            {ok, cowboy_req:set_resp_cookie(<<"a">>, <<"1">>, [{path, <<"/">>}], Req), oracle_handler_1:state(S)} end},
        handshake(), [<<"HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nset-cookie: a=1; Version=1; Path=/\r\nupgrade: websocket\r\n">>, Accept]),
     (session("a frame in the handshake's segment is lost", #{}, [],
              [hex("810162"), {eof, hex("8800")}], [{handle, {text, <<"b">>}, {state, 0}}, ?TERMINATED({remote, closed})], [normal]))
     #{steps => [{upgrade_silently, text(<<"a">>)}, {send, text(<<"b">>)}, {frames, 1}, {send, close()}, eof]}].

-spec refusals() -> [map()].
refusals() ->
    [#{name => "refused: " ++ Name, steps => [{send, handshake([{Field, Value}])}, status, eof],
       expect => #{wire => [<<"HTTP/1.1 400 Bad Request">>, {eof, <<>>}], callbacks => [{init, {tcp, http}}]}}
     || {Name, Field, Value} <-
            [{"no upgrade", <<"upgrade">>, none}, {"no connection", <<"connection">>, none}, {"connection: close", <<"connection">>, <<"close">>},
             {"upgrade: foo", <<"upgrade">>, <<"foo">>}, {"upgrade: foo, websocket", <<"upgrade">>, <<"foo, websocket">>},
             {"no version", <<"sec-websocket-version">>, none}, {"version 6", <<"sec-websocket-version">>, <<"6">>},
             {"version abc", <<"sec-websocket-version">>, <<"abc">>}, {"no key", <<"sec-websocket-key">>, none}]].

-spec frames() -> [map()].
frames() ->
    Talk = fun(Name, Bytes, Frames, Wire, Calls) ->
        session(Name, #{}, [{send, Bytes}] ++ [{frames, Frames} || Frames > 0] ++ [{await, handle, length(Calls)}, {send, close()}, eof],
                Wire ++ [{eof, hex("8800")}], [{handle, F, {state, 0}} || F <- Calls] ++ [?TERMINATED({remote, closed})], [normal]) end,
    [Talk("text", text(<<"hello">>), 1, [hex("8105 68656c6c6f")], [{text, <<"hello">>}]),
     Talk("an empty text", text(<<>>), 1, [hex("8100")], [{text, <<>>}]),
     Talk("binary", binary(<<0, 255>>), 1, [hex("8202 00ff")], [{binary, <<0, 255>>}]),
     Talk("an empty ping is a tuple", ping(<<>>), 1, [hex("8a00")], [{ping, <<>>}]),
     Talk("a ping", ping(<<"p">>), 1, [hex("8a01 70")], [{ping, <<"p">>}]),
     Talk("an empty pong is a tuple", pong(<<>>), 0, [], [{pong, <<>>}]),
     Talk("a pong", pong(<<"p">>), 0, [], [{pong, <<"p">>}]),
     Talk("fragments", [frame(1, <<"a">>, #{fin => 0}), ping(<<>>), frame(0, <<"b">>)], 2, [hex("8a00 8102 6162")], [{ping, <<>>}, {text, <<"ab">>}]),
     Talk("several frames in one segment", [text(<<"a">>), text(<<"b">>), binary(<<"c">>)], 3, [hex("810161 810162 820163")],
          [{text, <<"a">>}, {text, <<"b">>}, {binary, <<"c">>}]),
     Talk("there is no frame limit", text(binary:copy(<<"x">>, 1500000)), 1,
          [oracle_term:normal(<<16#81, 127, 1500000:64, (binary:copy(<<"x">>, 1500000))/binary>>)], [oracle_term:normal({text, binary:copy(<<"x">>, 1500000)})])].

-spec violations() -> [map()].
violations() ->
    Ends = fun(Name, Bytes, Wire, Reason) -> session(Name, #{}, [{send, Bytes}, eof], [{eof, hex(Wire)}], [?TERMINATED(Reason)], [normal]) end,
    [Ends("a reserved opcode", frame(3, <<>>), "8802 03ea", {error, badframe}),
     Ends("RSV1", frame(1, <<"x">>, #{rsv => 4}), "8802 03ea", {error, badframe}),
     Ends("an unmasked frame", frame(1, <<"x">>, #{masked => false}), "8802 03ea", {error, badframe}),
     Ends("an unmasked empty frame", frame(1, <<>>, #{masked => false}), "8802 03ea", {error, badframe}),
     Ends("a fragmented ping", frame(9, <<>>, #{fin => 0}), "8802 03ea", {error, badframe}),
     Ends("a ping of 126 bytes", ping(binary:copy(<<"x">>, 126)), "8802 03ea", {error, badframe}),
     Ends("a stray continuation", frame(0, <<"x">>), "8802 03ea", {error, badframe}),
     Ends("text inside a fragmented message", [frame(1, <<"a">>, #{fin => 0}), text(<<"b">>)], "8802 03ea", {error, badframe}),
     Ends("a close frame of one byte", frame(8, <<3>>), "8802 03ea", {error, badframe}),
     Ends("close code 1006", close(1006, <<>>), "8802 03ea", {error, badframe}),
     Ends("close code 1012", close(1012, <<>>), "8802 03ea", {error, badframe}),
     Ends("a length that is not minimal", frame(1, <<"x">>, #{length => 16}), "8802 03ea", {error, badframe}),
     Ends("text that is not UTF-8", text(<<255>>), "8802 03ef", {error, badencoding}),
     Ends("text cut inside a character", text(<<16#CE>>), "8802 03ef", {error, badencoding}),
     Ends("a close reason that is not UTF-8", close(1000, <<255>>), "8802 03ef", {error, badencoding}),
     Ends("an empty close frame", close(), "8800", {remote, closed}),
     Ends("a close frame with a reason", close(1000, <<"bye">>), "8802 03e8", {remote, 1000, <<"bye">>}),
     Ends("a close frame with a code", close(4999, <<>>), "8802 1387", {remote, 4999, <<>>}),
     Ends("what follows a close frame is ignored", [close(), text(<<"x">>)], "8800", {remote, closed}),
     session("the peer disconnects", #{}, [{await, websocket_init}, close], [], [?TERMINATED({error, closed})], [normal]),
     session("the peer resets the connection", #{}, [{await, websocket_init}, reset], [], [?TERMINATED({error, closed})], [normal]),
     session("the peer half-closes", #{}, [{await, websocket_init}, shutdown, eof], [{eof, <<>>}], [?TERMINATED({error, closed})], [normal])].

-spec returns() -> [map()].
returns() ->
    A = {text, <<"a">>},
    [returned(Callback, Name, Fun, Wire) || Callback <- [handle, info],
        {Name, Fun, Wire} <-
            [{"{ok, Req, S}", fun(R, S) -> {ok, R, S} end, <<>>},
             {"{ok, Req, S, hibernate}", fun(R, S) -> {ok, R, S, hibernate} end, <<>>},
             {"{reply, Frame, Req, S}", fun(R, S) -> {reply, A, R, S} end, hex("810161")},
             {"{reply, Frame, Req, S, hibernate}", fun(R, S) -> {reply, A, R, S, hibernate} end, hex("810161")},
             {"{reply, Frames, Req, S}", fun(R, S) -> {reply, [A, ping, {binary, ["b", <<"c">>]}, {pong, <<"p">>}], R, S} end, hex("810161 8900 82026263 8a0170")},
             {"{reply, [], Req, S}", fun(R, S) -> {reply, [], R, S} end, <<>>},
             {"{reply, ping, Req, S}", fun(R, S) -> {reply, ping, R, S} end, hex("8900")}]].

-spec returned(handle | info, string(), fun((term(), map()) -> term()), binary()) -> map().
returned(Callback, Name, Fun, Wire) ->
    Once = fun(_, R, #{s := 0} = S) -> Fun(R, S#{s := 1});
              (_, R, S) -> {ok, R, S} end,
    {Provoke, Event, Seen} = case Callback of
        handle -> {{send, text(<<"x">>)}, {handle, {text, <<"x">>}, {state, 0}}, []};
        info -> {{message, x}, {info, x, {state, 0}}, [{message, sent}]}
    end,
    session(lists:concat([Callback, ": ", Name]), #{Callback => Once}, [Provoke, {await, Callback}, {send, close()}, eof],
            Seen ++ [{eof, <<Wire/binary, 16#88, 0>>}], [Event, {terminate, {remote, closed}, {state, 1}}], [normal]).

-spec closes() -> [map()].
closes() ->
    A = {text, <<"a">>},
    [ending(Name, #{handle => fun(_, R, S) -> Return(R, S#{s := 1}) end}, hex(Wire), [{terminate, {normal, shutdown}, {state, 1}}], [normal])
     || {Name, Return, Wire} <-
            [{"{shutdown, Req, S}", fun(R, S) -> {shutdown, R, S} end, "8802 03e8"},
             {"a close frame", fun(R, S) -> {reply, close, R, S} end, "8800"},
             {"{close, Text}", fun(R, S) -> {reply, {close, <<"bye">>}, R, S} end, "8805 03e8 627965"},
             {"{close, Code, Text}", fun(R, S) -> {reply, {close, 4001, ["b", <<"ye">>]}, R, S} end, "8805 0fa1 627965"},
             {"close frames in a list", fun(R, S) -> {reply, [A, close, A], R, S} end, "810161 8800"},
             {"a close frame and hibernate", fun(R, S) -> {reply, close, R, S, hibernate} end, "8800"}]].

-spec bad_returns() -> [map()].
bad_returns() ->
    A = {text, <<"a">>},
    [ending(Name, #{handle => fun(_, R, S) -> Return(R, S) end}, hex(Wire), [], [Exit])
     || {Name, Return, Wire, Exit} <-
            [{"a bad atom", fun(_, _) -> bad end, "", {{try_clause, bad}, '<stack>'}},
             {"Cowboy 2's stop", fun(_, _) -> {stop, x} end, "", {{try_clause, {stop, x}}, '<stack>'}},
             {"Cowboy 2's commands", fun(_, _) -> {[], x} end, "", {{try_clause, {[], x}}, '<stack>'}},
             {"a ping of 126 bytes", fun(R, S) -> {reply, [A, {ping, binary:copy(<<"p">>, 126)}], R, S} end, "810161", {{badmatch, false}, '<stack>'}},
             {"a bad frame after a good one", fun(R, S) -> {reply, [A, bad, A], R, S} end, "810161", {function_clause, '<stack>'}},
             {"a bad frame", fun(R, S) -> {reply, bad, R, S} end, "", {function_clause, '<stack>'}}]].

%% The proplist that Cowboy 1 exits with.
-spec report(term(), atom(), [{atom(), term()}]) -> [{atom(), term()}].
report(Reason, Callback, More) ->
    [{reason, Reason}, {mfa, {oracle_handler_1, Callback, 3}}, {stacktrace, '<stack>'} | More].

-spec crashes() -> [map()].
crashes() ->
    Msg = [{msg, {text, <<"x">>}}, {req, '<req>'}, {state, {state, 0}}],
    Handle = report(boom, websocket_handle, Msg),
    [ending("handle: " ++ Name, #{handle => Fun}, hex("8802 03f3"), [?TERMINATED({error, handler})], [Exit])
     || {Name, Fun, Exit} <- [{"error", fun(_, _, _) -> error(boom) end, {Handle, '<stack>'}},
                              {"exit", fun(_, _, _) -> exit(boom) end, Handle},
                              {"throw", fun(_, _, _) -> throw(boom) end, {{nocatch, Handle}, '<stack>'}},
                              {"exit(normal)", fun(_, _, _) -> exit(normal) end, report(normal, websocket_handle, Msg)}]]
    ++ [session("info: error", #{info => fun(_, _, _) -> error(boom) end}, [{message, x}, eof], [{message, sent}, {eof, hex("8802 03f3")}],
                [{info, x, {state, 0}}, ?TERMINATED({error, handler})],
                [{report(boom, websocket_info, [{msg, x}, {req, '<req>'}, {state, {state, 0}}]), '<stack>'}]),
        session("a pong goes out although the handler crashes on the ping", #{handle => fun(_, _, _) -> error(boom) end}, [{send, ping(<<"p">>)}, eof],
                [{eof, hex("8a0170 8802 03f3")}], [{handle, {ping, <<"p">>}, {state, 0}}, ?TERMINATED({error, handler})],
                [{report(boom, websocket_handle, [{msg, {ping, <<"p">>}}, {req, '<req>'}, {state, {state, 0}}]), '<stack>'}]),
        session("terminate: error", #{terminate => fun(_, _, _) -> error(boom) end}, [{send, close()}, eof], [{eof, hex("8800")}],
                [?TERMINATED({remote, closed})],
                [{report(boom, websocket_terminate, [{req, '<req>'}, {state, {state, 0}}, {terminate_reason, {remote, closed}}]), '<stack>'}]),
        ending("a reply in websocket_handle is a crash", #{handle => fun(_, R, S) -> {ok, R2} = cowboy_req:reply(200, R), {ok, R2, S} end}, hex("8802 03f3"),
               [?TERMINATED({error, handler})], [{report(function_clause, websocket_handle, Msg), '<stack>'}]),
        failing_init("init: error", #{init => fun(_, _) -> error(boom) end, watch_init => true}, <<"HTTP/1.1 500 Internal Server Error">>),
        failing_init("init: throw", #{init => fun(_, _) -> throw(boom) end, watch_init => true}, <<"HTTP/1.1 500 Internal Server Error">>),
        #{name => "init: a bad return", script => #{init => fun(_, _) -> bad end, watch_init => true}, steps => [{send, handshake()}, eof],
          expect => #{wire => [{eof, <<>>}], callbacks => [{init, {tcp, http}}], init_exits => [{{try_clause, bad}, '<stack>'}]}}].

-spec failing_init(string(), map(), binary()) -> map().
failing_init(Name, Script, Status) ->
    #{name => Name, script => Script, steps => [{send, handshake()}, status, eof],
      expect => #{wire => [Status, {eof, <<>>}], callbacks => [{init, {tcp, http}}]}}.

-spec websocket_inits() -> [map()].
websocket_inits() ->
    Good = fun(Name, Return) ->
        session("websocket_init: " ++ Name, #{websocket_init => fun(R, Opts) -> Return(R, oracle_handler_1:state(Opts)) end}, [{send, text(<<"a">>)}, {frames, 1}, {send, close()}, eof],
                [hex("810161"), {eof, hex("8800")}], [{handle, {text, <<"a">>}, {state, 0}}, ?TERMINATED({remote, closed})], [normal]) end,
    Refused = fun(Name, Fun, Status) ->
        #{name => "websocket_init: " ++ Name, script => #{websocket_init => Fun}, steps => [{send, handshake()}, status],
          expect => #{wire => [Status], callbacks => ?UPGRADED}} end,
    [Good("{ok, Req, S}", fun(R, S) -> {ok, R, S} end),
     Good("{ok, Req, S, hibernate}", fun(R, S) -> {ok, R, S, hibernate} end),
     Good("{ok, Req, S, Timeout}", fun(R, S) -> {ok, R, S, 60000} end),
     Good("{ok, Req, S, infinity}", fun(R, S) -> {ok, R, S, infinity} end),
     Good("{ok, Req, S, Timeout, hibernate}", fun(R, S) -> {ok, R, S, 60000, hibernate} end),
     Refused("{shutdown, Req}", fun(R, _) -> {shutdown, R} end, <<"HTTP/1.1 400 Bad Request">>),
     Refused("{shutdown, Req} after a reply", fun(R, _) -> {ok, R2} = cowboy_req:reply(403, R), {shutdown, R2} end, <<"HTTP/1.1 403 Forbidden">>),
     Refused("error", fun(_, _) -> error(boom) end, <<"HTTP/1.1 500 Internal Server Error">>),
     #{name => "websocket_init: a bad return", script => #{websocket_init => fun(_, _) -> bad end}, steps => [{send, handshake()}, eof],
       expect => #{wire => [{eof, <<>>}], callbacks => ?UPGRADED, exits => [{{try_clause, bad}, '<stack>'}]}}].

-spec timeouts() -> [map()].
timeouts() ->
    Init = fun(Timeout, More) -> More#{websocket_init => fun(R, Opts) -> erlang:send_after(150, self(), tick), {ok, R, oracle_handler_1:state(Opts), Timeout} end} end,
    Tick = {info, tick, {state, 0}},
    [session("a timeout", #{websocket_init => fun(R, Opts) -> {ok, R, oracle_handler_1:state(Opts), 100} end}, [eof], [{eof, hex("8802 03e8")}],
             [?TERMINATED({normal, timeout})], [normal]),
     session("messages do not restart the timeout", Init(250, #{}), [eof], [{eof, hex("8802 03e8")}], [Tick, ?TERMINATED({normal, timeout})], [normal]),
     session("there is no timeout by default", Init(infinity, #{info => fun(_, R, S) -> {reply, {text, <<"t">>}, R, S} end}), [{frames, 1}, {send, close()}, eof],
             [hex("810174"), {eof, hex("8800")}], [Tick, ?TERMINATED({remote, closed})], [normal]),
     session("a part of a frame restarts the timeout", #{websocket_init => fun(R, Opts) -> {ok, R, oracle_handler_1:state(Opts), 600} end},
             [{send, hex("8181")}, {pause, 400}, {send, hex("0000")}, {pause, 400}, {send, hex("0000 61")}, {frames, 1}, {send, close()}, eof],
             [hex("810161"), {eof, hex("8800")}], [{handle, {text, <<"a">>}, {state, 0}}, ?TERMINATED({remote, closed})], [normal])].

-spec a_process() -> [map()].
a_process() ->
    Told = fun(Name, Tell, Seen) ->
        session(Name, #{}, [{await, websocket_init}, {node, fun(#{pid := Pid}) -> Tell(Pid), told end}, {await, info}, {send, close()}, eof],
                [{node, told}, {eof, hex("8800")}], [{info, Seen, {state, 0}}, ?TERMINATED({remote, closed})], [normal]) end,
    Init = fun(Fun) -> #{init => fun(Req, Opts) -> Fun(), {upgrade, protocol, cowboy_websocket, Req, Opts} end} end,
    [Told("a message", fun(Pid) -> Pid ! hello end, hello),
     Told("a cast", fun(Pid) -> gen_server:cast(Pid, hello) end, {'$gen_cast', hello}),
     Told("a call is a message like any other", fun(Pid) -> Pid ! {'$gen_call', {self(), make_ref()}, hello} end, {'$gen_call', {'<pid>', '<ref>'}, hello}),
     Told("a system message is a message like any other", fun(Pid) -> Pid ! {system, {self(), make_ref()}, get_state} end, {system, {'<pid>', '<ref>'}, get_state}),
     Told("an EXIT tuple", fun(Pid) -> Pid ! {'EXIT', self(), boom} end, {'EXIT', '<pid>', boom}),
     Told("a timeout that is not ours", fun(Pid) -> Pid ! {timeout, make_ref(), mine} end, {timeout, '<ref>', mine}),
     session("init's message to itself", Init(fun() -> self() ! hello end), [{await, info}, {send, close()}, eof], [{eof, hex("8800")}],
             [{info, hello, {state, 0}}, ?TERMINATED({remote, closed})], [normal]),
     session("init's process dictionary", (Init(fun() -> put(oracle, 1) end))#{handle => fun(_, R, S) -> {reply, {text, integer_to_list(get(oracle))}, R, S} end},
             [{send, text(<<"x">>)}, {frames, 1}, {send, close()}, eof], [hex("810131"), {eof, hex("8800")}],
             [{handle, {text, <<"x">>}, {state, 0}}, ?TERMINATED({remote, closed})], [normal]),
     session("a linked process crashes", #{handle => fun(_, R, S) -> spawn_link(fun() -> exit(boom) end), {ok, R, S} end}, [{send, text(<<"x">>)}, eof],
             [{eof, <<>>}], [{handle, {text, <<"x">>}, {state, 0}}], [boom]),
     session("a kill", #{}, [{await, websocket_init}, {node, fun(#{pid := Pid}) -> exit(Pid, kill) end}, eof], [{node, true}, {eof, <<>>}], [], [killed]),
     session("stop_listener ends a session without a word", #{}, [{await, websocket_init}, unlisten, eof], [{unlisten, ok}, {eof, <<>>}], [], [shutdown]),
     session("hibernate", #{handle => fun(_, R, S) -> {ok, R, S, hibernate} end},
             [{send, text(<<"x">>)}, {await, handle}, {node, fun oracle_processes:hibernates/1}, {send, close()}, eof],
             [{node, true}, {eof, hex("8800")}], [{handle, {text, <<"x">>}, {state, 0}}, ?TERMINATED({remote, closed})], [normal])].

-spec requests() -> [map()].
requests() ->
    Peek = fun(Name, Fun, Seen) ->
        #{name => Name, script => #{init => fun(Req, Opts) ->
              {Value, Req2} = Fun(Req),
              oracle_trace:note(Opts, Value),
              {ok, Req3} = cowboy_req:reply(200, Req2),
              {shutdown, Req3, oracle_handler_1:state(Opts)} end},
          steps => [{send, oracle_run:request(<<"GET /ws?a=1&b HTTP/1.1">>, [{<<"X-A">>, <<"1">>}, {<<"cookie">>, <<"c=d">>}, {<<"sec-websocket-protocol">>, <<"chat, SuperChat">>}])}, status, {await, note, 2}],
          expect => #{wire => [<<"HTTP/1.1 200 OK">>], callbacks => [{init, {tcp, http}}, {note, Seen}, {note, {plain_terminate, {normal, shutdown}}}]}} end,
    [Peek("method", fun cowboy_req:method/1, <<"GET">>), Peek("version", fun cowboy_req:version/1, 'HTTP/1.1'), Peek("host", fun cowboy_req:host/1, <<"localhost">>),
     Peek("port", fun cowboy_req:port/1, 80), Peek("path", fun cowboy_req:path/1, <<"/ws">>), Peek("qs", fun cowboy_req:qs/1, <<"a=1&b">>),
     Peek("path_info", fun cowboy_req:path_info/1, undefined), Peek("bindings", fun cowboy_req:bindings/1, []),
     Peek("qs_vals", fun cowboy_req:qs_vals/1, [{<<"a">>, <<"1">>}, {<<"b">>, true}]), Peek("qs_val", fun(R) -> cowboy_req:qs_val(<<"a">>, R) end, <<"1">>),
     Peek("qs_val with a default", fun(R) -> cowboy_req:qs_val(<<"z">>, R, none) end, none), Peek("header", fun(R) -> cowboy_req:header(<<"x-a">>, R) end, <<"1">>),
     Peek("a missing header", fun(R) -> cowboy_req:header(<<"x-z">>, R) end, undefined), Peek("cookie", fun(R) -> cowboy_req:cookie(<<"c">>, R) end, <<"d">>),
     Peek("url", fun cowboy_req:url/1, <<"http://localhost/ws?a=1&b">>), Peek("a binding's default", fun(R) -> cowboy_req:binding(x, R, none) end, none),
     Peek("meta", fun(R) -> cowboy_req:meta(m, cowboy_req:set_meta(m, 1, R)) end, 1),
     Peek("peer", fun(R) -> {{Ip, _}, R2} = cowboy_req:peer(R), {Ip, R2} end, {127, 0, 0, 1}),
     Peek("parse_header of subprotocols", fun(R) -> {ok, V, R2} = cowboy_req:parse_header(<<"sec-websocket-protocol">>, R), {V, R2} end, [<<"chat">>, <<"SuperChat">>]),
     Peek("parse_header of a missing one", fun(R) -> {ok, V, R2} = cowboy_req:parse_header(<<"content-type">>, R), {V, R2} end, undefined),
     session("Req in a callback", #{handle => fun(_, R, S) -> {Path, R2} = cowboy_req:path(R), {Version, R3} = cowboy_req:meta(websocket_version, R2),
                                              {reply, {text, [Path, integer_to_list(Version)]}, R3, S} end},
             [{send, text(<<"x">>)}, {frames, 1}, {send, close()}, eof], [hex("8105 2f77733133"), {eof, hex("8800")}],
             [{handle, {text, <<"x">>}, {state, 0}}, ?TERMINATED({remote, closed})], [normal]),
     session("a compacted Req", #{websocket_init => fun(R, Opts) -> {ok, cowboy_req:compact(R), oracle_handler_1:state(Opts)} end,
                                  handle => fun(_, R, S) -> {Headers, R2} = cowboy_req:headers(R), {reply, {text, integer_to_list(length(Headers))}, R2, S} end},
             [{send, text(<<"x">>)}, {frames, 1}, {send, close()}, eof], [hex("810130"), {eof, hex("8800")}],
             [{handle, {text, <<"x">>}, {state, 0}}, ?TERMINATED({remote, closed})], [normal])].

-spec plain() -> [map()].
plain() ->
    Get = {send, oracle_run:request(<<"GET /ws HTTP/1.1">>, [])},
    Init = fun(R, Opts) -> {ok, R, oracle_handler_1:state(Opts)} end,
    [#{name => "init, handle and terminate of a plain handler", script => #{init => Init, plain_handle => fun(R, S) -> {ok, R2} = cowboy_req:reply(200, [], <<"hi">>, R), {ok, R2, S} end},
       steps => [Get, {response, body}, {await, note, 2}, Get, {response, body}, {await, note, 4}],
       expect => #{wire => [{<<"HTTP/1.1 200 OK">>, <<"hi">>}, {<<"HTTP/1.1 200 OK">>, <<"hi">>}],
                   callbacks => lists:append(lists:duplicate(2, [{init, {tcp, http}}, {note, handle}, {note, {plain_terminate, {normal, shutdown}}}]))}},
     #{name => "a plain handler without a reply is 204", script => #{init => Init}, steps => [Get, status],
       expect => #{wire => [<<"HTTP/1.1 204 No Content">>]}},
     #{name => "{shutdown, Req, S} of init is 204", script => #{init => fun(R, Opts) -> {shutdown, R, oracle_handler_1:state(Opts)} end}, steps => [Get, status],
       expect => #{wire => [<<"HTTP/1.1 204 No Content">>]}},
     #{name => "an unknown path", steps => [{send, oracle_run:request(<<"GET /no HTTP/1.1">>, [])}, status], expect => #{wire => [<<"HTTP/1.1 404 Not Found">>], callbacks => []}},
     #{name => "a request body", script => #{init => Init, plain_handle => fun(R, S) -> {ok, Body, R2} = cowboy_req:body(R), {ok, R3} = cowboy_req:reply(200, [], Body, R2), {ok, R3, S} end},
       steps => [{send, [oracle_run:request(<<"POST /ws HTTP/1.1">>, [{<<"content-length">>, <<"5">>}]), <<"hello">>]}, {response, body}],
       expect => #{wire => [{<<"HTTP/1.1 200 OK">>, <<"hello">>}]}}].

-spec around() -> [map()].
around() ->
    Note = fun(Req, Env) -> oracle_trace:note(proplists:get_value(handler_opts, Env), {result, proplists:get_value(result, Env)}), {ok, Req, Env} end,
    Chain = fun(Middlewares) -> [{middlewares, Middlewares}, {env, [{oracle, Note}]}] end,
    [#{name => "a middleware after the handler runs once the session has ended", proto => Chain([cowboy_router, cowboy_handler, oracle_middleware]),
       steps => [upgrade_silently, {send, close()}, eof],
       expect => #{wire => [{eof, hex("8800")}], callbacks => ?UPGRADED ++ [?TERMINATED({remote, closed}), {note, {result, closed}}]}},
     #{name => "a middleware before the handler", proto => Chain([cowboy_router, oracle_middleware, cowboy_handler]),
       steps => [upgrade_silently, {send, close()}, eof],
       expect => #{wire => [{eof, hex("8800")}], callbacks => [{note, {result, undefined}} | ?UPGRADED] ++ [?TERMINATED({remote, closed})]}},
     #{name => "onresponse sees the 101 and its headers",
       proto => [{onresponse, fun(Status, Headers, Body, Req) ->
           oracle_trace:note({Status, lists:keyfind(<<"upgrade">>, 1, Headers), Body}),
           Req end}],
       steps => [upgrade_silently, {send, close()}, eof],
       expect => #{wire => [{eof, hex("8800")}],
                   callbacks => ?UPGRADED ++ [{note, {101, {<<"upgrade">>, <<"websocket">>}, <<>>}}, ?TERMINATED({remote, closed})]}},
     #{name => "onrequest changes Req", proto => [{onrequest, fun(Req) -> cowboy_req:set_resp_header(<<"x-on">>, <<"1">>, Req) end}],
       steps => [{send, handshake()}, {has_field, <<"x-on">>}, {send, close()}, eof],
       expect => #{wire => [<<"1">>, {eof, hex("8800")}]}},
     #{name => "raw routes by bindings and constraints", routes => fun(Script) -> [{'_', [{"/:id", [{id, int}], oracle_handler_1, Script}]}] end,
       script => #{websocket_init => fun(R, Opts) -> {Id, R2} = cowboy_req:binding(id, R), oracle_trace:note(Opts, Id), {ok, R2, oracle_handler_1:state(Opts)} end},
       steps => [{send, binary:replace(iolist_to_binary(handshake()), <<"/ws">>, <<"/42">>)}, head_silently, {send, close()}, eof],
       expect => #{wire => [{eof, hex("8800")}], callbacks => ?UPGRADED ++ [{note, 42}, ?TERMINATED({remote, closed})]}}].

-spec logs() -> [map()].
logs() ->
    Line = "Ranch listener ~p had connection process started with ~p:start_link/4 at ~p exit with reason: ~999999p~n",
    Msg = [{msg, {text, <<"x">>}}, {req, '<req>'}, {state, {state, 0}}],
    Logged = fun(Name, Handle, Lines) ->
        #{name => "logged: " ++ Name, logs => length(Lines), script => #{handle => Handle}, steps => [upgrade_silently, {send, text(<<"x">>)}, eof],
          expect => #{logs => [{Line, [cowboy_protocol, '<pid>', Reason]} || Reason <- Lines]}} end,
    [Logged("error", fun(_, _, _) -> error(boom) end, [{report(boom, websocket_handle, Msg), '<stack>'}]),
     Logged("a bad return", fun(_, _, _) -> bad end, [{{try_clause, bad}, '<stack>'}]),
     Logged("nothing of a shutdown", fun(_, R, S) -> {shutdown, R, S} end, [])].

%% Handlers of either generation under a listener of either: the handler's own rules hold.
-spec mixed_listeners() -> [map()].
mixed_listeners() ->
    Own = [{init, <<"GET">>, <<"/ws">>}, {websocket_init, {state, 0}}, {handle, ping, {state, 0}}, ?TERMINATED(remote)],
    Head2 = [{<<"connection">>, <<"Upgrade">>}, {<<"date">>, <<"(date)">>}, {<<"sec-websocket-accept">>, <<"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=">>},
             {<<"server">>, <<"Cowboy">>}, {<<"upgrade">>, <<"websocket">>}],
    Head1 = [Field || {Name, _} = Field <- Head2, Name =/= <<"date">>, Name =/= <<"server">>],
    Steps = [{send, handshake()}, head, {send, ping(<<>>)}, {frames, 1}, {send, close()}, eof],
    Wire = fun(Head) -> [{head, <<"HTTP/1.1 101 Switching Protocols">>, Head}, hex("8a00"), {eof, hex("8800")}] end,
    [#{name => "a Cowboy 2 handler under start_http", handler => oracle_handler, steps => Steps, expect => #{wire => Wire(Head2), callbacks => Own, exits => [normal]}},
     #{name => "a Cowboy 1 handler under start_clear", generation => 2, handler => oracle_handler_1, steps => Steps,
       expect => #{wire => Wire(Head1), callbacks => ?UPGRADED ++ [{handle, {ping, <<>>}, {state, 0}}, ?TERMINATED({remote, closed})], exits => [normal]}}].
