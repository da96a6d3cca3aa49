%% @doc Handlers of 2.0.0-pre.1 to pre.3 over raw sockets: every callback, return, reason and byte that they could count
%% on.
-module(generation_2pre_SUITE).

-export([all/0, suite/0, init_per_suite/1, end_per_suite/1, end_per_testcase/2]).
-export([answer_to_the_handshake/1, compressed_sessions/1, what_is_refused_gets_400/1, early_data_is_lost/1,
    frames_as_the_handler_sees_them/1, reasons_and_close_frames/1, returns/1, ends_by_the_handler/1,
    bad_returns_send_nothing/1, crashes/1, crashes_of_init/1, bad_returns_of_init/1, plain_requests/1,
    terminate_cannot_reply/1, terminate_is_optional/1, timeout_closes/1, one_process_for_all/1,
    every_message_reaches_the_handler/1, what_meta_says/1, own_protocols/1, middlewares/1,
    middlewares_of_the_generation/1, hooks_of_the_generation/1]).

-include_lib("stdlib/include/assert.hrl").

-import(oracle_frame, [text/1, binary/1, ping/1, pong/1, close/0, close/2, frame/2, frame/3, hex/1]).
-import(raw_client, [open/1, send/2, handshake/0, handshake/1, handshake/2, head/1, received/2, payload/1,
    until_eof/1]).
-import(handler_reports, [started/0, exit_of/1, calls/1, next_call/0, flush/0]).
-import(pre_client, [listen/2, listen/3, unlisten/0, connect/2, upgraded/1]).

-spec suite() -> [term()].
suite() -> [{timetrap, {seconds, 60}}].

-spec all() -> [atom()].
all() -> [answer_to_the_handshake, compressed_sessions, what_is_refused_gets_400, early_data_is_lost,
    frames_as_the_handler_sees_them,
    reasons_and_close_frames, returns, ends_by_the_handler, bad_returns_send_nothing, crashes, crashes_of_init,
    bad_returns_of_init, plain_requests, terminate_cannot_reply, terminate_is_optional, timeout_closes,
    one_process_for_all, every_message_reaches_the_handler, what_meta_says, own_protocols, middlewares,
    middlewares_of_the_generation, hooks_of_the_generation].

-spec init_per_suite([term()]) -> [term()].
init_per_suite(Config) -> cowboy_suite:start(Config).

-spec end_per_suite([term()]) -> ok.
end_per_suite(Config) -> cowboy_suite:stop(Config).

-spec end_per_testcase(atom(), [term()]) -> ok.
end_per_testcase(_, _) -> unlisten().

%%% Upgrade

