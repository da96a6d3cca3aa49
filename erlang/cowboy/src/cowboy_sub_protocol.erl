%% The behaviour of what a handler's `init' may hand its request to instead of answering it.
-module(cowboy_sub_protocol).

%% Cowboy 2: the fourth argument is the handler's state. Cowboy 1: it is the handler's options.
-callback upgrade(Req, Env, Handler :: module(), HandlerState :: any()) ->
    {ok, Req, Env}
    | {suspend, module(), atom(), [any()]}
    | {stop, Req}
    | {halt, Req}
    | {error, cowboy:http_status(), Req}
when
    Req :: cowboy_req:req(), Env :: cowboy_middleware:env().

-callback upgrade(Req, Env, Handler :: module(), HandlerState :: any(), Opts :: any()) ->
    {ok, Req, Env} | {suspend, module(), atom(), [any()]} | {stop, Req}
when
    Req :: cowboy_req:req(), Env :: cowboy_middleware:env().

-optional_callbacks([upgrade/5]).
