-module(generation_2).
-behaviour(cowboy_websocket).

-export([start/0]).
-export([init/2, websocket_handle/2, websocket_info/2]).

start() ->
    {ok, _} = application:ensure_all_started(cowboy),
    Dispatch = cowboy_router:compile([{'_', [{"/shout", ?MODULE, []}]}]),
    {ok, _} = cowboy:start_clear(generation_2, [{port, 0}], #{env => #{dispatch => Dispatch}}),
    ranch:get_port(generation_2).

init(Req = #{method := <<"GET">>}, _Opts) ->
    {cowboy_websocket, Req, 0, #{idle_timeout => 60000}}.

websocket_handle({text, Text}, State) ->
    {[{text, [string:uppercase(Text), $!]}], State + 1};
websocket_handle(_Frame, State) ->
    {[], State}.

websocket_info(_Info, State) ->
    {[], State}.
