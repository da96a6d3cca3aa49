%% @doc Response heads made comparable.
-module(oracle_http).

-export([head/1, body_length/2]).

-type field() :: {binary(), binary()}.

%% Status line and header lines. Lines are sorted by name, for a Cowboy 2 head is written from a map, whose order
%% means nothing; lines of one name keep theirs. The date's value is checked for its form and then left out.
-spec head(binary()) -> {head, binary(), [field()]}.
head(Bytes) ->
    [Status | Lines] = binary:split(Bytes, <<"\r\n">>, [global]),
    {head, Status, lists:keysort(1, [field(Line) || Line <- Lines])}.

-spec field(binary()) -> field().
field(Line) ->
    case binary:split(Line, <<": ">>) of
        [<<"date">>, Date] -> {<<"date">>, date_form(Date)};
        [<<"last-modified">>, Date] -> {<<"last-modified">>, date_form(Date)};
        [Name, Value] -> {Name, Value};
        [Malformed] -> {Malformed, <<"(no colon)">>}
    end.

%% RFC 9110 5.6.7, IMF-fixdate.
-spec date_form(binary()) -> binary().
date_form(<<_:3/binary, ", ", _:2/binary, " ", _:3/binary, " ", _:4/binary, " ", _:2/binary, ":", _:2/binary, ":",
            _:2/binary, " GMT">>) -> <<"(date)">>;
date_form(Other) -> Other.

-spec body_length(binary(), [field()]) -> non_neg_integer() | chunked.
body_length(<<_:9/binary, "204", _/binary>>, _) -> 0;
body_length(<<_:9/binary, "304", _/binary>>, _) -> 0;
body_length(_, Fields) ->
    case {lists:keyfind(<<"content-length">>, 1, Fields), lists:keyfind(<<"transfer-encoding">>, 1, Fields)} of
        {{_, Length}, _} -> binary_to_integer(Length);
        {false, {_, <<"chunked">>}} -> chunked;
        {false, false} -> 0
    end.
