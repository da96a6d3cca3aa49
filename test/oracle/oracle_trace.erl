%% @doc The record of what one server node did in one scenario.
%%
%% Handlers report each callback before they act on it and wait for the answer, so an event is on record, and its
%% process watched, whatever the callback does next. Events carry their scenario's number: a process that outlives
%% its scenario can't write into the next one's record.
-module(oracle_trace).
-behaviour(gen_server).

-export([start/0, reset/1, init_called/2, callback/2, note/1, note/2, watch/2, logged/2, id/1]).
-export([await/3, finish/1, logs/2, websocket/0, tell/2, events/0]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2]).

-type event() :: term().
-type result() :: #{callbacks := [event()], exits := [term()], init_exits := [term()]}.
-export_type([result/0]).

-record(trace, {
    id = 0 :: integer(),
    %% Newest first.
    events = [] :: [event()],
    exits = [] :: [term()],
    init_exits = [] :: [term()],
    logs = [] :: [term()],
    watched = #{} :: #{reference() => {websocket | init, pid()}},
    last = undefined :: pid() | undefined,
    waiting = [] :: [{From :: gen_server:from(), await, Name :: atom(), Count :: pos_integer()} |
                     {From :: gen_server:from(), logs, Count :: non_neg_integer()} |
                     {From :: gen_server:from(), finish | connected}]
}).

-spec start() -> {ok, pid()}.
start() -> gen_server:start({local, ?MODULE}, ?MODULE, [], []).

