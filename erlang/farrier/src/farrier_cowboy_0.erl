%% Serves handlers of Cowboy 0 (0.2 to 0.6): `init/3' with `handle/2' and `terminate/2', with `info/3' and
%% `terminate/2', or with `websocket_init/3', `websocket_handle/3', `websocket_info/3' and `websocket_terminate/3'.
%%
%% Behaves as 0.6.1. What a handler raises is logged and answered, and the process ends as if nothing had happened;
%% only what it returns amiss kills the process, with nothing said to the client.
-module(farrier_cowboy_0).
-behaviour(farrier_handler).
-behaviour(farrier_loop).

%% Called by the middleware chain.
-export([execute/4]).
%% Called for a handler that asks for this generation's WebSocket: by sub-protocols through `cowboy_http_websocket',
%% and by `farrier_cowboy_1'.
-export([upgrade/3, upgrade/4, rest/3, rest/4]).
%% Called by the connection.
-export([traits/0, websocket_init/1, frame/2, info/2, close_frames/1, terminate/2, crash/2]).
%% Called by the loop of a loop handler.
-export([loop_info/4, loop_end/5]).

-record(websocket, {
    handler :: module(),
    opts :: term(),
    req :: farrier_req_0:req(),
    state :: term(),
    framing :: rfc6455 | hixie76,
    %% Milliseconds without a word from the client or from other processes.
    timeout = infinity :: timeout(),
    %% Whether websocket_init asked for it.
    hibernate = false :: boolean()
}).

-spec traits() -> farrier_handler:traits().
traits() ->
    #{otp_messages => deliver, bad_frame => send_earlier, middlewares => after_session}.

%%% Request

%% @doc Calls `init/3' and what follows from its return.
-spec execute(farrier_req_0:req(), farrier_handler:env(), module(), term()) -> farrier_handler:outcome().
execute(Req, Env, Handler, Opts) ->
    try Handler:init({farrier_exchange:transport(), http}, Req, Opts) of
        {ok, Req2, State} -> handle(Req2, Env, Handler, Opts, State);
        {loop, Req2, State} -> loop(Req2, Env, Handler, Opts, State, infinity, false);
        {loop, Req2, State, hibernate} -> loop(Req2, Env, Handler, Opts, State, infinity, true);
        {loop, Req2, State, Timeout} -> loop(Req2, Env, Handler, Opts, State, Timeout, false);
        {loop, Req2, State, Timeout, hibernate} -> loop(Req2, Env, Handler, Opts, State, Timeout, true);
        {shutdown, Req2, State} -> end_request(Req2, Env, Handler, Opts, State);
        {upgrade, protocol, Protocol} -> upgrade_protocol(Protocol, Req, Env, Handler, Opts);
        %% The form of Cowboy 1, for its protocols alone.
        {upgrade, protocol, cowboy_websocket, Req2, Opts2} ->
            upgrade_protocol(cowboy_websocket, Req2, Env, Handler, Opts2)
    catch
        Class:Reason:Stack ->
            log({Class, Reason, Stack}, Handler, {init, 3}, Req, [{"Options were", Opts}]),
            refused(500, farrier_req_0:anew(Req))
    end.

-spec handle(farrier_req_0:req(), farrier_handler:env(), module(), term(), term()) -> farrier_handler:outcome().
handle(Req, Env, Handler, Opts, State) ->
    try Handler:handle(Req, State) of
        {ok, Req2, State2} -> end_request(Req2, Env, Handler, Opts, State2)
    catch
        Class:Reason:Stack ->
            log({Class, Reason, Stack}, Handler, {handle, 2}, Req, state(Opts, State)),
            end_crashed(Req, Handler, Opts, State)
    end.

-spec end_request(farrier_req_0:req(), farrier_handler:env(), module(), term(), term()) -> farrier_handler:outcome().
end_request(Req, Env, Handler, Opts, State) ->
    call_terminate(Req, Handler, Opts, State),
    ok = farrier_req_0_resp:ensure(204, Req),
    {ok, Req, Env}.

-spec end_crashed(farrier_req_0:req(), module(), term(), term()) -> farrier_handler:outcome().
end_crashed(Req, Handler, Opts, State) ->
    call_terminate(Req, Handler, Opts, State),
    refused(500, farrier_req_0:anew(Req)).

