%% @doc Owns one process of the operating system, `farrier_port', and hands on what it says.
%%
%% It knows which Erlang process each of the connections belongs to, since the native half knows them by numbers only: a
%% node may change its name, and with it all that pids look like from outside. A connection's process that ends is
%% reported, so that its socket goes along; and when the native half ends, each of them is told that its connection is lost.
-module(farrier_port_process).
-behaviour(gen_server).

-include_lib("kernel/include/logger.hrl").

-export([start_link/2, name/1]).
%% For farrier_port, in a connection's process.
-export([accepted/2, upgraded/2, awaits/4, hold/2, closes/3]).
%% For farrier_port_listener.
-export([add_listener/4, forget_listener/2]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2, terminate/2]).

%% Time for a fresh process of the operating system to say its version.
-define(START_TIMEOUT, 10000).
%% One that ended sooner than this is started again only after the pause.
-define(SHORT_LIFE, 5000).
-define(PAUSE, 400).
%% Names the question that follows everything else, and how long its answer may take.
-define(LAST, <<"last">>).
-define(LAST_TIMEOUT, 1000).
-define(HIGH_WATERMARK, 64 * 1024).

-record(connection, {
    %% Whom it was offered to, then whose it is.
    process :: pid(),
    phase = offered :: offered | http | websocket,
    %% What others wait for, and this one.
    waits = [] :: [{farrier_port:wait(), pid(), reference()}]
}).

-record(listener, {
    acceptors :: queue:queue(pid()),
    high_watermark :: non_neg_integer(),
    %% Its process, which is told when its share of `max_connections' is used up.
    process :: pid()
}).

-record(state, {
    number :: pos_integer(),
    port :: port(),
    %% Writes what has found the pipe full: the owner of the port must go on reading from it.
    writer :: pid(),
    connections = #{} :: #{farrier_port:id() => #connection{}},
    listeners = #{} :: #{pos_integer() => #listener{}}
}).

%% @doc Starts the process of this number. Options: `log_level', `workers'.
-spec start_link(pos_integer(), map()) -> {ok, pid()} | {error, term()}.
start_link(Number, Options) ->
    gen_server:start_link({local, name(Number)}, ?MODULE, {Number, Options}, []).

-spec name(pos_integer()) -> atom().
name(Number) ->
    list_to_atom("farrier_port_" ++ integer_to_list(Number)).

%% @doc Says that the calling process has taken the offered connection: it ends with it.
-spec accepted(pid(), farrier_port:id()) -> ok.
accepted(Owner, Id) ->
    Owner ! {accepted, Id, self()},
    ok.

%% @doc Says that the connection has become a WebSocket: its loss is an event from now on.
-spec upgraded(pid(), farrier_port:id()) -> ok.
upgraded(Owner, Id) ->
    Owner ! {upgraded, Id},
    ok.

%% @doc Says that the calling process waits, and for what. A wait of the same kind is forgotten.
-spec awaits(pid(), farrier_port:id(), farrier_port:wait(), reference()) -> ok.
awaits(Owner, Id, Wait, Ref) ->
    Owner ! {awaits, Id, Wait, self(), Ref},
    ok.

%% @doc Has packets written, one after the other, once there is room in the pipe.
-spec hold(pid(), [iodata()]) -> ok.
hold(Owner, Packets) ->
    Owner ! {hold, Packets},
    ok.

%% @doc The same with the last packet of a connection's process. What says that the process has ended must not pass it.
-spec closes(pid(), farrier_port:id(), iodata()) -> ok.
closes(Owner, Id, Packet) ->
    Owner ! {closes, Id, Packet},
    ok.

%% @doc Registers a listener, whose requests go to these acceptors in turn, before the native half hears of it.
-spec add_listener(atom(), pos_integer(), [pid()], map()) -> {ok, pid(), port()}.
add_listener(Name, Listener, Acceptors, Options) ->
    gen_server:call(Name, {add_listener, Listener, Acceptors, Options, self()}, infinity).

-spec forget_listener(pid(), pos_integer()) -> ok.
forget_listener(Process, Listener) ->
    gen_server:cast(Process, {forget_listener, Listener}).

%%% The process

