%% The process behind a listener of Cowboy 0, as protocols called it.
-module(cowboy_listener).

-export([move_connection/3]).

%% @doc Nothing to do: every connection counts towards `max_connections'.
-spec move_connection(any(), atom(), pid()) -> ok.
move_connection(_ListenerPid, _Pool, _ConnectionPid) ->
    ok.
