%% Starts a process for every request that the native side hands over, and supervises it.
%%
%% A supervisor of its own kind, because one is asked for every request: it keeps no child specifications, never
%% restarts a child and finds a dead one in constant time. To `supervisor:which_children/1', `observer' and `sys' it
%% looks like any other supervisor. A listener has several, one per scheduler by default, so that none of them is a
%% bottleneck.
-module(farrier_connection_sup).

-export([start_link/3, children/1, drain/1, welcome/1, shutdown/1, upgraded/0, logged/0]).
-export([init/4, system_continue/3, system_terminate/4, system_code_change/4, system_get_state/1]).

%% A request.
-record(child, {
    handle :: term(),
    %% By which the bridge tells that its client went away before the end of the response.
    watch :: reference() | none,
    %% What has been said about its coming exit, so that it is logged once.
    said = running :: running | logged
}).

-record(sup, {
    parent :: pid(),
    %% What it needs of the listener's configuration.
    config :: map(),
    %% Of a WebSocket nothing is kept but its process: there may be very many.
    children = #{} :: #{pid() => #child{} | websocket},
    %% Whose client each word of the bridge is about.
    watches = #{} :: #{reference() => pid()},
    %% Whether new children are told at once to end their session.
    draining = false :: boolean(),
    %% Callers of drain/1, answered once no child is left.
    waiting = [] :: [gen_server:from()]
}).

-spec start_link(farrier:ref(), pos_integer(), map()) -> {ok, pid()} | {error, term()}.
start_link(Ref, N, Config) ->
    proc_lib:start_link(?MODULE, init, [self(), Ref, N, Config]).

%% @doc The processes that it has started and that live.
-spec children(pid()) -> [pid()].
children(Sup) ->
    gen_server:call(Sup, children, infinity).

%% @doc Ends every session with close code 1001. The answer comes once no child is left.
-spec drain(pid()) -> gen_server:request_id().
drain(Sup) ->
    gen_server:send_request(Sup, drain).

%% @doc Ends draining.
-spec welcome(pid()) -> ok.
welcome(Sup) ->
    gen_server:call(Sup, welcome, infinity).

%% @doc Ends every child as a stop of the listener does, but goes on.
-spec shutdown(pid()) -> ok.
shutdown(Sup) ->
    gen_server:call(Sup, shutdown, infinity).

%% @doc Said by a child whose request has become a WebSocket.
-spec upgraded() -> ok.
upgraded() ->
    hd(get('$ancestors')) ! {'$farrier_upgraded', self()},
    ok.

%% @doc Said by a child that has logged its own crash. It reaches the parent before the exit signal does, because
%% signals between two processes keep their order.
-spec logged() -> ok.
logged() ->
    hd(get('$ancestors')) ! {'$farrier_logged', self()},
    ok.

