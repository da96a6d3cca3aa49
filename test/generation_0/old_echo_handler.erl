%% @doc An echo as it was written in 2011.
-module(old_echo_handler).
-behaviour(cowboy_http_handler).
-behaviour(cowboy_http_websocket_handler).

-export([init/3, handle/2, terminate/2]).
-export([websocket_init/3, websocket_handle/3, websocket_info/3, websocket_terminate/3]).

-include_lib("cowboy/include/http.hrl").

-spec init({atom(), http}, term(), list()) -> term().
init({_Any, http}, Req, []) ->
    case cowboy_http_req:header('Upgrade', Req) of
        {undefined, Req2} -> {ok, Req2, undefined};
        {<<"websocket">>, _Req2} -> {upgrade, protocol, cowboy_http_websocket};
        {<<"WebSocket">>, _Req2} -> {upgrade, protocol, cowboy_http_websocket};
        %% Under a listener of Cowboy 1.
        _ -> {upgrade, protocol, cowboy_http_websocket}
    end.

-spec handle(term(), undefined) -> term().
handle(Req, State) ->
    {ok, Req2} = cowboy_http_req:reply(200, [{'Content-Type', <<"text/html">>}], <<"<p>Horses only</p>">>, Req),
    {ok, Req2, State}.

-spec terminate(term(), undefined) -> ok.
terminate(_Req, _State) ->
    ok.

-spec websocket_init(atom(), term(), list()) -> term().
websocket_init(_Any, #http_req{method = 'GET', version = {1, 1}} = Req, []) ->
    Req2 = cowboy_http_req:compact(Req),
    {ok, Req2, undefined, hibernate}.

-spec websocket_handle(term(), term(), undefined) -> term().
websocket_handle({text, Data}, Req, State) ->
    {reply, {text, Data}, Req, State, hibernate};
websocket_handle(_Any, Req, State) ->
    {ok, Req, State}.

-spec websocket_info(term(), term(), undefined) -> term().
websocket_info(_Info, Req, State) ->
    {ok, Req, State, hibernate}.

-spec websocket_terminate(term(), term(), undefined) -> ok.
websocket_terminate(_Reason, #http_req{}, _State) ->
    ok.
