%% Serves handlers of Cowboy 2 (2.0 to 2.18): `init/2', `websocket_init/1', `websocket_handle/2', `websocket_info/2',
%% `terminate/3'.
%%
%% Behaves as 2.18 where the releases differ, and accepts all that any of them accepted.
-module(farrier_cowboy_2).
-behaviour(farrier_handler).
-behaviour(farrier_loop).

%% Called by the middleware chain, and by sub-protocols through `cowboy_websocket' and `cowboy_loop'.
-export([execute/4, upgrade/4, upgrade/5, takeover/1, loop/4, loop/5, upgrade_protocol/2, terminate/4]).
%% Called by the connection.
-export([traits/0, websocket_init/1, frame/2, info/2, close_frames/1, terminate/2, crash/2]).
-export([handler_state/1, handler_state/2]).
%% Called by the loop.
-export([loop_info/4, loop_end/5]).
%% Called by the stream handlers.
-export([switch_protocol/4]).

%% A handler with its `websocket_handle/2' and `websocket_info/2': to call a fun takes half the time of a call by a module's name.
-record(handler, {
    module :: module(),
    handle :: fun((term(), term()) -> term()),
    info :: fun((term(), term()) -> term())
}).

-record(websocket, {
    handler :: #handler{},
    state :: term(),
    %% What `req_filter' left of the Req, for `terminate/3'.
    req :: term(),
    %% Whether the session is to trap exits: the listener's option `trap_exit'.
    trap_exit = false :: boolean(),
    %% Whether the session is a stream of HTTP/2, with which its process goes.
    stream = false :: boolean(),
    %% Exit reason of the process at a normal end.
    exit = normal :: term(),
    %% What the bridge shall know, until it does.
    options = #{} :: map(),
    %% The module whose takeover/7 comes before `websocket_init/1', with the arguments that it gets beside the state.
    takeover = none :: none | {module(), [term()]}
}).

-define(DEFAULT_IDLE_TIMEOUT, 60000).
-define(DEFAULT_MAX_FRAME_SIZE, 1000000).

-spec traits() -> farrier_handler:traits().
traits() ->
    #{otp_messages => intercept, bad_frame => send_nothing, middlewares => before_session}.

%%% Request

%% @doc Calls `init/2'. What it returns is dealt with outside of the `try': a bad return is no crash of the handler.
-spec execute(map(), map(), module(), term()) -> farrier_handler:outcome().
execute(Req0, Env, Handler, Opts) ->
    try farrier_cowboy_2_draft:returned(Handler:init(Req0, Opts)) of
        {ok, Req, State} ->
            _ = terminate(normal, Req, State, Handler),
            {ok, Req, Env};
        {Protocol, Req, State} ->
            upgrade_protocol(Protocol, [Req, Env, Handler, State]);
        {Protocol, Req, State, ProtocolOpts} ->
            upgrade_protocol(Protocol, [Req, Env, Handler, State, ProtocolOpts])
    catch
        Class:Reason:Stack ->
            _ = terminate({crash, Class, Reason}, Req0, Opts, Handler),
            farrier_connection:error_response(Class, Reason, Stack),
            erlang:raise(Class, Reason, Stack)
    end.

%% @doc Hands the request to the protocol that a handler asked for. Cowboy's own are built in, because the `cowboy'
%% application may be absent.
-spec upgrade_protocol(module(), [term()]) -> farrier_handler:outcome().
upgrade_protocol(cowboy_websocket, Arguments) ->
    apply(?MODULE, upgrade, Arguments);
upgrade_protocol(Protocol, Arguments) when Protocol =:= cowboy_rest; Protocol =:= cowboy_loop ->
    case farrier_beside_request:is_here() of
        true -> apply(Protocol, upgrade, Arguments);
        false -> built_in(Protocol, Arguments)
    end;
upgrade_protocol(Protocol, Arguments) ->
    apply(Protocol, upgrade, Arguments).

-spec built_in(cowboy_rest | cowboy_loop, [term()]) -> farrier_handler:outcome().
built_in(cowboy_rest, [Req, Env, Handler, State | _NoOptions]) ->
    farrier_rest:upgrade(2, Req, Env, Handler, State);
built_in(cowboy_loop, Arguments) ->
    apply(?MODULE, loop, Arguments).

%% @doc Calls `terminate/3' if the handler exports it.
-spec terminate(term(), term(), term(), module()) -> term().
terminate(Reason, Req, State, Handler) ->
    case erlang:function_exported(Handler, terminate, 3) of
        true -> Handler:terminate(Reason, Req, State);
        false -> ok
    end.

%%% Loop

%% @doc Waits for messages on behalf of a handler that exports `info/3'.
-spec loop(map(), map(), module(), term()) -> farrier_handler:outcome().
loop(Req, Env, Handler, State) ->
    loop(Req, Env, Handler, State, infinity).

%% @doc The same after a hibernation, or with the ms after which `info/3' is told `timeout' if no message came (Cowboy
%% 2.12).
-spec loop(map(), map(), module(), term(), hibernate | timeout()) -> farrier_handler:outcome().
loop(Req, Env, Handler, State, hibernate) ->
    farrier_loop:run((new_loop(Req, Env, Handler, State))#{hibernate => true});
loop(Req, Env, Handler, State, Patience) when Patience =:= infinity; is_integer(Patience), Patience >= 0 ->
    farrier_loop:run((new_loop(Req, Env, Handler, State))#{patience => Patience}).

-spec new_loop(map(), map(), module(), term()) -> farrier_loop:loop().
new_loop(Req, Env, Handler, State) ->
    #{adapter => ?MODULE, handler => Handler, req => Req, state => State, env => Env}.

%% A bad return is no crash of the handler: `terminate/3' is not called.
-spec loop_info(term(), module(), map(), term()) -> farrier_loop:result().
loop_info(Message, Handler, Req0, State0) ->
    try Handler:info(Message, Req0, State0) of
        {ok, Req, State} -> {loop, Req, State};
        {ok, Req, State, hibernate} -> {loop, Req, State, hibernate};
        {ok, Req, State, Patience} when Patience =:= infinity; is_integer(Patience), Patience >= 0 ->
            {loop, Req, State, Patience};
        {stop, Req, State} -> {done, stop, Req, State}
    catch
        Class:Reason:Stack ->
            _ = terminate({crash, Class, Reason}, Req0, State0, Handler),
            erlang:raise(Class, Reason, Stack)
    end.

%% A client that goes away takes the request's process along: its connection's process, which is its parent, exits. A
%% handler that traps exits sees `terminate/3', another one nothing.
-spec loop_end(farrier_loop:reason(), module(), map(), term(), map()) -> farrier_handler:outcome().
loop_end({error, closed}, Handler, Req, State, Env) ->
    case process_info(self(), trap_exit) of
        {trap_exit, true} -> loop_end(shutdown, Handler, Req, State, Env);
        {trap_exit, false} -> exit(shutdown)
    end;
loop_end({exit, Reason}, Handler, Req, State, Env) ->
    loop_end(Reason, Handler, Req, State, Env);
loop_end(Reason, Handler, Req, State, Env) ->
    {ok, Req, Env#{result => terminate(Reason, Req, State, Handler)}}.

%%% Upgrade

-spec upgrade(map(), map(), module(), term()) -> farrier_handler:outcome().
upgrade(Req, Env, Handler, State) ->
    upgrade(Req, Env, Handler, State, #{}).

%% @doc Checks the request and asks for the upgrade, or answers 4xx; the connection stays open and `terminate/3' is
%% not called.
%%
%% Options (others are ignored): `compress' (boolean, false), `deflate_opts' (see {@link
%% farrier_extensions:negotiate/2}), `idle_timeout' (ms or infinity, 60000), `max_frame_size' (bytes or infinity,
%% 1000000), `validate_utf8' (true), `req_filter'. Whatever is not a map fails, and the client gets 500.
-spec upgrade(map(), map(), module(), term(), map()) -> farrier_handler:outcome().
upgrade(#{version := Version} = Req, Env, Handler, State, Opts) ->
    Websocket = #websocket{
        handler = farrier_shared:term({?MODULE, Handler}, fun() -> handler(Handler) end),
        state = State,
        req = filter(Opts, Req),
        trap_exit = trap_exit(),
        stream = Version =:= 'HTTP/2'
    },
    Options0 = #{
        version => Version,
        idle_timeout => maps:get(idle_timeout, Opts, ?DEFAULT_IDLE_TIMEOUT),
        max_frame_size => maps:get(max_frame_size, Opts, ?DEFAULT_MAX_FRAME_SIZE),
        validate_utf8 => maps:get(validate_utf8, Opts, true),
        early_data => deliver
    },
    case farrier_handshake:check_2(Req) of
        {ok, Accept} ->
            {Extensions, Options} = farrier_extensions:compress(extensions(Opts, Req), Options0),
            Headers = farrier_handshake:headers_2(Accept, Extensions, Req),
            switch_protocol(Headers, Websocket#websocket{options = Options}, Req),
            {ok, Req, Env};
        {error, Status, Headers} ->
            {ok, farrier_req_2:reply(Status, Headers, Req), Env}
    end.

-spec handler(module()) -> #handler{}.
handler(Module) ->
    #handler{module = Module, handle = fun Module:websocket_handle/2, info = fun Module:websocket_info/2}.

-spec extensions(map(), map()) -> farrier_extensions:answer().
extensions(#{compress := true} = Opts, Req) ->
    Offers = farrier_req_2:parse_header(<<"sec-websocket-extensions">>, Req, []),
    farrier_extensions:negotiate(Offers, maps:get(deflate_opts, Opts, #{}));
extensions(_, _) ->
    none.

%% Stream handlers may change the headers of the 101, and the module that takes the connection over.
-spec switch_protocol([{binary(), iodata()}], #websocket{}, map()) -> ok.
switch_protocol(Headers, #websocket{state = State} = W, Req) ->
    case farrier_stream:is_here() of
        true ->
            Map = farrier_req_2_resp:header_map(Headers),
            farrier_stream:command({switch_protocol, Map, cowboy_websocket, {W, State}}, Req);
        false ->
            switch(Headers, W)
    end.

%% @doc Asks for the upgrade once the stream handlers have had their say. `State' is what they were given, or a
%% handler's state of their own in its place; of a `Protocol' other than `cowboy_websocket' `takeover/7' is called
%% after the 101.
-spec switch_protocol([{binary(), iodata()}], module(), {#websocket{}, term()}, map()) -> ok.
switch_protocol(Headers, cowboy_websocket, {W, State}, _) ->
    switch(Headers, W#websocket{state = State});
switch_protocol(Headers, Protocol, {W, State}, Opts) ->
    {Socket, Transport} = farrier_transport:raw(farrier_exchange:request()),
    Arguments = [farrier_exchange:ref(), Socket, Transport, Opts, <<>>],
    switch(Headers, W#websocket{state = State, takeover = {Protocol, Arguments}}).

-spec switch([{binary(), iodata()}], #websocket{}) -> ok.
switch(Headers, #websocket{options = Options} = W) ->
    farrier_connection:upgrade(?MODULE, Headers, Options, W#websocket{options = #{}}).

%% The sessions of Cowboy 2.0 to 2.10 trapped exits, and there are handlers that count on it.
-spec trap_exit() -> boolean().
trap_exit() ->
    case farrier_listener:config(farrier_exchange:ref()) of
        #{protocol := #{trap_exit := Trap}} -> Trap;
        _ -> false
    end.

-spec filter(map(), map()) -> term().
filter(#{req_filter := Filter}, Req) ->
    Filter(Req);
%% The keys of such a map are a term of the module's: no session has them on its heap.
filter(
    Opts,
    #{
        method := Method,
        version := Version,
        scheme := Scheme,
        host := Host,
        port := Port,
        path := Path,
        qs := Qs,
        peer := Peer,
        streamid := StreamId
    }
) when is_map(Opts) ->
    #{
        method => Method,
        version => Version,
        scheme => Scheme,
        host => Host,
        port => Port,
        path => Path,
        qs => Qs,
        peer => Peer,
        streamid => StreamId
    };
filter(Opts, Req) when is_map(Opts) ->
    maps:with([method, version, scheme, host, port, path, qs, peer, streamid], Req).

%%% Session

-spec websocket_init(#websocket{}) -> farrier_handler:result() | farrier_handler:takeover().
websocket_init(#websocket{trap_exit = true} = W) ->
    _ = process_flag(trap_exit, true),
    websocket_init(W#websocket{trap_exit = false});
websocket_init(#websocket{takeover = {Protocol, Arguments}, state = State} = W) ->
    {takeover, Protocol, Arguments ++ [{W#websocket{takeover = none}, State}]};
websocket_init(#websocket{handler = #handler{module = Handler}, state = State} = W) ->
    %% What was cast to the request is not for the session, as in Cowboy.
    farrier_stream:flush(),
    case erlang:function_exported(Handler, websocket_init, 1) of
        true ->
            try Handler:websocket_init(State) of
                Result -> result(Result, W)
            catch
                Class:Reason:Stack -> {crash, {Class, Reason, Stack}, W}
            end;
        false ->
            {ok, W}
    end.

%% @doc What `cowboy_websocket:takeover/7' does: begins the session with this state of the handler. Never returns.
-spec takeover({#websocket{}, term()}) -> no_return().
takeover({#websocket{} = W, State}) ->
    farrier_connection:take_over(W#websocket{state = State, takeover = none}).

%% Empty pings and pongs are atoms in this generation.
-spec frame({text | binary | ping | pong, binary()}, #websocket{}) -> farrier_handler:result().
frame({ping, <<>>}, W) -> handle(ping, W);
frame({pong, <<>>}, W) -> handle(pong, W);
frame(Frame, W) -> handle(Frame, W).

-spec handle(term(), #websocket{}) -> farrier_handler:result().
handle(Frame, #websocket{handler = #handler{handle = Handle}, state = State} = W) ->
    try Handle(Frame, State) of
        Result -> result(Result, W)
    catch
        Class:Reason:Stack -> {crash, {Class, Reason, Stack}, W}
    end.

%% A stale timer of Cowboy's own has never reached a handler.
-spec info(term(), #websocket{}) -> farrier_handler:result().
info({timeout, Ref, cowboy_websocket}, W) when is_reference(Ref) ->
    {ok, W};
info(Message, #websocket{handler = #handler{info = Info}, state = State} = W) ->
    try Info(Message, State) of
        Result -> result(Result, W)
    catch
        Class:Reason:Stack -> {crash, {Class, Reason, Stack}, W}
    end.

%% Translates what a callback returned. A bad return kills the process with `{try_clause, Return}' as in Cowboy,
%% without a close frame or `terminate/3'.
-spec result(term(), #websocket{}) -> farrier_handler:result().
result(Return, W) ->
    case Return of
        {ok, State} -> {ok, W#websocket{state = State}};
        {[], State} -> {ok, W#websocket{state = State}};
        {Commands, State} when is_list(Commands) -> commands(Commands, W#websocket{state = State}, run);
        {reply, Frames, State} -> reply(Frames, W#websocket{state = State}, run);
        {ok, State, hibernate} -> {ok, W#websocket{state = State}, hibernate};
        {Commands, State, hibernate} when is_list(Commands) ->
            commands(Commands, W#websocket{state = State}, hibernate);
        {reply, Frames, State, hibernate} -> reply(Frames, W#websocket{state = State}, hibernate);
        {stop, State} -> {stop, farrier_frames:closing(stop), stop, W#websocket{state = State}};
        _ -> error({try_clause, Return})
    end.

%% The deprecated form: one frame or a list of frames, no commands.
-spec reply(term(), #websocket{}, run | hibernate) -> farrier_handler:result().
reply(Frames, W, Flag) when is_list(Frames) ->
    case farrier_frames:until_close(Frames) of
        {open, []} -> sending([], W, Flag);
        {open, _} -> sending(Frames, W, Flag);
        {close, Sent} -> {stop, Sent, stop, W}
    end;
reply(Frame, W, Flag) ->
    reply([Frame], W, Flag).

-spec sending([term()], #websocket{}, run | hibernate) -> farrier_handler:result().
sending([], W, run) -> {ok, W};
sending([], W, hibernate) -> {ok, W, hibernate};
sending(Frames, W, run) -> {send, Frames, W};
sending(Frames, W, hibernate) -> {send, Frames, W, hibernate}.

%% The list goes to the bridge as it is if it holds nothing but frames of the usual forms.
-spec commands([term()], #websocket{}, run | hibernate) -> farrier_handler:result().
commands(Commands, W, Flag) ->
    case plain(Commands) of
        true -> sending(Commands, W, Flag);
        false -> commands(Commands, [], [], W, Flag)
    end.

-spec plain([term()]) -> boolean().
plain([{Type, _} | Commands]) when Type =:= text; Type =:= binary; Type =:= ping; Type =:= pong ->
    plain(Commands);
plain([]) ->
    true;
plain(_) ->
    false.

%% Sorts a list into frames and commands. What follows a close frame is ignored. A term that is neither
%% fails in the last clauses (`function_clause') before anything is sent.
-spec commands([term()], [term()], [farrier_handler:command()], #websocket{}, run | hibernate) ->
    farrier_handler:result().
commands([], Frames, [], W, Flag) ->
    sending(lists:reverse(Frames), W, Flag);
commands([], Frames, Commands, W, Flag) ->
    finished(lists:reverse(Frames), lists:reverse(Commands), W, Flag);
commands([{active, Active} = Command | Rest], Frames, Commands, W, Flag) when is_boolean(Active) ->
    commands(Rest, Frames, [Command | Commands], W, Flag);
commands([{deflate, Deflate} | Rest], Frames, Commands, W, Flag) when is_boolean(Deflate) ->
    %% The frames before it are sent as it was.
    commands(Rest, [], [{set_options, #{deflate => Deflate}}, {send, lists:reverse(Frames)} | Commands], W, Flag);
commands([{set_options, Options} | Rest], Frames, Commands, W, Flag) ->
    commands(Rest, Frames, [{set_options, known(Options)} | Commands], W, Flag);
commands([{shutdown_reason, Reason} | Rest], Frames, Commands, W, Flag) ->
    commands(Rest, Frames, Commands, W#websocket{exit = shutdown_reason(Reason)}, Flag);
commands([Close | _], Frames, Commands, W, _) when
    Close =:= close; element(1, Close) =:= close, tuple_size(Close) =< 3, tuple_size(Close) >= 2
->
    finished(lists:reverse([Close | Frames]), lists:reverse(Commands), W, stop);
commands([{Type, _} = Frame | Rest], Frames, Commands, W, Flag) when
    Type =:= text; Type =:= binary; Type =:= ping; Type =:= pong
->
    commands(Rest, [Frame | Frames], Commands, W, Flag);
commands([Frame | Rest], Frames, Commands, W, Flag) when Frame =:= ping; Frame =:= pong ->
    commands(Rest, [Frame | Frames], Commands, W, Flag).

%% Where frames are sent in parts, a malformed one must keep those before it from being sent as well.
-spec finished([term()], [farrier_handler:command()], #websocket{}, run | hibernate | stop) -> farrier_handler:result().
finished(Frames, [], W, stop) ->
    {stop, Frames, stop, W};
finished(Frames, Commands, W, Flag) ->
    case farrier_frames:normalise(lists:append([Sent || {send, Sent} <- Commands]) ++ Frames) of
        {ok, _} -> {commands, Commands, Frames, W, Flag};
        {bad, Bad, _} -> farrier_frames:fail(Bad)
    end.

%% A time that no timer can have fails as Cowboy's timer does.
-spec known(term()) -> map().
known(#{idle_timeout := Time}) when Time =/= infinity, not (is_integer(Time) andalso Time >= 0) ->
    error(badarg);
known(Options) when is_map(Options) ->
    maps:with([idle_timeout, max_frame_size], Options);
known(_) ->
    #{}.

-spec shutdown_reason(term()) -> term().
shutdown_reason(normal) -> normal;
shutdown_reason(Reason) -> {shutdown, Reason}.

%%% End

-spec close_frames(farrier_handler:reason() | crash) -> farrier_handler:frames().
close_frames(Reason) ->
    farrier_frames:closing(Reason).

-spec terminate(farrier_handler:reason(), #websocket{}) -> {Exit :: term(), Req :: term()}.
terminate({exit, Reason}, W) ->
    terminate_websocket(Reason, W);
%% Over HTTP/2 Cowboy shuts the process of a lost stream down. A handler that traps exits is told so since 2.14.1.
terminate({error, closed}, #websocket{stream = true} = W) ->
    case process_info(self(), trap_exit) of
        {trap_exit, true} -> terminate_websocket(shutdown, W);
        {trap_exit, false} -> exit(shutdown)
    end;
terminate(Reason, W) ->
    terminate_websocket(Reason, W).

-spec terminate_websocket(term(), #websocket{}) -> {term(), term()}.
terminate_websocket(Reason, #websocket{handler = #handler{module = Handler}, state = State, req = Req, exit = Exit}) ->
    _ = terminate(Reason, Req, State, Handler),
    {Exit, Req}.

-spec crash({error | exit | throw, term(), list()}, #websocket{}) -> no_return().
crash({Class, Reason, Stack}, W) ->
    _ = terminate_websocket({crash, Class, Reason}, W),
    erlang:raise(Class, Reason, Stack).

-spec handler_state(#websocket{}) -> term().
handler_state(#websocket{state = State}) -> State.

-spec handler_state(term(), #websocket{}) -> #websocket{}.
handler_state(State, W) -> W#websocket{state = State}.
