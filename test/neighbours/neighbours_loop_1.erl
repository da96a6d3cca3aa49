%% @doc The loop handler that says what its script says, for Cowboy 1 only.
-module(neighbours_loop_1).

-export([init/3, info/3, terminate/3]).

-spec init({tcp | ssl, http}, term(), map()) -> term().
init(Transport, Req, Script) -> neighbours_loop:init(Transport, Req, Script).

-spec info(term(), term(), map()) -> term().
info(Message, Req, State) -> neighbours_loop:info(Message, Req, State).

-spec terminate(term(), term(), map()) -> term().
terminate(Reason, Req, State) -> neighbours_loop:terminate(Reason, Req, State).
