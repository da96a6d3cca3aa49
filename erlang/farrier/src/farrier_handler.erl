%% What an adapter is, and which adapter serves a handler.
%%
%% An adapter speaks one generation of Cowboy's handler API: it builds on that generation's Req,
%% calls its callbacks, turns their returns into the neutral results below and the neutral
%% reasons below into that generation's terminate reasons. `farrier_connection' knows no
%% generation. A further generation is one more module and one more clause of `adapter/2'.
-module(farrier_handler).

-export([adapter/2, generation/1]).

-export_type([generation/0, state/0, traits/0, result/0, takeover/0, reason/0, frames/0, command/0, env/0, outcome/0]).

%% 0: Cowboy 0.2 to 0.6. 1: 0.8 to 1.1. 2pre: 2.0.0-pre.1 to pre.3. 2: 2.0.0-pre.4 and what followed.
-type generation() :: 0 | 1 | '2pre' | 2.

%% What an adapter carries from one callback to the next. Opaque to the connection.
-type state() :: term().

%% How a generation differs in what is not a callback:
%% otp_messages: whether `sys', supervisor calls and the parent's exit are taken out of the handler's messages.
%% bad_frame: what becomes of the frames before a malformed one in the same return.
%% middlewares: whether those that follow the handler run before the session or after it.
-type traits() :: #{
    otp_messages := intercept | deliver,
    bad_frame := send_earlier | send_nothing,
    middlewares := before_session | after_session
}.

%% Frame terms as the bridge takes them (see docs/bridge.md), possibly malformed ones.
-type frames() :: [term()].

-type command() :: {active, boolean()} | {set_options, map()} | {send, frames()}.

%% What a callback asks for. `stop' ends the session after the frames were sent. The second element of
%% `crash' is understood by the adapter's own `crash/2'.
-type result() ::
    {ok, state()}
    | {ok, state(), hibernate}
    | {send, frames(), state()}
    | {send, frames(), state(), hibernate}
    | {commands, [command()], frames(), state(), run | hibernate | stop}
    | {stop, frames(), reason(), state()}
    | {crash, term(), state()}.

%% In place of the first result: a module whose takeover/7 shall be called, with its arguments after the first one, the
%% parent. It begins the session by `farrier_connection:take_over/1'.
-type takeover() :: {takeover, module(), [term()]}.

%% Why a session ends. `remote' is a close frame of the peer; `exit' is the parent's exit or `sys:terminate/2'.
-type reason() ::
    stop
    | timeout
    | remote
    | {remote, 1000..4999, binary()}
    | {error, atom()}
    | {exit, term()}.

%% A map in generation 2, a property list in the others.
-type env() :: map() | [{atom(), term()}].

%% What is left of a request once its handler is done, in Cowboy's own middleware terms.
-type outcome() ::
    {ok, Req :: term(), env()}
    | {suspend, module(), atom(), [term()]}
    | {stop, Req :: term()}
    | {halt, Req :: term()}
    | {error, Status :: term(), Req :: term()}.

%% Serves a routed request. An adapter that upgrades it calls `farrier_connection:upgrade/4'.
-callback execute(Req :: term(), env(), Handler :: module(), Opts :: term()) -> outcome().

-callback traits() -> traits().

%% Called once, after the 101 is out and before the first frame is read.
-callback websocket_init(state()) -> result() | takeover().

%% Called for every complete message, pings included (the pong is out by then).
-callback frame({text | binary | ping | pong, binary()}, state()) -> result().

%% Called for every other Erlang message.
-callback info(Message :: term(), state()) -> result().

%% The frames that end a session for this reason.
-callback close_frames(reason() | crash) -> frames().

%% Tells the handler that the session is over. Returns the exit reason of the process and the Req for the
%% middlewares that remain.
-callback terminate(reason(), state()) -> {Exit :: term(), Req :: term()}.

%% Tells the handler and then dies as the generation does.
-callback crash(term(), state()) -> no_return().

%% What `sys:get_state/1' shows, and `sys:replace_state/2' changes. Needed where messages are intercepted.
-callback handler_state(state()) -> term().
-callback handler_state(term(), state()) -> state().
-optional_callbacks([handler_state/1, handler_state/2]).

%% @doc The adapter of a handler: what it exports decides; where that says nothing, the generation of the listener,
%% which its start function decides (`start_listener/6': 0, `start_http/4': 1, `start_clear/3': 2).
%%
%% `init/3' means a record as Req: Cowboy 0 or 1. `init/2' with `websocket_handle/3' means the pre-releases of Cowboy 2,
%% with `websocket_handle/2' Cowboy 2.
-spec adapter(module(), generation()) -> module().
adapter(Handler, Generation) ->
    _ = erlang:module_loaded(Handler) orelse code:ensure_loaded(Handler),
    case {erlang:function_exported(Handler, init, 3), erlang:function_exported(Handler, init, 2)} of
        {true, false} -> with_init_3(Generation);
        {false, true} -> with_init_2(Handler, Generation);
        _ when Generation =:= 0; Generation =:= 1 -> with_init_3(Generation);
        _ -> with_init_2(Handler, Generation)
    end.

-spec with_init_3(generation()) -> module().
with_init_3(0) -> farrier_cowboy_0;
with_init_3(_) -> farrier_cowboy_1.

-spec with_init_2(module(), generation()) -> module().
with_init_2(Handler, Generation) ->
    Callbacks = {
        erlang:function_exported(Handler, websocket_handle, 2),
        erlang:function_exported(Handler, websocket_handle, 3)
    },
    case Callbacks of
        {true, false} -> farrier_cowboy_2;
        {false, true} -> farrier_cowboy_2pre;
        _ when Generation =:= 2 -> farrier_cowboy_2;
        _ -> farrier_cowboy_2pre
    end.

%% @doc The generation that an adapter speaks.
-spec generation(module()) -> generation().
generation(farrier_cowboy_0) -> 0;
generation(farrier_cowboy_1) -> 1;
generation(farrier_cowboy_2pre) -> '2pre';
generation(farrier_cowboy_2) -> 2.
