%% @doc A real program with farrier in Cowboy's place: RabbitMQ 3.10.8 of Debian, whose Web MQTT and Web STOMP plugins and
%% management interface run on the Cowboy that the package brings along.
%%
%% Only the directories `cowboy' and `cowlib' among its plugins are farrier's. Ranch stays RabbitMQ's own: it accepts, because the
%% plugins start it themselves, with Cowboy as its protocol. The broker is a node of its own, with all its files below the suite's
%% directory.
-module(rabbitmq_SUITE).

-export([all/0, suite/0, init_per_suite/1, end_per_suite/1]).
-export([mqtt_client_is_served/1, stomp_client_is_served/1, connections_are_listed_until_their_client_is_killed/1,
         connection_is_closed_by_the_management_interface/1, management_interface_is_served/1, no_connection_is_left/1]).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-define(PATIENCE, 30000).
-define(MESSAGES, "1000").

-spec suite() -> [term()].
suite() -> [{timetrap, {seconds, 180}}].

-spec all() -> [atom()].
all() ->
    [mqtt_client_is_served, stomp_client_is_served, connections_are_listed_until_their_client_is_killed,
     connection_is_closed_by_the_management_interface, management_interface_is_served, no_connection_is_left].

-spec init_per_suite([term()]) -> [term()] | {skip, string()}.
init_per_suite(Config) ->
    case missing() of
        [] ->
            {ok, _} = application:ensure_all_started(inets),
            Dir = ?config(priv_dir, Config),
            [Distribution | Ports] = free_ports(4),
            Listeners = lists:zip([web_mqtt, web_stomp, management], Ports),
            ok = write_files(Dir, Listeners),
            Self = self(),
            %% Common Test runs this function in a process that does not last.
            Holder = spawn(fun() -> hold(Self, Dir, Distribution) end),
            receive {Holder, Broker} -> [{broker, Broker} | Listeners ++ Config] end;
        Missing ->
            {skip, "run `make deps': missing " ++ lists:join(", ", Missing)}
    end.

-spec end_per_suite([term()]) -> ok.
end_per_suite(Config) ->
    Broker = ?config(broker, Config),
    _ = peer:call(Broker, rabbit, stop, [], ?PATIENCE),
    peer:stop(Broker).

-spec missing() -> [string()].
missing() ->
    [What || {What, false} <- [
        {"the package rabbitmq-server", home() =/= none},
        {"the client mqtt", is_client("mqtt")},
        {"the client stompjs", is_client("@stomp/stompjs")}
        | [{"Erlang's " ++ atom_to_list(App), code:lib_dir(App) =/= {error, bad_name}} || App <- [eldap, mnesia, os_mon, xmerl]]
    ]].

-spec is_client(string()) -> boolean().
is_client(Name) -> filelib:is_regular(filename:join([clients(), "node_modules", Name, "package.json"])).

%%% The broker

%% RabbitMQ's directory: of the package that the real Cowboy comes from.
-spec home() -> file:filename() | none.
home() ->
    case oracle_node:oracle_path() of
        {ok, [Cowboy | _]} -> filename:dirname(filename:dirname(filename:dirname(Cowboy)));
        {error, missing} -> none
    end.

-spec write_files(file:filename(), [{atom(), inet:port_number()}]) -> ok.
write_files(Dir, Listeners) ->
    Plugins = filename:join(Dir, "plugins"),
    [ok = filelib:ensure_path(filename:join(Dir, Name)) || Name <- ["plugins", "home", "log", "mnesia"]],
    Theirs = [Path || Path <- filelib:wildcard(filename:join(home(), "plugins/*")), not is_replaced(filename:basename(Path))],
    [ok = link(Path, filename:join(Plugins, filename:basename(Path))) || Path <- Theirs],
    [ok = link(code:lib_dir(App), filename:join(Plugins, lists:concat([App, "-0.1.0"]))) || App <- [farrier, cowboy, cowlib]],
    ok = file:write_file(filename:join(Dir, "enabled_plugins"),
        "[rabbitmq_web_mqtt, rabbitmq_web_stomp, rabbitmq_management].\n"),
    ok = file:write_file(filename:join(Dir, "rabbitmq.conf"), [
        "collect_statistics_interval = 500\n", "listeners.tcp = none\n",
        "mqtt.listeners.tcp = none\n", "stomp.listeners.tcp = none\n",
        [io_lib:format("~s.tcp.ip = 127.0.0.1\n~s.tcp.port = ~b\n", [Name, Name, Port]) || {Name, Port} <- Listeners]
    ]).

