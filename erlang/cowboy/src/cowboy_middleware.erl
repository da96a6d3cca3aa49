%% The behaviour of a step that every request passes. Cowboy 2 passes maps, Cowboy 1 a record and a property list.
-module(cowboy_middleware).

-export_type([env/0]).

-type env() :: #{atom() => any()} | [{atom(), any()}].

%% `stop' is Cowboy 2's word, `halt' and `error' are those of Cowboy 1.
-callback execute(Req, Env) ->
    {ok, Req, Env}
    | {suspend, module(), atom(), [any()]}
    | {stop, Req}
    | {halt, Req}
    | {error, cowboy:http_status(), Req}
when
    Req :: cowboy_req:req(), Env :: env().
