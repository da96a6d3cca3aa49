%% @doc An echo of today: Cowboy 2.
-module(old_map_handler).
-behaviour(cowboy_websocket).

-export([init/2, websocket_handle/2, websocket_info/2]).

-spec init(cowboy_req:req(), list()) -> term().
init(Req, State) ->
    {cowboy_websocket, Req, State}.

-spec websocket_handle(term(), list()) -> term().
websocket_handle({text, _} = Frame, State) ->
    {[Frame], State}.

-spec websocket_info(term(), list()) -> term().
websocket_info(_, State) ->
    {ok, State}.
