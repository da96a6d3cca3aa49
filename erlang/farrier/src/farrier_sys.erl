%% What OTP asks of a connection's process: the `sys' protocol and a supervisor's questions.
%%
%% The answers are those of Cowboy from 2.3 on, whose connection processes are supervisors without children.
-module(farrier_sys).

-export([childless/1]).
-export([system_continue/3, system_terminate/4, system_code_change/4]).
-export([system_get_state/1, system_replace_state/2]).

-type misc() :: {
    Adapter :: module(), farrier_handler:state(), farrier_connection:session(), Unreported :: non_neg_integer()
}.

%% @doc The answer to a `gen_server:call/2'.
-spec childless(term()) -> term().
childless(which_children) -> [];
childless(count_children) -> [{specs, 1}, {active, 0}, {supervisors, 0}, {workers, 0}];
childless({start_child, _}) -> {error, start_child_disabled};
childless(_) -> {error, not_found}.

-spec system_continue(pid(), [sys:dbg_opt()], misc()) -> term().
system_continue(_Parent, _Debug, {_, State, Session, Unreported}) ->
    farrier_connection:loop(Session, State, Unreported).

%% No close frame: Cowboy sends none either.
-spec system_terminate(term(), pid(), [sys:dbg_opt()], misc()) -> no_return().
system_terminate(Reason, _Parent, _Debug, {_, State, Session, _}) ->
    _ = farrier_connection:finish({exit, Reason}, Session, State),
    exit(normal).

-spec system_code_change(misc(), module(), term(), term()) -> {ok, misc()}.
system_code_change(Misc, _Module, _OldVsn, _Extra) ->
    {ok, Misc}.

%% Cowboy shows `{State, HandlerState, ParseState}'; only the second is a handler's business.
-spec system_get_state(misc()) -> {ok, {term(), term(), term()}}.
system_get_state({Adapter, State, _, _}) ->
    {ok, shown(Adapter, State)}.

-spec system_replace_state(fun((term()) -> term()), misc()) -> {ok, term(), misc()}.
system_replace_state(Replace, {Adapter, State, Session, Unreported}) ->
    {_, HandlerState, _} = Shown = Replace(shown(Adapter, State)),
    {ok, Shown, {Adapter, Adapter:handler_state(HandlerState, State), Session, Unreported}}.

-spec shown(module(), farrier_handler:state()) -> {term(), term(), term()}.
shown(Adapter, State) ->
    {{state, Adapter}, Adapter:handler_state(State), {ps_header, <<>>}}.
