%% @doc Scenarios for the neighbours of a WebSocket under a listener of Cowboy 1, with what Cowboy 1.1.2 does with them.
-module(neighbours_1).

-export([tables/0]).

-import(oracle_run, [handshake/1, request/2]).
-import(oracle_frame, [text/1, close/0, hex/1]).

-define(OK(Body), {<<"HTTP/1.1 200 OK">>, Body}).
-define(NO_CONTENT, <<"HTTP/1.1 204 No Content">>).
-define(SERVER_ERROR, <<"HTTP/1.1 500 Internal Server Error">>).

-spec tables() -> [{atom(), [map()]}].
tables() ->
    [{loops, loops()}, {loops_pre, loops_pre()}, {mixed, mixed()}, {loop_ends, loop_ends()}, {event_sources, event_sources()}, {three_in_one, three_in_one()},
     {sub_protocols, sub_protocols()}, {suspensions, suspensions()}, {hooks, hooks()}, {compressed, compressed()}].

-spec get_ws() -> iodata().
get_ws() -> request(<<"GET /ws HTTP/1.1">>, []).

%%% Loops

%% A request to a loop handler, what follows it, and what must be seen: on the wire, by the handler after init, of the process.
-spec loop(string(), map(), [oracle_run:step()], [term()], [term()], [term()]) -> map().
loop(Name, Script, Steps, Wire, Callbacks, Exits) ->
    #{name => Name, handler => neighbours_loop, script => Script,
      steps => [{send, get_ws()}, {await, init} | Steps] ++ [{await, exit, max(1, length(Exits))}],
      expect => #{wire => Wire, callbacks => [init | Callbacks], exits => Exits}}.

