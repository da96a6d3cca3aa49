-module(generation_2pre).

-export([start/0]).
-export([init/2, websocket_handle/3, websocket_info/3]).

start() ->
    {ok, _} = application:ensure_all_started(cowboy),
    Dispatch = cowboy_router:compile([{'_', [{"/shout", ?MODULE, []}]}]),
    {ok, _} = cowboy:start_http(generation_2pre, 10, [{port, 0}], [{env, [{dispatch, Dispatch}]}]),
    ranch:get_port(generation_2pre).

init(Req, _Opts) ->
    <<"GET">> = cowboy_req:method(Req),
    {cowboy_websocket, Req, 0, 60000}.

websocket_handle({text, Text}, Req, State) ->
    {reply, {text, [string:to_upper(binary_to_list(Text)), $!]}, Req, State + 1};
websocket_handle(_Frame, Req, State) ->
    {ok, Req, State}.

websocket_info(_Info, Req, State) ->
    {ok, Req, State}.
