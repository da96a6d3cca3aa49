%% @doc A sub-protocol that does what the script among its handler's options says, for every generation.
-module(neighbours_protocol).

-export([upgrade/4, upgrade/5, upgrade/6]).
-export([resume/2]).

-spec upgrade(term(), term(), module(), term()) -> term().
upgrade(Req, Env, Handler, #{upgrade := Fun}) -> Fun(Req, Env, Handler);
upgrade(Req, Env, Handler, #{script := Script}) -> upgrade(Req, Env, Handler, Script).

-spec upgrade(term(), term(), module(), term(), term()) -> term().
upgrade(Req, Env, Handler, #{script := #{upgrade := Fun}}, Opts) -> Fun(Req, Env, {Handler, Opts}).

-spec upgrade(term(), term(), module(), term(), timeout(), run | hibernate) -> term().
upgrade(Req, Env, Handler, #{script := #{upgrade := Fun}}, Timeout, Hibernate) ->
Fun(Req, Env, {Handler, Timeout, Hibernate}).

%% Where a suspended request goes on, once `wake' has woken it.
-spec resume(term(), term()) -> term().
resume(Outcome, _) -> receive wake -> Outcome end.
