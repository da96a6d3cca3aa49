%% @doc Reads and writes URL-encoded text as Cowboy 0 did: `+' is a space wherever it stands, and what becomes of a bad
%% escape is the caller's choice.
-module(farrier_url_0).

-export([decode/2, encode/2, form/2, split_host/1, split_path/2]).

-export_type([decoder/0, encode_option/0]).

%% The `urldecode' option of a listener: a function and its second argument.
-type decoder() :: {fun((binary(), term()) -> binary()), term()}.
-type encode_option() :: upper | lower | plus | noplus.

%% @doc Decodes escapes. With `crash' a bad one raises `badarg', with `skip' it stays as it is.
-spec decode(binary(), crash | skip) -> binary().
decode(Text, OnError) ->
    decode(Text, OnError, <<>>).

-spec decode(binary(), crash | skip, binary()) -> binary().
decode(<<$%, Rest/binary>>, OnError, Acc) ->
    case hex(Rest) of
        {Byte, After} -> decode(After, OnError, <<Acc/binary, Byte>>);
        error when OnError =:= skip -> decode(Rest, OnError, <<Acc/binary, $%>>);
        error -> error(badarg)
    end;
decode(<<$+, Rest/binary>>, OnError, Acc) ->
    decode(Rest, OnError, <<Acc/binary, $\s>>);
decode(<<C, Rest/binary>>, OnError, Acc) ->
    decode(Rest, OnError, <<Acc/binary, C>>);
decode(<<>>, _, Acc) ->
    Acc.

-spec hex(binary()) -> {byte(), binary()} | error.
hex(<<H, L, Rest/binary>>) ->
    case {digit(H), digit(L)} of
        {High, Low} when is_integer(High), is_integer(Low) -> {High * 16 + Low, Rest};
        _ -> error
    end;
hex(_) ->
    error.

-spec digit(byte()) -> 0..15 | error.
digit(C) when C >= $0, C =< $9 -> C - $0;
digit(C) when C >= $a, C =< $f -> C - $a + 10;
digit(C) when C >= $A, C =< $F -> C - $A + 10;
digit(_) -> error.

%% @doc Encodes all but letters, digits, `.', `-', `~' and `_'. `upper' digits are the default; a space is `+' unless
%% `noplus' is among the options.
-spec encode(binary(), [encode_option()]) -> binary().
encode(Text, Options) ->
    Digits =
        case lists:member(lower, Options) of
            true -> <<"0123456789abcdef">>;
            false -> <<"0123456789ABCDEF">>
        end,
    Plus = not lists:member(noplus, Options),
    <<<<(encoded(C, Plus, Digits))/binary>> || <<C>> <= Text>>.

-spec encoded(byte(), boolean(), binary()) -> binary().
encoded($\s, true, _) -> <<"+">>;
encoded(C, _, _) when
    C >= $0, C =< $9; C >= $A, C =< $Z; C >= $a, C =< $z; C =:= $.; C =:= $-; C =:= $~; C =:= $_
->
    <<C>>;
encoded(C, _, Digits) ->
    <<$%, (binary:at(Digits, C bsr 4)), (binary:at(Digits, C band 15))>>.

%% @doc Keys and values of a query string or form in order; a key without `=' has the value `true'.
-spec form(binary(), fun((binary()) -> binary())) -> [{binary(), binary() | true}].
form(<<>>, _) ->
    [];
form(Text, Decode) ->
    [pair(binary:split(Field, <<"=">>), Decode) || Field <- binary:split(Text, <<"&">>, [global, trim])].

-spec pair([binary()], fun((binary()) -> binary())) -> {binary(), binary() | true}.
pair([Key], Decode) -> {Decode(Key), true};
pair([Key, Value], Decode) -> {Decode(Key), Decode(Value)}.

%% @doc The labels of a host, the host without its port, and the port. Raises `badarg' for a port that is no number.
-spec split_host(binary()) -> {[binary()], binary(), undefined | non_neg_integer()}.
split_host(<<>>) ->
    {[], <<>>, undefined};
split_host(Text) ->
    case binary:split(Text, <<":">>) of
        [Host] -> {labels(Host), Host, undefined};
        [Host, Port] -> {labels(Host), Host, binary_to_integer(Port)}
    end.

-spec labels(binary()) -> [binary()].
labels(Host) ->
    binary:split(Host, <<".">>, [global, trim]).

%% @doc The decoded segments of a path, the path as it came, and the query string.
-spec split_path(binary(), fun((binary()) -> binary())) -> {[binary()], binary(), binary()}.
split_path(Text, Decode) ->
    case binary:split(Text, <<"?">>) of
        [Path] -> {segments(Path, Decode), Path, <<>>};
        [Path, Qs] -> {segments(Path, Decode), Path, Qs}
    end.

%% Empty segments at the end do not count.
-spec segments(binary(), fun((binary()) -> binary())) -> [binary()].
segments(Path, Decode) ->
    case binary:split(Path, <<"/">>, [global, trim]) of
        [<<>> | Segments] -> [Decode(S) || S <- Segments];
        Segments -> [Decode(S) || S <- Segments]
    end.
