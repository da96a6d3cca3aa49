%% @doc HTTP/2 (RFC 9113) and WebSockets over it (RFC 8441): beside a real Cowboy, with curl and Chromium, and against clients that
%% mean harm. The clients are test/http2/session.py and test/http2/hostile.py, by the Python package `h2'.
-module(http2_SUITE).

-export([all/0, groups/0, suite/0, init_per_suite/1, end_per_suite/1, init_per_group/2, end_per_group/2, init_per_testcase/2,
         end_per_testcase/2]).
-export([requests_of_every_kind/1, the_req_is_as_cowboys/1, bodies_of_any_size_come_and_go_whole/1, a_hundred_streams_at_once/1,
         stream_handlers_are_asked/1, websockets_echo/1, websockets_end/1, several_websockets_on_one_connection/1,
         extensions_are_negotiated/1, compressed_messages_come_back/1, a_websocket_is_served_by_the_process_of_its_request/1,
         bad_websocket_requests/1, a_reset_ends_the_handler/1, a_trapping_handler_is_told_of_a_reset/1, websockets_are_refused/1]).
-export([other_protocols_are_not_implemented/1, unread_bodies_give_their_window_back/1]).
-export([tls_agrees_on_the_version/1, curl_knows_both_versions_on_one_port/1,
         chromium_opens_websockets_on_its_connection/1]).
-export([connection_errors/1, stream_errors/1, harmless_frames/1, prefaces_that_are_none/1, rapid_reset_of_requests_that_wait/1,
         rapid_reset_of_requests_that_are_answered/1, rapid_reset_of_websockets/1, resets_that_the_server_is_made_to_send/1,
         endless_header_block/1, headers_without_number/1, headers_that_the_table_makes_large/1, settings_without_number/1,
         pings_without_number/1, empty_frames_without_number/1, priorities_without_number/1, answers_that_nobody_takes/1,
         websockets_that_nobody_reads/1, handlers_that_do_not_read/1, a_client_without_a_window/1, idle_connections_end/1]).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

%% Resident memory of a VM wavers, and connections may use some.
-define(SLACK, 48 * 1024).
-define(PATIENCE, 10000).

-spec suite() -> [term()].
suite() -> [{timetrap, {seconds, 120}}].

-spec all() -> [term()].
all() -> [{group, cowboy}, {group, cowboy_tls}, {group, clients}, {group, hostile}].

-spec groups() -> [term()].
groups() ->
    Sessions = [requests_of_every_kind, the_req_is_as_cowboys, bodies_of_any_size_come_and_go_whole, a_hundred_streams_at_once,
                stream_handlers_are_asked, websockets_echo, websockets_end, several_websockets_on_one_connection,
                extensions_are_negotiated, compressed_messages_come_back, a_websocket_is_served_by_the_process_of_its_request,
                bad_websocket_requests, a_reset_ends_the_handler, a_trapping_handler_is_told_of_a_reset, websockets_are_refused],
    [{cowboy, Sessions},
     {cowboy_tls, [requests_of_every_kind, the_req_is_as_cowboys, websockets_echo, websockets_end]},
     {clients, [other_protocols_are_not_implemented, unread_bodies_give_their_window_back,
                tls_agrees_on_the_version, curl_knows_both_versions_on_one_port,
                chromium_opens_websockets_on_its_connection]},
     {hostile, [connection_errors, stream_errors, harmless_frames, prefaces_that_are_none, rapid_reset_of_requests_that_wait,
                rapid_reset_of_requests_that_are_answered, rapid_reset_of_websockets, resets_that_the_server_is_made_to_send,
                endless_header_block, headers_without_number, headers_that_the_table_makes_large, settings_without_number,
                pings_without_number, empty_frames_without_number, priorities_without_number, answers_that_nobody_takes,
                websockets_that_nobody_reads, handlers_that_do_not_read, a_client_without_a_window, idle_connections_end]}].

-spec init_per_suite([term()]) -> [term()].
init_per_suite(Config) ->
    {ok, Farrier} = oracle_node:farrier_path(),
    Dir = filename:join(?config(priv_dir, Config), "certificates"),
    ok = filelib:ensure_path(Dir),
    ok = tls_files:make(Dir),
    [{certificates, Dir}, {farrier, oracle_node:hold(Farrier)} | Config].

-spec end_per_suite([term()]) -> ok.
end_per_suite(Config) -> oracle_node:stop(?config(farrier, Config)).

-spec init_per_group(atom(), [term()]) -> [term()] | {skip, string()}.
init_per_group(Group, Config) when Group =:= cowboy; Group =:= cowboy_tls ->
    Tls = [{tls, true} || Group =:= cowboy_tls],
    case oracle_node:oracle_path() of
        {ok, Path} -> Tls ++ [{cowboy, oracle_node:hold(Path)} | Config];
        {error, missing} -> {skip, "the real Cowboy is missing: run `make deps'"}
    end;
