%% Cowboy's name for the router. See `farrier_router'.
-module(cowboy_router).
-behaviour(cowboy_middleware).

-export([compile/1, execute/2, match/3]).

-export_type([routes/0, dispatch_rules/0, bindings/0, tokens/0]).

-type routes() :: farrier_router:routes().
-type dispatch_rules() :: farrier_router:dispatch().
-type bindings() :: #{atom() => any()}.
-type tokens() :: [binary()].

%% @doc Compiles routes for the `dispatch' of a listener's environment.
-spec compile(routes()) -> dispatch_rules().
compile(Routes) ->
    farrier_router:compile(Routes).

%% @doc The router as a middleware.
-spec execute(Req, Env) -> {ok, Req, Env} | {stop, Req} | {error, 400 | 404, Req} when
    Req :: cowboy_req:req(), Env :: cowboy_middleware:env().
execute(Req, Env) ->
    farrier_router:execute(Req, Env).

%% @doc Finds the handler of a host and path.
-spec match(dispatch_rules(), binary(), binary()) -> farrier_router:match().
match(Dispatch, Host, Path) ->
    farrier_router:match(Dispatch, Host, Path).
