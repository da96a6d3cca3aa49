%% @doc What shares a listener with the WebSocket handlers of Cowboy 0.2 to 0.6: the Req and its functions, dispatch lists, plain, loop
%% and static handlers, options, and handlers of other generations.
-module(generation_0_http_SUITE).

-export([all/0, suite/0, init_per_suite/1, end_per_suite/1, init_per_testcase/2, end_per_testcase/2]).
-export([the_req_is_the_record/1, what_the_request_says/1, headers_have_their_names/1, headers_are_parsed/1, cookies/1,
    a_compacted_req/1, the_client_s_address/1, bodies/1, bodies_in_pieces/1, forms/1, parts/1, too_long_a_body/1, replies/1,
    what_was_set_is_sent/1, bodies_from_a_fun/1, chunks/1, a_second_reply_fails/1, plain_handlers/1, crashes_of_plain_handlers/1,
    shutdown_of_init/1, loops/1, crashes_of_loops/1, dispatch_lists/1, bad_requests/1, long_lines/1, the_decoder_of_the_listener/1,
    the_last_request_of_a_connection/1, hooks/1, options_are_checked/1, options_are_changed/1, a_listener_of_ones_own/1, files/1,
    generations_in_one_node/1, generations_in_one_listener/1, half_renamed_handlers/1, routes_of_cowboy_1/1]).

-include_lib("stdlib/include/assert.hrl").
-include_lib("cowboy/include/http.hrl").

-import(oracle_frame, [text/1, close/0, hex/1]).
-import(pre_client, [send/2, handshake/0, handshake/2, head/1, received/2, until_eof/1, exit_of/1, calls/1, next_call/0, started/0,
    open/1]).
-import(old_client, [connect/2, connect/3, listen/1, listen/2, unlisten/0, ask/2, ask/3, request/2]).

-define(GET, "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").

-spec suite() -> [term()].
suite() -> [{timetrap, {seconds, 60}}].

-spec all() -> [atom()].
all() ->
    [Name || {Name, 1} <- ?MODULE:module_info(exports),
        not lists:member(Name, [init_per_suite, end_per_suite, module_info])].

-spec init_per_suite([term()]) -> [term()].
init_per_suite(Config) ->
    {ok, Started} = application:ensure_all_started(cowboy),
    [{started, Started} | Config].

-spec end_per_suite([term()]) -> ok.
end_per_suite(Config) ->
    [ok = application:stop(App) || App <- lists:reverse(proplists:get_value(started, Config))],
    ok.

-spec init_per_testcase(atom(), [term()]) -> [term()].
init_per_testcase(_, Config) -> Config.

-spec end_per_testcase(atom(), [term()]) -> ok.
end_per_testcase(_, _) ->
    _ = cowboy:stop_listener(other),
    unlisten().

%%% The Req

