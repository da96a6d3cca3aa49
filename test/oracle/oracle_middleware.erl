%% @doc A middleware that does what the fun `oracle' of its environment says.
-module(oracle_middleware).

-export([execute/2, resume/2]).

-spec execute(term(), term()) -> term().
execute(Req, #{oracle := Fun} = Env) -> Fun(Req, Env);
execute(Req, Env) when is_list(Env) ->
    {oracle, Fun} = lists:keyfind(oracle, 1, Env),
    Fun(Req, Env).

%% Where a suspended request goes on, once `wake' has woken it.
-spec resume(term(), term()) -> term().
resume(Req, Env) -> receive wake -> {ok, Req, Env} end.
