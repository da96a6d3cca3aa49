%% What each request header is parsed into, and what is refused. The terms are those of Cowboy 2.8.
-module(farrier_header_tests).

-include_lib("eunit/include/eunit.hrl").

headers_are_parsed_into_cowboys_terms_test_() ->
    [{binary_to_list(Name) ++ ": " ++ binary_to_list(Value), ?_assertEqual({ok, Term}, farrier_header:parse(Name, Value))}
     || {Name, Value, Term} <- parsed()].

malformed_headers_are_refused_test_() ->
    [{binary_to_list(Name) ++ ": " ++ binary_to_list(Value), ?_assertEqual(error, farrier_header:parse(Name, Value))}
     || {Name, Value} <- malformed()].

unknown_headers_are_told_apart_from_malformed_ones_test() ->
    ?assertEqual(unknown, farrier_header:parse(<<"x-custom">>, <<"a">>)),
    ?assertEqual(unknown, farrier_header:parse(<<"host">>, <<"a">>)).

opaque_origins_are_equal_to_nothing_test() ->
    {ok, [One]} = farrier_header:parse(<<"origin">>, <<"null">>),
    {ok, [Other]} = farrier_header:parse(<<"origin">>, <<"null">>),
    ?assert(is_reference(One)),
    ?assertNotEqual(One, Other).

parsed() ->
    [
        {<<"accept">>, <<>>, []},
        {<<"accept">>, <<"text/html;Level=1;q=0.5;Ext;e2=\"q v\", */*;q=.8 ,, a/b">>, [
            {{<<"text">>, <<"html">>, [{<<"level">>, <<"1">>}]}, 500, [<<"ext">>, {<<"e2">>, <<"q v">>}]},
            {{<<"*">>, <<"*">>, []}, 800, []},
            {{<<"a">>, <<"b">>, []}, 1000, []}
        ]},
        {<<"accept">>, <<"a/b;q=1.000, c/d; q=0.123, e/f;q=0.">>, [
            {{<<"a">>, <<"b">>, []}, 1000, []}, {{<<"c">>, <<"d">>, []}, 123, []}, {{<<"e">>, <<"f">>, []}, 0, []}
        ]},
        {<<"accept">>, <<"audio/*; Q=0">>, [{{<<"audio">>, <<"*">>, [{<<"q">>, <<"0">>}]}, 1000, []}]},
        {<<"accept-charset">>, <<"ISO-8859-5, *;q=0.8">>, [{<<"iso-8859-5">>, 1000}, {<<"*">>, 800}]},
        {<<"accept-encoding">>, <<>>, []},
        {<<"accept-encoding">>, <<"gzip;q=1.0, identity; q=0.5, *;q=0">>,
            [{<<"gzip">>, 1000}, {<<"identity">>, 500}, {<<"*">>, 0}]},
        {<<"accept-language">>, <<"da, en-GB;q=0.8, *">>, [{<<"da">>, 1000}, {<<"en-gb">>, 800}, {<<"*">>, 1000}]},
        {<<"access-control-request-headers">>, <<"X-A, b">>, [<<"x-a">>, <<"b">>]},
        {<<"access-control-request-method">>, <<"PUT">>, <<"PUT">>},
        {<<"authorization">>, <<"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==">>, {basic, <<"Aladdin">>, <<"open sesame">>}},
        {<<"authorization">>, <<"basic dTpwOnE=">>, {basic, <<"u">>, <<"p:q">>}},
        {<<"authorization">>, <<"Bearer mF_9.B5f-4.1JqM==">>, {bearer, <<"mF_9.B5f-4.1JqM==">>}},
        {<<"authorization">>, <<"Digest Username=\"Mu\", nc=00000001,uri=\"/\\\"x\"">>,
            {digest, [{<<"username">>, <<"Mu">>}, {<<"nc">>, <<"00000001">>}, {<<"uri">>, <<"/\"x">>}]}},
        {<<"proxy-authorization">>, <<"Bearer a">>, {bearer, <<"a">>}},
        {<<"connection">>, <<"Keep-Alive, Upgrade">>, [<<"keep-alive">>, <<"upgrade">>]},
        {<<"content-encoding">>, <<"GZip">>, [<<"gzip">>]},
        {<<"content-language">>, <<"en, de-AT">>, [<<"en">>, <<"de-at">>]},
        {<<"content-length">>, <<"007">>, 7},
        {<<"content-type">>, <<"Text/HTML; charset=\"UTF-8\"; B=\"C d\"">>,
            {<<"text">>, <<"html">>, [{<<"charset">>, <<"utf-8">>}, {<<"b">>, <<"C d">>}]}},
        {<<"cookie">>, <<>>, []},
        {<<"cookie">>, <<"a=b; c=d">>, [{<<"a">>, <<"b">>}, {<<"c">>, <<"d">>}]},
        {<<"expect">>, <<"100-Continue">>, continue},
        {<<"if-match">>, <<"W/\"a\", \"b\", \"\"">>, [{weak, <<"a">>}, {strong, <<"b">>}, {strong, <<>>}]},
        {<<"if-none-match">>, <<"*">>, '*'},
        {<<"if-modified-since">>, <<"Sat, 29 Oct 1994 19:43:31 GMT">>, {{1994, 10, 29}, {19, 43, 31}}},
        {<<"if-modified-since">>, <<"Saturday, 29-Oct-94 19:43:31 GMT">>, {{1994, 10, 29}, {19, 43, 31}}},
        {<<"if-unmodified-since">>, <<"Sun Nov  6 08:49:37 1994">>, {{1994, 11, 6}, {8, 49, 37}}},
        {<<"if-range">>, <<"W/\"a\"">>, {weak, <<"a">>}},
        {<<"if-range">>, <<"Sat, 29 Oct 1994 19:43:31 GMT">>, {{1994, 10, 29}, {19, 43, 31}}},
        {<<"max-forwards">>, <<"10">>, 10},
        {<<"origin">>, <<"http://Example.com:81">>, [{<<"http">>, <<"example.com">>, 81}]},
        {<<"origin">>, <<"https://[::1]">>, [{<<"https">>, <<"[::1]">>, 443}]},
        {<<"range">>, <<"bytes=0-1, -5, 6-">>, {bytes, [{0, 1}, -5, {6, infinity}]}},
        {<<"range">>, <<"Lines=1 to 2">>, {<<"lines">>, <<"1 to 2">>}},
        {<<"sec-websocket-extensions">>, <<"permessage-deflate; client_max_window_bits; x=\"10\", Foo">>,
            [{<<"permessage-deflate">>, [<<"client_max_window_bits">>, {<<"x">>, <<"10">>}]}, {<<"Foo">>, []}]},
        {<<"sec-websocket-protocol">>, <<"MQTT, chat">>, [<<"MQTT">>, <<"chat">>]},
        {<<"sec-websocket-version">>, <<"13">>, 13},
        {<<"trailer">>, <<"X-A">>, [<<"x-a">>]},
        {<<"upgrade">>, <<"WebSocket, foo/1.0">>, [<<"websocket">>, <<"foo/1.0">>]},
        {<<"x-forwarded-for">>, <<"1.2.3.4, [2001:db8::1]:80, unknown">>,
            [<<"1.2.3.4">>, <<"[2001:db8::1]:80">>, <<"unknown">>]}
    ].