-spec init({pos_integer(), map()}) -> {ok, #state{}} | {stop, term()}.
init({Number, Options}) ->
    _ = process_flag(trap_exit, true),
    pause(Number),
    try open_port({spawn_executable, executable()}, [{packet, 4}, binary, exit_status]) of
        Port -> greeted(Port, #state{number = Number, port = Port, writer = spawn_link(fun() -> write_held(Port) end)}, Options)
    catch
        error:Posix -> {stop, {port_not_started, Posix}}
    end.

%% One that can't live is not started time and again without a pause, which would end the supervisor.
-spec pause(pos_integer()) -> ok.
pause(Number) ->
    case farrier_port_sup:age(Number) < ?SHORT_LIFE of
        true -> timer:sleep(?PAUSE);
        false -> ok
    end.

-spec executable() -> file:filename().
executable() ->
    case code:priv_dir(farrier) of
        {error, bad_name} -> "farrier_port";
        Priv -> filename:join(Priv, "farrier_port")
    end.

-spec greeted(port(), #state{}, map()) -> {ok, #state{}} | {stop, term()}.
greeted(Port, S, Options) ->
    Version = farrier_port:version(),
    case said(Port) of
        {farrier_port, Version} ->
            _ = farrier_port:command(self(), Port, {call, <<>>, {start, Options}}),
            started(said(Port), Port, S);
        {farrier_port, Other} ->
            not_started({version, Other, Version}, Port);
        Reason ->
            not_started(Reason, Port)
    end.

-spec started(term(), port(), #state{}) -> {ok, #state{}} | {stop, term()}.
started([{reply, <<>>, ok}], _, S) -> {ok, S};
started([{reply, <<>>, {error, Reason}}], Port, _) -> not_started(Reason, Port);
started(Reason, Port, _) -> not_started(Reason, Port).

-spec not_started(term(), port()) -> {stop, term()}.
not_started(Reason, Port) ->
    _ = catch port_close(Port),
    {stop, {port_not_started, Reason}}.

%% The next packet.
-spec said(port()) -> term().
said(Port) ->
    receive
        {Port, {data, Data}} -> binary_to_term(Data);
        {Port, {exit_status, _} = Status} -> Status
    after ?START_TIMEOUT -> timeout
    end.

-spec handle_call(term(), gen_server:from(), #state{}) -> {reply, term(), #state{}}.
handle_call({add_listener, Listener, Acceptors, Options, Process}, _From, #state{port = Port, listeners = Listeners} = S) ->
    _ = monitor(process, Process),
    [monitor(process, Acceptor) || Acceptor <- Acceptors],
    Added = #listener{
        acceptors = queue:from_list(Acceptors),
        high_watermark = maps:get(high_watermark, Options, ?HIGH_WATERMARK),
        process = Process
    },
    {reply, {ok, self(), Port}, S#state{listeners = Listeners#{Listener => Added}}};
handle_call(_, _From, S) ->
    {reply, {error, unknown_call}, S}.

-spec handle_cast(term(), #state{}) -> {noreply, #state{}}.
handle_cast({forget_listener, Listener}, #state{listeners = Listeners} = S) ->
    {noreply, S#state{listeners = maps:remove(Listener, Listeners)}};
handle_cast(_, S) ->
    {noreply, S}.

-spec handle_info(term(), #state{}) -> {noreply, #state{}} | {stop, term(), #state{}}.
handle_info({Port, {data, Data}}, #state{port = Port} = S) ->
    {noreply, lists:foldl(fun said/2, S, binary_to_term(Data))};
handle_info({awaits, Id, Wait, Pid, Ref}, #state{connections = Connections} = S) ->
    case Connections of
        #{Id := #connection{waits = Waits} = C} ->
            Waiting = C#connection{waits = lists:keystore(Wait, 1, Waits, {Wait, Pid, Ref})},
            {noreply, S#state{connections = Connections#{Id := Waiting}}};
        _ ->
            answer(Wait, Pid, Ref, closed),
            {noreply, S}
    end;
handle_info({accepted, Id, Pid}, #state{connections = Connections} = S) ->
    case Connections of
        #{Id := #connection{phase = offered} = C} ->
            _ = monitor(process, Pid, [{tag, {owner, Id}}]),
            {noreply, S#state{connections = Connections#{Id := C#connection{process = Pid, phase = http}}}};
        _ ->
            {noreply, S}
    end;
handle_info({upgraded, Id}, #state{connections = Connections} = S) ->
    case Connections of
        #{Id := C} -> {noreply, S#state{connections = Connections#{Id := C#connection{phase = websocket, waits = []}}}};
        _ -> {noreply, S}
    end;
handle_info({hold, Packets}, S) ->
    {noreply, held(Packets, S)};
handle_info({closes, Id, Packet}, S) ->
    {noreply, closed(Id, Packet, S)};
handle_info({{owner, Id}, _Monitor, process, _, _}, S) ->
    {noreply, abandon(Id, S)};
handle_info({'DOWN', _Monitor, process, Pid, _}, S) ->
    {noreply, lost(Pid, S)};
handle_info({Port, {exit_status, Status}}, #state{port = Port} = S) ->
    {stop, {shutdown, {exit_status, Status}}, ended(Status, S)};
handle_info({'EXIT', Port, Reason}, #state{port = Port} = S) ->
    {stop, {shutdown, {port_closed, Reason}}, ended(Reason, S)};
handle_info(_, S) ->
    {noreply, S}.

%% The port closes with this process, and the native half forgets what it has not read by then: last frames, for
%% instance. Connections that have not been told of the end are.
-spec terminate(term(), #state{}) -> ok.
terminate(_Reason, #state{port = Port} = S0) ->
    S = held([farrier_port:packet({call, ?LAST, {listener_info, 0}})], all_held(S0)),
    _ = erlang:port_info(Port) =/= undefined andalso await_last(Port),
    tell_all(S).

-spec all_held(#state{}) -> #state{}.
all_held(S) ->
    receive
        {hold, Packets} -> all_held(held(Packets, S));
        {closes, Id, Packet} -> all_held(closed(Id, Packet, S))
    after 0 -> S
    end.

-spec await_last(port()) -> ok.
await_last(Port) ->
    receive
        {Port, {data, Data}} ->
            case lists:keymember(?LAST, 2, binary_to_term(Data)) of
                true -> ok;
                false -> await_last(Port)
            end;
        {Port, {exit_status, _}} ->
            ok
    after ?LAST_TIMEOUT -> ok
    end.

%%% What the native half says

-spec said(tuple(), #state{}) -> #state{}.
said({Id, Events, Bytes}, #state{connections = Connections} = S) when is_integer(Id) ->
    _ = case Connections of
        #{Id := #connection{process = Pid}} -> Pid ! {'$farrier', Events, Bytes};
        _ -> ok
    end,
    S;
said({reply, <<>>, _}, S) ->
    S;
said({reply, From, Result}, S) ->
    Alias = binary_to_term(From),
    Alias ! {Alias, Result},
    S;
said({offer, Listener, Id}, S) ->
    offer(Listener, Id, S);
said({body, Id, Kind, Data}, S) ->
    answered(Id, body, {Kind, Data}, S);
said({writable, Id, Result}, S) ->
    answered(Id, writable, Result, S);
said({closed, Id}, S) ->
    answered(Id, closed, closed, S);
said({full, Listener}, #state{listeners = Listeners} = S) ->
    _ = case Listeners of
        #{Listener := #listener{process = Process}} -> Process ! {full, self()};
        _ -> ok
    end,
    S;
said({log, Level, Message, Fields, Dropped}, S) ->
    farrier_log:report(Level, Message, Fields, Dropped),
    S.

%% To the next acceptor that lives. Without one the request is answered 503.
-spec offer(pos_integer(), farrier_port:id(), #state{}) -> #state{}.
offer(Listener, Id, #state{port = Port, connections = Connections, listeners = Listeners} = S) ->
    case next(maps:get(Listener, Listeners, undefined)) of
        {Acceptor, #listener{high_watermark = High} = Turned} ->
            Acceptor ! {'$farrier_accept', farrier_port:handle(Port, Id, self(), High)},
            Offered = #connection{process = Acceptor},
            S#state{connections = Connections#{Id => Offered}, listeners = Listeners#{Listener := Turned}};
        none ->
            _ = farrier_port:command(self(), Port, {abandon, Id}),
            S
    end.

-spec next(#listener{} | undefined) -> {pid(), #listener{}} | none.
next(undefined) ->
    none;
next(#listener{acceptors = Acceptors} = L) ->
    case queue:out(Acceptors) of
        {empty, _} -> none;
        {{value, Acceptor}, Others} -> {Acceptor, L#listener{acceptors = queue:in(Acceptor, Others)}}
    end.

-spec answered(farrier_port:id(), farrier_port:wait(), term(), #state{}) -> #state{}.
answered(Id, Wait, Result, #state{connections = Connections} = S) ->
    case Connections of
        #{Id := #connection{waits = Waits0} = C} ->
            case lists:keytake(Wait, 1, Waits0) of
                {value, {_, Pid, Ref}, Waits} ->
                    answer(Wait, Pid, Ref, Result),
                    S#state{connections = Connections#{Id := C#connection{waits = Waits}}};
                false ->
                    S
            end;
        _ ->
            S
    end.

-spec answer(farrier_port:wait(), pid(), reference(), term()) -> ok.
answer(body, Pid, Ref, closed) -> answer(body, Pid, Ref, {error, closed});
answer(body, Pid, Ref, {error, Reason}) -> tell(Pid, {Ref, body, {error, Reason}});
answer(body, Pid, Ref, {Kind, Data}) -> tell(Pid, {Ref, body, Kind, Data});
answer(writable, Pid, Ref, writable) -> tell(Pid, {Ref, writable});
answer(_, Pid, Ref, _) -> tell(Pid, {Ref, {error, closed}}).

-spec tell(pid(), term()) -> ok.
tell(Pid, Message) ->
    Pid ! Message,
    ok.

%%% A full pipe

-spec held([iodata()], #state{}) -> #state{}.
held(Packets, #state{writer = Writer} = S) ->
    Writer ! {write, Packets},
    S.

%% Waits for room, until the port is gone.
-spec write_held(port()) -> no_return().
write_held(Port) ->
    receive
        {write, Packets} -> _ = catch lists:foreach(fun(Data) -> port_command(Port, Data) end, Packets)
    end,
    write_held(Port).

%%% Ends

-spec closed(farrier_port:id(), iodata(), #state{}) -> #state{}.
closed(Id, Packet, #state{connections = Connections} = S) ->
    held([Packet, farrier_port:packet({abandon, Id})], S#state{connections = maps:remove(Id, Connections)}).

%% The connection's process has ended, unless it has closed: its socket goes along.
-spec abandon(farrier_port:id(), #state{}) -> #state{}.
abandon(Id, #state{port = Port, connections = Connections} = S) when is_map_key(Id, Connections) ->
    _ = farrier_port:command(self(), Port, {abandon, Id}),
    S#state{connections = maps:remove(Id, Connections)};
abandon(_, S) ->
    S.

%% The process of a listener, or an acceptor: nobody will take what it was offered.
-spec lost(pid(), #state{}) -> #state{}.
lost(Pid, #state{port = Port, connections = Connections, listeners = Listeners} = S) ->
    {Gone, Others} = lists:partition(fun({_, #listener{process = Process}}) -> Process =:= Pid end, maps:to_list(Listeners)),
    lists:foreach(fun({Listener, _}) -> farrier_port:command(self(), Port, {call, <<>>, {close_listener, Listener}}) end, Gone),
    Left = [{Listener, L#listener{acceptors = queue:filter(fun(A) -> A =/= Pid end, Acceptors)}}
        || {Listener, #listener{acceptors = Acceptors} = L} <- Others],
    Offered = [Id || {Id, #connection{process = P, phase = offered}} <- maps:to_list(Connections), P =:= Pid],
    lists:foldl(fun abandon/2, S#state{listeners = maps:from_list(Left)}, Offered).

-spec ended(term(), #state{}) -> #state{}.
ended(Status, #state{number = Number, connections = Connections} = S) ->
    ?LOG_ERROR("farrier_port ~b ended (~0tp) and took ~b connections along; another one is started",
        [Number, Status, map_size(Connections)], #{domain => [farrier]}),
    tell_all(S),
    S#state{connections = #{}}.

-spec tell_all(#state{}) -> ok.
tell_all(#state{connections = Connections}) ->
    maps:foreach(fun(_, Connection) -> tell_lost(Connection) end, Connections).

%% A WebSocket ends as if its client had gone; who waits is answered.
-spec tell_lost(#connection{}) -> ok.
tell_lost(#connection{process = Pid, phase = Phase, waits = Waits}) ->
    [answer(Wait, Process, Ref, closed) || {Wait, Process, Ref} <- Waits],
    _ = Phase =:= websocket andalso tell(Pid, {'$farrier', [{error, closed}], 0}),
    ok.
