%% @doc farrier beside others: in one node with a real Cowboy 2.8.0, whose `cowboy_req', `cowboy_rest', `cowboy_loop' and
%% `cowboy_static' the handlers on farrier's ports use; and with a real Ranch 2.1.0, which accepts for it.
%%
%% The same bytes go to a port of farrier's and to one of the real Cowboy's. What comes back must be the same to the byte, but for the
%% date, and for cookies behind Ranch: farrier's own `cowboy_req' ends them as Cowboy 2.10 and later do.
-module(beside_SUITE).

-export([all/0, groups/0, suite/0, init_per_suite/1, end_per_suite/1, init_per_group/2, end_per_group/2]).
-export([init_per_testcase/2, end_per_testcase/2]).
-export([replies_are_as_cowboys/1, bodies_are_read_as_by_cowboy/1, streams_are_as_cowboys/1, crashes_are_answered_as_by_cowboy/1,
         requests_that_stall_cowboy_do_not_stall_farrier/1,
         rest_loop_and_static_handlers_are_as_cowboys/1, routes_may_be_compiled_by_either/1, sessions_are_as_cowboys/1,
         handlers_are_told_of_the_end_as_by_cowboy/1, suspended_middleware_goes_on/1,
         request_process_dies_with_its_client/1, request_process_dies_with_its_listener/1,
         upgrade_by_a_sub_protocol_is_refused_by_name/1, takeover_gets_the_socket_of_ranch/1, tls_of_ranch_is_served/1,
         no_process_is_left/1]).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-define(PATIENCE, 3000).

-spec suite() -> [term()].
suite() -> [{timetrap, {seconds, 60}}].

-spec all() -> [term()].
all() -> [{group, cowboy}, {group, ranch}].

-spec groups() -> [term()].
groups() ->
    Both = [bodies_are_read_as_by_cowboy, streams_are_as_cowboys, crashes_are_answered_as_by_cowboy,
            requests_that_stall_cowboy_do_not_stall_farrier, sessions_are_as_cowboys, handlers_are_told_of_the_end_as_by_cowboy,
            suspended_middleware_goes_on, request_process_dies_with_its_client, no_process_is_left,
            request_process_dies_with_its_listener],
    [{cowboy, [replies_are_as_cowboys, rest_loop_and_static_handlers_are_as_cowboys, routes_may_be_compiled_by_either,
               upgrade_by_a_sub_protocol_is_refused_by_name | Both]},
     {ranch, [takeover_gets_the_socket_of_ranch, tls_of_ranch_is_served | Both]}].

-spec init_per_suite([term()]) -> [term()] | {fail, string()}.
init_per_suite(Config) ->
    case oracle_node:oracle_path() of
        {ok, Path} ->
            {Peer, Ports} = node_of(cowboy, Path),
            [{path, Path}, {cowboy_peer, Peer}, {cowboy_ports, Ports} | Config];
        {error, missing} ->
            {fail, "no real Cowboy to run beside: run `make deps', or name its directory in FARRIER_ORACLE_PLUGINS"}
    end.

-spec end_per_suite([term()]) -> ok.
end_per_suite(Config) ->
    peer:stop(?config(cowboy_peer, Config)).

-spec init_per_group(cowboy | ranch, [term()]) -> [term()].
init_per_group(cowboy, Config) ->
    [{kind, cowboy}, {peer, ?config(cowboy_peer, Config)}, {ports, ?config(cowboy_ports, Config)} | Config];
init_per_group(ranch, Config) ->
    {Peer, Ports} = node_of(ranch, ?config(path, Config)),
    [{kind, ranch}, {peer, Peer}, {ports, maps:merge(?config(cowboy_ports, Config), Ports)} | Config].

-spec end_per_group(cowboy | ranch, [term()]) -> ok.
end_per_group(cowboy, _) -> ok;
end_per_group(ranch, Config) -> peer:stop(?config(peer, Config)).

