%% @doc A middleware that does what the environment says; the Req that it sees is that of the listener's generation.
-module(pre_middleware).

-export([execute/2]).

-spec execute(cowboy_req:req(), list()) -> term().
execute(Req, Env) ->
    {_, #{test := Test} = Script} = lists:keyfind(script, 1, Env),
    Test ! {call, {middleware, cowboy_req:method(Req), proplists:get_value(result, Env)}},
    case maps:get(middleware, Script, ok) of
        ok -> {ok, Req, Env};
        halt -> {halt, cowboy_req:reply(403, Req)};
        stop -> {stop, cowboy_req:reply(403, Req)};
        error -> {error, 418, Req}
    end.
