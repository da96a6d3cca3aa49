%% @doc An echo of Cowboy 0, which the handlers of the later generations share a listener with.
-module(pre_neighbour_0).

-export([init/3, websocket_init/3, websocket_handle/3, websocket_info/3, websocket_terminate/3]).

-spec init({tcp, http}, term(), term()) -> {upgrade, protocol, cowboy_http_websocket}.
init({tcp, http}, _Req, _Opts) -> {upgrade, protocol, cowboy_http_websocket}.

-spec websocket_init(tcp, Req, term()) -> {ok, Req, binary()}.
websocket_init(tcp, Req, _Opts) ->
    {<<"websocket">>, Req2} = cowboy_http_req:header('Upgrade', Req),
    {ok, cowboy_http_req:compact(Req2), <<"0:">>}.

-spec websocket_handle(term(), Req, binary()) -> {reply, term(), Req, binary()}.
websocket_handle({text, Text}, Req, Prefix) -> {reply, {text, [Prefix, Text]}, Req, Prefix}.

-spec websocket_info(term(), Req, S) -> {ok, Req, S}.
websocket_info(_, Req, State) -> {ok, Req, State}.

-spec websocket_terminate(term(), term(), term()) -> ok.
websocket_terminate({normal, closed}, _Req, <<"0:">>) -> ok.
