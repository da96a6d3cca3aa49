%% Serves handlers of Cowboy 1 (0.8 to 1.1): `init/3' with `handle/2' and `terminate/3', or with `websocket_init/3',
%% `websocket_handle/3', `websocket_info/3' and `websocket_terminate/3'.
%%
%% Behaves as 1.1.2. A crash is answered here, at once, because the connection ends with the process that raises it.
-module(farrier_cowboy_1).
-behaviour(farrier_handler).
-behaviour(farrier_loop).

%% Called by the middleware chain, and by sub-protocols through `cowboy_websocket'.
-export([execute/4, upgrade/4]).
%% Called by the adapter of Cowboy 2's pre-releases.
-export([extensions/2, on_response/2, unanswered/1]).
%% Called by REST.
-export([fail/4]).
%% Called by the connection.
-export([traits/0, websocket_init/1, frame/2, info/2, close_frames/1, terminate/2, crash/2]).
%% Called by the loop.
-export([loop_info/4, loop_end/5]).

-record(websocket, {
    handler :: module(),
    req :: term(),
    state :: term(),
    %% Whether websocket_init asked for it.
    hibernate = false :: boolean()
}).

-spec traits() -> farrier_handler:traits().
traits() ->
    #{otp_messages => deliver, bad_frame => send_earlier, middlewares => after_session}.

%%% Request

%% @doc Calls `init/3' and, for a plain request, `handle/2' and `terminate/3'.
-spec execute(term(), list(), module(), term()) -> farrier_handler:outcome().
execute(Req, Env, Handler, Opts) ->
    try Handler:init({farrier_exchange:transport(), http}, Req, Opts) of
        {ok, Req2, State} ->
            handle(Req2, Env, Handler, State);
        {shutdown, Req2, State} ->
            end_request({normal, shutdown}, Req2, Env, Handler, State);
        {upgrade, protocol, Protocol} ->
            upgrade_protocol(Protocol, Req, Env, Handler, Opts);
        {upgrade, protocol, Protocol, Req2, Opts2} ->
            upgrade_protocol(Protocol, Req2, Env, Handler, Opts2);
        {loop, Req2, State} ->
            loop(Req2, Env, Handler, State, infinity, false);
        {loop, Req2, State, hibernate} ->
            loop(Req2, Env, Handler, State, infinity, true);
        {loop, Req2, State, Timeout} ->
            loop(Req2, Env, Handler, State, Timeout, false);
        {loop, Req2, State, Timeout, hibernate} ->
            loop(Req2, Env, Handler, State, Timeout, true)
    catch
        Class:Reason:Stack ->
            answer_crash(Stack, Req),
            reraise(Class, Reason, Stack, {Handler, init, 3}, Req, [{opts, Opts}])
    end.

%%% Loop

-spec loop(term(), list(), module(), term(), timeout(), boolean()) -> farrier_handler:outcome().
loop(Req, Env, Handler, State, Timeout, Hibernate) ->
    farrier_loop:run(#{
        adapter => ?MODULE, handler => Handler, req => Req, state => State, env => Env,
        timeout => Timeout, hibernate => Hibernate
    }).

-spec loop_info(term(), module(), term(), term()) -> farrier_loop:result().
loop_info(Message, Handler, Req, State) ->
    try Handler:info(Message, Req, State) of
        {ok, Req2, State2} -> {done, {normal, shutdown}, Req2, State2};
        {loop, Req2, State2} -> {loop, Req2, State2};
        {loop, Req2, State2, hibernate} -> {loop, Req2, State2, hibernate}
    catch
        Class:Reason:Stack ->
            answer_crash(Stack, Req),
            _ = end_request(Reason, Req, [], Handler, State),
            reraise(Class, Reason, Stack, {Handler, info, 3}, Req, [{state, State}])
    end.

-spec loop_end(farrier_loop:reason(), module(), term(), term(), list()) -> farrier_handler:outcome().
loop_end(timeout, Handler, Req, State, Env) ->
    end_request({normal, timeout}, Req, Env, Handler, State);