%% Common Test runs what begins a suite in a process that does not last.
-spec node_of(cowboy | ranch, [file:filename()]) -> {pid(), map()}.
node_of(Kind, Path) ->
    Self = self(),
    Holder = spawn(fun() ->
        Peer = beside_node:start(Kind, Path),
        Self ! {self(), Peer, beside_node:listeners(Kind, Peer)},
        receive stop -> ok end
    end),
    receive {Holder, Peer, Ports} -> {Peer, Ports} after 10 * ?PATIENCE -> ct:fail("the node does not start") end.

-spec init_per_testcase(atom(), [term()]) -> [term()].
init_per_testcase(_, Config) ->
    [beside_node:notes(?config(Peer, Config)) || Peer <- [peer, cowboy_peer]],
    Config.

-spec end_per_testcase(atom(), [term()]) -> ok.
end_per_testcase(_, _) -> ok.

%%% The real cowboy_req

-spec replies_are_as_cowboys([term()]) -> ok.
replies_are_as_cowboys(Config) ->
    Cookie = [<<"Cookie: a=b; c=d\r\nAccept: text/html;q=0.5, */*\r\n">>],
    same(Config, [
        fetch("/reply?x"), head("/reply?x"), request("POST", "/reply", [], <<"unread">>), old("GET", "/reply", []),
        fetch("/describe?a=12&b=x"), fetch("/describe", Cookie), fetch("/deep/x/y/z"), fetch("/number/12"), fetch("/number/one"),
        fetch("/cookies"), fetch("/status"), fetch("/no_content"), fetch("/file"), head("/file"),
        fetch("/nothing"), fetch("/inform"), old("GET", "/inform", []), fetch("/unknown"), fetch("/%zz"), old("GET", "/nothing", [])
    ]).

-spec bodies_are_read_as_by_cowboy([term()]) -> ok.
bodies_are_read_as_by_cowboy(Config) ->
    Form = <<"Content-Type: application/x-www-form-urlencoded\r\n">>,
    Multipart = <<"Content-Type: multipart/form-data; boundary=b\r\n">>,
    Parts = <<"--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n1\r\n--b\r\nX-Y: z\r\n\r\ntwo\r\n\r\n--b--\r\n">>,
    Chunks = <<"3\r\nabc\r\n5\r\ndefgh\r\n0\r\n\r\n">>,
    same(Config, [
        request("POST", "/body", [], <<"some body">>), request("POST", "/body", [], <<>>), fetch("/body"),
        request("POST", "/body", [], binary:copy(<<"x">>, 3000000)), chunked("/body", Chunks),
        request("POST", "/auto", [], <<"whatever there is">>), request("POST", "/pieces", [], <<"123456789">>),
        chunked("/pieces", Chunks), request("POST", "/pieces", [], <<"1234">>),
        request("POST", "/form", Form, <<"a=1&b=%20c&d">>), request("POST", "/matched_form", Form, <<"n=12">>),
        request("POST", "/multipart", Multipart, Parts),
        alive("POST", "/form", Form, <<"%zz">>),
        alive("POST", "/matched_form", Form, <<"n=x">>), alive("POST", "/multipart", Multipart, <<"--b\r\nbroken">>),
        alive("POST", "/multipart", Form, Parts)
    ]).

-spec streams_are_as_cowboys([term()]) -> ok.
streams_are_as_cowboys(Config) ->
    same(Config, [
        fetch("/stream"), old("GET", "/stream", []), fetch("/unended"), fetch("/sized"), fetch("/large"), fetch("/events"),
        fetch("/trailers"), fetch("/trailers", <<"TE: trailers\r\n">>)
    ]).

-spec crashes_are_answered_as_by_cowboy([term()]) -> ok.
crashes_are_answered_as_by_cowboy(Config) ->
    same(Config, [
        alive("GET", "/error"), alive("GET", "/throw"), alive("GET", "/exit"), alive("GET", "/exit_normal"),
        alive("GET", "/exit_shutdown"), alive("GET", "/bad_header"), alive("GET", "/replied_then_error"),
        alive("POST", "/error", [], <<"unread">>), alive("GET", "/describe?a=notanumber"), alive("GET", "/nothing")
    ]).

