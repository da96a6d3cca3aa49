%% @doc Where a listener listens and what it demands of connections, beside a real Cowboy: PROXY protocol, Unix sockets, ports that
%% are shared, limits.
-module(listener_SUITE).

-export([all/0, suite/0, init_per_suite/1, end_per_suite/1, end_per_testcase/2]).
-export([proxy_headers_are_as_cowboys/1, proxy_headers_are_as_the_protocol_says/1, bad_proxy_headers_are_closed_as_cowboy_does/1, a_proxy_header_may_come_byte_by_byte/1,
         a_slow_proxy_header_is_cut_off_and_counted/1, a_proxy_header_comes_before_tls/1, a_proxy_header_comes_before_http2/1, every_request_has_the_proxy_header/1]).
-export([unread_bodies_are_skipped/1, bodies_too_long_to_skip_end_the_connection/1]).
-export([unix_sockets_are_as_cowboys/1, websockets_work_over_unix_sockets/1, a_unix_sockets_file_comes_and_goes/1,
         bad_unix_sockets_are_refused/1, tls_works_over_unix_sockets/1]).
-export([a_port_is_shared_where_all_say_so/1, several_sockets_share_the_port/1, ipv6_is_dual_stack_or_not/1,
         options_of_the_socket_are_honoured/1]).
-export([heads_are_refused_as_cowboy_does/1, a_later_request_is_refused_for_its_own_reason/1, slow_heads_are_ended_as_cowboy_does/1, limits_of_certain_headers_are_their_own/1]).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-define(LOOPBACK, {ip, {127, 0, 0, 1}}).
-define(PATIENCE, 10000).
-define(GET, "GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").

-spec suite() -> [term()].
suite() -> [{timetrap, {seconds, 120}}].

-spec all() -> [atom()].
all() ->
    [proxy_headers_are_as_cowboys, proxy_headers_are_as_the_protocol_says, bad_proxy_headers_are_closed_as_cowboy_does, a_proxy_header_may_come_byte_by_byte,
     a_slow_proxy_header_is_cut_off_and_counted, a_proxy_header_comes_before_tls, a_proxy_header_comes_before_http2, every_request_has_the_proxy_header,
     unread_bodies_are_skipped, bodies_too_long_to_skip_end_the_connection,
     unix_sockets_are_as_cowboys, websockets_work_over_unix_sockets, a_unix_sockets_file_comes_and_goes,
     bad_unix_sockets_are_refused, tls_works_over_unix_sockets,
     a_port_is_shared_where_all_say_so, several_sockets_share_the_port, ipv6_is_dual_stack_or_not,
     options_of_the_socket_are_honoured,
     heads_are_refused_as_cowboy_does, a_later_request_is_refused_for_its_own_reason, slow_heads_are_ended_as_cowboy_does, limits_of_certain_headers_are_their_own].

-spec init_per_suite([term()]) -> [term()] | {fail, string()}.
init_per_suite(Config) ->
    {ok, _} = application:ensure_all_started(ssl),
    Dir = filename:join(?config(priv_dir, Config), "certificates"),
    ok = filelib:ensure_path(Dir),
    ok = tls_files:make(Dir),
    case oracle_node:oracle_path() of
        {ok, Path} ->
            {ok, _} = application:ensure_all_started(cowboy),
            [{cowboy, oracle_node:hold(Path)}, {certificates, Dir} | Config];
        {error, missing} ->
            {fail, "no real Cowboy to compare with: run `make deps', or name its directory in FARRIER_ORACLE_PLUGINS"}
    end.

-spec end_per_suite([term()]) -> ok.
end_per_suite(Config) ->
    oracle_node:stop(?config(cowboy, Config)),
    _ = application:stop(cowboy),
    ok.

-spec end_per_testcase(atom(), [term()]) -> ok.
end_per_testcase(_, Config) ->
    _ = [on(Where, unlisten, [Kind], Config) || Where <- [farrier, cowboy], Kind <- [clear, tls]],
    _ = [farrier:stop_listener(Ref) || Ref <- farrier_listener:refs()],
    ok.

%%% PROXY protocol

