%% Nothing had to run before Cowboy, and a listener had no name for its port: the socket is asked for a free one.
-module(generation_0).
-behaviour(cowboy_http_handler).
-behaviour(cowboy_http_websocket_handler).

-export([start/0]).
-export([init/3, handle/2, terminate/2]).
-export([websocket_init/3, websocket_handle/3, websocket_info/3, websocket_terminate/3]).

-include_lib("cowboy/include/http.hrl").

start() ->
    ok = application:start(cowboy),
    Port = free_port(),
    Dispatch = [{'_', [{[<<"shout">>], ?MODULE, []}]}],
    {ok, _} = cowboy:start_listener(generation_0, 10, cowboy_tcp_transport, [{port, Port}],
        cowboy_http_protocol, [{dispatch, Dispatch}]),
    Port.

free_port() ->
    {ok, Socket} = gen_tcp:listen(0, []),
    {ok, Port} = inet:port(Socket),
    ok = gen_tcp:close(Socket),
    Port.

init({tcp, http}, #http_req{method = 'GET'} = Req, _Opts) ->
    case cowboy_http_req:header('Upgrade', Req) of
        {undefined, Req2} -> {ok, Req2, undefined};
        {_, _} -> {upgrade, protocol, cowboy_http_websocket}
    end.

handle(#http_req{raw_path = Path} = Req, State) ->
    {ok, Req2} = cowboy_http_req:reply(200, [], ["plain ", Path], Req),
    {ok, Req2, State}.

terminate(_Req, _State) ->
    ok.

websocket_init(tcp, Req, _Opts) ->
    {ok, cowboy_http_req:compact(Req), 0, hibernate}.

websocket_handle({text, Text}, Req, State) ->
    {reply, {text, [string:to_upper(binary_to_list(Text)), $!]}, Req, State + 1, hibernate};
websocket_handle(_Frame, Req, State) ->
    {ok, Req, State}.

websocket_info(_Info, Req, State) ->
    {ok, Req, State}.

websocket_terminate(_Reason, _Req, _State) ->
    ok.
