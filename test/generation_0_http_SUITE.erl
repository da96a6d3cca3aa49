%% @doc What shares a listener with the WebSocket handlers of Cowboy 0.2 to 0.6: dispatch lists, plain, loop and static
%% handlers, hooks, options, and handlers of other generations.
-module(generation_0_http_SUITE).

-export([all/0, suite/0, init_per_suite/1, end_per_suite/1, end_per_testcase/2]).
-export([plain_handlers/1, crashes_of_plain_handlers/1, shutdown_of_init/1, loops/1, crashes_of_loops/1,
    dispatch_lists/1,
    bad_requests/1, long_lines/1, the_decoder_of_the_listener/1, the_last_request_of_a_connection/1, hooks/1,
    options_are_checked/1, options_are_changed/1, a_listener_of_ones_own/1, files/1, generations_in_one_node/1,
    generations_in_one_listener/1, half_renamed_handlers/1, routes_of_cowboy_1/1]).

-include_lib("stdlib/include/assert.hrl").
-include_lib("cowboy/include/http.hrl").

-import(oracle_frame, [text/1, close/0, hex/1]).
-import(raw_client, [open/1, send/2, exchange/2, handshake/0, handshake/2, head/1, received/2, until_eof/1]).
-import(handler_reports, [exit_of/1, calls/1, next_call/0, started/0]).
-import(old_client, [connect/2, listen/1, listen/2, unlisten/0, answer/3, lines/1, undated/1]).

-define(GET, "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").

-spec suite() -> [term()].
suite() -> [{timetrap, {seconds, 60}}].

-spec all() -> [atom()].
all() -> cowboy_suite:cases(?MODULE).

-spec init_per_suite([term()]) -> [term()].
init_per_suite(Config) -> cowboy_suite:start(Config).

-spec end_per_suite([term()]) -> ok.
end_per_suite(Config) -> cowboy_suite:stop(Config).

-spec end_per_testcase(atom(), [term()]) -> ok.
end_per_testcase(_, _) ->
    _ = cowboy:stop_listener(other),
    unlisten().

%%% Handlers

-define(INIT, {init, {tcp, http}}).

