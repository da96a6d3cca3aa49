%% @doc A handler with the callbacks of Cowboy 0, 1 and 2 at once, as authors wrote it who did not know what they would
%% run on. It says which of them are called.
-module(contract_handler_any).

-export([init/2, init/3, websocket_init/1, websocket_init/3]).
-export([websocket_handle/2, websocket_handle/3, websocket_info/2, websocket_info/3, websocket_terminate/3]).

%% The protocol of Cowboy 0 was renamed in Cowboy 1; the options say which there is.
-spec init(term(), term(), module()) -> term().
init(_, _, Protocol) -> {upgrade, protocol, Protocol}.

-spec init(term(), term()) -> term().
init(Req, _) -> {cowboy_websocket, Req, <<"init/2">>}.

-spec websocket_init(term(), term(), term()) -> term().
websocket_init(_, Req, _) -> {ok, Req, <<"init/3">>}.

-spec websocket_init(binary()) -> term().
websocket_init(Said) -> {ok, <<Said/binary, " websocket_init/1">>}.

-spec websocket_handle(term(), term(), binary()) -> term().
websocket_handle({text, _}, Req, Said) -> {reply, {text, [Said, " websocket_handle/3"]}, Req, Said};
websocket_handle(_, Req, Said) -> {ok, Req, Said}.

-spec websocket_handle(term(), binary()) -> term().
websocket_handle({text, _}, Said) -> {reply, {text, [Said, " websocket_handle/2"]}, Said};
websocket_handle(_, Said) -> {ok, Said}.

-spec websocket_info(term(), term(), binary()) -> term().
websocket_info(_, Req, Said) -> {ok, Req, Said}.

-spec websocket_info(term(), binary()) -> term().
websocket_info(_, Said) -> {ok, Said}.

-spec websocket_terminate(term(), term(), binary()) -> term().
websocket_terminate(_, _, _) -> ok.
