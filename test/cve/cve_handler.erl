%% @doc What the attacks of the suite are aimed at. Runs in the node under test.
-module(cve_handler).

-export([init/2, websocket_init/1, websocket_handle/2, websocket_info/2]).
-export([listen/1, unlisten/0, seen/0]).

%% Starts a clear and a TLS listener with that certificate, and tells their ports.
-spec listen([{atom(), term()}]) -> #{clear | tls => inet:port_number()}.
listen(Certificate) ->
    Dispatch = cowboy_router:compile([{'_', [{"/[...]", ?MODULE, []}]}]),
    Proto = #{env => #{dispatch => Dispatch}},
    %% Init outlives the process that runs this function.
    _ = ets:new(?MODULE, [public, named_table, bag, {heir, whereis(init), none}]),
    {ok, _} = cowboy:start_clear(clear, [{port, 0}], Proto),
    {ok, _} = cowboy:start_tls(tls, [{port, 0} | Certificate], Proto),
    maps:from_list([{Ref, ranch:get_port(Ref)} || Ref <- [clear, tls]]).

-spec unlisten() -> ok.
unlisten() ->
    true = ets:delete(?MODULE),
    lists:foreach(fun cowboy:stop_listener/1, [clear, tls]).

%% The paths that have reached a handler.
-spec seen() -> [binary()].
seen() -> [Path || {Path} <- ets:tab2list(?MODULE)].

-spec init(cowboy_req:req(), []) -> term().
init(Req, State) ->
    Path = cowboy_req:path(Req),
    true = ets:insert(?MODULE, {Path}),
    init(Path, Req, State).

-spec init(binary(), cowboy_req:req(), []) -> term().
init(<<"/ws">>, Req, State) ->
    {cowboy_websocket, Req, State, #{compress => true, max_frame_size => 1000000, idle_timeout => infinity}};
init(<<"/body">>, Req0, State) ->
    {ok, Body, Req} = whole(Req0, <<>>),
    {ok, cowboy_req:reply(200, #{}, Body, Req), State};
init(<<"/parts">>, Req0, State) ->
    {Count, Req} = parts(Req0, 0),
    {ok, cowboy_req:reply(200, #{}, integer_to_binary(Count), Req), State};
init(<<"/split">>, Req, State) ->
    {ok, cowboy_req:reply(200, #{<<"x">> => <<"a\r\ninjected: 1">>}, Req), State};
init(<<"/events">>, Req0, State) ->
    Req = cowboy_req:stream_reply(200, Req0),
    cowboy_req:stream_events(#{data => <<"a\revent: forged\r\rdata: b">>}, fin, Req),
    {ok, Req, State};
init(<<"/scheme">>, Req, State) ->
    {ok, cowboy_req:reply(200, #{}, cowboy_req:scheme(Req), Req), State};
init(_, Req, State) ->
    {ok, cowboy_req:reply(200, #{}, <<"hello">>, Req), State}.

-spec whole(cowboy_req:req(), binary()) -> {ok, binary(), cowboy_req:req()}.
whole(Req0, Body) ->
    case cowboy_req:read_body(Req0) of
        {ok, Data, Req} -> {ok, <<Body/binary, Data/binary>>, Req};
        {more, Data, Req} -> whole(Req, <<Body/binary, Data/binary>>)
    end.

-spec parts(cowboy_req:req(), non_neg_integer()) -> {non_neg_integer(), cowboy_req:req()}.
parts(Req0, Count) ->
    case cowboy_req:read_part(Req0) of
        {ok, _, Req} -> parts(Req, Count + 1);
        {done, Req} -> {Count, Req}
    end.

-spec websocket_init([]) -> term().
websocket_init(State) -> {[], State}.

-spec websocket_handle(term(), []) -> term().
websocket_handle({Type, Data}, State) when Type =:= text; Type =:= binary -> {[{Type, Data}], State};
websocket_handle(_, State) -> {[], State}.

-spec websocket_info(term(), []) -> term().
websocket_info(_, State) -> {[], State}.
