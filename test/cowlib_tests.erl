%% The modules of Cowlib's names answer as Cowlib 2.9.1 does where both were asked.
-module(cowlib_tests).

-include_lib("eunit/include/eunit.hrl").

-define(DATE, {{1994, 11, 6}, {8, 49, 37}}).

text_is_escaped_for_forms_and_for_paths_test() ->
    Text = <<"a b&c=d/é~-_.*!'()+%"/utf8>>,
    ?assertEqual(<<"a+b%26c%3Dd%2F%C3%A9%7E-_.%2A%21%27%28%29%2B%25">>, cow_qs:urlencode(Text)),
    ?assertEqual(<<"a%20b&c=d%2F%C3%A9~-_.*!'()+%25">>, cow_uri:urlencode(Text)),
    [?assertEqual(Bytes, M:urldecode(M:urlencode(Bytes))) || M <- [cow_qs, cow_uri], Bytes <- [Text, <<>>, <<0, 255>>]].

a_plus_is_a_space_in_forms_only_test() ->
    ?assertEqual(<<"a b c+">>, cow_qs:urldecode(<<"a+b%20c%2B">>)),
    ?assertEqual(<<"a+b c+">>, cow_uri:urldecode(<<"a+b%20c%2B">>)).

a_bad_escape_is_a_badarg_test_() ->
    [?_assertError(badarg, M:urldecode(Text)) || M <- [cow_qs, cow_uri], Text <- [<<"%">>, <<"%zz">>]].

query_strings_are_read_and_written_test() ->
    Pairs = [{<<"a">>, <<"1 2">>}, {<<"b">>, true}, {<<"c&">>, <<>>}],
    ?assertEqual(<<"a=1+2&b&c%26=">>, cow_qs:qs(Pairs)),
    ?assertEqual(Pairs, cow_qs:parse_qs(cow_qs:qs(Pairs))),
    ?assertEqual(<<>>, cow_qs:qs([])),
    ?assertError(badarg, cow_qs:parse_qs(<<"=x">>)).

