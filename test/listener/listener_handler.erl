%% @doc The handler of the suite: tells what it sees of a connection, and echoes on a WebSocket. Whether it runs on farrier or
%% on a real Cowboy, the same is started.
-module(listener_handler).

-export([init/2, websocket_handle/2, websocket_info/2]).
-export([listen/3, unlisten/1, addresses/1]).

-spec init(map(), []) -> {cowboy_websocket, map(), []} | {ok, map(), []}.
init(#{path := <<"/ws">>} = Req, State) ->
    {cowboy_websocket, Req, State};
init(#{path := <<"/keys">>} = Req, State) ->
    {ok, cowboy_req:reply(200, #{}, io_lib:format("~0p", [lists:sort(maps:keys(Req))]), Req), State};
init(Req, State) ->
    Seen = {maps:get(proxy_header, Req, none), address(cowboy_req:peer(Req)), address(cowboy_req:sock(Req)), cowboy_req:scheme(Req)},
    {ok, cowboy_req:reply(200, #{}, io_lib:format("~0p", [Seen]), Req), State}.

%% Ports are the system's choice.
-spec address(term()) -> term().
address({local, _} = Address) -> Address;
address({IP, Port}) when is_integer(Port) -> IP.

-spec websocket_handle(term(), []) -> {[term()], []}.
websocket_handle(Frame, State) -> {[Frame], State}.

-spec websocket_info(term(), []) -> {[], []}.
websocket_info(_, State) -> {[], State}.

%% Starts a listener and tells where.
-spec listen(clear | tls, term(), map()) -> inet:port_number() | undefined | {error, term()}.
listen(Kind, TransOpts, ProtoOpts) ->
    Dispatch = cowboy_router:compile([{'_', [{'_', ?MODULE, []}]}]),
    case start(Kind, TransOpts, ProtoOpts#{env => #{dispatch => Dispatch}}) of
        {ok, _} -> ranch:get_port({?MODULE, Kind});
        {error, _} = Error -> Error
    end.

-spec start(clear | tls, term(), map()) -> {ok, pid()} | {error, term()}.
start(clear, TransOpts, ProtoOpts) -> cowboy:start_clear({?MODULE, clear}, TransOpts, ProtoOpts);
start(tls, TransOpts, ProtoOpts) -> cowboy:start_tls({?MODULE, tls}, TransOpts, ProtoOpts).

-spec unlisten(clear | tls) -> ok.
unlisten(Kind) ->
    _ = try cowboy:stop_listener({?MODULE, Kind}) catch error:badarg -> ok end,
    ok.

%% What Ranch tells of where a listener is.
-spec addresses(clear | tls) -> [term()].
addresses(Kind) ->
    Ref = {?MODULE, Kind},
    Info = case ranch:info(Ref) of Map when is_map(Map) -> Map; List -> maps:from_list(List) end,
    [ranch:get_addr(Ref), ranch:get_port(Ref), maps:with([ip, port, status], Info)].
