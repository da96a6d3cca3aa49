%% @doc A handler that does what a bad day asks for. Runs in the node under test.
-module(abuse_handler).

-export([init/2, websocket_init/1, websocket_handle/2, websocket_info/2, terminate/3]).
-export([listen/1, unlisten/0, main/0, counts/0]).

-define(PIECE, binary:copy(<<"x">>, 65536)).

%% Starts the listener with protocol options of the case's choice and tells its port.
-spec listen(map()) -> inet:port_number().
listen(Proto) ->
    Dispatch = cowboy_router:compile([{'_', [{"/ws", ?MODULE, []}]}]),
    {ok, _} = cowboy:start_clear(?MODULE, [{port, 0}], Proto#{env => #{dispatch => Dispatch}}),
    ranch:get_port(?MODULE).

-spec unlisten() -> ok | {error, not_found}.
unlisten() -> cowboy:stop_listener(?MODULE).

%% A node of its own: serves, tells its port, and halts on the first line that it reads.
-spec main() -> no_return().
main() ->
    {ok, _} = application:ensure_all_started(cowboy),
    io:format("port ~b~n", [listen(#{})]),
    _ = io:get_line(""),
    erlang:halt().

%% What must not grow for ever.
-spec counts() -> #{processes := pos_integer(), descriptors := pos_integer(), kilobytes := pos_integer()}.
counts() ->
    Used = [used(Os) || Os <- [list_to_integer(os:getpid()) | transports()]],
    {Descriptors, Kilobytes} = lists:unzip(Used),
    #{processes => erlang:system_info(process_count), descriptors => lists:sum(Descriptors), kilobytes => lists:sum(Kilobytes)}.

%% Processes of the operating system that serve connections for this node.
-spec transports() -> [pos_integer()].
transports() ->
    [Os || Port <- erlang:ports(), {name, Name} <- [erlang:port_info(Port, name)], filename:basename(Name) =:= "farrier_port",
        {os_pid, Os} <- [erlang:port_info(Port, os_pid)]].

-spec used(pos_integer()) -> {Descriptors :: pos_integer(), Kilobytes :: pos_integer()}.
used(Os) ->
    Process = lists:concat(["/proc/", Os]),
    {ok, Descriptors} = file:list_dir(Process ++ "/fd"),
    {ok, Status} = file:read_file(Process ++ "/status"),
    {match, [Resident]} = re:run(Status, "VmRSS:\\s+(\\d+)", [{capture, all_but_first, list}]),
    {length(Descriptors), list_to_integer(Resident)}.

-spec init(cowboy_req:req(), []) -> term().
init(Req, State) -> {cowboy_websocket, Req, State, #{idle_timeout => infinity, max_frame_size => infinity}}.

-spec websocket_init([]) -> term().
websocket_init(State) -> {[], State}.

-spec websocket_handle(term(), []) -> term().
websocket_handle({text, <<"flood">>}, State) ->
    self() ! flood,
    {[], State};
websocket_handle({text, <<"one flood">>}, State) ->
    {lists:duplicate(200, {binary, ?PIECE}), State};
websocket_handle({text, <<"hang">>}, State) ->
    _ = put(hangs, true),
    receive go -> {[{text, <<"went">>}], State} end;
websocket_handle({text, Text}, State) ->
    {[{text, Text}], State};
websocket_handle(_, State) ->
    {[], State}.

%% Sends for ever, and faster than anyone reads.
-spec websocket_info(flood, []) -> term().
websocket_info(flood, State) ->
    self() ! flood,
    {[{binary, ?PIECE}], State};
websocket_info(_, State) ->
    {[], State}.

-spec terminate(term(), term(), term()) -> ok.
terminate(_, _, _) -> ok.
