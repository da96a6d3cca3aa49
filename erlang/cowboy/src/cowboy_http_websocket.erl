%% The WebSocket protocol of Cowboy 0, for handlers that name it and for protocols that hand a request on to it.
-module(cowboy_http_websocket).

-export([upgrade/4]).

%% @doc Upgrades a request. Returns before the session begins; a protocol that calls this returns what it got.
-spec upgrade(any(), module(), any(), cowboy_http_req:req()) -> {ok, cowboy_http_req:req()} | closed.
upgrade(_ListenerPid, Handler, Opts, Req) ->
    farrier_cowboy_0:upgrade(Req, Handler, Opts).
