%% Serves handlers of the pre-releases of Cowboy 2 (2.0.0-pre.1 to pre.3): `init/2', `websocket_handle/3',
%% `websocket_info/3' and, where it is exported, `terminate/3'.
%%
%% Behaves as pre.3, and takes what pre.1 took. `websocket_init/2' is called if it is exported: no release had it, the
%% development branch of spring and summer 2016 did.
-module(farrier_cowboy_2pre).
-behaviour(farrier_handler).
-behaviour(farrier_loop).

%% Called by the middleware chain, and by sub-protocols through `cowboy_websocket' and `cowboy_loop'.
-export([execute/4, upgrade/6, loop/6]).
%% Called by REST.
-export([terminate/4, fail/4]).
%% Called by the connection.
-export([traits/0, websocket_init/1, frame/2, info/2, close_frames/1, terminate/2, crash/2]).
%% Called by the loop.
-export([loop_info/4, loop_end/5]).

-record(websocket, {
    handler :: module(),
    req :: farrier_req_2pre:req(),
    state :: term(),
    %% Whether init asked for it.
    hibernate :: run | hibernate,
    %% What the handler calls the end that it asked for itself.
    stop = stop :: stop | shutdown
}).

-spec traits() -> farrier_handler:traits().
traits() ->
    #{otp_messages => deliver, bad_frame => send_earlier, middlewares => after_session}.

%%% Request

%% @doc Calls `init/2'. What it returns is dealt with outside of the `try': a bad return is no crash of the handler.
-spec execute(farrier_req_2pre:req(), list(), module(), term()) -> farrier_handler:outcome().
execute(Req0, Env, Handler, Opts) ->
    try Handler:init(Req0, Opts) of
        {ok, Req, State} ->
            Result = terminate(normal, Req, State, Handler),
            {ok, Req, [{result, Result} | Env]};
        {Protocol, Req, State} ->
            upgrade_protocol(Protocol, [Req, Env, Handler, State, infinity, run]);
        {Protocol, Req, State, hibernate} ->
            upgrade_protocol(Protocol, [Req, Env, Handler, State, infinity, hibernate]);
        {Protocol, Req, State, Timeout} ->
            upgrade_protocol(Protocol, [Req, Env, Handler, State, Timeout, run]);
        {Protocol, Req, State, Timeout, hibernate} ->
            upgrade_protocol(Protocol, [Req, Env, Handler, State, Timeout, hibernate])
    catch
        Class:Reason:Stack ->
            farrier_req_2pre:maybe_reply(Stack, farrier_req_2pre:set([{connection, close}], Req0)),
            _ = terminate({crash, Class, Reason}, Req0, Opts, Handler),
            died(Class, Reason, Stack, {Handler, init, 2}, Req0, [{opts, Opts}])
    end.

%% `cowboy_websocket' is built in, because the `cowboy' application may be absent.
-spec upgrade_protocol(module(), [term()]) -> farrier_handler:outcome().
upgrade_protocol(cowboy_websocket, Arguments) ->
    apply(?MODULE, upgrade, Arguments);
upgrade_protocol(cowboy_rest, [Req, Env, Handler, State, infinity, run]) ->
    farrier_rest:upgrade('2pre', Req, Env, Handler, State);
upgrade_protocol(cowboy_loop, Arguments) ->
    apply(?MODULE, loop, Arguments);
upgrade_protocol(Protocol, Arguments) ->
    apply(Protocol, upgrade, Arguments).

%% @doc Answers and dies for a handler that failed after `init/2'.
-spec fail({error | exit | throw, term(), list()}, mfa(), farrier_req_2pre:req(), term()) -> no_return().
fail({Class, Reason, Stack}, {Handler, _, _} = MFA, Req, State) ->
    farrier_req_2pre:maybe_reply(Stack, farrier_req_2pre:set([{connection, close}], Req)),
    _ = terminate({crash, Class, Reason}, Req, State, Handler),
    died(Class, Reason, Stack, MFA, Req, [{state, State}]).

%% @doc Calls `terminate/3' with a Req that cannot be replied to, if the handler exports it.
-spec terminate(term(), farrier_req_2pre:req(), term(), module()) -> term().
terminate(Reason, Req, State, Handler) ->
    case erlang:function_exported(Handler, terminate, 3) of
        true -> call_terminate(Reason, Req, State, Handler);
        false -> ok
    end.