malformed() ->
    Empty = [
        <<"accept-charset">>, <<"accept-language">>, <<"authorization">>, <<"connection">>, <<"content-length">>,
        <<"content-type">>, <<"expect">>, <<"if-match">>, <<"if-modified-since">>, <<"origin">>, <<"range">>,
        <<"sec-websocket-extensions">>, <<"sec-websocket-protocol">>, <<"sec-websocket-version">>, <<"upgrade">>
    ],
    [{Name, <<>>} || Name <- Empty] ++
        [
            {<<"accept">>, <<"text">>},
            {<<"accept">>, <<"a/b;q=2">>},
            {<<"accept">>, <<"a/b;q=0.1234">>},
            {<<"accept-language">>, <<"1">>},
            {<<"accept-language">>, <<"abcdefghi">>},
            {<<"authorization">>, <<"Basic YWJj">>},
            {<<"authorization">>, <<"Basic *">>},
            {<<"authorization">>, <<"Bearer a b">>},
            {<<"authorization">>, <<"Other x">>},
            {<<"connection">>, <<"a b">>},
            {<<"content-length">>, <<"-1">>},
            {<<"content-length">>, <<"+1">>},
            {<<"content-length">>, <<"1a">>},
            {<<"content-type">>, <<"text/html; charset">>},
            {<<"content-type">>, <<"text/html; a=\"b">>},
            {<<"cookie">>, <<"=a">>},
            {<<"cookie">>, <<"a=\tb">>},
            {<<"if-none-match">>, <<"abc">>},
            {<<"if-modified-since">>, <<"Sat, 31 Feb 1994 19:43:31 GMT">>},
            {<<"if-modified-since">>, <<"Sat, 29 Oct 1994 25:43:31 GMT">>},
            {<<"if-modified-since">>, <<"Sat, 29 Oct +994 19:43:31 GMT">>},
            {<<"origin">>, <<"http://a:99999">>},
            {<<"range">>, <<"bytes=a-b">>},
            {<<"range">>, <<"bytes">>},
            {<<"sec-websocket-extensions">>, <<"a; b=\"c d\"">>},
            {<<"sec-websocket-version">>, <<"256">>},
            {<<"sec-websocket-version">>, <<"013">>}
        ].