init_per_group(_, Config) -> Config.

-spec end_per_group(atom(), [term()]) -> ok.
end_per_group(_, Config) ->
    case ?config(cowboy, Config) of
        undefined -> ok;
        Node -> oracle_node:stop(Node)
    end.

-spec init_per_testcase(atom(), [term()]) -> [term()].
init_per_testcase(Case, Config) -> [{proto, proto(Case)} | Config].

-spec proto(atom()) -> map().
proto(stream_handlers_are_asked) -> #{stream_handlers => [cowboy_compress_h, cowboy_stream_h], compress_threshold => 1};
proto(websockets_are_refused) -> #{enable_connect_protocol => false};
proto(idle_connections_end) -> #{idle_timeout => 500};
proto(_) -> #{}.

-spec end_per_testcase(atom(), [term()]) -> ok.
end_per_testcase(_, Config) ->
    _ = [catch peer:call(Node, http2_handler, unlisten, []) || Name <- [farrier, cowboy], Node <- [?config(Name, Config)], Node =/= undefined],
    ok.

%%% Beside a real Cowboy

-spec requests_of_every_kind([term()]) -> ok.
requests_of_every_kind(Config) -> as_cowboy(?FUNCTION_NAME, Config).

-spec the_req_is_as_cowboys([term()]) -> ok.
the_req_is_as_cowboys(Config) -> as_cowboy(?FUNCTION_NAME, Config).

-spec bodies_of_any_size_come_and_go_whole([term()]) -> ok.
bodies_of_any_size_come_and_go_whole(Config) -> as_cowboy(?FUNCTION_NAME, Config).

-spec a_hundred_streams_at_once([term()]) -> ok.
a_hundred_streams_at_once(Config) -> as_cowboy(?FUNCTION_NAME, Config).

-spec stream_handlers_are_asked([term()]) -> ok.
stream_handlers_are_asked(Config) -> as_cowboy(?FUNCTION_NAME, Config).

-spec websockets_echo([term()]) -> ok.
websockets_echo(Config) -> as_cowboy(?FUNCTION_NAME, Config).

-spec websockets_end([term()]) -> ok.
websockets_end(Config) -> as_cowboy(?FUNCTION_NAME, Config).

-spec several_websockets_on_one_connection([term()]) -> ok.
several_websockets_on_one_connection(Config) -> as_cowboy(?FUNCTION_NAME, Config).

-spec extensions_are_negotiated([term()]) -> ok.
extensions_are_negotiated(Config) -> as_cowboy(?FUNCTION_NAME, Config).

-spec compressed_messages_come_back([term()]) -> ok.
compressed_messages_come_back(Config) -> as_cowboy(?FUNCTION_NAME, Config).

-spec a_websocket_is_served_by_the_process_of_its_request([term()]) -> ok.
a_websocket_is_served_by_the_process_of_its_request(Config) -> as_cowboy(?FUNCTION_NAME, Config).

-spec bad_websocket_requests([term()]) -> ok.
bad_websocket_requests(Config) -> as_cowboy(?FUNCTION_NAME, Config).

-spec websockets_are_refused([term()]) -> ok.
websockets_are_refused(Config) ->
    Node = ?config(farrier, Config),
    %% PROTOCOL_ERROR, and the connection goes on. Cowboy 2.8 sends the same.
    "[null, 1, 200]" = session(?FUNCTION_NAME, Node, Config),
    as_cowboy(?FUNCTION_NAME, Config, restart).

