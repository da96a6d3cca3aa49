%% Forms and query strings.
-module(farrier_qs_tests).

-include_lib("eunit/include/eunit.hrl").

text_is_split_and_decoded_test_() ->
    [?_assertEqual(Pairs, farrier_qs:parse(Text)) || {Text, Pairs} <- [
        {<<>>, []},
        {<<"a">>, [{<<"a">>, true}]},
        {<<"a=&b">>, [{<<"a">>, <<>>}, {<<"b">>, true}]},
        {<<"&a=1&&a=2&">>, [{<<"a">>, <<"1">>}, {<<"a">>, <<"2">>}]},
        {<<"a+b=c%20d%2b">>, [{<<"a b">>, <<"c d+">>}]},
        {<<"a=b=c">>, [{<<"a">>, <<"b=c">>}]},
        {<<"%C3%a9=%ff">>, [{<<16#C3, 16#A9>>, <<16#FF>>}]}
    ]].

bad_escapes_and_empty_keys_are_refused_test_() ->
    [?_assertError(badarg, farrier_qs:parse(Text)) || Text <- [<<"a=%">>, <<"a%2">>, <<"%zz">>, <<"=b">>, <<"a&=b">>]].

pairs_are_limited_test() ->
    ?assertEqual([{<<"a">>, true}, {<<"b">>, true}], farrier_qs:parse(<<"a&&&b">>, 2)),
    ?assertEqual(too_many, farrier_qs:parse(<<"a&b&c">>, 2)),
    ?assertEqual(3, length(farrier_qs:parse(<<"a&b&c">>, infinity))).
