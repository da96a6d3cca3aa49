%% @doc A REST handler that exports nothing but what it must.
-module(rest_bare).

-export([init/2, to_html/2]).

-spec init(cowboy_req:req(), map()) -> term().
init(Req, Script) ->
    oracle_trace:init_called(Script, init),
    {cowboy_rest, Req, Script}.

-spec to_html(cowboy_req:req(), map()) -> {binary(), cowboy_req:req(), map()}.
to_html(Req, Script) -> {<<"<p>bare</p>">>, Req, Script}.
