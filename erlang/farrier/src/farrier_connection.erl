%% The process of one request and, once that is upgraded, of its WebSocket connection.
%%
%% 1. `farrier_connection_sup' starts it with a handle, which it accepts: from then on the socket dies with it.
%% 2. The listener's middleware chain runs. The handler's adapter may ask for an upgrade (`upgrade/4').
%% 3. Without one the response is completed and the process ends: the connection lives on in Rust.
%% 4. With one the 101 is sent and the process becomes the loop below, on a fresh stack and a fresh heap.
%% 5. The loop ends with a close frame (or none), the handler's terminate callback, and the adapter's exit reason.
%%
%% The loop is between the bridge and the adapter and knows neither sockets nor generations. What it may receive from
%% the bridge is listed in docs/bridge.md; that each list of events holds a terminal one only at its end, and that
%% nothing follows it, is what lets `events/6' be a plain fold.
-module(farrier_connection).

%% The process.
-export([start_link/3, drain/1]).
-export([init/3, resume/4, loop/3]).
%% For the code that runs in it.
-export([upgrade/4, upgrade/1, take_upgrade/0, is_upgrading/0, completed/4, holds_middlewares/0]).
-export([error_response/2, error_response/3, log/3]).
-export([take_over/1]).
%% For `farrier_sys'.
-export([finish/3]).

-export_type([upgrade/0, session/0]).

%% Read bytes are handed back with the next frames that are sent. A handler that sends nothing
%% hands them back in portions of this size: far below any sensible `read_ahead', far above
%% a single small message.
-define(UNREPORTED, 16 * 1024).

%% What an adapter asks for: headers of the 101, options of the bridge, and the state to begin with.
-opaque upgrade() :: {module(), [{binary(), iodata()}], map(), farrier_handler:state()}.

%% What is the same for all sessions of a bridge and an adapter: no process has it on its heap.
-record(kind, {
    bridge :: module(),
    adapter :: module(),
    %% Bridge:send/4, Adapter:frame/2, Adapter:info/2: to call a fun takes half the time of a call by a module's name.
    send :: fun((term(), farrier_handler:frames(), non_neg_integer(), boolean()) -> ok | blocked | {error, atom()}),
    frame :: fun((term(), farrier_handler:state()) -> farrier_handler:result()),
    info :: fun((term(), farrier_handler:state()) -> farrier_handler:result()),
    %% The traits of the adapter that matter for every message.
    intercept :: boolean(),
    send_earlier :: boolean()
}).

-record(session, {
    kind :: #kind{},
    handle :: term(),
    parent :: pid(),
    send_timeout :: timeout(),
    %% Which change of the reactor's seat the last message has come after.
    change = 0 :: non_neg_integer(),
    %% Middlewares that run after the session, and their environment.
    remaining :: none | {farrier_handler:generation(), farrier_handler:env(), [module()]}
}).

-opaque session() :: #session{}.

-record(request, {
    bridge :: module(),
    handle :: term(),
    ref :: farrier:ref(),
    generation :: farrier_handler:generation(),
    config :: farrier_listener:config()
}).

%%% Start

%% @doc Starts the process of a request. The caller must be a `farrier_connection_sup'.
%%
%% Its messages are kept on its heap, as the VM does by default: a scheduler that reads puts them there at once.
-spec start_link(module(), Handle :: term(), farrier:ref()) -> pid().
start_link(Bridge, Handle, Ref) ->
    proc_lib:spawn_link(?MODULE, init, [Bridge, Handle, Ref]).

%% @doc Ends a session as a stop by its handler would, but with close code 1001. A plain request just ends by itself.
-spec drain(pid()) -> ok.
drain(Pid) ->
    Pid ! '$farrier_drain',
    ok.

-spec init(module(), term(), farrier:ref()) -> term().
init(Bridge, Handle, Ref) ->
    case Bridge:accept(Handle) of
        {ok, Request} ->
            farrier_exchange:open(Bridge, Handle, Request),
            configured(Request, Bridge, Handle, farrier_listener:config(Ref));
        {error, closed} ->
            ok
    end.

-spec configured(map(), module(), term(), farrier_listener:config() | undefined) -> term().
configured(_, _, _, undefined) ->
    exit(shutdown);
