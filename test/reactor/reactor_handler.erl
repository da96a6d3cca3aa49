%% @doc What the suite for reactors serves, and what it asks of the node that does.
-module(reactor_handler).

-export([init/2, websocket_handle/2]).
-export([listen/0, reactors/0, suspended_while/2, kill_all/0, deliver/2]).

-spec listen() -> inet:port_number().
listen() ->
    {ok, _} = application:ensure_all_started(cowboy),
    Dispatch = cowboy_router:compile([{'_', [{"/ws", ?MODULE, false}, {"/compressed", ?MODULE, true}]}]),
    _ = farrier:stop_listener(?MODULE),
    {ok, _} = farrier:start_listener(?MODULE, #{port => 0, ip => {127, 0, 0, 1}, dispatch => Dispatch}),
    farrier:get_port(?MODULE).

%% The processes that read, with the reductions of each.
-spec reactors() -> [{pid(), non_neg_integer()}].
reactors() ->
    [{Pid, Reductions} || {_, Pid, _, _} <- supervisor:which_children(farrier_reactor_sup), is_pid(Pid),
        {reductions, Reductions} <- [process_info(Pid, reductions)]].

%% Keeps a process from running until another one is told so.
-spec suspended_while(pid(), reference()) -> pid().
suspended_while(Pid, Ref) ->
    spawn(fun() ->
        erlang:suspend_process(Pid),
        receive Ref -> erlang:resume_process(Pid) end
    end).

-spec kill_all() -> ok.
kill_all() -> lists:foreach(fun({Pid, _}) -> exit(Pid, kill) end, reactors()).

%% Texts to a connection's process, as if so many changes of its reactor's seat had gone before each. It sees none before all are there.
-spec deliver(pid(), [{binary(), pos_integer()}]) -> ok.
deliver(Pid, Texts) ->
    erlang:suspend_process(Pid),
    [Pid ! {'$farrier', [{text, Text}], 0, 0, Change} || {Text, Change} <- Texts],
    erlang:resume_process(Pid),
    ok.

%%% The handler

-spec init(cowboy_req:req(), Compress :: boolean()) -> term().
init(Req, Compress) -> {cowboy_websocket, Req, [], #{compress => Compress, idle_timeout => infinity, max_frame_size => infinity}}.

-spec websocket_handle(term(), []) -> term().
websocket_handle({text, <<"work">>}, State) ->
    work(erlang:monotonic_time(microsecond) + 1000),
    {[{text, integer_to_binary(erlang:system_info(scheduler_id))}], State};
websocket_handle({text, <<"die">>}, _) ->
    exit(asked);
websocket_handle({Type, Payload}, State) when Type =:= text; Type =:= binary ->
    {[{Type, Payload}], State};
websocket_handle(_, State) ->
    {ok, State}.

-spec work(integer()) -> ok.
work(End) ->
    case erlang:monotonic_time(microsecond) of
        Now when Now >= End -> ok;
        _ -> work(End)
    end.