-spec is_replaced(string()) -> boolean().
is_replaced(Name) -> lists:prefix("cowboy-", Name) orelse lists:prefix("cowlib-", Name).

-spec link(file:filename(), file:filename()) -> ok.
link(Path, Name) -> file:make_symlink(Path, Name).

-spec hold(pid(), file:filename(), inet:port_number()) -> term().
hold(Suite, Dir, Distribution) ->
    {ok, Broker, _} = peer:start_link(#{
        connection => {{127, 0, 0, 1}, 0},
        args => ["-boot", "start_sasl", "-syslog", "logger", "[]", "-syslog", "syslog_error_logger", "false",
            "-kernel", "prevent_overlapping_partitions", "false"],
        env => environment(Dir, Distribution)
    }),
    ok = peer:call(Broker, rabbit, boot, [], ?PATIENCE),
    ok = peer:call(Broker, rabbit, await_startup, [], ?PATIENCE),
    %% Else the broker would prove nothing.
    {farrier, _, _} = lists:keyfind(farrier, 1, peer:call(Broker, application, which_applications, [])),
    Suite ! {self(), Broker},
    receive stop -> ok end.

-spec environment(file:filename(), inet:port_number()) -> [{string(), string()}].
environment(Dir, Distribution) ->
    [{Name, filename:join(Dir, File)} || {Name, File} <- [
        {"HOME", "home"}, {"ERL_LIBS", "plugins"}, {"RABBITMQ_PLUGINS_DIR", "plugins"}, {"RABBITMQ_MNESIA_BASE", "mnesia"},
        {"RABBITMQ_LOG_BASE", "log"}, {"RABBITMQ_ENABLED_PLUGINS_FILE", "enabled_plugins"},
        {"RABBITMQ_CONFIG_FILE", "rabbitmq.conf"}, {"RABBITMQ_GENERATED_CONFIG_DIR", "config"}, {"RABBITMQ_SCHEMA_DIR", "schema"},
        {"RABBITMQ_PID_FILE", "pid"}
    ]] ++ [
        {"RABBITMQ_NODENAME", "farrier_" ++ os:getpid() ++ "@localhost"}, {"ERL_EPMD_ADDRESS", "127.0.0.1"},
        {"RABBITMQ_DIST_PORT", integer_to_list(Distribution)}, {"RABBITMQ_CONF_ENV_FILE", "/dev/null"}
    ].

%% RabbitMQ names its listeners after their ports, so that it cannot be told to take any.
-spec free_ports(pos_integer()) -> [inet:port_number()].
free_ports(Count) ->
    Sockets = [Socket || _ <- lists:seq(1, Count), {ok, Socket} <- [gen_tcp:listen(0, [{ip, {127, 0, 0, 1}}])]],
    Ports = [Port || Socket <- Sockets, {ok, Port} <- [inet:port(Socket)]],
    [ok = gen_tcp:close(Socket) || Socket <- Sockets],
    Ports.

%%% Tests

-spec mqtt_client_is_served([term()]) -> ok.
mqtt_client_is_served(Config) ->
    {Port, Said} = client("mqtt.mjs", web_mqtt, [], Config),
    ?assertEqual(
        <<"{\"subprotocol\":\"mqtt\",\"left\":{\"count\":1000,\"inOrder\":true},\"right\":{\"count\":1000,\"inOrder\":true},"
          "\"will\":\"cut off\",\"end\":1000}\n">>, output(Port, Said)).

-spec stomp_client_is_served([term()]) -> ok.
stomp_client_is_served(Config) ->
    {Port, Said} = client("stomp.mjs", web_stomp, [], Config),
    ?assertEqual(
        <<"{\"subprotocol\":\"v12.stomp\",\"version\":\"1.2\",\"left\":{\"count\":1000,\"inOrder\":true},"
          "\"right\":{\"count\":1000,\"inOrder\":true},\"end\":1000}\n">>, output(Port, Said)).

