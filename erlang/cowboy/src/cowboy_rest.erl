%% Stands for the REST handler until farrier has it: a handler that asks for it is answered 500,
%% and the log says why.
-module(cowboy_rest).
-behaviour(cowboy_sub_protocol).

-export([upgrade/4, upgrade/5]).

-callback init(Req, any()) -> {ok | module(), Req, any()} | {module(), Req, any(), any()} when
    Req :: cowboy_req:req().

-callback terminate(any(), Req :: any(), any()) -> ok.

%% `init' is of Cowboy 2 only.
-optional_callbacks([init/2, terminate/3]).

%% @doc Fails: not there yet.
-spec upgrade(cowboy_req:req(), cowboy_middleware:env(), module(), any()) -> no_return().
upgrade(_Req, _Env, _Handler, _State) ->
    error({not_supported_yet, {?MODULE, upgrade, 4}}).

%% @doc Fails: not there yet.
-spec upgrade(cowboy_req:req(), cowboy_middleware:env(), module(), any(), any()) -> no_return().
upgrade(_Req, _Env, _Handler, _State, _Opts) ->
    error({not_supported_yet, {?MODULE, upgrade, 5}}).
