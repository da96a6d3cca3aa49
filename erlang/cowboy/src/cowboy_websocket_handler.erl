%% The behaviour of a WebSocket handler of Cowboy 1. Its `init/3' returns `{upgrade, protocol, cowboy_websocket}'.
-module(cowboy_websocket_handler).

-export_type([opts/0, state/0, terminate_reason/0, result/0]).

-type opts() :: any().
-type state() :: any().
-type req() :: cowboy_req:req().
-type terminate_reason() ::
    {normal, shutdown}
    | {normal, timeout}
    | {error, closed}
    | {remote, closed}
    | {remote, cowboy_websocket:close_code(), binary()}
    | {error, badencoding}
    | {error, badframe}
    | {error, atom()}.
-type frames() :: cowboy_websocket:frame() | [cowboy_websocket:frame()].
%% What `websocket_handle/3' and `websocket_info/3' return.
-type result() ::
    {ok, req(), state()}
    | {ok, req(), state(), hibernate}
    | {reply, frames(), req(), state()}
    | {reply, frames(), req(), state(), hibernate}
    | {shutdown, req(), state()}.

-callback websocket_init(Transport :: atom(), req(), opts()) ->
    {ok, req(), state()}
    | {ok, req(), state(), hibernate}
    | {ok, req(), state(), timeout()}
    | {ok, req(), state(), timeout(), hibernate}
    | {shutdown, req()}.

-callback websocket_handle({text | binary | ping | pong, binary()}, req(), state()) -> result().

-callback websocket_info(any(), req(), state()) -> result().

-callback websocket_terminate(terminate_reason(), req(), state()) -> ok.
