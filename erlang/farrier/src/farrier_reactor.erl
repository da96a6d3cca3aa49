%% Reads the sockets of one of the native side's reactors while many have something to read, in turn with the processes of its
%% scheduler that handle the messages. All that it costs to wake and feed those from another core is saved.
%%
%% Which scheduler a process runs on is the VM's business, and it has no documented way to say so. What is called here
%% has been in OTP since R13; where it ever fails, reactors' own threads read, as they do while little is to be read.
-module(farrier_reactor).

-export([start_link/2, follow/1]).
-export([init/3, system_continue/3, system_terminate/4, system_code_change/4]).

%% `process_flag/2' has no specification for `scheduler', so dialyzer takes it that this always fails.
-dialyzer({nowarn_function, [set_scheduler/1]}).
-dialyzer({no_match, [init/3]}).

%% @doc Starts the process of a reactor on the scheduler of this number. It does nothing where that can't be had.
-spec start_link(farrier_nif:reactor(), pos_integer()) -> {ok, pid()} | ignore.
start_link(Reactor, Scheduler) ->
    proc_lib:start_link(?MODULE, init, [self(), Reactor, Scheduler]).

%% @doc Moves the calling process to the scheduler that has read for it, unless it is there, or a thread has read: 0. It is not
%% bound to it: the VM may move it again.
-spec follow(non_neg_integer()) -> ok.
follow(0) ->
    ok;
follow(Scheduler) ->
    case erlang:system_info(scheduler_id) of
        Scheduler ->
            ok;
        _ ->
            %% A process that is bound to a scheduler which has been taken off line since waits for as long as that is.
            _ = Scheduler =< erlang:system_info(schedulers_online) andalso set_scheduler(Scheduler) andalso set_scheduler(0),
            ok
    end.

%% Binds the calling process to a scheduler; 0 unbinds it, and leaves it there.
-spec set_scheduler(non_neg_integer()) -> boolean().
set_scheduler(Scheduler) ->
    try erlang:process_flag(scheduler, Scheduler) of
        _ -> true
    catch
        error:_ -> false
    end.

-spec init(pid(), farrier_nif:reactor(), pos_integer()) -> no_return().
init(Parent, Reactor, Scheduler) ->
    case set_scheduler(Scheduler) of
        true ->
            ok = farrier_nif:sit(Reactor, Scheduler),
            proc_lib:init_ack(Parent, {ok, self()}),
            loop(Parent, Reactor, infinity);
        false ->
            proc_lib:init_ack(Parent, ignore),
            exit(normal)
    end.

%% `Wait' is 0 between two turns and `infinity' before the first.
-spec loop(pid(), farrier_nif:reactor(), 0 | infinity) -> no_return().
loop(Parent, Reactor, Wait) ->
    receive
        {system, From, Request} -> sys:handle_system_msg(Request, From, Parent, ?MODULE, [], {Reactor, Wait});
        '$farrier_turn' -> turn(Parent, Reactor);
        _ -> loop(Parent, Reactor, Wait)
    after Wait ->
        turn(Parent, Reactor)
    end.

-spec turn(pid(), farrier_nif:reactor()) -> no_return().
turn(Parent, Reactor) ->
    case farrier_nif:turn(Reactor) of
        true ->
            erlang:yield(),
            loop(Parent, Reactor, 0);
        false ->
            loop(Parent, Reactor, infinity)
    end.

-spec system_continue(pid(), [sys:dbg_opt()], {farrier_nif:reactor(), 0 | infinity}) -> no_return().
system_continue(Parent, _Debug, {Reactor, Wait}) ->
    loop(Parent, Reactor, Wait).

-spec system_terminate(term(), pid(), [sys:dbg_opt()], term()) -> no_return().
system_terminate(Reason, _Parent, _Debug, _State) ->
    exit(Reason).

-spec system_code_change(State, module(), term(), term()) -> {ok, State}.
system_code_change(State, _Module, _OldVersion, _Extra) ->
    {ok, State}.
