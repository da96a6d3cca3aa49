%% @doc Client frames of RFC 6455 5.2, the wrong ones included.
%%
%% The suites write bytes, not messages, so the shape of every header field can be chosen: what a well-behaved
%% client would never send is as easy to say as what it would.
-module(oracle_frame).

-export([text/1, binary/1, ping/1, pong/1, close/0, close/1, close/2]).
-export([frame/2, frame/3, mask/1, hex/1]).

-type options() :: #{
    fin => 0 | 1,
    rsv => 0..7,
    masked => boolean(),
    %% How the length is written: the least form, a forced one, or a length that the payload does not have.
    length => minimal | 16 | 64 | {16 | 64, non_neg_integer()} | {7, 0..127}
}.
-export_type([options/0]).

-define(KEY, <<16#37, 16#FA, 16#21, 16#3D>>).

-spec text(binary()) -> binary().
text(Payload) -> frame(1, Payload).

-spec binary(binary()) -> binary().
binary(Payload) -> frame(2, Payload).

-spec ping(binary()) -> binary().
ping(Payload) -> frame(9, Payload).

-spec pong(binary()) -> binary().
pong(Payload) -> frame(10, Payload).

-spec close() -> binary().
close() -> frame(8, <<>>).

-spec close(0..65535) -> binary().
close(Code) -> close(Code, <<>>).

-spec close(0..65535, binary()) -> binary().
close(Code, Reason) -> frame(8, <<Code:16, Reason/binary>>).

%% A final masked frame with the least length form.
-spec frame(0..15, binary()) -> binary().
frame(Opcode, Payload) -> frame(Opcode, Payload, #{}).

-spec frame(0..15, binary(), options()) -> binary().
frame(Opcode, Payload, Options) ->
    Fin = maps:get(fin, Options, 1),
    Rsv = maps:get(rsv, Options, 0),
    Masked = maps:get(masked, Options, true),
    Length = length_field(maps:get(length, Options, minimal), byte_size(Payload), mask_bit(Masked)),
    Body = body(Masked, Payload),
    <<Fin:1, Rsv:3, Opcode:4, Length/binary, Body/binary>>.

-spec mask_bit(boolean()) -> 0 | 1.
mask_bit(true) -> 1;
mask_bit(false) -> 0.

-spec length_field(term(), non_neg_integer(), 0 | 1) -> binary().
length_field(minimal, Size, Bit) when Size < 126 -> <<Bit:1, Size:7>>;
length_field(minimal, Size, Bit) when Size < 65536 -> <<Bit:1, 126:7, Size:16>>;
length_field(minimal, Size, Bit) -> <<Bit:1, 127:7, Size:64>>;
length_field({7, Size}, _, Bit) -> <<Bit:1, Size:7>>;
length_field({16, Size}, _, Bit) -> <<Bit:1, 126:7, Size:16>>;
length_field({64, Size}, _, Bit) -> <<Bit:1, 127:7, Size:64>>;
length_field(Form, Size, Bit) -> length_field({Form, Size}, Size, Bit).

-spec body(boolean(), binary()) -> binary().
body(true, Payload) -> <<?KEY/binary, (mask(Payload))/binary>>;
body(false, Payload) -> Payload.

%% The payload under the suites' masking key (RFC 6455 5.3).
-spec mask(binary()) -> binary().
mask(Payload) ->
    Size = byte_size(Payload),
    Stream = binary:part(binary:copy(?KEY, Size div 4 + 1), 0, Size),
    crypto:exor(Payload, Stream).

%% "88 02 03 E8" as bytes: lets a table be compared with the RFC by eye.
-spec hex(string()) -> binary().
hex(Digits) -> binary:decode_hex(list_to_binary([D || D <- Digits, D =/= $\s])).
