%% @doc What the suite for the bridge by ports serves, and what it asks of the node that does.
-module(port_handler).

-export([init/2, websocket_handle/2, websocket_info/2, terminate/3]).
-export([listen/1, listen_beside/1, unlisten/0, ended/0, fill_pipes/0, tell_all/1, processes_of/0, connections/0, info/0, begin_log/0, logged/0, log/2]).

-define(TABLE, ?MODULE).

%% Starts the listener with these options besides; its port.
-spec listen(map()) -> inet:port_number().
listen(Options) ->
    {ok, _} = application:ensure_all_started(cowboy),
    start_table(),
    forget(),
    {ok, _} = farrier:start_listener(?MODULE, maps:merge(options(port), Options)),
    farrier:get_port(?MODULE).

%% Starts another one, of the bridge's name.
-spec listen_beside(nif | port) -> {ok, pid()}.
listen_beside(Bridge) -> farrier:start_listener(Bridge, options(Bridge)).

-spec options(nif | port) -> map().
options(Bridge) ->
    Dispatch = cowboy_router:compile([{'_', [{"/ws", ?MODULE, websocket}, {"/body", ?MODULE, body}, {"/wait", ?MODULE, wait}]}]),
    #{port => 0, ip => {127, 0, 0, 1}, bridge => Bridge, dispatch => Dispatch}.

-spec unlisten() -> ok | {error, term()}.
unlisten() -> farrier:stop_listener(?MODULE).

%% The table needs an owner that lasts.
-spec start_table() -> true.
start_table() -> ets:whereis(?TABLE) =/= undefined orelse started_table().

-spec started_table() -> true.
started_table() ->
    Self = self(),
    Pid = spawn(fun() ->
        _ = ets:new(?TABLE, [named_table, public, duplicate_bag]),
        Self ! {self(), ready},
        receive stop -> ok end
    end),
    receive {Pid, ready} -> true end.

%% Reasons that terminate/3 was called with.
-spec ended() -> [term()].
ended() -> [Reason || {ended, Reason} <- ets:lookup(?TABLE, ended)].

-spec forget() -> true.
forget() -> ets:delete_all_objects(?TABLE).

%% Has each connection's process get this message.
-spec tell_all(term()) -> ok.
tell_all(Message) -> lists:foreach(fun(Pid) -> Pid ! Message end, farrier:connections(?MODULE)).

%% The processes of the operating system behind the ports. A port that has just been opened has none yet.
-spec processes_of() -> [pos_integer()].
processes_of() -> [Os || Port <- ports(), {os_pid, Os} <- [erlang:port_info(Port, os_pid)], is_integer(Os)].

-spec ports() -> [port()].
ports() ->
    [Port || Port <- erlang:ports(), {name, Name} <- [erlang:port_info(Port, name)], filename:basename(Name) =:= "farrier_port"].

%% Writes to the ports what means nothing, until they take no more.
-spec fill_pipes() -> ok.
fill_pipes() -> lists:foreach(fun fill/1, ports()).

-spec fill(port()) -> ok.
fill(Port) ->
    case port_command(Port, term_to_binary({handled, 16#7FFFFFFF, 0}, [{minor_version, 2}]), [nosuspend]) of
        true -> fill(Port);
        false -> ok
    end.

-spec connections() -> non_neg_integer().
connections() -> maps:get(connections, info()).

-spec info() -> map().
info() -> farrier:info(?MODULE).

%% From here on, errors are kept.
-spec begin_log() -> ok.
begin_log() ->
    _ = start_table(),
    _ = logger:add_handler(?MODULE, ?MODULE, #{level => warning}),
    ok.

%% Errors that have been logged.
-spec logged() -> [string()].
logged() -> [Text || {logged, Text} <- ets:lookup(?TABLE, logged)].

-spec log(logger:log_event(), term()) -> true.
log(#{msg := {Format, Arguments}}, _) -> ets:insert(?TABLE, {logged, lists:flatten(io_lib:format(Format, Arguments))});
log(_, _) -> true.

%%% The handler

-spec init(cowboy_req:req(), websocket | body | wait) -> term().
init(Req, websocket) ->
    {cowboy_websocket, Req, websocket, #{idle_timeout => infinity}};
init(Req0, body) ->
    _ = cowboy_req:read_body(Req0, #{period => 60000}),
    {ok, Req0, body};
init(Req, wait) ->
    {cowboy_loop, Req, wait}.

-spec websocket_handle(term(), websocket) -> term().
websocket_handle({text, <<"flood">>}, State) ->
    self() ! flood,
    {ok, State};
websocket_handle({Type, Payload}, State) when Type =:= text; Type =:= binary ->
    {[{Type, Payload}], State};
websocket_handle(_, State) ->
    {ok, State}.

-spec websocket_info(term(), websocket) -> term().
websocket_info(flood, State) ->
    self() ! flood,
    {[{binary, binary:copy(<<"x">>, 65536)}], State};
websocket_info(leave, State) ->
    {[{close, 1000, <<"bye">>}], State};
websocket_info(_, State) ->
    {ok, State}.

-spec terminate(term(), term(), term()) -> ok.
terminate(Reason, _, _) ->
    ets:insert(?TABLE, {ended, Reason}),
    ok.
