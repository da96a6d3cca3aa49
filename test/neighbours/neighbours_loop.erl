%% @doc A handler that waits for messages, as its script says: for Cowboy 2 (`init/2') and Cowboy 1 (`init/3') alike.
%%
%% The script is a map of funs named after the callbacks. Every callback is reported before it acts.
-module(neighbours_loop).

-export([init/2, init/3, info/3, terminate/3]).
-export([state/1]).

-import(oracle_script, [run/4]).

-spec init(term(), map()) -> term().
init(Req, Script) ->
    oracle_trace:callback(state(Script), init),
    run(init, [Req, Script], Script, {cowboy_loop, Req, state(Script)}).

-spec init({tcp | ssl, http}, term(), map()) -> term().
init(_, Req, Script) ->
    oracle_trace:callback(state(Script), init),
    run(init, [Req, Script], Script, {loop, Req, state(Script)}).

%% The first state of a request.
-spec state(map()) -> map().
state(Script) -> #{script => Script, s => 0}.

-spec info(term(), term(), map()) -> term().
info(Message, Req, State) ->
    oracle_trace:callback(State, {info, Message, State}),
    run(info, [Message, Req, State], State, {ok, Req, State}).

-spec terminate(term(), term(), map()) -> term().
terminate(Reason, Req, State) ->
    oracle_trace:callback(State, {terminate, Reason, State}),
    run(terminate, [Reason, Req, State], State, ok).