%% Cowboy 2.8.0 does not answer the one, and does not close after the other.
-spec requests_that_stall_cowboy_do_not_stall_farrier([term()]) -> ok.
requests_that_stall_cowboy_do_not_stall_farrier(Config) ->
    #{farrier := Port} = ?config(ports, Config),
    Form = <<"Content-Type: application/x-www-form-urlencoded\r\n">>,
    {ok, Killed} = exchange(alive("GET", "/killed"), Port),
    ?assertMatch(<<"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\nHTTP/1.1 299 ", _/binary>>, Killed),
    {ok, Large} = exchange(request("POST", "/form", Form, binary:copy(<<"a">>, 300000)), Port),
    ?assertMatch(<<"HTTP/1.1 413 Request Entity Too Large\r\n", _/binary>>, Large).

-spec rest_loop_and_static_handlers_are_as_cowboys([term()]) -> ok.
rest_loop_and_static_handlers_are_as_cowboys(Config) ->
    same(Config, [
        fetch("/rest/1"), head("/rest/1"), fetch("/rest/1", <<"Accept: application/json\r\n">>), fetch("/rest/1", <<"Accept: image/png\r\n">>),
        fetch("/rest/missing"), fetch("/rest/1", <<"If-None-Match: \"v1\"\r\n">>), request("POST", "/rest/1", [], <<"x">>),
        request("PUT", "/rest/1", <<"Content-Type: text/plain\r\n">>, <<"x">>),
        request("PUT", "/rest/1", <<"Content-Type: image/png\r\n">>, <<"x">>), request("DELETE", "/rest/1", [], <<>>),
        request("OPTIONS", "/rest/1", [], <<>>),
        fetch("/poll"), fetch("/sse"),
        fetch("/static/one"), head("/static/one"), fetch("/static/dir/beside_node.beam"), fetch("/static/dir/missing"),
        fetch("/static/dir/../x"), fetch("/static/one", <<"If-Modified-Since: Sun, 01 Jan 2090 00:00:00 GMT\r\n">>),
        fetch("/static/one", <<"Range: bytes=0-3\r\n">>)
    ]).

-spec routes_may_be_compiled_by_either([term()]) -> ok.
routes_may_be_compiled_by_either(Config) ->
    Requests = [fetch("/number/12"), fetch("/number/x"), fetch("/unknown"), fetch("/deep/a/b/c"), fetch("/%zz"), alive("GET", "/ws")],
    [same(Config, Ref, Requests) || Ref <- [compiled, stored]],
    ok.

-spec suspended_middleware_goes_on([term()]) -> ok.
suspended_middleware_goes_on(Config) ->
    same(Config, [fetch("/suspend?x")]).

%%% Sessions

-spec sessions_are_as_cowboys([term()]) -> ok.
sessions_are_as_cowboys(Config) ->
    Close = frame(8, <<1000:16, "bye">>),
    same(Config, [
        upgrade("/ws", [], [frame(1, <<"hello">>), frame(2, <<1, 2, 3>>), frame(9, <<"ping">>), Close]),
        upgrade("/ws", <<"Sec-WebSocket-Protocol: chat, mqtt\r\nUser-Agent: me\r\n">>, [Close]),
        upgrade("/ws", [], [frame(1, <<"crash">>)]),
        upgrade("/ws", [], [<<129, 1, "x">>]),
        <<(upgrade("/ws/refuse", <<"Connection: close\r\n">>, []))/binary>>,
        alive("GET", "/ws"), alive("POST", "/ws", <<"Upgrade: websocket\r\n">>, <<>>),
        upgrade("/ws/body", <<"Content-Length: 4\r\n">>, [<<"body">>, Close])
    ]).

-spec handlers_are_told_of_the_end_as_by_cowboy([term()]) -> ok.
handlers_are_told_of_the_end_as_by_cowboy(Config) ->
    #{cowboy := Cowboy, farrier := Farrier} = ?config(ports, Config),
    Requests = [fetch("/reply"), fetch("/nothing"), alive("GET", "/error"), alive("GET", "/throw"), alive("GET", "/exit"),
        fetch("/sse"), fetch("/poll"), fetch("/ws"),
        upgrade("/ws", [], [frame(8, <<>>)]), upgrade("/ws", [], [frame(1, <<"crash">>)]),
        upgrade("/ws", [], [<<129, 1, "x">>])],
    [begin
        {ok, _} = exchange(Request, Cowboy),
        Expected = told(?config(cowboy_peer, Config)),
        {ok, _} = exchange(Request, Farrier),
        ?assertEqual(Expected, told(?config(peer, Config), length(Expected), 100), Request)
     end || Request <- Requests],
    ok.