%% Counts messages up to `stop', which it answers with their number.
-spec counting(term(), term(), map()) -> term().
counting(stop, Req, #{s := S} = State) ->
    {ok, Req2} = cowboy_req:reply(200, [], integer_to_binary(S), Req),
    {ok, Req2, State};
counting(sleep, Req, #{s := S} = State) -> {loop, Req, State#{s := S + 1}, hibernate};
counting(_, Req, #{s := S} = State) -> {loop, Req, State#{s := S + 1}}.

-spec sent([term()]) -> [term()].
sent(Messages) -> [{message, M} || M <- Messages].

%% What info/3 is called with when messages are counted from zero.
-spec infos([term()]) -> [term()].
infos(Messages) -> [{info, M, {state, N}} || {M, N} <- lists:zip(Messages, lists:seq(0, length(Messages) - 1))].

-spec loops() -> [map()].
loops() ->
    Counted = fun(Name, Init, Messages) ->
        N = length(Messages),
        loop(Name, Init#{info => fun counting/3}, sent(Messages ++ [stop]) ++ [{response, body}],
             [{message, sent} || _ <- Messages ++ [stop]] ++ [?OK(integer_to_binary(N))],
             infos(Messages ++ [stop]) ++ [{terminate, {normal, shutdown}, {state, N}}], [normal]) end,
    Begin = fun(Rest) -> #{init => fun(Req, Script) -> list_to_tuple([loop, Req, neighbours_loop:state(Script) | Rest]) end} end,
    [Counted("a reply ends it", #{}, []),
     Counted("messages come one by one", #{}, [a, {b, c}, <<"d">>]),
     Counted("hibernates from the start", Begin([hibernate]), [a]),
     Counted("hibernates between messages", #{}, [sleep, a, sleep]),
     Counted("a timeout that is not reached", Begin([60000]), [a]),
     Counted("a timeout and a hibernation", Begin([60000, hibernate]), [a, sleep]),
     Counted("an infinite timeout", Begin([infinity]), [a]),
     Counted("what OTP asks is a message like others", #{}, [{system, a, b}, {'$gen_call', a, b}, {'EXIT', a, b}]),
     Counted("timeouts of others", #{}, [{timeout, a, b}])].

-spec loop_ends() -> [map()].
loop_ends() ->
    Go = [{message, go}],
    Told = [{message, sent}],
    Call = {info, go, {state, 0}},
    End = fun(Reason) -> {terminate, Reason, {state, 0}} end,
    Info = fun(Fun) -> #{info => fun(_, Req, State) -> Fun(Req, State) end} end,
    Timeout = fun(Rest) -> #{init => fun(Req, Script) -> list_to_tuple([loop, Req, neighbours_loop:state(Script), 20 | Rest]) end} end,
    Crash = fun(Name, Fun, Reason, Exit) ->
        loop(Name, Info(Fun), Go ++ [status, eof], Told ++ [?SERVER_ERROR, {eof, <<>>}], [Call, End(Reason)], [Exit]) end,
    [loop("ok without a reply", Info(fun(Req, State) -> {ok, Req, State} end), Go ++ [status], Told ++ [?NO_CONTENT], [Call, End({normal, shutdown})], [normal]),
     loop("its timeout", Timeout([]), [status], [?NO_CONTENT], [End({normal, timeout})], [normal]),
     loop("its timeout, asleep", Timeout([hibernate]), [status], [?NO_CONTENT], [End({normal, timeout})], [normal]),
     loop("shutdown from init", #{init => fun(Req, Script) -> {shutdown, Req, neighbours_loop:state(Script)} end}, [status], [?NO_CONTENT],
          [End({normal, shutdown})], [normal]),
     loop("the client goes away", #{}, [close], [], [End({error, closed})], [normal]),
     loop("the client goes away from one that is asleep", #{init => fun(Req, Script) -> {loop, Req, neighbours_loop:state(Script), hibernate} end},
          [close], [], [End({error, closed})], [normal]),
     Crash("error", fun(_, _) -> error(boom) end, boom, {crash_report(boom), '<stack>'}),
     Crash("exit", fun(_, _) -> exit(boom) end, boom, crash_report(boom)),
     Crash("throw", fun(_, _) -> throw(boom) end, boom, {{nocatch, crash_report(boom)}, '<stack>'}),
     loop("a bad return", Info(fun(_, _) -> bad end), Go ++ [eof], Told ++ [{eof, <<>>}], [Call], [{{try_clause, bad}, '<stack>'}]),
     loop("the listener stops", #{}, [unlisten, eof], [{unlisten, ok}, {eof, <<>>}], [], [shutdown])].

-spec crash_report(term()) -> [term()].
crash_report(Reason) ->
    [{reason, Reason}, {mfa, {neighbours_loop, info, 3}}, {stacktrace, '<stack>'}, {req, '<req>'}, {state, {state, 0}}].

-spec event_sources() -> [map()].
event_sources() ->
    Open = fun(Req, Script) ->
        {ok, Req2} = cowboy_req:chunked_reply(200, [{<<"content-type">>, <<"text/event-stream">>}], Req),
        {loop, Req2, neighbours_loop:state(Script)} end,
    Push = fun
        (stop, Req, State) -> {ok, Req, State};
        (Event, Req, State) ->
            ok = cowboy_req:chunk([<<"data: ">>, Event, <<"\n\n">>], Req),
            {loop, Req, State}
    end,
    Source = #{init => Open, info => Push},
    Called = [{info, <<"a">>, {state, 0}}, {info, <<"b">>, {state, 0}}],
    Sent = [{message, sent}, {message, sent}],
    [loop("events", Source, sent([<<"a">>, <<"b">>, stop]) ++ [{response, body}],
          Sent ++ [{message, sent}, ?OK(<<"9\r\ndata: a\n\n\r\n9\r\ndata: b\n\n\r\n0\r\n\r\n">>)],
          Called ++ [{info, stop, {state, 0}}, {terminate, {normal, shutdown}, {state, 0}}], [normal]),
     loop("the client goes away", Source, sent([<<"a">>, <<"b">>]) ++ [head_silently, {await, info, 2}, close],
          Sent ++ [{head, <<"HTTP/1.1 200 OK">>, [{<<"connection">>, <<"keep-alive">>}, {<<"content-type">>, <<"text/event-stream">>}, {<<"date">>, <<"(date)">>},
                    {<<"server">>, <<"Cowboy">>}, {<<"transfer-encoding">>, <<"chunked">>}]}],
          Called ++ [{terminate, {error, closed}, {state, 0}}], [normal])].

%%% Loops of the pre-releases of Cowboy 2

-spec loops_pre() -> [map()].
loops_pre() ->
    Loop = fun(Name, Script, Steps, Wire, Callbacks, Exits) ->
        (loop("pre: " ++ Name, Script, Steps, Wire, Callbacks, Exits))#{handler := neighbours_loop_pre} end,
    Begin = fun(Rest) -> fun(Req, Script) -> list_to_tuple([cowboy_loop, Req, neighbours_loop:state(Script) | Rest]) end end,
    Reply = fun(stop, Req, State) -> {stop, cowboy_req:reply(200, [], <<"ok">>, Req), State}; (_, Req, State) -> {ok, Req, State, hibernate} end,
    Two = [{message, sent}, {message, sent}],
    Infos = [{info, a, {state, 0}}, {info, stop, {state, 0}}],
    End = fun(Reason) -> {terminate, Reason, {state, 0}} end,
    [Loop("stop", #{info => Reply}, sent([a, stop]) ++ [{response, body}], Two ++ [?OK(<<"ok">>)], Infos ++ [End(stop)], [normal]),
     Loop("asleep, with a timeout", #{init => Begin([60000, hibernate]), info => Reply}, sent([a, stop]) ++ [{response, body}], Two ++ [?OK(<<"ok">>)],
          Infos ++ [End(stop)], [normal]),
     Loop("its timeout", #{init => Begin([20])}, [status], [?NO_CONTENT], [End(timeout)], [normal]),
     Loop("the client goes away", #{init => Begin([hibernate])}, [close], [], [End({error, closed})], [normal]),
     Loop("error", #{info => fun(_, _, _) -> error(boom) end}, [{message, go}, status, eof], [{message, sent}, ?SERVER_ERROR, {eof, <<>>}],
          [{info, go, {state, 0}}, End({crash, error, boom})],
          [{cowboy_handler, [{class, error}, {reason, boom}, {mfa, {neighbours_loop_pre, info, 3}}, {stacktrace, '<stack>'}, {req, '<req>'}, {state, {state, 0}}]}])].

%% A handler of Cowboy 2 under this listener of Cowboy 1; the middleware after it gets the Req of the listener's generation.
-spec mixed() -> [map()].
mixed() ->
    Info = fun(stop, #{method := _} = Req, State) -> {stop, cowboy_req:reply(200, #{}, <<"two">>, Req), State}; (_, Req, State) -> {ok, Req, State, hibernate} end,
    After = fun(Req, Env) ->
        {<<"GET">>, Req2} = cowboy_req:method(Req),
        oracle_trace:note(is_list(Env)),
        {ok, Req2, Env} end,
    [(loop("mixed: a loop of Cowboy 2", #{info => Info, init => fun(Req, Script) -> {cowboy_loop, Req, neighbours_loop:state(Script), hibernate} end},
           sent([a, stop]) ++ [{response, body}], [{message, sent}, {message, sent}, ?OK(<<"two">>)],
           [{info, a, {state, 0}}, {info, stop, {state, 0}}, {terminate, stop, {state, 0}}, {note, true}], [normal]))
     #{handler := neighbours_loop_2, proto => [{middlewares, [cowboy_router, cowboy_handler, oracle_middleware]}, {env, [{oracle, After}]}]}].

%%% WebSocket, loop and plain in one

-spec three_in_one() -> [map()].
three_in_one() ->
    Bullet = fun(Name, Steps, Wire, Callbacks) ->
        #{name => "three in one: " ++ Name, handler => neighbours_bullet, steps => Steps,
          expect => #{wire => Wire, callbacks => Callbacks}} end,
    [Bullet("WebSocket", [upgrade_silently, {send, text(<<"x">>)}, {frames, 1}, {send, close()}, eof], [hex("810178"), {eof, hex("8800")}],
            [init, {websocket_terminate, {remote, closed}}]),
     Bullet("polling", [{send, get_ws()}, {await, init}, {message, <<"x">>}, {response, body}, {await, exit}], [{message, sent}, ?OK(<<"polled x">>)],
            [init, {info, <<"x">>}, {terminate, {normal, shutdown}}]),
     Bullet("posting", [{send, [request(<<"POST /ws HTTP/1.1">>, [{<<"content-length">>, <<"1">>}]), <<"x">>]}, {response, body}, {await, terminate}], [?OK(<<"posted x">>)],
            [init, {terminate, {normal, shutdown}}]),
     Bullet("another method", [{send, request(<<"PUT /ws HTTP/1.1">>, [{<<"content-length">>, <<"0">>}])}, status, {await, terminate}], [<<"HTTP/1.1 405 Method Not Allowed">>],
            [init, {terminate, {normal, shutdown}}])].

%%% Sub-protocols

-spec sub_protocols() -> [map()].
sub_protocols() ->
    Protocol = fun(Name, Fun, Steps, Wire, Callbacks) ->
        #{name => "sub-protocol: " ++ Name, steps => Steps, script => #{upgrade => Fun, init => fun(_, _) -> {upgrade, protocol, neighbours_protocol} end},
          expect => #{wire => Wire, callbacks => [{init, {tcp, http}} | Callbacks]}} end,
    Get = [{send, get_ws()}, {response, body}],
    [Protocol("answers", fun(Req, Env, oracle_handler_1) ->
         {ok, Req2} = cowboy_req:reply(200, [], <<"mine">>, Req),
         {ok, Req2, Env} end, Get, [?OK(<<"mine">>)], []),
     Protocol("answers nothing", fun(Req, Env, _) -> {ok, Req, Env} end, [{send, get_ws()}, status], [?NO_CONTENT], []),
     Protocol("halts", fun(Req, _, _) ->
         {ok, Req2} = cowboy_req:reply(200, [], <<"halt">>, Req),
         {halt, Req2} end, Get, [?OK(<<"halt">>)], []),
     Protocol("refuses", fun(Req, _, _) -> {error, 403, Req} end, [{send, get_ws()}, status, eof], [<<"HTTP/1.1 403 Forbidden">>, {eof, <<>>}], []),
     Protocol("suspends", fun(Req, Env, _) ->
         {ok, Req2} = cowboy_req:reply(200, [], <<"later">>, Req),
         self() ! wake,
         {suspend, neighbours_protocol, resume, [{ok, Req2, Env}, none]} end, Get, [?OK(<<"later">>)], []),
     Protocol("becomes a WebSocket of another handler", fun(Req, Env, oracle_handler_1) ->
         cowboy_websocket:upgrade(Req, Env, neighbours_bullet, #{id => 0, name => none}) end,
         [upgrade_silently, {send, text(<<"x">>)}, {frames, 1}, close], [hex("810178")], []),
     Protocol("becomes a WebSocket with other options", fun(Req, Env, Handler) ->
         {_, #{id := Id, name := Name}} = lists:keyfind(handler_opts, 1, Env),
         cowboy_websocket:upgrade(Req, Env, Handler, #{id => Id, name => Name, handle => fun(_, R, S) -> {reply, {text, <<"other">>}, R, S} end}) end,
         [upgrade_silently, {send, text(<<"x">>)}, {frames, 1}, {send, close()}, eof], [hex("81056F74686572"), {eof, hex("8800")}],
         [{websocket_init, tcp}, {handle, {text, <<"x">>}, {state, 0}}, {terminate, {remote, closed}, {state, 0}}])].

%%% Middlewares that suspend, and a session after that

-spec suspensions() -> [map()].
suspensions() ->
    Suspended = fun(Name, Fun, Steps, Wire) ->
        #{name => "suspended: " ++ Name, proto => [{middlewares, [cowboy_router, oracle_middleware, cowboy_handler]}, {env, [{oracle, Fun}]}],
          steps => Steps, expect => #{wire => Wire}} end,
    Later = fun(Outcome) -> self() ! wake, {suspend, neighbours_protocol, resume, [Outcome, none]} end,
    [Suspended("before a session", fun(Req, Env) -> Later({ok, Req, Env}) end, [upgrade_silently, {send, text(<<"x">>)}, {frames, 1}, {send, close()}, eof],
               [hex("810178"), {eof, hex("8800")}]),
     Suspended("twice", fun(Req, Env) ->
         self() ! wake,
         Later({suspend, neighbours_protocol, resume, [{ok, Req, Env}, none]}) end, [upgrade_silently, {send, close()}, eof], [{eof, hex("8800")}]),
     Suspended("and halted", fun(Req, _) ->
         {ok, Req2} = cowboy_req:reply(200, [], <<"x">>, Req),
         Later({halt, Req2}) end, [{send, get_ws()}, {response, body}], [?OK(<<"x">>)]),
     Suspended("and stopped", fun(Req, _) ->
         {ok, Req2} = cowboy_req:reply(200, [], <<"x">>, Req),
         Later({stop, Req2}) end, [{send, get_ws()}, {response, body}], [?OK(<<"x">>)]),
     Suspended("and refused", fun(Req, _) -> Later({error, 401, Req}) end, [{send, get_ws()}, status, eof], [<<"HTTP/1.1 401 Unauthorized">>, {eof, <<>>}])].

%%% Hooks

%% Answers in place of the handler, with one header more.
-spec marking(integer(), list(), iodata(), term()) -> term().
marking(Status, Headers, Body, Req) ->
    {ok, Req2} = cowboy_req:reply(Status, [{<<"x-hook">>, <<"1">>} | Headers], Body, Req),
    Req2.

-spec hooks() -> [map()].
hooks() ->
    Noting = fun(Status, Headers, Body, Req) ->
        oracle_trace:note({Status, lists:sort([N || {N, _} <- Headers]), iolist_to_binary(Body)}),
        Req end,
    Marked = {has_field, <<"x-hook">>},
    Plain = fun(Fun) -> #{init => fun(Req, Script) -> {ok, Req, oracle_handler_1:state(Script)} end,
                          plain_handle => fun(Req, State) -> {ok, Req2} = Fun(Req), {ok, Req2, State} end} end,
    Hook = fun(Name, OnResponse, Script, Steps, Wire) ->
        #{name => "onresponse: " ++ Name, proto => [{onresponse, OnResponse}], script => Script, steps => Steps, expect => #{wire => Wire}} end,
    Get = {send, get_ws()},
    Own = [<<"connection">>, <<"content-length">>, <<"date">>, <<"server">>],
    Chunked = Plain(fun(Req) ->
        {ok, Req2} = cowboy_req:chunked_reply(200, [{<<"x-a">>, <<"1">>}], Req),
        ok = cowboy_req:chunk(<<"abc">>, Req2),
        {ok, Req2} end),
    Heard = fun(Name, Script, Steps, Wire, Notes) ->
        #{name => "onresponse hears: " ++ Name, proto => [{onresponse, Noting}], script => Script, steps => Steps,
          expect => #{wire => Wire, callbacks => Notes}} end,
    Called = [{init, {tcp, http}}, {note, handle}],
    Ended = [{note, {plain_terminate, {normal, shutdown}}}],
    [Hook("marks a reply", fun marking/4, Plain(fun(Req) -> cowboy_req:reply(200, [], <<"x">>, Req) end), [Get, Marked], [<<"1">>]),
     Hook("marks a missing route", fun marking/4, #{}, [{send, request(<<"GET /none HTTP/1.1">>, [])}, Marked], [<<"1">>]),
     Hook("marks a crash", fun marking/4, #{init => fun(_, _) -> error(boom) end}, [Get, Marked], [<<"1">>]),
     Hook("marks a refused upgrade", fun marking/4, #{}, [{send, handshake([{<<"sec-websocket-key">>, none}])}, Marked], [<<"1">>]),
     Hook("marks what nobody answered", fun marking/4, Plain(fun(Req) -> {ok, Req} end), [Get, Marked], [<<"1">>]),
     Hook("lets chunks pass", Noting, Chunked, [Get, {response, body}], [?OK(<<"3\r\nabc\r\n0\r\n\r\n">>)]),
     Heard("a reply", Plain(fun(Req) -> cowboy_req:reply(201, [{<<"x-a">>, <<"1">>}], <<"x">>, Req) end), [Get, status], [<<"HTTP/1.1 201 Created">>],
           Called ++ [{note, {201, lists:sort([<<"x-a">> | Own]), <<"x">>}}] ++ Ended),
     Heard("a reply in chunks", Chunked, [Get, status], [<<"HTTP/1.1 200 OK">>],
           Called ++ [{note, {200, lists:sort([<<"x-a">>, <<"connection">>, <<"date">>, <<"server">>, <<"transfer-encoding">>]), <<>>}}] ++ Ended),
     Heard("no answer", Plain(fun(Req) -> {ok, Req} end), [Get, status, {await, note, 3}], [?NO_CONTENT], Called ++ Ended ++ [{note, {204, lists:sort(Own), <<>>}}]),
     #{name => "onrequest answers", proto => [{onrequest, fun(Req) -> {ok, Req2} = cowboy_req:reply(200, [], <<"first">>, Req), Req2 end}],
       steps => [Get, {response, body}, Get, {response, body}], expect => #{wire => [?OK(<<"first">>), ?OK(<<"first">>)], callbacks => []}},
     #{name => "onrequest changes the path", proto => [{onrequest, fun(Req) -> cowboy_req:set([{path, <<"/ws">>}], Req) end}],
       script => Plain(fun(Req) -> cowboy_req:reply(200, [], <<"x">>, Req) end),
       steps => [{send, request(<<"GET /other HTTP/1.1">>, [])}, {response, body}], expect => #{wire => [?OK(<<"x">>)]}},
     #{name => "onrequest crashes", proto => [{onrequest, fun(_) -> error(boom) end}], steps => [Get, eof], expect => #{wire => [{eof, <<>>}]}}].

%%% Compressed responses

-spec compressed() -> [map()].
compressed() ->
    Big = binary:copy(<<"all work and no play ">>, 100),
    Gzip = [{<<"accept-encoding">>, <<"gzip">>}],
    Reply = fun(Name, Proto, Fields, Headers, Body, Encoding) ->
        #{name => "compress: " ++ Name, proto => Proto, steps => [{send, request(<<"GET /ws HTTP/1.1">>, Fields)}, response],
          script => #{init => fun(Req, Script) -> {ok, Req, oracle_handler_1:state(Script)} end,
                      plain_handle => fun(Req, State) -> {ok, Req2} = cowboy_req:reply(200, Headers, Body, Req), {ok, Req2, State} end},
          expect => #{wire => [response(Encoding ++ Headers, case Encoding of [] -> Body; _ -> zlib:gzip(Body) end)]}} end,
    On = [{compress, true}],
    Packed = [{<<"content-encoding">>, <<"gzip">>}],
    [Reply("a reply", On, Gzip, [], Big, Packed),
     Reply("not what is small", On, Gzip, [], binary:copy(<<"a">>, 299), []),
     Reply("what is just large enough", On, Gzip, [], binary:copy(<<"a">>, 300), Packed),
     Reply("not for those who have not asked", On, [], [], Big, []),
     Reply("not what has an encoding", On, Gzip, [{<<"content-encoding">>, <<"br">>}], Big, []),
     Reply("not unless the listener is told to", [], Gzip, [], Big, [])].

-spec response([{binary(), binary()}], binary()) -> term().
response(Fields, Body) ->
    All = [{<<"connection">>, <<"keep-alive">>}, {<<"content-length">>, integer_to_binary(byte_size(Body))}, {<<"date">>, <<"(date)">>},
           {<<"server">>, <<"Cowboy">>} | Fields],
    {response, <<"HTTP/1.1 200 OK">>, lists:keysort(1, All), oracle_term:normal(Body)}.