%% The connection ends with this answer, or with that of the handler.
-spec refused(Status, farrier_req_0:req()) -> {error, Status, farrier_req_0:req()} when Status :: 400 | 500.
refused(Status, Req) ->
    Last = farrier_req_0:close(Req),
    ok = farrier_req_0_resp:ensure(Status, Last),
    {error, Status, Last}.

-spec call_terminate(farrier_req_0:req(), module(), term(), term()) -> ok.
call_terminate(Req, Handler, Opts, State) ->
    try
        _ = Handler:terminate(farrier_req_0:lock(Req), State),
        ok
    catch
        Class:Reason:Stack -> log({Class, Reason, Stack}, Handler, {terminate, 2}, Req, state(Opts, State))
    end.

%%% Loop

-spec loop(farrier_req_0:req(), farrier_handler:env(), module(), term(), term(), timeout(), boolean()) ->
    farrier_handler:outcome().
loop(Req, Env, Handler, Opts, State, Timeout, Hibernate) ->
    farrier_loop:run(#{
        adapter => ?MODULE,
        handler => Handler,
        req => Req,
        %% The log of a crash names the options.
        state => {Opts, State},
        env => Env,
        timeout => Timeout,
        restart => true,
        hibernate => Hibernate
    }).

-spec loop_info(term(), module(), farrier_req_0:req(), {Opts :: term(), State :: term()}) -> farrier_loop:result().
loop_info(Message, Handler, Req, {Opts, State}) ->
    try Handler:info(Message, Req, State) of
        {ok, Req2, State2} -> {done, ok, Req2, {Opts, State2}};
        {loop, Req2, State2} -> {loop, Req2, {Opts, State2}};
        {loop, Req2, State2, hibernate} -> {loop, Req2, {Opts, State2}, hibernate}
    catch
        Class:Reason:Stack ->
            log({Class, Reason, Stack}, Handler, {info, 3}, Req, state(Opts, State)),
            {done, crash, Req, {Opts, State}}
    end.

-spec loop_end(farrier_loop:reason(), module(), farrier_req_0:req(), {term(), term()}, farrier_handler:env()) ->
    farrier_handler:outcome().
loop_end(crash, Handler, Req, {Opts, State}, _) -> end_crashed(Req, Handler, Opts, State);
loop_end(_, Handler, Req, {Opts, State}, Env) -> end_request(Req, Env, Handler, Opts, State).

%%% Upgrade

%% `cowboy_http_websocket' is built in, because the `cowboy' application may be absent. A handler that names a
%% protocol of Cowboy 1 gets that generation's Req from here on.
-spec upgrade_protocol(module(), farrier_req_0:req(), farrier_handler:env(), module(), term()) ->
    farrier_handler:outcome().
upgrade_protocol(cowboy_http_websocket, Req, Env, Handler, Opts) ->
    upgrade_0(Req, Env, Handler, Opts);
upgrade_protocol(cowboy_websocket, Req, Env, Handler, Opts) ->
    as_0(farrier_cowboy_1:upgrade(farrier_req_0:to_1(Req), Env, Handler, Opts));
upgrade_protocol(cowboy_http_rest, Req, Env, Handler, Opts) ->
    rest_0(Req, Env, Handler, Opts);
upgrade_protocol(cowboy_rest, Req, Env, Handler, Opts) ->
    as_0(farrier_rest:upgrade(1, farrier_req_0:to_1(Req), Env, Handler, Opts));
upgrade_protocol(Protocol, Req, Env, Handler, Opts) ->
    case Protocol:upgrade(listener(), Handler, Opts, Req) of
        {_, Req2} -> {ok, Req2, Env};
        %% Cowboy ends the connection.
        _ -> exit(normal)
    end.

%% @doc REST of this generation, for a handler that named it under a listener of Cowboy 1.
-spec rest(farrier_req_1:req(), farrier_handler:env(), module(), term()) -> farrier_handler:outcome().
rest(Req, Env, Handler, Opts) ->
    case rest_0(farrier_req:convert(0, Req), Env, Handler, Opts) of
        {ok, Req2, Env2} -> {ok, farrier_req:convert(1, Req2), Env2};
        {error, Status, Req2} -> {error, Status, farrier_req:convert(1, Req2)}
    end.

%% @doc The same as protocols of this generation are called.
-spec rest(farrier_req_0:req(), module(), term()) -> {ok, farrier_req_0:req()} | close.
rest(Req, Handler, Opts) ->
    case rest_0(Req, [], Handler, Opts) of
        {ok, Req2, _} ->
            {ok, Req2};
        {error, Status, Req2} ->
            _ = farrier_req_0_resp:reply(Status, Req2),
            close
    end.

