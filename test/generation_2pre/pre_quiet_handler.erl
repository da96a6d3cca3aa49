%% @doc A handler that exports no terminate/3.
-module(pre_quiet_handler).

-export([init/2, websocket_handle/3, websocket_info/3]).

-spec init(Req, S) -> {cowboy_websocket, Req, S, timeout(), hibernate} when Req :: cowboy_req:req().
init(Req, Opts) -> {cowboy_websocket, Req, Opts, 60000, hibernate}.

-spec websocket_handle(term(), Req, S) -> {reply, term(), Req, S, hibernate} | {ok, Req,
    S} when Req :: cowboy_req:req().
websocket_handle({text, Text}, Req, State) -> {reply, {text, ["<", Text, ">"]}, Req, State, hibernate};
websocket_handle(_Frame, Req, State) -> {ok, Req, State}.

-spec websocket_info(term(), Req, S) -> {ok, Req, S} when Req :: cowboy_req:req().
websocket_info(_Info, Req, State) -> {ok, Req, State}.
