%% Runs the middleware chain of a request, in Cowboy's terms.
%%
%% `cowboy_router' and `cowboy_handler' are built in: a project's list may name them although the `cowboy'
%% application is absent. Once a member has asked for an upgrade, the chain stops if that handler's generation runs what
%% follows only after the session.
-module(farrier_middleware).

-export([run/3, resume/3, after_session/4, handle/2]).
%% Where a handler of another generation goes on after a suspension.
-export([resumed/4]).

-export_type([outcome/0]).

-type outcome() ::
    {done, Req :: term()}
    | {error, Status :: term(), Req :: term()}
    | {suspend, {module(), atom(), [term()]}, farrier_handler:env(), [module()]}
    %% A session comes first; then the rest, unless it is empty.
    | {upgrade, farrier_handler:env(), [module()]}.

%% @doc Runs the chain to its end, to a suspension, or to the point at which a session begins.
-spec run(term(), farrier_handler:env(), [module()]) -> outcome().
run(Req, _Env, []) ->
    {done, Req};
run(Req, Env, [Middleware | Rest]) ->
    continue(execute(Middleware, Req, Env), Env, Rest).

%% @doc Goes on where a middleware asked to be suspended.
-spec resume({module(), atom(), [term()]}, farrier_handler:env(), [module()]) -> outcome().
resume({Module, Function, Arguments}, Env, Rest) ->
    continue(apply(Module, Function, Arguments), Env, Rest).

%% @doc Runs what was left when the session began. Cowboy 1 tells it that the session is over.
-spec after_session(farrier_handler:generation(), term(), farrier_handler:env(), [module()]) -> outcome().
after_session(Generation, Req, Env, Rest) ->
    run(farrier_req:convert(Generation, Req), with_result(closed, Env), Rest).

-spec with_result(term(), farrier_handler:env()) -> farrier_handler:env().
with_result(Result, Env) when is_map(Env) -> Env#{result => Result};
with_result(Result, Env) -> [{result, Result} | Env].

-spec continue(farrier_handler:outcome(), farrier_handler:env(), [module()]) -> outcome().
continue(Outcome, Env, Rest) ->
    case Outcome of
        {ok, Req, NewEnv} ->
            case farrier_connection:holds_middlewares() of
                true -> {upgrade, NewEnv, Rest};
                false -> run(Req, NewEnv, Rest)
            end;
        {suspend, Module, Function, Arguments} ->
            {suspend, {Module, Function, Arguments}, Env, Rest};
        {stop, Req} ->
            {done, Req};
        {halt, Req} ->
            {done, Req};
        {error, Status, Req} ->
            {error, Status, Req}
    end.

-spec execute(module(), term(), farrier_handler:env()) -> farrier_handler:outcome().
execute(cowboy_router, Req, Env) -> farrier_router:execute(Req, Env);
execute(cowboy_handler, Req, Env) -> handle(Req, Env);
execute(Middleware, Req, Env) -> Middleware:execute(Req, Env).

%% @doc The handler's turn: `Env' names the handler and its options. The handler gets the Req of its own generation, the
%% middlewares after it that of the listener's.
-spec handle(term(), farrier_handler:env()) -> farrier_handler:outcome().
handle(Req, Env) ->
    {Handler, Opts} = routed(Env),
    Listener = farrier_req:generation(Req),
    Adapter = farrier_handler:adapter(Handler, Listener),
    case farrier_handler:generation(Adapter) of
        Listener ->
            Adapter:execute(Req, Env, Handler, Opts);
        Own ->
            Outcome = Adapter:execute(farrier_req:convert(Own, Req), env(Own, Env), Handler, Opts),
            converted(Listener, Outcome)
    end.

-spec routed(farrier_handler:env()) -> {module(), term()}.
routed(#{handler := Handler, handler_opts := Opts}) ->
    {Handler, Opts};
routed(Env) when is_list(Env) ->
    {_, Handler} = lists:keyfind(handler, 1, Env),
    {_, Opts} = lists:keyfind(handler_opts, 1, Env),
    {Handler, Opts}.

-spec converted(farrier_handler:generation(), farrier_handler:outcome()) -> farrier_handler:outcome().
converted(Generation, {ok, Req, Env}) -> {ok, farrier_req:convert(Generation, Req), env(Generation, Env)};
converted(Generation, {Stop, Req}) -> {Stop, farrier_req:convert(Generation, Req)};
converted(Generation, {error, Status, Req}) -> {error, Status, farrier_req:convert(Generation, Req)};
converted(Generation, {suspend, Module, Function, Arguments}) ->
    {suspend, ?MODULE, resumed, [Generation, Module, Function, Arguments]}.

-spec resumed(farrier_handler:generation(), module(), atom(), [term()]) -> farrier_handler:outcome().
resumed(Generation, Module, Function, Arguments) ->
    converted(Generation, apply(Module, Function, Arguments)).

-spec env(farrier_handler:generation(), farrier_handler:env()) -> farrier_handler:env().
env(2, Env) when is_list(Env) -> maps:from_list(lists:reverse(Env));
env(2, Env) -> Env;
env(_, Env) when is_map(Env) -> maps:to_list(Env);
env(_, Env) -> Env.