%% Whatever fails in REST is said to have failed in its first callback, which does not even have that arity.
-spec rest_0(farrier_req_0:req(), farrier_handler:env(), module(), term()) ->
    {ok, farrier_req_0:req(), farrier_handler:env()} | {error, 500, farrier_req_0:req()}.
rest_0(Req, Env, Handler, Opts) ->
    try
        farrier_rest:upgrade(0, Req, Env, Handler, Opts)
    catch
        Class:Reason:Stack ->
            log({Class, Reason, Stack}, Handler, {rest_init, 3}, Req, [{"Options were", Opts}]),
            {error, 500, farrier_req_0:anew(Req)}
    end.

%% The listener as `upgrade/4' of a protocol gets it.
-spec listener() -> pid() | undefined.
listener() ->
    case farrier_listener:config(farrier_exchange:ref()) of
        #{supervisor := Pid} -> Pid;
        _ -> undefined
    end.

-spec as_0(farrier_handler:outcome()) -> farrier_handler:outcome().
as_0({ok, Req, Env}) -> {ok, farrier_req:convert(0, Req), Env};
as_0({error, Status, Req}) -> {error, Status, farrier_req:convert(0, Req)};
as_0({suspend, _, _, _} = Suspended) -> Suspended;
as_0({Stop, Req}) -> {Stop, farrier_req:convert(0, Req)}.

%% @doc Upgrades a request for a handler that the environment's routing did not choose by this generation: its Req may
%% be one of Cowboy 1, and so is that of the outcome then.
-spec upgrade(farrier_req:req(), farrier_handler:env(), module(), term()) -> farrier_handler:outcome().
upgrade(Req, Env, Handler, Opts) ->
    Generation = farrier_req:generation(Req),
    case upgrade_0(farrier_req:convert(0, Req), Env, Handler, Opts) of
        {ok, Req2, Env} -> {ok, farrier_req:convert(Generation, Req2), Env};
        {error, Status, Req2} -> {error, Status, farrier_req:convert(Generation, Req2)}
    end.

%% @doc What `cowboy_http_websocket:upgrade/4' does: what is refused is answered here.
-spec upgrade(farrier_req_0:req(), module(), term()) -> {ok, farrier_req_0:req()} | closed.
upgrade(Req, Handler, Opts) ->
    case upgrade_0(Req, [], Handler, Opts) of
        {ok, Req2, _} -> {ok, Req2};
        {error, _, _} -> closed
    end.

