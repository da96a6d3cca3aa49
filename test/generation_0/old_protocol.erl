%% @doc A protocol of one's own, and a handler that asks for it: it answers itself, closes, or hands the request on.
-module(old_protocol).

-export([init/3, upgrade/4]).

-spec init(term(), term(), term()) -> {upgrade, protocol, module()}.
init({_Any, http}, _Req, _Opts) ->
    {upgrade, protocol, ?MODULE}.

-spec upgrade(pid(), module(), term(), term()) -> term().
upgrade(ListenerPid, ?MODULE, {upgrade, Opts}, Req) ->
    ok = cowboy_listener:move_connection(ListenerPid, websocket, self()),
    true = is_process_alive(ListenerPid),
    cowboy_http_websocket:upgrade(ListenerPid, old_handler, Opts, Req);
upgrade(_, ?MODULE, {answer, _}, Req) ->
    {ok, Req2} = cowboy_http_req:reply(200, [], <<"mine">>, Req),
    {ok, Req2};
upgrade(_, ?MODULE, {closed, _}, _) ->
    closed.
