%% The behaviour of a plain HTTP handler of Cowboy 2, and the middleware that runs handlers.
-module(cowboy_handler).
-behaviour(cowboy_middleware).

-export([execute/2, terminate/4]).

-callback init(Req, any()) -> {ok | module(), Req, any()} | {module(), Req, any(), any()} when
    Req :: cowboy_req:req().

-callback terminate(any(), map(), any()) -> ok.

-optional_callbacks([terminate/3]).

%% @doc Runs the handler that the router chose.
-spec execute(cowboy_req:req(), cowboy_middleware:env()) -> cowboy_middleware:result().
execute(Req, Env) ->
    farrier_middleware:handle(Req, Env).

%% @doc Calls the handler's `terminate/3' if it has one.
-spec terminate(any(), cowboy_req:req() | undefined, any(), module()) -> ok.
terminate(Reason, Req, State, Handler) ->
    case erlang:function_exported(Handler, terminate, 3) of
        true ->
            _ = Handler:terminate(Reason, Req, State),
            ok;
        false ->
            ok
    end.
