%% @doc Scenarios for the neighbours of a WebSocket under a listener of Cowboy 2: the same in real Cowboy and in farrier.
-module(neighbours_2).

-export([tables/0, later/0]).
-export([woken/4]).

-import(oracle_run, [request/2, handshake/0, handshake/1]).
-import(oracle_frame, [text/1, close/0]).

-spec tables() -> [{atom(), [map()]}].
tables() ->
    [{loops, loops()}, {loop_ends, loop_ends()}, {event_sources, event_sources()}, {otp, otp()},
     {compressed, compressed()}, {stream_handlers, stream_handlers()}, {takeovers, takeovers()}, {measured, measured()},
     {three_in_one, three_in_one()}, {sub_protocols, sub_protocols()}, {suspensions, suspensions()}].

%%% Loops

-spec get_ws() -> iodata().
get_ws() -> request(<<"GET /ws HTTP/1.1">>, []).

%% A request to a loop handler, and what follows it.
-spec loop(string(), map(), [oracle_run:step()]) -> map().
loop(Name, Script, Steps) ->
    #{name => Name, handler => neighbours_loop, script => Script, steps => [{send, get_ws()}, {await, init} | Steps] ++ [{await, exit}]}.

%% Counts messages up to `stop', which it answers with their number.
-spec counting(term(), map(), map()) -> term().
counting(stop, Req, #{s := S} = State) -> {stop, cowboy_req:reply(200, #{}, integer_to_binary(S), Req), State};
counting(sleep, Req, #{s := S} = State) -> {ok, Req, State#{s := S + 1}, hibernate};
counting(_, Req, #{s := S} = State) -> {ok, Req, State#{s := S + 1}}.

-spec loops() -> [map()].
loops() ->
    Count = #{info => fun counting/3},
    Tell = fun(Messages) -> [{message, M} || M <- Messages] end,
    [loop("a reply ends it", Count, Tell([stop]) ++ [response]),
     loop("messages come one by one", Count, Tell([a, {b, c}, <<"d">>, stop]) ++ [response]),
     loop("a message to itself in init comes first", Count#{init => fun(Req, Script) ->
         self() ! before,
         {cowboy_loop, Req, neighbours_loop:state(Script)} end}, Tell([stop]) ++ [response]),
     loop("hibernates from the start", Count#{init => fun(Req, Script) -> {cowboy_loop, Req, neighbours_loop:state(Script), hibernate} end},
          Tell([a, stop]) ++ [response]),
     loop("hibernates between messages", Count, Tell([sleep, a, sleep, stop]) ++ [response]),
     loop("timeouts that are not its own", Count, Tell([{timeout, self(), x}, {timeout, make_ref(), cowboy_loop}, stop]) ++ [response]),
     loop("a message of OTP's other kinds", Count, Tell([{'$gen_cast', x}, {'EXIT', self(), x}, {'DOWN', make_ref(), process, self(), x}, stop]) ++ [response]),
     loop("the connection lives on", Count, Tell([stop]) ++ [response, {send, get_ws()}, {await, init, 2}, {message, a}, {message, stop}, response, {await, exit, 2}]),
     loop("what init set is in the reply", Count#{init => fun(Req, Script) ->
         {cowboy_loop, cowboy_req:set_resp_header(<<"x-a">>, <<"1">>, Req), neighbours_loop:state(Script)} end}, Tell([stop]) ++ [response]),
     (loop("middlewares follow", Count, Tell([stop]) ++ [response, {await, note}]))
     #{proto => #{middlewares => [cowboy_router, cowboy_handler, oracle_middleware],
                  env => #{oracle => fun(Req, Env) -> oracle_trace:note({maps:get(result, Env), maps:is_key(has_sent_resp, Req)}), {ok, Req, Env} end}}}].

-spec loop_ends() -> [map()].
loop_ends() ->
    Go = [{message, go}],
    Info = fun(Fun) -> #{info => fun(_, Req, State) -> Fun(Req, State) end} end,
    Streaming = fun(Fun) -> Info(fun(Req0, State) ->
        Req = cowboy_req:stream_reply(200, Req0),
        ok = cowboy_req:stream_body(<<"abc">>, nofin, Req),
        Fun(Req, State) end) end,
    [loop("stop without a reply", Info(fun(Req, State) -> {stop, Req, State} end), Go ++ [response]),
     loop("stop in the middle of a body", Streaming(fun(Req, State) -> {stop, Req, State} end), Go ++ [response]),
     loop("error", Info(fun(_, _) -> error(boom) end), Go ++ [response]),
     loop("exit", Info(fun(_, _) -> exit(boom) end), Go ++ [response]),
     loop("throw", Info(fun(_, _) -> throw(boom) end), Go ++ [response]),
     (loop("exit(normal)", Info(fun(_, _) -> exit(normal) end), Go ++ [response]))
     #{deviates => [{wire, {response, <<"HTTP/1.1 500 Internal Server Error">>, [{<<"content-length">>, <<"0">>}], <<>>},
                           {response, <<"HTTP/1.1 204 No Content">>, [], <<>>}, "not a crash since 2.11"},
                    {exits, {normal, '<stack>'}, normal, "not a crash since 2.11"}]},
     (loop("exit(shutdown)", Info(fun(_, _) -> exit(shutdown) end), Go ++ [response]))
     #{deviates => [{exits, {shutdown, '<stack>'}, shutdown, "not a crash since 2.11"}]},
     loop("a bad return", Info(fun(_, _) -> bad end), Go ++ [response]),
     loop("bad options", #{init => fun(Req, Script) -> {cowboy_loop, Req, neighbours_loop:state(Script), #{}} end}, [response]),
     loop("a crash in terminate", #{info => fun(_, Req, State) -> {stop, Req, State} end, terminate => fun(_, _, _) -> error(boom) end}, Go ++ [response]),
     loop("a crash in the middle of a body", Streaming(fun(_, _) -> error(boom) end), Go ++ [response]),
     loop("a crash after the reply", Info(fun(Req, _) -> cowboy_req:reply(200, Req), error(boom) end), Go ++ [response]),
     loop("the client goes away", #{}, [close]),
     loop("the client resets", #{}, [reset]),
     loop("the client goes away from a handler that traps exits", #{init => fun(Req, Script) ->
         process_flag(trap_exit, true),
         {cowboy_loop, Req, neighbours_loop:state(Script)} end}, [close]),
     loop("the client goes away in the middle of a body", Streaming(fun(Req, State) -> {ok, Req, State} end), Go ++ [head, {recv, 8}, close]),
     #{name => "the client goes away from a handler that waits in init", handler => oracle_handler_bare,
       script => #{watch_init => true, init => fun(_, _) -> receive never -> ok end end},
       steps => [{send, get_ws()}, {await, init}, close]},
     #{name => "the client goes away from a handler that waits for its body", handler => oracle_handler_bare,
       script => #{watch_init => true, init => fun(Req, _) -> cowboy_req:read_body(Req) end},
       steps => [{send, request(<<"POST /ws HTTP/1.1">>, [{<<"content-length">>, <<"9">>}])}, {await, init}, close]},
     loop("the listener stops", #{}, [unlisten, eof])].

%%% EventSource

-spec event_sources() -> [map()].
event_sources() ->
    Open = fun(Req, Script) ->
        {cowboy_loop, cowboy_req:stream_reply(200, #{<<"content-type">> => <<"text/event-stream">>}, Req), neighbours_loop:state(Script)} end,
    Push = fun
        (stop, Req, State) -> {stop, Req, State};
        (fin, Req, State) ->
            ok = cowboy_req:stream_body(<<>>, fin, Req),
            {stop, Req, State};
        (Event, Req, State) ->
            ok = cowboy_req:stream_events(Event, nofin, Req),
            {ok, Req, State}
    end,
    Events = [#{data => <<"one">>}, #{id => <<"2">>, event => <<"more">>, data => <<"a\nb">>}, #{comment => <<"c">>, retry => 5000}],
    [loop("events", #{init => Open, info => Push}, [head | lists:append([[{message, E}, {await, info, N}] || {N, E} <- lists:zip([1, 2, 3], Events)])]
          ++ [{message, stop}, {recv, 80}, {await, exit}, close]),
     loop("its end is a last chunk", #{init => Open, info => Push}, [{message, #{data => <<"x">>}}, {message, stop}, response]),
     loop("its end by fin", #{init => Open, info => Push}, [{message, #{data => <<"x">>}}, {message, fin}, response]),
     loop("after it the connection lives on", #{init => Open, info => Push},
          [{message, fin}, response, {send, get_ws()}, {await, init, 2}, {message, fin}, response, {await, exit, 2}])].

%%% What OTP asks of a loop

-spec otp() -> [map()].
otp() ->
    Ask = fun(Name, Fun) -> loop(Name, #{info => fun counting/3}, [{node, Fun}, {message, stop}, response]) end,
    [Ask("sys:get_state", fun(#{pid := Pid}) -> element(4, sys:get_state(Pid)) end),
     Ask("sys:suspend and resume", fun(#{pid := Pid}) -> {sys:suspend(Pid), sys:resume(Pid)} end),
     Ask("which_children", fun(#{pid := Pid}) -> supervisor:which_children(Pid) end),
     Ask("count_children", fun(#{pid := Pid}) -> supervisor:count_children(Pid) end),
     Ask("another call", fun(#{pid := Pid}) -> gen_server:call(Pid, x) end),
     loop("sys:terminate", #{}, [{node, fun(#{pid := Pid}) -> sys:terminate(Pid, because) end}, response])].

%%% Compressed responses

-spec compressed() -> [map()].
compressed() ->
    Gzip = [{<<"accept-encoding">>, <<"gzip, deflate">>}],
    Big = binary:copy(<<"all work and no play ">>, 100),
    Text = fun(Headers, Body) -> fun(Req) -> cowboy_req:reply(200, Headers, Body, Req) end end,
    Stream = fun(Pieces) -> fun(Req0) ->
        Req = cowboy_req:stream_reply(200, Req0),
        [ok = cowboy_req:stream_body(P, nofin, Req) || P <- lists:droplast(Pieces)],
        ok = cowboy_req:stream_body(lists:last(Pieces), fin, Req),
        Req end end,
    [gzipped("for nobody who has not asked", [], Text(#{}, Big)),
     gzipped("for nobody who refuses it", [{<<"accept-encoding">>, <<"gzip;q=0, deflate">>}], Text(#{}, Big)),
     gzipped("not what is small", Gzip, Text(#{}, binary:copy(<<"a">>, 300))),
     gzipped("not what has an encoding", Gzip, Text(#{<<"content-encoding">> => <<"br">>}, Big)),
     gzipped("not a file", Gzip, fun(Req) -> cowboy_req:reply(200, #{}, {sendfile, 0, 1000, code:which(lists)}, Req) end),
     gzipped("a reply", Gzip, Text(#{}, Big)),
     gzipped("a reply just large enough", Gzip, Text(#{}, binary:copy(<<"a">>, 301))),
     gzipped("a reply from iodata", Gzip, Text(#{}, [Big, [$x], Big])),
     gzipped("a large reply", Gzip, Text(#{}, binary:copy(Big, 1000))),
     gzipped("for a weight above zero", [{<<"accept-encoding">>, <<"gzip;q=0.1">>}], Text(#{}, Big)),
     gzipped("a streamed reply", Gzip, Stream([Big, <<"more">>, Big])),
     gzipped("a streamed reply that ends with nothing", Gzip, Stream([Big, <<>>])),
     gzipped("small pieces of a streamed reply", Gzip, Stream([<<"a">>, <<"b">>, <<"c">>])),
     gzipped("a file in a streamed reply", Gzip, Stream([{sendfile, 10, 1000, code:which(lists)}, <<"x">>])),
     gzipped("a streamed reply that is left open", Gzip, fun(Req0) ->
         Req = cowboy_req:stream_reply(200, Req0),
         ok = cowboy_req:stream_body(Big, nofin, Req),
         Req end),
     gzipped("an event", Gzip, fun(Req0) ->
         Req = cowboy_req:stream_reply(200, Req0),
         ok = cowboy_req:stream_events(#{data => <<"x">>}, fin, Req),
         Req end),
     (gzipped("buffered pieces", Gzip, Stream([<<"a">>, <<"b">>, Big, <<"c">>])))#{proto => #{stream_handlers => [cowboy_compress_h, cowboy_stream_h], compress_buffering => true}},
     (gzipped("another threshold", Gzip, Text(#{}, <<"0123456789">>)))#{proto => #{stream_handlers => [cowboy_compress_h, cowboy_stream_h], compress_threshold => 9}},
     gzipped("what varies already", Gzip, Text(#{<<"vary">> => <<"Accept, origin">>}, Big)),
     gzipped("a session is left alone", [], fun(Req) -> cowboy_req:reply(426, Req) end)].

-spec gzipped(string(), [{binary(), binary()}], fun((map()) -> map())) -> map().
gzipped(Name, Fields, Fun) ->
    Get = [{send, request(<<"GET /ws HTTP/1.1">>, Fields)}, response],
    #{name => "gzip: " ++ Name, handler => oracle_handler_bare, steps => Get ++ Get,
      proto => #{stream_handlers => [cowboy_compress_h, cowboy_stream_h]},
      script => #{init => fun(Req, Script) -> {ok, Fun(Req), Script} end}}.

%%% Stream handlers of the user's

-spec stream_handlers() -> [map()].
stream_handlers() ->
    Noted = fun(N) -> {await, note, N} end,
    Plain = fun(Name, Fun, Count) ->
        handled("stream: " ++ Name, #{}, #{init => fun(Req, Script) -> {ok, Fun(Req), Script} end}, [{send, get_ws()}, response, Noted(Count)]) end,
    [Plain("a reply", fun(Req) -> cowboy_req:reply(200, #{}, <<"ok">>, Req) end, 4),
     Plain("no reply", fun(Req) -> Req end, 4),
     Plain("a streamed reply", fun(Req0) ->
         Req = cowboy_req:stream_reply(200, Req0),
         ok = cowboy_req:stream_body(<<"a">>, nofin, Req),
         ok = cowboy_req:stream_body(<<"b">>, fin, Req),
         Req end, 6),
     Plain("a reply that is left open", fun(Req0) ->
         Req = cowboy_req:stream_reply(200, Req0),
         ok = cowboy_req:stream_body(<<"a">>, nofin, Req),
         Req end, 6),
     Plain("error", fun(_) -> error(boom) end, 3),
     Plain("exit(request_error)", fun(_) -> exit({request_error, x, 'Text'}) end, 3),
     Plain("a cast", fun(Req) -> cowboy_req:cast({hello, world}, Req), cowboy_req:reply(200, Req) end, 5),
     (handled("stream: a reply of another process", #{}, #{info => fun(_, Req, State) -> {stop, Req, State} end, init => fun(Req0, Script) ->
         Self = self(),
         _ = spawn_link(fun() ->
             Req = cowboy_req:stream_reply(200, Req0),
             ok = cowboy_req:stream_body(<<"a">>, nofin, Req),
             ok = cowboy_req:stream_body(<<"b">>, fin, Req),
             Self ! done
         end),
         {cowboy_loop, Req0, neighbours_loop:state(Script)} end}, [{send, get_ws()}, response, {await, exit}, Noted(6)]))#{handler := neighbours_loop},
     handled("stream: no route", #{}, #{}, [{send, request(<<"GET /none HTTP/1.1">>, [])}, response, Noted(4)]),
     handled("stream: a header is added", #{commands => fun(Commands) -> [added(C) || C <- Commands] end}, #{init => fun(Req, Script) ->
         {ok, cowboy_req:reply(200, Req), Script} end}, [{send, get_ws()}, response, Noted(4)]),
     handled("stream: the request is rewritten", #{req => fun(Req) -> Req#{path := <<"/ws">>} end}, #{init => fun(Req, Script) ->
         {ok, cowboy_req:reply(200, #{}, cowboy_req:path(Req), Req), Script} end}, [{send, request(<<"GET /other HTTP/1.1">>, [])}, response, Noted(4)]),
     handled("stream: the handler answers alone", #{init => fun(_) -> [{response, 200, #{<<"content-length">> => <<"2">>}, <<"hi">>}, stop] end}, #{},
             [{send, get_ws()}, response, Noted(2)]),
     handled("stream: it fails to begin", #{init => fun(_) -> error(boom) end}, #{}, [{send, get_ws()}, status]),
     handled("stream: an upgrade", #{}, #{}, [upgrade, {send, text(<<"x">>)}, {frames, 1}, {send, close()}, eof]),
     handled("stream: a header of the 101 is added", #{commands => fun(Commands) -> [added(C) || C <- Commands] end}, #{},
             [upgrade, {send, close()}, eof]),
     handled("stream: a refused upgrade", #{}, #{}, [{send, handshake([{<<"sec-websocket-key">>, none}])}, response, Noted(4)])].

-spec added(term()) -> term().
added({response, Status, Headers, Body}) -> {response, Status, Headers#{<<"x-h">> => <<"1">>}, Body};
added({inform, Status, Headers}) -> {inform, Status, Headers#{<<"x-h">> => <<"1">>}};
added(Command) -> Command.

-spec handled(string(), map(), map(), [oracle_run:step()]) -> map().
handled(Name, Rewrite, Script, Steps) ->
    #{name => Name, handler => oracle_handler_bare, script => Script, steps => Steps, proto => #{stream_handlers => [neighbours_stream_h, cowboy_stream_h], rewrite => Rewrite}}.

%%% Measured requests

-spec measured() -> [map()].
measured() ->
    Callback = fun(Metrics) -> oracle_trace:note(lists:sort(maps:to_list(maps:map(fun measure/2, Metrics)))) end,
    Proto = #{stream_handlers => [cowboy_metrics_h, cowboy_stream_h], metrics_callback => Callback},
    Script = fun(Fun) -> #{init => fun(Req, Script) -> {ok, Fun(Req), Script} end} end,
    Measured = fun(Name, S, Steps) -> #{name => "measured: " ++ Name, handler => oracle_handler_bare, proto => Proto, script => S, steps => Steps} end,
    Plain = fun(Name, Fun) -> Measured(Name, Script(Fun), [{send, get_ws()}, response, {await, note}]) end,
    Post = [request(<<"POST /ws HTTP/1.1">>, [{<<"content-length">>, <<"5">>}]), <<"hello">>],
    [Plain("a reply", fun(Req) -> cowboy_req:reply(200, #{<<"x-a">> => <<"1">>}, <<"body">>, Req) end),
     Plain("no reply", fun(Req) -> Req end),
     Plain("a file", fun(Req) -> cowboy_req:reply(200, #{}, {sendfile, 0, 100, code:which(lists)}, Req) end),
     Plain("a streamed reply", fun(Req0) ->
         Req = cowboy_req:stream_reply(200, Req0),
         ok = cowboy_req:stream_body(<<"ab">>, nofin, Req),
         ok = cowboy_req:stream_body(<<"c">>, fin, Req),
         Req end),
     Plain("user data", fun(Req) ->
         cowboy_req:cast({set_options, #{metrics_user_data => #{a => 1}}}, Req),
         cowboy_req:cast({set_options, #{metrics_user_data => #{b => 2}}}, Req),
         cowboy_req:reply(204, Req) end),
     Plain("an informational response", fun(Req) ->
         cowboy_req:inform(103, #{<<"link">> => <<"x">>}, Req),
         cowboy_req:reply(204, Req) end),
     Plain("error", fun(_) -> error(boom) end),
     Measured("a body", Script(fun(Req0) ->
         {ok, <<"hello">>, Req} = cowboy_req:read_body(Req0),
         cowboy_req:reply(200, Req) end), [{send, Post}, response, {await, note}]),
     Measured("a session", #{}, [upgrade, {send, close()}, eof]),
     (Plain("what is left of Req and headers", fun(Req) -> cowboy_req:reply(200, Req) end))
     #{proto := Proto#{metrics_req_filter => fun(#{method := M}) -> M end, metrics_resp_headers_filter => fun maps:size/1}}].

%% Times and processes are not the same in two nodes; whether they are there is.
-spec measure(atom(), term()) -> term().
measure(req, #{method := Method}) -> Method;
measure(procs, Procs) -> [maps:map(fun measure/2, Proc) || Proc <- maps:values(Procs)];
measure(informational, All) -> [maps:map(fun measure/2, Inform) || Inform <- All];
measure(reason, {internal_error, {'EXIT', _, {Reason, _}}, Text}) -> {internal_error, Reason, Text};
measure(reason, {Reason, Stack}) when is_list(Stack) -> {Reason, stack};
measure(Key, Headers) when is_map(Headers), Key =:= resp_headers orelse Key =:= headers -> lists:sort(maps:keys(Headers));
measure(_, Time) when is_integer(Time), abs(Time) > 10000 -> time;
measure(_, Value) -> Value.

%%% Sessions that another module takes over

-spec takeovers() -> [map()].
takeovers() ->
    Rewrite = #{info => fun
        ({switch_protocol, Headers, cowboy_websocket, State}) -> {switch_protocol, Headers, neighbours_stream_h, State};
        (Info) -> Info
    end},
    Cast = fun(Req, Script) ->
        #{pid := Pid, streamid := Id} = Req,
        Pid ! {{Pid, Id}, {hello, world}},
        oracle_handler:upgrade(Req, Script) end,
    Taken = fun(Name, Script, Steps) -> (handled("taken over: " ++ Name, Rewrite, Script, Steps))#{handler := oracle_handler} end,
    [#{name => "what is cast to a request is not for its session", script => #{init => Cast}, steps => [upgrade, {send, text(<<"x">>)}, {frames, 1}, {send, close()}, eof]},
     Taken("with another state", #{}, [upgrade, {send, text(<<"x">>)}, {frames, 1}, {send, close()}, eof]),
     Taken("websocket_init's frame", #{websocket_init => fun(S) -> {[{text, <<"hi">>}], S} end}, [upgrade, {frames, 1}, {send, close()}, eof]),
     Taken("frames in the handshake's segment", #{}, [{upgrade, text(<<"x">>)}, {frames, 1}, {send, close()}, eof]),
     Taken("a crash", #{handle => fun(_, _) -> error(boom) end}, [upgrade, {send, text(<<"x">>)}, eof]),
     Taken("a bad return", #{handle => fun(_, _) -> bad end}, [upgrade, {send, text(<<"x">>)}, eof]),
     Taken("hibernation", #{handle => fun(F, S) -> {[F], S, hibernate} end}, [upgrade, {send, text(<<"x">>)}, {frames, 1}, {send, text(<<"y">>)}, {frames, 1}, {send, close()}, eof]),
     Taken("the peer disconnects", #{}, [upgrade, {await, websocket_init}, close])].

%%% WebSocket, loop and plain in one

-spec three_in_one() -> [map()].
three_in_one() ->
    Bullet = fun(Name, Steps) -> #{name => "three in one: " ++ Name, handler => neighbours_bullet, steps => Steps} end,
    [Bullet("WebSocket", [upgrade, {send, text(<<"x">>)}, {frames, 1}, {send, close()}, eof]),
     Bullet("polling", [{send, get_ws()}, {await, init}, {message, <<"x">>}, response, {await, exit}]),
     Bullet("polling, and then a WebSocket", [{send, get_ws()}, {await, init}, {message, <<"x">>}, response, {await, exit},
         upgrade, {send, text(<<"x">>)}, {frames, 1}, {send, close()}, eof]),
     Bullet("posting", [{send, [request(<<"POST /ws HTTP/1.1">>, [{<<"content-length">>, <<"1">>}]), <<"x">>]}, response, {await, terminate}]),
     Bullet("another method", [{send, request(<<"PUT /ws HTTP/1.1">>, [{<<"content-length">>, <<"0">>}])}, response, {await, terminate}])].

%%% Sub-protocols

-spec sub_protocols() -> [map()].
sub_protocols() ->
    Protocol = fun(Name, Rest, Fun, Steps) ->
        #{name => "sub-protocol: " ++ Name, steps => Steps, script => #{upgrade => Fun, init => fun(Req, Script) ->
            list_to_tuple([neighbours_protocol, Req, oracle_handler:state(Script) | Rest]) end}} end,
    Get = [{send, get_ws()}, response],
    Session = [upgrade, {send, text(<<"x">>)}, {frames, 1}, {send, close()}, eof],
    Reply = fun(Req) -> cowboy_req:reply(200, #{}, <<"mine">>, Req) end,
    [Protocol("answers", [], fun(Req, Env, oracle_handler) -> {ok, Reply(Req), Env} end, Get),
     Protocol("answers, with options", [opts], fun(Req, Env, {oracle_handler, opts}) -> {ok, Reply(Req), Env} end, Get),
     Protocol("answers nothing", [], fun(Req, Env, _) -> {ok, Req, Env} end, Get),
     Protocol("stops", [], fun(Req, _, _) -> {stop, Reply(Req)} end, Get),
     Protocol("suspends", [], fun(Req, Env, _) ->
         self() ! wake,
         {suspend, neighbours_protocol, resume, [{ok, Reply(Req), Env}, none]} end, Get),
     Protocol("crashes", [], fun(_, _, _) -> error(boom) end, Get),
     Protocol("becomes a WebSocket", [], fun(Req, Env, Handler) -> cowboy_websocket:upgrade(Req, Env, Handler, session(Env)) end, Session),
     Protocol("becomes a WebSocket with options", [#{idle_timeout => 30}], fun(Req, Env, {Handler, Opts}) ->
         cowboy_websocket:upgrade(Req, Env, Handler, session(Env), Opts) end, [upgrade, eof]),
     Protocol("becomes a WebSocket of another handler", [], fun(Req, Env, _) ->
         cowboy_websocket:upgrade(Req, Env, oracle_handler_bare, session(Env), #{}) end, Session),
     Protocol("becomes a WebSocket after a suspension", [], fun(Req, Env, Handler) ->
         self() ! wake,
         {suspend, ?MODULE, woken, [Req, Env, Handler, session(Env)]} end, Session),
     Protocol("becomes a loop", [], fun(Req, Env, _) -> cowboy_loop:upgrade(Req, Env, neighbours_loop, neighbours_loop:state(maps:get(handler_opts, Env))) end,
              [{send, get_ws()}, {await, init}, close])].

%% The state of a session: that of the handler, whose script stands in the environment.
-spec session(map()) -> map().
session(#{handler_opts := Script}) -> oracle_handler:state(Script).

%% Where a suspended request becomes a WebSocket.
-spec woken(map(), map(), module(), term()) -> term().
woken(Req, Env, Handler, State) ->
    receive wake -> cowboy_websocket:upgrade(Req, Env, Handler, State, #{}) end.

%%% Middlewares

-spec suspensions() -> [map()].
suspensions() ->
    Chain = fun(Name, Fun, Steps) ->
        #{name => "middleware: " ++ Name, handler => oracle_handler_bare, steps => Steps,
          proto => #{middlewares => [cowboy_router, oracle_middleware, cowboy_handler], env => #{oracle => Fun}}} end,
    Later = fun(Outcome) -> self() ! wake, {suspend, neighbours_protocol, resume, [Outcome, none]} end,
    Session = [upgrade, {send, text(<<"x">>)}, {frames, 1}, {send, close()}, eof],
    [Chain("suspended before a session", fun(Req, Env) -> Later({ok, Req, Env}) end, Session),
     Chain("suspended twice", fun(Req, Env) ->
         self() ! wake,
         Later({suspend, neighbours_protocol, resume, [{ok, Req, Env}, none]}) end, Session),
     Chain("suspended and stopped", fun(Req, _) -> Later({stop, cowboy_req:reply(200, Req)}) end, [{send, get_ws()}, response]),
     Chain("suspended and failed", fun(_, _) -> self() ! wake, {suspend, erlang, error, [boom]} end, [{send, get_ws()}, response]),
     Chain("chooses another handler", fun(Req, Env) -> {ok, Req, Env#{handler := neighbours_bullet}} end, Session),
     Chain("takes the handler's options away", fun(Req, Env) -> {ok, Req, maps:remove(handler_opts, Env)} end, [{send, get_ws()}, response]),
     Chain("a bad return", fun(_, _) -> bad end, [{send, get_ws()}, response])].

%% What Cowboy has only since a later version than the one to compare with.
-spec later() -> [{atom(), [map()]}].
later() -> [{patience, patience()}, {mixed, mixed()}].

%% A handler of Cowboy 1 under this listener of Cowboy 2; the middleware after it gets the Req of the listener's generation.
-spec mixed() -> [map()].
mixed() ->
    Info = fun
        (stop, Req, State) ->
            {<<"GET">>, Req2} = cowboy_req:method(Req),
            {ok, Req3} = cowboy_req:reply(200, [], <<"one">>, Req2),
            {ok, Req3, State};
        (_, Req, State) ->
            {loop, Req, State, hibernate}
    end,
    After = fun(#{method := <<"GET">>} = Req, #{} = Env) ->
        oracle_trace:note(converted),
        {ok, Req, Env} end,
    [(loop("mixed: a loop of Cowboy 1", #{info => Info, init => fun(Req, Script) -> {loop, Req, neighbours_loop:state(Script), hibernate} end},
           [{message, a}, {message, stop}, {response, body}]))
     #{handler := neighbours_loop_1,
       proto => #{middlewares => [cowboy_router, cowboy_handler, oracle_middleware], env => #{oracle => After}},
       expect => #{wire => [{message, sent}, {message, sent}, {<<"HTTP/1.1 200 OK">>, <<"one">>}], exits => [normal],
                   callbacks => [init, {info, a, {state, 0}}, {info, stop, {state, 0}}, {terminate, {normal, shutdown}, {state, 0}}, {note, converted}]}}].

%% The timeout of 2.12: `info/3' is told `timeout' when no message has come for so long, and may change it.
-spec patience() -> [map()].
patience() ->
    Waiting = fun(Name, Option, Info, Steps, Wire, Callbacks) ->
        (loop("patience: " ++ Name, #{info => Info, init => fun(Req, Script) -> {cowboy_loop, Req, neighbours_loop:state(Script), Option} end}, Steps))
        #{expect => #{wire => Wire, callbacks => [init | Callbacks], exits => [normal]}} end,
    Reply = fun(Req, State) -> {stop, cowboy_req:reply(200, #{}, <<"x">>, Req), State} end,
    OK = {<<"HTTP/1.1 200 OK">>, <<"x">>},
    Told = {info, timeout, {state, 0}},
    End = {terminate, stop, {state, 0}},
    [Waiting("is lost", 20, fun(timeout, Req, State) -> Reply(Req, State) end, [{response, body}], [OK], [Told, End]),
     Waiting("is lost more than once", 20, fun
         (timeout, Req, #{s := 0} = State) -> {ok, Req, State#{s := 1}};
         (timeout, Req, State) -> Reply(Req, State) end, [{response, body}], [OK], [Told, {info, timeout, {state, 1}}, {terminate, stop, {state, 1}}]),
     Waiting("changes", infinity, fun
         (go, Req, State) -> {ok, Req, State, 20};
         (timeout, Req, State) -> Reply(Req, State) end, [{message, go}, {response, body}], [{message, sent}, OK], [{info, go, {state, 0}}, Told, End]),
     Waiting("ends with a hibernation", 20, fun
         (timeout, Req, State) -> {ok, Req, State, hibernate};
         (go, Req, State) -> Reply(Req, State) end, [{await, info}, {message, go}, {response, body}], [{message, sent}, OK],
         [Told, {info, go, {state, 0}}, End])].
