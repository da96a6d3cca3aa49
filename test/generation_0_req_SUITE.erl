%% @doc The Req of Cowboy 0.2 to 0.6 and the functions on it, by handlers over raw sockets.
-module(generation_0_req_SUITE).

-export([all/0, suite/0, init_per_suite/1, end_per_suite/1, end_per_testcase/2]).
-export([the_req_is_the_record/1, what_the_request_says/1, headers_have_their_names/1, headers_are_parsed/1, cookies/1,
    a_compacted_req/1, the_client_s_address/1, bodies/1, bodies_in_pieces/1, forms/1, parts/1, too_long_a_body/1,
    replies/1, what_was_set_is_sent/1, bodies_from_a_fun/1, chunks/1, a_second_reply_fails/1]).

-include_lib("stdlib/include/assert.hrl").
-include_lib("cowboy/include/http.hrl").

-import(raw_client, [until_eof/1]).
-import(old_client, [connect/2, unlisten/0, ask/2, ask/3, answer/2, lines/1, undated/1]).

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
    unlisten().

%%% The Req

-spec the_req_is_the_record([term()]) -> ok.
the_req_is_the_record(_) ->
    Request = "GET /a%20b//c/?q=1&r HTTP/1.1\r\nHost: Forge.EU:8080\r\nX-Two: 1\r\nX-Two: 2\r\n"
        "Connection: keep-alive\r\n\r\n",
    Req = ask(Request, fun(R) -> R end, [n, '_', '...']),
    #http_req{transport = cowboy_tcp_transport, connection = keepalive, pid = Pid, method = 'GET', version = {1, 1},
        peer = {{127, 0, 0, 1}, _}} = Req,
    ?assert(is_pid(Pid)),
    ?assertEqual(
        {[<<"forge">>, <<"eu">>], undefined, <<"forge.eu">>, 8080},
        {Req#http_req.host, Req#http_req.host_info, Req#http_req.raw_host, Req#http_req.port}),
    ?assertEqual(
        {[<<"a b">>, <<>>, <<"c">>], [<<"c">>], <<"/a%20b//c/">>, undefined, <<"q=1&r">>, [{n, <<"a b">>}]},
        {Req#http_req.path, Req#http_req.path_info, Req#http_req.raw_path, Req#http_req.qs_vals, Req#http_req.raw_qs,
            Req#http_req.bindings}),
    ?assertEqual([{'Connection', <<"keep-alive">>}, {<<"X-Two">>, <<"2">>}, {<<"X-Two">>, <<"1">>},
        {'Host', <<"forge.eu">>}],
        Req#http_req.headers),
    ?assertEqual({[], undefined, [], waiting, <<>>, waiting, [], <<>>, undefined},
        {Req#http_req.p_headers, Req#http_req.cookies, Req#http_req.meta, Req#http_req.body_state, Req#http_req.buffer,
            Req#http_req.resp_state, Req#http_req.resp_headers, Req#http_req.resp_body, Req#http_req.onresponse}),
    ?assertEqual(29, tuple_size(Req)),
    ?assertEqual(
        [socket, transport, connection, pid, method, version, peer, host, host_info, raw_host, port, path, path_info,
            raw_path, qs_vals, raw_qs,
            bindings, headers, p_headers, cookies, meta, body_state, buffer, resp_state, resp_headers, resp_body,
            onresponse, urldecode],
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
        [Get(method, [Req]), Get(version, [Req]), Get(host, [Req]), Get(host_info, [Req]), Get(raw_host, [Req]),
            Get(port, [Req]), Get(path, [Req]),
            Get(path_info, [Req]), Get(raw_path, [Req]), Get(raw_qs, [Req]), Get(qs_vals, [Req]),
            Get(qs_val, [<<"x">>, Req]),
            Get(qs_val, [<<"y">>, Req]), Get(qs_val, [<<"z">>, Req]), Get(qs_val, [<<"w">>, Req]),
            Get(qs_val, [<<"w">>, Req, default]),
            Get(bindings, [Req]), Get(binding, [b, Req]), Get(binding, [c, Req]), Get(binding, [c, Req, default]),
            Get(meta, [m, Req]),
            Get(meta, [m, Req, default]), element(1, Get(peer, [Req])), Get(has_body, [Req]), Get(body_length, [Req])]
    end, ['_', b]),
    ?assertEqual(
        [<<"PATCH">>, {1, 0}, [<<"localhost">>], undefined, <<"localhost">>, 80, [<<"a">>, <<"b">>], undefined,
            <<"/a/b">>, <<"x=1&y&z=%41+b">>,
            [{<<"x">>, <<"1">>}, {<<"y">>, true}, {<<"z">>, <<"A b">>}], <<"1">>, true, <<"A b">>, undefined, default,
            [{b, <<"b">>}], <<"b">>,
            undefined, default, undefined, default, {127, 0, 0, 1}, false, 0],
        Said).

-spec headers_have_their_names([term()]) -> ok.
headers_have_their_names(_) ->
    Request = "GET / HTTP/1.1\r\nhost: a\r\nUSER-AGENT: old\r\nsec-websocket-KEY: k\r\nx-a: 1\r\nX-A: 2\r\n"
        "x-forwarded-for: 1.2.3.4\r\n\r\n",
    Header = fun(Name, Req) -> {Value, Req} = cowboy_http_req:header(Name, Req), Value end,
    ?assertEqual(
        [<<"a">>, <<"old">>, <<"k">>, <<"2">>, <<"1.2.3.4">>, <<"1.2.3.4">>, undefined, undefined, undefined,
            undefined],
        ask(Request, fun(Req) ->
            [Header(Name, Req) || Name <- ['Host', 'User-Agent', <<"Sec-Websocket-Key">>, <<"X-A">>, 'X-Forwarded-For',
                <<"X-Forwarded-For">>,
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
        {"Content-Type: text/plain; charset=UTF-8", 'Content-Type',
            {<<"text">>, <<"plain">>, [{<<"charset">>, <<"utf-8">>}]}},
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
    ?assertEqual([<<"12">>, <<"dark blue">>, undefined, default,
        [{<<"session">>, <<"12">>}, {<<"theme">>, <<"dark blue">>}]],
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
    ?assertMatch({undefined, undefined, undefined, undefined, {<<"forge.eu">>, <<"/a">>, <<"b">>, 80},
        {{127, 0, 0, 1}, _}, {'EXIT', _}},
        ask(Request, fun(Req0) ->
            Req = cowboy_http_req:compact(Req0),
            #http_req{headers = [], p_headers = [], cookies = [], qs_vals = undefined, bindings = undefined,
                host_info = undefined} = Req,
            Get = fun(F) -> element(1, cowboy_http_req:F(Req)) end,
            {element(1, cowboy_http_req:header('Host', Req)), Get(host), Get(path), Get(path_info),
                {Get(raw_host), Get(raw_path), Get(raw_qs), Get(port)}, Get(peer),
                catch cowboy_http_req:binding(a, Req)}
        end)).

-spec the_client_s_address([term()]) -> ok.
the_client_s_address(_) ->
    Rows = [{"", {127, 0, 0, 1}}, {"X-Forwarded-For: 1.2.3.4, 5.6.7.8\r\n", {1, 2, 3, 4}},
        {"X-Forwarded-For: 1.2.3.4\r\nX-Real-IP: 9.9.9.9\r\n", {9, 9, 9, 9}},
        {"X-Real-Ip: nobody\r\n", {127, 0, 0, 1}}],
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
    ?assertEqual(<<"hello">>, ask(?POST("Content-Length: 5\r\n", "hello"),
        fun(Req) -> {ok, B, _} = cowboy_http_req:body(5, Req), B end)).

-spec bodies_in_pieces([term()]) -> ok.
bodies_in_pieces(_) ->
    Big = binary:copy(<<"0123456789">>, 50000),
    Request = ?POST("Content-Length: 500000\r\n", Big),
    ?assertEqual(Big, ask(Request,
        fun(Req) -> {Read, #http_req{body_state = done}} = streamed(cowboy_http_req:stream_body(Req), <<>>), Read end)),
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
    Body = "preamble\r\n--x\r\nContent-Disposition: form-data; name=a\r\n\r\none\r\n"
        "--x\r\nContent-Type: text/plain\r\n\r\ntwo\r\n--x--\r\n",
    Request = ?POST(["Content-Type: multipart/form-data; boundary=x\r\nContent-Length: ", integer_to_list(length(Body)),
        "\r\n"], Body),
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
    ?assertMatch({'EXIT', {function_clause, _}}, ask(?POST("Content-Length: 5\r\n", "hello"),
        fun(Req) -> catch cowboy_http_req:body(4, Req) end)).

%%% Responses

-spec replies([term()]) -> ok.
replies(_) ->
    Plain = ["server: Cowboy", "connection: close"],
    Rows = [
        {fun(Req) -> cowboy_http_req:reply(404, Req) end, ["HTTP/1.1 404 Not Found", "content-length: 0" | Plain],
            <<>>},
        {fun(Req) -> cowboy_http_req:reply(200, [], Req) end, ["HTTP/1.1 200 OK", "content-length: 0" | Plain], <<>>},
        {fun(Req) -> cowboy_http_req:reply(200, [], [<<"h">>, "i"], Req) end,
            ["HTTP/1.1 200 OK", "content-length: 2" | Plain], <<"hi">>},
        {fun(Req) -> cowboy_http_req:reply(<<"299 Iron">>, [{'Content-Type', <<"text/x">>}, {<<"X-A">>, "1"}], <<>>,
            Req) end,
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
    ?assertEqual(["HTTP/1.0 200 OK", "content-length: 2", "server: Cowboy"],
        undated(answer("GET / HTTP/1.0\r\n\r\n", Hi))),
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
        {ok, #http_req{resp_state = done, resp_headers = [], resp_body = <<>>} = Req7} =
            cowboy_http_req:reply(200, [{'Content-Type', <<"text/y">>}], Req6),
        {ok, Req7}
    end),
    ?assertEqual(["HTTP/1.1 200 OK", "content-type: text/y", "x-a: 2", "set-cookie: a=1; Version=1",
        "set-cookie: b=2; Version=1; HttpOnly",
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
        {ok, #http_req{resp_state = chunks} = Req} = cowboy_http_req:chunked_reply(200,
            [{'Content-Type', <<"text/x">>}], Req0),
        ok = cowboy_http_req:chunk("one", Req),
        ok = cowboy_http_req:chunk(<<>>, Req),
        ok = cowboy_http_req:chunk(<<"two">>, Req),
        {ok, Req}
    end,
    Bytes = answer(?GET, Handle),
    ?assertEqual(["HTTP/1.1 200 OK", "connection: close", "content-type: text/x", "server: Cowboy",
        "transfer-encoding: chunked"],
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
    {Socket, _} = connect(#{init => fun(Req, S) -> {ok, Req, S} end,
        terminate => fun(Req, _) -> Test ! {again, catch cowboy_http_req:reply(500, Req)} end}, ?GET),
    ?assertEqual("HTTP/1.1 204 No Content", hd(lines(until_eof(Socket)))),
    ?assertMatch({'EXIT', {function_clause, _}}, receive {again, Locked} -> Locked end).
