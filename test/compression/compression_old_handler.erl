%% @doc Echo for the generations before 2, under listeners whose option `compress' is on where they have it.
-module(compression_old_handler).

-export([init/3, websocket_init/3, websocket_handle/3, websocket_info/3, websocket_terminate/3]).
-export([listen/1, unlisten/0]).

-spec listen(0 | 1 | '2pre') -> inet:port_number().
listen(0) ->
    Dispatch = [{'_', [{[<<"ws">>], ?MODULE, []}]}],
    {ok, _} = cowboy:start_listener(?MODULE, 4, cowboy_tcp_transport, [{port, 0}], cowboy_http_protocol, [{dispatch, Dispatch}]),
    ranch:get_port(?MODULE);
listen(Generation) ->
    Dispatch = cowboy_router:compile([{'_', [{"/ws", handler(Generation), []}]}]),
    {ok, _} = cowboy:start_http(?MODULE, 4, [{port, 0}], [{compress, true}, {env, [{dispatch, Dispatch}]}]),
    ranch:get_port(?MODULE).

-spec handler(1 | '2pre') -> module().
handler(1) -> ?MODULE;
handler('2pre') -> compression_pre_handler.

-spec unlisten() -> ok | {error, not_found}.
unlisten() -> cowboy:stop_listener(?MODULE).

%% Cowboy 0 gives the request's record of its own; its answer names another module.
-spec init({tcp, http}, term(), []) -> term().
init({tcp, http}, Req, []) ->
    case element(1, Req) =:= http_req andalso tuple_size(Req) =:= 29 of
        true -> {upgrade, protocol, cowboy_http_websocket};
        false -> {upgrade, protocol, cowboy_websocket}
    end.

-spec websocket_init(tcp, term(), []) -> {ok, term(), []}.
websocket_init(tcp, Req, State) -> {ok, Req, State}.

-spec websocket_handle(term(), term(), []) -> term().
websocket_handle({Type, Payload}, Req, State) when Type =:= text; Type =:= binary -> {reply, {Type, Payload}, Req, State};
websocket_handle(_, Req, State) -> {ok, Req, State}.

-spec websocket_info(term(), term(), []) -> term().
websocket_info(_, Req, State) -> {ok, Req, State}.

-spec websocket_terminate(term(), term(), []) -> ok.
websocket_terminate(_, _, _) -> ok.