loop_end(Reason, Handler, Req, State, Env) ->
    end_request(Reason, Req, Env, Handler, State).

%%% Plain

-spec handle(term(), list(), module(), term()) -> farrier_handler:outcome().
handle(Req, Env, Handler, State) ->
    try Handler:handle(Req, State) of
        {ok, Req2, State2} ->
            end_request({normal, shutdown}, Req2, Env, Handler, State2)
    catch
        Class:Reason:Stack ->
            answer_crash(Stack, Req),
            _ = end_request(Reason, Req, Env, Handler, State),
            reraise(Class, Reason, Stack, {Handler, handle, 2}, Req, [{state, State}])
    end.

-spec end_request(term(), term(), list(), module(), term()) -> farrier_handler:outcome().
end_request(Reason, Req, Env, Handler, State) ->
    try Handler:terminate(Reason, farrier_req_1:lock(Req), State) of
        Result -> {ok, Req, [{result, Result} | Env]}
    catch
        Class:Crash:Stack ->
            reraise(Class, Crash, Stack, {Handler, terminate, 3}, Req, [
                {state, State}, {terminate_reason, Reason}
            ])
    end.

%% `cowboy_websocket' is built in, because the `cowboy' application may be absent.
-spec upgrade_protocol(module(), term(), list(), module(), term()) -> farrier_handler:outcome().
upgrade_protocol(cowboy_websocket, Req, Env, Handler, Opts) ->
    upgrade(Req, Env, Handler, Opts);
upgrade_protocol(cowboy_http_websocket, Req, Env, Handler, Opts) ->
    farrier_cowboy_0:upgrade(Req, Env, Handler, Opts);
upgrade_protocol(cowboy_rest, Req, Env, Handler, Opts) ->
    farrier_rest:upgrade(1, Req, Env, Handler, Opts);
upgrade_protocol(cowboy_http_rest, Req, Env, Handler, Opts) ->
    farrier_cowboy_0:rest(Req, Env, Handler, Opts);
upgrade_protocol(Protocol, Req, Env, Handler, Opts) ->
    Protocol:upgrade(Req, Env, Handler, Opts).

%%% Upgrade

%% @doc Checks the request, calls `websocket_init/3' and asks for the upgrade. What is refused gets 400 and the
%% connection ends.
-spec upgrade(term(), list(), module(), term()) -> farrier_handler:outcome().
upgrade(Req, Env, Handler, Opts) ->
    case farrier_handshake:check_1(Req) of
        {ok, Accept, Version, Req2} ->
            Req3 = farrier_req_1:set_meta(websocket_version, Version, Req2),
            Extensions = extensions(fun farrier_extensions:negotiate_1/1, Req),
            Req4 = farrier_req_1:set_meta(websocket_compress, Extensions =/= none, Req3),
            initialise({Accept, Extensions}, Req4, Env, Handler, Opts);
        error ->
            {error, 400, Req}
    end.

%% @doc What is negotiated if the listener's option `compress' allows it. Malformed offers count as none.
-spec extensions(fun(([farrier_extensions:offer()]) -> farrier_extensions:answer()), term()) ->
    farrier_extensions:answer().
extensions(Negotiate, Req) ->
    Offers = farrier_req_1:parse_header(<<"sec-websocket-extensions">>, Req),
    case {farrier_req_1:get([resp_compress], Req), Offers} of
        {[true], {ok, Parsed, _}} when is_list(Parsed) -> Negotiate(Parsed);
        _ -> none
    end.

-spec initialise({binary(), farrier_extensions:answer()}, term(), list(), module(), term()) ->
    farrier_handler:outcome().
