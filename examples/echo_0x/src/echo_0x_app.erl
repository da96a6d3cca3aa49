-module(echo_0x_app).
-behaviour(application).

-export([start/2, stop/1]).

start(_Type, _Args) ->
    Dispatch = [
        %% {Host, [{Path, Handler, Opts}]}
        {'_', [
            {[], page_handler, []},
            {[<<"echo">>, name], echo_handler, []},
            {'_', page_handler, [not_found]}
        ]}
    ],
    {ok, Port} = application:get_env(port),
    {ok, _} = cowboy:start_listener(echo_0x, 100,
        cowboy_tcp_transport, [{port, Port}],
        cowboy_http_protocol, [{dispatch, Dispatch}]),
    io:format("echo_0x: http://localhost:~b/~n", [Port]),
    echo_0x_sup:start_link().

stop(_State) ->
    cowboy:stop_listener(echo_0x).
