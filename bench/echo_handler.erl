%% @doc The handler that every Erlang server of the benchmark runs: it sends back each message, as any Cowboy 2 handler would.
-module(echo_handler).

-export([init/2, websocket_handle/2, websocket_info/2]).

-spec init(Req, State) -> {cowboy_websocket, Req, State, map()}.
init(Req, State) ->
    {cowboy_websocket, Req, State, #{idle_timeout => infinity, max_frame_size => infinity}}.

-spec websocket_handle(Frame, State) -> {[Frame], State} | {ok, State}.
websocket_handle({Type, _} = Frame, State) when Type =:= text; Type =:= binary ->
    {[Frame], State};
websocket_handle(_, State) ->
    {ok, State}.

-spec websocket_info(term(), State) -> {ok, State}.
websocket_info(_, State) ->
    {ok, State}.
