%% @doc The scripted handler for Cowboy 1: the callbacks of `cowboy_websocket_handler' and of a plain handler.
-module(oracle_handler_1).

-export([init/3, handle/2, terminate/3]).
-export([websocket_init/3, websocket_handle/3, websocket_info/3, websocket_terminate/3]).
-export([state/1]).

-import(oracle_script, [run/4]).

-spec init({tcp | ssl, http}, term(), map()) -> term().
init(Transport, Req, Script) ->
    oracle_trace:init_called(Script, {init, Transport}),
    case Script of
        #{init := Fun} -> Fun(Req, Script);
        _ -> {upgrade, protocol, cowboy_websocket}
    end.

%% The first state of a connection.
-spec state(map()) -> map().
state(Script) -> #{script => Script, s => 0}.

-spec handle(term(), map()) -> term().
handle(Req, State) ->
    oracle_trace:note(State, handle),
    run(plain_handle, [Req, State], State, {ok, Req, State}).

-spec terminate(term(), term(), map()) -> term().
terminate(Reason, Req, State) ->
    oracle_trace:note(State, {plain_terminate, Reason}),
    run(plain_terminate, [Reason, Req, State], State, ok).

-spec websocket_init(tcp | ssl, term(), map()) -> term().
websocket_init(Transport, Req, Script) ->
    oracle_trace:callback(state(Script), {websocket_init, Transport}),
    run(websocket_init, [Req, Script], Script, {ok, Req, state(Script)}).

-spec websocket_handle(term(), term(), map()) -> term().
websocket_handle(Frame, Req, State) ->
    oracle_trace:callback(State, {handle, Frame, State}),
    run(handle, [Frame, Req, State], State, plain(Frame, Req, State)).

-spec websocket_info(term(), term(), map()) -> term().
websocket_info(Message, Req, State) ->
    oracle_trace:callback(State, {info, Message, State}),
    run(info, [Message, Req, State], State, {ok, Req, State}).

-spec websocket_terminate(term(), term(), map()) -> term().
websocket_terminate(Reason, Req, State) ->
    oracle_trace:callback(State, {terminate, Reason, State}),
    run(terminate, [Reason, Req, State], State, ok).

-spec plain(term(), term(), map()) -> term().
plain({Type, Payload}, Req, State) when Type =:= text; Type =:= binary -> {reply, {Type, Payload}, Req, State};
plain(_, Req, State) -> {ok, Req, State}.
