%% The behaviour of a plain HTTP handler of Cowboy 0 and 1. Cowboy 0 calls `terminate/2', Cowboy 1 `terminate/3'.
-module(cowboy_http_handler).

-type req() :: cowboy_req:req() | cowboy_http_req:req().

-callback init({atom(), http}, req(), Opts :: any()) ->
    {ok, req(), State :: any()}
    | {loop, req(), State :: any()}
    | {loop, req(), State :: any(), hibernate}
    | {loop, req(), State :: any(), timeout()}
    | {loop, req(), State :: any(), timeout(), hibernate}
    | {shutdown, req(), State :: any()}
    | {upgrade, protocol, module()}
    | {upgrade, protocol, module(), req(), Opts :: any()}.

-callback handle(req(), State) -> {ok, req(), State} when State :: any().

-callback terminate(Reason :: any(), req(), State :: any()) -> ok.

-callback terminate(req(), State :: any()) -> any().

-optional_callbacks([terminate/2, terminate/3]).
