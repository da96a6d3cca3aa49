%% A timer that speaks up, and an answer that never changes.
%% Written for Cowboy 2.x.
-module(timer_handler).
-behaviour(cowboy_websocket).

-export([init/2]).
-export([websocket_init/1]).
-export([websocket_handle/2]).
-export([websocket_info/2]).

-define(INTERVAL, 3000).

init(Req, _Opts) ->
    Options = #{
        max_frame_size => 16 * 1024 * 1024,
        idle_timeout => 600000
    },
    {cowboy_websocket, Req, 0, Options}.

websocket_init(Ticks) ->
    start_timer(),
    {[{text, ["Hello from process ", pid_to_list(self())]}], Ticks}.

websocket_handle({text, Words}, Ticks) ->
    {[{text, ["That's what she said! ", Words]}], Ticks};
websocket_handle({binary, Bytes}, Ticks) ->
    Size = integer_to_list(byte_size(Bytes)),
    {[{text, ["That's what she said, in ", Size, " bytes!"]}], Ticks};
websocket_handle(_PingOrPong, Ticks) ->
    {ok, Ticks}.

websocket_info({timeout, _Timer, tick}, Ticks) ->
    start_timer(),
    Count = integer_to_list(Ticks + 1),
    {[{text, ["Tick ", Count, ", and how are you doing?"]}], Ticks + 1};
websocket_info(_Other, Ticks) ->
    {ok, Ticks}.

start_timer() ->
    erlang:start_timer(?INTERVAL, self(), tick).
