%% @doc A sub-protocol as projects write them: a check of one's own, then Cowboy's WebSocket.
-module(oracle_sub_protocol).

-export([upgrade/4, upgrade/5]).

-spec upgrade(term(), term(), module(), term()) -> term().
upgrade(Req, Env, Handler, State) when is_map(Env) -> cowboy_websocket:upgrade(Req, Env, Handler, State);
upgrade(Req, Env, Handler, Opts) -> cowboy_websocket:upgrade(Req, Env, Handler, Opts).

-spec upgrade(term(), term(), module(), term(), term()) -> term().
upgrade(Req, Env, Handler, State, Opts) -> cowboy_websocket:upgrade(Req, Env, Handler, State, Opts).
