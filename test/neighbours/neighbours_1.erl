%% @doc Scenarios for the neighbours of a WebSocket under a listener of Cowboy 1, with what Cowboy 1.1.2 does with them.
-module(neighbours_1).

-export([tables/0]).

-import(oracle_run, [handshake/0, request/2]).
-import(oracle_frame, [text/1, close/0, hex/1]).

-define(OK(Body), {<<"HTTP/1.1 200 OK">>, Body}).
-define(NO_CONTENT, <<"HTTP/1.1 204 No Content">>).
-define(SERVER_ERROR, <<"HTTP/1.1 500 Internal Server Error">>).

-spec tables() -> [{atom(), [map()]}].
tables() ->
    [{loops, loops()}, {loop_ends, loop_ends()}, {event_sources, event_sources()}, {three_in_one, three_in_one()},
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

-spec three_in_one() -> [map()].
three_in_one() -> [].

-spec sub_protocols() -> [map()].
sub_protocols() -> [].

-spec suspensions() -> [map()].
suspensions() -> [].

-spec hooks() -> [map()].
hooks() -> [].

-spec compressed() -> [map()].
compressed() -> [].