%% The broker knows the client's address from the socket that the plugin was given.
-spec connections_are_listed_until_their_client_is_killed([term()]) -> ok.
connections_are_listed_until_their_client_is_killed(Config) ->
    {Port, _} = connected_client(Config),
    Listed = listed(2, Config),
    ?assertEqual(2, count(<<"\"protocol\":\"Web MQTT 3.1.1\"">>, Listed)),
    ?assertEqual(2, count(<<"\"peer_host\":\"127.0.0.1\"">>, Listed)),
    ok = kill(Port),
    _ = listed(0, Config),
    await_no_connections(web_mqtt, Config).

-spec connection_is_closed_by_the_management_interface([term()]) -> ok.
connection_is_closed_by_the_management_interface(Config) ->
    {Port, _} = connected_client(Config),
    Listed = listed(2, Config),
    {match, [Name]} = re:run(Listed, "\"name\":\"([^\"]*->[^\"]*)\"", [{capture, all_but_first, list}]),
    ?assertMatch({204, _, _}, request(delete, "/api/connections/" ++ uri_string:quote(Name), Config)),
    _ = listed(1, Config),
    ok = kill(Port),
    await_no_connections(web_mqtt, Config).

-spec management_interface_is_served([term()]) -> ok.
management_interface_is_served(Config) ->
    {200, Headers, Overview} = request(get, "/api/overview", Config),
    ?assertEqual("application/json", proplists:get_value("content-type", Headers)),
    ?assertMatch({_, _}, binary:match(Overview, <<"\"rabbitmq_version\":\"3.10.8\"">>)),
    ?assertMatch({401, _, _}, request(get, "/api/overview", [], Config)),
    ?assertMatch({404, _, _}, request(get, "/api/nothing", Config)),
    {200, Gzipped, _} = request(get, "/api/overview", [{"accept-encoding", "gzip"} | authorization()], Config),
    ?assertEqual("gzip", proplists:get_value("content-encoding", Gzipped)),
    {200, Page, _} = request(get, "/", Config),
    ?assertEqual("text/html", proplists:get_value("content-type", Page)),
    {200, Script, _} = request(get, "/js/main.js", Config),
    Etag = proplists:get_value("etag", Script),
    ?assertMatch({304, _, _}, request(get, "/js/main.js", [{"if-none-match", Etag} | authorization()], Config)),
    Queue = {"application/json", <<"{\"durable\":false}">>},
    ?assertMatch({201, _, _}, send(put, "/api/queues/%2F/q", Queue, Config)),
    Message = <<"{\"properties\":{},\"routing_key\":\"q\",\"payload\":\"hello\",\"payload_encoding\":\"string\"}">>,
    ?assertMatch({200, _, <<"{\"routed\":true}">>},
        send(post, "/api/exchanges/%2F/amq.default/publish", {"application/json", Message}, Config)),
    Get = {"application/json", <<"{\"count\":1,\"ackmode\":\"ack_requeue_false\",\"encoding\":\"auto\"}">>},
    {200, _, Got} = send(post, "/api/queues/%2F/q/get", Get, Config),
    ?assertMatch({_, _}, binary:match(Got, <<"\"payload\":\"hello\"">>)),
    ?assertMatch({204, _, _}, request(delete, "/api/queues/%2F/q", Config)).

-spec no_connection_is_left([term()]) -> ok.
no_connection_is_left(Config) ->
    Broker = ?config(broker, Config),
    [await_no_connections(Listener, Config) || Listener <- [web_mqtt, web_stomp]],
    ?assertEqual([], [Pid || Pid <- peer:call(Broker, erlang, processes, []),
        peer:call(Broker, proc_lib, translate_initial_call, [Pid]) =:= {farrier_beside_request, init, 4}]).

%%% Clients

%% Two clients of the script are connected and wait.
-spec connected_client([term()]) -> {port(), binary()}.
connected_client(Config) ->
    {Port, Said} = client("mqtt.mjs", web_mqtt, [{"HOLD", "1"}], Config),
    ?assertEqual(<<"connected\n">>, said(Port, Said)),
    {Port, <<>>}.

