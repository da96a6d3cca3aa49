%% The behaviour of a long-polling handler of Cowboy 1.
-module(cowboy_loop_handler).

-type req() :: cowboy_req:req().

-callback init({atom(), http}, req(), Opts :: any()) ->
    {ok, req(), State :: any()}
    | {loop, req(), State :: any()}
    | {loop, req(), State :: any(), hibernate}
    | {loop, req(), State :: any(), timeout()}
    | {loop, req(), State :: any(), timeout(), hibernate}
    | {shutdown, req(), State :: any()}
    | {upgrade, protocol, module()}
    | {upgrade, protocol, module(), req(), Opts :: any()}.

-callback info(any(), req(), State) ->
    {ok, req(), State}
    | {loop, req(), State}
    | {loop, req(), State, hibernate}
when
    State :: any().

-callback terminate(Reason :: any(), req(), State :: any()) -> ok.
