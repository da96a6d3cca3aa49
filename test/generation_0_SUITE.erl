%% @doc WebSocket handlers of Cowboy 0.2 to 0.6 over raw sockets: every callback, return, reason and byte that they
%% could count on.
-module(generation_0_SUITE).

-export([all/0, suite/0, init_per_suite/1, end_per_suite/1, end_per_testcase/2]).
-export([answer_to_the_handshake/1, what_is_refused_gets_400/1, what_the_handler_sets_is_in_the_101/1,
    the_hook_sees_the_101/1, returns_of_websocket_init/1, shutdown_of_websocket_init/1, early_data_is_lost/1,
    frames_as_the_handler_sees_them/1, frames_as_the_client_sees_them/1, reasons_and_close_frames/1,
    frames_that_kill_the_process/1, returns/1, bad_returns_send_nothing/1, exceptions_are_logged/1,
    exceptions_of_init/1, exceptions_of_websocket_init/1, bad_returns_before_the_101/1, timeout_closes/1,
    messages_and_data_keep_a_session_alive/1, one_process_for_all/1, every_message_reaches_the_handler/1,
    draft_76/1, draft_76_refuses/1, draft_76_waits_for_its_key/1, draft_76_sends_text_alone/1, draft_76_frames/1,
    own_protocols/1, pings_are_answered_before_the_handler_sees_them/1, stopping_the_listener_ends_sessions/1]).

-include_lib("stdlib/include/assert.hrl").
-include_lib("cowboy/include/http.hrl").

-import(oracle_frame, [text/1, binary/1, ping/1, pong/1, close/0, close/2, frame/2, frame/3, hex/1]).
-import(raw_client, [open/1, send/2, exchange/2, handshake/0, handshake/1, handshake/2, head/1, received/2,
    until_eof/1]).
-import(handler_reports, [exit_of/1, calls/1, next_call/0]).
-import(old_client, [connect/2, connect/3, upgraded/1, upgraded/2, listen/1, unlisten/0, hixie/1, lines/1]).

-define(ACCEPT, "Sec-Websocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=").
-define(INIT, {init, {tcp, http}}).
-define(WS_INIT, {websocket_init, tcp}).

-spec suite() -> [term()].
suite() -> [{timetrap, {seconds, 60}}].

-spec all() -> [atom()].
all() -> cowboy_suite:cases(?MODULE).

-spec init_per_suite([term()]) -> [term()].
init_per_suite(Config) -> cowboy_suite:start(Config).

-spec end_per_suite([term()]) -> ok.
end_per_suite(Config) -> cowboy_suite:stop(Config).

-spec end_per_testcase(atom(), [term()]) -> ok.
end_per_testcase(_, _) -> unlisten().

%%% Handshake