-spec a_reset_ends_the_handler([term()]) -> ok.
a_reset_ends_the_handler(Config) ->
    as_cowboy(?FUNCTION_NAME, Config),
    [ended(Node) || Node <- nodes_of(Config)],
    %% The process goes with its stream, and `terminate/3' is not called: this is the request that followed.
    eventually:is(fun() -> told(Config) =:= [normal] end).

-spec a_trapping_handler_is_told_of_a_reset([term()]) -> ok.
a_trapping_handler_is_told_of_a_reset(Config) ->
    as_cowboy(?FUNCTION_NAME, Config),
    [ended(Node) || Node <- nodes_of(Config)],
    %% Since 2.14.1.
    eventually:is(fun() -> told(Config) =:= [normal, shutdown] end).

%% What `terminate/3' was told since the listener was started, in any order.
-spec told([term()]) -> [term()].
told(Config) ->
    lists:sort([Reason || {terminate, Reason} <- peer:call(?config(farrier, Config), http2_handler, seen, [])]).

-spec ended(pid()) -> ok.
ended(Node) -> eventually:is(fun() -> peer:call(Node, http2_handler, websockets, []) =:= [] end).

%%% Clients

-spec other_protocols_are_not_implemented([term()]) -> ok.
other_protocols_are_not_implemented(Config) ->
    "[501, 501]" = session(other_protocols, ?config(farrier, Config), Config),
    ok.

-spec unread_bodies_give_their_window_back([term()]) -> ok.
unread_bodies_give_their_window_back(Config) ->
    Statuses = lists:append(lists:join(", ", lists:duplicate(100, "200"))),
    ?assertEqual("[" ++ Statuses ++ "]", session(?FUNCTION_NAME, ?config(farrier, Config), Config)),
    ok.

-spec tls_agrees_on_the_version([term()]) -> ok.
tls_agrees_on_the_version(Config) ->
    {ok, _} = application:ensure_all_started(ssl),
    Port = listen(?config(farrier, Config), [{tls, true} | Config]),
    [begin
         Offer = [{alpn_advertised_protocols, Offered} || Offered =/= []],
         {ok, Socket} = ssl:connect("127.0.0.1", Port, [{verify, verify_none}, {active, false} | Offer], ?PATIENCE),
         Agreed = ssl:negotiated_protocol(Socket),
         ok = ssl:close(Socket)
     end || {Offered, Agreed} <- [{[<<"h2">>, <<"http/1.1">>], {ok, <<"h2">>}},
                                  {[<<"http/1.1">>, <<"h2">>], {ok, <<"h2">>}},
                                  {[<<"http/1.1">>], {ok, <<"http/1.1">>}},
                                  {[], {error, protocol_not_negotiated}}]],
    ok.

-spec curl_knows_both_versions_on_one_port([term()]) -> ok.
curl_knows_both_versions_on_one_port(Config) ->
    Node = ?config(farrier, Config),
    Clear = listen(Node, Config),
    "2 200 hello" = curl("--http2-prior-knowledge", "http", Clear, "hello"),
    "1.1 200 hello" = curl("--http1.1", "http", Clear, "hello"),
    %% An offer of h2c is not taken up, as by Cowboy 2.18.
    "1.1 200 hello" = curl("--http2", "http", Clear, "hello"),
    _ = peer:call(Node, http2_handler, unlisten, []),
    Tls = listen(Node, [{tls, true} | Config]),
    Root = "--cacert " ++ root_certificate(Config),
    "2 200 hello" = curl(Root, "https", Tls, "hello"),
    "1.1 200 hello" = curl("--http1.1 " ++ Root, "https", Tls, "hello"),
    "2 200 posted" = curl("-d posted " ++ Root, "https", Tls, "echo"),
    ok.

-spec curl(string(), string(), inet:port_number(), string()) -> string().
curl(Options, Scheme, Port, Path) ->
    Url = lists:concat([Scheme, "://localhost:", Port, "/", Path]),
    Output = os:cmd("curl -sS -m 10 -w '\\n%{http_version} %{http_code}' " ++ Options ++ " " ++ Url),
    [Body, Facts] = string:split(Output, "\n", trailing),
    Facts ++ " " ++ Body.

