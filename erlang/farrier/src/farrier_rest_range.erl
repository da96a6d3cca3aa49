%% Ranges of a representation: RFC 9110 14. Generation 2 only.
%%
%% A handler names range units with a callback each, which returns parts; `auto' for bytes cuts the parts from the whole
%% representation. One part is the body of the response, several go as multipart/byteranges.
-module(farrier_rest_range).

-include("farrier_rest.hrl").

-export([requested/1, start/3]).

-import(farrier_rest_callback, [call/2]).
-import(farrier_rest_req, [put/3, set_header/3]).

-type rest() :: farrier_rest:rest().
-type outcome() :: farrier_rest:outcome().
-type range() :: {Unit :: binary(), Ranges :: term()}.
-type place() :: {Offset :: non_neg_integer(), Length :: pos_integer()}.
%% Where a part lies is told by first, last and total, or by the handler's own text.
-type part() ::
    {{non_neg_integer(), non_neg_integer(), non_neg_integer() | '*'} | iodata(), farrier_exchange:body()}.

%% @doc Whether the client asks for a range that the resource provides.
-spec requested(rest()) -> {none, rest()} | {malformed, rest()} | {range, range(), atom(), rest()}.
requested(#rest{ranges = []} = Rest) ->
    {none, Rest};
requested(Rest) ->
    case farrier_rest_req:header(<<"range">>, Rest) =/= undefined andalso is_current(Rest) of
        true -> provided(farrier_rest_req:parse(<<"range">>, Rest));
        false -> {none, Rest}
    end.

%% RFC 9110 13.1.5: a part of something that has changed is worth nothing. A date is never strong enough.
-spec is_current(rest()) -> boolean().
is_current(#rest{etag = Etag} = Rest) ->
    case farrier_rest_req:parse(<<"if-range">>, Rest) of
        {ok, undefined, _} -> true;
        {ok, {strong, _} = Validator, _} -> Validator =:= Etag;
        _ -> false
    end.

-spec provided({ok, {bytes | binary(), term()}, rest()} | {malformed, rest()}) ->
    {none, rest()} | {malformed, rest()} | {range, range(), atom(), rest()}.
provided({ok, {bytes, Ranges}, Rest}) ->
    provided({ok, {<<"bytes">>, Ranges}, Rest});
provided({ok, {Unit, _} = Range, #rest{ranges = Ranges} = Rest}) ->
    case lists:keyfind(Unit, 1, Ranges) of
        {_, Callback} -> {range, Range, Callback, put(range, Range, Rest)};
        false -> {none, Rest}
    end;
provided({malformed, Rest}) ->
    {malformed, Rest}.

-spec start(range(), atom(), rest()) -> outcome().
start(Range, Callback, Rest) ->
    case call(range_satisfiable, Rest) of
        undefined -> satisfy(Range, Callback, Rest);
        {true, Rest2} -> satisfy(Range, Callback, Rest2);
        {false, Rest2} -> {respond, 416, Rest2};
        {{false, Size}, Rest2} when is_integer(Size) ->
            unsatisfiable([<<"*/">>, integer_to_binary(Size)], Range, Rest2);
        {{false, Text}, Rest2} when is_binary(Text); is_list(Text) ->
            unsatisfiable(Text, Range, Rest2)
    end.

-spec unsatisfiable(iodata(), range(), rest()) -> outcome().
unsatisfiable(Text, {Unit, _}, Rest) ->
    {respond, 416, set_header(<<"content-range">>, [Unit, $\s, Text], Rest)}.

-spec satisfy(range(), atom(), rest()) -> outcome().
satisfy({<<"bytes">>, Ranges} = Range, auto, Rest) ->
    {Body, Rest2} = farrier_rest_content:body(Rest),
    cut(Ranges, Range, Body, Rest2);
satisfy(Range, Callback, Rest) ->
    case farrier_rest_callback:required(Callback, ranges_provided, Rest) of
        {[Part], Rest2} -> single(Part, Range, Rest2);
        {[_, _ | _] = Parts, Rest2} -> multiple(Parts, Range, Rest2)
    end.

%%% Bytes cut from the whole

%% As in Cowboy, a range may end one byte behind the representation but not further, or none is granted. Ranges that
%% together are longer than the representation are ignored (RFC 9110 14.2): a small request must not cost any number of
%% copies.
-spec cut([term()], range(), farrier_exchange:body(), rest()) -> outcome().
cut(Ranges, Range, Body, Rest) ->
    Size = size_of(Body),
    Places = [place(R, Size) || R <- Ranges],
    case lists:member(unsatisfiable, Places) orelse Places =:= [] of
        true -> unsatisfiable([<<"*/">>, integer_to_binary(Size)], Range, Rest);
        false -> granted(Places, Size, Range, Body, Rest)
    end.

-spec granted([place(), ...], non_neg_integer(), range(), farrier_exchange:body(), rest()) -> outcome().
granted([{Offset, Length}], Size, Range, Body, Rest) ->
    single(part(Offset, Length, Size, Body), Range, Rest);
granted(Places, Size, Range, Body, Rest) ->
    case lists:sum([Length || {_, Length} <- Places]) > Size of
        true -> farrier_rest_content:choices(farrier_rest_req:set_body(Body, Rest));
        false -> multiple([part(Offset, Length, Size, Body) || {Offset, Length} <- Places], Range, Rest)
    end.

-spec size_of(farrier_exchange:body()) -> non_neg_integer().
size_of({sendfile, _, Size, _}) -> Size;
size_of(Data) -> iolist_size(Data).

-spec place({non_neg_integer(), non_neg_integer() | infinity} | integer(), non_neg_integer()) ->
    place() | unsatisfiable.
place({First, infinity}, Size) when First < Size -> {First, Size - First};
place({First, Last}, Size) when is_integer(Last), First =< Last, Last < Size -> {First, Last - First + 1};
place({First, Size}, Size) when First < Size -> {First, Size - First};
place(Suffix, Size) when is_integer(Suffix), Suffix < 0, -Suffix =< Size -> {Size + Suffix, -Suffix};
place(_, _) -> unsatisfiable.

-spec part(non_neg_integer(), pos_integer(), pos_integer(), farrier_exchange:body()) -> part().
part(Offset, Length, Size, {sendfile, Start, _, Path}) ->
    {{Offset, Offset + Length - 1, Size}, {sendfile, Start + Offset, Length, Path}};
part(Offset, Length, Size, Data) ->
    {{Offset, Offset + Length - 1, Size}, binary:part(iolist_to_binary(Data), Offset, Length)}.

%%% Responses

-spec single(part(), range(), rest()) -> outcome().
single({Place, Body}, {Unit, _}, Rest) ->
    {respond, 206, farrier_rest_req:set_body(Body, set_header(<<"content-range">>, content_range(Place, Unit), Rest))}.

%% RFC 9110 14.6, for every unit. Files make the response a streamed one.
-spec multiple([part()], range(), rest()) -> outcome().
multiple(Parts, {Unit, _}, Rest) ->
    Boundary = boundary(),
    Type = farrier_rest_req:header_value(<<"content-type">>, Rest),
    Pieces = pieces(Parts, Boundary, Type, Unit),
    Typed = set_header(<<"content-type">>, [<<"multipart/byteranges; boundary=">>, Boundary], Rest),
    case [File || {_, {sendfile, _, _, _} = File} <- Parts] of
        [] -> {respond, 206, farrier_rest_req:set_body(Pieces, Typed)};
        _ -> {stop, farrier_rest_req:stream(206, Pieces, Typed)}
    end.

-spec pieces([part()], binary(), iodata(), binary()) -> [farrier_exchange:body()].
pieces(Parts, Boundary, Type, Unit) ->
    Separators = [<<"--">> | lists:duplicate(length(Parts) - 1, <<"\r\n--">>)],
    lists:append([
        [[Separator, Boundary, <<"\r\ncontent-type: ">>, Type,
          <<"\r\ncontent-range: ">>, content_range(Place, Unit), <<"\r\n\r\n">>], Body]
     || {Separator, {Place, Body}} <- lists:zip(Separators, Parts)
    ]) ++ [[<<"\r\n--">>, Boundary, <<"--">>]].

%% 64 characters that may stand in a boundary (RFC 2046 5.1.1), too many to occur in a part by chance.
-spec boundary() -> binary().
boundary() ->
    Base64 = base64:encode(crypto:strong_rand_bytes(48)),
    binary:replace(binary:replace(Base64, <<"+">>, <<"-">>, [global]), <<"/">>, <<"_">>, [global]).

-spec content_range({non_neg_integer(), non_neg_integer(), non_neg_integer() | '*'} | iodata(), binary()) -> iolist().
content_range({First, Last, Total}, Unit) ->
    [Unit, $\s, integer_to_binary(First), $-, integer_to_binary(Last), $/, total(Total)];
content_range(Text, Unit) ->
    [Unit, $\s, Text].

-spec total(non_neg_integer() | '*') -> binary().
total('*') -> <<"*">>;
total(Total) -> integer_to_binary(Total).
