%% Owns one native listener and the configuration that its connections read.
%%
%% The configuration is one map in `persistent_term' under `{farrier, Ref}': every request reads it, nobody
%% copies it. Only this process writes it, so that two changes at once don't lose one another.
-module(farrier_listener).
-behaviour(gen_server).

-include_lib("kernel/include/logger.hrl").

%% The registry.
-export([create_registry/0, register_acceptor/3, acceptors/1, refs/0, whereis/1]).
%% The process.
-export([start_link/2, options/2, config/1, forget/1, call/2]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2, terminate/2]).

-export_type([config/0, options/0, request/0]).

-type config() :: #{
    ref := farrier:ref(),
    generation := farrier_handler:generation(),
    draft := boolean(),
    %% Whether the handlers' `cowboy_req' is a real Cowboy's.
    beside := boolean(),
    bridge := module(),
    env := farrier_handler:env(),
    middlewares := [module()],
    protocol := map(),
    transport_options := term(),
    protocol_options := term(),
    acceptors := pos_integer(),
    shutdown := timeout() | brutal_kill,
    send_timeout := timeout(),
    logger := module(),
    %% As it was changed since the start.
    tls => fun(() -> map()),
    supervisor => pid()
}.
-type options() :: #{config := config(), bridge := map()}.
-type request() ::
    info
    | suspend
    | resume
    | {configure, map()}
    | {tls, farrier_tls:options() | same}
    | {protocol, map()}
    | {update, fun((config()) -> config())}.

-record(listener, {
    ref :: farrier:ref(),
    bridge :: module(),
    native :: term(),
    address :: farrier_bridge:address(),
    status = running :: running | suspended,
    options :: map()
}).

%% Those that can change while the listener runs.
-define(HTTP_OPTIONS, [
    request_timeout, max_keepalive, max_request_line_length, max_method_length, max_header_name_length,
    max_header_value_length, max_authorization_header_value_length, max_cookie_header_value_length,
    max_authority_length, max_headers, max_empty_lines, max_skip_body_length, proxy_header
]).
-define(BRIDGE_OPTIONS, [
    ip, port, backlog, nodelay, keepalive, ipv6_v6only, sndbuf, recbuf, num_listen_sockets, reuse_port, linger,
    priority, tos, tclass, bind_to_device, max_connections, linger_timeout,
    read_ahead, high_watermark, low_watermark, owner_death, tls, enable_connect_protocol,
    max_concurrent_streams, max_cancel_stream_rate, idle_timeout
    | ?HTTP_OPTIONS
]).

%%% The registry: who serves which listener. Supervisors can't ask it of one another while they start.

-spec create_registry() -> ok.
create_registry() ->
    ?MODULE = ets:new(?MODULE, [named_table, public, ordered_set, {read_concurrency, true}]),
    ok.

-spec register_acceptor(farrier:ref(), pos_integer(), pid()) -> ok.
register_acceptor(Ref, N, Pid) ->
    true = ets:insert(?MODULE, {{acceptor, Ref, N}, Pid}),
    ok.

%% @doc The supervisors of a listener's connections.
-spec acceptors(farrier:ref()) -> [pid()].
acceptors(Ref) ->
    [Pid || [Pid] <- ets:match(?MODULE, {{acceptor, Ref, '_'}, '$1'}), is_process_alive(Pid)].

%% @doc All listeners.
-spec refs() -> [farrier:ref()].
refs() ->
    [Ref || [Ref] <- ets:match(?MODULE, {{listener, '$1'}, '_'})].

-spec whereis(farrier:ref()) -> pid() | undefined.
whereis(Ref) ->
    case ets:whereis(?MODULE) =/= undefined andalso ets:lookup(?MODULE, {listener, Ref}) of
        [{_, Pid}] -> Pid;
        _ -> undefined
    end.

%%% Options

