-module(chat_handler).
-behaviour(cowboy_websocket_handler).

-export([init/3]).
-export([websocket_init/3, websocket_handle/3, websocket_info/3, websocket_terminate/3]).

-record(state, {room, name}).

init({tcp, http}, _Req, _Opts) ->
    {upgrade, protocol, cowboy_websocket}.

websocket_init(_Transport, Req, _Opts) ->
    {Room, Req2} = cowboy_req:binding(room, Req),
    {Name, Req3} = cowboy_req:qs_val(<<"name">>, Req2, <<"somebody">>),
    ok = chat_room:join(Room),
    chat_room:say(Room, [Name, " came in"]),
    {ok, cowboy_req:compact(Req3), #state{room = Room, name = Name}, 300000}.

websocket_handle({text, Text}, Req, State = #state{room = Room, name = Name}) ->
    chat_room:say(Room, [Name, ": ", Text]),
    {ok, Req, State};
websocket_handle(_Frame, Req, State) ->
    {ok, Req, State}.

websocket_info({chat, Text}, Req, State) ->
    {reply, {text, Text}, Req, State, hibernate};
websocket_info(_Info, Req, State) ->
    {ok, Req, State}.

websocket_terminate(_Reason, _Req, #state{room = Room, name = Name}) ->
    chat_room:say(Room, [Name, " left"]).
