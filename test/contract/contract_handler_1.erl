%% @doc A handler of Cowboy 1 whose callbacks a test writes. Without a script it sends every text back.
-module(contract_handler_1).

-export([init/3, websocket_init/3, websocket_handle/3, websocket_info/3, websocket_terminate/3]).

-import(contract_script, [call/4]).

-spec init({tcp | ssl, http}, term(), map()) -> term().
init(Connection, Req, Opts) ->
    ok = contract_script:started(Opts),
    call(init, {init, Connection}, [Req, Opts], {upgrade, protocol, cowboy_websocket}).

-spec websocket_init(tcp | ssl, term(), map()) -> term().
websocket_init(Transport, Req, Opts) ->
    call(websocket_init, {websocket_init, Transport}, [Req, Opts], {ok, Req, Opts}).

-spec websocket_handle(term(), term(), map()) -> term().
websocket_handle({text, _} = Frame, Req, S) -> call(handle, {handle, Frame}, [Frame, Req, S], {reply, Frame, Req, S});
websocket_handle(Frame, Req, S) -> call(handle, {handle, Frame}, [Frame, Req, S], {ok, Req, S}).

-spec websocket_info(term(), term(), map()) -> term().
websocket_info(Message, Req, S) -> call(info, {info, Message}, [Message, Req, S], {ok, Req, S}).

-spec websocket_terminate(term(), term(), map()) -> term().
websocket_terminate(Reason, Req, S) -> call(terminate, {terminate, Reason}, [Reason, Req, S], ok).
