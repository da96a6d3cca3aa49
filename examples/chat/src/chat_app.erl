-module(chat_app).
-behaviour(application).

-export([start/2, stop/1]).

start(_Type, _Args) ->
    {ok, Sup} = chat_sup:start_link(),
    Dispatch = cowboy_router:compile([
        {'_', [
            {"/", cowboy_static, {priv_file, chat, "index.html"}},
            {"/assets/[...]", cowboy_static, {priv_dir, chat, "assets"}},
            {"/rooms/:room", [{room, nonempty}], chat_handler, #{most_characters => 500}}
        ]}
    ]),
    {ok, Port} = application:get_env(port),
    {ok, _} = cowboy:start_clear(chat, [{port, Port}], #{env => #{dispatch => Dispatch}}),
    io:format("chat: http://localhost:~b/~n", [ranch:get_port(chat)]),
    {ok, Sup}.

stop(_State) ->
    ok = cowboy:stop_listener(chat).
