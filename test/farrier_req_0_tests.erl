%% What Cowboy 0 called things: headers, segments, escapes, cookies, parts.
-module(farrier_req_0_tests).

-include_lib("eunit/include/eunit.hrl").

headers_are_named_as_by_decode_packet_test_() ->
    [?_assertEqual(Expected, farrier_req_0_header:name(Name)) || {Name, Expected} <- [
        {<<"host">>, 'Host'}, {<<"connection">>, 'Connection'}, {<<"user-agent">>, 'User-Agent'}, {<<"cookie">>, 'Cookie'},
        {<<"www-authenticate">>, 'Www-Authenticate'}, {<<"etag">>, 'Etag'}, {<<"content-md5">>, 'Content-Md5'},
        {<<"origin">>, <<"Origin">>}, {<<"sec-websocket-key">>, <<"Sec-Websocket-Key">>},
        {<<"sec-websocket-key1">>, <<"Sec-Websocket-Key1">>}, {<<"expect">>, <<"Expect">>}, {<<"x-real-ip">>, <<"X-Real-Ip">>},
        {<<"sec-websocket-version">>, <<"Sec-Websocket-Version">>}, {<<"sec-websocket--version">>, <<"Sec-Websocket--version">>},
        {<<"sec-websocket---version">>, <<"Sec-Websocket---Version">>}, {<<"access-control-request-headers">>, <<"Access-Control-Request-Headers">>},
        {<<"x-header-whose-name-is-far-longer-than-any-table">>, <<"X-Header-Whose-Name-Is-Far-Longer-Than-Any-Table">>},
        {<<"x_1">>, <<"X_1">>}, {<<"1-a">>, <<"1-A">>}]].

names_of_all_lengths_are_those_of_decode_packet_test_() ->
    [begin
        {ok, {http_header, _, Known, _, _}, _} = erlang:decode_packet(httph_bin, <<Name/binary, ": v\r\n\r\n">>, []),
        ?_assertEqual(Known, farrier_req_0_header:name(Name))
     end || Name <- [<<"a">>, <<"a-b">>, <<"a--b">>, <<"-a">>, <<"accept-language">>, <<"x-forwarded-for">>, <<"sec-websocket-protocol">>,
        <<"proxy-authenticate">>, <<"x-a-name-of-more-than-thirty-two-bytes">>]].

paths_are_split_and_decoded_test_() ->
    [?_assertEqual(Expected, cowboy_dispatcher:split_path(Path)) || {Path, Expected} <- [
        {<<"?">>, {[], <<>>, <<>>}}, {<<"??">>, {[], <<>>, <<"?">>}}, {<<"/">>, {[], <<"/">>, <<>>}},
        {<<"/a//b/">>, {[<<"a">>, <<>>, <<"b">>], <<"/a//b/">>, <<>>}}, {<<"/a/">>, {[<<"a">>], <<"/a/">>, <<>>}},
        {<<"/a+b/c%2fd?e=f?g">>, {[<<"a b">>, <<"c/d">>], <<"/a+b/c%2fd">>, <<"e=f?g">>}}]] ++
    [?_assertError(badarg, cowboy_dispatcher:split_path(<<"/%zz">>)), ?_assertError(badarg, cowboy_dispatcher:split_path(<<"/%4">>))].

hosts_are_split_test_() ->
    [?_assertEqual(Expected, cowboy_dispatcher:split_host(Host)) || {Host, Expected} <- [
        {<<>>, {[], <<>>, undefined}}, {<<"...">>, {[], <<"...">>, undefined}}, {<<"a..b">>, {[<<"a">>, <<>>, <<"b">>], <<"a..b">>, undefined}},
        {<<"forge.eu:8080">>, {[<<"forge">>, <<"eu">>], <<"forge.eu">>, 8080}}]] ++
    [?_assertError(badarg, cowboy_dispatcher:split_host(Host)) || Host <- [<<"a:b">>, <<"a: 1">>, <<":1 x">>]].

