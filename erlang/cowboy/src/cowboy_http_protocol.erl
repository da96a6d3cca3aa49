%% The protocol that `cowboy:start_listener/6' of Cowboy 0 is told to speak. Its name is all that is needed: farrier's
%% own transport does the work.
-module(cowboy_http_protocol).

-export([start_link/4]).

%% @doc Cowboy's listeners called this for each connection; farrier has none of their sockets.
-spec start_link(pid(), any(), module(), any()) -> no_return().
start_link(_ListenerPid, _Socket, _Transport, _Opts) ->
    error({not_supported, {?MODULE, start_link, 4}, <<"start a listener with cowboy:start_listener/6">>}).