-spec the_req_is_the_record([term()]) -> ok.
the_req_is_the_record(_) ->
    Req = ask("GET /a%20b//c/?q=1&r HTTP/1.1\r\nHost: Forge.EU:8080\r\nX-Two: 1\r\nX-Two: 2\r\nConnection: keep-alive\r\n\r\n", fun(R) -> R end,
        [n, '_', '...']),
    #http_req{transport = cowboy_tcp_transport, connection = keepalive, pid = Pid, method = 'GET', version = {1, 1}, peer = {{127, 0, 0, 1}, _}} = Req,
    ?assert(is_pid(Pid)),
    ?assertEqual(
        {[<<"forge">>, <<"eu">>], undefined, <<"forge.eu">>, 8080},
        {Req#http_req.host, Req#http_req.host_info, Req#http_req.raw_host, Req#http_req.port}),
    ?assertEqual(
        {[<<"a b">>, <<>>, <<"c">>], [<<"c">>], <<"/a%20b//c/">>, undefined, <<"q=1&r">>, [{n, <<"a b">>}]},
        {Req#http_req.path, Req#http_req.path_info, Req#http_req.raw_path, Req#http_req.qs_vals, Req#http_req.raw_qs, Req#http_req.bindings}),
    ?assertEqual([{'Connection', <<"keep-alive">>}, {<<"X-Two">>, <<"2">>}, {<<"X-Two">>, <<"1">>}, {'Host', <<"forge.eu">>}],
        Req#http_req.headers),
    ?assertEqual({[], undefined, [], waiting, <<>>, waiting, [], <<>>, undefined},
        {Req#http_req.p_headers, Req#http_req.cookies, Req#http_req.meta, Req#http_req.body_state, Req#http_req.buffer,
            Req#http_req.resp_state, Req#http_req.resp_headers, Req#http_req.resp_body, Req#http_req.onresponse}),
    ?assertEqual(29, tuple_size(Req)),
    ?assertEqual(
        [socket, transport, connection, pid, method, version, peer, host, host_info, raw_host, port, path, path_info, raw_path, qs_vals, raw_qs,
            bindings, headers, p_headers, cookies, meta, body_state, buffer, resp_state, resp_headers, resp_body, onresponse, urldecode],
        record_info(fields, http_req)).

-spec what_the_request_says([term()]) -> ok.
what_the_request_says(_) ->
    Request = "PATCH /a/b?x=1&y&z=%41+b HTTP/1.0\r\nHost: localhost\r\n\r\n",
    Get = fun(Function, Args) -> {Value, #http_req{}} = apply(cowboy_http_req, Function, Args), Value end,
    Said = ask(Request, fun(Req) ->
        {ok, Transport, Socket} = cowboy_http_req:transport(Req),
        {ok, {Address, _}} = Transport:peername(Socket),
        {ok, {Address, _}} = Transport:sockname(Socket),
        tcp = Transport:name(),
        [Get(method, [Req]), Get(version, [Req]), Get(host, [Req]), Get(host_info, [Req]), Get(raw_host, [Req]), Get(port, [Req]), Get(path, [Req]),
            Get(path_info, [Req]), Get(raw_path, [Req]), Get(raw_qs, [Req]), Get(qs_vals, [Req]), Get(qs_val, [<<"x">>, Req]),
            Get(qs_val, [<<"y">>, Req]), Get(qs_val, [<<"z">>, Req]), Get(qs_val, [<<"w">>, Req]), Get(qs_val, [<<"w">>, Req, default]),
            Get(bindings, [Req]), Get(binding, [b, Req]), Get(binding, [c, Req]), Get(binding, [c, Req, default]), Get(meta, [m, Req]),
            Get(meta, [m, Req, default]), element(1, Get(peer, [Req])), Get(has_body, [Req]), Get(body_length, [Req])]
    end, ['_', b]),
    ?assertEqual(
        [<<"PATCH">>, {1, 0}, [<<"localhost">>], undefined, <<"localhost">>, 80, [<<"a">>, <<"b">>], undefined, <<"/a/b">>, <<"x=1&y&z=%41+b">>,
            [{<<"x">>, <<"1">>}, {<<"y">>, true}, {<<"z">>, <<"A b">>}], <<"1">>, true, <<"A b">>, undefined, default, [{b, <<"b">>}], <<"b">>,
            undefined, default, undefined, default, {127, 0, 0, 1}, false, 0],
        Said).

-spec headers_have_their_names([term()]) -> ok.
headers_have_their_names(_) ->
    Request = "GET / HTTP/1.1\r\nhost: a\r\nUSER-AGENT: old\r\nsec-websocket-KEY: k\r\nx-a: 1\r\nX-A: 2\r\nx-forwarded-for: 1.2.3.4\r\n\r\n",
    Header = fun(Name, Req) -> {Value, Req} = cowboy_http_req:header(Name, Req), Value end,
    ?assertEqual(
        [<<"a">>, <<"old">>, <<"k">>, <<"2">>, <<"1.2.3.4">>, <<"1.2.3.4">>, undefined, undefined, undefined, undefined],
        ask(Request, fun(Req) ->
            [Header(Name, Req) || Name <- ['Host', 'User-Agent', <<"Sec-Websocket-Key">>, <<"X-A">>, 'X-Forwarded-For', <<"X-Forwarded-For">>,
                <<"User-Agent">>, <<"user-agent">>, <<"sec-websocket-key">>, 'Cookie']]
        end)),
    ?assertEqual(default, ask(Request, fun(Req) -> element(1, cowboy_http_req:header('Cookie', Req, default)) end)),
    ?assertEqual(['X-Forwarded-For', <<"X-A">>, <<"X-A">>, <<"Sec-Websocket-Key">>, 'User-Agent', 'Host'],
        ask(Request, fun(Req) -> {Headers, Req} = cowboy_http_req:headers(Req), [Name || {Name, _} <- Headers] end)).

-spec headers_are_parsed([term()]) -> ok.
headers_are_parsed(_) ->
    Rows = [
        {"Accept: text/html;level=1;q=0.5, */*", 'Accept',
            [{{<<"text">>, <<"html">>, [{<<"level">>, <<"1">>}]}, 500, []}, {{<<"*">>, <<"*">>, []}, 1000, []}]},
        {"Accept-Charset: utf-8;q=0.1", 'Accept-Charset', [{<<"utf-8">>, 100}]},
        {"Accept-Encoding: gzip, *;q=0", 'Accept-Encoding', [{<<"gzip">>, 1000}, {<<"*">>, 0}]},
        {"Accept-Language: en-GB, de;q=0.8", 'Accept-Language', [{<<"en-gb">>, 1000}, {<<"de">>, 800}]},
        {"Connection: Keep-Alive, Upgrade", 'Connection', [<<"keep-alive">>, <<"upgrade">>]},
        {"Content-Type: text/plain; charset=UTF-8", 'Content-Type', {<<"text">>, <<"plain">>, [{<<"charset">>, <<"utf-8">>}]}},
        {"If-None-Match: \"a\", W/\"b\"", 'If-None-Match', [{strong, <<"a">>}, {weak, <<"b">>}]},
        {"If-Match: *", 'If-Match', '*'},
        {"If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT", 'If-Modified-Since', {{1994, 11, 6}, {8, 49, 37}}},
        {"Upgrade: WebSocket, h2c", 'Upgrade', [<<"websocket">>, <<"h2c">>]},
        {"X-A: 1", 'Connection', []},
        {"X-A: 1", 'Transfer-Encoding', [<<"identity">>]},
        {"X-A: 1", 'Accept', undefined}
    ],
    [?assertEqual({Line, Parsed}, {Line, ask(["GET / HTTP/1.1\r\nHost: a\r\n", Line, "\r\n\r\n"], fun(Req) ->
        {Term, Req2} = cowboy_http_req:parse_header(Name, Req),
        %% The second time from the Req.
        {Term, Req2} = cowboy_http_req:parse_header(Name, Req2),
        Term
     end)}) || {Line, Name, Parsed} <- Rows],
    ?assertEqual([{undefined, <<"x, y">>}, {undefined, undefined}, {undefined, default}, {error, badarg}, default],
        ask("GET / HTTP/1.1\r\nHost: a\r\nSec-WebSocket-Protocol: x, y\r\nIf-Match: bad\r\n\r\n", fun(Req) ->
            {A, B, _} = cowboy_http_req:parse_header(<<"Sec-Websocket-Protocol">>, Req),
            {C, D, _} = cowboy_http_req:parse_header(<<"X-B">>, Req),
            {E, F, _} = cowboy_http_req:parse_header(<<"X-B">>, Req, default),
            {G, _} = cowboy_http_req:parse_header('Accept', Req, default),
            [{A, B}, {C, D}, {E, F}, cowboy_http_req:parse_header('If-Match', Req), G]
        end)).

-spec cookies([term()]) -> ok.
cookies(_) ->
    Request = "GET / HTTP/1.1\r\nHost: a\r\nCookie: session=12; $Path=/; theme=\"dark blue\"\r\n\r\n",
    ?assertEqual([<<"12">>, <<"dark blue">>, undefined, default, [{<<"session">>, <<"12">>}, {<<"theme">>, <<"dark blue">>}]],
        ask(Request, fun(Req0) ->
            {A, Req} = cowboy_http_req:cookie(<<"session">>, Req0),
            {B, _} = cowboy_http_req:cookie(<<"theme">>, Req),
            {C, _} = cowboy_http_req:cookie(<<"x">>, Req),
            {D, _} = cowboy_http_req:cookie(<<"x">>, Req, default),
            [A, B, C, D, element(1, cowboy_http_req:cookies(Req0))]
        end)),
    ?assertEqual({[], undefined}, ask(?GET, fun(Req) ->
        {element(1, cowboy_http_req:cookies(Req)), element(1, cowboy_http_req:cookie(<<"a">>, Req))} end)).

-spec a_compacted_req([term()]) -> ok.
a_compacted_req(_) ->
    Request = "GET /a?b HTTP/1.1\r\nHost: forge.eu\r\nCookie: a=b\r\n\r\n",
    ?assertMatch({undefined, undefined, undefined, undefined, {<<"forge.eu">>, <<"/a">>, <<"b">>, 80}, {{127, 0, 0, 1}, _}, {'EXIT', _}},
        ask(Request, fun(Req0) ->
            Req = cowboy_http_req:compact(Req0),
            #http_req{headers = [], p_headers = [], cookies = [], qs_vals = undefined, bindings = undefined, host_info = undefined} = Req,
            Get = fun(F) -> element(1, cowboy_http_req:F(Req)) end,
            {element(1, cowboy_http_req:header('Host', Req)), Get(host), Get(path), Get(path_info),
                {Get(raw_host), Get(raw_path), Get(raw_qs), Get(port)}, Get(peer), catch cowboy_http_req:binding(a, Req)}
        end)).

-spec the_client_s_address([term()]) -> ok.
the_client_s_address(_) ->
    Rows = [{"", {127, 0, 0, 1}}, {"X-Forwarded-For: 1.2.3.4, 5.6.7.8\r\n", {1, 2, 3, 4}},
        {"X-Forwarded-For: 1.2.3.4\r\nX-Real-IP: 9.9.9.9\r\n", {9, 9, 9, 9}}, {"X-Real-Ip: nobody\r\n", {127, 0, 0, 1}}],
    [?assertEqual({Lines, Address}, {Lines, ask(["GET / HTTP/1.1\r\nHost: a\r\n", Lines, "\r\n"], fun(Req) ->
        {Told, #http_req{}} = cowboy_http_req:peer_addr(Req),
        Told
     end)}) || {Lines, Address} <- Rows],
    ok.

%%% Bodies

-define(POST(Lines, Body), ["POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n", Lines, "\r\n", Body]).

-spec bodies([term()]) -> ok.
bodies(_) ->
    Rows = [
        {?POST("Content-Length: 5\r\n", "hello"), <<"hello">>},
        {?POST("Transfer-Encoding: chunked\r\n", "3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n"), <<"hello">>},
        {?POST("Content-Length: 0\r\n", ""), <<>>},
        {?GET, <<>>}
    ],
    [?assertEqual({Body, byte_size(Body), <<>>}, ask(Request, fun(Req) ->
        {ok, Read, Req2} = cowboy_http_req:body(Req),
        {Length, Req3} = cowboy_http_req:body_length(Req2),
        {ok, Again, _} = cowboy_http_req:body(Req3),
        {Read, Length, Again}
     end)) || {Request, Body} <- Rows],
    ?assertEqual({true, undefined}, ask(?POST("Transfer-Encoding: chunked\r\n", "0\r\n\r\n"), fun(Req) ->
        {Has, Req2} = cowboy_http_req:has_body(Req), {Has, element(1, cowboy_http_req:body_length(Req2))} end)),
    ?assertEqual(<<"hello">>, ask(?POST("Content-Length: 5\r\n", "hello"), fun(Req) -> {ok, B, _} = cowboy_http_req:body(5, Req), B end)).

-spec bodies_in_pieces([term()]) -> ok.
bodies_in_pieces(_) ->
    Big = binary:copy(<<"0123456789">>, 50000),
    Request = ?POST("Content-Length: 500000\r\n", Big),
    ?assertEqual(Big, ask(Request, fun(Req) -> {Read, #http_req{body_state = done}} = streamed(cowboy_http_req:stream_body(Req), <<>>), Read end)),
    ?assertEqual(<<"OLLEH">>, ask(?POST("Content-Length: 5\r\n", "hello"), fun(Req0) ->
        Decode = fun(Data) -> {ok, cowboy_bstr:to_upper(list_to_binary(lists:reverse(binary_to_list(Data))))} end,
        {ok, Req} = cowboy_http_req:init_stream(fun(_, _) -> error(not_called) end, {0, 5}, Decode, Req0),
        {ok, Read, _} = cowboy_http_req:body(Req),
        Read
    end)),
    ?assertEqual({error, broken}, ask(?POST("Content-Length: 5\r\n", "hello"), fun(Req0) ->
        {ok, Req} = cowboy_http_req:init_stream(fun(_, _) -> more end, [], fun(_) -> {error, broken} end, Req0),
        cowboy_http_req:body(Req)
    end)),
    ?assertMatch({ok, #http_req{body_state = done}}, ask(Request, fun(Req) -> cowboy_http_req:skip_body(Req) end)).

-spec streamed(term(), binary()) -> {binary(), term()}.
streamed({ok, Data, Req}, Acc) -> streamed(cowboy_http_req:stream_body(Req), <<Acc/binary, Data/binary>>);
streamed({done, Req}, Acc) -> {Acc, Req}.

-spec forms([term()]) -> ok.
forms(_) ->
    ?assertEqual([{<<"a">>, <<"b c">>}, {<<"d">>, true}], ask(?POST("Content-Length: 7\r\n", "a=b+c&d"), fun(Req) ->
        {Pairs, #http_req{}} = cowboy_http_req:body_qs(Req), Pairs end)).

-spec parts([term()]) -> ok.
parts(_) ->
    Body = "preamble\r\n--x\r\nContent-Disposition: form-data; name=a\r\n\r\none\r\n--x\r\nContent-Type: text/plain\r\n\r\ntwo\r\n--x--\r\n",
    Request = ?POST(["Content-Type: multipart/form-data; boundary=x\r\nContent-Length: ", integer_to_list(length(Body)), "\r\n"], Body),
    ?assertEqual(
        [{headers, [{<<"Content-Disposition">>, <<"form-data; name=a">>}]}, {body, <<"one">>}, end_of_part,
            {headers, [{'Content-Type', <<"text/plain">>}]}, {body, <<"two">>}, end_of_part, eof, eof],
        ask(Request, fun(Req) -> multipart(cowboy_http_req:multipart_data(Req)) end)),
    ?assertEqual({headers, [{'Content-Type', <<"text/plain">>}]}, ask(Request, fun(Req0) ->
        {{headers, _}, Req1} = cowboy_http_req:multipart_data(Req0),
        {ok, Req2} = cowboy_http_req:multipart_skip(Req1),
        {Next, _} = cowboy_http_req:multipart_data(Req2),
        Next
    end)).

-spec multipart({term(), term()}) -> [term()].
multipart({eof, Req}) -> {eof, #http_req{body_state = done}} = cowboy_http_req:multipart_data(Req), [eof, eof];
multipart({Part, Req}) -> [Part | multipart(cowboy_http_req:multipart_data(Req))].

-spec too_long_a_body([term()]) -> ok.
too_long_a_body(_) ->
    ?assertMatch({'EXIT', {function_clause, _}}, ask(?POST("Content-Length: 5\r\n", "hello"), fun(Req) -> catch cowboy_http_req:body(4, Req) end)).

%%% Responses

%% What the client gets for what the handler does in handle/2.
-spec answer(iodata(), fun((term()) -> {ok, term()})) -> binary().
answer(Request, Handle) ->
    answer(Request, Handle, []).

-spec answer(iodata(), fun((term()) -> {ok, term()}), list()) -> binary().
answer(Request, Handle, ProtoOpts) ->
    Callback = fun(Req, S) -> {ok, Req2} = Handle(Req), {ok, Req2, S} end,
    {Socket, _} = connect(#{init => fun(Req, S) -> {ok, Req, S} end, handle => Callback}, Request, ProtoOpts),
    until_eof(Socket).

-spec lines(binary()) -> [string()].
lines(Bytes) ->
    [Head | _] = binary:split(Bytes, <<"\r\n\r\n">>),
    [binary_to_list(Line) || Line <- binary:split(Head, <<"\r\n">>, [global])].

%% Without the date.
-spec undated(binary()) -> [string()].
undated(Bytes) -> [Line || Line <- lines(Bytes), string:prefix(Line, "date: ") =:= nomatch].

-spec replies([term()]) -> ok.
replies(_) ->
    Plain = ["server: Cowboy", "connection: close"],
    Rows = [
        {fun(Req) -> cowboy_http_req:reply(404, Req) end, ["HTTP/1.1 404 Not Found", "content-length: 0" | Plain], <<>>},
        {fun(Req) -> cowboy_http_req:reply(200, [], Req) end, ["HTTP/1.1 200 OK", "content-length: 0" | Plain], <<>>},
        {fun(Req) -> cowboy_http_req:reply(200, [], [<<"h">>, "i"], Req) end, ["HTTP/1.1 200 OK", "content-length: 2" | Plain], <<"hi">>},
        {fun(Req) -> cowboy_http_req:reply(<<"299 Iron">>, [{'Content-Type', <<"text/x">>}, {<<"X-A">>, "1"}], <<>>, Req) end,
            ["HTTP/1.1 299 Iron", "content-type: text/x", "x-a: 1", "content-length: 0" | Plain], <<>>},
        {fun(Req) -> cowboy_http_req:reply(200, [{<<"server">>, <<"Mine">>}], <<>>, Req) end,
            ["HTTP/1.1 200 OK", "server: Mine", "content-length: 0", "connection: close"], <<>>}
    ],
    [begin
        Bytes = answer(?GET, Reply),
        ?assertEqual(Expected, undated(Bytes)),
        ?assertEqual([Body], tl(binary:split(Bytes, <<"\r\n\r\n">>)))
     end || {Reply, Expected, Body} <- Rows],
    Hi = fun(Req) -> cowboy_http_req:reply(200, [], <<"hi">>, Req) end,
    ?assertEqual([<<>>], tl(binary:split(answer(["HEAD" | tl(string:split(?GET, "GET"))], Hi), <<"\r\n\r\n">>))),
    ?assertEqual(["HTTP/1.0 200 OK", "content-length: 2", "server: Cowboy"], undated(answer("GET / HTTP/1.0\r\n\r\n", Hi))),
    %% A reply may end the connection.
    Last = fun(Req) -> cowboy_http_req:reply(200, [{'Connection', <<"close">>}], <<>>, Req) end,
    ?assert(lists:member("connection: close", undated(answer("GET / HTTP/1.1\r\nHost: a\r\n\r\n", Last)))).

-spec what_was_set_is_sent([term()]) -> ok.
what_was_set_is_sent(_) ->
    Bytes = answer(?GET, fun(Req0) ->
        false = cowboy_http_req:has_resp_header(<<"X-A">>, Req0),
        false = cowboy_http_req:has_resp_body(Req0),
        {ok, Req1} = cowboy_http_req:set_resp_header(<<"X-A">>, <<"1">>, Req0),
        {ok, Req2} = cowboy_http_req:set_resp_header(<<"X-A">>, <<"2">>, Req1),
        {ok, Req3} = cowboy_http_req:set_resp_header('Content-Type', "text/x", Req2),
        {ok, Req4} = cowboy_http_req:set_resp_cookie(<<"a">>, <<"1">>, [], Req3),
        {ok, Req5} = cowboy_http_req:set_resp_cookie(<<"b">>, <<"2">>, [{http_only, true}], Req4),
        {ok, Req6} = cowboy_http_req:set_resp_body(["bo", <<"dy">>], Req5),
        true = cowboy_http_req:has_resp_header('Content-Type', Req6),
        true = cowboy_http_req:has_resp_body(Req6),
        {ok, #http_req{resp_state = done, resp_headers = [], resp_body = <<>>} = Req7} = cowboy_http_req:reply(200, [{'Content-Type', <<"text/y">>}], Req6),
        {ok, Req7}
    end),
    ?assertEqual(["HTTP/1.1 200 OK", "content-type: text/y", "x-a: 2", "set-cookie: a=1; Version=1", "set-cookie: b=2; Version=1; HttpOnly",
        "content-length: 4", "server: Cowboy", "connection: close"], undated(Bytes)),
    ?assertEqual([<<"body">>], tl(binary:split(Bytes, <<"\r\n\r\n">>))).

-spec bodies_from_a_fun([term()]) -> ok.
bodies_from_a_fun(_) ->
    Bytes = answer(?GET, fun(Req0) ->
        {ok, Transport, Socket} = cowboy_http_req:transport(Req0),
        Send = fun() -> ok = Transport:send(Socket, <<"some">>), ok = Transport:send(Socket, ["thing"]), {sent, 9} end,
        {ok, Req} = cowboy_http_req:set_resp_body_fun(9, Send, Req0),
        true = cowboy_http_req:has_resp_body(Req),
        cowboy_http_req:reply(200, Req)
    end),
    ?assertEqual(["HTTP/1.1 200 OK", "content-length: 9", "server: Cowboy", "connection: close"], undated(Bytes)),
    ?assertEqual([<<"something">>], tl(binary:split(Bytes, <<"\r\n\r\n">>))).

-spec chunks([term()]) -> ok.
chunks(_) ->
    Handle = fun(Req0) ->
        {ok, #http_req{resp_state = chunks} = Req} = cowboy_http_req:chunked_reply(200, [{'Content-Type', <<"text/x">>}], Req0),
        ok = cowboy_http_req:chunk("one", Req),
        ok = cowboy_http_req:chunk(<<>>, Req),
        ok = cowboy_http_req:chunk(<<"two">>, Req),
        {ok, Req}
    end,
    Bytes = answer(?GET, Handle),
    ?assertEqual(["HTTP/1.1 200 OK", "connection: close", "content-type: text/x", "server: Cowboy", "transfer-encoding: chunked"],
        [hd(undated(Bytes)) | lists:sort(tl(undated(Bytes)))]),
    ?assertEqual([<<"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n">>], tl(binary:split(Bytes, <<"\r\n\r\n">>))),
    ?assertEqual([<<"onetwo">>], tl(binary:split(answer("GET / HTTP/1.0\r\n\r\n", Handle), <<"\r\n\r\n">>))),
    ?assertEqual([<<>>], tl(binary:split(answer(["HEAD" | tl(string:split(?GET, "GET"))], Handle), <<"\r\n\r\n">>))).

-spec a_second_reply_fails([term()]) -> ok.
a_second_reply_fails(_) ->
    Test = self(),
    Bytes = answer(?GET, fun(Req0) ->
        {ok, Req} = cowboy_http_req:reply(200, Req0),
        Test ! {again, catch cowboy_http_req:reply(500, Req)},
        {ok, Req}
    end),
    ?assertEqual("HTTP/1.1 200 OK", hd(lines(Bytes))),
    ?assertMatch({'EXIT', {function_clause, _}}, receive {again, What} -> What end),
    {Socket, _} = connect(#{init => fun(Req, S) -> {ok, Req, S} end, terminate => fun(Req, _) -> Test ! {again, catch cowboy_http_req:reply(500, Req)} end}, ?GET),
    ?assertEqual("HTTP/1.1 204 No Content", hd(lines(until_eof(Socket)))),
    ?assertMatch({'EXIT', {function_clause, _}}, receive {again, Locked} -> Locked end).

%%% Handlers

-define(INIT, {init, {tcp, http}}).

-spec plain_handlers([term()]) -> ok.
plain_handlers(_) ->
    Handle = fun(Req, S) -> {ok, Req2} = cowboy_http_req:reply(200, [], <<"hi">>, Req), {ok, Req2, S} end,
    {Socket, Pid} = connect(#{init => fun(Req, S) -> {ok, Req, S} end, handle => Handle}, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    ?assertEqual(["HTTP/1.1 200 OK", "content-length: 2", "server: Cowboy", "connection: keep-alive"], undated(head(Socket))),
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
        {#{init => Ok, handle => Boom}, "handle/2", "HTTP/1.1 500 Internal Server Error", [?INIT, handle, {terminate, 0}]},
        {#{init => Ok, handle => Replied, terminate => Boom}, "terminate/2", "HTTP/1.1 200 OK", [?INIT, handle, {terminate, 1}]},
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
        ?assertEqual([?INIT, {info, hello}, {info, sleep}, {info, {system, {self(), x}, get_state}}, {info, stop}, {terminate, 4}], calls(Pid)),
        ?assertEqual(normal, exit_of(Pid))
     end || Init <- [
        fun(Req, S) -> {loop, Req, S} end, fun(Req, S) -> {loop, Req, S, hibernate} end, fun(Req, S) -> {loop, Req, S, 5000} end,
        fun(Req, S) -> {loop, Req, S, 5000, hibernate} end]],
    {Socket, Pid} = connect(#{init => fun(Req, S) -> {loop, Req, S, 50} end}, ?GET),
    ?assertEqual("HTTP/1.1 204 No Content", hd(lines(until_eof(Socket)))),
    ?assertEqual([?INIT, {terminate, 0}], calls(Pid)),
    %% Every message starts the time anew.
    Tick = fun({tick, 0}, Req, S) -> {ok, Req, S}; ({tick, N}, Req, S) -> erlang:send_after(100, self(), {tick, N - 1}), {loop, Req, S} end,
    Start = fun(Req, S) -> erlang:send_after(100, self(), {tick, 7}), {loop, Req, S, 500} end,
    {Socket2, Pid2} = connect(#{init => Start, info => Tick}, ?GET),
    ?assertEqual("HTTP/1.1 204 No Content", hd(lines(until_eof(Socket2)))),
    ?assertEqual({terminate, 8}, lists:last(calls(Pid2))).

-spec crashes_of_loops([term()]) -> ok.
crashes_of_loops(_) ->
    {[Text], normal} = old_client:log(fun() ->
        {Socket, Pid} = connect(#{init => fun(Req, S) -> {loop, Req, S} end, info => fun(_, _, _) -> error(boom) end}, ?GET),
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
        {['...', <<"forge">>, <<"eu">>], [Rule([<<"shoe">>, size], shoe), Rule([<<"files">>, '...'], files), Rule([], root)]},
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
                ?assertEqual({Path, Expected}, {Path, receive {routed, _, _, _, _} = Seen -> Seen after 5000 -> timeout end});
            _ ->
                ?assertEqual({Path, Expected}, {Path, hd(lines(until_eof(Socket)))})
        end
     end || {Path, Host, Expected} <- Rows],
    ok.

-spec bad_requests([term()]) -> ok.
bad_requests(_) ->
    Port = listen([{'_', [{'_', old_handler, #{}}]}]),
    [?assertEqual({Request, Status}, {Request, hd(lines(request(Port, Request)))}) || {Request, Status} <- [
        {"GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 400 Bad Request"},
        {"GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400 Bad Request"},
        {"nonsense\r\n\r\n", "HTTP/1.1 400 Bad Request"}]],
    ok.

-spec long_lines([term()]) -> ok.
long_lines(_) ->
    Rule = {'_', old_handler, #{test => self(), init => fun(Req, S) -> {shutdown, Req, S} end}},
    Request = fun(Path, Value) -> ["GET /", Path, " HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-A: ", Value, "\r\n\r\n"] end,
    Long = fun(Size) -> lists:duplicate(Size, $x) end,
    Port = listen([{'_', [Rule]}]),
    [?assertEqual("HTTP/1.1 413 Request Entity Too Large", hd(lines(request(Port, Bytes)))) || Bytes <- [
        Request(Long(4096), "1"), Request("", Long(4096)), Request("", Long(100000))]],
    Fits = open(Port),
    send(Fits, Request(Long(4000), Long(4000))),
    _ = started(),
    ?assertEqual("HTTP/1.1 204 No Content", hd(lines(until_eof(Fits)))),
    Short = listen([{'_', [Rule]}], [{max_line_length, 100}]),
    ?assertEqual("HTTP/1.1 413 Request Entity Too Large", hd(lines(request(Short, Request("", Long(100)))))).

-spec the_decoder_of_the_listener([term()]) -> ok.
the_decoder_of_the_listener(_) ->
    Path = fun(ProtoOpts) ->
        Handle = fun(Req) ->
            {[Segment], Req2} = cowboy_http_req:path(Req),
            {[{_, Value}], Req3} = cowboy_http_req:qs_vals(Req2),
            cowboy_http_req:reply(200, [], [Segment, "|", Value], Req3)
        end,
        tl(binary:split(answer("GET /a+%zz?q=%zz+b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", Handle, ProtoOpts), <<"\r\n\r\n">>))
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
    Bytes = answer(?GET, fun(Req) -> cowboy_http_req:reply(200, [], <<"hi">>, Req) end, [{onrequest, Request}, {onresponse, Response}]),
    ?assert(lists:member("x-hook: 1", lines(Bytes))),
    ?assertEqual([{request, <<"/">>}, {response, 200, <<"2">>}], [receive {request, _} = A -> A end, receive {response, _, _} = B -> B end]),
    Port = maps:get(port, farrier:info(old)),
    ?assertEqual("HTTP/1.1 401 Unauthorized", hd(lines(request(Port, "GET /refused HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")))),
    ?assertEqual([{request, <<"/refused">>}, {response, 401, <<"0">>}], [receive {request, _} = C -> C end, receive {response, _, _} = D -> D end]),
    %% The hook may answer in the handler's place.
    Instead = fun
        (404, _, Req) -> {ok, Req2} = cowboy_http_req:reply(200, [], <<"found">>, Req), Req2;
        (_, _, Req) -> Req
    end,
    Replaced = answer(?GET, fun(Req) -> cowboy_http_req:reply(404, [], <<"lost">>, Req) end, [{onresponse, Instead}]),
    ?assertEqual({"HTTP/1.1 200 OK", [<<"found">>]}, {hd(lines(Replaced)), tl(binary:split(Replaced, <<"\r\n\r\n">>))}).

-spec options_are_checked([term()]) -> ok.
options_are_checked(_) ->
    Start = fun(Transport, TransOpts, Protocol, ProtoOpts) -> cowboy:start_listener(other, 10, Transport, TransOpts, Protocol, ProtoOpts) end,
    Tcp = cowboy_tcp_transport,
    Http = cowboy_http_protocol,
    Rows = [
        {Tcp, [], Http, [], port}, {Tcp, [{port, x}], Http, [], port}, {Tcp, [{port, 0}, {ip, "127.0.0.1"}], Http, [], ip},
        {Tcp, #{}, Http, [], transport_options}, {Tcp, [{port, 0}], Http, x, protocol_options}, {other_transport, [{port, 0}], Http, [], transport},
        {Tcp, [{port, 0}], cowboy_clear, [], protocol}, {Tcp, [{port, 0}], Http, [{dispatch, [{'_', x}]}], dispatch},
        {Tcp, [{port, 0}], Http, [{timeout, -1}], timeout}, {Tcp, [{port, 0}], Http, [{urldecode, x}], urldecode},
        {Tcp, [{port, 0}], Http, [{onresponse, x}], onresponse}
    ],
    [?assertMatch({_, {error, {bad_option, Name, _, Allowed}}} when is_binary(Allowed), {Row, Start(Transport, TransOpts, Protocol, ProtoOpts)})
        || {Transport, TransOpts, Protocol, ProtoOpts, Name} = Row <- Rows],
    %% What Cowboy 0 did not know it dropped without a word.
    ?assertMatch({ok, _}, Start(Tcp, [{port, 0}, {backlog, 10}, {max_connections, infinity}, {nodelay, true}, inet], Http, [{unknown, 1}])).

-spec options_are_changed([term()]) -> ok.
options_are_changed(_) ->
    Reply = fun(Status) -> #{test => self(), init => fun(Req, S) -> {ok, Req2} = cowboy_http_req:reply(Status, Req), {shutdown, Req2, S} end} end,
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
    Spec = cowboy:child_spec(other, 10, cowboy_tcp_transport, [{port, 0}, {ip, {127, 0, 0, 1}}], cowboy_http_protocol, [{dispatch, [{'_', [Rule]}]}]),
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
    ?assertError({bad_option, port, _, _}, cowboy:child_spec(other, 1, cowboy_tcp_transport, [], cowboy_http_protocol, [])).

-spec files([term()]) -> ok.
files(Config) ->
    Dir = proplists:get_value(priv_dir, Config),
    ok = file:write_file(filename:join(Dir, "page.html"), <<"<p>iron</p>">>),
    ok = file:write_file(filename:join(Dir, "data"), <<"raw">>),
    Types = {mimetypes, [{<<".html">>, [<<"text/html">>]}, {<<".css">>, [{<<"text">>, <<"css">>, []}]}]},
    ByFun = {mimetypes, {fun(Path, suffix) -> [<<"text/x", (filename:extension(Path))/binary>>] end, suffix}},
    Etag = {etag, {fun(Attributes, strong) -> {size, Size} = {size, proplists:get_value(filesize, Attributes)}, {strong, integer_to_binary(Size)} end, strong}},
    Port = listen([{'_', [
        {[<<"a">>, '...'], cowboy_http_static, [{directory, Dir}, Types]},
        {[<<"b">>, '...'], cowboy_http_static, [{directory, list_to_binary(Dir)}, ByFun, Etag]},
        {[<<"c">>], cowboy_http_static, [{directory, [list_to_binary(Dir)]}, {file, <<"page.html">>}, Types, {etag, {attributes, [filepath, filesize, inode, mtime]}}]},
        {[<<"d">>, '...'], cowboy_http_static, [{directory, {priv_dir, stdlib, []}}]}
    ]}]),
    Get = fun(Path) -> get_file(Port, Path, "") end,
    ?assertMatch({"HTTP/1.1 200 OK", #{"content-type" := "text/html", "content-length" := "11", "last-modified" := _}, <<"<p>iron</p>">>}, Get("/a/page.html")),
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
    Bytes = request(Port, ["GET ", Path, " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n", Lines, "\r\n"]),
    [Status | Headers] = lines(Bytes),
    [_, Body] = binary:split(Bytes, <<"\r\n\r\n">>),
    {Status, maps:from_list([list_to_tuple(string:split(Line, ": ")) || Line <- Headers]), Body}.

%%% Other generations

-spec generations_in_one_node([term()]) -> ok.
generations_in_one_node(_) ->
    Port = listen([{'_', [{'_', old_echo_handler, []}]}]),
    {ok, _} = cowboy:start_http(other, 1, [{ip, {127, 0, 0, 1}}, {port, 0}], [{env, [{dispatch, cowboy_router:compile([{'_', [{'_', old_later_handler, []}]}])}]}]),
    Old = open(Port),
    Later = open(maps:get(port, farrier:info(other))),
    [send(Socket, handshake()) || Socket <- [Old, Later]],
    ?assertEqual([["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket"], ["HTTP/1.1 101 Switching Protocols", "connection: Upgrade"]],
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
    Rules = [{[<<"ws">>, <<"old">>], old_echo_handler, []}, {[<<"ws">>, <<"later">>], old_later_handler, []}, {[<<"ws">>, <<"map">>], old_map_handler, []}],
    Old = listen([{'_', Rules}]),
    Routes = [{"/ws/old", old_echo_handler, []}, {"/ws/later", old_later_handler, []}, {"/ws/map", old_map_handler, []}],
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
     end || Port <- [Old, Later], {Path, Wire} <- [{<<"/ws/old">>, "8800"}, {<<"/ws/later">>, "8802 03e9"}, {<<"/ws/map">>, "8802 03e9"}]],
    ok.

%% In 2012 projects met Cowboy between two names: cowboy_req was there, cowboy_http_websocket still what init/3 returned.
-spec half_renamed_handlers([term()]) -> ok.
half_renamed_handlers(_) ->
    Port = listen([{'_', [{[<<"ws">>, token], old_renamed_handler, []}]}]),
    Plain = request(Port, "GET /ws/7 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
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
    Port = listen(cowboy_router:compile([{"localhost", [{"/a/:b/[...]", old_handler, #{test => self(), init => Init}}]}])),
    Socket = open(Port),
    send(Socket, "GET /a/b/c HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"),
    _ = started(),
    ?assertEqual([<<"{[{b,<<\"b\">>}],[<<\"c\">>]}">>], tl(binary:split(until_eof(Socket), <<"\r\n\r\n">>))),
    ?assertMatch(["HTTP/1.1 404 Not Found" | _], lines(request(Port, "GET /b HTTP/1.1\r\nHost: localhost\r\n\r\n"))),
    ?assertMatch(["HTTP/1.1 400 Bad Request" | _], lines(request(Port, "GET /b HTTP/1.1\r\nHost: other\r\n\r\n"))).
