%% @doc cowboy_req of 2.0.0-pre.1 to pre.3, function by function, on the Req of real requests.
-module(generation_2pre_req_SUITE).

-export([all/0, suite/0, init_per_suite/1, end_per_suite/1, end_per_testcase/2]).
-export([getters_give_bare_values/1, what_a_client_got_wrong/1, bodies/1, multipart/1, responses/1,
    removed_functions/1]).

-include_lib("stdlib/include/assert.hrl").

-import(raw_client, [until_eof/1]).
-import(handler_reports, [calls/1]).
-import(pre_client, [unlisten/0, connect/2, ask/4]).

-spec suite() -> [term()].
suite() -> [{timetrap, {seconds, 60}}].

-spec all() -> [atom()].
all() -> [getters_give_bare_values, what_a_client_got_wrong, bodies, multipart, responses, removed_functions].

-spec init_per_suite([term()]) -> [term()].
init_per_suite(Config) -> cowboy_suite:start(Config).

-spec end_per_suite([term()]) -> ok.
end_per_suite(Config) -> cowboy_suite:stop(Config).

-spec end_per_testcase(atom(), [term()]) -> ok.
end_per_testcase(_, _) -> unlisten().

%%% cowboy_req

-spec getters_give_bare_values([term()]) -> ok.
getters_give_bare_values(_) ->
    Request = ["POST /a/7/x/y?q=1&q=2&flag&e=%20 HTTP/1.1\r\nhost: Example.org:8080\r\n",
        "accept: text/html;q=0.5, */*\r\nauthorization: Basic dTpw\r\ncookie: a=1; b=2\r\n",
        "range: bytes=0-1\r\ncontent-length: 0\r\n\r\n"],
    Values = fun(R) -> [
        {method, cowboy_req:method(R), <<"POST">>},
        {version, cowboy_req:version(R), 'HTTP/1.1'},
        {host, cowboy_req:host(R), <<"example.org">>},
        {host_info, cowboy_req:host_info(R), undefined},
        {port, cowboy_req:port(R), 8080},
        {path, cowboy_req:path(R), <<"/a/7/x/y">>},
        {path_info, cowboy_req:path_info(R), [<<"x">>, <<"y">>]},
        {qs, cowboy_req:qs(R), <<"q=1&q=2&flag&e=%20">>},
        {parse_qs, cowboy_req:parse_qs(R), [{<<"q">>, <<"1">>}, {<<"q">>, <<"2">>}, {<<"flag">>, true},
            {<<"e">>, <<" ">>}]},
        {match_qs, cowboy_req:match_qs([q, flag, {e, nonempty}, {n, int, 5}], R),
            #{q => [<<"2">>, <<"1">>], flag => true, e => <<" ">>, n => 5}},
        {match_fun, cowboy_req:match_qs([{e, fun(<<" ">>) -> {true, space} end}], R), #{e => space}},
        {host_url, cowboy_req:host_url(R), <<"http://example.org:8080">>},
        {url, cowboy_req:url(R), <<"http://example.org:8080/a/7/x/y?q=1&q=2&flag&e=%20">>},
        {binding, cowboy_req:binding(id, R), 7},
        {no_binding, cowboy_req:binding(no, R), undefined},
        {default_binding, cowboy_req:binding(no, R, d), d},
        {bindings, cowboy_req:bindings(R), [{id, 7}]},
        {header, cowboy_req:header(<<"host">>, R), <<"Example.org:8080">>},
        {no_header, cowboy_req:header(<<"Host">>, R), undefined},
        {default_header, cowboy_req:header(<<"no">>, R, d), d},
        {headers, lists:keyfind(<<"range">>, 1, cowboy_req:headers(R)), {<<"range">>, <<"bytes=0-1">>}},
        {accept, cowboy_req:parse_header(<<"accept">>, R), [{{<<"text">>, <<"html">>, []}, 500, []},
            {{<<"*">>, <<"*">>, []}, 1000, []}]},
        {authorization, cowboy_req:parse_header(<<"authorization">>, R), {basic, <<"u">>, <<"p">>}},
        {range, cowboy_req:parse_header(<<"range">>, R), {bytes, [{0, 1}]}},
        {absent, cowboy_req:parse_header(<<"upgrade">>, R), undefined},
        {absent_default, cowboy_req:parse_header(<<"upgrade">>, R, d), d},
        {transfer_encoding, cowboy_req:parse_header(<<"transfer-encoding">>, R), [<<"identity">>]},
        {length, cowboy_req:parse_header(<<"content-length">>, R), 0},
        {parse_cookies, cowboy_req:parse_cookies(R), [{<<"a">>, <<"1">>}, {<<"b">>, <<"2">>}]},
        {match_cookies, cowboy_req:match_cookies([{a, int}, {z, [], undefined}], R), #{a => 1, z => undefined}},
        {has_body, cowboy_req:has_body(R), false},
        {body_length, cowboy_req:body_length(R), 0},
        {get, cowboy_req:get([method, resp_state], R), [<<"POST">>, waiting]},
        {set, cowboy_req:method(cowboy_req:set([{method, <<"PUT">>}], R)), <<"PUT">>},
        {to_list, [K || {K, _} <- cowboy_req:to_list(R)], [socket, transport, connection, pid, method, version, peer,
            host, host_info, port,
            path, path_info, qs, bindings, headers, meta, body_state, buffer, multipart, resp_compress, resp_state,
            resp_headers, resp_body, onresponse]},
        {as_a_record, tl(tuple_to_list(R)), [V || {_, V} <- cowboy_req:to_list(R)]},
        {record_name, element(1, R), http_req},
        {set_bindings, cowboy_req:binding(b, cowboy_req:set_bindings(undefined, undefined, [{b, 2}], R)), 2}
    ] end,
    Asked = ask("/a/:id/[...]", [{id, int}], Request, fun(R) -> {cowboy_req:peer(R), Values(R)} end),
    {{{127, 0, 0, 1}, _}, Rows} = Asked,
    [?assertEqual({Name, Expected}, {Name, Got}) || {Name, Got, Expected} <- Rows],
    ok.

-spec what_a_client_got_wrong([term()]) -> ok.
what_a_client_got_wrong(_) ->
    Request = "GET /x?a=1&b=%zz HTTP/1.1\r\nhost: a\r\naccept: ;;\r\ncookie: =\r\n\r\n",
    Good = "GET /x?n=x HTTP/1.1\r\nhost: a\r\ncookie: a=b\r\n\r\n",
    Fails = fun(Bytes, Fun) -> ask('_', [], Bytes, fun(R) -> try Fun(R) of V -> V catch C:E -> {C, E} end end) end,
    ?assertEqual({error, {malformed_header, <<"accept">>}}, Fails(Request,
        fun(R) -> cowboy_req:parse_header(<<"accept">>, R) end)),
    ?assertEqual({error, {malformed_header, <<"cookie">>}}, Fails(Request,
        fun(R) -> cowboy_req:match_cookies([a], R) end)),
    ?assertEqual({error, {unknown_header, <<"x-y">>}}, Fails(Request,
        fun(R) -> cowboy_req:parse_header(<<"x-y">>, R) end)),
    ?assertMatch({error, _}, Fails(Request, fun(R) -> cowboy_req:parse_qs(R) end)),
    ?assertEqual({error, {badmatch, false}}, Fails(Good, fun(R) -> cowboy_req:match_qs([a], R) end)),
    ?assertEqual({error, {badkey, a}}, Fails(Good, fun(R) -> cowboy_req:match_qs([{a, int}], R) end)),
    ?assertEqual({error, {case_clause, false}}, Fails(Good, fun(R) -> cowboy_req:match_qs([{n, int}], R) end)),
    ?assertEqual({error, {case_clause, false}}, Fails(Good, fun(R) ->
        cowboy_req:match_cookies([{a, fun(_) -> false end}], R) end)),
    ok.

-spec bodies([term()]) -> ok.
bodies(_) ->
    Post = fun(Body) -> ["POST / HTTP/1.1\r\nhost: a\r\ncontent-length: ", integer_to_list(iolist_size(Body)),
        "\r\n\r\n", Body] end,
    Chunked = "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
    ?assertMatch({true, 5, {ok, <<"hello">>, _}},
        ask('_', [], Post("hello"), fun(R) -> {cowboy_req:has_body(R), cowboy_req:body_length(R),
            cowboy_req:body(R)} end)),
    ?assertMatch({undefined, {ok, <<"abcde">>, _}}, ask('_', [], Chunked,
        fun(R) -> {cowboy_req:body_length(R), cowboy_req:body(R)} end)),
    ?assertMatch({ok, <<"HELLO">>, _}, ask('_', [], Post("hello"),
        fun(R) -> cowboy_req:body(R, [{content_decode, fun string:uppercase/1}]) end)),
    ?assertMatch({more, <<_, _/binary>>, {ok, _, _}}, ask('_', [], Post(binary:copy(<<"x">>, 200)), fun(R) ->
        {more, Some, R2} = cowboy_req:body(R, [{length, 10}, {read_length, 10}]),
        {more, Some, cowboy_req:body(R2)} end)),
    ?assertMatch({ok, [{<<"a">>, <<"1">>}, {<<"b">>, true}], _},
        ask('_', [], Post("a=1&b"), fun(R) -> cowboy_req:body_qs(R) end)),
    ?assertMatch({badlength, _}, ask('_', [], Post(["a=", binary:copy(<<"x">>, 65000)]),
        fun(R) -> cowboy_req:body_qs(R) end)),
    ok.

-spec multipart([term()]) -> ok.
multipart(_) ->
    Body = "--b\r\ncontent-disposition: form-data; name=x\r\n\r\none\r\n--b\r\nx-y: z\r\n\r\ntwo\r\n--b--\r\n",
    Request = ["POST / HTTP/1.1\r\nhost: a\r\ncontent-type: multipart/form-data; boundary=b\r\ncontent-length: ",
        integer_to_list(length(Body)), "\r\n\r\n", Body],
    Parts = fun Read(R, Acc) ->
        case cowboy_req:part(R) of
            {ok, Headers, R2} ->
                {ok, Data, R3} = cowboy_req:part_body(R2),
                Read(R3, [{Headers, Data} | Acc]);
            {done, _} ->
                lists:reverse(Acc)
        end
    end,
    ?assertEqual([{[{<<"content-disposition">>, <<"form-data; name=x">>}], <<"one">>},
        {[{<<"x-y">>, <<"z">>}], <<"two">>}],
        ask('_', [], Request, fun(R) -> Parts(R, []) end)),
    ok.

-spec responses([term()]) -> ok.
responses(_) ->
    Ok = fun(F) -> fun(Req, S) -> {ok, F(Req), S} end end,
    Rows = [
        {"reply/2", Ok(fun(R) -> cowboy_req:reply(201, R) end), <<"201 Created">>, <<>>},
        {"a body set before", Ok(fun(R) -> cowboy_req:reply(200, cowboy_req:set_resp_body(["a", $b], R)) end),
            <<"200 OK">>, <<"ab">>},
        {"reply/4 with a status of one's own", Ok(fun(R) -> cowboy_req:reply(<<"299 Fine">>, [], <<"x">>, R) end),
            <<"299 Fine">>, <<"x">>},
        {"chunks", Ok(fun(R) ->
            R2 = cowboy_req:chunked_reply(200, [{<<"x-a">>, <<"1">>}], R),
            ok = cowboy_req:chunk("ab", R2),
            ok = cowboy_req:chunk(<<"c">>, R2),
            R2 end), <<"200 OK">>, <<"2\r\nab\r\n1\r\nc\r\n0\r\n\r\n">>},
        {"a fun of chunks", Ok(fun(R) -> cowboy_req:reply(200,
            cowboy_req:set_resp_body_fun(chunked, fun(Send) -> Send("ab") end, R)) end),
            <<"200 OK">>, <<"2\r\nab\r\n0\r\n\r\n">>},
        {"a fun with a length", Ok(fun(R) -> cowboy_req:reply(200,
            cowboy_req:set_resp_body_fun(2, fun(S, T) -> T:send(S, "ab") end, R)) end),
            <<"200 OK">>, <<"ab">>}
    ],
    [begin
        {Socket, Pid} = connect(#{init => Init}, "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"),
        [Head, Got] = binary:split(until_eof(Socket), <<"\r\n\r\n">>),
        <<"HTTP/1.1 ", Line/binary>> = Head,
        ?assertEqual({Name, Status, Body}, {Name, hd(binary:split(Line, <<"\r\n">>)), Got}),
        ?assertEqual([init, {terminate, normal, 0}], calls(Pid))
     end || {Name, Init, Status, Body} <- Rows],
    Set = fun(R) ->
        R1 = cowboy_req:set_resp_header(<<"x-a">>, <<"1">>, cowboy_req:set_resp_header(<<"x-b">>, <<"2">>, R)),
        R2 = cowboy_req:delete_resp_header(<<"x-b">>, R1),
        [cowboy_req:has_resp_header(H, R2) || H <- [<<"x-a">>, <<"x-b">>]] ++
            [cowboy_req:has_resp_body(R2), cowboy_req:continue(R2)]
    end,
    ?assertEqual([true, false, false, ok], ask('_', [], "GET / HTTP/1.1\r\nhost: a\r\n\r\n", Set)),
    ok.

-spec removed_functions([term()]) -> ok.
removed_functions(_) ->
    Removed = [{qs_val, [<<"a">>]}, {qs_val, [<<"a">>], [d]}, {qs_vals, []}, {cookie, [<<"a">>]}, {cookies, []},
        {compact, []}],
    Call = fun({F, Before}, R) -> apply(cowboy_req, F, Before ++ [R]); ({F, Before, After}, R) ->
        apply(cowboy_req, F, Before ++ [R] ++ After) end,
    Kinds = ask('_', [], "GET / HTTP/1.1\r\nhost: a\r\n\r\n",
        fun(R) -> [try Call(F, R) of V -> {value, V} catch error:E -> E end || F <- Removed] end),
    ?assertEqual([undef || _ <- Removed], Kinds),
    ok.