escapes_are_read_and_written_test_() ->
    [?_assertEqual(Expected, cowboy_http:urldecode(Text, skip)) || {Text, Expected} <- [
        {<<"a%20b+c">>, <<"a b c">>}, {<<"%e4%Fc">>, <<16#e4, 16#fc>>}, {<<"%">>, <<"%">>}, {<<"%z9%2">>, <<"%z9%2">>}, {<<>>, <<>>}]] ++
    [?_assertEqual(Expected, cowboy_http:urlencode(Text, Opts)) || {Text, Opts, Expected} <- [
        {<<"a b/ü"/utf8>>, [], <<"a+b%2F%C3%BC">>}, {<<"a b/">>, [noplus, lower], <<"a%20b%2f">>}, {<<"A-z_0.9~">>, [], <<"A-z_0.9~">>}]].

forms_are_lists_of_pairs_test_() ->
    Decode = fun cowboy_http:urldecode/1,
    [?_assertEqual(Expected, cowboy_http:x_www_form_urlencoded(Text, Decode)) || {Text, Expected} <- [
        {<<>>, []}, {<<"a=b&c">>, [{<<"a">>, <<"b">>}, {<<"c">>, true}]}, {<<"a=b=c&">>, [{<<"a">>, <<"b=c">>}]},
        {<<"a+b=%41">>, [{<<"a b">>, <<"A">>}]}]].

cookies_are_tokens_or_quoted_test_() ->
    [?_assertEqual(Expected, cowboy_cookies:parse_cookie(Text)) || {Text, Expected} <- [
        {<<>>, []}, {<<"=">>, []}, {<<" a ; b  ">>, [{<<"a">>, <<>>}, {<<"b">>, <<>>}]},
        {<<"a=1; b = \"x;\\\"y\" , c=z">>, [{<<"a">>, <<"1">>}, {<<"b">>, <<"x;\"y">>}, {<<"c">>, <<"z">>}]},
        {<<"$Version=\"1\"; Smith=\"WILE\"; $Path=\"/acme\"">>, [{<<"Smith">>, <<"WILE">>}]},
        {<<"a=\"open">>, [{<<"a">>, <<"open">>}]}]].

cookies_are_written_in_the_order_of_the_time_test_() ->
    Time = calendar:universal_time_to_local_time({{2012, 5, 15}, {13, 45, 33}}),
    [?_assertEqual({<<"Set-Cookie">>, Expected}, cowboy_cookies:cookie(Name, Value, Opts)) || {Name, Value, Opts, Expected} <- [
        {<<"a">>, <<"b">>, [], <<"a=b; Version=1">>},
        {"a", 1, [{path, '/p'}, {http_only, true}, {domain, "x.org"}, {secure, true}, {unknown, 1}],
            <<"a=1; Version=1; Secure; Domain=x.org; Path=/p; HttpOnly">>},
        {<<"a">>, <<"b">>, [{max_age, 60}, {local_time, Time}], <<"a=b; Version=1; Expires=Tue, 15 May 2012 13:46:33 GMT; Max-Age=60">>},
        {<<"a">>, <<"b">>, [{max_age, -1}, {local_time, Time}], <<"a=b; Version=1; Expires=Tue, 15 May 2012 13:45:33 GMT; Max-Age=0">>}]] ++
    [?_assertError({cookie_quoting_required, <<"x y">>}, cowboy_cookies:cookie(<<"a">>, <<"x y">>))].

parts_come_one_after_the_other_however_they_are_cut_test_() ->
    Body = <<"--b\r\nContent-Disposition: form-data; name=\"x\"\r\ncontent-type: text/plain\r\n\r\none\r\n--b\r\n\r\n\r\n--b--\r\n">>,
    Expected = [
        {headers, [{<<"Content-Disposition">>, <<"form-data; name=\"x\"">>}, {'Content-Type', <<"text/plain">>}]}, {body, <<"one">>},
        end_of_part, {headers, []}, end_of_part, eof],
    [?_assertEqual({Size, Expected}, {Size, joined(parts(cowboy_multipart:parser(<<"b">>), cut(Body, Size)))}) || Size <- [1, 2, 7, 1000]] ++
    [?_assertEqual({<<"form-data">>, [{<<"name">>, <<"x">>}]}, cowboy_multipart:content_disposition(<<"form-data; name=\"x\"">>)),
     ?_assertEqual({<<"inline">>, []}, cowboy_multipart:content_disposition(<<"INLINE">>))].

cut(Body, Size) when byte_size(Body) =< Size -> [Body];
cut(Body, Size) ->
    <<Piece:Size/binary, Rest/binary>> = Body,
    [Piece | cut(Rest, Size)].

parts(Parser, [Data | Rest]) -> step(Parser(Data), Rest).

step({more, Parser}, Rest) -> parts(Parser, Rest);
step({headers, Headers, Next}, Rest) -> [{headers, Headers} | step(Next(), Rest)];
step({body, Data, Next}, Rest) -> [{body, Data} | step(Next(), Rest)];
step({end_of_part, Next}, Rest) -> [end_of_part | step(Next(), Rest)];
step(eof, _) -> [eof].

joined([{body, A}, {body, B} | Rest]) -> joined([{body, <<A/binary, B/binary>>} | Rest]);
joined([Step | Rest]) -> [Step | joined(Rest)];
joined([]) -> [].

lists_of_tokens_are_read_test_() ->
    [?_assertEqual(Expected, cowboy_http:nonempty_list(Text, fun cowboy_http:token_ci/2)) || {Text, Expected} <- [
        {<<"a">>, [<<"a">>]}, {<<" a ,, B,c ,">>, [<<"a">>, <<"b">>, <<"c">>]}, {<<>>, {error, badarg}}, {<<",">>, {error, badarg}},
        {<<"a b">>, {error, badarg}}, {<<"(a)">>, {error, badarg}}]] ++
    [?_assertEqual([<<"A">>], cowboy_http:list(<<"A">>, fun cowboy_http:token/2)),
     ?_assertEqual([], cowboy_http:list(<<" ">>, fun cowboy_http:token/2)),
     ?_assertEqual(<<"x\"y">>, cowboy_http:quoted_string(<<"\"x\\\"y\"rest">>, fun(<<"rest">>, Text) -> Text end)),
     ?_assertEqual({error, badarg}, cowboy_http:quoted_string(<<"\"x">>, fun(_, Text) -> Text end)),
     ?_assertEqual(42, cowboy_http:digits(<<"42 ">>)),
     ?_assertEqual({error, badarg}, cowboy_http:digits(<<"4x">>)),
     ?_assertEqual({<<"text">>, <<"html">>, [{<<"charset">>, <<"utf-8">>}]}, cowboy_http:content_type(<<"text/HTML; charset=utf-8">>)),
     ?_assertEqual([{weak, <<"a">>}], cowboy_http:entity_tag_match(<<"W/\"a\"">>)),
     ?_assertEqual({{1994, 11, 6}, {8, 49, 37}}, cowboy_http:http_date(<<"Sun, 06 Nov 1994 08:49:37 GMT">>)),
     ?_assertEqual({{1994, 11, 6}, {8, 49, 37}}, cowboy_http:rfc1123_date(<<"Sun, 06 Nov 1994 08:49:37 GMT">>)),
     ?_assertEqual({{1994, 11, 6}, {8, 49, 37}}, cowboy_http:rfc850_date(<<"Sunday, 06-Nov-94 08:49:37 GMT">>)),
     ?_assertEqual({{1994, 11, 6}, {8, 49, 37}}, cowboy_http:asctime_date(<<"Sun Nov  6 08:49:37 1994">>)),
     ?_assertEqual({error, badarg}, cowboy_http:asctime_date(<<"Sun, 06 Nov 1994 08:49:37 GMT">>)),
     ?_assertEqual({error, badarg}, cowboy_http:http_date(<<"yesterday">>)),
     ?_assertEqual(close, cowboy_http:connection_to_atom([<<"x">>, <<"close">>])),
     ?_assertEqual(keepalive, cowboy_http:connection_to_atom([<<"upgrade">>])),
     ?_assertEqual(<<"HTTP/1.0">>, cowboy_http:version_to_binary({1, 0}))].