-spec proxy_headers_are_as_cowboys([term()]) -> ok.
proxy_headers_are_as_cowboys(Config) ->
    same(proxy_headers:good(), fun(Header) -> [Header, ?GET] end, #{proxy_header => true}, fun answered/1, Config).

%% What the protocol allows and Ranch 2.1 does not, and the other way round.
-spec proxy_headers_are_as_the_protocol_says([term()]) -> ok.
proxy_headers_are_as_the_protocol_says(Config) ->
    Port = on(farrier, listen, [clear, [?LOOPBACK, {port, 0}], #{proxy_header => true}], Config),
    {Allowed, Forbidden} = proxy_headers:beyond_ranch(),
    Send = fun(Header) -> exchange({127, 0, 0, 1}, Port, [Header, ?GET]) end,
    [?assertMatch({Name, true}, {Name, answered(Send(Header))}) || {Name, Header} <- Allowed],
    [?assertEqual({Name, <<>>}, {Name, Send(Header)}) || {Name, Header} <- Forbidden],
    ok.

-spec bad_proxy_headers_are_closed_as_cowboy_does([term()]) -> ok.
bad_proxy_headers_are_closed_as_cowboy_does(Config) ->
    same(proxy_headers:bad(), fun(Header) -> [Header, ?GET] end, #{proxy_header => true}, fun is_empty/1, Config),
    eventually:is(fun() ->
        #{connections := Connections, failed_handshakes := Failed} = farrier:info({listener_handler, clear}),
        Connections =:= 0 andalso Failed > 15
    end).

-spec a_proxy_header_may_come_byte_by_byte([term()]) -> ok.
a_proxy_header_may_come_byte_by_byte(Config) ->
    Port = on(farrier, listen, [clear, [?LOOPBACK, {port, 0}], #{proxy_header => true}], Config),
    [begin
         {ok, Socket} = connect(Port),
         ok = inet:setopts(Socket, [{nodelay, true}]),
         [ok = gen_tcp:send(Socket, <<Byte>>) || <<Byte>> <= Header],
         ok = gen_tcp:send(Socket, ?GET),
         Whole = exchange({127, 0, 0, 1}, Port, [Header, ?GET]),
         ?assertEqual({Name, told(Whole)}, {Name, told(rest(Socket, <<>>))})
     end || {Name, Header} <- proxy_headers:good()],
    ok.

-spec a_slow_proxy_header_is_cut_off_and_counted([term()]) -> ok.
a_slow_proxy_header_is_cut_off_and_counted(Config) ->
    Port = on(farrier, listen, [clear, [?LOOPBACK, {port, 0}], #{proxy_header => true, request_timeout => 200}], Config),
    [?assertEqual(<<>>, exchange({127, 0, 0, 1}, Port, Begun)) || Begun <- [<<>>, <<"PRO">>, <<"PROXY TCP4 1.2.3.4 ">>, <<13, 10, 13>>]],
    counted(#{connections => 0, failed_handshakes => 4}, 100).

%% The client may see the end before it is counted.
-spec counted(map(), non_neg_integer()) -> ok.
counted(Expected, Left) ->
    case maps:with(maps:keys(Expected), farrier:info({listener_handler, clear})) of
        Expected -> ok;
        Other when Left =:= 0 -> ct:fail("~p instead of ~p", [Other, Expected]);
        _ -> receive after 50 -> counted(Expected, Left - 1) end
    end.

-spec a_proxy_header_comes_before_tls([term()]) -> ok.
a_proxy_header_comes_before_tls(Config) ->
    {_, Header} = lists:keyfind("2 over TCP4", 1, proxy_headers:good()),
    [Farrier, Cowboy] = [begin
        Port = on(Where, listen, [tls, [?LOOPBACK, {port, 0} | certificate(Config)], #{proxy_header => true}], Config),
        {ok, Tcp} = connect(Port),
        ok = gen_tcp:send(Tcp, Header),
        {ok, Socket} = ssl:connect(Tcp, [{verify, verify_none}], ?PATIENCE),
        ok = ssl:send(Socket, ?GET),
        body(tls_rest(Socket, <<>>))
    end || Where <- [farrier, cowboy]],
    ?assertMatch({match, _}, re:run(Farrier, "src_port => 1234")),
    ?assertMatch({match, _}, re:run(Farrier, "<<\"https\">>")),
    ?assertEqual(Cowboy, Farrier).

-spec a_proxy_header_comes_before_http2([term()]) -> ok.
a_proxy_header_comes_before_http2(Config) ->
    {_, Header} = lists:keyfind("2 over TCP4", 1, proxy_headers:good()),
    %% RFC 7541: GET, http and / stand in its static table, as does the name :authority, whose value follows.
    Head = <<16#82, 16#86, 16#84, 16#41, 9, "localhost">>,
    Request = ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", http2_frame(4, 0, 0, <<>>), http2_frame(1, 2#101, 1, Head)],
    %% The last is one that Cowboy 2.8 does not take for HTTP/2, and ends somewhere on the way.
    Cases = [{"at once", fun(Socket) -> ok = gen_tcp:send(Socket, [Header, Request]) end},
             {"header first", fun(Socket) -> ok = gen_tcp:send(Socket, Header), ok = gen_tcp:send(Socket, Request) end},
             {"byte by byte", fun(Socket) -> [_ = gen_tcp:send(Socket, [Byte]) || <<Byte>> <= iolist_to_binary([Header, Request])] end}],
    [Farrier, Cowboy] = [begin
        Port = on(Where, listen, [clear, [?LOOPBACK, {port, 0}], #{proxy_header => true}], Config),
        [begin
            {ok, Socket} = connect(Port),
            _ = Send(Socket),
            {Name, http2_data(Socket)}
         end || {Name, Send} <- Cases]
    end || Where <- [farrier, cowboy]],
    [?assertMatch({{_, _}, {match, _}}, {Case, re:run(Data, "src_port => 1234")}) || {_, Data} = Case <- Farrier],
    ?assertEqual(lists:droplast(Cowboy), lists:droplast(Farrier)).

-spec http2_frame(byte(), byte(), non_neg_integer(), binary()) -> binary().
http2_frame(Type, Flags, Stream, Payload) -> <<(byte_size(Payload)):24, Type, Flags, 0:1, Stream:31, Payload/binary>>.

%% The first DATA frame's payload.
-spec http2_data(gen_tcp:socket()) -> binary().
http2_data(Socket) ->
    case gen_tcp:recv(Socket, 9, ?PATIENCE) of
        {ok, <<0:24, _:48>>} -> http2_data(Socket);
        {ok, <<Length:24, Type, _:40>>} ->
            {ok, Payload} = gen_tcp:recv(Socket, Length, ?PATIENCE),
            case Type of
                0 -> ok = gen_tcp:close(Socket), Payload;
                _ -> http2_data(Socket)
            end;
        {error, closed} -> <<"closed">>
    end.

-spec every_request_has_the_proxy_header([term()]) -> ok.
every_request_has_the_proxy_header(Config) ->
    Get = "GET / HTTP/1.1\r\nhost: localhost\r\n\r\n",
    Header = "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n",
    Port = on(farrier, listen, [clear, [?LOOPBACK, {port, 0}], #{proxy_header => true}], Config),
    Answers = exchange({127, 0, 0, 1}, Port, [Header, Get, Get, ?GET]),
    ?assertMatch({match, [_, _, _]}, re:run(Answers, "src_address => {1,2,3,4}", [global])),
    same([{"keys", <<>>}], fun(_) -> [Header, "GET /keys HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"] end,
        #{proxy_header => true}, fun answered/1, Config).

%%% Bodies that the handler does not read

-spec unread_bodies_are_skipped([term()]) -> ok.
unread_bodies_are_skipped(Config) ->
    Half = binary:copy(<<"GET /keys HTTP/1.1\r\nhost: a\r\n\r\n">>, 1000),
    Chunk = [integer_to_list(byte_size(Half), 16), "\r\n", Half, "\r\n"],
    Later = fun(First, Rest) -> fun(Socket) ->
        ok = gen_tcp:send(Socket, First),
        {ok, Head} = gen_tcp:recv(Socket, 0, ?PATIENCE),
        ok = gen_tcp:send(Socket, Rest),
        Head
    end end,
    %% Cowboy 2.8 skips no more than what has come before the response.
    Both = [{"in chunks", fun(Socket) -> gen_tcp:send(Socket, [post("transfer-encoding: chunked"), "1\r\na\r\n5;x=y\r\nhello\r\n0\r\n\r\n", ?GET]) end}],
    Farriers = [
        {"of a length", fun(Socket) -> gen_tcp:send(Socket, [post(["content-length: ", integer_to_list(2 * byte_size(Half))]), Half, Half, ?GET]) end},
        {"of a length, after the response", Later([post(["content-length: ", integer_to_list(2 * byte_size(Half))]), Half], [Half, ?GET])},
        {"expected to be asked for", Later(post("expect: 100-continue\r\ncontent-length: 5"), ["hello", ?GET])},
        {"in chunks, after the response", Later([post("transfer-encoding: chunked"), Chunk], [Chunk, "0\r\n\r\n", ?GET])}],
    ?assertEqual([], [{Where, Name, Answers} || {Where, Plays} <- [{cowboy, Both}, {farrier, Both ++ Farriers}],
                      {Name, Play} <- Plays, Answers <- [answers(Where, Play, #{}, Config)], Answers =/= 2]).

-spec bodies_too_long_to_skip_end_the_connection([term()]) -> ok.
bodies_too_long_to_skip_end_the_connection(Config) ->
    Sized = fun(Socket) -> gen_tcp:send(Socket, [post("content-length: 100000"), "begun"]) end,
    Chunks = fun(Socket) -> gen_tcp:send(Socket, [post("transfer-encoding: chunked"), "5\r\nhello\r\n", "6\r\n world\r\n"]) end,
    Silent = fun(Socket) -> gen_tcp:send(Socket, [post("content-length: 10"), "begun"]) end,
    Cases = [{"longer than allowed", Sized, #{max_skip_body_length => 10000}}, {"chunks longer than allowed", Chunks, #{max_skip_body_length => 10}},
             {"never ends", Silent, #{request_timeout => 200}}],
    ?assertEqual([], [{Name, Answers} || {Name, Play, Opts} <- Cases, Answers <- [answers(farrier, Play, Opts, Config)], Answers =/= 1]).

%% How many responses come before the server closes.
-spec answers(farrier | cowboy, fun((gen_tcp:socket()) -> term()), map(), [term()]) -> non_neg_integer().
answers(Where, Play, ProtoOpts, Config) ->
    _ = on(Where, unlisten, [clear], Config),
    {ok, Socket} = connect(on(Where, listen, [clear, [?LOOPBACK, {port, 0}], ProtoOpts], Config)),
    Seen = case Play(Socket) of
        Head when is_binary(Head) -> Head;
        _ -> <<>>
    end,
    case re:run(rest(Socket, Seen), "HTTP/1.1 200 OK\r\n", [global]) of
        {match, Found} -> length(Found);
        nomatch -> 0
    end.

-spec post(iodata()) -> iodata().
post(Field) -> ["POST / HTTP/1.1\r\nhost: localhost\r\n", Field, "\r\n\r\n"].

%%% Unix sockets

-spec unix_sockets_are_as_cowboys([term()]) -> ok.
unix_sockets_are_as_cowboys(Config) ->
    Path = path(Config, "same"),
    [Farrier, Cowboy] = [begin
        undefined = on(Where, listen, [clear, [{ip, {local, Path}}, {port, 0}], #{}], Config),
        Seen = {body(exchange({local, Path}, 0, ?GET)), on(Where, addresses, [clear], Config)},
        ok = on(Where, unlisten, [clear], Config),
        Seen
    end || Where <- [farrier, cowboy]],
    ?assertEqual(Cowboy, Farrier).

-spec websockets_work_over_unix_sockets([term()]) -> ok.
websockets_work_over_unix_sockets(Config) ->
    Path = path(Config, "ws"),
    undefined = on(farrier, listen, [clear, [{ifaddr, {local, Path}}, {port, 0}], #{}], Config),
    {ok, Socket} = gen_tcp:connect({local, Path}, 0, [local, binary, {active, false}]),
    ok = gen_tcp:send(Socket, handshake()),
    {ok, <<"HTTP/1.1 101 ", _/binary>>} = gen_tcp:recv(Socket, 0, ?PATIENCE),
    Large = binary:copy(<<"0123456789">>, 50000),
    [begin
         ok = gen_tcp:send(Socket, frame(Text)),
         Length = byte_size(Text),
         Head = case Length of
             _ when Length < 126 -> <<16#81, Length>>;
             _ -> <<16#81, 127, Length:64>>
         end,
         ?assertEqual({ok, <<Head/binary, Text/binary>>}, gen_tcp:recv(Socket, byte_size(Head) + Length, ?PATIENCE))
     end || Text <- [<<"hi">>, Large, <<>>]],
    ok = gen_tcp:send(Socket, <<16#88, 16#82, 0:32, 1000:16>>),
    ?assertEqual(<<16#88, 2, 1000:16>>, rest(Socket, <<>>)).

-spec a_unix_sockets_file_comes_and_goes([term()]) -> ok.
a_unix_sockets_file_comes_and_goes(Config) ->
    Path = path(Config, "file"),
    Ref = {listener_handler, clear},
    undefined = on(farrier, listen, [clear, [{ip, {local, Path}}, {port, 0}], #{}], Config),
    ok = ranch:suspend_listener(Ref),
    ?assertEqual({error, econnrefused}, gen_tcp:connect({local, Path}, 0, [local])),
    ?assertEqual({undefined, undefined}, ranch:get_addr(Ref)),
    ok = ranch:resume_listener(Ref),
    ?assertMatch(<<"HTTP/1.1 200 ", _/binary>>, exchange({local, Path}, 0, ?GET)),
    ok = cowboy:stop_listener(Ref),
    ?assertEqual({error, enoent}, file:read_file_info(Path)).

%% What Erlang can't listen on either.
-spec bad_unix_sockets_are_refused([term()]) -> ok.
bad_unix_sockets_are_refused(Config) ->
    Start = fun(Options) -> cowboy:start_clear(?FUNCTION_NAME, Options, #{}) end,
    ?assertEqual({error, enoent}, Start([{ip, {local, path(Config, "no/such/directory")}}])),
    ?assertEqual({error, einval}, Start([{ip, {local, lists:duplicate(200, $a)}}])),
    ?assertMatch({error, {bad_option, port, 1, _}}, Start([{ip, {local, path(Config, "port")}}, {port, 1}])),
    ?assertMatch({error, {bad_option, ip, {local, []}, _}}, Start([{ip, {local, ""}}])),
    File = path(Config, "regular"),
    ok = file:write_file(File, <<"mine">>),
    ?assertEqual({error, eaddrinuse}, Start([{ip, {local, File}}])),
    ?assertEqual({ok, <<"mine">>}, file:read_file(File)).

-spec tls_works_over_unix_sockets([term()]) -> ok.
tls_works_over_unix_sockets(Config) ->
    Path = path(Config, "tls"),
    undefined = on(farrier, listen, [tls, [{ip, {local, Path}}, {port, 0} | certificate(Config)], #{}], Config),
    {ok, Local} = gen_tcp:connect({local, Path}, 0, [local, binary, {active, false}]),
    {ok, Socket} = ssl:connect(Local, [{verify, verify_none}], ?PATIENCE),
    ok = ssl:send(Socket, ?GET),
    ?assertMatch(<<"HTTP/1.1 200 ", _/binary>>, tls_rest(Socket, <<>>)).

%%% Ports and options of the socket

-spec a_port_is_shared_where_all_say_so([term()]) -> ok.
a_port_is_shared_where_all_say_so(_) ->
    Shared = {raw, 1, 15, <<1:32/native>>},
    {ok, _} = cowboy:start_clear(first, [?LOOPBACK, {port, 0}, Shared], #{}),
    Port = ranch:get_port(first),
    ?assertEqual({error, eaddrinuse}, cowboy:start_clear(second, [?LOOPBACK, {port, Port}], #{})),
    {ok, _} = cowboy:start_clear(second, [?LOOPBACK, {port, Port}, Shared], #{}),
    _ = [begin {ok, Socket} = connect(Port), Socket end || _ <- lists:seq(1, 64)],
    ok = accepted([first, second], 64, fun(Counts) -> lists:all(fun(Count) -> Count > 0 end, Counts) end).

-spec several_sockets_share_the_port([term()]) -> ok.
several_sockets_share_the_port(Config) ->
    Options = #{num_listen_sockets => 3, num_acceptors => 3, socket_opts => [?LOOPBACK, {port, 0}, {raw, 1, 15, <<1:32/native>>}]},
    Port = on(farrier, listen, [clear, Options, #{}], Config),
    {ok, Listening} = file:read_file("/proc/net/tcp"),
    Line = io_lib:format("0100007F:~4.16.0B 00000000:0000 0A", [Port]),
    ?assertMatch({match, [_, _, _]}, re:run(Listening, Line, [global])),
    [?assertMatch(<<"HTTP/1.1 200 ", _/binary>>, exchange({127, 0, 0, 1}, Port, ?GET)) || _ <- lists:seq(1, 16)],
    ok = ranch:suspend_listener({listener_handler, clear}),
    ?assertEqual({error, econnrefused}, connect(Port)).

-spec ipv6_is_dual_stack_or_not([term()]) -> ok.
ipv6_is_dual_stack_or_not(_) ->
    Start = fun(Ref, Options) -> {ok, _} = cowboy:start_clear(Ref, [inet6, {port, 0} | Options], #{}), ranch:get_port(Ref) end,
    Both = Start(both, [{ipv6_v6only, false}]),
    ?assertMatch({ok, _}, connect(Both)),
    ?assertMatch({ok, _}, gen_tcp:connect({0, 0, 0, 0, 0, 0, 0, 1}, Both, [inet6])),
    Only = Start(only, [{ipv6_v6only, true}]),
    ?assertMatch({ok, _}, gen_tcp:connect({0, 0, 0, 0, 0, 0, 0, 1}, Only, [inet6])),
    ?assertEqual({error, econnrefused}, connect(Only)).

-spec options_of_the_socket_are_honoured([term()]) -> ok.
options_of_the_socket_are_honoured(Config) ->
    Options = [{linger, {true, 5}}, {priority, 1}, {tos, 16#10}, {keepalive, true}, {delay_send, true}, {high_watermark, 8192}],
    Port = on(farrier, listen, [clear, [?LOOPBACK, {port, 0} | Options], #{}], Config),
    ?assertMatch(<<"HTTP/1.1 200 ", _/binary>>, exchange({127, 0, 0, 1}, Port, ?GET)),
    ?assertMatch({error, enodev}, cowboy:start_clear(nowhere, [{port, 0}, {bind_to_device, <<"nowhere0">>}], #{})).

%%% Limits

-spec heads_are_refused_as_cowboy_does([term()]) -> ok.
heads_are_refused_as_cowboy_does(Config) ->
    same(heads(), fun(Head) -> Head end, #{}, fun has_status/1, Config).

-spec heads() -> [{string(), iodata()}].
heads() ->
    Host = "host: a\r\n",
    [{"HTTP/1.2", ["GET / HTTP/1.2\r\n", Host, "\r\n"]},
     {"HTTP/2.0", ["GET / HTTP/2.0\r\n", Host, "\r\n"]},
     {"HTTP/0.9", ["GET / HTTP/0.9\r\n", Host, "\r\n"]},
     {"HTTX", ["GET / HTTX/1.1\r\n", Host, "\r\n"]},
     {"no version", ["GET /\r\n", Host, "\r\n"]},
     {"five empty lines", [lists:duplicate(5, "\r\n"), ?GET]},
     {"six empty lines", [lists:duplicate(6, "\r\n"), ?GET]},
     {"a method of 31 bytes", [x(31), " / HTTP/1.1\r\n", Host, "connection: close\r\n\r\n"]},
     {"a method of 33 bytes", [x(33), " / HTTP/1.1\r\n", Host, "\r\n"]},
     {"CONNECT", ["CONNECT a:80 HTTP/1.1\r\n", Host, "\r\n"]},
     {"TRACE", ["TRACE / HTTP/1.1\r\n", Host, "\r\n"]},
     {"100 headers", ["GET / HTTP/1.1\r\n", Host, "connection: close\r\n", headers(98), "\r\n"]},
     {"101 headers", ["GET / HTTP/1.1\r\n", Host, "connection: close\r\n", headers(99), "\r\n"]},
     {"no host", ["GET / HTTP/1.1\r\n\r\n"]},
     {"a space before the colon", ["GET / HTTP/1.1\r\nhost : a\r\n\r\n"]},
     {"no colon", ["GET / HTTP/1.1\r\nhost\r\n\r\n"]},
     {"no method", [" / HTTP/1.1\r\n\r\n"]},
     {"two spaces", ["GET  / HTTP/1.1\r\n\r\n"]},
     {"a relative target", ["GET a HTTP/1.1\r\n", Host, "\r\n"]},
     {"an absolute target", ["GET http://a/x HTTP/1.1\r\n", Host, "connection: close\r\n\r\n"]},
     {"an absolute target of another host", ["GET http://b/x HTTP/1.1\r\n", Host, "\r\n"]},
     {"an absolute target with a user", ["GET http://me@a/x HTTP/1.1\r\n", Host, "\r\n"]},
     {"an absolute target with a host too long", ["GET http://", x(300), "/x HTTP/1.1\r\nhost: ", x(300), "\r\n\r\n"]},
     {"OPTIONS *", ["OPTIONS * HTTP/1.1\r\n", Host, "connection: close\r\n\r\n"]},
     {"a line without an end", ["GET /", x(9000)]}].

%% Cowboy may lose the first answer.
-spec a_later_request_is_refused_for_its_own_reason([term()]) -> ok.
a_later_request_is_refused_for_its_own_reason(Config) ->
    Port = on(farrier, listen, [clear, [?LOOPBACK, {port, 0}], #{}], Config),
    Get = "GET / HTTP/1.1\r\nhost: a\r\n\r\n",
    [begin
         {ok, Socket} = connect(Port),
         ok = gen_tcp:send(Socket, Get),
         {ok, <<"HTTP/1.1 200 ", _/binary>>} = gen_tcp:recv(Socket, 0, ?PATIENCE),
         ok = gen_tcp:send(Socket, Bad),
         ?assertMatch({Bad, <<"HTTP/1.1 ", Status:3/binary, _/binary>>}, {Bad, rest(Socket, <<>>)})
     end || {Bad, Status} <- [{"GET / HTTP/1.2\r\n\r\n", <<"505">>}, {lists:duplicate(6, "\r\n"), <<"400">>},
                              {["GET /", x(9000)], <<"414">>}]],
    ok.

%% Before a request line has come whole there is nothing to answer.
-spec slow_heads_are_ended_as_cowboy_does([term()]) -> ok.
slow_heads_are_ended_as_cowboy_does(Config) ->
    Begun = [{"nothing", <<>>}, {"an empty line", <<"\r\n">>}, {"half a request line", <<"GET / HT">>},
             {"a request line", <<"GET / HTTP/1.1\r\n">>}, {"half a header", <<"GET / HTTP/1.1\r\nhost: a\r\nx">>}],
    same(Begun, fun(Bytes) -> Bytes end, #{request_timeout => 300}, fun is_empty_or_408/1, Config).

%% Cowboy 2.15 has them.
-spec limits_of_certain_headers_are_their_own([term()]) -> ok.
limits_of_certain_headers_are_their_own(Config) ->
    Limits = #{max_header_value_length => 100, max_cookie_header_value_length => 200, max_authorization_header_value_length => 50},
    Port = on(farrier, listen, [clear, [?LOOPBACK, {port, 0}], Limits], Config),
    [?assertMatch({Name, Length, <<"HTTP/1.1 ", Status:3/binary, _/binary>>},
        {Name, Length, exchange({127, 0, 0, 1}, Port, ["GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n", Name, ": ", x(Length), "\r\n\r\n"])})
     || {Name, Length, Status} <- [{"x", 100, <<"200">>}, {"x", 101, <<"431">>}, {"cookie", 200, <<"200">>},
                                   {"cookie", 201, <<"431">>}, {"Authorization", 50, <<"200">>}, {"authorization", 51, <<"431">>}]],
    ok.

%%% Comparing

%% Runs a function of the handler's module on farrier, which is here, or on the real Cowboy.
-spec on(farrier | cowboy, atom(), [term()], [term()]) -> term().
on(farrier, Function, Args, _) -> apply(listener_handler, Function, Args);
on(cowboy, Function, Args, Config) -> peer:call(?config(cowboy, Config), listener_handler, Function, Args).

%% Both answer everything alike, and as `Check' expects.
-spec same([{string(), T}], fun((T) -> iodata()), map(), fun((binary()) -> boolean()), [term()]) -> ok.
same(Cases, Bytes, ProtoOpts, Check, Config) ->
    _ = [on(Where, unlisten, [clear], Config) || Where <- [farrier, cowboy]],
    Ports = [on(Where, listen, [clear, [?LOOPBACK, {port, 0}], ProtoOpts], Config) || Where <- [cowboy, farrier]],
    Wrong = [{Name, Cowboy, Farrier} || {Name, Case} <- Cases,
             [Cowboy, Farrier] <- [[exchange({127, 0, 0, 1}, Port, Bytes(Case)) || Port <- Ports]],
             not Check(Cowboy) orelse told(Cowboy) =/= told(Farrier)],
    ?assertEqual([], Wrong).

%% The status line and the body: dates differ.
-spec told(binary()) -> {binary(), binary()} | none.
told(<<>>) -> none;
told(Response) ->
    [Line, _] = binary:split(Response, <<"\r\n">>),
    {Line, body(Response)}.

-spec answered(binary()) -> boolean().
answered(<<"HTTP/1.1 200 ", _/binary>>) -> true;
answered(_) -> false.

-spec has_status(binary()) -> boolean().
has_status(<<"HTTP/1.1 ", _/binary>>) -> true;
has_status(_) -> false.

-spec is_empty(binary()) -> boolean().
is_empty(Response) -> Response =:= <<>>.

-spec is_empty_or_408(binary()) -> boolean().
is_empty_or_408(<<"HTTP/1.1 408 ", _/binary>>) -> true;
is_empty_or_408(Response) -> is_empty(Response).

%%% Clients

-spec connect(inet:port_number()) -> {ok, gen_tcp:socket()} | {error, term()}.
connect(Port) -> gen_tcp:connect({127, 0, 0, 1}, Port, [binary, {active, false}]).

%% All that comes before the server closes.
-spec exchange(inet:ip_address() | {local, file:filename()}, inet:port_number(), iodata()) -> binary().
exchange(Address, Port, Bytes) ->
    Family = case Address of {local, _} -> [local]; _ -> [] end,
    {ok, Socket} = gen_tcp:connect(Address, Port, [binary, {active, false} | Family]),
    _ = gen_tcp:send(Socket, Bytes),
    rest(Socket, <<>>).

-spec rest(gen_tcp:socket(), binary()) -> binary().
rest(Socket, Received) ->
    case gen_tcp:recv(Socket, 0, ?PATIENCE) of
        {ok, Bytes} -> rest(Socket, <<Received/binary, Bytes/binary>>);
        {error, Reason} when Reason =:= closed; Reason =:= econnreset -> Received
    end.

-spec tls_rest(ssl:sslsocket(), binary()) -> binary().
tls_rest(Socket, Received) ->
    case ssl:recv(Socket, 0, ?PATIENCE) of
        {ok, Bytes} -> tls_rest(Socket, <<Received/binary, Bytes/binary>>);
        {error, closed} -> Received
    end.

-spec body(binary()) -> binary().
body(Response) ->
    [_, Body] = binary:split(Response, <<"\r\n\r\n">>),
    Body.

-spec handshake() -> iodata().
handshake() ->
    ["GET /ws HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n",
     "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"].

-spec frame(binary()) -> iodata().
frame(Text) when byte_size(Text) < 126 -> [<<16#81, 1:1, (byte_size(Text)):7, 0:32>>, Text];
frame(Text) -> [<<16#81, 16#ff, (byte_size(Text)):64, 0:32>>, Text].

%% Waits until the listeners together have accepted so many connections, and looks at how many each has.
-spec accepted([atom()], pos_integer(), fun(([non_neg_integer()]) -> boolean())) -> ok.
accepted(Refs, Sum, Check) ->
    Counts = [maps:get(accepted, farrier:info(Ref)) || Ref <- Refs],
    case lists:sum(Counts) of
        Sum -> ?assert(Check(Counts));
        _ -> erlang:yield(), accepted(Refs, Sum, Check)
    end.

-spec certificate([term()]) -> [term()].
certificate(Config) ->
    Dir = ?config(certificates, Config),
    [{certfile, filename:join(Dir, "localhost.pem")}, {keyfile, filename:join(Dir, "localhost.key")}].

%% Paths of sockets are short.
-spec path([term()], string()) -> file:filename().
path(Config, Name) ->
    Number = erlang:phash2(?config(priv_dir, Config)),
    Path = filename:join(os:getenv("TMPDIR", "/tmp"), io_lib:format("farrier-~b-~s", [Number, Name])),
    _ = file:delete(Path),
    unicode:characters_to_list(Path).

-spec x(pos_integer()) -> binary().
x(Length) -> binary:copy(<<"x">>, Length).

-spec headers(pos_integer()) -> iodata().
headers(Count) -> [["h", integer_to_list(N), ": a\r\n"] || N <- lists:seq(1, Count)].
