%% Waits for messages on behalf of a loop handler (long polling, EventSource) until the handler, its timeout or its
%% client ends the request.
%%
%% The adapter of the handler's generation calls it, and is called back with each message and with the reason of the
%% end. What differs between generations is in the adapters; that every one of them learns of a lost client, answers
%% what OTP asks (where its generation does) and hibernates when asked is here.
-module(farrier_loop).

-export([run/1]).
%% Where a hibernated loop goes on.
-export([loop/1]).
%% For `sys'.
-export([system_continue/3, system_terminate/4, system_code_change/4, system_get_state/1, system_replace_state/2]).

-export_type([loop/0, result/0, reason/0]).

%% What an adapter begins with. `timeout' (ms, infinity) ends the loop whatever happens meanwhile: Cowboy 1 and 2pre.
%% With `restart' every message starts it anew: Cowboy 0. `patience' (ms, infinity) is how long a message may be
%% awaited before the handler is told `timeout': Cowboy 2.12 and later.
-type loop() :: #{
    adapter := module(),
    handler := module(),
    req := term(),
    state := term(),
    env := farrier_handler:env(),
    timeout => timeout(),
    restart => boolean(),
    patience => timeout(),
    hibernate => boolean(),
    %% Its own, from here on.
    timer => reference() | undefined,
    watch => reference()
}.

-type result() ::
    {loop, Req :: term(), State :: term()}
    | {loop, Req :: term(), State :: term(), hibernate | timeout()}
    | {done, reason(), Req :: term(), State :: term()}.

%% `timeout', `{error, closed}' and `{exit, Reason}' (the parent's exit, or `sys:terminate/2') come from here, the
%% others from the adapter itself.
-type reason() :: term().

%% One message for the handler. An exception is one of the handler's that the adapter has dealt with.
-callback loop_info(Message :: term(), Handler :: module(), Req :: term(), State :: term()) -> result().