%% Forgets everything; only events of scenario `Id' count from now on.
-spec reset(integer()) -> ok.
reset(Id) -> gen_server:call(?MODULE, {reset, Id}).

%% A request's handler was called, in the process that calls this. Where the script asks for it
%% (`watch_init'), that process's exit is recorded too.
-spec init_called(map(), event()) -> ok.
init_called(#{watch_init := true} = Script, Event) -> call({event, id(Script), Event, init});
init_called(Script, Event) -> call({event, id(Script), Event, none}).

%% A callback of an upgraded connection was called, in the process that calls this. (Where the state is still the
%% script, `terminate' ends a plain request, whose process is none of ours.)
-spec callback(term(), event()) -> ok.
callback(#{script := _} = State, Event) -> call({event, id(State), Event, websocket});
callback(State, Event) -> call({event, id(State), Event, none}).

%% Anything that a script wants on record.
-spec note(term(), term()) -> ok.
note(State, Term) -> call({event, id(State), {note, Term}, none}).

%% The same where neither script nor state is at hand.
-spec note(term()) -> ok.
note(Term) -> call({event, current, {note, Term}, none}).

-spec watch(term(), pid()) -> ok.
watch(State, Pid) -> call({watch, id(State), Pid}).

%% Something was logged about the listener of scenario `Id'.
-spec logged(integer(), term()) -> ok.
logged(Id, Line) -> gen_server:cast(?MODULE, {logged, Id, Line}).

%% The scenario's number, found in a script or in a handler's state.
-spec id(term()) -> integer().
id(#{id := Id}) -> Id;
id(#{script := #{id := Id}}) -> Id;
id(_) -> -1.

%% Waits for the `Count'th event whose name is `Name', or `any'.
-spec await(atom(), pos_integer(), timeout()) -> ok | timeout.
await(Name, Count, Timeout) -> wait({await, Name, Count}, Timeout).

%% Waits until every watched process has ended and returns the record.
-spec finish(timeout()) -> {ok | timeout, result()}.
finish(Timeout) ->
    Outcome = wait(finish, Timeout),
    {Outcome, call(result)}.

%% Waits for so many log lines and returns all that there are.
-spec logs(non_neg_integer(), timeout()) -> [term()].
logs(Count, Timeout) ->
    _ = wait({logs, Count}, Timeout),
    call(logs).

%% The process of the scenario's latest WebSocket connection so far.
-spec websocket() -> pid() | undefined.
websocket() -> call(websocket).

%% Sends a message to the WebSocket connection's process; waits until there is one.
-spec tell(term(), timeout()) -> sent | timeout.
tell(Message, Timeout) ->
    case wait(connected, Timeout) of
        ok -> websocket() ! Message, sent;
        timeout -> timeout
    end.

-spec events() -> [event()].
events() -> maps:get(callbacks, call(result)).

-spec call(term()) -> term().
call(Request) -> gen_server:call(?MODULE, Request, infinity).

-spec wait(term(), timeout()) -> ok | timeout.
wait(Request, Timeout) ->
    try gen_server:call(?MODULE, Request, Timeout)
    catch exit:{timeout, _} -> timeout
    end.

-spec init([]) -> {ok, #trace{}}.
init([]) -> {ok, #trace{}}.

-spec handle_call(term(), gen_server:from(), #trace{}) ->
    {reply, term(), #trace{}} | {noreply, #trace{}}.
handle_call({reset, Id}, _, _) ->
    {reply, ok, #trace{id = Id}};
handle_call({event, Id, Event, Kind}, {Pid, _}, #trace{id = Id} = T) ->
    {reply, ok, answer(record(Event, Kind, Pid, T))};
handle_call({event, current, Event, Kind}, From, #trace{id = Id} = T) ->
    handle_call({event, Id, Event, Kind}, From, T);
handle_call({watch, Id, Pid}, _, #trace{id = Id} = T) ->
    {reply, ok, answer(monitored(websocket, Pid, T))};
handle_call({await, Name, Count}, From, T) ->
    {noreply, answer(T#trace{waiting = [{From, await, Name, Count} | T#trace.waiting]})};
handle_call(finish, From, T) ->
    {noreply, answer(T#trace{waiting = [{From, finish} | T#trace.waiting]})};
handle_call(result, _, T) ->
    {reply, result(T), T};
handle_call(connected, From, T) ->
    {noreply, answer(T#trace{waiting = [{From, connected} | T#trace.waiting]})};
handle_call({logs, Count}, From, T) ->
    {noreply, answer(T#trace{waiting = [{From, logs, Count} | T#trace.waiting]})};
handle_call(logs, _, T) ->
    {reply, lists:reverse(T#trace.logs), T};
handle_call(websocket, _, T) ->
    {reply, T#trace.last, T};
handle_call(_Stale, _, T) ->
    {reply, ok, T}.

-spec handle_cast(term(), #trace{}) -> {noreply, #trace{}}.
handle_cast({logged, Id, Line}, #trace{id = Id, logs = Logs} = T) ->
    {noreply, answer(T#trace{logs = [oracle_term:normal(Line) | Logs]})};
handle_cast(_, T) ->
    {noreply, T}.

-spec handle_info(term(), #trace{}) -> {noreply, #trace{}}.
handle_info({'DOWN', Ref, process, _, Reason}, #trace{watched = Watched} = T) ->
    case maps:take(Ref, Watched) of
        {{Kind, _}, Rest} -> {noreply, answer(ended(Kind, Reason, T#trace{watched = Rest}))};
        error -> {noreply, T}
    end;
handle_info(_, T) ->
    {noreply, T}.

-spec record(event(), websocket | init | none, pid(), #trace{}) -> #trace{}.
record(Event, none, _, T) ->
    T#trace{events = [oracle_term:normal(Event) | T#trace.events]};
record(Event, Kind, Pid, T) ->
    monitored(Kind, Pid, record(Event, none, Pid, T)).

%% One that is known already is not the latest: its `terminate' may come after the next connection's first callback.
-spec monitored(websocket | init, pid(), #trace{}) -> #trace{}.
monitored(Kind, Pid, #trace{watched = Watched} = T) ->
    case lists:member({Kind, Pid}, maps:values(Watched)) of
        true -> T;
        false -> latest(Kind, Pid, T#trace{watched = Watched#{erlang:monitor(process, Pid) => {Kind, Pid}}})
    end.

-spec latest(websocket | init, pid(), #trace{}) -> #trace{}.
latest(websocket, Pid, T) -> T#trace{last = Pid};
latest(init, _, T) -> T.

-spec ended(websocket | init, term(), #trace{}) -> #trace{}.
ended(websocket, Reason, T) -> T#trace{exits = [oracle_term:normal(Reason) | T#trace.exits]};
ended(init, Reason, T) -> T#trace{init_exits = [oracle_term:normal(Reason) | T#trace.init_exits]}.

-spec answer(#trace{}) -> #trace{}.
answer(#trace{waiting = Waiting} = T) ->
    {Done, Still} = lists:partition(fun(W) -> fulfilled(W, T) end, Waiting),
    [gen_server:reply(element(1, W), ok) || W <- Done],
    T#trace{waiting = Still}.

-spec fulfilled(tuple(), #trace{}) -> boolean().
fulfilled({_, finish}, #trace{watched = Watched}) -> map_size(Watched) =:= 0;
fulfilled({_, logs, Count}, #trace{logs = Logs}) -> length(Logs) >= Count;
fulfilled({_, connected}, #trace{last = Pid}) -> is_pid(Pid);
fulfilled({_, await, exit, Count}, #trace{exits = Exits}) -> length(Exits) >= Count;
fulfilled({_, await, any, Count}, #trace{events = Events}) -> length(Events) >= Count;
fulfilled({_, await, Name, Count}, #trace{events = Events}) ->
    length([E || E <- Events, name(E) =:= Name]) >= Count.

-spec name(event()) -> term().
name(Event) when is_tuple(Event) -> element(1, Event);
name(Event) -> Event.

-spec result(#trace{}) -> result().
result(T) ->
    #{callbacks => lists:reverse(T#trace.events),
      exits => lists:reverse(T#trace.exits),
      init_exits => lists:reverse(T#trace.init_exits)}.
