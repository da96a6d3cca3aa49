%% What is negotiated (RFC 7692 7.1), in the words and the order of Cowboy.
-module(farrier_extensions_tests).

-include_lib("eunit/include/eunit.hrl").

-define(NO_S, <<"server_no_context_takeover">>).
-define(NO_C, <<"client_no_context_takeover">>).
-define(S_BITS, <<"server_max_window_bits">>).
-define(C_BITS, <<"client_max_window_bits">>).

an_offer_is_answered_as_cowboy_answers_it_test_() ->
    [
        ?_assertEqual(Expected, answer(Parameters, Options))
        || {Parameters, Options, Expected} <- [
            {[], #{}, <<"permessage-deflate">>},
            {[?C_BITS], #{}, <<"permessage-deflate; client_max_window_bits=15">>},
            {[{?C_BITS, <<"12">>}], #{}, <<"permessage-deflate; client_max_window_bits=12">>},
            {[{?S_BITS, <<"8">>}], #{}, <<"permessage-deflate; server_max_window_bits=8">>},
            {[?NO_C, ?NO_S], #{}, <<"permessage-deflate; server_no_context_takeover; client_no_context_takeover">>},
            {[?C_BITS, ?NO_S, ?NO_C, {?S_BITS, <<"10">>}], #{},
                <<"permessage-deflate; server_no_context_takeover; client_no_context_takeover; "
                    "client_max_window_bits=15; server_max_window_bits=10">>},
            {[], #{server_max_window_bits => 10}, <<"permessage-deflate; server_max_window_bits=10">>},
            {[?NO_S], #{server_max_window_bits => 10},
                <<"permessage-deflate; server_max_window_bits=10; server_no_context_takeover">>},
            {[{?S_BITS, <<"12">>}], #{server_max_window_bits => 10},
                <<"permessage-deflate; server_max_window_bits=10">>},
            {[{?S_BITS, <<"9">>}], #{server_max_window_bits => 10},
                <<"permessage-deflate; server_max_window_bits=9">>},
            {[?NO_S, ?NO_C], #{server_context_takeover => no_takeover},
                <<"permessage-deflate; client_no_context_takeover; server_no_context_takeover">>},
            {[], #{server_context_takeover => no_takeover, client_context_takeover => no_takeover},
                <<"permessage-deflate; client_no_context_takeover; server_no_context_takeover">>},
            {[{?C_BITS, <<"12">>}], #{client_max_window_bits => 10},
                <<"permessage-deflate; client_max_window_bits=10">>}
        ]
    ].

an_offer_that_can_not_be_met_is_passed_over_test_() ->
    [
        ?_assertEqual(none, answer(Parameters, Options))
        || {Parameters, Options} <- [
            {[<<"unknown">>], #{}},
            {[?S_BITS], #{}},
            {[{?S_BITS, <<"16">>}], #{}},
            {[{?S_BITS, <<"09">>}], #{}},
            {[{?C_BITS, <<"7">>}], #{}},
            {[?NO_S, ?NO_S], #{}},
            {[{?NO_S, <<"1">>}], #{}},
            {[], #{client_max_window_bits => 10}}
        ]
    ].

the_first_offer_that_can_be_met_is_taken_test() ->
    Offers = [{<<"foo">>, []}, {<<"permessage-deflate">>, [<<"bar">>]}, {<<"permessage-deflate">>, [?NO_S]},
        {<<"x-webkit-deflate-frame">>, []}],
    {Header, Compression} = farrier_extensions:negotiate(Offers, #{}),
    ?assertEqual(<<"permessage-deflate; server_no_context_takeover">>, Header),
    ?assertMatch(#{server_context_takeover := false, client_context_takeover := true}, Compression).

names_are_case_sensitive_test() ->
    ?assertEqual(none, farrier_extensions:negotiate([{<<"PERMESSAGE-DEFLATE">>, []}], #{})).

levels_have_the_names_of_otps_zlib_test() ->
    Level = fun(Name) ->
        {_, #{level := Level}} = farrier_extensions:negotiate([{<<"permessage-deflate">>, []}], #{level => Name}),
        Level
    end,
    ?assertEqual([0, 1, 6, 9, 4], [Level(Name) || Name <- [none, best_speed, default, best_compression, 4]]).

cowboy_1_takes_webkits_extension_without_parameters_only_test() ->
    Webkit = <<"x-webkit-deflate-frame">>,
    ?assertMatch({Webkit, #{per_frame := true}},
        farrier_extensions:negotiate_1([{<<"permessage-deflate">>, []}, {Webkit, []}])),
    ?assertEqual(none, farrier_extensions:negotiate_1([{Webkit, [<<"no_context_takeover">>]}])).

answer(Parameters, Options) ->
    case farrier_extensions:negotiate([{<<"permessage-deflate">>, Parameters}], Options) of
        {Header, _} -> Header;
        none -> none
    end.