%% @doc Sorts a listener's options into its configuration and what the bridge gets. `farrier:start_listener/2'
%% documents them.
-spec options(farrier:ref(), map()) -> {ok, options()} | {error, term()}.
options(Ref, #{socket := Socket} = Options) when is_map(Socket) ->
    options(Ref, maps:merge(Socket, maps:remove(socket, Options)));
options(Ref, Options) when is_map(Options) ->
    try
        Generation = value(generation, Options, 2),
        Config = maps:map(fun(Name, Default) -> value(Name, Options, Default) end, defaults(Generation)),
        Bridge = with_path(with_tls(Generation, maps:with(?BRIDGE_OPTIONS, Options))),
        [bad_option(Name, Value, "an option that farrier:start_listener/2 documents")
            || {Name, Value} <- maps:to_list(maps:without(?BRIDGE_OPTIONS, Options)),
            not is_map_key(Name, Config), Name =/= dispatch],
        {ok, #{
            config => environment(Options, Config#{ref => Ref, beside => farrier_beside:is_needed()}),
            bridge => maps:merge(by_generation(Generation), Bridge)
        }}
    catch
        throw:{bad_option, _, _, _} = Reason -> {error, Reason}
    end;
options(_, Options) ->
    {error, {bad_option, options, Options, <<"a map">>}}.

-spec with_tls(farrier_handler:generation(), map()) -> map().
with_tls(Generation, #{tls := Given} = Bridge) ->
    case farrier_tls:options(Generation, Given) of
        {ok, Tls} -> Bridge#{tls := hidden(Tls)};
        {error, Reason} -> throw(Reason)
    end;
with_tls(_, Bridge) ->
    Bridge.

%% A Unix socket has an option of its own there.
-spec with_path(map()) -> map().
with_path(#{ip := {local, Path}} = Bridge) -> (maps:remove(ip, Bridge))#{local => Path};
with_path(Bridge) -> Bridge.

%% Keys have no place in reports of a crash.
-spec hidden(map()) -> fun(() -> map()).
hidden(Tls) -> fun() -> Tls end.

-spec shown(map()) -> map().
shown(#{tls := Tls} = Options) -> Options#{tls := Tls()};
shown(Options) -> Options.

-spec defaults(farrier_handler:generation()) -> map().
defaults(Generation) ->
    #{
        generation => Generation,
        draft => false,
        bridge => farrier_bridge:module(application:get_env(farrier, bridge, nif)),
        env => #{},
        middlewares => middlewares(Generation),
        protocol => #{},
        transport_options => [],
        protocol_options => [],
        acceptors => erlang:system_info(schedulers_online),
        shutdown => 5000,
        send_timeout => 30000,
        logger => error_logger
    }.

-spec middlewares(farrier_handler:generation()) -> [module()].
middlewares(0) -> [farrier_dispatch_0, cowboy_handler];
middlewares(_) -> [cowboy_router, cowboy_handler].

%% What the transport itself answers differs between the generations: a Cowboy 1 connection dies with its process, a
%% Cowboy 2 connection outlives its requests' processes and says HTTP/1.1 even to HTTP/1.0 clients.
-spec by_generation(farrier_handler:generation()) -> map().
by_generation(2) -> #{owner_death => internal_server_error, http10_status_line => 'HTTP/1.1'};
by_generation(_) -> #{owner_death => close, http10_status_line => 'HTTP/1.0'}.

-spec value(atom(), map(), term()) -> term().
value(Name, Options, Default) ->
    case Options of
        #{Name := Value} -> check(Name, Value);
        _ -> Default
    end.

-spec check(atom(), term()) -> term().
check(generation, V) when V =:= 0; V =:= 1; V =:= '2pre'; V =:= 2 -> V;
check(generation, V) ->
    bad_option(generation, V, "0 (Cowboy 0.2 to 0.6), 1 (0.8 to 1.1), '2pre' (2.0.0-pre.1 to pre.3) or 2 (2.x)");
check(draft, V) when is_boolean(V) -> V;
check(draft, V) -> bad_option(draft, V, "true or false");
check(bridge, V) when is_atom(V) -> farrier_bridge:module(V);
check(bridge, V) -> bad_option(bridge, V, "nif, port or auto");
check(env, V) when is_map(V); is_list(V) -> V;
check(env, V) -> bad_option(env, V, "a map or a property list");
check(middlewares, V) when is_list(V) -> V;
check(middlewares, V) -> bad_option(middlewares, V, "a list of modules");
check(protocol, V) when is_map(V) -> V;
check(protocol, V) -> bad_option(protocol, V, "a map");
check(acceptors, V) when is_integer(V), V > 0 -> V;
check(acceptors, V) -> bad_option(acceptors, V, "a positive integer");
check(shutdown, V) when V =:= brutal_kill; V =:= infinity; is_integer(V), V >= 0 -> V;
check(shutdown, V) -> bad_option(shutdown, V, "milliseconds, infinity or brutal_kill");
check(send_timeout, V) when V =:= infinity; is_integer(V), V >= 0 -> V;
check(send_timeout, V) -> bad_option(send_timeout, V, "milliseconds or infinity");
check(logger, V) when is_atom(V) -> V;
check(logger, V) -> bad_option(logger, V, "a module that exports error/2");
check(_, V) -> V.

-spec bad_option(atom(), term(), string()) -> no_return().
bad_option(Name, Value, Allowed) ->
    throw({bad_option, Name, Value, list_to_binary(Allowed)}).

%% The environment in the shape of the listener's generation.
%% Middlewares of Cowboy 1 get a property list that names the listener, those of Cowboy 2 a map.
-spec environment(map(), config()) -> config().
environment(Options, #{ref := Ref, generation := Generation, env := Env} = Config) ->
    Given = lists:ukeysort(1, maps:to_list(maps:with([dispatch], Options)) ++ pairs(Env)),
    case Generation of
        2 -> Config#{env := maps:from_list(Given)};
        _ -> Config#{env := [{listener, Ref} | lists:keydelete(listener, 1, Given)]}
    end.

-spec pairs(map() | proplists:proplist()) -> [{term(), term()}].
pairs(Env) when is_map(Env) -> maps:to_list(Env);
pairs(Env) -> proplists:unfold(Env).

%%% The process

-spec start_link(farrier:ref(), options()) -> {ok, pid()} | ignore | {error, term()}.
start_link(Ref, Options) ->
    gen_server:start_link(?MODULE, {Ref, Options}, []).

%% @doc The configuration of a listener, `undefined' once it has stopped.
-spec config(farrier:ref()) -> config() | undefined.
config(Ref) ->
    persistent_term:get({farrier, Ref}, undefined).

%% @doc Forgets the configuration. The listener's supervisor has stopped.
-spec forget(farrier:ref()) -> ok.
forget(Ref) ->
    _ = persistent_term:erase({farrier, Ref}),
    ok.

%% @doc Asks a listener's process. Exits with `badarg' like ranch for a listener that isn't there.
-spec call(farrier:ref(), request()) -> term().
call(Ref, Request) ->
    case ?MODULE:whereis(Ref) of
        undefined -> error(badarg, [Ref]);
        Pid -> gen_server:call(Pid, Request, infinity)
    end.

-spec init({farrier:ref(), options()}) -> {ok, #listener{}} | {stop, term()}.
init({Ref, #{config := #{bridge := Bridge} = Config, bridge := Options}}) ->
    process_flag(trap_exit, true),
    Current = configuration(Ref, Config),
    Changed = maps:merge(Options, maps:with([tls], Current)),
    case listen(Bridge, shown(Changed), acceptors(Ref)) of
        {ok, Native, Address} ->
            store(Current),
            true = ets:insert(?MODULE, {{listener, Ref}, self()}),
            {ok, #listener{ref = Ref, bridge = Bridge, native = Native, address = Address, options = Changed}};
        {error, Reason} ->
            ?LOG_ERROR("The listener ~0tp did not start: ~0tp (~ts)", [Ref, Reason, explain(Reason)]),
            {stop, {shutdown, {listen_error, Ref, Reason}}}
    end.

-spec listen(module(), map(), [pid()]) -> {ok, farrier_bridge:listener(), farrier_bridge:address()} | {error, term()}.
listen(Bridge, Options, Acceptors) ->
    case farrier_bridge:ensure_started(Bridge) of
        ok -> Bridge:listen(Options, Acceptors);
        {error, _} = Error -> Error
    end.

%% A listener that its supervisor restarts goes on with what was changed since the start.
-spec configuration(farrier:ref(), config()) -> config().
configuration(Ref, Config) ->
    Supervisor = hd(get('$ancestors')),
    case config(Ref) of
        #{supervisor := Supervisor} = Changed -> Changed;
        _ -> Config#{supervisor => Supervisor}
    end.

-spec store(config()) -> ok.
store(#{ref := Ref} = Config) ->
    persistent_term:put({farrier, Ref}, Config).

-spec explain(term()) -> io_lib:chars().
explain(Posix) when is_atom(Posix) -> inet:format_error(Posix);
explain({bad_option, Name, _, Allowed}) -> io_lib:format("~0tp must be ~ts", [Name, Allowed]);
explain(_) -> "see the reason".

-spec handle_call(request(), gen_server:from(), #listener{}) -> {reply, term(), #listener{}}.
handle_call(info, _From, L) ->
    {reply, information(L), L};
handle_call(suspend, _From, #listener{status = suspended} = L) ->
    {reply, ok, L};
handle_call(suspend, _From, #listener{bridge = Bridge, native = Native} = L) ->
    {reply, Bridge:suspend(Native), L#listener{status = suspended}};
handle_call(resume, _From, #listener{status = running} = L) ->
    {reply, ok, L};
handle_call(resume, _From, #listener{ref = Ref, bridge = Bridge, native = Native} = L) ->
    case Bridge:resume(Native) of
        ok ->
            [ok = farrier_connection_sup:welcome(Pid) || Pid <- acceptors(Ref)],
            {reply, ok, L#listener{status = running}};
        {error, _} = Error ->
            {reply, Error, L}
    end;
handle_call({configure, Changes}, _From, L) ->
    configure(Changes, L);
handle_call({tls, _}, _From, #listener{options = Options} = L) when not is_map_key(tls, Options) ->
    {reply, {error, {bad_option, tls, undefined, <<"a listener that was started with tls">>}}, L};
handle_call({tls, same}, _From, #listener{options = #{tls := Tls}} = L) ->
    configure(#{tls => Tls}, L);
handle_call({tls, Given}, _From, #listener{ref = Ref} = L) ->
    #{generation := Generation} = Config = config(Ref),
    case farrier_tls:options(Generation, Given) of
        {ok, Tls} -> keep_tls(Config#{tls => hidden(Tls)}, configure(#{tls => hidden(Tls)}, L));
        {error, _} = Error -> {reply, Error, L}
    end;
handle_call({protocol, Options}, _From, #listener{ref = Ref} = L) ->
    case options(Ref, maps:merge(maps:with([generation, bridge], config(Ref)), Options)) of
        {ok, #{config := New}} ->
            Changed = maps:with([env, middlewares, protocol, protocol_options, logger], New),
            store(maps:merge(config(Ref), Changed)),
            configure(maps:with(?HTTP_OPTIONS, Options), L);
        {error, _} = Error ->
            {reply, Error, L}
    end;
handle_call({update, Change}, _From, #listener{ref = Ref} = L) ->
    store(Change(config(Ref))),
    {reply, ok, L}.

-spec configure(map(), #listener{}) -> {reply, ok | {error, term()}, #listener{}}.
configure(Changes, #listener{bridge = Bridge, native = Native, options = Options} = L) ->
    Changed = maps:merge(Options, Changes),
    %% Without new options of TLS, certificates are not read again: their files may be gone.
    Sent = maps:merge(maps:remove(tls, Options), Changes),
    case Bridge:configure(Native, shown(Sent)) of
        ok -> {reply, ok, L#listener{options = Changed}};
        {error, _} = Error -> {reply, Error, L}
    end.

%% For a restart of this process.
-spec keep_tls(config(), {reply, ok | {error, term()}, #listener{}}) -> {reply, ok | {error, term()}, #listener{}}.
keep_tls(Config, {reply, ok, _} = Reply) ->
    store(Config),
    Reply;
keep_tls(_, Reply) ->
    Reply.

-spec information(#listener{}) -> map().
information(#listener{ref = Ref, bridge = Bridge, native = Native, options = Options} = L) ->
    Counters = Bridge:listener_info(Native),
    {IP, Port} =
        case Counters of
            #{address := {_, _} = Address} -> ip_and_port(Address);
            _ -> ip_and_port(L#listener.address)
        end,
    #{supervisor := Supervisor} = Config = config(Ref),
    maps:merge(
        (maps:with([generation, transport_options, protocol_options], Config))#{bridge => farrier_bridge:name(Bridge)},
        (maps:with([connections, websockets, accepted, rejected, failed_handshakes], Counters))#{
            ref => Ref,
            tls => is_map_key(tls, Options),
            pid => Supervisor,
            status => L#listener.status,
            ip => IP,
            port => Port,
            max_connections => maps:get(max_connections, Options, infinity)
        }
    ).

-spec ip_and_port(farrier_bridge:address()) ->
    {inet:ip_address(), inet:port_number()} | {inet:local_address(), undefined}.
ip_and_port({local, _} = Address) -> {Address, undefined};
ip_and_port(Address) -> Address.

-spec handle_cast(term(), #listener{}) -> {noreply, #listener{}}.
handle_cast(_, L) ->
    {noreply, L}.

-spec handle_info(term(), #listener{}) -> {noreply, #listener{}} | {stop, term(), #listener{}}.
handle_info({'EXIT', Native, Reason}, #listener{native = Native} = L) ->
    {stop, Reason, L};
handle_info(_, L) ->
    {noreply, L}.

-spec terminate(term(), #listener{}) -> ok.
terminate(_, #listener{ref = Ref, bridge = Bridge, native = Native}) ->
    _ = Bridge:close_listener(Native),
    ets:delete_object(?MODULE, {{listener, Ref}, self()}),
    ok.
