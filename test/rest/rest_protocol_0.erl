%% @doc A protocol of Cowboy 0 that hands its requests on to REST.
-module(rest_protocol_0).

-export([upgrade/4]).

-spec upgrade(term(), module(), map(), term()) -> term().
upgrade(ListenerPid, Handler, Script, Req) ->
    oracle_trace:note(Script, {upgraded, Handler}),
    cowboy_http_rest:upgrade(ListenerPid, Handler, Script, Req).
