%% Percent-encoding of path segments (RFC 3986 2.1, 3.3) under Cowlib's name.
-module(cow_uri).

-export([urldecode/1, urlencode/1]).

%% @doc Decodes escapes; `+' stays. Raises `badarg' for a bad escape.
-spec urldecode(binary()) -> binary().
urldecode(Text) ->
    farrier_qs:decode(binary:replace(Text, <<"+">>, <<"%2B">>, [global])).

%% @doc Escapes what may not stand in a path segment.
-spec urlencode(binary()) -> binary().
urlencode(Text) ->
    <<<<(escaped(C))/binary>> || <<C>> <= Text>>.

-spec escaped(byte()) -> binary().
escaped(C) when C >= $0, C =< $9; C >= $A, C =< $Z; C >= $a, C =< $z -> <<C>>;
escaped(C) ->
    case lists:member(C, "-._~!$&'()*+,;=:@") of
        true -> <<C>>;
        false -> <<$%, (binary:encode_hex(<<C>>))/binary>>
    end.