%% The loop is over: tells the handler. For `{error, closed}' it may also end the process.
-callback loop_end(reason(), Handler :: module(), Req :: term(), State :: term(), farrier_handler:env()) ->
    farrier_handler:outcome().

%% @doc Runs the loop to its end, or to a hibernation: in Cowboy's terms, a suspended middleware.
-spec run(loop()) -> farrier_handler:outcome().
run(Loop) ->
    {Bridge, Handle} = farrier_exchange:bridge(),
    Watch = make_ref(),
    _ =
        case Bridge:await_closed(Handle, Watch) of
            ok -> ok;
            {error, closed} -> self() ! {Watch, {error, closed}}
        end,
    waiting(maps:merge(
        #{patience => infinity, hibernate => false},
        Loop#{watch => Watch, timer => timer(maps:get(timeout, Loop, infinity))}
    )).

-spec timer(timeout()) -> reference() | undefined.
timer(infinity) -> undefined;
timer(Timeout) -> erlang:start_timer(Timeout, self(), ?MODULE).

-spec waiting(loop()) -> farrier_handler:outcome().
waiting(#{hibernate := true} = Loop) ->
    {suspend, ?MODULE, loop, [Loop#{hibernate := false}]};
waiting(Loop) ->
    loop(Loop).

%% Beside the handler's own messages these may come: the loss of the client, once; the timer, once; an order to drain,
%% which does not concern a request; the note of Cowboy 1 that a response was sent; and what OTP asks of a process of
%% Cowboy 2.
-spec loop(loop()) -> farrier_handler:outcome().
loop(#{watch := Watch, timer := Timer, patience := Patience} = Loop) ->
    receive
        {Watch, {error, closed} = Closed} -> ended(Closed, Loop);
        {timeout, Timer, ?MODULE} -> ended(timeout, Loop);
        '$farrier_drain' -> loop(Loop);
        {cowboy_req, resp_sent} -> loop(Loop);
        Message -> message(Message, Loop)
    after Patience ->
        info(timeout, Loop)
    end.

-spec message(term(), loop()) -> farrier_handler:outcome().
message(Message, #{adapter := Adapter} = Loop) ->
    case Adapter:traits() of
        #{otp_messages := intercept} -> intercept(Message, hd(get('$ancestors')), Loop);
        _ -> info(Message, Loop)
    end.

-spec intercept(term(), pid(), loop()) -> farrier_handler:outcome().
%% cowboy_req:cast/2 from another process: for stream handlers, not for this one.
intercept({{Pid, StreamId}, Message}, _, Loop) when Pid =:= self(), is_integer(StreamId) ->
    farrier_stream:cast(Message),
    loop(Loop);
intercept({system, From, Request}, Parent, Loop) ->
    %% Goes on in system_continue/3, whose value is that of this call.
    sys:handle_system_msg(Request, From, Parent, ?MODULE, [], Loop);
intercept({'$gen_call', From, Question}, _, Loop) ->
    gen_server:reply(From, farrier_sys:childless(Question)),
    loop(Loop);
intercept({'EXIT', Parent, Reason}, Parent, Loop) ->
    ended({exit, Reason}, Loop);
intercept(Message, _, Loop) ->
    info(Message, Loop).

-spec info(term(), loop()) -> farrier_handler:outcome().
info(Message, #{adapter := Adapter, handler := Handler, req := Req0, state := State0} = Loop) ->
    case Adapter:loop_info(Message, Handler, Req0, State0) of
        {loop, Req, State} ->
            loop(restarted(Loop#{req := Req, state := State}));
        {loop, Req, State, hibernate} ->
            waiting(restarted(Loop#{req := Req, state := State, hibernate := true, patience := infinity}));
        {loop, Req, State, Patience} ->
            loop(Loop#{req := Req, state := State, patience := Patience});
        {done, Reason, Req, State} ->
            ended(Reason, Loop#{req := Req, state := State})
    end.

-spec restarted(loop()) -> loop().
restarted(#{restart := true, timeout := Timeout, timer := Timer} = Loop) ->
    stop_timer(Timer),
    Loop#{timer := timer(Timeout)};
restarted(Loop) ->
    Loop.

-spec ended(reason(), loop()) -> farrier_handler:outcome().
ended(Reason, #{adapter := Adapter, handler := Handler, req := Req, state := State, env := Env, timer := Timer}) ->
    stop_timer(Timer),
    Adapter:loop_end(Reason, Handler, Req, State, Env).

%% Middlewares may follow in this process: they get no message of a timer that is not theirs.
-spec stop_timer(reference() | undefined) -> ok.
stop_timer(undefined) ->
    ok;
stop_timer(Timer) ->
    _ = erlang:cancel_timer(Timer),
    receive
        {timeout, Timer, ?MODULE} -> ok
    after 0 -> ok
    end.

%%% The sys protocol

-spec system_continue(pid(), [sys:dbg_opt()], loop()) -> farrier_handler:outcome().
system_continue(_Parent, _Debug, Loop) ->
    loop(Loop).

-spec system_terminate(term(), pid(), [sys:dbg_opt()], loop()) -> farrier_handler:outcome().
system_terminate(Reason, _Parent, _Debug, Loop) ->
    ended({exit, Reason}, Loop).

-spec system_code_change(loop(), module(), term(), term()) -> {ok, loop()}.
system_code_change(Loop, _Module, _OldVsn, _Extra) ->
    {ok, Loop}.

%% The shape of Cowboy 2.12 and later.
-spec system_get_state(loop()) -> {ok, {term(), term(), module(), term(), timeout()}}.
system_get_state(Loop) ->
    {ok, shown(Loop)}.

-spec system_replace_state(fun((term()) -> term()), loop()) -> {ok, term(), loop()}.
system_replace_state(Replace, Loop) ->
    {Req, Env, Handler, State, Patience} = Shown = Replace(shown(Loop)),
    {ok, Shown, Loop#{req := Req, env := Env, handler := Handler, state := State, patience := Patience}}.

-spec shown(loop()) -> {term(), term(), module(), term(), timeout()}.
shown(#{req := Req, env := Env, handler := Handler, state := State, patience := Patience}) ->
    {Req, Env, Handler, State, Patience}.
