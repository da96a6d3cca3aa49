%% @doc An echo of 2013: Cowboy 1, be the listener what it may.
-module(old_later_handler).
-behaviour(cowboy_websocket_handler).

-export([init/3, websocket_init/3, websocket_handle/3, websocket_info/3, websocket_terminate/3]).

-spec init({tcp, http}, term(), list()) -> term().
init({tcp, http}, _Req, _Opts) ->
    {upgrade, protocol, cowboy_websocket}.

-spec websocket_init(atom(), cowboy_req:req(), list()) -> term().
websocket_init(_TransportName, Req, _Opts) ->
    {<<"GET">>, Req2} = cowboy_req:method(Req),
    {<<"/ws", _/binary>>, Req3} = cowboy_req:path(Req2),
    {ok, Req3, undefined_state}.

-spec websocket_handle(term(), cowboy_req:req(), undefined_state) -> term().
websocket_handle({text, Msg}, Req, State) ->
    {reply, {text, Msg}, Req, State}.

-spec websocket_info(term(), cowboy_req:req(), undefined_state) -> term().
websocket_info(_Info, Req, State) ->
    {ok, Req, State}.

-spec websocket_terminate(term(), cowboy_req:req(), undefined_state) -> ok.
websocket_terminate(_Reason, _Req, _State) ->
    ok.
