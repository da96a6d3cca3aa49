-module(echo_2x_app).
-behaviour(application).

-export([start/2, stop/1]).

start(_Type, _Args) ->
    Dispatch = cowboy_router:compile([
        {'_', [
            {"/", hello_handler, []},
            {"/websocket", ws_handler, []}
        ]}
    ]),
    {ok, Port} = application:get_env(port),
    {ok, _} = cowboy:start_clear(echo_2x, [{port, Port}], #{env => #{dispatch => Dispatch}}),
    io:format("echo_2x: ws://localhost:~b/websocket~n", [ranch:get_port(echo_2x)]),
    echo_2x_sup:start_link().

stop(_State) ->
    ok = cowboy:stop_listener(echo_2x).
