%% Reads and writes `application/x-www-form-urlencoded' text under Cowlib's name. See `farrier_qs'.
-module(cow_qs).

-export([parse_qs/1, qs/1, urldecode/1, urlencode/1]).

-export_type([qs_vals/0]).

-type qs_vals() :: [{binary(), binary() | true}].

%% @doc Keys and values in order, `true' for a key without `='. Raises `badarg' for a bad escape or an empty key.
-spec parse_qs(binary()) -> qs_vals().
parse_qs(Text) -> farrier_qs:parse(Text).

%% @doc The text of keys and values.
-spec qs(qs_vals()) -> binary().
qs(Pairs) ->
    iolist_to_binary(lists:join($&, [field(Pair) || Pair <- Pairs])).

-spec field({binary(), binary() | true}) -> iolist().
field({Key, true}) -> [urlencode(Key)];
field({Key, Value}) -> [urlencode(Key), $=, urlencode(Value)].

%% @doc Decodes escapes, and `+' as a space. Raises `badarg' for a bad escape.
-spec urldecode(binary()) -> binary().
urldecode(Text) -> farrier_qs:decode(Text).

%% @doc Escapes all but letters, digits, `-', `.' and `_'; a space becomes `+'.
-spec urlencode(binary()) -> binary().
urlencode(Text) ->
    <<<<(escaped(C))/binary>> || <<C>> <= Text>>.

-spec escaped(byte()) -> binary().
escaped($\s) -> <<"+">>;
escaped(C) when C >= $0, C =< $9; C >= $A, C =< $Z; C >= $a, C =< $z; C =:= $-; C =:= $.; C =:= $_ -> <<C>>;
escaped(C) -> <<$%, (binary:encode_hex(<<C>>))/binary>>.
