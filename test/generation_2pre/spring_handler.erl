%% @doc A handler of the development branch of spring 2016: start_clear/4, websocket_init/2, Reqs in every callback.
-module(spring_handler).

-export([init/2, websocket_init/2, websocket_handle/3, websocket_info/3]).

-spec init(Req, term()) -> {cowboy_websocket, Req, [term()]} when Req :: cowboy_req:req().
init(Req, _Opts) -> {cowboy_websocket, Req, []}.

-spec websocket_init(Req, [term()]) -> {ok, Req, [term()]} when Req :: cowboy_req:req().
websocket_init(Req, State) -> {ok, Req, [cowboy_req:path(Req) | State]}.

-spec websocket_handle(term(), Req, [term()]) -> {reply, term(), Req, [term()]} when Req :: cowboy_req:req().
websocket_handle({text, Text}, Req, State) -> {reply, {text, [Text | State]}, Req, State}.

-spec websocket_info(term(), Req, S) -> {ok, Req, S} when Req :: cowboy_req:req().
websocket_info(_, Req, State) -> {ok, Req, State}.
