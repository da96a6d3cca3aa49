%% Calls Ranch and Cowlib too, which came along with Cowboy.
-module(generation_1).
-behaviour(application).
-behaviour(supervisor).
-behaviour(cowboy_websocket_handler).

-export([start/0]).
-export([start/2, stop/1]).
-export([init/1]).
-export([init/3, websocket_init/3, websocket_handle/3, websocket_info/3, websocket_terminate/3]).

%% By hand, in the order that README files of the time gave.
start() ->
    [ok = application:start(App) || App <- [crypto, ranch, cowlib, cowboy, generation_1]],
    ranch:get_port(generation_1).

start(_Type, _Args) ->
    Dispatch = cowboy_router:compile([{'_', [{"/shout", ?MODULE, []}]}]),
    {ok, _} = cowboy:start_http(generation_1, 10, [{port, 0}, {max_connections, 500}],
        [{env, [{dispatch, Dispatch}]}]),
    500 = ranch:get_max_connections(generation_1),
    io:format("http://localhost:~b/~n", [ranch:get_port(generation_1)]),
    supervisor:start_link(?MODULE, []).

stop(_State) ->
    cowboy:stop_listener(generation_1).

init([]) ->
    {ok, {{one_for_one, 1, 1}, []}}.

init({tcp, http}, _Req, _Opts) ->
    {upgrade, protocol, cowboy_websocket}.

websocket_init(tcp, Req, _Opts) ->
    {Query, Req2} = cowboy_req:qs(Req),
    {ok, Req2, cow_qs:parse_qs(Query)}.

websocket_handle({text, Text}, Req, State) ->
    End = proplists:get_value(<<"end">>, State, <<"!">>),
    {reply, {text, [string:to_upper(binary_to_list(Text)), End]}, Req, State};
websocket_handle(_Frame, Req, State) ->
    {ok, Req, State}.

websocket_info(_Info, Req, State) ->
    {ok, Req, State}.

websocket_terminate(_Reason, _Req, _State) ->
    ok.