-spec call_terminate(term(), farrier_req_2pre:req(), term(), module()) -> term().
call_terminate(Reason, Req, State, Handler) ->
    try
        Handler:terminate(Reason, farrier_req_2pre:lock(Req), State)
    catch
        Class:Crash:Stack ->
            died(Class, Crash, Stack, {Handler, terminate, 3}, Req, [{state, State}, {terminate_reason, Reason}])
    end.

%%% Loop

%% @doc Waits for messages on behalf of a handler that exports `info/3', for `Timeout' ms at most.
-spec loop(farrier_req_2pre:req(), list(), module(), term(), timeout(), run | hibernate) -> farrier_handler:outcome().
loop(Req, Env, Handler, State, Timeout, Hibernate) ->
    farrier_loop:run(#{
        adapter => ?MODULE, handler => Handler, req => Req, state => State, env => Env,
        timeout => Timeout, hibernate => Hibernate =:= hibernate
    }).

%% `shutdown' is what pre.1 said.
-spec loop_info(term(), module(), farrier_req_2pre:req(), term()) -> farrier_loop:result().
loop_info(Message, Handler, Req, State) ->
    try Handler:info(Message, Req, State) of
        {ok, Req2, State2} -> {loop, Req2, State2};
        {ok, Req2, State2, hibernate} -> {loop, Req2, State2, hibernate};
        {Stop, Req2, State2} when Stop =:= stop; Stop =:= shutdown -> {done, Stop, Req2, State2}
    catch
        Class:Reason:Stack -> fail({Class, Reason, Stack}, {Handler, info, 3}, Req, State)
    end.

-spec loop_end(farrier_loop:reason(), module(), farrier_req_2pre:req(), term(), list()) -> farrier_handler:outcome().
loop_end(Reason, Handler, Req, State, Env) ->
    {ok, Req, [{result, terminate(Reason, Req, State, Handler)} | Env]}.

%%% Upgrade

%% @doc Checks the request and asks for the upgrade. What is refused gets 400, without `terminate/3', and the
%% connection ends.
-spec upgrade(farrier_req_2pre:req(), list(), module(), term(), timeout(), run | hibernate) ->
    farrier_handler:outcome().
