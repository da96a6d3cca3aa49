%% @doc A Cowboy 2 WebSocket handler that does what its script says and reports every callback.
%%
%% The script is a map of funs, one for each callback, given as HandlerOpts. A callback without a fun does the
%% plain thing: upgrade, echo data, ignore the rest. The state is `#{script, s}': `s' is the script's own.
-module(oracle_handler).

-export([init/2, websocket_init/1, websocket_handle/2, websocket_info/2, terminate/3]).
-export([upgrade/2, state/1]).

-import(oracle_script, [run/4]).

-spec init(cowboy_req:req(), map()) -> term().
init(Req, Script) ->
    oracle_trace:init_called(Script, {init, cowboy_req:method(Req), cowboy_req:path(Req)}),
    case Script of
        #{init := Fun} -> Fun(Req, Script);
        _ -> upgrade(Req, Script)
    end.

%% What `init' returns unless the script says otherwise.
-spec upgrade(cowboy_req:req(), map()) -> term().
upgrade(Req, #{opts := Opts} = Script) -> {cowboy_websocket, Req, state(Script), Opts};
upgrade(Req, Script) -> {cowboy_websocket, Req, state(Script)}.

%% The first state of a connection.
-spec state(map()) -> map().
state(Script) -> #{script => Script, s => 0}.

-spec websocket_init(map()) -> term().
websocket_init(State) ->
    oracle_trace:callback(State, {websocket_init, State}),
    run(websocket_init, [State], State, {[], State}).

-spec websocket_handle(term(), map()) -> term().
websocket_handle(Frame, State) ->
    oracle_trace:callback(State, {handle, Frame, State}),
    run(handle, [Frame, State], State, plain(Frame, State)).

-spec websocket_info(term(), map()) -> term().
websocket_info(Message, State) ->
    oracle_trace:callback(State, {info, Message, State}),
    run(info, [Message, State], State, {[], State}).

-spec terminate(term(), term(), term()) -> term().
terminate(Reason, Req, State) ->
    oracle_trace:callback(State, {terminate, Reason, State}),
    run(terminate, [Reason, Req, State], State, ok).

-spec plain(term(), map()) -> term().
plain({Type, Payload}, State) when Type =:= text; Type =:= binary -> {[{Type, Payload}], State};
plain(_, State) -> {[], State}.
