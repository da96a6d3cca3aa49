%% @doc All that a server sent on one connection, taken apart: responses first, then frames.
%%
%% A head becomes its status line and sorted lines (see oracle_http); frames become header bits and payload, which is
%% inflated where it was compressed. What can't be read stays as bytes.
-module(differential_wire).

-export([parse/2]).

-type part() :: {response, Status :: binary(), Fields :: list(), Body :: term()}
    | {frame, Bits :: 0..255, Payload :: binary()} | {compressed, Bits :: 0..255, Payload :: binary()}
    | {compressed_empty, 0..255} | {undecodable, 0..255, binary(), term()} | {bytes, binary()}.
-export_type([part/0]).

%% `Methods' are those of the requests in their order, for a response to HEAD has no body.
-spec parse(binary(), [binary()]) -> [part()].
parse(<<>>, _) -> [];
parse(Bytes, Methods) ->
    case binary:split(Bytes, <<"\r\n\r\n">>) of
        [<<"HTTP/1.", _/binary>> = Head, Rest] -> response(oracle_http:head(Head), Rest, Methods);
        _ -> [{bytes, Bytes}]
    end.

-spec response({head, binary(), list()}, binary(), [binary()]) -> [part()].
response({head, <<_:9/binary, "101", _/binary>> = Status, Fields}, Rest, _) ->
    [{response, Status, Fields, none} | frames(Rest, lists:keymember(<<"sec-websocket-extensions">>, 1, Fields))];
response({head, <<_:9/binary, "1", _/binary>> = Status, Fields}, Rest, Methods) ->
    [{response, Status, Fields, none} | parse(Rest, Methods)];
response({head, Status, Fields}, Rest, [<<"HEAD">> | Methods]) ->
    [{response, Status, Fields, none} | parse(Rest, Methods)];
response({head, Status, Fields}, Rest, Methods) ->
    Later = case Methods of [_ | M] -> M; [] -> [] end,
    case body(Status, Fields, Rest) of
        {Body, After} -> [{response, Status, Fields, Body} | parse(After, Later)];
        short -> [{response, Status, Fields, {short, Rest}}]
    end.

-spec body(binary(), list(), binary()) -> {term(), binary()} | short.
body(Status, Fields, Rest) ->
    Closes = not lists:keymember(<<"content-length">>, 1, Fields) andalso not lists:keymember(<<"transfer-encoding">>, 1, Fields),
    case oracle_http:body_length(Status, Fields) of
        chunked -> chunks(Rest, []);
        0 when Closes, binary_part(Status, 9, 3) =/= <<"204">>, binary_part(Status, 9, 3) =/= <<"304">> -> {{until_close, Rest}, <<>>};
        Length when byte_size(Rest) >= Length -> split_binary(Rest, Length);
        _ -> short
    end.

%% Sizes of chunks are the server's choice only where a piece was compressed; here they are compared, trailers too.
-spec chunks(binary(), [binary()]) -> {term(), binary()} | short.
chunks(Bytes, Seen) ->
    case binary:split(Bytes, <<"\r\n">>) of
        [<<"0">>, <<"\r\n", Rest/binary>>] -> {{chunked, lists:reverse(Seen)}, Rest};
        [<<"0">>, Rest] -> trailers(Rest, Seen);
        [Hex, Rest] ->
            try binary_to_integer(Hex, 16) of
                Size when byte_size(Rest) >= Size + 2 ->
                    <<Chunk:Size/binary, "\r\n", More/binary>> = Rest,
                    chunks(More, [Chunk | Seen]);
                _ -> short
            catch error:_ -> short
            end;
        _ -> short
    end.

-spec trailers(binary(), [binary()]) -> {term(), binary()} | short.
trailers(Bytes, Seen) ->
    case binary:split(Bytes, <<"\r\n\r\n">>) of
        [Lines, Rest] -> {{chunked, lists:reverse(Seen), lists:sort(binary:split(Lines, <<"\r\n">>, [global]))}, Rest};
        _ -> short
    end.

-spec frames(binary(), boolean()) -> [part()].
frames(Bytes, Extension) ->
    Z = zlib:open(),
    ok = zlib:inflateInit(Z, -15),
    Frames = frame(Bytes, Extension, Z),
    zlib:close(Z),
    Frames.

-spec frame(binary(), boolean(), zlib:zstream()) -> [part()].
frame(<<Bits, 127, Size:64, Payload:Size/binary, Rest/binary>>, E, Z) -> [seen(Bits, Payload, E, Z) | frame(Rest, E, Z)];
frame(<<Bits, 126, Size:16, Payload:Size/binary, Rest/binary>>, E, Z) -> [seen(Bits, Payload, E, Z) | frame(Rest, E, Z)];
frame(<<Bits, Size, Payload:Size/binary, Rest/binary>>, E, Z) when Size < 126 -> [seen(Bits, Payload, E, Z) | frame(Rest, E, Z)];
frame(<<>>, _, _) -> [];
frame(Bytes, _, _) -> [{bytes, Bytes}].

-spec seen(0..255, binary(), boolean(), zlib:zstream()) -> part().
seen(Bits, <<>>, true, _) when Bits band 16#40 =/= 0 -> {compressed_empty, Bits};
seen(Bits, Payload, true, Z) when Bits band 16#40 =/= 0 ->
    try {compressed, Bits, iolist_to_binary(zlib:inflate(Z, [Payload, <<0, 0, 16#FF, 16#FF>>]))}
    catch error:Reason -> {undecodable, Bits, Payload, Reason}
    end;
seen(Bits, Payload, _, _) -> {frame, Bits, Payload}.
