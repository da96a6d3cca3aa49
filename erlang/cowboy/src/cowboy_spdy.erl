%% SPDY, which browsers gave up in 2016. The module exists so that a start of it says so.
-module(cowboy_spdy).

-export([start_link/4]).

-spec start_link(any(), any(), module(), any()) -> no_return().
start_link(_Ref, _Socket, _Transport, _Opts) ->
    error({not_supported, {?MODULE, start_link, 4},
        <<"no client speaks SPDY any more: start a listener with cowboy:start_https/4">>}).
