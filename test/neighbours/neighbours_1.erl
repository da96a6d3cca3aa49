%% @doc Scenarios for the neighbours of a WebSocket under a listener of Cowboy 1, with what Cowboy 1.1.2 does with them.
-module(neighbours_1).

-export([tables/0]).

-spec tables() -> [{atom(), [map()]}].
tables() -> [].
