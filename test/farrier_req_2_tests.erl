%% The Req of generation 2: what it holds, what its functions return, which responses leave the bridge and how misuse ends.
-module(farrier_req_2_tests).

-include_lib("eunit/include/eunit.hrl").

-define(BRIDGE, farrier_scripted_bridge).

req(Request) ->
    _ = ?BRIDGE:calls(),
    farrier_req_2:new(?BRIDGE:exchange(Request), listener).

req(Request, Pieces) ->
    _ = ?BRIDGE:calls(),
    farrier_req_2:new(?BRIDGE:exchange(Request, Pieces), listener).

%%% Request

a_new_req_has_exactly_cowboys_keys_test() ->
    Keys = [
        body_length, cert, has_body, headers, host, method, path, peer, pid, port, qs, ref, scheme, sock, streamid, version
    ],
    Req = req(#{}),
    ?assertEqual(Keys, lists:sort(maps:keys(Req))),
    ?assertMatch(#{ref := listener, streamid := 1, cert := undefined, has_body := false, body_length := 0}, Req),
    ?assertEqual(self(), maps:get(pid, Req)).

repeated_headers_are_joined_test() ->
    Headers = [{<<"a">>, <<"1">>}, {<<"cookie">>, <<"x=1">>}, {<<"a">>, <<"2">>}, {<<"cookie">>, <<"y=2">>}],
    ?assertEqual(#{<<"a">> => <<"1, 2">>, <<"cookie">> => <<"x=1; y=2">>}, farrier_req_2:headers(req(#{headers => Headers}))).

a_body_in_chunks_has_no_length_test() ->
    ?assertMatch(#{has_body := true, body_length := undefined}, req(#{body_length => undefined})).

terminate_sees_what_cowboy_leaves_of_the_req_test() ->
    Keys = [host, method, path, peer, port, qs, scheme, streamid, version],
    ?assertEqual(Keys, lists:sort(maps:keys(farrier_req_2:filter_default((req(#{}))#{custom => 1})))).

absent_headers_have_defaults_test() ->
    Req = req(#{}),
    ?assertEqual(
        [undefined, 0, [], mine],
        [
            farrier_req_2:parse_header(<<"accept">>, Req), farrier_req_2:parse_header(<<"content-length">>, Req),
            farrier_req_2:parse_header(<<"cookie">>, Req), farrier_req_2:parse_header(<<"accept">>, Req, mine)
        ]
    ).

bad_and_unknown_headers_are_request_errors_test() ->
    Req = req(#{headers => [{<<"accept">>, <<"x">>}]}),
    ?assertExit({request_error, {header, <<"accept">>}, _}, farrier_req_2:parse_header(<<"accept">>, Req)),
    ?assertExit({request_error, {header, <<"x-a">>}, _}, farrier_req_2:parse_header(<<"x-a">>, Req)),
    ?assertExit({request_error, {header, <<"x-a">>}, _}, farrier_req_2:parse_header(<<"x-a">>, Req, default)).

uris_are_rebuilt_test_() ->
    [
        ?_assertEqual(Uri, iolist_to_binary(farrier_req_2:uri(req(#{qs => <<"q=1">>}), Opts)))
     || {Opts, Uri} <- [
            {#{}, <<"http://example.org:8080/a?q=1">>},
            {#{port => 80}, <<"http://example.org/a?q=1">>},
            {#{scheme => <<"https">>, port => 443}, <<"https://example.org/a?q=1">>},
            {#{scheme => undefined}, <<"//example.org:8080/a?q=1">>},
            {#{host => undefined}, <<"/a?q=1">>},
            {#{path => undefined, qs => undefined}, <<"http://example.org:8080">>},
            {#{qs => <<>>, fragment => "f"}, <<"http://example.org:8080/a#f">>}
        ]
    ].

fields_of_the_query_string_are_matched_test() ->
    Req = req(#{qs => <<"a=1&b=x&b=y&c">>}),
    ?assertEqual(
        #{a => 1, b => [<<"y">>, <<"x">>], c => true, d => none},
        farrier_req_2:match_qs([{a, int}, b, c, {d, [], none}], Req)
    ),
    ?assertExit(
        {request_error, {match_qs, #{b := {int, not_an_integer, _}, e := required}}, _},
        farrier_req_2:match_qs([{b, int}, e, c], Req)
    ),
    ?assertError({badkey, e}, farrier_req_2:match_qs([{e, int}], Req)).

keys_and_cookies_are_limited_to_a_hundred_test() ->
    Keys = lists:join(<<"&">>, [integer_to_binary(N) || N <- lists:seq(1, 101)]),
    Qs = req(#{qs => iolist_to_binary(Keys)}),
    ?assertExit({request_error, qs, _}, farrier_req_2:parse_qs(Qs)),
    ?assertEqual(101, length(farrier_req_2:parse_qs(Qs, #{max_keys => infinity}))),
    Cookies = lists:join(<<";">>, [[integer_to_binary(N), <<"=1">>] || N <- lists:seq(1, 101)]),
    Req = req(#{headers => [{<<"cookie">>, iolist_to_binary(Cookies)}]}),
    ?assertExit({request_error, {header, <<"cookie">>}, _}, farrier_req_2:parse_cookies(Req)),
    ?assertEqual(101, length(farrier_req_2:parse_cookies(Req, #{max_keys => 101}))).

a_malformed_query_string_is_a_request_error_test() ->
    ?assertExit({request_error, qs, _}, farrier_req_2:parse_qs(req(#{qs => <<"a=%">>}))).

filtered_cookies_can_be_parsed_test() ->
    Req = req(#{headers => [{<<"cookie">>, <<"=bad; a=1; b=2">>}]}),
    ?assertExit({request_error, _, _}, farrier_req_2:parse_cookies(Req)),
    ?assertEqual([{<<"a">>, <<"1">>}], farrier_req_2:parse_cookies(farrier_req_2:filter_cookies([a], Req))).

%%% Response

a_reply_has_length_date_and_server_and_sorted_headers_test() ->
    Req0 = farrier_req_2:set_resp_header(<<"zz">>, "1", req(#{})),
    Req1 = farrier_req_2:set_resp_cookie(<<"b">>, <<"2">>, farrier_req_2:set_resp_cookie(<<"a">>, <<"1">>, Req0)),
    Req = farrier_req_2:reply(200, #{<<"a">> => <<"x">>}, ["h", <<"i">>], Req1),
    Headers = [
        {<<"a">>, <<"x">>}, {<<"content-length">>, <<"2">>}, {<<"server">>, <<"Cowboy">>}, {<<"zz">>, <<"1">>},
        {<<"set-cookie">>, <<"a=1">>}, {<<"set-cookie">>, <<"b=2">>}
    ],
    ?assertEqual([{respond, 200, Headers, <<"hi">>}], ?BRIDGE:calls()),
    ?assertMatch(#{has_sent_resp := true}, Req),
    ?assertNot(lists:any(fun(K) -> maps:is_key(K, Req) end, [resp_headers, resp_cookies, resp_body])).

headers_of_the_reply_win_over_those_set_before_test() ->
    Req = farrier_req_2:set_resp_headers(#{<<"server">> => <<"set">>, <<"a">> => <<"set">>}, req(#{})),
    _ = farrier_req_2:reply(<<"200 Fine">>, #{<<"a">> => <<"given">>}, Req),
    ?assertEqual(
        [{respond, <<"200 Fine">>,
            [{<<"a">>, <<"given">>}, {<<"content-length">>, <<"0">>}, {<<"server">>, <<"set">>}], <<>>}],
        ?BRIDGE:calls()
    ).

a_body_that_was_set_is_sent_test() ->
    _ = farrier_req_2:reply(200, farrier_req_2:set_resp_body({sendfile, 1, 5, "f"}, req(#{}))),
    ?assertMatch([{respond, 200, [{<<"content-length">>, <<"5">>} | _], {sendfile, 1, 5, "f"}}], ?BRIDGE:calls()).

no_content_has_no_length_and_no_body_test() ->
    _ = farrier_req_2:reply(204, req(#{})),
    ?assertEqual([{respond, 204, [{<<"server">>, <<"Cowboy">>}], <<>>}], ?BRIDGE:calls()),
    ?assertError({badmatch, 1}, farrier_req_2:reply(304, #{}, <<"x">>, req(#{}))).

persistence_is_told_where_it_is_not_the_default_test_() ->
    [
        ?_test(begin
            Headers = [{<<"connection">>, Asked} || Asked =/= none],
            _ = farrier_req_2:reply(204, req(#{version => Version, headers => Headers})),
            ?assertEqual([{respond, 204, Told ++ [{<<"server">>, <<"Cowboy">>}], <<>>}], ?BRIDGE:calls())
        end)
     || {Version, Asked, Told} <- [
            {'HTTP/1.1', none, []},
            {'HTTP/1.1', <<"Close">>, [{<<"connection">>, <<"close">>}]},
            {'HTTP/1.0', none, [{<<"connection">>, <<"close">>}]},
            {'HTTP/1.0', <<"keep-alive">>, [{<<"connection">>, <<"keep-alive">>}]}
        ]
    ].

only_one_response_is_sent_test() ->
    Req = req(#{}),
    Sent = farrier_req_2:reply(200, Req),
    ?assertExit({response_error, response_already_sent, _}, farrier_req_2:reply(200, Sent)),
    ?assertExit({response_error, response_already_sent, _}, farrier_req_2:stream_reply(200, Sent)),
    ?assertExit({response_error, response_already_sent, _}, farrier_req_2:reply(200, Req)),
    ?assertMatch([_], ?BRIDGE:calls()).

cookies_are_not_set_as_headers_test() ->
    Req = req(#{}),
    Headers = #{<<"set-cookie">> => <<"a=b">>},
    ?assertExit({response_error, invalid_header, _}, farrier_req_2:set_resp_header(<<"set-cookie">>, <<"a=b">>, Req)),
    ?assertExit({response_error, invalid_header, _}, farrier_req_2:set_resp_headers(Headers, Req)),
    ?assertExit({response_error, invalid_header, _}, farrier_req_2:reply(200, Headers, Req)),
    ?assertExit({response_error, invalid_header, _}, farrier_req_2:stream_reply(200, Headers, Req)).

a_list_of_headers_joins_repeated_names_test() ->
    Req = farrier_req_2:set_resp_headers([{<<"a">>, "1"}, {<<"b">>, "2"}, {<<"a">>, "3"}], req(#{})),
    ?assertEqual(<<"1, 3">>, iolist_to_binary(farrier_req_2:resp_header(<<"a">>, Req))),
    ?assertEqual([true, false], [farrier_req_2:has_resp_header(N, Req) || N <- [<<"b">>, <<"c">>]]).

a_streamed_body_is_framed_and_ended_test() ->
    Req = farrier_req_2:stream_reply(200, #{}, req(#{})),
    ok = farrier_req_2:stream_body("abc", nofin, Req),
    ok = farrier_req_2:stream_body(<<>>, nofin, Req),
    ok = farrier_req_2:stream_body(<<"d">>, fin, Req),
    Head = [{<<"server">>, <<"Cowboy">>}, {<<"transfer-encoding">>, <<"chunked">>}],
    ?assertEqual([{stream, 200, Head}, {chunk, <<"abc">>}, {chunk, <<"d">>}, {finish, []}], ?BRIDGE:calls()).

a_streamed_body_of_known_length_is_not_chunked_test() ->
    _ = farrier_req_2:stream_reply(200, #{<<"content-length">> => <<"3">>}, req(#{})),
    ?assertEqual([{stream, 200, [{<<"content-length">>, <<"3">>}, {<<"server">>, <<"Cowboy">>}]}], ?BRIDGE:calls()).

a_streamed_body_for_http_1_0_ends_with_the_connection_test() ->
    _ = farrier_req_2:stream_reply(200, #{}, req(#{version => 'HTTP/1.0', headers => [{<<"connection">>, <<"keep-alive">>}]})),
    ?assertEqual([{stream, 200, [{<<"connection">>, <<"close">>}, {<<"server">>, <<"Cowboy">>}]}], ?BRIDGE:calls()).

head_gets_no_chunks_test() ->
    Req = farrier_req_2:stream_reply(200, req(#{method => <<"HEAD">>})),
    ok = farrier_req_2:stream_body("abc", nofin, Req),
    ?assertMatch([{stream, 200, _}], ?BRIDGE:calls()).

trailers_go_to_clients_that_take_them_test() ->
    Trailers = #{<<"x">> => <<"1">>},
    Send = fun(Headers) ->
        Req = farrier_req_2:stream_reply(200, #{<<"trailer">> => <<"x">>}, req(#{headers => Headers})),
        ok = farrier_req_2:stream_trailers(Trailers, Req),
        [{stream, 200, Head}, End] = ?BRIDGE:calls(),
        {lists:keymember(<<"trailer">>, 1, Head), End}
    end,
    ?assertEqual({false, {finish, []}}, Send([])),
    ?assertEqual({true, {finish, [{<<"x">>, <<"1">>}]}}, Send([{<<"te">>, <<"gzip, Trailers">>}])).

events_are_formatted_test() ->
    Req = farrier_req_2:stream_reply(200, req(#{})),
    ok = farrier_req_2:stream_events(#{comment => "c", id => "1", event => message, data => "a\nb", retry => 5}, nofin, Req),
    ?assertMatch([_, {chunk, <<": c\nid: 1\nevent: message\ndata: a\ndata: b\nretry: 5\n\n">>}], ?BRIDGE:calls()),
    ?assertError({badmatch, _}, farrier_req_2:stream_events(#{id => "1\n2"}, nofin, Req)).

streaming_waits_for_room_and_ends_with_the_client_test() ->
    Req = farrier_req_2:stream_reply(200, req(#{})),
    _ = put(scripted_chunk, blocked),
    ok = farrier_req_2:stream_body("a", nofin, Req),
    ?assertMatch([_, await_writable], ?BRIDGE:calls()),
    _ = put(scripted_chunk, {error, closed}),
    ?assertExit(shutdown, farrier_req_2:stream_body("a", nofin, Req)),
    _ = erase(scripted_chunk).

another_process_may_use_the_req_test() ->
    Server = spawn_link(fun() ->
        _ = farrier_scripted_bridge:exchange(#{}),
        receive
            {ready, From} -> From ! farrier_req_2:new(farrier_exchange:request(), listener)
        end,
        receive stop -> ok end
    end),
    Server ! {ready, self()},
    Req = receive #{pid := Server} = R -> R end,
    _ = put(scripted_state, none),
    _ = ?BRIDGE:calls(),
    ?assertMatch(#{has_sent_resp := true}, farrier_req_2:reply(204, Req)),
    ?assertMatch([{respond, 204, _, _}], ?BRIDGE:calls()),
    Monitor = monitor(process, Server),
    Server ! stop,
    receive {'DOWN', Monitor, _, _, _} -> ok end,
    ?assertError({no_request, Server}, farrier_req_2:reply(204, Req)).

informational_responses_come_before_the_final_one_test() ->
    Req0 = req(#{}),
    ok = farrier_req_2:inform(102, Req0),
    ok = farrier_req_2:inform(<<"103 Early">>, #{<<"link">> => <<"</a>">>}, Req0),
    ?assertEqual([{inform, 102, []}, {inform, <<"103 Early">>, [{<<"link">>, <<"</a>">>}]}], ?BRIDGE:calls()),
    Req = farrier_req_2:reply(200, Req0),
    ?assertExit({response_error, response_already_sent, _}, farrier_req_2:inform(103, Req)),
    ?assertExit({response_error, response_already_sent, _}, farrier_req_2:inform(103, Req0)),
    ?assertExit({response_error, invalid_header, _}, farrier_req_2:inform(103, #{<<"set-cookie">> => <<"a=b">>}, req(#{}))).

what_is_cast_to_stream_handlers_is_kept_from_the_handler_test() ->
    Req = req(#{}),
    ok = farrier_req_2:cast({set_options, #{}}, Req),
    ?assertEqual(timeout, receive {{_, _}, Message} -> Message after 0 -> timeout end).

what_is_cast_from_elsewhere_reaches_the_process_of_the_req_test() ->
    Req = req(#{}),
    _ = spawn_link(fun() -> farrier_req_2:cast(hello, Req) end),
    Self = self(),
    ?assertEqual(hello, receive {{Self, 1}, Message} -> Message end).

pushes_are_accepted_and_dropped_test() ->
    Req = req(#{}),
    ?assertEqual(ok, farrier_req_2:push("/a", #{}, Req, #{method => <<"GET">>})),
    ?assertError({badmap, []}, farrier_req_2:push("/a", #{}, Req, [])),
    ?assertEqual([], ?BRIDGE:calls()).

%%% Body

a_body_is_read_to_its_end_test() ->
    Req0 = req(#{body_length => undefined}, [{nofin, <<"ab">>}, {fin, <<"c">>}]),
    {more, <<"ab">>, Req1} = farrier_req_2_body:read_body(Req0),
    {ok, <<"c">>, Req2} = farrier_req_2_body:read_body(Req1, #{length => 10, period => 20}),
    ?assertEqual([{read_body, 8000000, 15000}, {read_body, 10, 20}], ?BRIDGE:calls()),
    ?assertMatch(#{body_length := 3, has_read_body := true, headers := #{<<"content-length">> := <<"3">>}}, Req2),
    ?assertEqual({ok, <<>>, Req2}, farrier_req_2_body:read_body(Req2)).

a_request_without_a_body_reads_as_empty_test() ->
    Req = req(#{}),
    ?assertEqual({ok, <<>>, Req}, farrier_req_2_body:read_body(Req)),
    ?assertEqual([], ?BRIDGE:calls()).

an_answer_that_does_not_come_is_a_timeout_test() ->
    ?assertExit(timeout, farrier_req_2_body:read_body(req(#{body_length => 1}), #{period => 1, timeout => 2})).

forms_are_limited_test_() ->
    Read = fun(Pieces, Opts) -> farrier_req_2_body:read_urlencoded_body(req(#{body_length => 9}, Pieces), Opts) end,
    [
        ?_assertMatch({ok, [{<<"a">>, <<"1">>}], _}, Read([{fin, <<"a=1">>}], #{})),
        ?_assertExit({request_error, payload_too_large, _}, Read([{nofin, <<"a=12">>}], #{length => 4})),
        ?_assertExit({request_error, timeout, _}, Read([{nofin, <<"a=1">>}], #{length => 4})),
        ?_assertExit({request_error, urlencoded_body, _}, Read([{fin, <<"a=%">>}], #{}))
    ].

forms_are_matched_test() ->
    Req = req(#{body_length => 3}, [{fin, <<"a=1">>}]),
    ?assertMatch({ok, #{a := 1}, _}, farrier_req_2_body:read_and_match_urlencoded_body([{a, int}], Req)),
    ?assertExit(
        {request_error, {read_and_match_urlencoded_body, #{b := required}}, _},
        farrier_req_2_body:read_and_match_urlencoded_body([b], req(#{body_length => 3}, [{fin, <<"a=1">>}]))
    ).

parts_are_read_with_bounded_pieces_test() ->
    Headers = [{<<"content-type">>, <<"multipart/form-data; boundary=AB">>}],
    Pieces = [{nofin, <<"--AB\r\na: b\r\n\r\n0123456789">>}, {nofin, <<"abcdef">>}, {fin, <<"\r\n--AB--">>}],
    {ok, #{<<"a">> := <<"b">>}, Req1} = farrier_req_2_body:read_part(req(#{headers => Headers, body_length => 9}, Pieces)),
    {more, First, Req2} = farrier_req_2_body:read_part_body(Req1, #{length => 5}),
    {ok, Rest, Req3} = farrier_req_2_body:read_part_body(Req2),
    ?assertEqual(<<"0123456789abcdef">>, <<First/binary, Rest/binary>>),
    ?assertMatch({done, #{multipart := done}}, farrier_req_2_body:read_part(Req3)).

a_body_that_is_not_multipart_is_a_request_error_test_() ->
    Part = fun(Type, Body) ->
        farrier_req_2_body:read_part(req(#{headers => [{<<"content-type">>, Type}], body_length => 9}, [{fin, Body}]))
    end,
    [
        ?_assertExit({request_error, {multipart, boundary}, _}, Part(<<"multipart/form-data">>, <<>>)),
        ?_assertExit({request_error, {multipart, headers}, _}, Part(<<"multipart/form-data; boundary=AB">>, <<"xx">>)),
        ?_assertError({badmatch, _}, Part(<<"text/plain">>, <<>>))
    ].