upgrade(Req, Env, Handler, State, Timeout, Hibernate) ->
    case check(Req) of
        {ok, Accept, Version} ->
            Req2 = farrier_req_2pre:set_meta(websocket_version, Version, Req),
            Negotiate = fun(Offers) -> farrier_extensions:negotiate(Offers, #{}) end,
            Extensions = farrier_cowboy_1:extensions(Negotiate, farrier_req_2pre:to_1(Req)),
            Req3 = farrier_req_2pre:set_meta(websocket_compress, Extensions =/= none, Req2),
            Websocket = #websocket{handler = Handler, req = Req3, state = State, hibernate = Hibernate},
            accepted({Accept, Extensions}, Env, Timeout, Websocket);
        error ->
            {error, 400, Req}
    end.

%% As Cowboy 1, but malformed extensions fail the handshake even where none would be accepted.
-spec check(farrier_req_2pre:req()) -> {ok, Accept :: binary(), Version :: 7 | 8 | 13} | error.
check(Req) ->
    try
        _ = farrier_req_2pre:parse_header(<<"sec-websocket-extensions">>, Req),
        {ok, Accept, Version, _} = farrier_handshake:check_1(farrier_req_2pre:to_1(Req)),
        {ok, Accept, Version}
    catch
        error:_ -> error
    end.

-spec accepted({binary(), farrier_extensions:answer()}, list(), timeout(), #websocket{}) ->
    farrier_handler:outcome().
accepted({Accept, Negotiated}, Env, Timeout, #websocket{req = Req} = W) ->
    ok = farrier_cowboy_1:unanswered(farrier_req_2pre:to_1(Req)),
    {Extensions, Options} = farrier_extensions:compress(Negotiated, #{
        version => farrier_req_2pre:version(Req),
        idle_timeout => Timeout,
        max_frame_size => infinity,
        validate_utf8 => true,
        early_data => discard
    }),
    Headers = farrier_handshake:headers_1(Accept, Extensions, farrier_req_2pre:upgrade_headers(Req)),
    Answered = farrier_req_2pre:from_1(farrier_cowboy_1:on_response(Headers, farrier_req_2pre:to_1(Req))),
    Sent = farrier_req_2pre:set([{resp_state, done}, {resp_headers, []}, {resp_body, <<>>}], Answered),
    ok = farrier_connection:upgrade(?MODULE, Headers, Options, W#websocket{req = Sent}),
    {ok, Sent, Env}.

%%% Session

-spec websocket_init(#websocket{}) -> farrier_handler:result().
websocket_init(#websocket{handler = Handler, req = Req, state = State, hibernate = Hibernate} = W) ->
    case erlang:function_exported(Handler, websocket_init, 2) of
        true -> call(websocket_init, [Req, State], undefined, W);
        false when Hibernate =:= hibernate -> {ok, W, hibernate};
        false -> {ok, W}
    end.

%% Empty pings and pongs are atoms from pre.2 on.
-spec frame({text | binary | ping | pong, binary()}, #websocket{}) -> farrier_handler:result().
frame({Type, <<>>}, #websocket{req = Req, state = State} = W) when Type =:= ping; Type =:= pong ->
    call(websocket_handle, [Type, Req, State], Type, W);
frame(Frame, #websocket{req = Req, state = State} = W) ->
    call(websocket_handle, [Frame, Req, State], Frame, W).

%% A stale timer of Cowboy's own has never reached a handler.
-spec info(term(), #websocket{}) -> farrier_handler:result().
info({timeout, Ref, cowboy_websocket}, W) when is_reference(Ref) ->
    {ok, W};
info(Message, #websocket{req = Req, state = State} = W) ->
    call(websocket_info, [Message, Req, State], Message, W).

-spec call(atom(), [term()], term(), #websocket{}) -> farrier_handler:result().
call(Callback, Arguments, Message, #websocket{handler = Handler} = W) ->
    try apply(Handler, Callback, Arguments) of
        Result -> result(Result, W)
    catch
        Class:Reason:Stack -> {crash, {Class, Reason, Stack, {Callback, length(Arguments)}, Message}, W}
    end.

%% Translates what a callback returned; `shutdown' is pre.1's word. A bad return kills the process with
%% `{try_clause, Return}' as in Cowboy, without a close frame or `terminate/3'.
-spec result(term(), #websocket{}) -> farrier_handler:result().
result(Return, W) ->
    case Return of
        {ok, Req, State} -> {ok, W#websocket{req = Req, state = State}};
        {reply, Frames, Req, State} -> farrier_frames:reply(Frames, W#websocket{req = Req, state = State}, run);
        {ok, Req, State, hibernate} -> {ok, W#websocket{req = Req, state = State}, hibernate};
        {reply, Frames, Req, State, hibernate} ->
            farrier_frames:reply(Frames, W#websocket{req = Req, state = State}, hibernate);
        {Stop, Req, State} when Stop =:= stop; Stop =:= shutdown ->
            {stop, farrier_frames:closing(stop), stop, W#websocket{req = Req, state = State, stop = Stop}};
        _ ->
            error({try_clause, Return})
    end.

%%% End

-spec close_frames(farrier_handler:reason() | crash) -> farrier_handler:frames().
close_frames(Reason) ->
    farrier_frames:closing(Reason).

-spec terminate(farrier_handler:reason(), #websocket{}) -> {Exit :: term(), Req :: term()}.
terminate(Reason, #websocket{handler = Handler, req = Req, state = State} = W) ->
    _ = terminate(reason(Reason, W), Req, State, Handler),
    {normal, Req}.

-spec reason(farrier_handler:reason(), #websocket{}) -> term().
reason(stop, #websocket{stop = Stop}) -> Stop;
reason({exit, Reason}, _) -> Reason;
reason(Reason, _) -> Reason.

-spec crash({error | exit | throw, term(), list(), {atom(), arity()}, term()}, #websocket{}) -> no_return().
crash({Class, Reason, Stack, {Callback, Arity}, Message}, #websocket{handler = Handler, req = Req, state = State}) ->
    _ = terminate({crash, Class, Reason}, Req, State, Handler),
    died(Class, Reason, Stack, {Handler, Callback, Arity}, Req, [{msg, Message}, {state, State}]).

%% Where the message comes before the Req is Cowboy's order.
-spec died(error | exit | throw, term(), list(), mfa(), farrier_req_2pre:req(), [{atom(), term()}]) -> no_return().
died(Class, Reason, Stack, MFA, Req, More) ->
    {Message, Rest} = lists:partition(fun({Name, _}) -> Name =:= msg end, More),
    Known = [{class, Class}, {reason, Reason}, {mfa, MFA}, {stacktrace, Stack}],
    exit({cowboy_handler, Known ++ Message ++ [{req, farrier_req_2pre:to_list(Req)} | Rest]}).