-spec answer_to_the_handshake([term()]) -> ok.
answer_to_the_handshake(_) ->
    Accept = "sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
    Plain = ["HTTP/1.1 101 Switching Protocols", "connection: Upgrade", "upgrade: websocket", Accept],
    With = fun(Line) -> ["HTTP/1.1 101 Switching Protocols", "connection: Upgrade", Line, "upgrade: websocket",
        Accept] end,
    Set = fun(F) -> #{init => fun(Req, S) -> {cowboy_websocket, F(Req), S} end} end,
    Rows = [
        {"nothing set", #{}, handshake(), Plain},
        {"a 4-tuple with hibernate", #{init => fun(Req, S) -> {cowboy_websocket, Req, S, hibernate} end}, handshake(),
            Plain},
        {"a 4-tuple with a timeout", #{init => fun(Req, S) -> {cowboy_websocket, Req, S, infinity} end}, handshake(),
            Plain},
        {"a 5-tuple", #{init => fun(Req, S) -> {cowboy_websocket, Req, S, 5000, hibernate} end}, handshake(), Plain},
        {"version 8", #{}, handshake([{"sec-websocket-version", "8"}]), Plain},
        {"version 7", #{}, handshake([{"sec-websocket-version", "7"}]), Plain},
        {"keep-alive, Upgrade", #{}, handshake([{"connection", "keep-alive, Upgrade"}]), Plain},
        {"a POST", #{}, ["POST" | tl(handshake())], Plain},
        {"a header", Set(fun(R) -> cowboy_req:set_resp_header(<<"x-a">>, <<"1">>, R) end), handshake(), With("x-a: 1")},
        {"a header and a body", Set(fun(R) -> cowboy_req:set_resp_body(<<"b">>,
            cowboy_req:set_resp_header(<<"x-a">>, <<"1">>, R)) end),
            handshake(), With("x-a: 1")},
        {"a cookie", Set(fun(R) -> cowboy_req:set_resp_cookie(<<"a">>, <<"1">>, [{path, <<"/">>}, {http_only, true}],
            R) end),
            handshake(), With("set-cookie: a=1; Version=1; Path=/; HttpOnly")},
        {"offers of compression", #{}, handshake([{"sec-websocket-extensions",
            "permessage-deflate, x-webkit-deflate-frame"}]), Plain}
    ],
    [begin
        {Socket, _} = connect(Opts, Bytes),
        Expected = iolist_to_binary([[Line, "\r\n"] || Line <- Lines] ++ ["\r\n"]),
        ?assertEqual({Name, Expected}, {Name, head(Socket)}),
        ok = gen_tcp:close(Socket)
     end || {Name, Opts, Bytes, Lines} <- Rows],
    ok.

%% Where the listener's `compress' allows it; RFC 7692 7.2.3.2 for the bytes.
-spec compressed_sessions([term()]) -> ok.
compressed_sessions(_) ->
    Tell = fun(Req, S) -> {cowboy_websocket, Req, S} end,
    Say = fun
        ({text, <<"meta">>}, R, S) ->
            {reply, {text, atom_to_binary(cowboy_req:meta(websocket_compress, R))}, R, S};
        (Frame, R, S) ->
            {reply, Frame, R, S}
    end,
    Port = listen([{'_', pre_handler, #{test => self(), init => Tell, handle => Say}}], [{compress, true}]),
    [begin
        Socket = open(Port),
        send(Socket, handshake([{"sec-websocket-extensions", Offer}])),
        _ = started(),
        ?assertMatch({Offer, {_, _}}, {Offer, binary:match(head(Socket),
            <<"\r\nsec-websocket-extensions: ", Answer/binary, "\r\n">>)}),
        send(Socket, frame(1, hex("f248cdc9c90700"), #{rsv => 4})),
        ?assertEqual(hex("c107 f248cdc9c90700"), received(Socket, 9)),
        send(Socket, text(<<"meta">>)),
        ?assertMatch(<<16#C1, _>>, received(Socket, 2)),
        ok = gen_tcp:close(Socket)
     end || {Offer, Answer} <- [{"permessage-deflate", <<"permessage-deflate">>},
         {"x-webkit-deflate-frame", <<"x-webkit-deflate-frame">>},
        {"foo, x-webkit-deflate-frame; no_context_takeover", <<"x-webkit-deflate-frame">>}]],
    ok.

-spec what_is_refused_gets_400([term()]) -> ok.
what_is_refused_gets_400(_) ->
    Rows = [
        {"connection", none}, {"connection", "close"}, {"upgrade", none}, {"upgrade", "foo"},
        {"upgrade", "foo, websocket"},
        {"sec-websocket-version", none}, {"sec-websocket-version", "6"}, {"sec-websocket-version", "abc"},
        {"sec-websocket-key", none}, {"sec-websocket-extensions", ";;"}
    ],
    [begin
        {Socket, Pid} = connect(#{}, handshake([Row])),
        ?assertMatch({Row, <<"HTTP/1.1 400 Bad Request\r\n", _/binary>>}, {Row, until_eof(Socket)}),
        ?assertEqual({Row, [init], normal}, {Row, calls(Pid), exit_of(Pid)})
     end || Row <- Rows],
    %% A handler that has answered itself is not contradicted.
    Answer = fun(Req, S) -> {cowboy_websocket, cowboy_req:reply(404, Req), S} end,
    {Socket, Pid} = connect(#{init => Answer}, handshake([{"upgrade", none}])),
    Bytes = until_eof(Socket),
    ?assertMatch(<<"HTTP/1.1 404 Not Found\r\n", _/binary>>, Bytes),
    ?assertEqual(nomatch, binary:match(Bytes, <<"400">>)),
    ?assertEqual([init], calls(Pid)),
    ok.

-spec early_data_is_lost([term()]) -> ok.
early_data_is_lost(_) ->
    {Socket, Pid} = connect(#{}, [handshake(), text(<<"a">>)]),
    _ = head(Socket),
    send(Socket, [text(<<"b">>), close()]),
    ?assertEqual(hex("8800"), until_eof(Socket)),
    ?assertEqual([init, {handle, {text, <<"b">>}}, {terminate, remote, 1}], calls(Pid)),
    ok.

%%% Frames

-spec frames_as_the_handler_sees_them([term()]) -> ok.
frames_as_the_handler_sees_them(_) ->
    Rows = [
        {"text", text(<<"hello">>), [{text, <<"hello">>}], ""},
        {"an empty text", text(<<>>), [{text, <<>>}], ""},
        {"binary", binary(<<0, 255>>), [{binary, <<0, 255>>}], ""},
        {"an empty ping is an atom", ping(<<>>), [ping], "8a00"},
        {"a ping", ping(<<"p">>), [{ping, <<"p">>}], "8a0170"},
        {"an empty pong is an atom", pong(<<>>), [pong], ""},
        {"a pong", pong(<<"p">>), [{pong, <<"p">>}], ""},
        {"fragments around a ping", [frame(1, <<"a">>, #{fin => 0}), ping(<<>>), frame(0, <<"b">>)],
            [ping, {text, <<"ab">>}], "8a00"},
        {"several in one segment", [text(<<"a">>), binary(<<"b">>)], [{text, <<"a">>}, {binary, <<"b">>}], ""}
    ],
    [begin
        {Socket, Pid} = upgraded(#{}),
        send(Socket, [Bytes, close()]),
        ?assertEqual({Name, hex(Wire ++ "8800")}, {Name, until_eof(Socket)}),
        Expected = [init] ++ [{handle, Frame} || Frame <- Frames] ++ [{terminate, remote, length(Frames)}],
        ?assertEqual({Name, Expected}, {Name, calls(Pid)})
     end || {Name, Bytes, Frames, Wire} <- Rows],
    ok.

-spec reasons_and_close_frames([term()]) -> ok.
reasons_and_close_frames(_) ->
    Rows = [
        {close(), "8800", remote},
        {close(1000, <<"bye">>), "8802 03e8", {remote, 1000, <<"bye">>}},
        {close(4999, <<>>), "8802 1387", {remote, 4999, <<>>}},
        {frame(3, <<>>), "8802 03ea", {error, badframe}},
        {frame(1, <<"x">>, #{rsv => 4}), "8802 03ea", {error, badframe}},
        {frame(1, <<"x">>, #{masked => false}), "8802 03ea", {error, badframe}},
        {frame(0, <<"x">>), "8802 03ea", {error, badframe}},
        {close(1006, <<>>), "8802 03ea", {error, badframe}},
        {text(<<255>>), "8802 03ef", {error, badencoding}},
        {close(1000, <<255>>), "8802 03ef", {error, badencoding}}
    ],
    [begin
        {Socket, Pid} = upgraded(#{}),
        send(Socket, Bytes),
        ?assertEqual({Reason, hex(Wire)}, {Reason, until_eof(Socket)}),
        ?assertEqual({[init, {terminate, Reason, 0}], normal}, {calls(Pid), exit_of(Pid)})
     end || {Bytes, Wire, Reason} <- Rows],
    {Socket, Pid} = upgraded(#{}),
    ok = gen_tcp:close(Socket),
    ?assertEqual([init, {terminate, {error, closed}, 0}], calls(Pid)),
    ok.

%%% Returns

-spec returns([term()]) -> ok.
returns(_) ->
    A = {text, <<"a">>},
    Rows = [
        {fun(R, S) -> {ok, R, S} end, ""},
        {fun(R, S) -> {ok, R, S, hibernate} end, ""},
        {fun(R, S) -> {reply, A, R, S} end, "810161"},
        {fun(R, S) -> {reply, A, R, S, hibernate} end, "810161"},
        {fun(R, S) -> {reply, [A, ping, {binary, ["b", <<"c">>]}, {pong, <<"p">>}], R, S} end,
            "810161 8900 82026263 8a0170"},
        {fun(R, S) -> {reply, [A], R, S, hibernate} end, "810161"},
        {fun(R, S) -> {reply, [], R, S} end, ""},
        {fun(R, S) -> {reply, [], R, S, hibernate} end, ""},
        {fun(R, S) -> {reply, ping, R, S} end, "8900"},
        {fun(R, S) -> {reply, {text, "char" ++ "list"}, R, S} end, "8108 636861726c697374"}
    ],
    [begin
        {Socket, Pid} = upgraded(#{Callback => fun(_, R, S) -> Return(R, S) end}),
        provoke(Callback, Socket, Pid),
        Wire = hex(Bytes),
        ?assertEqual({Callback, Bytes, Wire}, {Callback, Bytes, received(Socket, byte_size(Wire))}),
        await_call(),
        send(Socket, close()),
        ?assertEqual(hex("8800"), until_eof(Socket)),
        ?assertEqual([{terminate, remote, 1}], calls(Pid))
     end || Callback <- [handle, info], {Return, Bytes} <- Rows],
    ok.

%% Waits for init and the provoked callback.
-spec await_call() -> ok.
await_call() ->
    init = next_call(),
    {_, _} = next_call(),
    ok.

-spec provoke(handle | info, gen_tcp:socket(), pid()) -> ok.
provoke(handle, Socket, _) -> send(Socket, text(<<"go">>));
provoke(info, _, Pid) ->
    Pid ! go,
    ok.

-spec ends_by_the_handler([term()]) -> ok.
ends_by_the_handler(_) ->
    A = {text, <<"a">>},
    Rows = [
        {fun(R, S) -> {stop, R, S} end, "8802 03e8", stop},
        {fun(R, S) -> {shutdown, R, S} end, "8802 03e8", shutdown},
        {fun(R, S) -> {reply, close, R, S} end, "8800", stop},
        {fun(R, S) -> {reply, {close, <<"bye">>}, R, S} end, "8805 03e8 627965", stop},
        {fun(R, S) -> {reply, {close, 4001, ["b", <<"ye">>]}, R, S} end, "8805 0fa1 627965", stop},
        {fun(R, S) -> {reply, [A, close, A], R, S} end, "810161 8800", stop},
        {fun(R, S) -> {reply, close, R, S, hibernate} end, "8800", stop}
    ],
    [begin
        {Socket, Pid} = upgraded(#{Callback => fun(_, R, S) -> Return(R, S) end}),
        provoke(Callback, Socket, Pid),
        ?assertEqual({Callback, Wire, hex(Wire)}, {Callback, Wire, until_eof(Socket)}),
        ?assertMatch([init, _, {terminate, Reason, 1}], calls(Pid)),
        ?assertEqual(normal, exit_of(Pid))
     end || Callback <- [handle, info], {Return, Wire, Reason} <- Rows],
    ok.

-spec bad_returns_send_nothing([term()]) -> ok.
bad_returns_send_nothing(_) ->
    A = {text, <<"a">>},
    Rows = [
        {fun(_, _) -> bad end, "", {try_clause, bad}},
        {fun(_, _) -> {ok, state} end, "", {try_clause, {ok, state}}},
        {fun(_, _) -> {[], state} end, "", {try_clause, {[], state}}},
        {fun(R, S) -> {reply, [A, bad, A], R, S} end, "810161", function_clause},
        {fun(R, S) -> {reply, [A, {ping, binary:copy(<<"p">>, 126)}], R, S} end, "810161", {badmatch, false}},
        {fun(R, S) -> {reply, bad, R, S} end, "", function_clause}
    ],
    [begin
        {Socket, Pid} = upgraded(#{handle => fun(_, R, S) -> Return(R, S) end}),
        provoke(handle, Socket, Pid),
        ?assertEqual({Reason, hex(Wire)}, {Reason, until_eof(Socket)}),
        ?assertMatch({[init, {handle, _}], {Reason, _}}, {calls(Pid), exit_of(Pid)})
     end || {Return, Wire, Reason} <- Rows],
    ok.

-spec crashes([term()]) -> ok.
crashes(_) ->
    Rows = [{error, boom, fun() -> error(boom) end}, {exit, boom, fun() -> exit(boom) end},
        {throw, boom, fun() -> throw(boom) end}, {exit, normal, fun() -> exit(normal) end}],
    [begin
        {Socket, Pid} = upgraded(#{Callback => fun(_, _, _) -> Crash() end}),
        provoke(Callback, Socket, Pid),
        ?assertEqual(hex("8802 03f3"), until_eof(Socket)),
        %% The state is that before the call.
        ?assertMatch([init, _, {terminate, {crash, Class, Reason}, 0}], calls(Pid)),
        {cowboy_handler, Report} = exit_of(Pid),
        ?assertEqual([class, reason, mfa, stacktrace, msg, req, state], [Key || {Key, _} <- Report]),
        ?assertMatch([{class, Class}, {reason, Reason}, {mfa, {pre_handler, Function, 3}} | _], Report),
        ?assertEqual(Message, proplists:get_value(msg, Report)),
        ?assertEqual(<<"GET">>, proplists:get_value(method, proplists:get_value(req, Report)))
     end || {Callback, Function, Message} <- [{handle, websocket_handle, {text, <<"go">>}}, {info, websocket_info, go}],
            {Class, Reason, Crash} <- Rows],
    %% The pong is out before the handler sees the ping.
    {Socket, _} = upgraded(#{handle => fun(_, _, _) -> error(boom) end}),
    send(Socket, ping(<<"p">>)),
    ?assertEqual(hex("8a0170 8802 03f3"), until_eof(Socket)),
    ok.

%%% init/2

-spec crashes_of_init([term()]) -> ok.
crashes_of_init(_) ->
    Rows = [
        {fun(_, _) -> error(boom) end, "500 Internal Server Error", error, boom, []},
        {fun(_, _) -> exit(boom) end, "500 Internal Server Error", exit, boom, []},
        {fun(Req, _) -> cowboy_req:parse_header(<<"accept">>, Req) end, "400 Bad Request", error,
            {malformed_header, <<"accept">>},
            [{"accept", "a;=b"}]},
        {fun(Req, _) -> cowboy_req:match_qs([missing], Req) end, "500 Internal Server Error", error, {badmatch, false},
            []}
    ],
    [begin
        {Socket, Pid} = connect(#{init => Init}, handshake(Fields)),
        Head = iolist_to_binary(["HTTP/1.1 ", Status, "\r\nconnection: close\r\n"]),
        Bytes = until_eof(Socket),
        ?assertEqual(Head, binary:part(Bytes, 0, byte_size(Head))),
        ?assertEqual([init, {terminate, {crash, Class, Reason}, opts}], calls(Pid)),
        {cowboy_handler, Report} = exit_of(Pid),
        ?assertMatch([{class, Class}, {reason, Reason}, {mfa, {pre_handler, init, 2}}, {stacktrace, _}, {req, _},
            {opts, #{}}], Report)
     end || {Init, Status, Class, Reason, Fields} <- Rows],
    Late = fun(Req, _) -> _ = cowboy_req:reply(200, [], <<"done">>, Req), error(boom) end,
    {Socket, _} = connect(#{init => Late}, handshake()),
    Bytes = until_eof(Socket),
    ?assertMatch({<<"HTTP/1.1 200 OK\r\n", _/binary>>, nomatch}, {Bytes, binary:match(Bytes, <<"500">>)}),
    ok.

-spec bad_returns_of_init([term()]) -> ok.
bad_returns_of_init(_) ->
    Rows = [{fun(_, _) -> bad end, fun({{try_clause, bad}, _}) -> true; (_) -> false end},
        {fun(Req, _) -> {shutdown, Req} end, fun({{try_clause, {shutdown, _}}, _}) -> true; (_) -> false end},
        {fun(Req, _) -> {stop, Req, undefined} end, fun({undef, [{stop, upgrade, _, _} | _]}) -> true; (_) ->
            false end}],
    [begin
        {Socket, Pid} = connect(#{init => Init}, handshake()),
        ?assertEqual(<<>>, until_eof(Socket)),
        ?assertEqual([init], calls(Pid)),
        Exit = exit_of(Pid),
        ?assertMatch({true, _}, {Dies(Exit), Exit})
     end || {Init, Dies} <- Rows],
    ok.

-spec plain_requests([term()]) -> ok.
plain_requests(_) ->
    Reply = fun(Req, S) -> {ok, cowboy_req:reply(200, [{<<"x-a">>, <<"1">>}], <<"hi">>, Req), S} end,
    {Socket, Pid} = connect(#{init => Reply}, "GET /x HTTP/1.1\r\nhost: a\r\n\r\n"),
    Head = head(Socket),
    ?assertMatch(<<"HTTP/1.1 200 OK\r\nconnection: keep-alive\r\nserver: Cowboy\r\ndate: ", _/binary>>, Head),
    ?assertEqual(<<"hi">>, received(Socket, 2)),
    ?assertEqual([init, {terminate, normal, 0}], calls(Pid)),
    %% The connection lives on; a handler that says nothing is answered for.
    cowboy:set_env(pre, dispatch, cowboy_router:compile([{'_',
        [{'_', pre_handler, #{test => self(), init => fun(R, S) -> {ok, R, S} end}}]}])),
    send(Socket, "GET /x HTTP/1.1\r\nhost: a\r\n\r\n"),
    Second = started(),
    ?assertMatch(<<"HTTP/1.1 204 No Content\r\n", _/binary>>, head(Socket)),
    ?assertEqual([init, {terminate, normal, 0}], calls(Second)),
    ok.

-spec terminate_cannot_reply([term()]) -> ok.
terminate_cannot_reply(_) ->
    {Socket, Pid} = upgraded(#{terminate => fun(Req, _) -> cowboy_req:reply(200, Req) end}),
    send(Socket, close()),
    ?assertEqual(hex("8800"), until_eof(Socket)),
    {cowboy_handler, Report} = exit_of(Pid),
    ?assertEqual([class, reason, mfa, stacktrace, req, state, terminate_reason], [Key || {Key, _} <- Report]),
    ?assertMatch([{class, error}, {reason, function_clause}, {mfa, {pre_handler, terminate, 3}} | _], Report),
    ?assertEqual(remote, proplists:get_value(terminate_reason, Report)),
    ok.

-spec terminate_is_optional([term()]) -> ok.
terminate_is_optional(_) ->
    Port = listen([{'_', pre_quiet_handler, state}], []),
    Socket = open(Port),
    send(Socket, handshake()),
    _ = head(Socket),
    send(Socket, [text(<<"a">>), close()]),
    ?assertEqual(hex("81033c613e 8800"), until_eof(Socket)),
    ok.

-spec timeout_closes([term()]) -> ok.
timeout_closes(_) ->
    {Socket, Pid} = upgraded(#{init => fun(Req, S) -> {cowboy_websocket, Req, S, 50} end}),
    ?assertEqual(hex("8802 03e8"), until_eof(Socket)),
    ?assertEqual([init, {terminate, timeout, 0}], calls(Pid)),
    ok.

%%% Process

-spec one_process_for_all([term()]) -> ok.
one_process_for_all(_) ->
    Init = fun(Req, S) ->
        put(seen, init),
        self() ! first,
        erlang:start_timer(0, self(), second),
        {cowboy_websocket, Req, S}
    end,
    Say = fun(Message, R, S) ->
        {reply, {text, term_to_binary({get(seen), self(), Message})}, R, S}
    end,
    {Socket, Pid} = upgraded(#{init => Init, info => Say}),
    [?assertMatch({init, Pid, _}, binary_to_term(payload(Socket))) || _ <- [first, second]],
    ?assertMatch([init, {info, first}, {info, {timeout, _, second}}], [next_call(), next_call(), next_call()]),
    ok.

-spec every_message_reaches_the_handler([term()]) -> ok.
every_message_reaches_the_handler(_) ->
    Messages = [{system, {self(), make_ref()}, get_state}, {'$gen_call', {self(), make_ref()}, x}, {'$gen_cast', x},
        {'EXIT', self(), x}, {'DOWN', make_ref(), process, self(), x}, {timeout, make_ref(), x}, {tcp, port, <<>>}],
    {Socket, Pid} = upgraded(#{info => fun(_, R, S) -> {reply, ping, R, S} end}),
    [Pid ! M || M <- Messages],
    Pid ! {timeout, make_ref(), cowboy_websocket},
    ?assertEqual(iolist_to_binary([hex("8900") || _ <- Messages]), received(Socket, 2 * length(Messages))),
    send(Socket, close()),
    ?assertEqual(hex("8800"), until_eof(Socket)),
    ?assertEqual([init] ++ [{info, M} || M <- Messages] ++ [{terminate, remote, length(Messages)}], calls(Pid)),
    ok.

-spec what_meta_says([term()]) -> ok.
what_meta_says(_) ->
    Keep = fun(Req, S) -> {cowboy_websocket, cowboy_req:set_meta(own, 1, Req), S} end,
    Tell = fun(_, R, S) ->
        Meta = [cowboy_req:meta(M, R) || M <- [websocket_version, websocket_compress, own, none]] ++
            [cowboy_req:meta(none, R, d)],
        {reply, {text, term_to_binary(Meta)}, cowboy_req:set_meta(own, 2, R), S}
    end,
    {Socket, _} = connect(#{init => Keep, handle => Tell}, handshake([{"sec-websocket-version", "8"}])),
    _ = head(Socket),
    [begin
        send(Socket, text(<<"go">>)),
        ?assertEqual([8, false, Own, undefined, d], binary_to_term(payload(Socket)))
     end || Own <- [1, 2]],
    ok.

-spec own_protocols([term()]) -> ok.
own_protocols(_) ->
    Rows = [
        {fun(R, S) -> {pre_protocol, R, S} end, infinity, run},
        {fun(R, S) -> {pre_protocol, R, S, hibernate} end, infinity, hibernate},
        {fun(R, S) -> {pre_protocol, R, S, 100} end, 100, run},
        {fun(R, S) -> {pre_protocol, R, S, 100, hibernate} end, 100, hibernate}
    ],
    [begin
        {Socket, Pid} = connect(#{init => Init}, handshake()),
        ?assertMatch(<<"HTTP/1.1 200 OK\r\n", _/binary>>, head(Socket)),
        ?assertEqual([init, {upgrade, pre_handler, Timeout, Hibernate, true}], calls(Pid))
     end || {Init, Timeout, Hibernate} <- Rows],
    ok.

%%% Around the handler

-spec middlewares([term()]) -> ok.
middlewares(_) ->
    Rows = [{halt, <<"HTTP/1.1 403">>}, {stop, <<"HTTP/1.1 403">>}, {error, <<"HTTP/1.1 418">>}],
    [begin
        Env = {script, #{test => self(), middleware => What}},
        Port = listen([{'_', pre_handler, #{}}], [{env, [Env]},
            {middlewares, [pre_middleware, cowboy_router, cowboy_handler]}],
            #{generation => '2pre'}),
        Socket = open(Port),
        send(Socket, handshake()),
        ?assertMatch(<<Status:12/binary, _/binary>>, head(Socket)),
        receive {call, Call} -> ?assertEqual({middleware, <<"GET">>, undefined}, Call) end,
        ok = unlisten()
     end || {What, Status} <- Rows],
    ok.

%% Those after cowboy_handler are told that the session is over.
-spec middlewares_of_the_generation([term()]) -> ok.
middlewares_of_the_generation(_) ->
    Env = {script, #{test => self()}},
    Port = listen([{'_', pre_handler, #{test => self()}}],
        [{env, [Env]}, {middlewares, [cowboy_router, pre_middleware, cowboy_handler, pre_middleware]}],
        #{generation => '2pre'}),
    Socket = open(Port),
    send(Socket, handshake()),
    Pid = started(),
    _ = head(Socket),
    send(Socket, close()),
    ?assertEqual(hex("8800"), until_eof(Socket)),
    ?assertEqual(normal, exit_of(Pid)),
    ?assertEqual([{middleware, <<"GET">>, undefined}, init, {terminate, remote, 0}, {middleware, <<"GET">>, closed}],
        calls(Pid)),
    ok.

-spec hooks_of_the_generation([term()]) -> ok.
hooks_of_the_generation(_) ->
    Test = self(),
    Request = fun(Req) -> cowboy_req:set_meta(hooked, cowboy_req:path(Req), Req) end,
    Response = fun(Status, Headers, Body, Req) ->
        Test ! {call, {response, Status, is_list(Headers), Body, cowboy_req:meta(hooked, Req)}},
        Req
    end,
    Port = listen([{"/ws", pre_handler, #{test => self()}}, {"/plain", pre_handler,
        #{test => self(), init => fun(R, S) -> {ok, cowboy_req:reply(200, [], <<"b">>, R), S} end}}],
        [{onrequest, Request}, {onresponse, Response}], #{generation => '2pre'}),
    [begin
        Socket = open(Port),
        send(Socket, handshake(Path, [])),
        Pid = started(),
        _ = head(Socket),
        ?assertEqual([init, {response, Status, true, Body, Path}], [next_call(), next_call()]),
        ok = gen_tcp:close(Socket),
        _ = exit_of(Pid),
        flush()
     end || {Path, Status, Body} <- [{<<"/ws">>, 101, <<>>}, {<<"/plain">>, 200, <<"b">>}]],
    ok.