-spec init(pid(), farrier:ref(), pos_integer(), map()) -> no_return().
init(Parent, Ref, N, Config) ->
    process_flag(trap_exit, true),
    farrier_listener:register_acceptor(Ref, N, self()),
    proc_lib:init_ack(Parent, {ok, self()}),
    loop(#sup{parent = Parent, config = Config}).

%% Only these come in: requests from the native side, what has become of them, the loss of a request's client, exits of children (linked, so
%% each comes exactly once), the word of `logged/0', and the questions that any OTP process answers.
-spec loop(#sup{}) -> no_return().
loop(#sup{parent = Parent, watches = Watches} = Sup) ->
    receive
        {'$farrier_accept', Handle} ->
            loop(accept(Handle, Sup));
        {Watch, {error, closed}} when is_map_key(Watch, Watches) ->
            lost(map_get(Watch, Watches), Sup),
            loop(Sup);
        {'EXIT', Parent, Reason} ->
            stop(Reason, Sup);
        {'EXIT', Pid, Reason} ->
            loop(child_exit(Pid, Reason, Sup));
        {'$farrier_upgraded', Pid} ->
            loop(child_upgraded(Pid, Sup));
        {'$farrier_logged', Pid} ->
            loop(child_logged(Pid, Sup));
        {'$gen_call', From, Question} ->
            loop(answer(Question, From, Sup));
        {system, From, Request} ->
            sys:handle_system_msg(Request, From, Parent, ?MODULE, [], Sup);
        _ ->
            loop(Sup)
    end.

-spec accept(term(), #sup{}) -> #sup{}.
accept(Handle, #sup{config = Config, children = Children, draining = Draining} = Sup) ->
    #{bridge := Bridge, ref := Ref} = Config,
    Watch = watch(Handle, Config),
    Pid = farrier_connection:start_link(Bridge, Handle, Ref),
    _ = Draining andalso farrier_connection:drain(Pid),
    watched(Watch, Pid, Sup#sup{children = Children#{Pid => #child{handle = Handle, watch = Watch}}}).

%% A request's process of Cowboy 2 is shut down when its client goes away, as by its connection's process there. In
%% Cowboy 1 it is that process, which notices when it uses the socket. Asked before the child can upgrade, which ends
%% the watch.
-spec watch(term(), map()) -> reference() | none.
watch(Handle, #{generation := 2, bridge := Bridge}) ->
    Watch = make_ref(),
    case Bridge:await_closed(Handle, Watch) of
        ok -> Watch;
        {error, closed} -> none
    end;
watch(_, _) ->
    none.

-spec watched(reference() | none, pid(), #sup{}) -> #sup{}.
watched(none, _, Sup) -> Sup;
watched(Watch, Pid, #sup{watches = Watches} = Sup) -> Sup#sup{watches = Watches#{Watch => Pid}}.

%% The word may have been on its way when the child upgraded: its session is told by an event.
-spec lost(pid(), #sup{}) -> ok.
lost(Pid, #sup{children = Children, config = #{bridge := Bridge}}) ->
    #child{handle = Handle} = map_get(Pid, Children),
    _ = Bridge:response_state(Handle) =:= upgraded orelse exit(Pid, shutdown),
    ok.

-spec child_upgraded(pid(), #sup{}) -> #sup{}.
child_upgraded(Pid, #sup{children = Children, watches = Watches} = Sup) ->
    case Children of
        #{Pid := #child{watch = Watch}} ->
            Sup#sup{children = Children#{Pid := websocket}, watches = maps:remove(Watch, Watches)};
        _ ->
            Sup
    end.

-spec child_logged(pid(), #sup{}) -> #sup{}.
child_logged(Pid, #sup{children = Children} = Sup) ->
    case Children of
        #{Pid := #child{} = Child} -> Sup#sup{children = Children#{Pid := Child#child{said = logged}}};
        _ -> Sup
    end.

-spec child_exit(pid(), term(), #sup{}) -> #sup{}.
child_exit(Pid, Reason, #sup{children = Children0, watches = Watches} = Sup) ->
    case maps:take(Pid, Children0) of
        {websocket, Children} ->
            log(Reason, Pid, Sup),
            released(Sup#sup{children = Children});
        {#child{watch = Watch, said = Said}, Children} ->
            _ = Said =:= logged orelse log(Reason, Pid, Sup),
            released(Sup#sup{children = Children, watches = maps:remove(Watch, Watches)});
        error ->
            Sup
    end.

-spec released(#sup{}) -> #sup{}.
released(#sup{children = Children, waiting = Waiting} = Sup) when map_size(Children) =:= 0 ->
    [gen_server:reply(From, ok) || From <- Waiting],
    Sup#sup{waiting = []};
released(Sup) ->
    Sup.

%% What ranch logs, so that what searches logs for it still finds it.
-spec log(term(), pid(), #sup{}) -> ok.
log(normal, _, _) -> ok;
log(shutdown, _, _) -> ok;
log({shutdown, _}, _, _) -> ok;
log(Reason, Pid, #sup{config = #{ref := Ref, generation := Generation, logger := Logger}}) when Generation =/= 2 ->
    farrier_connection:log(Logger,
        "Ranch listener ~p had connection process started with ~p:start_link/4 at ~p exit with reason: ~999999p~n",
        [Ref, cowboy_protocol, Pid, Reason]);
log(Reason, Pid, #sup{config = #{ref := Ref, logger := Logger}}) ->
    farrier_connection:log(Logger,
        "Ranch listener ~p had connection process started with ~p:start_link/3 at ~p exit with reason: ~0p~n",
        [Ref, cowboy_clear, Pid, Reason]).

-spec answer(term(), gen_server:from(), #sup{}) -> #sup{}.
answer(drain, From, #sup{children = Children, waiting = Waiting} = Sup) ->
    [farrier_connection:drain(Pid) || Pid <- maps:keys(Children)],
    released(Sup#sup{draining = true, waiting = [From | Waiting]});
answer(shutdown, From, Sup) ->
    Stopped = stop_children(Sup),
    gen_server:reply(From, ok),
    released(Stopped);
answer(welcome, From, Sup) ->
    gen_server:reply(From, ok),
    Sup#sup{draining = false};
answer(Question, From, Sup) ->
    gen_server:reply(From, reply(Question, Sup)),
    Sup.

-spec reply(term(), #sup{}) -> term().
reply(children, #sup{children = Children}) ->
    maps:keys(Children);
reply(which_children, #sup{children = Children}) ->
    [{farrier_connection, Pid, worker, [farrier_connection]} || Pid <- maps:keys(Children)];
reply(count_children, #sup{children = Children}) ->
    Count = map_size(Children),
    [{specs, 1}, {active, Count}, {supervisors, 0}, {workers, Count}];
reply({start_child, _}, _) ->
    {error, start_child_disabled};
reply(_, _) ->
    {error, not_found}.

-spec stop(term(), #sup{}) -> no_return().
stop(Reason, Sup) ->
    _ = stop_children(Sup),
    exit(Reason).

%% Children that trap exits get the time that `shutdown' allows. Requests that arrive meanwhile stay in the mailbox, and
%% those that wait for an answer lose their connection, as in Cowboy.
-spec stop_children(#sup{}) -> #sup{}.
stop_children(#sup{children = Children, config = #{shutdown := brutal_kill}} = Sup) ->
    [exit(Pid, kill) || Pid <- maps:keys(Children)],
    await_exits(Sup);
stop_children(#sup{config = #{shutdown := infinity}} = Sup) ->
    shut_down(Sup),
    await_exits(Sup);
stop_children(#sup{config = #{shutdown := Timeout}} = Sup) ->
    shut_down(Sup),
    Timer = erlang:start_timer(Timeout, self(), kill),
    Stopped = await_exits(Sup),
    _ = erlang:cancel_timer(Timer),
    receive
        {timeout, Timer, kill} -> Stopped
    after 0 -> Stopped
    end.

-spec shut_down(#sup{}) -> ok.
shut_down(#sup{children = Children, config = Config}) ->
    maps:foreach(
        fun(Pid, Child) ->
            hang_up(Child, Config),
            exit(Pid, shutdown)
        end,
        Children
    ).

%% Where the death of a request's process would be answered, the connection has to end before it.
-spec hang_up(#child{} | websocket, map()) -> ok.
hang_up(#child{handle = Handle}, #{generation := 2, bridge := Bridge}) ->
    _ = Bridge:response_state(Handle) =:= upgraded orelse Bridge:close(Handle, []),
    ok;
hang_up(_, _) ->
    ok.

-spec await_exits(#sup{}) -> #sup{}.
await_exits(#sup{children = Children} = Sup) when map_size(Children) =:= 0 ->
    Sup;
await_exits(#sup{parent = Parent, children = Children} = Sup) ->
    receive
        {'EXIT', Pid, killed} when Pid =/= Parent, is_map_key(Pid, Children) ->
            await_exits(child_exit(Pid, shutdown, Sup));
        {'EXIT', Pid, Reason} when Pid =/= Parent ->
            await_exits(child_exit(Pid, Reason, Sup));
        {timeout, _, kill} ->
            [exit(Pid, kill) || Pid <- maps:keys(Children)],
            await_exits(Sup)
    end.

-spec system_continue(pid(), [sys:dbg_opt()], #sup{}) -> no_return().
system_continue(_Parent, _Debug, Sup) ->
    loop(Sup).

-spec system_terminate(term(), pid(), [sys:dbg_opt()], #sup{}) -> no_return().
system_terminate(Reason, _Parent, _Debug, Sup) ->
    stop(Reason, Sup).

-spec system_code_change(#sup{}, module(), term(), term()) -> {ok, #sup{}}.
system_code_change(Sup, _Module, _OldVsn, _Extra) ->
    {ok, Sup}.

-spec system_get_state(#sup{}) -> {ok, #sup{}}.
system_get_state(Sup) ->
    {ok, Sup}.
