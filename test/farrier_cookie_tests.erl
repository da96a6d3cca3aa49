%% Cookies as clients send them and as both generations set them.
-module(farrier_cookie_tests).

-include_lib("eunit/include/eunit.hrl").

cookies_are_read_leniently_test_() ->
    [?_assertEqual({ok, Cookies}, farrier_cookie:parse(Header)) || {Header, Cookies} <- [
        {<<"a=b;c=d">>, [{<<"a">>, <<"b">>}, {<<"c">>, <<"d">>}]},
        {<<"  a=b ;; ,c=d ">>, [{<<"a">>, <<"b">>}, {<<"c">>, <<"d">>}]},
        {<<"a=\"b c\"">>, [{<<"a">>, <<"\"b c\"">>}]},
        {<<"a=b=c">>, [{<<"a">>, <<"b=c">>}]},
        {<<"lonely">>, [{<<>>, <<"lonely">>}]},
        {<<"a=">>, [{<<"a">>, <<>>}]},
        {<<";">>, []}
    ]].

cookies_that_would_confuse_are_refused_test_() ->
    [?_assertEqual(error, farrier_cookie:parse(Header)) || Header <- [<<"=a">>, <<"a,b=c">>, <<"a=b\rc">>, <<"a\t=b">>]].

cookies_of_generation_1_have_names_and_no_attributes_test_() ->
    [?_assertEqual(Cookies, farrier_cookie:parse_1(Header)) || {Header, Cookies} <- [
        {<<"a=b; c=d">>, {ok, [{<<"a">>, <<"b">>}, {<<"c">>, <<"d">>}]}},
        {<<"$Version=1; a=b; $Path=/, c=d ">>, {ok, [{<<"a">>, <<"b">>}, {<<"c">>, <<"d">>}]}},
        {<<" ,;a=b c , d=e;;">>, {ok, [{<<"a">>, <<"b c , d=e">>}]}},
        {<<"a=;b=\"c\"">>, {ok, [{<<"a">>, <<>>}, {<<"b">>, <<"\"c\"">>}]}},
        {<<>>, {ok, []}},
        {<<"$a">>, {ok, []}},
        {<<"a">>, error},
        {<<"a=b; c">>, error},
        {<<"=a">>, error},
        {<<"a b=c">>, error},
        {<<"a=b\t">>, error}
    ]].

foreign_cookies_are_filtered_out_test() ->
    ?assertEqual(<<"a=1; b=\t">>, farrier_cookie:filter([<<"a">>, <<"b">>], <<"x=\r; a=1; y;b=\t">>)).

attributes_follow_the_order_of_the_map_and_have_no_version_in_generation_2_test_() ->
    [?_assertEqual(Text, iolist_to_binary(farrier_cookie:set(<<"n">>, <<"v">>, Opts))) || {Opts, Text} <- [
        {#{}, <<"n=v">>},
        {#{secure => true, path => "/p", domain => <<"d">>, http_only => true, same_site => lax},
            <<"n=v; Domain=d; HttpOnly; Path=/p; SameSite=Lax; Secure">>},
        {#{max_age => 0}, <<"n=v; Expires=Thu, 01-Jan-1970 00:00:01 GMT; Max-Age=0">>},
        {#{secure => false, http_only => false}, <<"n=v">>}
    ]].

generation_1_writes_the_version_and_a_fixed_order_test() ->
    Opts = [{http_only, true}, {secure, true}, {path, <<"/p">>}, {domain, <<"d">>}, {max_age, 0}],
    ?assertEqual(
        <<"n=v; Version=1; Expires=Thu, 01-Jan-1970 00:00:01 GMT; Max-Age=0; Domain=d; Path=/p; Secure; HttpOnly">>,
        iolist_to_binary(farrier_cookie:set_1("n", ["v"], Opts))
    ).

a_maximal_age_is_told_to_old_clients_as_a_date_test() ->
    Text = iolist_to_binary(farrier_cookie:set(<<"n">>, <<"v">>, #{max_age => 3600})),
    ?assertMatch({match, _}, re:run(Text,
        "^n=v; Expires=[A-Z][a-z]{2}, [0-9]{2}-[A-Z][a-z]{2}-[0-9]{4} [0-9:]{8} GMT; Max-Age=3600$")).

names_and_values_cannot_break_the_header_test_() ->
    [?_assertError(badarg, farrier_cookie:set(Name, Value, #{})) || {Name, Value} <- [
        {<<"a=b">>, <<"v">>}, {<<"a;b">>, <<"v">>}, {<<"a">>, <<"b;c">>}, {<<"a">>, <<"b\r\nx: y">>}, {<<"a">>, "b c"}
    ]].

a_negative_age_is_an_error_that_names_it_test() ->
    ?assertError({badarg, {max_age, -1}}, farrier_cookie:set(<<"a">>, <<"b">>, #{max_age => -1})).