-spec chromium_opens_websockets_on_its_connection([term()]) -> {comment, string()}.
chromium_opens_websockets_on_its_connection(Config) ->
    Port = listen(?config(farrier, Config), [{tls, true} | Config]),
    {0, Output} = run(executable("node"), [source("chromium.mjs"), lists:concat(["https://localhost:", Port])], none),
    {comment, string:trim(Output)}.

%%% Hostile clients

-spec connection_errors([term()]) -> ok.
connection_errors(Config) -> hostile(?FUNCTION_NAME, Config).

-spec stream_errors([term()]) -> ok.
stream_errors(Config) -> hostile(?FUNCTION_NAME, Config).

-spec harmless_frames([term()]) -> ok.
harmless_frames(Config) -> hostile(?FUNCTION_NAME, Config).

-spec prefaces_that_are_none([term()]) -> ok.
prefaces_that_are_none(Config) -> hostile(?FUNCTION_NAME, Config).

-spec rapid_reset_of_requests_that_wait([term()]) -> ok.
rapid_reset_of_requests_that_wait(Config) -> hostile(?FUNCTION_NAME, Config).

-spec rapid_reset_of_requests_that_are_answered([term()]) -> ok.
rapid_reset_of_requests_that_are_answered(Config) -> hostile(?FUNCTION_NAME, Config).

-spec rapid_reset_of_websockets([term()]) -> ok.
rapid_reset_of_websockets(Config) -> hostile(?FUNCTION_NAME, Config).

-spec resets_that_the_server_is_made_to_send([term()]) -> ok.
resets_that_the_server_is_made_to_send(Config) -> hostile(?FUNCTION_NAME, Config).

-spec endless_header_block([term()]) -> ok.
endless_header_block(Config) -> hostile(?FUNCTION_NAME, Config).

-spec headers_without_number([term()]) -> ok.
headers_without_number(Config) -> hostile(?FUNCTION_NAME, Config).

-spec headers_that_the_table_makes_large([term()]) -> ok.
headers_that_the_table_makes_large(Config) -> hostile(?FUNCTION_NAME, Config).

-spec settings_without_number([term()]) -> ok.
settings_without_number(Config) -> hostile(?FUNCTION_NAME, Config).

-spec pings_without_number([term()]) -> ok.
pings_without_number(Config) -> hostile(?FUNCTION_NAME, Config).

-spec empty_frames_without_number([term()]) -> ok.
empty_frames_without_number(Config) -> hostile(?FUNCTION_NAME, Config).

-spec priorities_without_number([term()]) -> ok.
priorities_without_number(Config) -> hostile(?FUNCTION_NAME, Config).

-spec answers_that_nobody_takes([term()]) -> ok.
answers_that_nobody_takes(Config) -> hostile(?FUNCTION_NAME, Config).

-spec websockets_that_nobody_reads([term()]) -> ok.
websockets_that_nobody_reads(Config) -> hostile(?FUNCTION_NAME, Config).

-spec handlers_that_do_not_read([term()]) -> ok.
handlers_that_do_not_read(Config) -> hostile(?FUNCTION_NAME, Config).

-spec a_client_without_a_window([term()]) -> ok.
a_client_without_a_window(Config) -> hostile(?FUNCTION_NAME, Config).

-spec idle_connections_end([term()]) -> ok.
idle_connections_end(Config) -> hostile(?FUNCTION_NAME, Config).

%% Memory stays flat while the client is there, and neither a process nor a descriptor is left once it is gone.
-spec hostile(atom(), [term()]) -> ok.
hostile(Case, Config) ->
    Node = ?config(farrier, Config),
    Port = listen(Node, Config),
    "hello" = os:cmd(lists:concat(["curl -sS -m 10 --http2-prior-knowledge http://127.0.0.1:", Port, "/hello"])),
    #{processes := Processes, descriptors := Descriptors, kilobytes := Before} = counts(Node),
    Flat = fun() ->
        #{kilobytes := Now} = counts(Node),
        Now < Before + ?SLACK orelse ct:fail("resident memory grew from ~b to ~b KiB", [Before, Now])
    end,
    Program = [source("hostile.py"), atom_to_list(Case), integer_to_list(Port)],
    case run(python(), Program, Flat) of
        {0, Output} -> ct:comment(string:trim(Output));
        {_, Output} -> ct:fail("~ts", [Output])
    end,
    Flat(),
    %% Those that hang or are passive have not seen that their clients left.
    _ = [peer:call(Node, erlang, send, [Pid, Word]) || Pid <- peer:call(Node, http2_handler, websockets, []), Word <- [go, active]],
    eventually:is(fun() ->
        #{processes := LaterProcesses, descriptors := LaterDescriptors} = counts(Node),
        LaterProcesses =< Processes andalso LaterDescriptors =< Descriptors
    end).