-spec plain_handlers([term()]) -> ok.
plain_handlers(_) ->
    Handle = fun(Req, S) -> {ok, Req2} = cowboy_http_req:reply(200, [], <<"hi">>, Req), {ok, Req2, S} end,
    {Socket, Pid} = connect(#{init => fun(Req, S) -> {ok, Req, S} end, handle => Handle},
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    ?assertEqual(["HTTP/1.1 200 OK", "content-length: 2", "server: Cowboy", "connection: keep-alive"],
        undated(head(Socket))),
    ?assertEqual(<<"hi">>, received(Socket, 2)),
    ?assertEqual([?INIT, handle, {terminate, 1}], calls(Pid)),
    ?assertEqual(normal, exit_of(Pid)),
    %% The connection lives on.
    send(Socket, ?GET),
    Pid2 = started(),
    ?assertMatch(["HTTP/1.1 200 OK" | _], lines(until_eof(Socket))),
    ?assertEqual([?INIT, handle, {terminate, 1}], calls(Pid2)).

-spec crashes_of_plain_handlers([term()]) -> ok.
crashes_of_plain_handlers(_) ->
    Ok = fun(Req, S) -> {ok, Req, S} end,
    Replied = fun(Req, S) -> {ok, Req2} = cowboy_http_req:reply(200, Req), {ok, Req2, S} end,
    Boom = fun(_, _) -> error(boom) end,
    Rows = [
        {#{init => Ok, handle => Boom}, "handle/2", "HTTP/1.1 500 Internal Server Error",
            [?INIT, handle, {terminate, 0}]},
        {#{init => Ok, handle => Replied, terminate => Boom}, "terminate/2", "HTTP/1.1 200 OK",
            [?INIT, handle, {terminate, 1}]},
        {#{init => Boom}, "init/3", "HTTP/1.1 500 Internal Server Error", [?INIT]}
    ],
    [begin
        {[Text], normal} = old_client:log(fun() ->
            {Socket, Pid} = connect(Opts, ?GET),
            ?assertEqual(Status, hd(lines(until_eof(Socket)))),
            ?assertEqual(Calls, calls(Pid)),
            Pid
        end),
        ?assertMatch({_, "** Handler old_handler terminating in " ++ _}, {Where, Text}),
        ?assertNotEqual(nomatch, string:find(Text, "in " ++ Where ++ "\n   for the reason error:boom\n"))
     end || {Opts, Where, Status, Calls} <- Rows],
    {Bad, BadPid} = connect(#{init => Ok, handle => fun(_, _) -> bad end}, ?GET),
    ?assertEqual(<<>>, until_eof(Bad)),
    ?assertMatch({{try_clause, bad}, _}, exit_of(BadPid)).

-spec shutdown_of_init([term()]) -> ok.
shutdown_of_init(_) ->
    {Socket, Pid} = connect(#{init => fun(Req, S) -> {shutdown, Req, S} end}, ?GET),
    ?assertEqual("HTTP/1.1 204 No Content", hd(lines(until_eof(Socket)))),
    ?assertEqual([?INIT, {terminate, 0}], calls(Pid)).

-spec loops(([term()])) -> ok.
loops(_) ->
    Info = fun
        (stop, Req, S) -> {ok, Req2} = cowboy_http_req:reply(200, [], <<"done">>, Req), {ok, Req2, S};
        (sleep, Req, S) -> {loop, Req, S, hibernate};
        (_, Req, S) -> {loop, Req, S}
    end,
    [begin
        {Socket, Pid} = connect(#{init => Init, info => Info}, ?GET),
        [Pid ! Message || Message <- [hello, sleep, {system, {self(), x}, get_state}, stop]],
        Bytes = until_eof(Socket),
        ?assertEqual({"HTTP/1.1 200 OK", [<<"done">>]}, {hd(lines(Bytes)), tl(binary:split(Bytes, <<"\r\n\r\n">>))}),
        ?assertEqual([?INIT, {info, hello}, {info, sleep}, {info, {system, {self(), x}, get_state}}, {info, stop},
            {terminate, 4}], calls(Pid)),
        ?assertEqual(normal, exit_of(Pid))
     end || Init <- [
        fun(Req, S) -> {loop, Req, S} end, fun(Req, S) -> {loop, Req, S, hibernate} end,
        fun(Req, S) -> {loop, Req, S, 5000} end,
        fun(Req, S) -> {loop, Req, S, 5000, hibernate} end]],
    {Socket, Pid} = connect(#{init => fun(Req, S) -> {loop, Req, S, 50} end}, ?GET),
    ?assertEqual("HTTP/1.1 204 No Content", hd(lines(until_eof(Socket)))),
    ?assertEqual([?INIT, {terminate, 0}], calls(Pid)),
    %% A loop that streams is told that the head of its response was sent, as others who wait for it.
    Stream = fun(Req, S) ->
        {ok, Req2} = cowboy_http_req:chunked_reply(200, Req),
        receive {cowboy_http_req, resp_sent} -> self() ! {cowboy_http_req, resp_sent} end,
        {loop, Req2, S}
    end,
    Chunk = fun(Note, Req, S) -> ok = cowboy_http_req:chunk(io_lib:format("~p", [Note]), Req), {ok, Req, S} end,
    {Socket1, Pid1} = connect(#{init => Stream, info => Chunk}, ?GET),
    Note = <<"1B\r\n{cowboy_http_req,resp_sent}\r\n0\r\n\r\n">>,
    ?assertEqual([Note], tl(binary:split(until_eof(Socket1), <<"\r\n\r\n">>))),
    ?assertEqual([?INIT, {info, {cowboy_http_req, resp_sent}}, {terminate, 1}], calls(Pid1)),
    %% Every message starts the time anew.
    Tick = fun({tick, 0}, Req, S) -> {ok, Req, S}; ({tick, N}, Req, S) ->
        erlang:send_after(100, self(), {tick, N - 1}), {loop, Req, S} end,
    Start = fun(Req, S) -> erlang:send_after(100, self(), {tick, 7}), {loop, Req, S, 500} end,
    {Socket2, Pid2} = connect(#{init => Start, info => Tick}, ?GET),
    ?assertEqual("HTTP/1.1 204 No Content", hd(lines(until_eof(Socket2)))),
    ?assertEqual({terminate, 8}, lists:last(calls(Pid2))).

-spec crashes_of_loops([term()]) -> ok.
crashes_of_loops(_) ->
    {[Text], normal} = old_client:log(fun() ->
        {Socket, Pid} = connect(#{init => fun(Req, S) -> {loop, Req, S} end, info => fun(_, _, _) -> error(boom) end},
            ?GET),
        Pid ! go,
        ?assertEqual("HTTP/1.1 500 Internal Server Error", hd(lines(until_eof(Socket)))),
        ?assertEqual([?INIT, {info, go}, {terminate, 0}], calls(Pid)),
        Pid
    end),
    ?assertMatch("** Handler old_handler terminating in info/3\n   for the reason error:boom\n" ++ _, Text).

%%% Listeners

-spec dispatch_lists([term()]) -> ok.
dispatch_lists(_) ->
    Test = self(),
    Rule = fun(Path, Name) ->
        Init = fun(#http_req{bindings = Bindings, host_info = Host, path_info = Info} = Req, S) ->
            Test ! {routed, Name, Bindings, Host, Info},
            {shutdown, Req, S}
        end,
        {Path, old_handler, #{test => Test, init => Init}}
    end,
    Port = listen([
        {['...', <<"forge">>, <<"eu">>], [Rule([<<"shoe">>, size], shoe), Rule([<<"files">>, '...'], files),
            Rule([], root)]},
        {[<<"localhost">>], [Rule('*', asterisk), Rule([<<"a/b">>], slash)]}
    ]),
    Rows = [
        {"/shoe/7", "my.FORGE.eu:80", {routed, shoe, [{size, <<"7">>}], [<<"my">>], undefined}},
        {"/shoe/7/", "forge.eu", {routed, shoe, [{size, <<"7">>}], [], undefined}},
        {"/files/x/y", "a.b.forge.eu", {routed, files, [], [<<"a">>, <<"b">>], [<<"x">>, <<"y">>]}},
        {"/files", "forge.eu", {routed, files, [], [], []}},
        {"/?q", "forge.eu", {routed, root, [], [], undefined}},
        {"/a%2Fb", "localhost", {routed, slash, [], undefined, undefined}},
        {"/nothing", "forge.eu", "HTTP/1.1 404 Not Found"},
        {"/", "localhost", "HTTP/1.1 404 Not Found"},
        {"/", "elsewhere", "HTTP/1.1 400 Bad Request"}
    ],
    [begin
        Socket = open(Port),
        send(Socket, ["GET ", Path, " HTTP/1.1\r\nHost: ", Host, "\r\nConnection: close\r\n\r\n"]),
        case Expected of
            {routed, _, _, _, _} ->
                _ = started(),
                ?assertEqual({Path, Expected}, {Path, receive {routed, _, _, _, _} = Seen -> Seen after 5000 ->
                    timeout end});
            _ ->
                ?assertEqual({Path, Expected}, {Path, hd(lines(until_eof(Socket)))})
        end
     end || {Path, Host, Expected} <- Rows],
    ok.

-spec bad_requests([term()]) -> ok.
bad_requests(_) ->
    Port = listen([{'_', [{'_', old_handler, #{}}]}]),
    [?assertEqual({Request, Status}, {Request, hd(lines(exchange(Port, Request)))}) || {Request, Status} <- [
        {"GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 400 Bad Request"},
        {"GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400 Bad Request"},
        {"nonsense\r\n\r\n", "HTTP/1.1 400 Bad Request"}]],
    %% Cowboy's own answers are made like those of handlers.
    Own = fun(Status) -> [Status, "content-length: 0", "server: Cowboy", "connection: close"] end,
    Empty = listen([{'_', []}]),
    ?assertEqual(Own("HTTP/1.1 404 Not Found"), undated(exchange(Empty, ?GET))),
    Crash = listen([{'_', [{'_', old_handler, #{}}]}]),
    ?assertEqual(Own("HTTP/1.1 500 Internal Server Error"), undated(exchange(Crash, ?GET))).

-spec long_lines([term()]) -> ok.
long_lines(_) ->
    Rule = {'_', old_handler, #{test => self(), init => fun(Req, S) -> {shutdown, Req, S} end}},
    Request = fun(Path, Value) -> ["GET /", Path, " HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-A: ", Value,
        "\r\n\r\n"] end,
    Long = fun(Size) -> lists:duplicate(Size, $x) end,
    Port = listen([{'_', [Rule]}]),
    [?assertEqual("HTTP/1.1 413 Request Entity Too Large", hd(lines(exchange(Port, Bytes)))) || Bytes <- [
        Request(Long(4096), "1"), Request("", Long(4096)), Request("", Long(100000))]],
    Fits = open(Port),
    send(Fits, Request(Long(4000), Long(4000))),
    _ = started(),
    ?assertEqual("HTTP/1.1 204 No Content", hd(lines(until_eof(Fits)))),
    Short = listen([{'_', [Rule]}], [{max_line_length, 100}]),
    ?assertEqual("HTTP/1.1 413 Request Entity Too Large", hd(lines(exchange(Short, Request("", Long(100)))))).

-spec the_decoder_of_the_listener([term()]) -> ok.
the_decoder_of_the_listener(_) ->
    Path = fun(ProtoOpts) ->
        Handle = fun(Req) ->
            {[Segment], Req2} = cowboy_http_req:path(Req),
            {[{_, Value}], Req3} = cowboy_http_req:qs_vals(Req2),
            cowboy_http_req:reply(200, [], [Segment, "|", Value], Req3)
        end,
        tl(binary:split(answer("GET /a+%zz?q=%zz+b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", Handle,
            ProtoOpts), <<"\r\n\r\n">>))
    end,
    ?assertEqual([<<"a %zz|%zz b">>], Path([{urldecode, {fun cowboy_http:urldecode/2, skip}}])),
    ?assertEqual([<<"A+%ZZ|%ZZ+B">>], Path([{urldecode, {fun(Text, up) -> cowboy_bstr:to_upper(Text) end, up}}])).

-spec the_last_request_of_a_connection([term()]) -> ok.
the_last_request_of_a_connection(_) ->
    Rule = {'_', old_handler, #{test => self(), init => fun(Req, S) -> {shutdown, Req, S} end}},
    Port = listen([{'_', [Rule]}], [{max_keepalive, 2}]),
    Socket = open(Port),
    Get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    send(Socket, Get),
    _ = started(),
    ?assert(lists:member("connection: keep-alive", lines(head(Socket)))),
    send(Socket, Get),
    _ = started(),
    ?assert(lists:member("connection: close", lines(until_eof(Socket)))).

-spec hooks([term()]) -> ok.
hooks(_) ->
    Test = self(),
    Request = fun(#http_req{bindings = undefined, raw_path = Path} = Req) ->
        Test ! {request, Path},
        case Path of
            <<"/refused">> -> {ok, Req2} = cowboy_http_req:reply(401, Req), Req2;
            _ -> {ok, Req2} = cowboy_http_req:set_resp_header(<<"X-Hook">>, <<"1">>, Req), Req2
        end
    end,
    Response = fun(Status, Headers, Req) ->
        Test ! {response, Status, proplists:get_value(<<"Content-Length">>, Headers)},
        {ok, Req2} = cowboy_http_req:set_resp_header(<<"X-Ignored">>, <<"1">>, Req),
        Req2
    end,
    Bytes = answer(?GET, fun(Req) -> cowboy_http_req:reply(200, [], <<"hi">>, Req) end,
        [{onrequest, Request}, {onresponse, Response}]),
    ?assert(lists:member("x-hook: 1", lines(Bytes))),
    ?assertEqual([{request, <<"/">>}, {response, 200, <<"2">>}],
        [receive {request, _} = A -> A end, receive {response, _, _} = B -> B end]),
    Port = maps:get(port, farrier:info(old)),
    ?assertEqual("HTTP/1.1 401 Unauthorized", hd(lines(exchange(Port,
        "GET /refused HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")))),
    ?assertEqual([{request, <<"/refused">>}, {response, 401, <<"0">>}],
        [receive {request, _} = C -> C end, receive {response, _, _} = D -> D end]),
    %% The hook may answer in the handler's place.
    Instead = fun
        (404, _, Req) -> {ok, Req2} = cowboy_http_req:reply(200, [], <<"found">>, Req), Req2;
        (_, _, Req) -> Req
    end,
    Replaced = answer(?GET, fun(Req) -> cowboy_http_req:reply(404, [], <<"lost">>, Req) end, [{onresponse, Instead}]),
    ?assertEqual({"HTTP/1.1 200 OK", [<<"found">>]}, {hd(lines(Replaced)), tl(binary:split(Replaced, <<"\r\n\r\n">>))}).

-spec options_are_checked([term()]) -> ok.
options_are_checked(_) ->
    Start = fun(Transport, TransOpts, Protocol, ProtoOpts) ->
        cowboy:start_listener(other, 10, Transport, TransOpts, Protocol, ProtoOpts) end,
    Tcp = cowboy_tcp_transport,
    Http = cowboy_http_protocol,
    Rows = [
        {Tcp, [], Http, [], port}, {Tcp, [{port, x}], Http, [], port},
        {Tcp, [{port, 0}, {ip, "127.0.0.1"}], Http, [], ip},
        {Tcp, #{}, Http, [], transport_options}, {Tcp, [{port, 0}], Http, x, protocol_options},
        {other_transport, [{port, 0}], Http, [], transport},
        {Tcp, [{port, 0}], cowboy_clear, [], protocol}, {Tcp, [{port, 0}], Http, [{dispatch, [{'_', x}]}], dispatch},
        {Tcp, [{port, 0}], Http, [{timeout, -1}], timeout}, {Tcp, [{port, 0}], Http, [{urldecode, x}], urldecode},
        {Tcp, [{port, 0}], Http, [{onresponse, x}], onresponse}
    ],
    [?assertMatch({_, {error, {bad_option, Name, _, Allowed}}} when is_binary(Allowed),
        {Row, Start(Transport, TransOpts, Protocol, ProtoOpts)})
        || {Transport, TransOpts, Protocol, ProtoOpts, Name} = Row <- Rows],
    %% What Cowboy 0 did not know it dropped without a word.
    ?assertMatch({ok, _}, Start(Tcp, [{port, 0}, {backlog, 10}, {max_connections, infinity}, {nodelay, true}, inet],
        Http, [{unknown, 1}])).

-spec options_are_changed([term()]) -> ok.
options_are_changed(_) ->
    Reply = fun(Status) -> #{test => self(), init => fun(Req, S) ->
        {ok, Req2} = cowboy_http_req:reply(Status, Req), {shutdown, Req2, S} end} end,
    Opts = fun(Status) -> [{dispatch, [{'_', [{'_', old_handler, Reply(Status)}]}]}, {max_line_length, 1000}] end,
    [{dispatch, Dispatch} | More] = Opts(201),
    Port = listen(Dispatch, More),
    Get = fun() -> Socket = open(Port), send(Socket, ?GET), _ = started(), hd(lines(until_eof(Socket))) end,
    ?assertEqual("HTTP/1.1 201 Created", Get()),
    ?assertMatch([{dispatch, _}, {max_line_length, 1000}], cowboy:get_protocol_options(old)),
    ok = cowboy:set_protocol_options(old, Opts(202)),
    ?assertEqual("HTTP/1.1 202 Accepted", Get()),
    ?assertMatch({error, {bad_option, dispatch, x, _}}, cowboy:set_protocol_options(old, [{dispatch, x}])),
    ?assertEqual("HTTP/1.1 202 Accepted", Get()),
    ?assertEqual(ok, cowboy:accept_ack(self())).

-spec a_listener_of_ones_own([term()]) -> ok.
a_listener_of_ones_own(_) ->
    Rule = {'_', old_handler, #{test => self(), init => fun(Req, S) -> {shutdown, Req, S} end}},
    Spec = cowboy:child_spec(other, 10, cowboy_tcp_transport, [{port, 0}, {ip, {127, 0, 0, 1}}], cowboy_http_protocol,
        [{dispatch, [{'_', [Rule]}]}]),
    ?assertMatch({{cowboy_listener_sup, other}, {_, _, _}, permanent, _, supervisor, _}, Spec),
    Test = self(),
    Sup = spawn_link(fun() ->
        {ok, Pid} = supervisor:start_link(old_supervisor, {{one_for_one, 1, 1}, [Spec]}),
        Test ! started,
        receive stop -> unlink(Pid), exit(Pid, shutdown), Test ! stopped end
    end),
    receive started -> ok end,
    Socket = open(maps:get(port, farrier:info(other))),
    send(Socket, ?GET),
    _ = started(),
    ?assertEqual("HTTP/1.1 204 No Content", hd(lines(until_eof(Socket)))),
    Sup ! stop,
    receive stopped -> ok end,
    %% Ranch came a little earlier than Cowboy's new names.
    {ok, _} = ranch:start_listener(old, 1, ranch_tcp, [{port, 0}, {ip, {127, 0, 0, 1}}], cowboy_http_protocol,
        [{dispatch, [{'_', [Rule]}]}]),
    Socket2 = open(ranch:get_port(old)),
    send(Socket2, ?GET),
    _ = started(),
    ?assertEqual("HTTP/1.1 204 No Content", hd(lines(until_eof(Socket2)))),
    ?assertError({bad_option, port, _, _}, cowboy:child_spec(other, 1, cowboy_tcp_transport, [], cowboy_http_protocol,
        [])).

-spec files([term()]) -> ok.
files(Config) ->
    Dir = proplists:get_value(priv_dir, Config),
    ok = file:write_file(filename:join(Dir, "page.html"), <<"<p>iron</p>">>),
    ok = file:write_file(filename:join(Dir, "data"), <<"raw">>),
    Types = {mimetypes, [{<<".html">>, [<<"text/html">>]}, {<<".css">>, [{<<"text">>, <<"css">>, []}]}]},
    ByFun = {mimetypes, {fun(Path, suffix) -> [<<"text/x", (filename:extension(Path))/binary>>] end, suffix}},
    Etag = {etag, {fun(Attributes, strong) -> {size, Size} = {size, proplists:get_value(filesize, Attributes)},
        {strong, integer_to_binary(Size)} end, strong}},
    Port = listen([{'_', [
        {[<<"a">>, '...'], cowboy_http_static, [{directory, Dir}, Types]},
        {[<<"b">>, '...'], cowboy_http_static, [{directory, list_to_binary(Dir)}, ByFun, Etag]},
        {[<<"c">>], cowboy_http_static, [{directory, [list_to_binary(Dir)]}, {file, <<"page.html">>}, Types,
            {etag, {attributes, [filepath, filesize, inode, mtime]}}]},
        {[<<"d">>, '...'], cowboy_http_static, [{directory, {priv_dir, stdlib, []}}]}
    ]}]),
    Get = fun(Path) -> get_file(Port, Path, "") end,
    ?assertMatch({"HTTP/1.1 200 OK", #{"content-type" := "text/html", "content-length" := "11", "last-modified" := _},
        <<"<p>iron</p>">>}, Get("/a/page.html")),
    ?assertNot(maps:is_key("etag", element(2, Get("/a/page.html")))),
    ?assertMatch({"HTTP/1.1 200 OK", #{"content-type" := "application/octet-stream"}, <<"raw">>}, Get("/a/data")),
    ?assertMatch({"HTTP/1.1 200 OK", #{"content-type" := "text/x.html", "etag" := "\"11\""}, _}, Get("/b/page.html")),
    ?assertMatch({"HTTP/1.1 304 Not Modified", _, <<>>}, get_file(Port, "/b/page.html", "If-None-Match: \"11\"\r\n")),
    ?assertMatch({"HTTP/1.1 200 OK", #{"content-type" := "text/html", "etag" := _}, _}, Get("/c")),
    ?assertMatch({"HTTP/1.1 404 Not Found", _, _}, Get("/a/nothing")),
    ?assertMatch({"HTTP/1.1 400 Bad Request", _, _}, Get("/a/%2e%2e/x")),
    ?assertMatch({"HTTP/1.1 403 Forbidden", _, _}, Get("/a/")).

-spec get_file(inet:port_number(), string(), string()) -> {string(), map(), binary()}.
get_file(Port, Path, Lines) ->
    Bytes = exchange(Port, ["GET ", Path, " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n", Lines, "\r\n"]),
    [Status | Headers] = lines(Bytes),
    [_, Body] = binary:split(Bytes, <<"\r\n\r\n">>),
    {Status, maps:from_list([list_to_tuple(string:split(Line, ": ")) || Line <- Headers]), Body}.

%%% Other generations

-spec generations_in_one_node([term()]) -> ok.
generations_in_one_node(_) ->
    Port = listen([{'_', [{'_', old_echo_handler, []}]}]),
    {ok, _} = cowboy:start_http(other, 1, [{ip, {127, 0, 0, 1}}, {port, 0}],
        [{env, [{dispatch, cowboy_router:compile([{'_', [{'_', old_later_handler, []}]}])}]}]),
    Old = open(Port),
    Later = open(maps:get(port, farrier:info(other))),
    [send(Socket, handshake()) || Socket <- [Old, Later]],
    ?assertEqual([["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket"],
        ["HTTP/1.1 101 Switching Protocols", "connection: Upgrade"]],
        [lists:sublist(lines(head(Socket)), 2) || Socket <- [Old, Later]]),
    [begin
        send(Socket, text(<<"hi">>)),
        ?assertEqual(<<16#81, 2, "hi">>, received(Socket, 4)),
        send(Socket, oracle_frame:close(1001, <<>>)),
        ?assertEqual(Wire, until_eof(Socket))
     end || {Socket, Wire} <- [{Old, hex("8800")}, {Later, hex("8802 03e9")}]],
    ok.

%% What init/3 returns says whose WebSocket it is.
-spec generations_in_one_listener([term()]) -> ok.
generations_in_one_listener(_) ->
    Rules = [{[<<"ws">>, <<"old">>], old_echo_handler, []}, {[<<"ws">>, <<"later">>], old_later_handler, []},
        {[<<"ws">>, <<"map">>], old_map_handler, []}],
    Old = listen([{'_', Rules}]),
    Routes = [{"/ws/old", old_echo_handler, []}, {"/ws/later", old_later_handler, []},
        {"/ws/map", old_map_handler, []}],
    Compiled = cowboy_router:compile([{'_', Routes}]),
    {ok, _} = cowboy:start_http(other, 1, [{ip, {127, 0, 0, 1}}, {port, 0}], [{env, [{dispatch, Compiled}]}]),
    Later = maps:get(port, farrier:info(other)),
    [begin
        Socket = open(Port),
        send(Socket, handshake(Path, [])),
        ?assertMatch({_, _, ["HTTP/1.1 101 Switching Protocols" | _]}, {Port, Path, lines(head(Socket))}),
        send(Socket, text(<<"hi">>)),
        ?assertEqual({Path, <<16#81, 2, "hi">>}, {Path, received(Socket, 4)}),
        send(Socket, oracle_frame:close(1001, <<>>)),
        ?assertEqual({Path, hex(Wire)}, {Path, until_eof(Socket)})
     end || Port <- [Old, Later], {Path, Wire} <- [{<<"/ws/old">>, "8800"}, {<<"/ws/later">>, "8802 03e9"},
         {<<"/ws/map">>, "8802 03e9"}]],
    ok.

%% In 2012 projects met Cowboy between two names: cowboy_req was there, cowboy_http_websocket still what init/3
%% returned.
-spec half_renamed_handlers([term()]) -> ok.
half_renamed_handlers(_) ->
    Port = listen([{'_', [{[<<"ws">>, token], old_renamed_handler, []}]}]),
    Plain = exchange(Port, "GET /ws/7 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
    ?assertMatch(["HTTP/1.1 200 OK" | _], lines(Plain)),
    Socket = open(Port),
    send(Socket, handshake(<<"/ws/7">>, [{"cookie", "x-token=iron"}, {"sec-websocket-protocol", "json"}])),
    ?assert(lists:member("Sec-Websocket-Protocol: json", lines(head(Socket)))),
    send(Socket, text(<<"?">>)),
    ?assertEqual(<<16#81, 11, "json,iron,7">>, received(Socket, 13)),
    send(Socket, close()),
    ?assertEqual(hex("8800"), until_eof(Socket)).

-spec routes_of_cowboy_1([term()]) -> ok.
routes_of_cowboy_1(_) ->
    Init = fun(#http_req{bindings = Bindings, path_info = Info} = Req, S) ->
        {ok, Req2} = cowboy_http_req:reply(200, [], io_lib:format("~0p", [{Bindings, Info}]), Req),
        {shutdown, Req2, S}
    end,
    Port = listen(cowboy_router:compile([{"localhost", [{"/a/:b/[...]", old_handler,
        #{test => self(), init => Init}}]}])),
    Socket = open(Port),
    send(Socket, "GET /a/b/c HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"),
    _ = started(),
    ?assertEqual([<<"{[{b,<<\"b\">>}],[<<\"c\">>]}">>], tl(binary:split(until_eof(Socket), <<"\r\n\r\n">>))),
    ?assertMatch(["HTTP/1.1 404 Not Found" | _], lines(exchange(Port, "GET /b HTTP/1.1\r\nHost: localhost\r\n\r\n"))),
    ?assertMatch(["HTTP/1.1 400 Bad Request" | _], lines(exchange(Port, "GET /b HTTP/1.1\r\nHost: other\r\n\r\n"))).
