%% The Req of generation 1: a record whose getters return pairs, and the responses of Cowboy 1.
-module(farrier_req_1_tests).

-include_lib("eunit/include/eunit.hrl").

-define(BRIDGE, farrier_scripted_bridge).

req(Request) ->
    req(Request, #{}).

req(Request, Options) ->
    _ = ?BRIDGE:calls(),
    farrier_req_1:new(?BRIDGE:exchange(Request), listener, Options).

body_req(Headers, Pieces) ->
    _ = ?BRIDGE:calls(),
    farrier_req_1:new(?BRIDGE:exchange(#{headers => Headers, body_length => 9}, Pieces), listener, #{}).

%%% Request

fields_are_those_of_1_1_2_in_order_test() ->
    Fields = [
        socket, transport, connection, pid, method, version, peer, host, host_info, port, path, path_info, qs, qs_vals,
        bindings, headers, p_headers, cookies, meta, body_state, buffer, multipart, resp_compress, resp_state,
        resp_headers, resp_body, onresponse
    ],
    Req = req(#{}),
    ?assertEqual(Fields, [Name || {Name, _} <- farrier_req_1:to_list(Req)]),
    ?assertEqual(http_req, element(1, Req)),
    ?assertEqual([{farrier_socket, self()}, farrier_transport], farrier_req_1:get([socket, transport], Req)),
    ?assertEqual(<<"PUT">>, farrier_req_1:get(method, farrier_req_1:set([{method, <<"PUT">>}], Req))).

getters_return_the_very_req_test() ->
    Req = farrier_req_1:set_bindings([<<"h">>], [<<"p">>], [{id, 1}], req(#{qs => <<"a=1">>})),
    Values = [
        {method, <<"GET">>}, {version, 'HTTP/1.1'}, {host, <<"example.org">>}, {port, 8080}, {path, <<"/a">>},
        {qs, <<"a=1">>}, {host_info, [<<"h">>]}, {path_info, [<<"p">>]}, {bindings, [{id, 1}]},
        {peer, {{127, 0, 0, 1}, 4000}}, {url, <<"http://example.org:8080/a?a=1">>},
        {host_url, <<"http://example.org:8080">>}
    ],
    [?assertEqual({Value, Req}, farrier_req_1:Getter(Req)) || {Getter, Value} <- Values],
    ?assertEqual([{1, Req}, {undefined, Req}], [farrier_req_1:binding(N, Req) || N <- [id, other]]),
    ?assertEqual({d, Req}, farrier_req_1:binding(other, Req, d)).

headers_are_kept_latest_first_and_looked_up_as_they_are_test() ->
    Req = req(#{headers => [{<<"a">>, <<"1">>}, {<<"b">>, <<"2">>}]}),
    ?assertEqual({[{<<"b">>, <<"2">>}, {<<"a">>, <<"1">>}], Req}, farrier_req_1:headers(Req)),
    ?assertEqual({<<"1">>, Req}, farrier_req_1:header(<<"a">>, Req)),
    ?assertEqual({undefined, Req}, farrier_req_1:header(<<"A">>, Req)),
    ?assertEqual({undefined, Req}, farrier_req_1:header('content-type', Req)),
    ?assertEqual({d, Req}, farrier_req_1:header(<<"c">>, Req, d)).

headers_are_parsed_into_the_terms_of_generation_1_test_() ->
    [
        ?_assertMatch({ok, Term, _}, farrier_req_1:parse_header(Name, req(#{headers => [{Name, Value}]})))
     || {Name, Value, Term} <- [
            {<<"authorization">>, <<"Basic dTpw">>, {<<"basic">>, {<<"u">>, <<"p">>}}},
            {<<"range">>, <<"bytes=0-">>, {<<"bytes">>, [{0, infinity}]}},
            {<<"expect">>, <<"100-Continue">>, [<<"100-continue">>]},
            {<<"transfer-encoding">>, <<"Chunked">>, [<<"chunked">>]},
            {<<"sec-websocket-protocol">>, <<"MQTT, b">>, [<<"MQTT">>, <<"b">>]},
            {<<"upgrade">>, <<"WebSocket">>, [<<"websocket">>]}
        ]
    ].

absent_unknown_and_malformed_headers_differ_test() ->
    Req = req(#{headers => [{<<"x-a">>, <<"raw">>}, {<<"range">>, <<"x">>}]}),
    ?assertMatch({ok, undefined, _}, farrier_req_1:parse_header(<<"accept">>, Req)),
    ?assertMatch({ok, d, _}, farrier_req_1:parse_header(<<"accept">>, Req, d)),
    ?assertMatch({ok, [<<"identity">>], _}, farrier_req_1:parse_header(<<"transfer-encoding">>, Req)),
    ?assertEqual({undefined, <<"raw">>, Req}, farrier_req_1:parse_header(<<"x-a">>, Req)),
    ?assertEqual({undefined, undefined, Req}, farrier_req_1:parse_header(<<"x-b">>, Req)),
    ?assertEqual({error, badarg}, farrier_req_1:parse_header(<<"range">>, Req)).

query_values_and_cookies_are_looked_up_test() ->
    Req = req(#{qs => <<"a=1&b">>, headers => [{<<"cookie">>, <<"c=2">>}]}),
    ?assertMatch({<<"1">>, _}, farrier_req_1:qs_val(<<"a">>, Req)),
    ?assertMatch({true, _}, farrier_req_1:qs_val(<<"b">>, Req)),
    ?assertMatch({d, _}, farrier_req_1:qs_val(<<"c">>, Req, d)),
    ?assertMatch({[{<<"a">>, <<"1">>}, {<<"b">>, true}], _}, farrier_req_1:qs_vals(Req)),
    ?assertMatch({<<"2">>, _}, farrier_req_1:cookie(<<"c">>, Req)),
    ?assertMatch({undefined, _}, farrier_req_1:cookie(<<"d">>, Req)),
    ?assertMatch({[], _}, farrier_req_1:cookies(req(#{}))).

meta_is_kept_and_replaced_test() ->
    Req = farrier_req_1:set_meta(a, 2, farrier_req_1:set_meta(a, 1, req(#{}))),
    ?assertEqual({2, Req}, farrier_req_1:meta(a, Req)),
    ?assertEqual({d, Req}, farrier_req_1:meta(b, Req, d)).

a_compacted_req_keeps_what_a_session_needs_test() ->
    Req0 = farrier_req_1:set_bindings(undefined, [], [{id, 1}], req(#{headers => [{<<"a">>, <<"1">>}]})),
    Req = farrier_req_1:compact(farrier_req_1:set_meta(m, 1, Req0)),
    ?assertMatch({<<"/a">>, _}, farrier_req_1:path(Req)),
    ?assertMatch({{{127, 0, 0, 1}, 4000}, _}, farrier_req_1:peer(Req)),
    ?assertMatch({1, _}, farrier_req_1:meta(m, Req)),
    ?assertMatch({undefined, _}, farrier_req_1:header(<<"a">>, Req)),
    ?assertError(_, farrier_req_1:binding(id, Req)).

the_proxied_address_is_told_test() ->
    Req = req(#{headers => [{<<"x-forwarded-for">>, <<"10.1.2.3, 10.0.0.1">>}]}),
    ?assertEqual({{10, 1, 2, 3}, Req}, farrier_req_1:peer_addr(Req)),
    ?assertMatch({{127, 0, 0, 1}, _}, farrier_req_1:peer_addr(req(#{}))),
    ?assertMatch({{127, 0, 0, 1}, _}, farrier_req_1:peer_addr(req(#{headers => [{<<"x-forwarded-for">>, <<252, "b">>}]}))).

%%% Response

headers_stand_in_the_order_of_cowboy_1_test() ->
    Req0 = farrier_req_1:set_resp_header(<<"x-a">>, <<"1">>, req(#{})),
    Req1 = farrier_req_1:set_resp_cookie(<<"c">>, <<"d">>, [], Req0),
    Req2 = farrier_req_1:set_resp_header(<<"x-b">>, <<"2">>, Req1),
    {ok, Req} = farrier_req_1:reply(200, [{<<"x-a">>, <<"3">>}], "hi", Req2),
    Headers = [
        {<<"connection">>, <<"keep-alive">>}, {<<"server">>, <<"Cowboy">>}, {<<"content-length">>, <<"2">>},
        {<<"set-cookie">>, <<"c=d; Version=1">>},
        {<<"x-b">>, <<"2">>}, {<<"x-a">>, <<"3">>}
    ],
    ?assertEqual([{respond, 200, Headers, <<"hi">>}], ?BRIDGE:calls()),
    ?assertEqual([done, [], <<>>], farrier_req_1:get([resp_state, resp_headers, resp_body], Req)),
    receive {cowboy_req, resp_sent} -> ok end.

repeated_headers_are_sent_again_test() ->
    Req = farrier_req_1:set_resp_header(<<"a">>, <<"2">>, farrier_req_1:set_resp_header(<<"a">>, <<"1">>, req(#{}))),
    ?assertEqual([{<<"a">>, <<"1">>}, {<<"a">>, <<"2">>}], farrier_req_1:upgrade_headers(Req)).

only_an_unanswered_unlocked_req_replies_test() ->
    {ok, Req} = farrier_req_1:reply(200, req(#{})),
    ?assertError(function_clause, farrier_req_1:reply(200, Req)),
    ?assertError(function_clause, farrier_req_1_resp:chunked_reply(200, Req)),
    ?assertError(function_clause, farrier_req_1:reply(200, farrier_req_1:lock(req(#{})))).

persistence_is_told_in_every_http11_response_test_() ->
    [
        ?_test(begin
            {ok, _} = farrier_req_1:reply(200, req(Request, #{max_keepalive => 100})),
            [{respond, 200, Headers, <<>>}] = ?BRIDGE:calls(),
            ?assertEqual(Told ++ [{<<"server">>, <<"Cowboy">>}, {<<"content-length">>, <<"0">>}], Headers)
        end)
     || {Request, Told} <- [
            {#{}, [{<<"connection">>, <<"keep-alive">>}]},
            {#{headers => [{<<"connection">>, <<"close">>}]}, [{<<"connection">>, <<"close">>}]},
            {#{stream_id => 100}, [{<<"connection">>, <<"close">>}]},
            {#{version => 'HTTP/1.0'}, []},
            {#{version => 'HTTP/1.0', headers => [{<<"connection">>, <<"keep-alive">>}]}, []}
        ]
    ].

a_chunked_reply_is_framed_test() ->
    {ok, Req} = farrier_req_1_resp:chunked_reply(200, [{<<"x">>, <<"y">>}], req(#{})),
    ok = farrier_req_1_resp:chunk("ab", Req),
    ok = farrier_req_1_resp:chunk(<<>>, Req),
    ok = farrier_req_1_resp:ensure_response(Req, 204),
    Headers = [{<<"transfer-encoding">>, <<"chunked">>}, {<<"connection">>, <<"keep-alive">>},
        {<<"server">>, <<"Cowboy">>}, {<<"x">>, <<"y">>}],
    ?assertEqual([{stream, 200, Headers}, {chunk, <<"ab">>}, {finish, []}], ?BRIDGE:calls()).

a_chunk_that_waits_for_room_returns_test() ->
    {ok, Req} = farrier_req_1_resp:chunked_reply(200, req(#{})),
    _ = put(scripted_chunk, blocked),
    ok = farrier_req_1_resp:chunk("ab", Req),
    _ = put(scripted_chunk, {error, closed}),
    ?assertEqual({error, closed}, farrier_req_1_resp:chunk("ab", Req)),
    _ = erase(scripted_chunk).

funs_send_the_body_test() ->
    Send = fun(Socket, Transport) -> ok = Transport:send(Socket, <<"hello">>) end,
    {ok, _} = farrier_req_1:reply(200, farrier_req_1:set_resp_body_fun(5, Send, req(#{}))),
    ?assertMatch([{stream, 200, [_, _, {<<"content-length">>, <<"5">>}]}, {chunk, <<"hello">>}, {finish, []}], ?BRIDGE:calls()),
    {ok, _} = farrier_req_1:reply(200, farrier_req_1:set_resp_body_fun(chunked, fun(Chunk) -> Chunk("x") end, req(#{}))),
    ?assertMatch([{stream, 200, [{<<"transfer-encoding">>, _} | _]}, {chunk, <<"x">>}, {finish, []}], ?BRIDGE:calls()).

the_transport_cannot_bypass_the_protocol_test() ->
    [Socket, Transport] = farrier_req_1:get([socket, transport], req(#{})),
    ?assertEqual({ok, {{127, 0, 0, 1}, 4000}}, Transport:peername(Socket)),
    ?assertEqual({ok, {{127, 0, 0, 1}, 8080}}, Transport:sockname(Socket)),
    ?assertEqual({error, enotsup}, Transport:send(Socket, <<"x">>)),
    ?assertEqual({error, enotsup}, Transport:recv(Socket, 0, 1000)),
    ?assertEqual([], ?BRIDGE:calls()).

the_hook_sees_the_response_and_may_replace_it_test() ->
    Test = self(),
    Hook = fun(Status, Headers, Body, Req) ->
        Test ! {hook, Status, lists:keymember(<<"server">>, 1, Headers), Body},
        {ok, Req2} = farrier_req_1:reply(500, [], <<"mine">>, Req),
        Req2
    end,
    {ok, _} = farrier_req_1:reply(404, [], <<"x">>, req(#{}, #{onresponse => Hook})),
    receive {hook, 404, true, <<"x">>} -> ok end,
    ?assertMatch([{respond, 500, _, <<"mine">>}], ?BRIDGE:calls()).

large_bodies_are_compressed_for_clients_that_take_it_test() ->
    Body = binary:copy(<<"a">>, 300),
    Sent = fun(Encoding, Options) ->
        Headers = [{<<"accept-encoding">>, Encoding}],
        {ok, _} = farrier_req_1:reply(200, [], Body, req(#{headers => Headers}, Options)),
        [{respond, 200, Sent, Data}] = ?BRIDGE:calls(),
        {lists:keyfind(<<"content-encoding">>, 1, Sent), Data}
    end,
    {Header, Data} = Sent(<<"gzip">>, #{compress => true}),
    ?assertEqual({{<<"content-encoding">>, <<"gzip">>}, Body}, {Header, zlib:gunzip(Data)}),
    ?assertEqual({false, Body}, Sent(<<"gzip;q=0">>, #{compress => true})),
    ?assertEqual({false, Body}, Sent(<<"gzip">>, #{})).

%%% Body

a_body_is_read_to_its_end_test() ->
    Req0 = body_req([{<<"transfer-encoding">>, <<"chunked">>}], [{nofin, <<"abc">>}, {fin, <<"d">>}]),
    ?assertMatch({undefined, _}, farrier_req_1_body:body_length(Req0)),
    {more, <<"abc">>, Req1} = farrier_req_1_body:body(Req0, [{length, 3}]),
    {ok, <<"d">>, Req2} = farrier_req_1_body:body(Req1),
    ?assertMatch({<<"4">>, _}, farrier_req_1:header(<<"content-length">>, Req2)),
    ?assertMatch({undefined, _}, farrier_req_1:header(<<"transfer-encoding">>, Req2)),
    ?assertEqual({ok, <<>>, Req2}, farrier_req_1_body:body(Req2)).

a_body_that_is_late_is_a_timeout_test() ->
    Req = body_req([{<<"content-length">>, <<"9">>}], [{nofin, <<"a">>}]),
    ?assertEqual({error, timeout}, farrier_req_1_body:body(Req, [{read_timeout, 1}])).

no_body_is_empty_test() ->
    ?assertMatch({ok, <<>>, _}, farrier_req_1_body:body(req(#{}))),
    ?assertNot(farrier_req_1_body:has_body(req(#{}))).

forms_are_limited_test() ->
    Length = [{<<"content-length">>, <<"9">>}],
    ?assertMatch({ok, [{<<"a">>, <<"1">>}], _}, farrier_req_1_body:body_qs(body_req(Length, [{fin, <<"a=1">>}]))),
    ?assertMatch({badlength, _}, farrier_req_1_body:body_qs(body_req(Length, [{nofin, <<"a=1">>}]), [{length, 3}])).

parts_are_read_test() ->
    Headers = [{<<"content-length">>, <<"9">>}, {<<"content-type">>, <<"multipart/form-data; boundary=AB">>}],
    Req0 = body_req(Headers, [{fin, <<"--AB\r\na: b\r\n\r\nhello\r\n--AB--">>}]),
    {ok, [{<<"a">>, <<"b">>}], Req1} = farrier_req_1_body:part(Req0),
    {ok, <<"hello">>, Req2} = farrier_req_1_body:part_body(Req1),
    ?assertMatch({done, _}, farrier_req_1_body:part(Req2)).

%%% Both generations

a_req_survives_the_way_through_the_other_generation_test() ->
    Headers = [{<<"a">>, <<"1">>}, {<<"b">>, <<"2">>}],
    Map0 = farrier_req_2:new(?BRIDGE:exchange(#{headers => Headers}), listener),
    Map1 = farrier_req_2:set_resp_header(<<"x">>, <<"y">>, Map0#{bindings => #{id => 1}, host_info => undefined, path_info => []}),
    Record = farrier_req_1:from_map(Map1),
    ?assertMatch({1, _}, farrier_req_1:binding(id, Record)),
    ?assertMatch({[{<<"b">>, <<"2">>}, {<<"a">>, <<"1">>}], _}, farrier_req_1:headers(Record)),
    ?assertEqual([{<<"x">>, <<"y">>}], farrier_req_1:upgrade_headers(Record)),
    ?assertEqual(Map1, farrier_req_2:from_record(Record)).

cowboy_req_answers_by_what_it_is_handed_test() ->
    Record = req(#{}),
    Map = farrier_req_2:new(?BRIDGE:exchange(#{}), listener),
    ?assertEqual({<<"GET">>, Record}, cowboy_req:method(Record)),
    ?assertEqual(<<"GET">>, cowboy_req:method(Map)),
    ?assertMatch([{<<"set-cookie">>, _}],
        farrier_req_1:upgrade_headers(cowboy_req:set_resp_cookie(<<"a">>, <<"b">>, [], Record))),
    ?assertMatch(#{resp_cookies := _}, cowboy_req:set_resp_cookie(<<"a">>, <<"b">>, Map, #{})),
    ?assertMatch({ok, _}, cowboy_req:reply(200, Record)),
    ?assertError(undef, cowboy_req:qs_val(<<"a">>, Map)),
    ?assertError(undef, cowboy_req:match_qs([a], Record)).

urls_name_the_scheme_of_the_connection_test_() ->
    [
        ?_assertMatch({Url, _}, cowboy_req:host_url(req(#{scheme => Scheme, port => Port})))
     || {Scheme, Port, Url} <- [
            {<<"http">>, 80, <<"http://example.org">>},
            {<<"http">>, 443, <<"http://example.org:443">>},
            {<<"https">>, 443, <<"https://example.org">>},
            {<<"https">>, 80, <<"https://example.org:80">>}
        ]
    ].

what_ranchs_transports_have_the_transports_of_requests_have_test_() ->
    [
        {atom_to_list(Module), ?_assertEqual([], [{name, 0}, {messages, 0}, {secure, 0}, {peername, 1}, {sockname, 1},
            {setopts, 2}, {controlling_process, 2}, {send, 2}, {sendfile, 2}, {sendfile, 4}, {sendfile, 5}, {recv, 3},
            {close, 1}, {shutdown, 2}] -- Module:module_info(exports))}
     || Module <- [farrier_transport, farrier_ssl_transport]
    ].

a_req_can_be_made_up_test() ->
    Headers = [{<<"connection">>, <<"close">>}],
    Made = [socket, transport, peer, <<"GET">>, <<"/a">>, <<"q=1">>, 'HTTP/1.1', Headers, <<"h">>, 80, <<"b">>, true, false, undefined],
    {Before, After} = lists:split(6, Made),
    Req = apply(cowboy_req, new, Made),
    ?assertEqual(Req, apply(cowboy_req, new, Before ++ [<<"fragment">>] ++ After)),
    ?assertEqual([close, self(), <<"bc">>], cowboy_req:get([connection, pid, buffer], cowboy_req:append_buffer(<<"c">>, Req))),
    ?assertMatch({<<"1">>, _}, cowboy_req:qs_val(<<"q">>, Req)),
    ?assertEqual({<<>>, Req}, cowboy_req:fragment(Req)).

an_upgrade_is_answered_without_headers_of_ones_own_test() ->
    {ok, Req} = cowboy_req:upgrade_reply(426, [{<<"upgrade">>, <<"x">>}], req(#{})),
    ?assertEqual([{respond, 426, [{<<"connection">>, <<"Upgrade">>}, {<<"upgrade">>, <<"x">>}], <<>>}], ?BRIDGE:calls()),
    ?assertError(function_clause, cowboy_req:upgrade_reply(426, [], Req)),
    ?assertError({not_supported, {cowboy_req, upgrade_reply, 3}, _}, cowboy_req:upgrade_reply(101, [], req(#{}))).