configured(Request, Bridge, Handle, #{ref := Ref, generation := Generation} = Config) ->
    Context = #request{bridge = Bridge, handle = Handle, ref = Ref, generation = Generation, config = Config},
    #{env := Env, middlewares := Middlewares} = Config,
    run(fun() -> first(Request, Env, Middlewares, Config) end, Context).

%%% Request

-spec first(map(), farrier_handler:env(), [module()], farrier_listener:config()) ->
    farrier_middleware:outcome().
first(Request, Env, Middlewares, #{generation := 2, ref := Ref, beside := true} = Config) ->
    farrier_beside:serve(farrier_req_2:new(Request, Ref), Env, Middlewares, Config);
first(Request, Env, Middlewares, #{generation := 2, ref := Ref, protocol := #{stream_handlers := [_, _ | _]} = Opts}) ->
    farrier_stream:serve(farrier_req_2:new(Request, Ref), Env, Middlewares, Opts);
first(Request, Env, Middlewares, #{generation := 2, ref := Ref}) ->
    farrier_middleware:run(farrier_req_2:new(Request, Ref), Env, Middlewares);
first(Request, Env, Middlewares, #{generation := Generation, ref := Ref, protocol := Protocol}) ->
    Req0 = new(Generation, Request, Ref, Protocol),
    case Protocol of
        #{onrequest := OnRequest} when is_function(OnRequest, 1) ->
            Req = OnRequest(Req0),
            case farrier_exchange:response_state() of
                none -> farrier_middleware:run(Req, Env, Middlewares);
                _ -> {done, Req}
            end;
        _ ->
            farrier_middleware:run(Req0, Env, Middlewares)
    end.

-spec new(0 | 1 | '2pre', map(), farrier:ref(), map()) -> term().
new(0, Request, Ref, Protocol) -> farrier_req_0:new(Request, Ref, Protocol);
new(1, Request, Ref, Protocol) -> farrier_req_1:new(Request, Ref, Protocol);
new('2pre', Request, Ref, Protocol) -> farrier_req_2pre:new(Request, Ref, Protocol).

%% Whatever the chain raises is answered and logged here; what it returns is dealt with outside of the `try', with the
%% chain's stack gone.
-spec run(fun(() -> farrier_middleware:outcome()), #request{}) -> term().
run(Chain, Context) ->
    try Chain() of
        {suspend, Resume, Env, Rest} ->
            proc_lib:hibernate(?MODULE, resume, [Resume, Env, Rest, Context]);
        Outcome ->
            completed(Outcome, Context)
    catch
        Class:Reason:Stack ->
            crashed(Class, Reason, Stack, Context)
    end.

-spec resume({module(), atom(), [term()]}, farrier_handler:env(), [module()], #request{}) -> term().
resume(Resume, Env, Rest, Context) ->
    run(fun() -> farrier_middleware:resume(Resume, Env, Rest) end, Context).

%% @doc Does what is left to do for a request that another process has run. Returns after the session, if there is one.
-spec completed(farrier_middleware:outcome(), module(), term(), farrier_listener:config()) -> term().
completed(Outcome, Bridge, Handle, #{ref := Ref, generation := Generation} = Config) ->
    completed(Outcome, #request{bridge = Bridge, handle = Handle, ref = Ref, generation = Generation, config = Config}).

-spec completed(farrier_middleware:outcome(), #request{}) -> term().
completed({upgrade, Env, Rest}, Context) ->
    begin_session(take_upgrade(), Env, Rest, Context);
completed({error, Status, _}, #request{generation = 2, bridge = Bridge, handle = Handle} = Context) ->
    %% A handler of another generation under a listener of Cowboy 2.
    _ = unanswered() andalso Bridge:respond(Handle, Status, [{<<"content-length">>, <<"0">>}], <<>>),
    close_request(Context);
completed({error, Status, Req}, Context) ->
    Req1 = farrier_req:convert(1, Req),
    _ = unanswered() andalso farrier_req_1:reply(Status, [], [], farrier_req_1:set([{connection, close}], Req1)),
    close_request(Context);
completed({_, Req}, Context) ->
    case take_upgrade() of
        none -> answer(Req, Context);
        Upgrade -> begin_session(Upgrade, [], [], Context)
    end.

%% Cowboy answers 204 if nobody else has answered: Cowboy 1 with its usual headers, Cowboy 2 with none.
-spec answer(term(), #request{}) -> term().
answer(_, #request{generation = 2, bridge = Bridge, handle = Handle}) ->
    farrier_stream:ended(),
    _ = unanswered() andalso Bridge:respond(Handle, 204, [], <<>>),
    farrier_exchange:close_response();
answer(Req, _) ->
    _ = unanswered() andalso farrier_req_1:reply(204, farrier_req:convert(1, Req)),
    farrier_exchange:close_response().

-spec unanswered() -> boolean().
unanswered() ->
    farrier_exchange:response_state() =:= none.

-spec close_request(#request{}) -> ok.
close_request(#request{bridge = Bridge, handle = Handle}) ->
    _ = Bridge:close(Handle, []),
    ok.

%%% Crash of a request

%% A connection of Cowboy 0, 1 or the pre-releases of 2 dies with its process. In Cowboy 2 only the request's process
%% dies, with a reason that holds the stack trace even for an exit, unless that is a shutdown.
-spec crashed(error | exit | throw, term(), list(), #request{}) -> no_return().
crashed(Class, Reason, Stack, #request{generation = Generation} = Context) when Generation =/= 2 ->
    close_request(Context),
    erlang:raise(Class, Reason, Stack);
crashed(exit, normal, _, #request{bridge = Bridge, handle = Handle}) ->
    farrier_stream:ended(),
    _ = unanswered() andalso Bridge:respond(Handle, 204, [], <<>>),
    exit(normal);
crashed(Class, Reason, Stack, Context) ->
    error_response(Class, Reason, Stack),
    farrier_exchange:close_response(),
    case is_shutdown(Class, Reason) of
        true ->
            exit(Reason);
        false ->
            log_crash(Class, Reason, Stack, Context),
            erlang:raise(Class, request_exit(Class, Reason, Stack), Stack)
    end.

-spec is_shutdown(error | exit | throw, term()) -> boolean().
is_shutdown(exit, shutdown) -> true;
is_shutdown(exit, {shutdown, _}) -> true;
is_shutdown(_, _) -> false.

-spec request_exit(error | exit | throw, term(), list()) -> term().
request_exit(exit, Reason, Stack) -> {Reason, Stack};
request_exit(_, Reason, _) -> Reason.

%% @doc The same by way of the stream handlers, where there are any.
-spec error_response(error | exit | throw, term(), list()) -> ok.
error_response(Class, Reason, Stack) ->
    case farrier_stream:is_here() of
        true -> farrier_stream:failed(Class, Reason, Stack);
        false -> error_response(Class, Reason)
    end.

%% @doc Answers a request that failed with this exception, unless it has been answered: a bare status, as Cowboy 2 does
%% it.
-spec error_response(error | exit | throw, term()) -> ok.
error_response(Class, Reason) ->
    case farrier_exchange:response_state() of
        none ->
            {Bridge, Handle} = farrier_exchange:bridge(),
            Status = status(Class, Reason),
            _ = Bridge:respond(Handle, Status, persistence(Status) ++ [{<<"content-length">>, <<"0">>}], <<>>),
            ok;
        _ ->
            ok
    end.

%% A client that was too slow has the rest of its request still to send.
-spec persistence(400..599) -> [{binary(), binary()}].
persistence(408) -> [{<<"connection">>, <<"close">>}];
persistence(_) -> [].

-spec status(error | exit | throw, term()) -> 400..599.
status(throw, _) -> 500;
status(_, {request_error, timeout, _}) -> 408;
status(_, {request_error, payload_too_large, _}) -> 413;
status(_, {request_error, _, _}) -> 400;
status(_, _) -> 500.

%% A malformed request is the client's fault and not logged.
-spec log_crash(error | exit | throw, term(), list(), #request{}) -> ok.
log_crash(Class, {request_error, _, _}, _, _) when Class =/= throw ->
    farrier_connection_sup:logged();
log_crash(Class, Reason, Stack, #request{ref = Ref, config = #{logger := Logger}}) ->
    #{stream_id := StreamId} = farrier_exchange:request(),
    farrier_connection_sup:logged(),
    log(Logger,
        "Ranch listener ~p, connection process ~p, stream ~p had its request process ~p exit with reason ~0p~n",
        [Ref, self(), StreamId, self(), {exit_reason(Class, Reason), Stack}]).

-spec exit_reason(error | exit | throw, term()) -> term().
exit_reason(throw, Reason) -> {nocatch, Reason};
exit_reason(_, Reason) -> Reason.

%% @doc Logs an error through the module that the listener's `logger' option names.
-spec log(module(), io:format(), [term()]) -> ok.
log(error_logger, Format, Arguments) ->
    error_logger:error_msg(Format, Arguments);
log(Logger, Format, Arguments) ->
    _ = Logger:error(Format, Arguments),
    ok.

%%% Upgrade

%% @doc Asks that the request become a WebSocket connection. An adapter calls this once it has checked the request; it
%% happens when the middlewares are done, so that nothing of the request is left on the stack.
-spec upgrade(module(), [{binary(), iodata()}], map(), farrier_handler:state()) -> ok.
upgrade(Adapter, Headers, Options, State) ->
    upgrade({Adapter, Headers, Options, State}).

%% @doc Asks for what another process of the same request has asked for.
-spec upgrade(upgrade()) -> ok.
upgrade(Upgrade) ->
    _ = put('$farrier_upgrade', Upgrade),
    ok.

%% @doc Whether that has been asked for.
-spec is_upgrading() -> boolean().
is_upgrading() ->
    get('$farrier_upgrade') =/= undefined.

%% @doc Whether the remaining middlewares have to wait for the end of a session.
-spec holds_middlewares() -> boolean().
holds_middlewares() ->
    case get('$farrier_upgrade') of
        undefined -> false;
        {Adapter, _, _, _} -> maps:get(middlewares, Adapter:traits()) =:= after_session
    end.

%% @doc What has been asked for in this process. It is then no longer asked for.
-spec take_upgrade() -> none | upgrade().
take_upgrade() ->
    case erase('$farrier_upgrade') of
        undefined -> none;
        Upgrade -> Upgrade
    end.

-spec begin_session(upgrade(), farrier_handler:env(), [module()], #request{}) -> term().
begin_session({Adapter, Headers, Options, State}, Env, Rest, Context) ->
    #request{bridge = Bridge, handle = Handle} = Context,
    case Bridge:upgrade(Handle, Headers, Options) of
        ok ->
            farrier_connection_sup:upgraded(),
            enter(Adapter, State, [], session(Adapter, Env, Rest, Context));
        {error, closed} ->
            enter(Adapter, State, [{error, closed}], session(Adapter, Env, Rest, Context));
        {error, {invalid_header, _}} ->
            %% Cowboy 2.16: a value with a line break ends the connection with 500 instead of 101.
            error_response(error, invalid_header),
            close_request(Context);
        {error, already_sent} ->
            close_request(Context);
        {error, {bad_option, _, _, _} = Reason} ->
            error_response(error, Reason),
            error(Reason)
    end.

-spec session(module(), farrier_handler:env(), [module()], #request{}) -> session().
session(Adapter, Env, Rest, #request{bridge = Bridge, handle = Handle, config = Config} = Context) ->
    #session{
        kind = farrier_shared:term({?MODULE, Bridge, Adapter}, fun() -> kind(Bridge, Adapter) end),
        handle = Handle,
        parent = hd(get('$ancestors')),
        send_timeout = maps:get(send_timeout, Config),
        remaining = remaining(Context, Env, Rest)
    }.

-spec kind(module(), module()) -> #kind{}.
kind(Bridge, Adapter) ->
    #{otp_messages := OtpMessages, bad_frame := BadFrame} = Adapter:traits(),
    #kind{
        bridge = Bridge,
        adapter = Adapter,
        send = fun Bridge:send/4,
        frame = fun Adapter:frame/2,
        info = fun Adapter:info/2,
        intercept = OtpMessages =:= intercept,
        send_earlier = BadFrame =:= send_earlier
    }.

-spec remaining(#request{}, farrier_handler:env(), [module()]) ->
    none | {farrier_handler:generation(), farrier_handler:env(), [module()]}.
remaining(_, _, []) -> none;
remaining(#request{generation = Generation}, Env, Rest) -> {Generation, Env, Rest}.

%% Nothing of the request is needed any more, and what is left of it would stay on the heap of a process that may idle
%% for hours. A collection leaves one heap of the least size; hibernating would leave less, but the first message would
%% then make it two.
-spec enter(module(), farrier_handler:state(), [term()], session()) -> term().
enter(Adapter, State, Events, Session) ->
    _ = erase('$farrier_exchange'),
    _ = erlang:garbage_collect(),
    case Adapter:websocket_init(State) of
        {takeover, Protocol, Arguments} -> takeover(Protocol, Arguments, {Adapter, Events, Session});
        Result -> result(Result, Events, Session, 0, false, false)
    end.

%% Another module has the session for a moment and begins it with `take_over/1', or ends it by returning.
-spec takeover(module(), [term()], {module(), [term()], session()}) -> no_return().
takeover(Protocol, Arguments, {_, _, #session{parent = Parent}} = Begin) ->
    _ = put('$farrier_takeover', Begin),
    _ = apply(Protocol, takeover, [Parent | Arguments]),
    exit(normal).

%% @doc Begins a session that was taken over, with a state of the adapter's. Never returns.
-spec take_over(farrier_handler:state()) -> no_return().
take_over(State) ->
    {Adapter, Events, Session} = erase('$farrier_takeover'),
    _ = result(Adapter:websocket_init(State), Events, Session, 0, false, false),
    exit(normal).

%%% Session

%% @doc Waits for the next message. `Unreported' counts the bytes of handled messages that the bridge has not been told
%% of.
-spec loop(session(), farrier_handler:state(), non_neg_integer()) -> term().
loop(Session, State, Unreported) ->
    receive
        {'$farrier', Events, Bytes} ->
            events(Events, Session, State, Unreported + Bytes, false, false);
        {'$farrier', Events, Bytes, Scheduler, Change} ->
            ok = farrier_reactor:follow(Scheduler),
            read(Change, Events, Bytes, Session, State, Unreported);
        '$farrier_drain' ->
            ended(stop, [{close, 1001, <<>>}], Session, State);
        Message when (Session#session.kind)#kind.intercept ->
            intercept(Message, Session, State, Unreported);
        Message ->
            info(Message, Session, State, Unreported)
    end.

%% Another one has read than before. The VM keeps the order of one sender's messages only: if the process has had its messages kept
%% off its heap, the last of the earlier ones may stand behind the first of this one. All have been sent before that, so
%% they are here.
-spec read(pos_integer(), [term()], non_neg_integer(), session(), farrier_handler:state(), non_neg_integer()) -> term().
read(Change, Events, Bytes, #session{change = Change} = Session, State, Unreported) ->
    events(Events, Session, State, Unreported + Bytes, false, false);
read(Change, Events, Bytes, Session, State, Unreported) ->
    Earlier = lists:keysort(1, earlier(Change)),
    All = lists:append([Read || {_, Read, _} <- Earlier] ++ [Events]),
    Sum = lists:sum([Bytes | [Weight || {_, _, Weight} <- Earlier]]),
    events(All, Session#session{change = Change}, State, Unreported + Sum, false, false).

-spec earlier(pos_integer()) -> [{pos_integer(), [term()], non_neg_integer()}].
earlier(Change) ->
    receive
        {'$farrier', Events, Bytes, _, Before} when Before < Change -> [{Before, Events, Bytes} | earlier(Change)]
    after 0 ->
        []
    end.

-spec info(term(), session(), farrier_handler:state(), non_neg_integer()) -> term().
info(Message, #session{kind = #kind{info = Info}} = Session, State, Unreported) ->
    result(Info(Message, State), [], Session, Unreported, false, false).

%% Cowboy from 2.3 on: `sys' messages, questions to a supervisor without children, and the parent's exit (seen only
%% by a handler that traps exits).
-spec intercept(term(), session(), farrier_handler:state(), non_neg_integer()) -> term().
intercept({system, From, Request}, #session{kind = #kind{adapter = Adapter}, parent = Parent} = Session, State, Unreported) ->
    sys:handle_system_msg(Request, From, Parent, farrier_sys, [], {Adapter, State, Session, Unreported});
intercept({'$gen_call', From, Question}, Session, State, Unreported) ->
    gen_server:reply(From, farrier_sys:childless(Question)),
    loop(Session, State, Unreported);
intercept({'EXIT', Parent, Reason}, #session{parent = Parent} = Session, State, _) ->
    ended({exit, Reason}, [], Session, State);
intercept(Message, Session, State, Unreported) ->
    info(Message, Session, State, Unreported).

%% Handles a batch of events in order. `Corked' says that the last frames were sent with the promise of more to come.
-spec events([term()], session(), farrier_handler:state(), non_neg_integer(), boolean(), boolean()) -> term().
events([{text, _} = Event | Rest], #session{kind = #kind{frame = Frame}} = Session, State, Unreported, Corked, Hibernate) ->
    result(Frame(Event, State), Rest, Session, Unreported, Corked, Hibernate);
events([{binary, _} = Event | Rest], #session{kind = #kind{frame = Frame}} = Session, State, Unreported, Corked, Hibernate) ->
    result(Frame(Event, State), Rest, Session, Unreported, Corked, Hibernate);
events([], Session, State, Unreported, true, Hibernate) ->
    sent(send([], [], Unreported, Session), [], Session, State, Unreported, Hibernate);
events([], #session{kind = #kind{bridge = Bridge}, handle = Handle} = Session, State, Unreported, false, Hibernate) when
    Unreported > ?UNREPORTED
->
    _ = Bridge:handled(Handle, Unreported),
    events([], Session, State, 0, false, Hibernate);
events([], Session, State, Unreported, false, false) ->
    loop(Session, State, Unreported);
events([], Session, State, Unreported, false, true) ->
    proc_lib:hibernate(?MODULE, loop, [Session, State, Unreported]);
events([{ping, Payload} = Frame | Rest], Session, State, Unreported, _, Hibernate) ->
    case send([{pong, Payload}], Rest, Unreported, Session) of
        {error, timeout} ->
            ended({error, timeout}, [], Session, State);
        _ ->
            %% Cowboy ignores a failed pong: the end of the connection is an event of its own.
            #session{kind = #kind{adapter = Adapter}} = Session,
            result(Adapter:frame(Frame, State), Rest, Session, unreported(Rest, Unreported), Rest =/= [], Hibernate)
    end;
events([{pong, _} = Event | Rest], #session{kind = #kind{frame = Frame}} = Session, State, Unreported, Corked, Hibernate) ->
    result(Frame(Event, State), Rest, Session, Unreported, Corked, Hibernate);
events([Terminal], #session{kind = #kind{adapter = Adapter}} = Session, State, _, _, _) ->
    Reason = reason(Terminal),
    ended(Reason, Adapter:close_frames(Reason), Session, State).

-spec reason(term()) -> farrier_handler:reason().
reason(close) -> remote;
reason({close, Code, Text}) -> {remote, Code, Text};
reason(timeout) -> timeout;
reason({error, _} = Error) -> Error.

%% Does what a callback asked for, then goes on with the rest of the batch.
-spec result(
    farrier_handler:result(), [term()], session(), non_neg_integer(), boolean(), boolean()
) -> term().
result({send, Frames, State}, Rest, Session, Unreported, _, Hibernate) ->
    sent(send(Frames, Rest, Unreported, Session), Rest, Session, State, Unreported, Hibernate);
result({ok, State}, Rest, Session, Unreported, Corked, Hibernate) ->
    events(Rest, Session, State, Unreported, Corked, Hibernate);
result({ok, State, hibernate}, Rest, Session, Unreported, Corked, _) ->
    events(Rest, Session, State, Unreported, Corked, true);
result({send, Frames, State, hibernate}, Rest, Session, Unreported, _, _) ->
    sent(send(Frames, Rest, Unreported, Session), Rest, Session, State, Unreported, true);
result({commands, Commands, Frames, State, Flag}, Rest, Session, Unreported, Corked, Hibernate) ->
    command(Commands, Session),
    result(flagged(Frames, State, Flag), Rest, Session, Unreported, Corked, Hibernate);
result({stop, Frames, Reason, State}, _, Session, _, _, _) ->
    ended(Reason, Frames, Session, State);
result({crash, Crash, State}, _, #session{kind = #kind{adapter = Adapter}} = Session, _, _, _) ->
    close(Adapter:close_frames(crash), Session),
    Adapter:crash(Crash, State).

-spec flagged(farrier_handler:frames(), farrier_handler:state(), run | hibernate | stop) -> farrier_handler:result().
flagged(Frames, State, stop) -> {stop, Frames, stop, State};
flagged([], State, run) -> {ok, State};
flagged([], State, hibernate) -> {ok, State, hibernate};
flagged(Frames, State, run) -> {send, Frames, State};
flagged(Frames, State, hibernate) -> {send, Frames, State, hibernate}.

-spec command([farrier_handler:command()], session()) -> ok.
command([{active, Active} | Commands], #session{kind = #kind{bridge = Bridge}, handle = Handle} = Session) ->
    _ = Bridge:set_active(Handle, Active),
    command(Commands, Session);
command([{set_options, Options} | Commands], #session{kind = #kind{bridge = Bridge}, handle = Handle} = Session) ->
    _ = Bridge:set_options(Handle, Options),
    command(Commands, Session);
command([{send, Frames} | Commands], Session) ->
    %% A failure is that of the frames that follow as well.
    _ = Frames =/= [] andalso write(Frames, 0, true, Session),
    command(Commands, Session);
command([], _) ->
    ok.

%%% Sending

-spec sent(
    ok | {error, atom()}, [term()], session(), farrier_handler:state(), non_neg_integer(), boolean()
) -> term().
sent(ok, Rest, Session, State, Unreported, Hibernate) ->
    events(Rest, Session, State, unreported(Rest, Unreported), Rest =/= [], Hibernate);
sent({error, _} = Reason, _, Session, State, _, _) ->
    ended(Reason, [], Session, State).

%% What is still to be reported after a send.
-spec unreported([term()], non_neg_integer()) -> non_neg_integer().
unreported([], _) -> 0;
unreported(_, Unreported) -> Unreported.

%% The last frames of a batch take the report of its bytes along; those before it may wait for company.
-spec send(farrier_handler:frames(), [term()], non_neg_integer(), session()) -> ok | {error, atom()}.
send(Frames, [], Unreported, Session) -> write(Frames, Unreported, false, Session);
send(Frames, _, _, Session) -> write(Frames, 0, true, Session).

-spec write(farrier_handler:frames(), non_neg_integer(), boolean(), session()) -> ok | {error, atom()}.
write(Frames, Handled, More, #session{kind = #kind{send = Send}, handle = Handle} = Session) ->
    try Send(Handle, Frames, Handled, More) of
        blocked -> await_writable(Session);
        Result -> Result
    catch
        error:badarg -> write(repaired(Frames, Session), Handled, More, Session)
    end.

%% The bridge refuses a list as a whole. Terms that only Cowboy's encoder takes are brought into the bridge's form; a
%% term that Cowboy's encoder fails on kills the process here in the same way.
-spec repaired(farrier_handler:frames(), session()) -> farrier_handler:frames().
repaired(Frames, #session{kind = #kind{send_earlier = SendEarlier}} = Session) ->
    case farrier_frames:normalise(Frames) of
        {ok, Frames} ->
            error(badarg);
        {ok, Normal} ->
            Normal;
        {bad, Bad, Earlier} ->
            _ = SendEarlier andalso Earlier =/= [] andalso write(Earlier, 0, false, Session),
            farrier_frames:fail(Bad)
    end.

%% The frames are queued; the handler is held like a sender of `gen_tcp'. Exactly one answer follows `wait': `writable',
%% or the loss of the socket. An answer after the timeout finds the process gone.
-spec await_writable(session()) -> ok | {error, atom()}.
await_writable(#session{kind = #kind{bridge = Bridge}, handle = Handle, send_timeout = Timeout}) ->
    Ref = make_ref(),
    case Bridge:await_writable(Handle, Ref) of
        wait ->
            receive
                {Ref, writable} -> ok;
                {Ref, {error, closed} = Error} -> Error
            after Timeout ->
                {error, timeout}
            end;
        Result ->
            Result
    end.

%%% End

-spec ended(farrier_handler:reason(), farrier_handler:frames(), session(), farrier_handler:state()) -> term().
ended(Reason, Frames, Session, State) ->
    close(Frames, Session),
    finish(Reason, Session, State).

-spec close(farrier_handler:frames(), session()) -> ok.
close(Frames, #session{kind = #kind{bridge = Bridge}, handle = Handle} = Session) ->
    try Bridge:close(Handle, Frames) of
        _ -> ok
    catch
        error:badarg -> close(repaired(Frames, Session), Session)
    end.

%% @doc Tells the handler and ends the process. Nothing is sent.
-spec finish(farrier_handler:reason(), session(), farrier_handler:state()) -> term().
finish(Reason, #session{kind = #kind{adapter = Adapter}, remaining = Remaining}, State) ->
    case {Adapter:terminate(Reason, State), Remaining} of
        {{normal, _}, none} -> ok;
        {{Exit, _}, none} -> exit(Exit);
        {{_, Req}, {Generation, Env, Rest}} ->
            remaining(farrier_middleware:after_session(Generation, Req, Env, Rest))
    end.

-spec remaining(farrier_middleware:outcome()) -> ok.
remaining({suspend, Resume, Env, Rest}) ->
    remaining(farrier_middleware:resume(Resume, Env, Rest));
remaining(_) ->
    ok.