cookies_are_read_and_written_test() ->
    ?assertEqual([{<<"a">>, <<"b">>}, {<<>>, <<"c">>}], cow_cookie:parse_cookie(<<"a=b; c">>)),
    ?assertError(badarg, cow_cookie:parse_cookie(<<"=x">>)),
    ?assertEqual(<<"a=b; c=d; e">>, iolist_to_binary(cow_cookie:cookie([{<<"a">>, <<"b">>}, {"c", "d"}, {<<>>, <<"e">>}]))),
    ?assertEqual(<<"a=b; Path=/; Secure">>, iolist_to_binary(cow_cookie:setcookie(<<"a">>, <<"b">>, #{path => <<"/">>, secure => true}))),
    ?assertEqual(<<"a=b; Version=1; Path=/">>, iolist_to_binary(cow_cookie:setcookie(<<"a">>, <<"b">>, [{path, <<"/">>}]))).

dates_are_read_and_written_test() ->
    ?assertEqual([<<"Sun, 06 Nov 1994 08:49:37 GMT">>, <<"Sun, 06-Nov-1994 08:49:37 GMT">>, <<"Sun, 06 Nov 1994 08:49:37 GMT">>],
        [cow_date:F(?DATE) || F <- [rfc1123, rfc2109, rfc7231]]),
    ?assertEqual(cow_date:rfc2109(?DATE), cowboy_clock:rfc2109(?DATE)),
    [?assertEqual(?DATE, cow_date:parse_date(Text)) || Text <- [<<"Sun, 06 Nov 1994 08:49:37 GMT">>,
        <<"Sunday, 06-Nov-94 08:49:37 GMT">>, <<"Sun Nov  6 08:49:37 1994">>]].

media_types_go_by_extension_test() ->
    ?assertEqual({<<"text">>, <<"plain">>, []}, cow_mimetypes:all(<<"a.txt">>)),
    ?assertEqual({<<"application">>, <<"octet-stream">>, []}, cow_mimetypes:web(<<"a.txt">>)).

keys_of_the_handshake_test() ->
    ?assertEqual(<<"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=">>, cow_ws:encode_key(<<"dGhlIHNhbXBsZSBub25jZQ==">>)),
    ?assertEqual(16, byte_size(base64:decode(cow_ws:key()))).

parts_of_forms_are_fields_or_files_test_() ->
    Type = {<<"content-type">>, <<"text/html">>},
    [
        ?_assertEqual(Part, cow_multipart:form_data(Headers))
     || {Part, Disposition, More} <- [
            {{data, <<"n">>}, <<"form-data; name=\"n\"">>, []},
            {{data, <<"a\"b">>}, <<"Form-Data; Name=\"a\\\"b\"">>, []},
            {{file, <<"n">>, <<"f.txt">>, <<"text/html">>}, <<"form-data; name=\"n\"; filename=\"f.txt\"">>, [Type]},
            {{file, <<"n">>, <<>>, <<"text/plain">>}, <<"form-data; name=n; filename=\"\";">>, []}
        ],
        List <- [[{<<"content-disposition">>, Disposition} | More]],
        Headers <- [List, maps:from_list(List)]
    ].

a_part_without_a_name_is_no_field_test_() ->
    [?_assertError(_, cow_multipart:form_data(Headers)) || Headers <- [[], #{}, [{<<"content-disposition">>, <<"form-data">>}],
        [{<<"content-disposition">>, <<"attachment; name=\"f\"">>}]]].

parts_are_written_as_they_are_read_test() ->
    Boundary = cow_multipart:boundary(),
    Body = iolist_to_binary([cow_multipart:first_part(Boundary, [{<<"a">>, <<"b">>}]), "one", cow_multipart:part(Boundary, []),
        "two", cow_multipart:close(Boundary)]),
    {ok, [{<<"a">>, <<"b">>}], Rest1} = farrier_multipart:header(farrier_multipart:new(Body), Boundary),
    {done, <<"one">>, Rest2} = farrier_multipart:body(Rest1, Boundary),
    {ok, [], Rest3} = farrier_multipart:header(Rest2, Boundary),
    {done, <<"two">>, Rest4} = farrier_multipart:body(Rest3, Boundary),
    ?assertEqual(done, farrier_multipart:header(Rest4, Boundary)).

headers_of_parts_are_parsed_test() ->
    ?assertEqual(<<"base64">>, cow_multipart:parse_content_transfer_encoding(<<"Base64">>)),
    ?assertEqual({<<"multipart">>, <<"mixed">>, [{<<"boundary">>, <<"AaB">>}]},
        cow_multipart:parse_content_type(<<"multipart/mixed; boundary=AaB">>)),
    ?assertEqual({<<"attachment">>, [{<<"filename">>, <<"a;b">>}]},
        cow_multipart:parse_content_disposition(<<"Attachment; Filename=\"a;b\"">>)).

headers_of_requests_are_parsed_test_() ->
    Date = <<"Sun, 06 Nov 1994 08:49:37 GMT">>,
    [
        {atom_to_list(Parse), ?_assertEqual(Term, cow_http_hd:Parse(Value))}
     || {Parse, Value, Term} <- [
            {parse_accept, <<"text/html;q=0.8, */*">>,
                [{{<<"text">>, <<"html">>, []}, 800, []}, {{<<"*">>, <<"*">>, []}, 1000, []}]},
            {parse_accept_charset, <<"utf-8;q=0.5">>, [{<<"utf-8">>, 500}]},
            {parse_accept_encoding, <<"gzip, br;q=0">>, [{<<"gzip">>, 1000}, {<<"br">>, 0}]},
            {parse_accept_language, <<"da, en-gb;q=0.8">>, [{<<"da">>, 1000}, {<<"en-gb">>, 800}]},
            {parse_access_control_request_headers, <<"X-A, x-b">>, [<<"x-a">>, <<"x-b">>]},
            {parse_access_control_request_method, <<"PUT">>, <<"PUT">>},
            {parse_authorization, <<"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==">>, {basic, <<"Aladdin">>, <<"open sesame">>}},
            {parse_authorization, <<"Bearer abc">>, {bearer, <<"abc">>}},
            {parse_authorization, <<"Digest username=\"a\", realm=\"b\"">>,
                {digest, [{<<"username">>, <<"a">>}, {<<"realm">>, <<"b">>}]}},
            {parse_proxy_authorization, <<"Bearer abc">>, {bearer, <<"abc">>}},
            {parse_connection, <<"Keep-Alive, Upgrade">>, [<<"keep-alive">>, <<"upgrade">>]},
            {parse_content_encoding, <<"gzip">>, [<<"gzip">>]},
            {parse_content_language, <<"en, mi">>, [<<"en">>, <<"mi">>]},
            {parse_content_length, <<"12">>, 12},
            {parse_content_type, <<"text/plain; charset=UTF-8">>, {<<"text">>, <<"plain">>, [{<<"charset">>, <<"utf-8">>}]}},
            {parse_cookie, <<"a=b">>, [{<<"a">>, <<"b">>}]},
            {parse_date, Date, ?DATE},
            {parse_last_modified, Date, ?DATE},
            {parse_if_modified_since, Date, ?DATE},
            {parse_if_unmodified_since, Date, ?DATE},
            {parse_if_range, <<"\"a\"">>, {strong, <<"a">>}},
            {parse_expect, <<"100-continue">>, continue},
            {parse_if_match, <<"\"x\", W/\"y\"">>, [{strong, <<"x">>}, {weak, <<"y">>}]},
            {parse_if_none_match, <<"*">>, '*'},
            {parse_max_forwards, <<"3">>, 3},
            {parse_origin, <<"http://a.b:8080">>, [{<<"http">>, <<"a.b">>, 8080}]},
            {parse_range, <<"bytes=0-1,-5">>, {bytes, [{0, 1}, -5]}},
            {parse_sec_websocket_extensions, <<"foo; a=1, bar">>, [{<<"foo">>, [{<<"a">>, <<"1">>}]}, {<<"bar">>, []}]},
            {parse_sec_websocket_protocol_req, <<"chat, b">>, [<<"chat">>, <<"b">>]},
            {parse_sec_websocket_version_req, <<"13">>, 13},
            {parse_trailer, <<"A, b">>, [<<"a">>, <<"b">>]},
            {parse_transfer_encoding, <<"Gzip, chunked">>, [<<"gzip">>, <<"chunked">>]},
            {parse_upgrade, <<"websocket, h2c">>, [<<"websocket">>, <<"h2c">>]},
            {parse_x_forwarded_for, <<"1.2.3.4, b">>, [<<"1.2.3.4">>, <<"b">>]}
        ]
    ].

malformed_headers_are_badargs_test_() ->
    [?_assertError(badarg, cow_http_hd:Parse(Value)) || {Parse, Value} <- [{parse_accept, <<"x">>}, {parse_connection, <<>>},
        {parse_authorization, <<"x">>}, {parse_content_length, <<"x">>}, {parse_date, <<"x">>}]].