-spec answer_to_the_handshake([term()]) -> ok.
answer_to_the_handshake(_) ->
    Switching = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", ?ACCEPT, "Connection: Upgrade"],
    Rows = [
        {"version 13", handshake(), Switching, 13},
        {"version 8", handshake([{"sec-websocket-version", "8"}]), Switching, 8},
        {"version 7", handshake([{"sec-websocket-version", "7"}]), Switching, 7},
        {"keep-alive, Upgrade", handshake([{"connection", "keep-alive, Upgrade"}]), Switching, 13},
        {"UPGRADE", handshake([{"connection", "UPGRADE"}, {"upgrade", "WebSocket"}]), Switching, 13},
        {"a POST", ["POST" | tl(handshake())], Switching, 13},
        {"HTTP/1.0", ["GET /ws HTTP/1.0\r\n" | tl(tl(handshake()))],
            ["HTTP/1.0" ++ tl_of(hd(Switching)) | tl(Switching)], 13}
    ],
    [begin
        Meta = fun(Req, S) -> {V, Req2} = cowboy_http_req:meta(websocket_version, Req), told(S, {version, V}),
            {ok, Req2, S} end,
        {Socket, Pid} = connect(#{websocket_init => Meta}, Request),
        ?assertEqual({Name, Lines}, {Name, lines(head(Socket))}),
        send(Socket, close()),
        ?assertEqual({Name, hex("8800")}, {Name, until_eof(Socket)}),
        ?assertEqual({Name, [?INIT, ?WS_INIT, {version, Version}, {websocket_terminate, {normal, closed}, 0}]},
            {Name, calls(Pid)})
     end || {Name, Request, Lines, Version} <- Rows],
    ok.

-spec tl_of(string()) -> string().
tl_of(Line) -> lists:nthtail(length("HTTP/1.1"), Line).

-spec told(map(), term()) -> term().
told(#{test := Test}, What) -> Test ! {call, What}.

-spec what_is_refused_gets_400([term()]) -> ok.
what_is_refused_gets_400(_) ->
    Rows = [
        {"connection", none}, {"connection", "close"}, {"upgrade", none}, {"upgrade", "foo"},
        {"upgrade", "foo, websocket"},
        {"sec-websocket-version", none}, {"sec-websocket-version", "6"}, {"sec-websocket-version", "14"},
        {"sec-websocket-version", "abc"}, {"sec-websocket-key", none}
    ],
    [begin
        {Socket, Pid} = connect(#{}, handshake([Row])),
        ?assertMatch({Row, <<"HTTP/1.1 400 Bad Request\r\n", _/binary>>}, {Row, until_eof(Socket)}),
        ?assertEqual({Row, [?INIT], normal}, {Row, calls(Pid), exit_of(Pid)})
     end || Row <- Rows],
    ok.

-spec what_the_handler_sets_is_in_the_101([term()]) -> ok.
what_the_handler_sets_is_in_the_101(_) ->
    Init = fun(Req, S) ->
        {ok, Req2} = cowboy_http_req:set_resp_header(<<"Sec-Websocket-Protocol">>, <<"chat">>, Req),
        {ok, Req3} = cowboy_http_req:set_resp_header('Server', <<"Mine">>, Req2),
        {ok, Req4} = cowboy_http_req:set_resp_cookie(<<"a">>, <<"b">>, [{path, <<"/">>}], Req3),
        {ok, Req4, S}
    end,
    {Socket, _} = connect(#{websocket_init => Init}, handshake()),
    ?assertEqual(
        ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", ?ACCEPT, "Server: Mine",
            "Sec-Websocket-Protocol: chat",
            "Set-Cookie: a=b; Version=1; Path=/", "Connection: Upgrade"],
        lines(head(Socket))),
    %% What init/3 did to the Req is lost.
    Lost = fun(Req, _) -> {ok, _} = cowboy_http_req:set_resp_header(<<"X-Lost">>, <<"1">>, Req),
        {upgrade, protocol, cowboy_http_websocket} end,
    {Socket2, _} = connect(#{init => Lost}, handshake()),
    ?assertEqual(["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", ?ACCEPT, "Connection: Upgrade"],
        lines(head(Socket2))).

-spec the_hook_sees_the_101([term()]) -> ok.
the_hook_sees_the_101(_) ->
    Test = self(),
    Hook = fun(Status, Headers, Req) -> Test ! {hook, Status, Headers}, Req end,
    {Socket, _} = connect(#{}, handshake(), [{onresponse, Hook}]),
    _ = head(Socket),
    ?assertEqual({hook, 101, [{<<"Upgrade">>, <<"websocket">>},
        {<<"Sec-Websocket-Accept">>, <<"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=">>},
        {<<"Connection">>, <<"Upgrade">>}]}, receive {hook, _, _} = Seen -> Seen end),
    {Socket2, _} = connect(#{}, [hixie([]), "^n:ds[4U"], [{onresponse, Hook}]),
    _ = head(Socket2),
    ?assertMatch({hook, <<"101 WebSocket Protocol Handshake">>, [{<<"Upgrade">>, <<"WebSocket">>} | _]},
        receive {hook, _, _} = Seen2 -> Seen2 end),
    %% A hook that answers itself is not contradicted.
    Own = fun(101, _, Req) -> {ok, Req2} = cowboy_http_req:reply(418, Req), Req2; (_, _, Req) -> Req end,
    {Socket3, _} = connect(#{}, handshake(), [{onresponse, Own}]),
    ?assertMatch(["HTTP/1.1 418 " ++ _ | _], lines(until_eof(Socket3))).

-spec returns_of_websocket_init([term()]) -> ok.
returns_of_websocket_init(_) ->
    Returns = [
        fun(Req, S) -> {ok, Req, S} end,
        fun(Req, S) -> {ok, Req, S, hibernate} end,
        fun(Req, S) -> {ok, Req, S, infinity} end,
        fun(Req, S) -> {ok, Req, S, 5000} end,
        fun(Req, S) -> {ok, Req, S, 5000, hibernate} end,
        fun(Req, S) -> {ok, cowboy_http_req:compact(Req), S} end
    ],
    [begin
        {Socket, Pid} = upgraded(#{websocket_init => Return, frame => fun echo/3}),
        send(Socket, text(<<"a">>)),
        ?assertEqual(hex("8101 61"), received(Socket, 3)),
        send(Socket, close()),
        ?assertEqual(hex("8800"), until_eof(Socket)),
        ?assertEqual(normal, exit_of(Pid))
     end || Return <- Returns],
    ok.

-spec echo(term(), term(), map()) -> term().
echo(Frame, Req, State) -> {reply, Frame, Req, State}.

-spec shutdown_of_websocket_init([term()]) -> ok.
shutdown_of_websocket_init(_) ->
    Reply = fun(Req, _) -> {ok, Req2} = cowboy_http_req:reply(403, [{'Content-Type', <<"text/plain">>}], <<"no">>, Req),
        {shutdown, Req2} end,
    Chunks = fun(Req, _) ->
        {ok, Req2} = cowboy_http_req:chunked_reply(200, Req),
        ok = cowboy_http_req:chunk(<<"some">>, Req2),
        {shutdown, Req2}
    end,
    Rows = [
        {fun(Req, _) -> {shutdown, Req} end, "HTTP/1.1 400 Bad Request", <<>>},
        {Reply, "HTTP/1.1 403 Forbidden", <<"no">>},
        {Chunks, "HTTP/1.1 200 OK", <<"4\r\nsome\r\n0\r\n\r\n">>}
    ],
    [begin
        {Socket, Pid} = connect(#{websocket_init => Init}, handshake()),
        Bytes = until_eof(Socket),
        [Head, Body] = binary:split(Bytes, <<"\r\n\r\n">>),
        ?assertEqual({Status, Sent}, {hd(lines(Head)), Body}),
        ?assertEqual([?INIT, ?WS_INIT], calls(Pid)),
        ?assertEqual(normal, exit_of(Pid))
     end || {Init, Status, Sent} <- Rows],
    ok.

-spec early_data_is_lost([term()]) -> ok.
early_data_is_lost(_) ->
    {Socket, Pid} = connect(#{}, [handshake(), text(<<"a">>)]),
    _ = head(Socket),
    send(Socket, [text(<<"b">>), close()]),
    ?assertEqual(hex("8800"), until_eof(Socket)),
    ?assertEqual([?INIT, ?WS_INIT, {frame, {text, <<"b">>}}, {websocket_terminate, {normal, closed}, 1}], calls(Pid)).

%%% Frames

-spec frames_as_the_handler_sees_them([term()]) -> ok.
frames_as_the_handler_sees_them(_) ->
    Long = binary:copy(<<"x">>, 70000),
    Rows = [
        {"text", text(<<"hello">>), [{text, <<"hello">>}], ""},
        {"an empty text", text(<<>>), [{text, <<>>}], ""},
        {"text that is not UTF-8", text(<<255, 254>>), [{text, <<255, 254>>}], ""},
        {"binary", binary(<<0, 255>>), [{binary, <<0, 255>>}], ""},
        {"a long frame", binary(Long), [{binary, Long}], ""},
        {"an empty ping", ping(<<>>), [{ping, <<>>}], "8a00"},
        {"a ping", ping(<<"p">>), [{ping, <<"p">>}], "8a0170"},
        {"an empty pong", pong(<<>>), [{pong, <<>>}], ""},
        {"a pong", pong(<<"p">>), [{pong, <<"p">>}], ""},
        {"empty frames without a mask", [frame(1, <<>>, #{masked => false}), frame(9, <<>>, #{masked => false})],
            [{text, <<>>}, {ping, <<>>}], "8a00"},
        {"fragments around a ping", [frame(1, <<"a">>, #{fin => 0}), ping(<<>>), frame(0, <<"b">>)],
            [{ping, <<>>}, {text, <<"ab">>}], "8a00"},
        {"several in one segment", [text(<<"a">>), binary(<<"b">>)], [{text, <<"a">>}, {binary, <<"b">>}], ""}
    ],
    [begin
        {Socket, Pid} = upgraded(#{}),
        send(Socket, [Bytes, close()]),
        ?assertEqual({Name, hex(Wire ++ "8800")}, {Name, until_eof(Socket)}),
        Expected = [?INIT, ?WS_INIT] ++ [{frame, Frame} || Frame <- Frames] ++
            [{websocket_terminate, {normal, closed}, length(Frames)}],
        ?assertEqual({Name, Expected}, {Name, calls(Pid)})
     end || {Name, Bytes, Frames, Wire} <- Rows],
    ok.

-spec frames_as_the_client_sees_them([term()]) -> ok.
frames_as_the_client_sees_them(_) ->
    Rows = [
        {{text, <<"a">>}, "8101 61"}, {{text, "a"}, "8101 61"}, {{text, [<<"a">>, "b", [$c]]}, "8103 616263"},
        {{text, []}, "8100"},
        {{binary, <<0>>}, "8201 00"}, {{ping, <<>>}, "8900"}, {{ping, <<"p">>}, "8901 70"}, {{pong, <<"p">>}, "8a01 70"}
    ],
    [begin
        {Socket, _} = upgraded(#{frame => fun(_, Req, S) -> erlang:append_element({reply, Frame, Req, S},
            hibernate) end}),
        send(Socket, [text(<<>>), close()]),
        ?assertEqual({Frame, hex(Wire ++ "8800")}, {Frame, until_eof(Socket)})
     end || {Frame, Wire} <- Rows],
    ok.

-spec reasons_and_close_frames([term()]) -> ok.
reasons_and_close_frames(_) ->
    Rows = [
        {close(), "8800", {normal, closed}},
        {close(1000, <<"bye">>), "8800", {normal, closed}},
        {frame(8, <<3>>), "8800", {normal, closed}},
        {frame(8, <<>>, #{masked => false}), "8800", {normal, closed}},
        {frame(1, <<"x">>, #{rsv => 4}), "8800", {error, badframe}},
        {frame(9, <<>>, #{fin => 0}), "8800", {error, badframe}},
        {frame(0, <<"x">>, #{fin => 0}), "8800", {error, badframe}},
        {[frame(1, <<"x">>, #{fin => 0}), text(<<"y">>)], "8800", {error, badframe}},
        {frame(1, <<"x">>, #{length => 16}), "8800", {error, badframe}},
        {frame(9, binary:copy(<<"x">>, 126)), "8800", {error, protocol}}
    ],
    [begin
        {Socket, Pid} = upgraded(#{}),
        send(Socket, Bytes),
        ?assertEqual({Bytes, hex(Wire)}, {Bytes, until_eof(Socket)}),
        ?assertEqual({Bytes, [?INIT, ?WS_INIT, {websocket_terminate, Reason, 0}]}, {Bytes, calls(Pid)}),
        ?assertEqual({Bytes, normal}, {Bytes, exit_of(Pid)})
     end || {Bytes, Wire, Reason} <- Rows],
    {Socket, Pid} = upgraded(#{}),
    ok = gen_tcp:close(Socket),
    ?assertEqual([?INIT, ?WS_INIT, {websocket_terminate, {error, closed}, 0}], calls(Pid)),
    ?assertEqual(normal, exit_of(Pid)).

-spec frames_that_kill_the_process([term()]) -> ok.
frames_that_kill_the_process(_) ->
    Rows = [
        {"without a mask", frame(1, <<"x">>, #{masked => false})},
        {"opcode 3", frame(3, <<>>)},
        {"opcode 11", frame(11, <<>>)},
        {"a stray last fragment", frame(0, <<"x">>)}
    ],
    [begin
        {Socket, Pid} = upgraded(#{}),
        send(Socket, Bytes),
        ?assertEqual({Name, <<>>}, {Name, until_eof(Socket)}),
        ?assertMatch({Name, {function_clause, _}}, {Name, exit_of(Pid)}),
        ?assertEqual({Name, [?INIT, ?WS_INIT]}, {Name, calls(Pid)})
     end || {Name, Bytes} <- Rows],
    ok.

-spec pings_are_answered_before_the_handler_sees_them([term()]) -> ok.
pings_are_answered_before_the_handler_sees_them(_) ->
    {Socket, Pid} = upgraded(#{frame => fun(_, _, _) -> error(ping) end}),
    send(Socket, ping(<<"p">>)),
    ?assertEqual(hex("8a01 70 8800"), until_eof(Socket)),
    ?assertEqual([?INIT, ?WS_INIT, {frame, {ping, <<"p">>}}, {websocket_terminate, {error, handler}, 0}], calls(Pid)).

%%% Returns and failures

-spec returns([term()]) -> ok.
returns(_) ->
    Rows = [
        {fun(Req, S) -> {ok, Req, S} end, ""},
        {fun(Req, S) -> {ok, Req, S, hibernate} end, ""},
        {fun(Req, S) -> {reply, {text, <<"r">>}, Req, S} end, "8101 72"},
        {fun(Req, S) -> {reply, {text, <<"r">>}, Req, S, hibernate} end, "8101 72"}
    ],
    [begin
        Callback = fun(_, Req, S) -> Return(Req, S) end,
        {Socket, Pid} = upgraded(#{frame => Callback, message => Callback}),
        Pid ! hello,
        send(Socket, [text(<<>>), close()]),
        ?assertEqual(hex(Wire ++ Wire ++ "8800"), until_eof(Socket)),
        ?assertMatch([_, _, _, _, {websocket_terminate, {normal, closed}, 2}], calls(Pid))
     end || {Return, Wire} <- Rows],
    [begin
        {Socket, Pid} = upgraded(#{Callback => fun(_, Req, S) -> {shutdown, Req, S} end}),
        Callback =:= message andalso (Pid ! hello),
        Callback =:= frame andalso send(Socket, [text(<<>>), text(<<"not seen">>)]),
        ?assertEqual(hex("8800"), until_eof(Socket)),
        ?assertMatch([?INIT, ?WS_INIT, {Callback, _}, {websocket_terminate, {normal, shutdown}, 1}], calls(Pid)),
        ?assertEqual(normal, exit_of(Pid))
     end || Callback <- [frame, message]],
    ok.

-spec bad_returns_send_nothing([term()]) -> ok.
bad_returns_send_nothing(_) ->
    Reply = fun(Frame) -> fun(_, Req, S) -> {reply, Frame, Req, S} end end,
    Rows = [
        {fun(_, _, _) -> bad end, {try_clause, bad}},
        {fun(_, _, S) -> {ok, S} end, {try_clause, any}},
        {fun(_, Req, S) -> {stop, Req, S} end, {try_clause, any}},
        {Reply({close, 1000, <<>>}), function_clause},
        {Reply(close), function_clause},
        {Reply([{text, <<"a">>}]), function_clause},
        {Reply({close, <<>>}), {case_clause, close}},
        {Reply({foo, <<"a">>}), {case_clause, foo}},
        {Reply({text, atom}), badarg}
    ],
    [begin
        {Socket, Pid} = upgraded(#{frame => Return}),
        send(Socket, text(<<"go">>)),
        ?assertEqual({Expected, <<>>}, {Expected, until_eof(Socket)}),
        {Reason, Stack} = exit_of(Pid),
        ?assert(is_list(Stack)),
        case Expected of
            {try_clause, any} -> ?assertMatch({try_clause, _}, Reason);
            _ -> ?assertEqual(Expected, Reason)
        end,
        ?assertEqual([?INIT, ?WS_INIT, {frame, {text, <<"go">>}}], calls(Pid))
     end || {Return, Expected} <- Rows],
    ok.

-spec exceptions_are_logged([term()]) -> ok.
exceptions_are_logged(_) ->
    Rows = [
        {frame, "websocket_handle/3", fun(Pid, _) -> Pid end, fun(_, _, _) -> error(boom) end, "error:boom"},
        {frame, "websocket_handle/3", fun(Pid, _) -> Pid end, fun(_, _, _) -> exit(normal) end, "exit:normal"},
        {frame, "websocket_handle/3", fun(Pid, _) -> Pid end, fun(_, _, _) -> throw(ball) end, "throw:ball"},
        {message, "websocket_info/3", fun(Pid, _) -> Pid ! go end, fun(_, _, _) -> error(boom) end, "error:boom"}
    ],
    [begin
        {Socket, Pid} = upgraded(#{Callback => Crash, websocket_terminate => fun(Req, _) -> #http_req{} = Req end}),
        {Log, Exit} = old_client:log(fun() ->
            Callback =:= frame andalso send(Socket, text(<<"go">>)),
            _ = Trigger(Pid, Socket),
            ?assertEqual(hex("8800"), until_eof(Socket)),
            Pid
        end),
        ?assertMatch([_], Log),
        Lines = string:split(hd(Log), "\n", all),
        ?assertEqual("** Handler old_handler terminating in " ++ Name, hd(Lines)),
        ?assertEqual("   for the reason " ++ Why, lists:nth(2, Lines)),
        [?assertNotEqual({Known, nomatch}, {Known, string:find(hd(Log), "\n** " ++ Known)})
            || Known <- ["Message was ", "Options were ", "Handler state was ", "Request was [{socket,",
                "Stacktrace: "]],
        %% With the state of before the call that failed.
        ?assertMatch([?INIT, ?WS_INIT, {Callback, _}, {websocket_terminate, {error, handler}, 0}], calls(Pid)),
        ?assertEqual(normal, Exit)
     end || {Callback, Name, Trigger, Crash, Why} <- Rows],
    %% In websocket_terminate/3 itself.
    {Socket, Pid} = upgraded(#{websocket_terminate => fun(_, _) -> error(boom) end}),
    {[Text], normal} = old_client:log(fun() -> send(Socket, close()), ?assertEqual(hex("8800"), until_eof(Socket)),
        Pid end),
    ?assertMatch("** Handler old_handler terminating in websocket_terminate/3\n" ++ _, Text),
    ?assertNotEqual(nomatch, string:find(Text, "Initial reason was {normal,closed}")).

-spec exceptions_of_init([term()]) -> ok.
exceptions_of_init(_) ->
    {[Text], normal} = old_client:log(fun() ->
        {Socket, Pid} = connect(#{init => fun(_, _) -> error(boom) end}, handshake()),
        Bytes = until_eof(Socket),
        ?assertMatch(["HTTP/1.1 500 Internal Server Error" | _], lines(Bytes)),
        ?assertNotEqual(nomatch, binary:match(Bytes, <<"connection: close">>)),
        Pid
    end),
    ?assertMatch("** Handler old_handler terminating in init/3\n   for the reason error:boom\n" ++ _, Text).

-spec exceptions_of_websocket_init([term()]) -> ok.
exceptions_of_websocket_init(_) ->
    {[Text], normal} = old_client:log(fun() ->
        {Socket, Pid} = connect(#{websocket_init => fun(_, _) -> throw(ball) end}, handshake()),
        ?assertMatch(["HTTP/1.1 400 Bad Request" | _], lines(until_eof(Socket))),
        ?assertEqual([?INIT, ?WS_INIT], calls(Pid)),
        Pid
    end),
    ?assertMatch("** Handler old_handler terminating in websocket_init/3\n   for the reason throw:ball\n" ++ _, Text),
    ?assertEqual(nomatch, string:find(Text, "Message was")).

-spec bad_returns_before_the_101([term()]) -> ok.
bad_returns_before_the_101(_) ->
    [begin
        {Socket, Pid} = connect(#{Callback => fun(_, _) -> {error, not_sender} end}, handshake()),
        ?assertEqual({Callback, <<>>}, {Callback, until_eof(Socket)}),
        ?assertMatch({Callback, {{try_clause, {error, not_sender}}, [_ | _]}}, {Callback, exit_of(Pid)})
     end || Callback <- [init, websocket_init]],
    ok.

%%% Time

-spec timeout_closes([term()]) -> ok.
timeout_closes(_) ->
    {Socket, Pid} = upgraded(#{websocket_init => fun(Req, S) -> {ok, Req, S, 50} end}),
    ?assertEqual(hex("8800"), until_eof(Socket)),
    ?assertEqual([?INIT, ?WS_INIT, {websocket_terminate, {normal, timeout}, 0}], calls(Pid)),
    ?assertEqual(normal, exit_of(Pid)).

%% A handler that sends itself a message again and again outlives its timeout many times over, unlike in later
%% generations.
-spec messages_and_data_keep_a_session_alive([term()]) -> ok.
messages_and_data_keep_a_session_alive(_) ->
    Init = fun(Req, S) -> erlang:send_after(100, self(), {tick, 10}), {ok, Req, S, 500} end,
    Tick = fun
        ({tick, 0}, Req, S) -> {reply, {text, <<"done">>}, Req, S};
        ({tick, N}, Req, S) -> erlang:send_after(100, self(), {tick, N - 1}), {ok, Req, S, hibernate}
    end,
    {Socket, Pid} = upgraded(#{websocket_init => Init, message => Tick}),
    ?assertEqual(hex("8104 646f6e65 8800"), until_eof(Socket)),
    ?assertEqual({websocket_terminate, {normal, timeout}, 11}, lists:last(calls(Pid))).

%%% Process

-spec one_process_for_all([term()]) -> ok.
one_process_for_all(_) ->
    Init = fun(Req, _) -> self() ! from_init, put(from, init), #http_req{pid = Pid} = Req, Pid = self(),
        {upgrade, protocol, cowboy_http_websocket} end,
    WsInit = fun(Req, S) -> self() ! from_websocket_init, {ok, Req, S#{pid => self()}} end,
    Message = fun(Text, Req, #{pid := Pid} = S) ->
        {trap_exit, false} = process_info(self(), trap_exit),
        true = Pid =:= self(),
        {reply, {text, [atom_to_list(Text), $,, atom_to_list(get(from))]}, Req, S}
    end,
    {Socket, Pid} = upgraded(#{init => Init, websocket_init => WsInit, message => Message}),
    ?assertEqual(<<16#81, 14, "from_init,init">>, received(Socket, 16)),
    ?assertEqual(<<16#81, 24, "from_websocket_init,init">>, received(Socket, 26)),
    %% A linked process that ends well does not take the session along, one that dies does.
    Pid ! init,
    ?assertEqual(<<16#81, 9, "init,init">>, received(Socket, 11)),
    exit(Pid, boom),
    ?assertEqual(<<>>, until_eof(Socket)),
    ?assertEqual(boom, exit_of(Pid)),
    ?assertNot(lists:keymember(websocket_terminate, 1, calls(Pid))).

-spec every_message_reaches_the_handler([term()]) -> ok.
every_message_reaches_the_handler(_) ->
    {Socket, Pid} = upgraded(#{}),
    Messages = [hello, {system, {self(), make_ref()}, get_state}, {'$gen_call', {self(), make_ref()}, which_children},
        {'$gen_cast', x}, {'EXIT', self(), normal}, {timeout, make_ref(), mine}, {tcp, port, <<"data">>},
        {tcp_closed, port},
        {cowboy_req, resp_sent}],
    ?assertEqual([?INIT, ?WS_INIT], [next_call(), next_call()]),
    [begin Pid ! Message, ?assertEqual({message, Message}, next_call()) end || Message <- Messages],
    %% All but a timer and a note of Cowboy's own.
    Pid ! {timeout, make_ref(), cowboy_http_websocket},
    Pid ! {cowboy_http_req, resp_sent},
    send(Socket, close()),
    ?assertEqual({websocket_terminate, {normal, closed}, length(Messages)}, next_call()),
    ?assertEqual(normal, exit_of(Pid)).

-spec stopping_the_listener_ends_sessions([term()]) -> ok.
stopping_the_listener_ends_sessions(_) ->
    {Socket, Pid} = upgraded(#{}),
    ok = cowboy:stop_listener(old),
    ?assertEqual(<<>>, until_eof(Socket)),
    ?assertEqual(shutdown, exit_of(Pid)),
    ?assertEqual([?INIT, ?WS_INIT], calls(Pid)),
    ?assertEqual({error, not_found}, cowboy:stop_listener(old)).

%%% Draft 76

-spec draft_76([term()]) -> ok.
draft_76(_) ->
    {Socket, Pid} = connect(#{frame => fun echo/3}, [hixie([]), "^n:ds[4U"]),
    ?assertEqual(["HTTP/1.1 101 WebSocket Protocol Handshake", "Upgrade: WebSocket",
        "Sec-Websocket-Location: ws://example.com/demo?x=1",
        "Sec-Websocket-Origin: http://example.com", "Connection: Upgrade"], lines(head(Socket))),
    ?assertEqual(<<"8jKS'y:G*Co,Wxa-">>, received(Socket, 16)),
    send(Socket, [<<0, "a", 255>>, <<0>>, <<"é"/utf8>>, <<255, 0, 255>>]),
    ?assertEqual(<<0, "a", 255, 0, "é"/utf8, 255, 0, 255>>, received(Socket, 9)),
    send(Socket, <<255, 0>>),
    ?assertEqual(<<255, 0>>, until_eof(Socket)),
    ?assertEqual([?INIT, ?WS_INIT, {frame, {text, <<"a">>}}, {frame, {text, <<"é"/utf8>>}}, {frame, {text, <<>>}},
        {websocket_terminate, {normal, closed}, 3}], calls(Pid)),
    ?assertEqual(normal, exit_of(Pid)),
    %% The port is said unless it goes without saying.
    Locations = [{"example.com:81", "ws://example.com:81/demo?x=1"}, {"EXAMPLE.com:80", "ws://example.com/demo?x=1"}],
    [begin
        {Socket2, _} = connect(#{}, [hixie([{"Host", Host}]), "^n:ds[4U"]),
        ?assertEqual("Sec-Websocket-Location: " ++ Location, lists:nth(3, lines(head(Socket2))))
     end || {Host, Location} <- Locations],
    ok.

-spec draft_76_refuses([term()]) -> ok.
draft_76_refuses(_) ->
    Rows = [{"Origin", none}, {"Sec-WebSocket-Key1", none}, {"Sec-WebSocket-Key2", none}, {"Sec-WebSocket-Key2", "12"},
        {"Upgrade", none}],
    [begin
        {Socket, Pid} = connect(#{}, hixie([Row])),
        ?assertMatch({Row, ["HTTP/1.1 400 Bad Request" | _]}, {Row, lines(until_eof(Socket))}),
        ?assertEqual({Row, [?INIT]}, {Row, calls(Pid)})
     end || Row <- Rows],
    ok.

%% A proxy may hold the last eight bytes back until it has seen the answer's head.
-spec draft_76_waits_for_its_key([term()]) -> ok.
draft_76_waits_for_its_key(_) ->
    {Socket, Pid} = connect(#{frame => fun echo/3}, hixie([])),
    <<"HTTP/1.1 101 WebSocket Protocol Handshake\r\n", _/binary>> = head(Socket),
    send(Socket, "^n:d"),
    send(Socket, <<"s[4U">>),
    ?assertEqual(<<"8jKS'y:G*Co,Wxa-">>, received(Socket, 16)),
    send(Socket, <<0, "x", 255>>),
    ?assertEqual(<<0, "x", 255>>, received(Socket, 3)),
    send(Socket, <<255, 0>>),
    ?assertEqual(<<255, 0>>, until_eof(Socket)),
    ?assertMatch([?INIT, ?WS_INIT, _, {websocket_terminate, {normal, closed}, 1}], calls(Pid)).

-spec draft_76_sends_text_alone([term()]) -> ok.
draft_76_sends_text_alone(_) ->
    Ignored = [{binary, <<"b">>}, {ping, <<>>}, {pong, <<>>}, close, {close, 1000, <<>>}, anything, [{text, <<"a">>}]],
    Reply = fun(Frame, Req, S) -> {reply, Frame, Req, S} end,
    {Socket, Pid} = upgraded(#{message => Reply}, [hixie([]), "^n:ds[4U"]),
    _ = received(Socket, 16),
    [Pid ! Frame || Frame <- Ignored],
    Pid ! {text, ["se", <<"en">>]},
    ?assertEqual(<<0, "seen", 255>>, received(Socket, 6)),
    Crash = [?INIT, ?WS_INIT] ++ [{message, Frame} || Frame <- Ignored] ++ [{message, {text, ["se", <<"en">>]}}],
    ok = gen_tcp:close(Socket),
    ?assertEqual(Crash ++ [{websocket_terminate, {error, closed}, length(Ignored) + 1}], calls(Pid)).

-spec draft_76_frames([term()]) -> ok.
draft_76_frames(_) ->
    Rows = [
        {<<255, 0>>, <<255, 0>>, {normal, closed}},
        {<<1, "x", 255>>, <<255, 0>>, {error, badframe}},
        {<<128, 1, "x">>, <<255, 0>>, {error, badframe}}
    ],
    [begin
        {Socket, Pid} = upgraded(#{}, [hixie([]), "^n:ds[4U"]),
        _ = received(Socket, 16),
        send(Socket, Bytes),
        ?assertEqual({Bytes, Wire}, {Bytes, until_eof(Socket)}),
        ?assertEqual({Bytes, [?INIT, ?WS_INIT, {websocket_terminate, Reason, 0}]}, {Bytes, calls(Pid)})
     end || {Bytes, Wire, Reason} <- Rows],
    {Socket, Pid} = upgraded(#{frame => fun(_, _, _) -> error(boom) end}, [hixie([]), "^n:ds[4U"]),
    _ = received(Socket, 16),
    send(Socket, <<0, "x", 255>>),
    ?assertEqual(<<255, 0>>, until_eof(Socket)),
    ?assertMatch([_, _, _, {websocket_terminate, {error, handler}, 0}], calls(Pid)).

%%% Protocols

-spec own_protocols([term()]) -> ok.
own_protocols(_) ->
    Rules = [
        {[<<"upgraded">>], old_protocol, {upgrade, #{test => self()}}},
        {[<<"answered">>], old_protocol, {answer, #{test => self()}}},
        {[<<"closed">>], old_protocol, {closed, #{test => self()}}}
    ],
    Port = listen([{'_', Rules}]),
    Upgraded = open(Port),
    send(Upgraded, handshake(<<"/upgraded">>, [])),
    ?assertMatch(["HTTP/1.1 101 Switching Protocols" | _], lines(head(Upgraded))),
    ?assertEqual(?WS_INIT, next_call()),
    send(Upgraded, close()),
    ?assertEqual(hex("8800"), until_eof(Upgraded)),
    ?assertMatch({websocket_terminate, {normal, closed}, 0}, next_call()),
    Refused = exchange(Port, handshake(<<"/upgraded">>, [{"sec-websocket-key", none}])),
    ?assertMatch(["HTTP/1.1 400 Bad Request" | _], lines(Refused)),
    Answered = exchange(Port, "GET /answered HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
    ?assertMatch(["HTTP/1.1 200 OK" | _], lines(Answered)),
    ?assertEqual(<<>>, exchange(Port, "GET /closed HTTP/1.1\r\nHost: a\r\n\r\n")).
