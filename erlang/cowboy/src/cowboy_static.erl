%% Serves files, as a handler of either generation. See `farrier_static' for its options.
-module(cowboy_static).
-behaviour(cowboy_handler).

%% Cowboy 2.
-export([init/2]).
%% Cowboy 1.
-export([init/3, handle/2, terminate/3]).

-export_type([opts/0]).

-type opts() :: farrier_static:options().

%% @doc Answers a request of Cowboy 2.
-spec init(Req, opts()) -> {ok, Req, opts()} when Req :: cowboy_req:req().
init(Req, Opts) ->
    {ok, farrier_static:execute(Req, Opts), Opts}.

%% @doc Leaves the answer to `handle/2'.
-spec init({atom(), http}, Req, opts()) -> {ok, Req, opts()} when Req :: cowboy_req:req().
init({_Transport, http}, Req, Opts) ->
    {ok, Req, Opts}.

%% @doc Answers a request of Cowboy 1.
-spec handle(Req, opts()) -> {ok, Req, opts()} when Req :: cowboy_req:req().
handle(Req, Opts) ->
    {ok, farrier_static:execute(Req, Opts), Opts}.

-spec terminate(any(), cowboy_req:req(), any()) -> ok.
terminate(_Reason, _Req, _Opts) ->
    ok.
