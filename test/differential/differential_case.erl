%% @doc Generated terms as cases that can be played: a scenario of oracle_run and what its comparison must know.
-module(differential_case).

-export([websocket/1, http/1]).

-spec websocket(map()) -> map().
websocket(#{program := Program, frames := Frames} = Session) ->
    #{kind => websocket, frames => Frames, program => Program, methods => [<<"GET">>], scenario => differential_websocket:scenario(Session)}.

-spec http(map()) -> map().
http(Connection) -> differential_http:played(Connection).