%% The client may see the end before the handler is told of it.
-spec told(pid(), non_neg_integer(), non_neg_integer()) -> [term()].
told(Peer, Count, Left) ->
    case told(Peer) of
        Notes when length(Notes) >= Count; Left =:= 0 -> Notes;
        Notes -> receive after 50 -> Notes ++ told(Peer, Count - length(Notes), Left - 1) end
    end.

-spec told(pid()) -> [term()].
told(Peer) -> [without_streamid(Note) || Note <- beside_node:notes(Peer)].

%% Handlers are told of it from Cowboy 2.14 on.
-spec without_streamid(term()) -> term().
without_streamid({terminate, Reason, Keys}) -> {terminate, Reason, lists:delete(streamid, Keys)};
without_streamid(Note) -> Note.

-spec upgrade_by_a_sub_protocol_is_refused_by_name([term()]) -> ok.
upgrade_by_a_sub_protocol_is_refused_by_name(Config) ->
    #{farrier := Port} = ?config(ports, Config),
    {ok, Answer} = exchange(upgrade("/ws/sub", <<"Connection: close\r\n">>, []), Port),
    ?assertMatch(<<"HTTP/1.1 500 ", _/binary>>, Answer).

%% Erlang can be asked who is at the other end of it, and what has passed.
-spec takeover_gets_the_socket_of_ranch([term()]) -> ok.
takeover_gets_the_socket_of_ranch(Config) ->
    #{taken := Port} = ?config(ports, Config),
    Socket = connect(Port),
    {ok, Address} = inet:sockname(Socket),
    ok = gen_tcp:send(Socket, upgrade("/ws", [], [frame(8, <<>>)])),
    {ok, Answer} = received(Socket, []),
    ?assertMatch({_, _}, binary:match(Answer, iolist_to_binary(io_lib:format("~p", [{{ok, Address}, true}])))).

-spec tls_of_ranch_is_served([term()]) -> ok.
tls_of_ranch_is_served(Config) ->
    {ok, _} = application:ensure_all_started(ssl),
    #{encrypted := Port} = ?config(ports, Config),
    {ok, Socket} = ssl:connect({127, 0, 0, 1}, Port, [binary, {active, false}, {verify, verify_none}]),
    ok = ssl:send(Socket, fetch("/describe")),
    Answer = decrypted(Socket, <<>>),
    ?assertMatch(<<"HTTP/1.1 200 OK\r\n", _/binary>>, Answer),
    ?assertMatch({_, _}, binary:match(Answer, <<"<<\"https\">>">>)).

-spec decrypted(ssl:sslsocket(), binary()) -> binary().
decrypted(Socket, Before) ->
    case ssl:recv(Socket, 0, ?PATIENCE) of
        {ok, Bytes} -> decrypted(Socket, <<Before/binary, Bytes/binary>>);
        {error, closed} -> Before
    end.

%%% Processes

-spec request_process_dies_with_its_client([term()]) -> ok.
request_process_dies_with_its_client(Config) ->
    {Socket, Pid} = waiting(Config),
    Monitor = watch(Pid, Config),
    ok = gen_tcp:close(Socket),
    ?assertEqual(shutdown, reason(Monitor)).

-spec request_process_dies_with_its_listener([term()]) -> ok.
request_process_dies_with_its_listener(Config) ->
    {Socket, Pid} = waiting(Config),
    Monitor = watch(Pid, Config),
    ok = peer:call(?config(peer, Config), owner(Config), stop_listener, [farrier]),
    ?assertEqual(shutdown, reason(Monitor)),
    ?assertEqual({error, closed}, gen_tcp:recv(Socket, 0, ?PATIENCE)).

