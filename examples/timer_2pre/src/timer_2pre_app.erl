-module(timer_2pre_app).
-behaviour(application).

-export([start/2, stop/1]).

start(_Type, _Args) ->
    Dispatch = cowboy_router:compile([
        {'_', [
            {"/", page_handler, []},
            {"/timer", timer_handler, [{most, 3600000}]}
        ]}
    ]),
    {ok, Port} = application:get_env(port),
    {ok, _} = cowboy:start_http(timer_2pre, 100, [{port, Port}], [{env, [{dispatch, Dispatch}]}]),
    io:format("timer_2pre: http://localhost:~b/~n", [ranch:get_port(timer_2pre)]),
    timer_2pre_sup:start_link().

stop(_State) ->
    cowboy:stop_listener(timer_2pre).
