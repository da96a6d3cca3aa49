%% Listeners are started, changed and asked under the names of Cowboy and Ranch.
-module(cowboy_listener_tests).

-behaviour(supervisor).

-include_lib("eunit/include/eunit.hrl").

-export([init/1]).


not_started_test() ->
    ok = application:ensure_started(crypto),
    _ = application:stop(cowboy),
    _ = application:stop(farrier),
    {error, {not_started, cowboy, Sentence}} = cowboy:start_clear(?MODULE, [{port, 0}], #{}),
    ?assertMatch({match, _}, re:run(Sentence, "ensure_all_started")),
    ?assertEqual({error, not_found}, cowboy:stop_listener(?MODULE)).

-define(PROMISE(Name), {??Name, fun Name/0}).

listener_test_() ->
    {setup,
        fun() -> cowboy_suite:start([]) end,
        fun cowboy_suite:stop/1,
        [
            ?PROMISE(empty_options_are_enough),
            ?PROMISE(second_start_of_a_name),
            ?PROMISE(taken_port),
            ?PROMISE(unknown_listener),
            ?PROMISE(set_env_generation_1),
            ?PROMISE(set_env_generation_2),
            ?PROMISE(set_env_needs_env_in_generation_1),
            ?PROMISE(ranch_tells_port_and_options),
            ?PROMISE(ranch_starts_cowboys_protocols_only),
            ?PROMISE(suspended_listener_has_no_port),
            ?PROMISE(maximum_of_connections_can_be_changed),
            ?PROMISE(protocol_options_can_be_replaced),
            ?PROMISE(transport_options_can_be_replaced),
            ?PROMISE(environment_outlives_a_crash),
            ?PROMISE(ranch_server_counts),
            ?PROMISE(listener_in_ones_own_tree),
            ?PROMISE(info_is_a_list_or_a_map)
        ]}.

-define(LISTEN, [{port, 0}, {ip, {127, 0, 0, 1}}]).

empty_options_are_enough() ->
    [begin
        {ok, Pid} = cowboy:start_clear(?MODULE, Options, #{}),
        ?assert(is_process_alive(Pid)),
        ok = cowboy:stop_listener(?MODULE)
    end || Options <- [[], #{}]].

second_start_of_a_name() ->
    with_listener(2, fun(Pid) ->
        ?assertEqual({error, {already_started, Pid}}, cowboy:start_clear(?MODULE, ?LISTEN, #{}))
    end).

taken_port() ->
    with_listener(2, fun(_) ->
        Port = ranch:get_port(?MODULE),
        ?assertEqual({error, eaddrinuse}, cowboy:start_http(other, 1, [{port, Port}, {ip, {127, 0, 0, 1}}], []))
    end).

unknown_listener() ->
    ?assertEqual({error, not_found}, cowboy:stop_listener(?MODULE)),
    ?assertEqual({error, not_found}, ranch:stop_listener(?MODULE)),
    [?assertError(badarg, apply(ranch, F, [?MODULE])) || F <- [get_port, get_addr, info, get_status,
        get_max_connections,
        get_protocol_options, get_transport_options, suspend_listener, resume_listener]],
    ?assertError(badarg, ranch:procs(?MODULE, connections)),
    ?assertError(badarg, cowboy:set_env(?MODULE, dispatch, [])).

set_env_generation_1() ->
    with_listener(1, fun(_) ->
        ?assertEqual(404, status()),
        ok = cowboy:set_env(?MODULE, dispatch, dispatch()),
        ?assertEqual(403, status()),
        [{env, [{dispatch, _}]}] = ranch:get_protocol_options(?MODULE)
    end).

set_env_generation_2() ->
    with_listener(2, fun(_) ->
        ?assertEqual(404, status()),
        ok = cowboy:set_env(?MODULE, dispatch, dispatch()),
        ok = cowboy:set_env(?MODULE, more, 1),
        ?assertEqual(403, status()),
        ?assertEqual(1, cowboy:get_env(?MODULE, more)),
        ?assertEqual(2, cowboy:get_env(?MODULE, other, 2)),
        ?assertError({badkey, other}, cowboy:get_env(?MODULE, other)),
        ?assertMatch(#{env := #{dispatch := _, more := 1}}, ranch:get_protocol_options(?MODULE))
    end).

set_env_needs_env_in_generation_1() ->
    {ok, Pid} = cowboy:start_http(?MODULE, 1, ?LISTEN, []),
    ?assertError({badmatch, false}, cowboy:set_env(?MODULE, dispatch, dispatch())),
    ?assert(is_process_alive(Pid)),
    ok = cowboy:stop_listener(?MODULE).

ranch_tells_port_and_options() ->
    with_listener(2, fun(_) ->
        {{127, 0, 0, 1}, Port} = ranch:get_addr(?MODULE),
        ?assertEqual(Port, ranch:get_port(?MODULE)),
        ?assertEqual(running, ranch:get_status(?MODULE)),
        ?assertEqual(?LISTEN, ranch:get_transport_options(?MODULE)),
        ?assertEqual([], ranch:procs(?MODULE, connections)),
        ?assert(lists:all(fun is_pid/1, ranch:procs(?MODULE, acceptors))),
        ok = ranch:wait_for_connections(?MODULE, '==', 0),
        ?assertError(badarg, ranch:wait_for_connections(?MODULE, '=:=', 0))
    end).

ranch_starts_cowboys_protocols_only() ->
    [begin
        {ok, _} = ranch:start_listener(?MODULE, 1, ranch_tcp, ?LISTEN, Protocol, ProtoOpts),
        ?assertEqual(404, status()),
        ok = ranch:stop_listener(?MODULE)
    end || {Protocol, ProtoOpts} <- [{cowboy_clear, options(2)}, {cowboy_protocol, options(1)}]],
    ?assertMatch({error, {bad_option, protocol, echo_protocol, _}},
        ranch:start_listener(?MODULE, ranch_tcp, ?LISTEN, echo_protocol, [])),
    ?assertMatch({error, {bad_option, transport, gen_sctp, _}},
        ranch:start_listener(?MODULE, gen_sctp, ?LISTEN, cowboy_clear, #{})),
    [?assertError({not_supported, {ranch, F, _}, _}, apply(ranch, F, Args)) || {F, Args} <- [
        {handshake, [ref]}, {handshake, [ref, []]}, {recv_proxy_header, [ref, 1]}]],
    [?assertError({not_supported, {P, start_link, _}, _}, apply(P, start_link, lists:duplicate(N, x))) || {P, N} <- [
        {cowboy_protocol, 4}, {cowboy_spdy, 4}]].

suspended_listener_has_no_port() ->
    with_listener(2, fun(_) ->
        Port = ranch:get_port(?MODULE),
        ok = ranch:suspend_listener(?MODULE),
        ?assertEqual(suspended, ranch:get_status(?MODULE)),
        ?assertEqual({undefined, undefined}, ranch:get_addr(?MODULE)),
        ?assertEqual({error, econnrefused}, gen_tcp:connect({127, 0, 0, 1}, Port, [])),
        ok = ranch:resume_listener(?MODULE),
        ?assertEqual(404, status())
    end).

maximum_of_connections_can_be_changed() ->
    with_listener(2, fun(_) ->
        ok = ranch:set_max_connections(?MODULE, 3),
        ?assertEqual(3, ranch:get_max_connections(?MODULE)),
        ok = ranch:set_max_connections(?MODULE, infinity),
        ?assertEqual(infinity, ranch:get_max_connections(?MODULE))
    end).

protocol_options_can_be_replaced() ->
    with_listener(2, fun(_) ->
        New = #{env => #{dispatch => dispatch()}, max_headers => 50},
        ok = ranch:set_protocol_options(?MODULE, New),
        ?assertEqual(New, ranch:get_protocol_options(?MODULE)),
        ?assertEqual(403, status()),
        ?assertMatch({error, {bad_option, max_headers, many, _}},
            ranch:set_protocol_options(?MODULE, #{max_headers => many}))
    end).

transport_options_can_be_replaced() ->
    with_listener(2, fun(_) ->
        New = #{max_connections => 7, socket_opts => ?LISTEN},
        ok = ranch:set_transport_options(?MODULE, New),
        ?assertEqual(New, ranch:get_transport_options(?MODULE)),
        ?assertEqual(7, ranch:get_max_connections(?MODULE)),
        ?assertMatch({error, {bad_option, max_connections, many, _}},
            ranch:set_transport_options(?MODULE, #{max_connections => many})),
        ?assertEqual(404, status())
    end).

%% The listener starts again after one of the supervisors on which it depends.
environment_outlives_a_crash() ->
    with_listener(2, fun(_) ->
        ok = cowboy:set_env(?MODULE, dispatch, dispatch()),
        [Acceptor | _] = ranch:procs(?MODULE, acceptors),
        Listener = farrier_listener:whereis(?MODULE),
        [Crashed, Follower] = [monitor(process, P) || P <- [Acceptor, Listener]],
        exit(Acceptor, kill),
        [receive {'DOWN', M, _, _, _} -> ok end || M <- [Crashed, Follower]],
        await_listener(Listener),
        ?assertMatch(#{env := #{dispatch := _}}, ranch:get_protocol_options(?MODULE)),
        ?assertEqual(403, status())
    end).

await_listener(Before) ->
    case farrier_listener:whereis(?MODULE) of
        Pid when is_pid(Pid), Pid =/= Before -> ok;
        _ -> erlang:yield(), await_listener(Before)
    end.

ranch_server_counts() ->
    with_listener(2, fun(Pid) ->
        ?assertEqual(0, ranch_server:count_connections(?MODULE)),
        ?assertEqual(Pid, ranch_server:get_listener_sup(?MODULE)),
        ?assertEqual(ranch:get_addr(?MODULE), ranch_server:get_addr(?MODULE)),
        ?assertEqual(infinity, ranch_server:get_max_connections(?MODULE)),
        ?assertEqual(?LISTEN, ranch_server:get_transport_options(?MODULE)),
        ?assertMatch(#{env := _}, ranch_server:get_protocol_options(?MODULE))
    end).

listener_in_ones_own_tree() ->
    Spec = ranch:child_spec(?MODULE, 1, ranch_tcp, ?LISTEN, cowboy_clear, options(2)),
    {ok, Sup} = supervisor:start_link(?MODULE, Spec),
    ?assertEqual(404, status()),
    unlink(Sup),
    Monitor = monitor(process, Sup),
    exit(Sup, shutdown),
    receive
        {'DOWN', Monitor, _, _, _} -> ok
    end,
    ?assertError(badarg, ranch:get_port(?MODULE)).

init(Spec) ->
    {ok, {#{}, [Spec]}}.

info_is_a_list_or_a_map() ->
    with_listener(1, fun(Pid) ->
        Info = ranch:info(?MODULE),
        ?assertEqual(Info, proplists:get_value(?MODULE, ranch:info())),
        [?assertEqual(Value, proplists:get_value(Key, Info)) || {Key, Value} <- [
            {pid, Pid}, {status, running}, {ip, {127, 0, 0, 1}}, {port, ranch:get_port(?MODULE)}, {all_connections, 0},
            {active_connections, 0}, {protocol, cowboy_protocol}, {protocol_options, options(1)},
            {transport_options, ?LISTEN}]],
        ok = application:set_env(ranch, info, map),
        ?assertMatch(#{?MODULE := #{pid := Pid, status := running}}, ranch:info()),
        ok = application:unset_env(ranch, info)
    end).

with_listener(Generation, Test) ->
    {ok, Pid} =
        case Generation of
            1 -> cowboy:start_http(?MODULE, 1, ?LISTEN, options(1));
            2 -> cowboy:start_clear(?MODULE, ?LISTEN, options(2))
        end,
    try
        Test(Pid)
    after
        ok = cowboy:stop_listener(?MODULE)
    end.

options(1) -> [{env, [{dispatch, empty()}]}];
options(2) -> #{env => #{dispatch => empty()}}.

empty() -> cowboy_router:compile([{'_', []}]).

%% A directory is forbidden.
dispatch() -> cowboy_router:compile([{'_', [{"/", cowboy_static, {file, "."}}]}]).

status() ->
    Socket = raw_client:open(ranch:get_port(?MODULE)),
    raw_client:send(Socket, "GET / HTTP/1.1\r\nhost: localhost\r\n\r\n"),
    <<"HTTP/1.1 ", Status:3/binary, _/binary>> = raw_client:head(Socket),
    ok = gen_tcp:close(Socket),
    binary_to_integer(Status).
