%% Constraints convert, refuse and explain as Cowboy's do.
-module(farrier_constraints_tests).

-include_lib("eunit/include/eunit.hrl").

integers_are_converted_test_() ->
    [?_assertEqual({ok, N}, farrier_constraints:validate(Text, int)) || {Text, N} <- [
        {<<"0">>, 0}, {<<"-1">>, -1}, {<<"+1">>, 1}, {<<"007">>, 7},
        {<<"12345678901234567">>, 12345678901234567}, {<<"-12345678901234567">>, -12345678901234567}]].

what_is_no_integer_is_refused_test_() ->
    [?_assertEqual({error, {int, not_an_integer, Value}}, farrier_constraints:validate(Value, int))
        || Value <- [<<>>, <<"a">>, <<"1.0">>, <<" 1">>, <<"-">>, <<"0x1">>, <<"123456789012345678">>, 1, true]].

empty_values_are_refused_by_nonempty_test() ->
    ?assertEqual({error, {nonempty, empty, <<>>}}, farrier_constraints:validate(<<>>, nonempty)),
    ?assertEqual({ok, <<"a">>}, farrier_constraints:validate(<<"a">>, nonempty)).

constraints_apply_from_left_to_right_test() ->
    Double = fun(_, N) -> {ok, N * 2} end,
    ?assertEqual({ok, 14}, farrier_constraints:validate(<<"7">>, [nonempty, int, Double])),
    ?assertEqual({error, {int, not_an_integer, <<"x">>}}, farrier_constraints:validate(<<"x">>, [nonempty, int, Double])),
    ?assertEqual({ok, <<"7">>}, farrier_constraints:validate(<<"7">>, [])).

reverse_gives_back_text_test() ->
    ?assertEqual({ok, <<"7">>}, farrier_constraints:reverse(7, int)),
    ?assertEqual({ok, <<"7">>}, farrier_constraints:reverse(7, [int, nonempty])),
    ?assertEqual({error, {int, not_an_integer, <<"7">>}}, farrier_constraints:reverse(<<"7">>, int)).

functions_decide_convert_and_explain_test() ->
    Fun = fun
        (forward, <<"on">>) -> {ok, true};
        (forward, _) -> {error, not_a_switch};
        (reverse, true) -> {ok, <<"on">>};
        (format_error, {not_a_switch, Value}) -> ["no switch: ", Value]
    end,
    ?assertEqual({ok, true}, farrier_constraints:validate(<<"on">>, Fun)),
    ?assertEqual({ok, <<"on">>}, farrier_constraints:reverse(true, Fun)),
    {error, Reason} = farrier_constraints:validate(<<"x">>, Fun),
    ?assertEqual({Fun, not_a_switch, <<"x">>}, Reason),
    ?assertEqual(<<"no switch: x">>, iolist_to_binary(farrier_constraints:format_error(Reason))).

predicates_become_constraints_test() ->
    Constraint = farrier_constraints:from_fun(fun(Value) -> Value =:= <<"ok">> end),
    ?assertEqual({ok, <<"ok">>}, farrier_constraints:validate(<<"ok">>, Constraint)),
    {error, Reason} = farrier_constraints:validate(<<"no">>, Constraint),
    ?assertMatch({match, _}, re:run(farrier_constraints:format_error(Reason), "no")).

errors_are_sentences_that_show_the_value_test_() ->
    [?_assertMatch({match, _}, re:run(farrier_constraints:format_error(Reason), "x7"))
        || Reason <- [{int, not_an_integer, <<"x7">>}, {nonempty, empty, <<"x7">>}]].

unknown_constraint_is_named_test() ->
    ?assertError({unknown_constraint, float}, farrier_constraints:validate(<<"1">>, float)).

errors_are_told_in_cowboys_words_test() ->
    ?assertEqual(<<"The value <<\"x\">> is not an integer.">>,
        iolist_to_binary(cowboy_constraints:format_error({int, not_an_integer, <<"x">>}))),
    ?assertEqual(<<"The value <<>> is empty.">>, iolist_to_binary(cowboy_constraints:format_error({nonempty, empty, <<>>}))).
