%% @doc Echo for 2.0.0-pre.1 to pre.3.
-module(compression_pre_handler).

-export([init/2, websocket_handle/3, websocket_info/3]).

-spec init(term(), term()) -> term().
init(Req, State) -> {cowboy_websocket, Req, State}.

-spec websocket_handle(term(), term(), term()) -> term().
websocket_handle({Type, Payload}, Req, State) when Type =:= text; Type =:= binary -> {reply, {Type, Payload}, Req, State};
websocket_handle(_, Req, State) -> {ok, Req, State}.

-spec websocket_info(term(), term(), term()) -> term().
websocket_info(_, Req, State) -> {ok, Req, State}.
