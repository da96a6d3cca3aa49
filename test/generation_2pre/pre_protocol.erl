%% @doc A protocol of a project's own, with the upgrade/6 of 2.0.0-pre.1 to pre.3.
-module(pre_protocol).

-export([upgrade/6]).

-spec upgrade(cowboy_req:req(), list(), module(), map(), timeout(), run | hibernate) -> {ok, cowboy_req:req(), list()}.
upgrade(Req, Env, Handler, #{test := Test}, Timeout, Hibernate) ->
    Test ! {call, {upgrade, Handler, Timeout, Hibernate, lists:keymember(listener, 1, Env)}},
    {ok, cowboy_req:reply(200, [], <<"mine">>, Req), Env}.