-spec counts(pid()) -> map().
counts(Node) -> peer:call(Node, abuse_handler, counts, [], ?PATIENCE).

%%% What every case stands on

-spec nodes_of([term()]) -> [pid()].
nodes_of(Config) -> [Node || Name <- [farrier, cowboy], Node <- [?config(Name, Config)], Node =/= undefined].

%% The client must see the same of both.
-spec as_cowboy(atom(), [term()]) -> ok.
as_cowboy(Case, Config) ->
    [Same, Same] = [session(Case, Node, Config) || Node <- nodes_of(Config)],
    ok.

-spec as_cowboy(atom(), [term()], restart) -> ok.
as_cowboy(Case, Config, restart) ->
    _ = peer:call(?config(farrier, Config), http2_handler, unlisten, []),
    as_cowboy(Case, Config).

-spec session(atom(), pid(), [term()]) -> string().
session(Case, Node, Config) ->
    Port = integer_to_list(listen(Node, Config)),
    Root = [root_certificate(Config) || ?config(tls, Config) =:= true],
    case run(python(), [source("session.py"), atom_to_list(Case), Port | Root], none) of
        {0, Seen} -> string:trim(Seen);
        {_, Output} -> ct:fail("~ts", [Output])
    end.

-spec listen(pid(), [term()]) -> inet:port_number().
listen(Node, Config) ->
    Tls = case ?config(tls, Config) of
        true -> [{certfile, file("chain.pem", Config)}, {keyfile, file("localhost.key", Config)}];
        undefined -> clear
    end,
    peer:call(Node, http2_handler, listen, [Tls, ?config(proto, Config)], ?PATIENCE).

-spec root_certificate([term()]) -> string().
root_certificate(Config) -> file("root.pem", Config).

-spec file(string(), [term()]) -> string().
file(Name, Config) -> filename:join(?config(certificates, Config), Name).

%% Runs a client to its end: its status and what it says. `Meanwhile' is called once it has said `ok', before it may go.
-spec run(string(), [string()], none | fun(() -> term())) -> {non_neg_integer(), string()}.
run(Program, Args, Meanwhile) ->
    Port = open_port({spawn_executable, Program}, [
        {args, Args}, {env, [{"FARRIER_CLIENTS", clients()}]}, exit_status, stderr_to_stdout, binary]),
    output(Port, <<>>, Meanwhile).

-spec output(port(), binary(), none | fun(() -> term())) -> {non_neg_integer(), string()}.
output(Port, Output, Meanwhile) ->
    receive
        {Port, {data, Bytes}} ->
            Said = <<Output/binary, Bytes/binary>>,
            case Meanwhile =/= none andalso re:run(Said, "^ok\n", [multiline]) of
                {match, _} ->
                    _ = Meanwhile(),
                    %% Its end of the pipe tells it to go; where it has gone already, there is nothing to tell.
                    _ = (catch port_close(Port)),
                    {0, binary_to_list(Said)};
                _ ->
                    output(Port, Said, Meanwhile)
            end;
        {Port, {exit_status, Status}} ->
            {Status, binary_to_list(Output)}
    end.

-spec python() -> string().
python() -> filename:join(clients(), "python/bin/python3").

-spec executable(string()) -> string().
executable(Name) ->
    case os:find_executable(Name) of
        false -> ct:fail("~ts is missing: run `make deps'", [Name]);
        Found -> Found
    end.

%% Where `make deps' puts the clients.
-spec clients() -> file:filename().
clients() ->
    case os:getenv("FARRIER_CLIENTS") of
        false -> filename:join(oracle_node:root(), "_build/clients");
        Dir -> Dir
    end.

-spec source(string()) -> file:filename().
source(Name) -> filename:join([oracle_node:root(), "test/http2", Name]).
