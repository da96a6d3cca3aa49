%% @doc An echo handler of Cowboy 0 behind TLS.
-module(tls_handler_0).

-export([init/3, websocket_init/3, websocket_handle/3, websocket_info/3, websocket_terminate/3]).

-spec init({ssl, http}, term(), []) -> {upgrade, protocol, cowboy_http_websocket}.
init({ssl, http}, _Req, []) -> {upgrade, protocol, cowboy_http_websocket}.

-spec websocket_init(ssl, term(), []) -> {ok, term(), []}.
websocket_init(ssl, Req, []) -> {ok, Req, []}.

-spec websocket_handle(term(), term(), []) -> {reply, term(), term(), []} | {ok, term(), []}.
websocket_handle({text, Text}, Req, []) -> {reply, {text, Text}, Req, []};
websocket_handle(_, Req, []) -> {ok, Req, []}.

-spec websocket_info(term(), term(), []) -> {ok, term(), []}.
websocket_info(_, Req, []) -> {ok, Req, []}.

-spec websocket_terminate(term(), term(), []) -> ok.
websocket_terminate(_, _, []) -> ok.
