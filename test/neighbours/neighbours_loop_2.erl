%% @doc The loop handler that says what its script says, for Cowboy 2 only, which its WebSocket callback tells.
-module(neighbours_loop_2).

-export([init/2, info/3, terminate/3, websocket_handle/2]).

-spec init(term(), map()) -> term().
init(Req, Script) -> neighbours_loop:init(Req, Script).

-spec info(term(), term(), map()) -> term().
info(Message, Req, State) -> neighbours_loop:info(Message, Req, State).

-spec terminate(term(), term(), map()) -> term().
terminate(Reason, Req, State) -> neighbours_loop:terminate(Reason, Req, State).

-spec websocket_handle(term(), term()) -> term().
websocket_handle(Frame, State) -> {[Frame], State}.
