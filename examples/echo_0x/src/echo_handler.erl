-module(echo_handler).
-behaviour(cowboy_http_handler).
-behaviour(cowboy_http_websocket_handler).

-export([init/3, handle/2, terminate/2]).
-export([websocket_init/3, websocket_handle/3, websocket_info/3, websocket_terminate/3]).

-record(state, {name, count = 0}).

%% The same address answers browsers without WebSocket.
init({_Transport, http}, Req, _Opts) ->
    case cowboy_http_req:header('Upgrade', Req) of
        {undefined, Req2} -> {ok, Req2, undefined};
        {_WebSocket, _Req2} -> {upgrade, protocol, cowboy_http_websocket}
    end.

handle(Req, State) ->
    {ok, Req2} = cowboy_http_req:reply(426, [{'Upgrade', <<"websocket">>}], <<"Only WebSocket is spoken here.\n">>, Req),
    {ok, Req2, State}.

terminate(_Req, _State) ->
    ok.

websocket_init(_Transport, Req, _Opts) ->
    {Name, Req2} = cowboy_http_req:binding(name, Req),
    {Version, Req3} = cowboy_http_req:meta(websocket_version, Req2),
    self() ! {greet, Version},
    {ok, cowboy_http_req:compact(Req3), #state{name = Name}, 300000, hibernate}.

websocket_handle({text, <<"quit">>}, Req, State) ->
    {shutdown, Req, State};
websocket_handle({text, Text}, Req, State = #state{count = Count}) ->
    Reply = [integer_to_list(Count + 1), ": ", Text],
    {reply, {text, Reply}, Req, State#state{count = Count + 1}, hibernate};
websocket_handle({binary, Data}, Req, State) ->
    {reply, {binary, Data}, Req, State, hibernate};
websocket_handle(_PingOrPong, Req, State) ->
    {ok, Req, State, hibernate}.

websocket_info({greet, Version}, Req, State = #state{name = Name}) ->
    Greeting = io_lib:format("Hello ~s, you speak version ~b of the protocol.", [Name, Version]),
    {reply, {text, Greeting}, Req, State, hibernate};
websocket_info(_Info, Req, State) ->
    {ok, Req, State, hibernate}.

websocket_terminate(_Reason, _Req, _State) ->
    ok.
