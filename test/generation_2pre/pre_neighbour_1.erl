%% @doc An echo of Cowboy 1, which the handlers of the pre-releases share a listener with.
-module(pre_neighbour_1).

-export([init/3, websocket_init/3, websocket_handle/3, websocket_info/3, websocket_terminate/3]).

-spec init({tcp, http}, term(), term()) -> {upgrade, protocol, cowboy_websocket}.
init({tcp, http}, _Req, _Opts) -> {upgrade, protocol, cowboy_websocket}.

-spec websocket_init(tcp, Req, Opts) -> {ok, Req, Opts}.
websocket_init(tcp, Req, Opts) -> {ok, Req, Opts}.

-spec websocket_handle(term(), Req, S) -> {reply, term(), Req, S}.
websocket_handle(Frame, Req, State) -> {reply, Frame, Req, State}.

-spec websocket_info(term(), Req, S) -> {ok, Req, S}.
websocket_info(_, Req, State) -> {ok, Req, State}.

-spec websocket_terminate(term(), term(), term()) -> ok.
websocket_terminate(_Reason, _Req, _State) -> ok.