-spec no_process_is_left([term()]) -> ok.
no_process_is_left(Config) ->
    #{farrier := Port} = ?config(ports, Config),
    Peer = ?config(peer, Config),
    [{ok, _} = exchange(Request, Port) || Request <- [fetch("/reply"), fetch("/error"), fetch("/killed"), fetch("/large"), fetch("/sse"),
        upgrade("/ws", [], [frame(8, <<>>)])]],
    [reason(watch(Pid, Config)) || Pid <- connections(Config) ++ requests(Peer)],
    ?assertEqual([], connections(Config)),
    ?assertEqual([], requests(Peer)).

%% Whose listener it is.
-spec owner([term()]) -> farrier | ranch.
owner(Config) ->
    case ?config(kind, Config) of
        cowboy -> farrier;
        ranch -> ranch
    end.

-spec connections([term()]) -> [pid()].
connections(Config) ->
    case ?config(kind, Config) of
        cowboy -> peer:call(?config(peer, Config), farrier, connections, [farrier]);
        ranch -> peer:call(?config(peer, Config), ranch, procs, [farrier, connections])
    end.

-spec requests(pid()) -> [pid()].
requests(Peer) ->
    [Pid || Pid <- peer:call(Peer, erlang, processes, []),
            peer:call(Peer, proc_lib, translate_initial_call, [Pid]) =:= {farrier_beside_request, init, 4}].

%% A client that waits for a response, and the process of its request.
-spec waiting([term()]) -> {gen_tcp:socket(), pid()}.
waiting(Config) ->
    #{farrier := Port} = ?config(ports, Config),
    Socket = connect(Port),
    ok = gen_tcp:send(Socket, fetch("/wait")),
    {Socket, waiting_process(?config(peer, Config))}.

-spec waiting_process(pid()) -> pid().
waiting_process(Peer) ->
    case beside_node:notes(Peer) of
        [{waiting, Pid}] -> Pid;
        [] -> waiting_process(Peer)
    end.

%% The other node is not connected by Erlang's distribution: a process over there watches and tells the one that asks.
-spec watch(pid(), [term()]) -> fun(() -> term()).
watch(Pid, Config) ->
    Peer = ?config(peer, Config),
    Watcher = peer:call(Peer, erlang, apply, [fun watcher/1, [Pid]]),
    fun() -> peer:call(Peer, erlang, apply, [fun ask/1, [Watcher]], ?PATIENCE) end.

-spec reason(fun(() -> term())) -> term().
reason(Watch) -> Watch().

%% These two run in the node.
-spec watcher(pid()) -> pid().
watcher(Pid) ->
    Self = self(),
    Watcher = spawn(fun() ->
        Monitor = monitor(process, Pid),
        Self ! watching,
        receive {'DOWN', Monitor, process, _, Reason} -> ok end,
        receive {ask, From} -> From ! {self(), Reason} end
    end),
    receive watching -> Watcher end.

-spec ask(pid()) -> term().
ask(Watcher) ->
    Watcher ! {ask, self()},
    receive {Watcher, Reason} -> Reason end.

%%% The same bytes to both

-spec same([term()], [binary()]) -> ok.
same(Config, Requests) ->
    same(Config, farrier, Requests).

-spec same([term()], atom(), [binary()]) -> ok.
same(Config, Ref, Requests) ->
    #{cowboy := Cowboy, Ref := Farrier} = ?config(ports, Config),
    Answers = [{Request, cookies(exchange(Request, Cowboy), Config), exchange(Request, Farrier)} || Request <- Requests],
    [?assertMatch({Request, {ok, <<"HTTP/1.1 ", _/binary>>}}, {Request, Theirs}) || {Request, Theirs, _} <- Answers],
    case [{head_of(Request), {cowboy, short(Theirs)}, {farrier, short(Ours)}} || {Request, Theirs, Ours} <- Answers, Theirs =/= Ours] of
        [] -> ok;
        Differences -> ct:fail("~p", [Differences])
    end.

-spec cookies({ok, binary()} | {error, term()}, [term()]) -> {ok, binary()} | {error, term()}.
cookies({ok, Answer}, Config) ->
    case ?config(kind, Config) of
        cowboy -> {ok, Answer};
        ranch -> {ok, binary:replace(Answer, <<"; Version=1">>, <<>>, [global])}
    end;
cookies(Error, _) ->
    Error.

-spec head_of(binary()) -> binary().
head_of(Request) -> hd(binary:split(Request, <<"\r\n\r\n">>)).