-spec kill(port()) -> ok.
kill(Port) ->
    {os_pid, Pid} = erlang:port_info(Port, os_pid),
    _ = os:cmd("kill -9 " ++ integer_to_list(Pid)),
    receive {Port, {exit_status, _}} -> ok end.

-spec client(string(), atom(), [{string(), string()}], [term()]) -> {port(), binary()}.
client(Script, Listener, Env, Config) ->
    Url = lists:concat(["ws://127.0.0.1:", ?config(Listener, Config), "/ws"]),
    Path = filename:join([oracle_node:root(), "test/clients", Script]),
    {open_port({spawn_executable, os:find_executable("node")}, [
        {args, [Path, Url, ?MESSAGES]}, {env, [{"FARRIER_CLIENTS", clients()} | Env]}, exit_status, stderr_to_stdout, binary
    ]), <<>>}.

%% A line.
-spec said(port(), binary()) -> binary().
said(Port, Said) ->
    case binary:last(<<0, Said/binary>>) of
        $\n -> Said;
        _ -> receive {Port, {data, Bytes}} -> said(Port, <<Said/binary, Bytes/binary>>) after ?PATIENCE -> Said end
    end.

%% All that a client says until it ends well.
-spec output(port(), binary()) -> binary().
output(Port, Said) ->
    receive
        {Port, {data, Bytes}} -> output(Port, <<Said/binary, Bytes/binary>>);
        {Port, {exit_status, 0}} -> Said;
        {Port, {exit_status, Status}} -> ct:fail("the client exits with ~b:~n~ts", [Status, Said])
    end.

%% Where `make deps' puts the clients.
-spec clients() -> file:filename().
clients() ->
    case os:getenv("FARRIER_CLIENTS") of
        false -> filename:join(oracle_node:root(), "_build/clients");
        Dir -> Dir
    end.

-spec await_no_connections(atom(), [term()]) -> ok.
await_no_connections(Listener, Config) ->
    Broker = ?config(broker, Config),
    Port = ?config(Listener, Config),
    [Ref] = [Ref || {Ref, #{port := P}} <- maps:to_list(peer:call(Broker, ranch, info, [])), P =:= Port],
    peer:call(Broker, ranch, wait_for_connections, [Ref, '==', 0, 20], ?PATIENCE).

%%% The management interface

%% Its list of connections once it has so many. It makes the list up anew now and then, and tells nobody.
-spec listed(non_neg_integer(), [term()]) -> binary().
listed(Count, Config) ->
    {200, _, Body} = request(get, "/api/connections", Config),
    case count(<<"\"connected_at\"">>, Body) of
        Count -> Body;
        _ -> timer:sleep(100), listed(Count, Config)
    end.

-spec count(binary(), binary()) -> non_neg_integer().
count(Pattern, Body) -> length(binary:matches(Body, Pattern)).

-spec authorization() -> [{string(), string()}].
authorization() -> [{"authorization", "Basic " ++ base64:encode_to_string("guest:guest")}].

-spec request(get | delete, string(), [term()]) -> {100..599, [{string(), string()}], binary()}.
request(Method, Path, Config) ->
    request(Method, Path, authorization(), Config).

-spec request(get | delete, string(), [{string(), string()}], [term()]) -> {100..599, [{string(), string()}], binary()}.
request(Method, Path, Headers, Config) ->
    answer(httpc:request(Method, {url(Path, Config), Headers}, [], [{body_format, binary}])).

-spec send(put | post, string(), {string(), binary()}, [term()]) -> {100..599, [{string(), string()}], binary()}.
send(Method, Path, {Type, Body}, Config) ->
    answer(httpc:request(Method, {url(Path, Config), authorization(), Type, Body}, [], [{body_format, binary}])).

-spec url(string(), [term()]) -> string().
url(Path, Config) ->
    lists:concat(["http://127.0.0.1:", ?config(management, Config), Path]).

-spec answer({ok, term()} | {error, term()}) -> {100..599, [{string(), string()}], binary()}.
answer({ok, {{_, Status, _}, Headers, Body}}) -> {Status, Headers, Body}.