%% Checks the request, calls `websocket_init/3' and asks for the upgrade. What is refused gets 400.
-spec upgrade_0(farrier_req_0:req(), farrier_handler:env(), module(), term()) ->
    {ok, farrier_req_0:req(), farrier_handler:env()} | {error, 400, farrier_req_0:req()}.
upgrade_0(Req, Env, Handler, Opts) ->
    case farrier_handshake_0:check(Req) of
        {ok, #{version := Version} = Handshake, Req2} ->
            initialise(Handshake, farrier_req_0:set_meta(websocket_version, Version, Req2), Env, Handler, Opts);
        error ->
            refused(400, Req)
    end.

-spec initialise(farrier_handshake_0:handshake(), farrier_req_0:req(), farrier_handler:env(), module(), term()) ->
    {ok, farrier_req_0:req(), farrier_handler:env()} | {error, 400, farrier_req_0:req()}.
initialise(#{framing := Framing} = Handshake, Req, Env, Handler, Opts) ->
    W = #websocket{handler = Handler, opts = Opts, req = Req, state = undefined, framing = framing(Framing)},
    try Handler:websocket_init(farrier_exchange:transport(), Req, Opts) of
        {ok, Req2, State} ->
            accepted(Handshake, Env, W#websocket{req = Req2, state = State});
        {ok, Req2, State, hibernate} ->
            accepted(Handshake, Env, W#websocket{req = Req2, state = State, hibernate = true});
        {ok, Req2, State, Timeout} ->
            accepted(Handshake, Env, W#websocket{req = Req2, state = State, timeout = Timeout});
        {ok, Req2, State, Timeout, hibernate} ->
            accepted(Handshake, Env, W#websocket{req = Req2, state = State, timeout = Timeout, hibernate = true});
        {shutdown, Req2} ->
            ok = farrier_exchange:close_response(),
            refused(400, Req2)
    catch
        Class:Reason:Stack ->
            log({Class, Reason, Stack}, Handler, {websocket_init, 3}, Req, [{"Options were", Opts}]),
            refused(400, Req)
    end.

-spec framing(term()) -> rfc6455 | hixie76.
framing({hixie76, _, _}) -> hixie76;
framing(generation_0) -> rfc6455.

%% The hook of the `onresponse' option sees the 101, too: neither date nor server are in it.
-spec accepted(farrier_handshake_0:handshake(), farrier_handler:env(), #websocket{}) ->
    {ok, farrier_req_0:req(), farrier_handler:env()}.
accepted(#{status := Status, headers := Headers, framing := Framing}, Env, #websocket{req = Req} = W) ->
    ok = farrier_req_0_resp:unanswered(Req),
    Merged = farrier_req_0_resp:merge(Headers, Req, [{<<"Connection">>, <<"Upgrade">>}]),
    Req2 = farrier_req_0_resp:upgraded(farrier_req_0_resp:on_response(Status, Merged, Req)),
    Options = #{
        version => http_version(farrier_req_0:version(Req)),
        idle_timeout => W#websocket.timeout,
        max_frame_size => infinity,
        validate_utf8 => false,
        early_data => discard,
        framing => Framing
    },
    ok = farrier_connection:upgrade(?MODULE, Merged, Options, W#websocket{req = Req2}),
    {ok, Req2, Env}.

-spec http_version({{non_neg_integer(), non_neg_integer()}, farrier_req_0:req()}) -> 'HTTP/1.0' | 'HTTP/1.1'.
http_version({{1, 0}, _}) -> 'HTTP/1.0';
http_version({_, _}) -> 'HTTP/1.1'.

%%% Session

%% The handler's own websocket_init has run before the 101.
-spec websocket_init(#websocket{}) -> farrier_handler:result().
websocket_init(#websocket{hibernate = true} = W) -> {ok, W#websocket{hibernate = false}, hibernate};
websocket_init(W) -> {ok, W}.

-spec frame({text | binary | ping | pong, binary()}, #websocket{}) -> farrier_handler:result().
frame(Frame, W) ->
    callback(websocket_handle, Frame, W).

%% Cowboy's own stale timers and notes have never reached a handler. Any other message keeps the session alive like one
%% of the client's.
-spec info(term(), #websocket{}) -> farrier_handler:result().
info({cowboy_http_req, resp_sent}, W) ->
    {ok, W};
info({timeout, Ref, cowboy_http_websocket}, W) when is_reference(Ref) ->
    {ok, W};
info(Message, #websocket{timeout = infinity} = W) ->
    callback(websocket_info, Message, W);
info(Message, #websocket{timeout = Timeout} = W) ->
    restarting(Timeout, callback(websocket_info, Message, W)).

-spec restarting(non_neg_integer(), farrier_handler:result()) -> farrier_handler:result().
restarting(Timeout, Result) ->
    Restart = [{set_options, #{idle_timeout => Timeout}}],
    case Result of
        {ok, W} -> {commands, Restart, [], W, run};
        {ok, W, hibernate} -> {commands, Restart, [], W, hibernate};
        {send, Frames, W} -> {commands, Restart, Frames, W, run};
        {send, Frames, W, hibernate} -> {commands, Restart, Frames, W, hibernate};
        _ -> Result
    end.

-spec callback(websocket_handle | websocket_info, term(), #websocket{}) -> farrier_handler:result().
callback(Callback, Message, #websocket{handler = Handler, req = Req, state = State} = W) ->
    try Handler:Callback(Message, Req, State) of
        Result -> result(Result, W)
    catch
        Class:Reason:Stack -> {crash, {{Class, Reason, Stack}, Callback, Message}, W}
    end.

%% Translates what a callback returned. A bad return kills the process with `{try_clause, Return}' as in Cowboy,
%% without a close frame or websocket_terminate.
-spec result(term(), #websocket{}) -> farrier_handler:result().
result(Return, W) ->
    case Return of
        {ok, Req, State} -> {ok, W#websocket{req = Req, state = State}};
        {ok, Req, State, hibernate} -> {ok, W#websocket{req = Req, state = State}, hibernate};
        {reply, Frame, Req, State} -> reply(Frame, W#websocket{req = Req, state = State}, run);
        {reply, Frame, Req, State, hibernate} -> reply(Frame, W#websocket{req = Req, state = State}, hibernate);
        {shutdown, Req, State} -> {stop, [close], stop, W#websocket{req = Req, state = State}};
        _ -> error({try_clause, Return})
    end.

%% One frame. Draft 76 has no others than text, and Cowboy ignores whatever else a handler wants to send then.
-spec reply(term(), #websocket{}, run | hibernate) -> farrier_handler:result().
reply({text, _} = Frame, W, Flag) -> send(Frame, W, Flag);
reply(_, #websocket{framing = hixie76} = W, run) -> {ok, W};
reply(_, #websocket{framing = hixie76} = W, hibernate) -> {ok, W, hibernate};
reply({Type, _} = Frame, W, Flag) when Type =:= binary; Type =:= ping; Type =:= pong -> send(Frame, W, Flag);
reply({Type, _}, _, _) -> error({case_clause, Type});
reply(_, _, _) -> error(function_clause).

-spec send({atom(), term()}, #websocket{}, run | hibernate) -> farrier_handler:result().
send(Frame, W, run) -> {send, [Frame], W};
send(Frame, W, hibernate) -> {send, [Frame], W, hibernate}.

%%% End

%% The close frame is always empty. None goes to a client that is gone, nor from a process that dies of what it was
%% sent.
-spec close_frames(farrier_handler:reason() | crash) -> farrier_handler:frames().
close_frames({error, badframe}) -> [close];
close_frames({error, protocol}) -> [close];
close_frames({error, _}) -> [];
close_frames({exit, _}) -> [];
close_frames(_) -> [close].

%% An unmasked frame or an unknown opcode kill the process in Cowboy: no clause of its decoder takes them.
-spec terminate(farrier_handler:reason(), #websocket{}) -> {normal, farrier_req_0:req()}.
terminate({error, Fatal}, _) when Fatal =:= unmasked; Fatal =:= badopcode ->
    error(function_clause);
%% The client of draft 76 did not send the rest of its challenge: the session has not begun.
terminate({error, challenge}, #websocket{req = Req}) ->
    {normal, Req};
terminate(Reason, #websocket{req = Req} = W) ->
    websocket_terminate(reason(Reason), W),
    {normal, Req}.

-spec reason(farrier_handler:reason()) -> term().
reason(stop) -> {normal, shutdown};
reason(timeout) -> {normal, timeout};
reason(remote) -> {normal, closed};
reason({remote, _, _}) -> {normal, closed};
reason({exit, Reason}) -> Reason;
reason({error, _} = Reason) -> Reason.

-spec websocket_terminate(term(), #websocket{}) -> ok.
websocket_terminate(Reason, #websocket{handler = Handler, opts = Opts, req = Req, state = State}) ->
    try
        _ = Handler:websocket_terminate(Reason, Req, State),
        ok
    catch
        Class:Crash:Stack ->
            log({Class, Crash, Stack}, Handler, {websocket_terminate, 3}, Req, [
                {"Initial reason was", Reason} | state(Opts, State)
            ])
    end.

-spec crash(term(), #websocket{}) -> no_return().
crash({Exception, Callback, Message}, #websocket{handler = Handler, opts = Opts, req = Req, state = State} = W) ->
    log(Exception, Handler, {Callback, 3}, Req, [{"Message was", Message} | state(Opts, State)]),
    websocket_terminate({error, handler}, W),
    exit(normal).

%%% Log

-spec state(term(), term()) -> [{string(), term()}].
state(Opts, State) ->
    [{"Options were", Opts}, {"Handler state was", State}].

%% Cowboy 0 logs the exceptions of handlers itself, in several lines.
-spec log(Exception, module(), {atom(), arity()}, farrier_req_0:req(), [{What :: string(), term()}]) -> ok when
    Exception :: {error | exit | throw, term(), list()}.
log({Class, Reason, Stack}, Handler, {Function, Arity}, Req, Known) ->
    error_logger:error_msg(
        "** Handler ~p terminating in ~p/~p~n   for the reason ~p:~p~n" ++
            lists:append(lists:duplicate(length(Known), "** ~s ~p~n")) ++
            "** Request was ~p~n** Stacktrace: ~p~n~n",
        [Handler, Function, Arity, Class, Reason] ++
            lists:append([[What, Term] || {What, Term} <- Known]) ++
            [farrier_req_0:to_list(Req), Stack]
    ).
