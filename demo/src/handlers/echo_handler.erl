%% Says back what it hears, text or binary, up to 16 MiB.
%% Written for Cowboy 2.x.
-module(echo_handler).
-behaviour(cowboy_websocket).

-export([init/2]).
-export([websocket_handle/2]).
-export([websocket_info/2]).

init(Req, State) ->
    Options = #{
        max_frame_size => 16 * 1024 * 1024,
        idle_timeout => 600000
    },
    {cowboy_websocket, Req, State, Options}.

websocket_handle({text, Text}, State) ->
    {reply, {text, Text}, State};
websocket_handle({binary, Bytes}, State) ->
    {reply, {binary, Bytes}, State};
websocket_handle(_PingOrPong, State) ->
    {ok, State}.

websocket_info(_Message, State) ->
    {ok, State}.
