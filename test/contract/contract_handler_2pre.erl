%% @doc A handler of 2.0.0-pre.1 to pre.3 whose callbacks a test writes. Without a script it sends every text back.
-module(contract_handler_2pre).

-export([init/2, websocket_handle/3, websocket_info/3, terminate/3]).

-import(contract_script, [call/4]).

-spec init(term(), map()) -> term().
init(Req, Opts) ->
    ok = contract_script:started(Opts),
    call(init, init, [Req, Opts], {cowboy_websocket, Req, Opts}).

-spec websocket_handle(term(), term(), map()) -> term().
websocket_handle({text, _} = Frame, Req, S) -> call(handle, {handle, Frame}, [Frame, Req, S], {reply, Frame, Req, S});
websocket_handle(Frame, Req, S) -> call(handle, {handle, Frame}, [Frame, Req, S], {ok, Req, S}).

-spec websocket_info(term(), term(), map()) -> term().
websocket_info(Message, Req, S) -> call(info, {info, Message}, [Message, Req, S], {ok, Req, S}).

-spec terminate(term(), term(), map()) -> term().
terminate(Reason, Req, S) -> call(terminate, {terminate, Reason}, [Reason, Req, S], ok).
