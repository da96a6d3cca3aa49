%% The behaviour of a long-polling handler of Cowboy 2 and its pre-releases, and the sub-protocol of that name.
-module(cowboy_loop).
-behaviour(cowboy_sub_protocol).

-export([upgrade/4, upgrade/5, upgrade/6]).

-callback init(Req, any()) -> {ok | module(), Req, any()} | {module(), Req, any(), any()} when
    Req :: cowboy_req:req().

-callback info(any(), Req, State) ->
    {ok, Req, State} | {ok, Req, State, hibernate | timeout()} | {stop, Req, State}
when
    Req :: cowboy_req:req(), State :: any().

-callback terminate(any(), Req :: any(), any()) -> ok.

-optional_callbacks([terminate/3]).

%% @doc Waits for messages on behalf of `Handler' until it stops.
-spec upgrade(cowboy_req:req(), cowboy_middleware:env(), module(), any()) -> cowboy_middleware:result().
upgrade(Req, Env, Handler, State) ->
    farrier_cowboy_2:loop(Req, Env, Handler, State).

%% @doc The same after a hibernation, or (Cowboy 2.12) with the ms after which `info/3' is told `timeout'.
-spec upgrade(cowboy_req:req(), cowboy_middleware:env(), module(), any(), hibernate | timeout()) ->
    cowboy_middleware:result().
upgrade(Req, Env, Handler, State, Option) ->
    farrier_cowboy_2:loop(Req, Env, Handler, State, Option).

%% @doc The form of 2.0.0-pre.1 to pre.6: for `Timeout' ms at most, and hibernating first or not.
-spec upgrade(cowboy_req:req(), cowboy_middleware:env(), module(), any(), timeout(), run | hibernate) ->
    cowboy_middleware:result().
upgrade(Req, Env, Handler, State, infinity, run) when is_map(Req) ->
    farrier_cowboy_2:loop(Req, Env, Handler, State);
upgrade(Req, Env, Handler, State, infinity, hibernate) when is_map(Req) ->
    farrier_cowboy_2:loop(Req, Env, Handler, State, hibernate);
upgrade(Req, Env, Handler, State, Timeout, Hibernate) ->
    farrier_cowboy_2pre:loop(Req, Env, Handler, State, Timeout, Hibernate).
