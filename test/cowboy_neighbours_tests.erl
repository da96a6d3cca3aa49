%% The small modules of Cowboy that projects call directly.
-module(cowboy_neighbours_tests).

-include_lib("eunit/include/eunit.hrl").

case_of_ascii_letters_is_changed_test_() ->
    [?_assertEqual({Capitalized, Lower, Upper},
        {cowboy_bstr:capitalize_token(Text), cowboy_bstr:to_lower(Text), cowboy_bstr:to_upper(Text)})
        || {Text, Capitalized, Lower, Upper} <- [
            {<<"content-type">>, <<"Content-Type">>, <<"content-type">>, <<"CONTENT-TYPE">>},
            {<<"SEC-WEBSOCKET-KEY-">>, <<"Sec-Websocket-Key-">>, <<"sec-websocket-key-">>, <<"SEC-WEBSOCKET-KEY-">>},
            {<<>>, <<>>, <<>>, <<>>},
            {<<"-a">>, <<"-A">>, <<"-a">>, <<"-A">>},
            {<<"Z[`{a@">>, <<"Z[`{a@">>, <<"z[`{a@">>, <<"Z[`{A@">>},
            {<<"é_Z"/utf8>>, <<"é_z"/utf8>>, <<"é_z"/utf8>>, <<"é_Z"/utf8>>}]].

dates_are_written_as_http_wants_them_test_() ->
    [?_assertEqual(Text, cowboy_clock:rfc1123(Date)) || {Date, Text} <- [
        {{{1994, 11, 6}, {8, 49, 37}}, <<"Sun, 06 Nov 1994 08:49:37 GMT">>},
        {{{2024, 2, 29}, {1, 2, 3}}, <<"Thu, 29 Feb 2024 01:02:03 GMT">>},
        {{{2000, 1, 1}, {0, 0, 0}}, <<"Sat, 01 Jan 2000 00:00:00 GMT">>},
        {{{1999, 12, 31}, {23, 59, 59}}, <<"Fri, 31 Dec 1999 23:59:59 GMT">>}]].

every_month_and_weekday_can_be_read_back_test() ->
    First = calendar:date_to_gregorian_days({2024, 1, 1}),
    [begin
        DateTime = {calendar:gregorian_days_to_date(Days), {12, 0, 0}},
        ?assertEqual(DateTime, farrier_http_date:parse(cowboy_clock:rfc1123(DateTime)))
    end || Days <- lists:seq(First, First + 365)].

now_is_not_in_the_past_test() ->
    Before = calendar:universal_time(),
    ?assert(farrier_http_date:parse(cowboy_clock:rfc1123()) >= Before).

the_default_media_types_are_those_of_cowboy_test() ->
    ?assertEqual({<<"text">>, <<"html">>, []}, farrier_mime:web(<<"a/b.min.HTML">>)),
    ?assertEqual({<<"application">>, <<"octet-stream">>, []}, farrier_mime:web("note.txt")),
    ?assertEqual({<<"application">>, <<"octet-stream">>, []}, farrier_mime:web("css")).

the_larger_table_knows_more_test() ->
    ?assertEqual({<<"text">>, <<"plain">>, []}, farrier_mime:all("note.txt")),
    ?assertEqual({<<"application">>, <<"wasm">>, []}, farrier_mime:all(<<"é.wasm"/utf8>>)),
    ?assertEqual({<<"application">>, <<"octet-stream">>, []}, farrier_mime:all(<<"a.", 255>>)).

a_websocket_is_asked_for_by_get_over_http_1_1_test_() ->
    Asked = #{method => <<"GET">>, version => 'HTTP/1.1',
        headers => #{<<"connection">> => <<"keep-alive, Upgrade">>, <<"upgrade">> => <<"h2c, WebSocket">>}},
    [?_assert(cowboy_websocket:is_upgrade_request(Asked))] ++
    [?_assertNot(cowboy_websocket:is_upgrade_request(Other)) || Other <- [
        Asked#{method := <<"POST">>},
        Asked#{version := 'HTTP/1.0'},
        Asked#{headers := #{}},
        Asked#{headers := #{<<"connection">> => <<"upgrade">>}},
        Asked#{headers := #{<<"connection">> => <<"close">>, <<"upgrade">> => <<"websocket">>}},
        Asked#{headers := #{<<"connection">> => <<"upgrade">>, <<"upgrade">> => <<"h2c">>}}]].

what_is_not_there_yet_says_so_test_() ->
    [?_assertEqual({error, {not_supported_yet, {cowboy, F, length(Args)}}}, apply(cowboy, F, Args)) || {F, Args} <- [
        {start_spdy, [ref, 1, [], []]},
        {start_quic, [ref, #{}, #{}]}]].
