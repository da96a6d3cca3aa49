%% The behaviour of a WebSocket handler of Cowboy 0. Its `init/3' returns `{upgrade, protocol, cowboy_http_websocket}'.
-module(cowboy_http_websocket_handler).

-export_type([opts/0, state/0, terminate_reason/0, result/0]).

-type opts() :: any().
-type state() :: any().
-type req() :: cowboy_http_req:req().
-type terminate_reason() ::
    {normal, closed}
    | {normal, shutdown}
    | {normal, timeout}
    | {error, closed}
    | {error, badframe}
    | {error, protocol}
    | {error, handler}
    | {error, atom()}.
-type frame() :: {text | binary | ping | pong, iodata()}.
%% What `websocket_handle/3' and `websocket_info/3' return.
-type result() ::
    {ok, req(), state()}
    | {ok, req(), state(), hibernate}
    | {reply, frame(), req(), state()}
    | {reply, frame(), req(), state(), hibernate}
    | {shutdown, req(), state()}.

-callback websocket_init(Transport :: atom(), req(), opts()) ->
    {ok, req(), state()}
    | {ok, req(), state(), hibernate}
    | {ok, req(), state(), timeout()}
    | {ok, req(), state(), timeout(), hibernate}
    | {shutdown, req()}.

-callback websocket_handle({text | binary | ping | pong, binary()}, req(), state()) -> result().

-callback websocket_info(any(), req(), state()) -> result().

-callback websocket_terminate(terminate_reason(), req(), state()) -> any().
