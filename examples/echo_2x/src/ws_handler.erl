-module(ws_handler).
-behaviour(cowboy_websocket).

-export([init/2, websocket_init/1, websocket_handle/2, websocket_info/2, terminate/3]).

init(Req, State) ->
    {cowboy_websocket, Req, State, #{idle_timeout => 60000, max_frame_size => 1048576}}.

websocket_init(State) ->
    {[{text, <<"Hello!">>}], State}.

websocket_handle({text, Text}, State) ->
    {[{text, Text}], State};
websocket_handle({binary, Data}, State) ->
    {[{binary, Data}], State};
websocket_handle(_PingOrPong, State) ->
    {ok, State}.

websocket_info(_Message, State) ->
    {ok, State}.

terminate(_Reason, _Req, _State) ->
    ok.
