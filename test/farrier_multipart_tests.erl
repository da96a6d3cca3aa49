%% A multipart body is cut into the same parts however it arrives.
-module(farrier_multipart_tests).

-include_lib("eunit/include/eunit.hrl").

-define(BODY, <<
    "preamble --AB\r\n--AB\r\ncontent-disposition: form-data; name=\"f\"\r\nX-Y:  z \r\n\r\n"
    "hello\r\n--A\r\nworld--AB\r\n--AB \t\r\nA: b\r\n\r\n\r\n--AB\r\n\r\nbare\r\n--AB--\r\nepilogue"
>>).

every_split_gives_the_same_parts_test_() ->
    Parts = [
        {[{<<"content-disposition">>, <<"form-data; name=\"f\"">>}, {<<"x-y">>, <<"z ">>}], <<"hello\r\n--A\r\nworld--AB">>},
        {[{<<"a">>, <<"b">>}], <<>>},
        {[], <<"bare">>}
    ],
    [?_assertEqual(Parts, parts(pieces(?BODY, Size))) || Size <- lists:seq(1, 40) ++ [1000]].

a_delimiter_may_open_the_body_test() ->
    ?assertEqual([{[{<<"a">>, <<"b">>}], <<"x">>}], parts([<<"--AB\r\na: b\r\n\r\nx\r\n--AB--">>])).

a_body_without_parts_is_done_test() ->
    ?assertEqual(done, farrier_multipart:header(farrier_multipart:new(<<"--AB--">>), <<"AB">>)).

a_header_line_without_a_colon_is_an_error_test() ->
    Buffer = farrier_multipart:new(<<"--AB\r\nbad\r\n\r\nx\r\n--AB--">>),
    ?assertEqual(error, farrier_multipart:header(Buffer, <<"AB">>)).

a_header_need_not_be_utf8_test() ->
    Buffer = farrier_multipart:new(<<"--AB\r\nContent-Disposition:\t\374 b \r\n\351 :x\r\n\r\n">>),
    ?assertEqual({ok, [{<<"content-disposition">>, <<"\374 b ">>}, {<<"\351">>, <<"x">>}], <<>>},
                 farrier_multipart:header(Buffer, <<"AB">>)).

a_preamble_is_not_kept_test() ->
    {more, Rest} = farrier_multipart:header(binary:copy(<<"x">>, 100000), <<"AB">>),
    ?assert(byte_size(Rest) < 10).

an_endless_header_block_is_refused_test() ->
    Buffer = farrier_multipart:new(<<"--AB\r\na: ", (binary:copy(<<"x">>, 100000))/binary>>),
    ?assertEqual(error, farrier_multipart:header(Buffer, <<"AB">>)).

pieces(Body, Size) when byte_size(Body) > Size ->
    {Piece, Rest} = split_binary(Body, Size),
    [Piece | pieces(Rest, Size)];
pieces(Body, _) ->
    [Body].

parts(Pieces) ->
    header(farrier_multipart:new(<<>>), Pieces).

header(Buffer, Pieces) ->
    case farrier_multipart:header(Buffer, <<"AB">>) of
        {ok, Headers, Rest} -> body(Headers, <<>>, Rest, Pieces);
        {more, Rest} -> header(<<Rest/binary, (hd(Pieces))/binary>>, tl(Pieces));
        done -> []
    end.

body(Headers, Acc, Buffer, Pieces) ->
    case farrier_multipart:body(Buffer, <<"AB">>) of
        {done, Data, Rest} -> [{Headers, <<Acc/binary, Data/binary>>} | header(Rest, Pieces)];
        {more, Data, Rest} -> body(Headers, <<Acc/binary, Data/binary>>, <<Rest/binary, (hd(Pieces))/binary>>, tl(Pieces))
    end.
