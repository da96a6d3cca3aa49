%% @doc A server under test in a VM of its own: real Cowboy or farrier, told apart by nothing but the code path.
%%
%% The functions under `in the node' run over there; everything else runs in the test node.
-module(oracle_node).

-export([start/1, start/2, hold/1, hold/2, stop/1, oracle_path/0, farrier_path/0, root/0]).
-export([boot/0, listen/1, unlisten/1, ask/2]).

-type generation() :: 0 | 1 | 2.

%% Starts a VM that has `Path' and the suites' own modules in its code path, and Cowboy in it.
-spec start([file:filename()]) -> pid().
start(Path) -> start(Path, [{"ERL_LIBS", ""}], []).

%% The same with a bridge of the caller's choice, whatever the suites run on.
-spec start([file:filename()], nif | port) -> pid().
start(Path, Bridge) -> start(Path, [{"ERL_LIBS", ""}, {"ERL_FLAGS", ""}], ["-farrier", "bridge", atom_to_list(Bridge)]).

-spec start([file:filename()], [{string(), string()}], [string()]) -> pid().
start(Path, Env, Flags) ->
    Own = filename:dirname(code:which(?MODULE)),
    Args = Flags ++ lists:append([["-pa", Dir] || Dir <- [Own | Path]]),
    {ok, Peer, _} = peer:start_link(#{connection => standard_io, args => Args, env => Env}),
    ok = peer:call(Peer, ?MODULE, boot, [], 30000),
    Peer.

%% The same for a suite: Common Test runs init_per_suite in a process that does not last, and the node must.
-spec hold([file:filename()]) -> pid().
hold(Path) -> held(fun() -> start(Path) end).

-spec hold([file:filename()], nif | port) -> pid().
hold(Path, Bridge) -> held(fun() -> start(Path, Bridge) end).

-spec held(fun(() -> pid())) -> pid().
held(Start) ->
    Self = self(),
    Holder = spawn(fun() ->
        Self ! {self(), Start()},
        receive stop -> ok end
    end),
    receive {Holder, Peer} -> Peer end.

-spec stop(pid()) -> ok.
stop(Peer) ->
    peer:stop(Peer).

%% Code path of the real Cowboy: FARRIER_ORACLE_PLUGINS, or where `make deps' unpacks it.
-spec oracle_path() -> {ok, [file:filename()]} | {error, missing}.
oracle_path() ->
    Plugins = case os:getenv("FARRIER_ORACLE_PLUGINS") of
        false -> filename:join(root(), "_build/oracle/usr/lib/rabbitmq/lib/*/plugins");
        Named -> Named
    end,
    Found = lists:append([filelib:wildcard(filename:join([Plugins, Name ++ "-*", "ebin"])) || Name <- ["cowboy", "cowlib", "ranch"]]),
    case length(Found) of
        3 -> {ok, Found};
        _ -> {error, missing}
    end.

%% The repository's directory. rebar3 compiles copies of the tests below it, unless told to build elsewhere; its links to
%% the applications' sources lead back in any case.
-spec root() -> file:filename().
root() ->
    Lib = filename:dirname(filename:dirname(code:which(farrier))),
    {ok, Link} = file:read_link(filename:join(Lib, "src")),
    root(filename:absname(Link, Lib)).

-spec root(file:filename()) -> file:filename().
root(Dir) ->
    case {filelib:is_regular(filename:join(Dir, "Cargo.toml")), filename:dirname(Dir)} of
        {true, _} -> Dir;
        {false, Dir} -> error(not_in_a_repository);
        {false, Parent} -> root(Parent)
    end.

%% Code path of farrier, as the test node has it.
-spec farrier_path() -> {ok, [file:filename()]} | {error, missing}.
farrier_path() ->
    Dirs = [filename:dirname(File) || Module <- [farrier, cowboy, ranch],
                                      File <- [code:which(Module)], is_list(File)],
    case length(Dirs) >= 2 of
        true -> {ok, Dirs};
        false -> {error, missing}
    end.

%%% In the node.

-spec boot() -> ok.
boot() ->
    {ok, _} = oracle_trace:start(),
    ok = oracle_log:install(),
    {ok, _} = application:ensure_all_started(cowboy),
    ok.

%% Starts the scenario's listener on a port of the system's choice.
-spec listen(map()) -> inet:port_number().
listen(#{id := Id} = Scenario) ->
    ok = oracle_trace:reset(Id),
    {ok, _} = start_listener(maps:get(generation, Scenario, 2), Scenario),
    ranch:get_port(ref(Scenario)).

%% Calls a scenario's fun with the process of its latest WebSocket connection, `undefined' where there is none.
-spec ask(integer(), fun((map()) -> term())) -> term().
ask(Id, Fun) ->
    Value = try Fun(#{ref => {oracle, Id}, pid => oracle_trace:websocket()})
    catch Class:Reason -> {Class, Reason}
    end,
    oracle_term:normal(Value).

-spec start_listener(generation(), map()) -> {ok, pid()} | {error, term()}.
start_listener(2, Scenario) ->
    Proto = maps:get(proto, Scenario, #{}),
    Env = maps:merge(#{dispatch => dispatch(Scenario)}, maps:get(env, Proto, #{})),
    cowboy:start_clear(ref(Scenario), transport(Scenario), Proto#{env => Env});
start_listener(1, Scenario) ->
    Proto = maps:get(proto, Scenario, []),
    Env = [{dispatch, dispatch(Scenario)} | proplists:get_value(env, Proto, [])],
    cowboy:start_http(ref(Scenario), 4, transport(Scenario), [{env, Env} | proplists:delete(env, Proto)]);
start_listener(0, #{handler := Handler} = Scenario) ->
    Dispatch = [{'_', [{[<<"ws">>], Handler, script(Scenario)}]}],
    cowboy:start_listener(ref(Scenario), 4, cowboy_tcp_transport, transport(Scenario), cowboy_http_protocol, [{dispatch, Dispatch}]).

-spec transport(map()) -> [term()].
transport(Scenario) -> [{port, 0} | maps:get(transport, Scenario, [])].

-spec dispatch(map()) -> term().
dispatch(#{routes := Routes} = Scenario) ->
    Script = script(Scenario),
    cowboy_router:compile(Routes(Script));
dispatch(Scenario) ->
    Handler = maps:get(handler, Scenario, default_handler(maps:get(generation, Scenario, 2))),
    cowboy_router:compile([{'_', [{"/ws", Handler, script(Scenario)}]}]).

-spec default_handler(generation()) -> module().
default_handler(2) -> oracle_handler;
default_handler(1) -> oracle_handler_1.

-spec script(map()) -> map().
script(#{id := Id, name := Name} = Scenario) ->
    maps:merge(#{id => Id, name => Name}, maps:get(script, Scenario, #{})).

-spec ref(map()) -> term().
ref(#{id := Id}) -> {oracle, Id}.

-spec unlisten(map()) -> ok | {error, not_found}.
unlisten(Scenario) ->
    %% Ranch 2.1 raises badarg for a listener that is gone.
    try cowboy:stop_listener(ref(Scenario))
    catch error:badarg -> {error, not_found}
    end.
