%% The protocol of a TLS listener of Cowboy 2: its name is what `ranch:start_listener/5,6' and `ranch:child_spec/5,6' are told.
%% farrier's own transport does the work.
-module(cowboy_tls).

-export([start_link/3, start_link/4]).

%% @doc Ranch called this for each connection; farrier has none of its sockets.
-spec start_link(any(), module(), any()) -> no_return().
start_link(_Ref, _Transport, _Opts) ->
    error({not_supported, {?MODULE, start_link, 3}, <<"start a listener with cowboy:start_tls/3">>}).

%% @doc The form of Ranch 1.
-spec start_link(any(), any(), module(), any()) -> no_return().
start_link(_Ref, _Socket, _Transport, _Opts) ->
    error({not_supported, {?MODULE, start_link, 4}, <<"start a listener with cowboy:start_tls/3">>}).
