%% The behaviour of what a handler's `init' may hand its request to instead of answering it.
-module(cowboy_sub_protocol).

%% Cowboy 2: the fourth argument is the handler's state. Cowboy 1: it is the handler's options.
-callback upgrade(cowboy_req:req(), cowboy_middleware:env(), Handler :: module(), HandlerState :: any()) ->
    cowboy_middleware:result().

-callback upgrade(cowboy_req:req(), cowboy_middleware:env(), Handler :: module(), HandlerState :: any(), Opts :: any()) ->
    cowboy_middleware:result().

%% Cowboy 2.0.0-pre.1 to pre.6.
-callback upgrade(cowboy_req:req(), cowboy_middleware:env(), Handler :: module(), HandlerState :: any(), timeout(),
    run | hibernate) -> cowboy_middleware:result().

-optional_callbacks([upgrade/4, upgrade/5, upgrade/6]).
