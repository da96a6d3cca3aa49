-module(chat_1x_app).
-behaviour(application).

-export([start/2, stop/1]).

start(_Type, _Args) ->
    {ok, Sup} = chat_1x_sup:start_link(),
    Dispatch = cowboy_router:compile([
        {'_', [
            {"/", cowboy_static, {priv_file, chat_1x, "index.html"}},
            {"/rooms/:room", chat_handler, []}
        ]}
    ]),
    {ok, Port} = application:get_env(port),
    {ok, _} = cowboy:start_http(chat_1x, 100, [{port, Port}], [{env, [{dispatch, Dispatch}]}]),
    io:format("chat_1x: http://localhost:~b/~n", [ranch:get_port(chat_1x)]),
    {ok, Sup}.

stop(_State) ->
    ok = cowboy:stop_listener(chat_1x).
