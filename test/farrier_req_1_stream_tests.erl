%% The body functions of Cowboy 0.8 to 0.10: segments, a body up to a limit, events of a multipart body.
-module(farrier_req_1_stream_tests).

-include_lib("eunit/include/eunit.hrl").

-define(BRIDGE, farrier_scripted_bridge).

req(Headers, Pieces) ->
    _ = ?BRIDGE:calls(),
    Length = lists:sum([byte_size(Data) || {_, Data} <- Pieces]),
    Full = [{<<"content-length">>, integer_to_binary(Length)}
        || not lists:keymember(<<"transfer-encoding">>, 1, Headers)],
    farrier_req_1:new(?BRIDGE:exchange(#{headers => Full ++ Headers, body_length => Length}, Pieces), listener, #{}).

chunked(Pieces) -> req([{<<"transfer-encoding">>, <<"chunked">>}], Pieces).

multipart(Pieces) -> req([{<<"content-type">>, <<"multipart/form-data; boundary=AB">>}], Pieces).

%% Two parts.
-define(PARTS, <<"--AB\r\na: b\r\n\r\nhello\r\n--AB\r\nc: d\r\n\r\n\r\n--AB--\r\n">>).

segments_are_handed_out_until_the_body_is_done_test() ->
    Req0 = req([], [{nofin, <<"ab">>}, {fin, <<"c">>}]),
    {ok, <<"ab">>, Req1} = cowboy_req:stream_body(2, Req0),
    {ok, <<"c">>, Req2} = cowboy_req:stream_body(Req1),
    {done, Req3} = cowboy_req:stream_body(Req2),
    ?assertMatch({done, _}, cowboy_req:stream_body(Req3)),
    ?assertEqual([{read_body, 2, 5000}, {read_body, 1000000, 5000}], ?BRIDGE:calls()).

a_request_without_a_body_is_done_at_once_test() ->
    ?assertMatch({done, _}, cowboy_req:stream_body(req([], []))).

a_segment_that_does_not_come_in_time_is_an_error_test() ->
    ?assertEqual({error, timeout}, cowboy_req:stream_body(10, req([], [{nofin, <<"ab">>}, {fin, <<"c">>}]))).

segments_are_decoded_as_the_handler_says_test() ->
    Decode = fun(<<"x">>) -> {error, bad}; (Data) -> {ok, <<"<", Data/binary, ">">>} end,
    Init = fun(Pieces) ->
        {ok, Req} = cowboy_req:init_stream(fun(_, _) -> error(called) end, state, Decode, chunked(Pieces)),
        Req
    end,
    {ok, <<"<ab>">>, Req1} = cowboy_req:stream_body(2, Init([{nofin, <<"ab">>}, {nofin, <<"c">>}, {fin, <<"d">>}])),
    {ok, <<"<c>">>, Req2} = cowboy_req:stream_body(1, Req1),
    {ok, <<"<d>">>, Req3} = cowboy_req:stream_body(1, Req2),
    {done, Req4} = cowboy_req:stream_body(Req3),
    ?assertMatch({4, _}, cowboy_req:body_length(Req4)),
    ?assertEqual({error, bad}, cowboy_req:stream_body(Init([{fin, <<"x">>}]))).

a_skipped_body_is_done_test() ->
    {ok, Req} = cowboy_req:skip_body(chunked([{fin, <<"c">>}])),
    ?assertMatch({ok, <<>>, _}, cowboy_req:body(Req)).

a_body_has_a_greatest_length_test_() ->
    [
        ?_assertMatch({ok, <<"abc">>, _}, cowboy_req:body(3, req([], [{fin, <<"abc">>}]))),
        ?_assertMatch({ok, <<"abc">>, _}, cowboy_req:body(infinity, req([], [{fin, <<"abc">>}]))),
        ?_assertMatch({ok, <<>>, _}, cowboy_req:body(0, req([], []))),
        ?_assertEqual({error, badlength}, cowboy_req:body(2, req([], [{fin, <<"abc">>}]))),
        ?_assertEqual({error, chunked}, cowboy_req:body(9, chunked([{fin, <<"abc">>}]))),
        ?_assertMatch({ok, [{<<"a">>, <<"1">>}], _}, cowboy_req:body_qs(3, req([], [{fin, <<"a=1">>}]))),
        ?_assertEqual({error, badlength}, cowboy_req:body_qs(2, req([], [{fin, <<"a=1">>}])))
    ].

a_multipart_body_is_told_event_by_event_test() ->
    ?assertEqual(
        [{headers, [{<<"a">>, <<"b">>}]}, {body, <<"hello">>}, end_of_part, {headers, [{<<"c">>, <<"d">>}]},
            end_of_part, eof],
        events(multipart([{fin, ?PARTS}]))
    ).

a_part_that_is_longer_than_a_read_comes_in_pieces_test() ->
    Part = binary:copy(<<"x">>, 70000),
    {First, Rest} = split_binary(<<"--AB\r\n\r\n", Part/binary, "\r\n--AB--">>, 64000),
    [{headers, []} | Events] = events(multipart([{nofin, First}, {fin, Rest}])),
    {Bodies, [end_of_part, eof]} = lists:splitwith(fun is_tuple/1, Events),
    ?assert(length(Bodies) > 1),
    ?assertEqual(Part, iolist_to_binary([Data || {body, Data} <- Bodies])).

events(Req0) ->
    case cowboy_req:multipart_data(Req0) of
        {eof, Req} -> {eof, _} = cowboy_req:multipart_data(Req), [eof];
        {end_of_part, Req} -> [end_of_part | events(Req)];
        {What, Data, Req} -> [{What, Data} | events(Req)]
    end.

a_part_can_be_skipped_test() ->
    {ok, Req1} = cowboy_req:multipart_skip(multipart([{fin, ?PARTS}])),
    {headers, [{<<"c">>, <<"d">>}], Req2} = cowboy_req:multipart_data(Req1),
    {ok, Req3} = cowboy_req:multipart_skip(Req2),
    {eof, Req4} = cowboy_req:multipart_data(Req3),
    ?assertMatch({ok, _}, cowboy_req:multipart_skip(Req4)).

a_body_that_is_not_multipart_crashes_test() ->
    ?assertError({badmatch, _}, cowboy_req:multipart_data(req([], [{fin, <<"a">>}]))).