-spec short({ok, binary()} | {error, term()}) -> term().
short({ok, <<Bytes:2000/binary, Rest/binary>>}) -> {ok, Bytes, byte_size(Rest)};
short(Answer) -> Answer.

%% All that a server says until it closes, the dates in it left out.
-spec exchange(binary(), inet:port_number()) -> {ok, binary()} | {error, term()}.
exchange(Request, Port) ->
    Socket = connect(Port),
    ok = gen_tcp:send(Socket, Request),
    Answer = received(Socket, []),
    ok = gen_tcp:close(Socket),
    Answer.

-spec connect(inet:port_number()) -> gen_tcp:socket().
connect(Port) ->
    {ok, Socket} = gen_tcp:connect({127, 0, 0, 1}, Port, [binary, {active, false}, {nodelay, true}]),
    Socket.

-spec received(gen_tcp:socket(), iolist()) -> {ok, binary()} | {error, term()}.
received(Socket, Before) ->
    case gen_tcp:recv(Socket, 0, ?PATIENCE) of
        {ok, Bytes} -> received(Socket, [Before, Bytes]);
        {error, closed} -> {ok, undated(iolist_to_binary(Before))};
        {error, Reason} -> {error, {Reason, iolist_to_binary(Before)}}
    end.

-spec undated(binary()) -> binary().
undated(Bytes) ->
    re:replace(Bytes, "\\r\\ndate: [A-Z][a-z]{2}, \\d\\d [A-Z][a-z]{2} \\d{4} \\d\\d:\\d\\d:\\d\\d GMT\\r\\n", "\r\ndate: now\r\n",
        [global, {return, binary}]).

%%% Requests

-spec fetch(string()) -> binary().
fetch(Path) -> fetch(Path, []).

-spec fetch(string(), iodata()) -> binary().
fetch(Path, Headers) -> request("GET", Path, Headers).

-spec head(string()) -> binary().
head(Path) -> request("HEAD", Path, []).

%% A request that leaves the connection open, and another one to show that it is.
-spec alive(string(), string()) -> binary().
alive(Method, Path) ->
    iolist_to_binary([Method, " ", Path, " HTTP/1.1\r\nHost: localhost\r\n\r\n", fetch("/status")]).

-spec alive(string(), string(), iodata(), binary()) -> binary().
alive(Method, Path, Headers, Body) ->
    iolist_to_binary([Method, " ", Path, " HTTP/1.1\r\nHost: localhost\r\n", Headers, "Content-Length: ",
        integer_to_list(byte_size(Body)), "\r\n\r\n", Body, fetch("/status")]).

-spec request(string(), string(), iodata()) -> binary().
request(Method, Path, Headers) ->
    iolist_to_binary([Method, " ", Path, " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n", Headers, "\r\n"]).

-spec request(string(), string(), iodata(), binary()) -> binary().
request(Method, Path, Headers, Body) ->
    Length = integer_to_list(byte_size(Body)),
    iolist_to_binary([request(Method, Path, [Headers, "Content-Length: ", Length, "\r\n"]), Body]).

-spec chunked(string(), binary()) -> binary().
chunked(Path, Chunks) ->
    iolist_to_binary([request("POST", Path, "Transfer-Encoding: chunked\r\n"), Chunks]).

-spec old(string(), string(), iodata()) -> binary().
old(Method, Path, Headers) ->
    iolist_to_binary([Method, " ", Path, " HTTP/1.0\r\nHost: localhost\r\n", Headers, "\r\n"]).

-spec upgrade(string(), iodata(), [binary()]) -> binary().
upgrade(Path, Headers, Frames) ->
    iolist_to_binary(["GET ", Path, " HTTP/1.1\r\nHost: localhost\r\nConnection: upgrade\r\nUpgrade: websocket\r\n",
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", Headers, "\r\n" | Frames]).

%% A masked frame, with a mask that changes nothing.
-spec frame(0..15, binary()) -> binary().
frame(Opcode, Payload) when byte_size(Payload) < 126 ->
    <<1:1, 0:3, Opcode:4, 1:1, (byte_size(Payload)):7, 0:32, Payload/binary>>.
