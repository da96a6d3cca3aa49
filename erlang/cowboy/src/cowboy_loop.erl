%% Stands for the long-polling handler of Cowboy 2 until farrier has it: a handler that asks for it is answered 500,
%% and the log says why.
-module(cowboy_loop).
-behaviour(cowboy_sub_protocol).

-export([upgrade/4, upgrade/5]).

-callback init(Req, any()) -> {ok | module(), Req, any()} | {module(), Req, any(), any()} when
    Req :: cowboy_req:req().

-callback info(any(), Req, State) -> {ok, Req, State} | {ok, Req, State, hibernate} | {stop, Req, State} when
    Req :: cowboy_req:req(), State :: any().

-callback terminate(any(), Req :: any(), any()) -> ok.

-optional_callbacks([terminate/3]).

%% @doc Fails: not there yet.
-spec upgrade(cowboy_req:req(), cowboy_middleware:env(), module(), any()) -> no_return().
upgrade(_Req, _Env, _Handler, _State) ->
    error({not_supported_yet, {?MODULE, upgrade, 4}}).

%% @doc Fails: not there yet.
-spec upgrade(cowboy_req:req(), cowboy_middleware:env(), module(), any(), any()) -> no_return().
upgrade(_Req, _Env, _Handler, _State, _Opts) ->
    error({not_supported_yet, {?MODULE, upgrade, 5}}).
