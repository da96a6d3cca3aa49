%% @doc Reads `application/x-www-form-urlencoded' text (WHATWG URL 5.1): query strings and form bodies.
-module(farrier_qs).

-export([parse/1, parse/2, decode/1]).

%% @doc Key-value pairs in order; a key without `=' has the value `true'. Crashes with `badarg' on a bad escape or an
%% empty key.
-spec parse(binary()) -> [{binary(), binary() | true}].
parse(Text) ->
    [pair(Field) || Field <- binary:split(Text, <<"&">>, [global]), Field =/= <<>>].

%% @doc The same, or `too_many' if there are more than `Max' pairs. The pairs are counted before they are decoded.
-spec parse(binary(), non_neg_integer() | infinity) -> [{binary(), binary() | true}] | too_many.
parse(Text, infinity) ->
    parse(Text);
parse(Text, Max) ->
    case length(binary:matches(Text, <<"&">>)) >= Max andalso length(parse(Text)) > Max of
        true -> too_many;
        false -> parse(Text)
    end.

-spec pair(binary()) -> {binary(), binary() | true}.
pair(<<"=", _/binary>>) ->
    error(badarg);
pair(Field) ->
    case binary:split(Field, <<"=">>) of
        [Key] -> {decode(Key), true};
        [Key, Value] -> {decode(Key), decode(Value)}
    end.

%% @doc Decodes escapes, and `+' as a space. Crashes with `badarg' on a bad escape.
-spec decode(binary()) -> binary().
decode(Text) ->
    case binary:match(Text, [<<"%">>, <<"+">>]) of
        nomatch -> Text;
        _ -> decode(Text, <<>>)
    end.

-spec decode(binary(), binary()) -> binary().
decode(<<"%", H, L, Rest/binary>>, Acc) -> decode(Rest, <<Acc/binary, (hex(H) * 16 + hex(L))>>);
decode(<<"%", _/binary>>, _) -> error(badarg);
decode(<<"+", Rest/binary>>, Acc) -> decode(Rest, <<Acc/binary, " ">>);
decode(<<C, Rest/binary>>, Acc) -> decode(Rest, <<Acc/binary, C>>);
decode(<<>>, Acc) -> Acc.

-spec hex(byte()) -> 0..15.
hex(C) when C >= $0, C =< $9 -> C - $0;
hex(C) when C >= $a, C =< $f -> C - $a + 10;
hex(C) when C >= $A, C =< $F -> C - $A + 10;
hex(_) -> error(badarg).
