%% @doc A protocol that a REST handler may switch to: answers with what it was handed, or hands it on to REST.
-module(rest_protocol).

-export([upgrade/4, upgrade/5]).

-spec upgrade(cowboy_req:req(), map(), module(), map()) -> {ok, cowboy_req:req(), map()}.
upgrade(Req, Env, Handler, State) -> upgrade(Req, Env, Handler, State, none).

-spec upgrade(cowboy_req:req(), map(), module(), map(), term()) -> {ok, cowboy_req:req(), map()}.
upgrade(Req, Env, Handler, State, hand_on) ->
    oracle_trace:note(State, {upgraded, Handler}),
    cowboy_rest:upgrade(Req, Env, Handler, State);
upgrade(Req, Env, Handler, State, hand_on_with_options) ->
    cowboy_rest:upgrade(Req, Env, Handler, State, #{});
upgrade(Req, Env, Handler, State, Opts) ->
    oracle_trace:note(State, {upgraded, Handler, Opts}),
    Replied = cowboy_req:reply(200, #{}, io_lib:format("~p", [Opts]), Req),
    ok = Handler:terminate(normal, Replied, State),
    {ok, Replied, Env}.
