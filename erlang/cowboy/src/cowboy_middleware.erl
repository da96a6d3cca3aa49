%% The behaviour of a step that every request passes. Cowboy 2 passes maps, Cowboy 1 a record and a property list.
-module(cowboy_middleware).

-export_type([env/0, result/0]).

-type env() :: #{atom() => any()} | [{atom(), any()}].

%% `stop' is Cowboy 2's word, `halt' and `error' are those of Cowboy 1.
-type result() ::
    {ok, cowboy_req:req(), env()}
    | {suspend, module(), atom(), [any()]}
    | {stop, cowboy_req:req()}
    | {halt, cowboy_req:req()}
    | {error, cowboy:http_status(), cowboy_req:req()}.

-callback execute(cowboy_req:req(), env()) -> result().
