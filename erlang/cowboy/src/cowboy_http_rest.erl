%% The REST protocol of Cowboy 0, for handlers that name it and for protocols that hand a request on to it.
-module(cowboy_http_rest).

-export([upgrade/4]).

%% @doc Serves the rest of a request, beginning with `rest_init/2'.
-spec upgrade(any(), module(), any(), cowboy_http_req:req()) -> {ok, cowboy_http_req:req()} | close.
upgrade(_ListenerPid, Handler, Opts, Req) ->
    farrier_cowboy_0:rest(Req, Handler, Opts).
