%% @doc The loop handler that says what its script says, for the pre-releases of Cowboy 2.
-module(neighbours_loop_pre).

-export([init/2, info/3, terminate/3]).

-spec init(term(), map()) -> term().
init(Req, Script) -> neighbours_loop:init(Req, Script).

-spec info(term(), term(), map()) -> term().
info(Message, Req, State) -> neighbours_loop:info(Message, Req, State).

-spec terminate(term(), term(), map()) -> term().
terminate(Reason, Req, State) -> neighbours_loop:terminate(Reason, Req, State).
