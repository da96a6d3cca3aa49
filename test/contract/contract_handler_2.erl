%% @doc A handler of Cowboy 2 whose callbacks a test writes. Without a script it sends every text back.
-module(contract_handler_2).

-export([init/2, websocket_init/1, websocket_handle/2, websocket_info/2, terminate/3]).

-import(contract_script, [call/4]).

-spec init(term(), map()) -> term().
init(Req, Opts) ->
    ok = contract_script:started(Opts),
    call(init, init, [Req, Opts], {cowboy_websocket, Req, Opts}).

-spec websocket_init(map()) -> term().
websocket_init(S) -> call(websocket_init, websocket_init, [S], {ok, S}).

-spec websocket_handle(term(), map()) -> term().
websocket_handle({text, _} = Frame, S) -> call(handle, {handle, Frame}, [Frame, S], {reply, Frame, S});
websocket_handle(Frame, S) -> call(handle, {handle, Frame}, [Frame, S], {ok, S}).

-spec websocket_info(term(), map()) -> term().
websocket_info(Message, S) -> call(info, {info, Message}, [Message, S], {ok, S}).

-spec terminate(term(), term(), map()) -> term().
terminate(Reason, Req, S) -> call(terminate, {terminate, Reason}, [Reason, Req, S], ok).
