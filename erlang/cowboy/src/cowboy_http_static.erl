%% Serves files, as a handler of Cowboy 0. See `farrier_static_0' for its options.
-module(cowboy_http_static).
-behaviour(cowboy_http_handler).

-export([init/3, handle/2, terminate/2]).

%% @doc Leaves the answer to `handle/2'.
-spec init({atom(), http}, Req, Opts) -> {ok, Req, Opts} when Req :: cowboy_http_req:req(), Opts :: list().
init({_Transport, http}, Req, Opts) ->
    {ok, Req, Opts}.

%% @doc Answers a request.
-spec handle(Req, Opts) -> {ok, Req, Opts} when Req :: cowboy_http_req:req(), Opts :: list().
handle(Req, Opts) ->
    {ok, farrier_static_0:execute(Req, Opts), Opts}.

-spec terminate(cowboy_http_req:req(), any()) -> ok.
terminate(_Req, _Opts) ->
    ok.
