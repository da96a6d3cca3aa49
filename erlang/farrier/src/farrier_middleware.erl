%% Runs the middleware chain of a request, in Cowboy's terms.
%%
%% `cowboy_router' and `cowboy_handler' are built in: a project's list may name them although the `cowboy'
%% application is absent. Once a member has asked for an upgrade, the chain stops if that handler's generation runs what
%% follows only after the session.
-module(farrier_middleware).

-export([run/3, resume/3, after_session/3, handle/2]).

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
-spec after_session(term(), farrier_handler:env(), [module()]) -> outcome().
after_session(Req, Env, Rest) when is_map(Env) ->
    run(map_req(Req), Env#{result => closed}, Rest);
after_session(Req, Env, Rest) ->
    run(record_req(Req), [{result, closed} | Env], Rest).

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
handle(Req, #{handler := Handler, handler_opts := Opts} = Env) ->
    case farrier_handler:adapter(Handler, 2) of
        farrier_cowboy_1 ->
            to_map(farrier_cowboy_1:execute(record_req(Req), maps:to_list(Env), Handler, Opts));
        Adapter ->
            Adapter:execute(Req, Env, Handler, Opts)
    end;
handle(Req, Env) when is_list(Env) ->
    {_, Handler} = lists:keyfind(handler, 1, Env),
    {_, Opts} = lists:keyfind(handler_opts, 1, Env),
    case farrier_handler:adapter(Handler, 1) of
        farrier_cowboy_1 ->
            farrier_cowboy_1:execute(Req, Env, Handler, Opts);
        Adapter ->
            to_record(Adapter:execute(map_req(Req), maps:from_list(Env), Handler, Opts))
    end.

-spec to_map(farrier_handler:outcome()) -> farrier_handler:outcome().
to_map({ok, Req, Env}) -> {ok, map_req(Req), maps:from_list(Env)};
to_map({halt, Req}) -> {stop, map_req(Req)};
to_map({error, Status, Req}) -> {error, Status, map_req(Req)};
to_map(Outcome) -> Outcome.

-spec to_record(farrier_handler:outcome()) -> farrier_handler:outcome().
to_record({ok, Req, Env}) -> {ok, record_req(Req), maps:to_list(Env)};
to_record({stop, Req}) -> {halt, record_req(Req)};
to_record(Outcome) -> Outcome.

-spec map_req(term()) -> term().
map_req(Req) when is_map(Req) -> Req;
map_req(Req) -> farrier_req_2:from_record(Req).

-spec record_req(term()) -> term().
record_req(Req) when is_map(Req) -> farrier_req_1:from_map(Req);
record_req(Req) -> Req.