initialise(Agreed, Req, Env, Handler, Opts) ->
    try Handler:websocket_init(farrier_exchange:transport(), Req, Opts) of
        {ok, Req2, State} ->
            accepted(Agreed, Env, infinity, #websocket{handler = Handler, req = Req2, state = State});
        {ok, Req2, State, hibernate} ->
            accepted(Agreed, Env, infinity,
                #websocket{handler = Handler, req = Req2, state = State, hibernate = true});
        {ok, Req2, State, Timeout} ->
            accepted(Agreed, Env, Timeout, #websocket{handler = Handler, req = Req2, state = State});
        {ok, Req2, State, Timeout, hibernate} ->
            accepted(Agreed, Env, Timeout,
                #websocket{handler = Handler, req = Req2, state = State, hibernate = true});
        {shutdown, Req2} ->
            ok = farrier_exchange:close_response(),
            {error, 400, Req2}
    catch
        Class:Reason:Stack ->
            answer_crash(Stack, Req),
            reraise(Class, Reason, Stack, {Handler, websocket_init, 3}, Req, [{opts, Opts}])
    end.

-spec accepted({binary(), farrier_extensions:answer()}, list(), timeout(), #websocket{}) ->
    farrier_handler:outcome().
accepted({Accept, Negotiated}, Env, Timeout, #websocket{req = Req} = W) ->
    ok = unanswered(Req),
    [Version] = farrier_req_1:get([version], Req),
    {Extensions, Options} = farrier_extensions:compress(Negotiated, #{
        version => Version,
        idle_timeout => Timeout,
        max_frame_size => infinity,
        validate_utf8 => true,
        early_data => discard
    }),
    Headers = farrier_handshake:headers_1(Accept, Extensions, farrier_req_1:upgrade_headers(Req)),
    Sent = [{resp_state, done}, {resp_headers, []}, {resp_body, <<>>}],
    Req2 = farrier_req_1:set(Sent, on_response(Headers, Req)),
    ok = farrier_connection:upgrade(?MODULE, Headers, Options, W#websocket{req = Req2}),
    {ok, Req2, Env}.

%% @doc Fails for a handler that has answered and asks for the upgrade all the same: no clause of Cowboy's takes its
%% Req.
-spec unanswered(term()) -> ok.
unanswered(Req) ->
    case farrier_req_1:get([resp_state], Req) of
        [waiting] -> ok;
        _ -> error(function_clause)
    end.

%% @doc The hook sees the 101, and its Req goes on.
-spec on_response([{binary(), iodata()}], term()) -> term().
on_response(Headers, Req) ->
    case farrier_req_1:get([onresponse], Req) of
        [OnResponse] when is_function(OnResponse, 4) -> OnResponse(101, Headers, <<>>, Req);
        _ -> Req
    end.

%%% Session

%% The handler's own websocket_init has run before the 101.
-spec websocket_init(#websocket{}) -> farrier_handler:result().
websocket_init(#websocket{hibernate = true} = W) -> {ok, W#websocket{hibernate = false}, hibernate};
websocket_init(W) -> {ok, W}.

-spec frame({text | binary | ping | pong, binary()}, #websocket{}) -> farrier_handler:result().
frame(Frame, #websocket{handler = Handler, req = Req, state = State} = W) ->
    try Handler:websocket_handle(Frame, Req, State) of
        Result -> result(Result, W)
    catch
        Class:Reason:Stack -> {crash, {Class, Reason, Stack, websocket_handle, Frame}, W}
    end.

%% A stale timer of Cowboy's own has never reached a handler.
-spec info(term(), #websocket{}) -> farrier_handler:result().
info({timeout, Ref, cowboy_websocket}, W) when is_reference(Ref) ->
    {ok, W};
info(Message, #websocket{handler = Handler, req = Req, state = State} = W) ->
    try Handler:websocket_info(Message, Req, State) of
        Result -> result(Result, W)
    catch
        Class:Reason:Stack -> {crash, {Class, Reason, Stack, websocket_info, Message}, W}
    end.

%% Translates what a callback returned. A bad return kills the process with `{try_clause, Return}' as in Cowboy, without
%% a close frame or websocket_terminate.
-spec result(term(), #websocket{}) -> farrier_handler:result().
result(Return, W) ->
    case Return of
        {ok, Req, State} -> {ok, W#websocket{req = Req, state = State}};
        {reply, Frames, Req, State} -> farrier_frames:reply(Frames, W#websocket{req = Req, state = State}, run);
        {ok, Req, State, hibernate} -> {ok, W#websocket{req = Req, state = State}, hibernate};
        {reply, Frames, Req, State, hibernate} ->
            farrier_frames:reply(Frames, W#websocket{req = Req, state = State}, hibernate);
        {shutdown, Req, State} ->
            {stop, farrier_frames:closing(stop), stop, W#websocket{req = Req, state = State}};
        _ ->
            error({try_clause, Return})
    end.

%%% End

-spec close_frames(farrier_handler:reason() | crash) -> farrier_handler:frames().
close_frames(Reason) ->
    farrier_frames:closing(Reason).

-spec terminate(farrier_handler:reason(), #websocket{}) -> {Exit :: term(), Req :: term()}.
terminate(Reason, #websocket{req = Req} = W) ->
    websocket_terminate(reason(Reason), W),
    {normal, Req}.

-spec reason(farrier_handler:reason()) -> term().
reason(stop) -> {normal, shutdown};
reason(timeout) -> {normal, timeout};
reason(remote) -> {remote, closed};
reason({exit, Reason}) -> Reason;
reason(Reason) -> Reason.

-spec websocket_terminate(term(), #websocket{}) -> ok.
websocket_terminate(Reason, #websocket{handler = Handler, req = Req, state = State}) ->
    try
        _ = Handler:websocket_terminate(Reason, Req, State),
        ok
    catch
        Class:Crash:Stack ->
            reraise(Class, Crash, Stack, {Handler, websocket_terminate, 3}, Req, [
                {state, State}, {terminate_reason, Reason}
            ])
    end.

-spec crash(term(), #websocket{}) -> no_return().
crash({Class, Reason, Stack, Callback, Message}, #websocket{handler = Handler, req = Req, state = State} = W) ->
    websocket_terminate({error, handler}, W),
    reraise(Class, Reason, Stack, {Handler, Callback, 3}, Req, [{msg, Message}, {state, State}], message).

%%% Crashes

%% Cowboy 0.9 to 1.1 raise the same class again with all that they know in the reason.
-spec reraise(error | exit | throw, term(), list(), mfa(), term(), [{atom(), term()}]) -> no_return().
reraise(Class, Reason, Stack, MFA, Req, More) ->
    Known = [{reason, Reason}, {mfa, MFA}, {stacktrace, Stack}, {req, farrier_req_1:to_list(Req)} | More],
    erlang:Class(Known).

%% The message comes before the Req.
-spec reraise(error | exit | throw, term(), list(), mfa(), term(), [{atom(), term()}], message) -> no_return().
reraise(Class, Reason, Stack, MFA, Req, [Message | More], message) ->
    Known = [{reason, Reason}, {mfa, MFA}, {stacktrace, Stack}, Message, {req, farrier_req_1:to_list(Req)} | More],
    erlang:Class(Known).

%% @doc Answers for a handler that failed and raises what Cowboy raises.
-spec fail({error | exit | throw, term(), list()}, mfa(), term(), [{atom(), term()}]) -> no_return().
fail({Class, Reason, Stack}, MFA, Req, More) ->
    answer_crash(Stack, Req),
    reraise(Class, Reason, Stack, MFA, Req, More).

%% 400 if the handler stumbled over a header of the client's, 500 otherwise; nothing if it has answered already.
-spec answer_crash(list(), term()) -> ok.
answer_crash(Stack, Req) ->
    case farrier_exchange:response_state() of
        none ->
            Last = farrier_req_1:set([{connection, close}], Req),
            _ = farrier_req_1:reply(crash_status(lists:sublist(Stack, 3)), [], [], Last),
            ok;
        _ ->
            ok
    end.

-spec crash_status(list()) -> 400 | 500.
crash_status(Stack) ->
    case lists:keymember(farrier_header, 1, Stack) of
        true -> 400;
        false -> 500
    end.
