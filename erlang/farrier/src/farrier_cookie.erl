%% @doc Reads `cookie' headers and writes `set-cookie' values as the Cowboys do (RFC 6265, leniently).
-module(farrier_cookie).

-export([parse/1, parse_1/1, filter/2, set/3, set_1/3]).

-export_type([options/0]).

-type options() :: #{
    domain => iodata(),
    http_only => boolean(),
    max_age => non_neg_integer(),
    path => iodata(),
    same_site => default | lax | none | strict,
    secure => boolean(),
    _ => _
}.

%% @doc Names and values in order. White space around a pair goes, quotes stay. A pair without `=' is a value without
%% a name. An empty name before `=' or a control character is an `error'.
-spec parse(binary()) -> {ok, [{binary(), binary()}]} | error.
parse(Header) ->
    try
        {ok, [pair(P) || P <- pairs(Header), P =/= <<>>]}
    catch
        error:badarg -> error
    end.

-spec pairs(binary()) -> [binary()].
pairs(Header) ->
    [skip_separators(P) || P <- binary:split(Header, <<";">>, [global])].

%% @doc As Cowboy 1 reads it: every cookie has a name, in which no space may stand, and names that begin with a dollar
%% sign are attributes (RFC 2109 4.3.4) and left out.
-spec parse_1(binary()) -> {ok, [{binary(), binary()}]} | error.
parse_1(Header) ->
    try
        {ok, pairs_1(skip_separators(Header))}
    catch
        error:badarg -> error
    end.

-spec pairs_1(binary()) -> [{binary(), binary()}].
pairs_1(<<>>) ->
    [];
pairs_1(<<"$", Attribute/binary>>) ->
    pairs_1(after_first(binary:split(Attribute, [<<",">>, <<";">>])));
pairs_1(Text) ->
    [Pair | _] = Split = binary:split(Text, <<";">>),
    [pair_1(binary:split(Pair, <<"=">>)) | pairs_1(after_first(Split))].

-spec after_first([binary()]) -> binary().
after_first([_]) -> <<>>;
after_first([_, Rest]) -> skip_separators(Rest).

-spec pair_1([binary()]) -> {binary(), binary()}.
pair_1([Name, Value]) when Name =/= <<>> ->
    {without(valid_name(Name), <<" ">>), strip_trailing(valid_value(Value))};
pair_1(_) ->
    error(badarg).

%% A comma separated cookies once (RFC 2109 4.3.4).
-spec skip_separators(binary()) -> binary().
skip_separators(<<C, Rest/binary>>) when C =:= $\s; C =:= $\t; C =:= $,; C =:= $; -> skip_separators(Rest);
skip_separators(Bin) -> Bin.

-spec pair(binary()) -> {binary(), binary()}.
pair(<<"=", _/binary>>) ->
    error(badarg);
pair(Pair) ->
    case binary:split(Pair, <<"=">>) of
        [Value] -> {<<>>, valid_name(strip_trailing(Value))};
        [Name, Value] -> {valid_name(Name), valid_value(strip_trailing(Value))}
    end.

-spec strip_trailing(binary()) -> binary().
strip_trailing(Bin) ->
    Size = byte_size(Bin) - 1,
    case Bin of
        <<Head:Size/binary, " ">> -> strip_trailing(Head);
        _ -> Bin
    end.

-spec valid_name(binary()) -> binary().
valid_name(Name) -> without(Name, <<",\t\r\n\v\f">>).

-spec valid_value(binary()) -> binary().
valid_value(Value) -> without(Value, <<"\t\r\n\v\f">>).

-spec without(binary(), binary()) -> binary().
without(Text, Forbidden) ->
    case binary:match(Text, [<<C>> || <<C>> <= Forbidden]) of
        nomatch -> Text;
        _ -> error(badarg)
    end.

%% @doc The header with those cookies alone that are named in `Names', their text unchanged.
-spec filter([binary()], binary()) -> binary().
filter(Names, Header) ->
    Kept = [P || P <- pairs(Header), lists:member(hd(binary:split(P, <<"=">>)), Names)],
    iolist_to_binary(lists:join(<<"; ">>, Kept)).

%% @doc The value of `set-cookie' as from Cowboy 2.10. Crashes with `{badarg, Option}' on an ill-typed option and with
%% `badarg' on a name or value that would break the header.
-spec set(iodata(), iodata(), options()) -> iolist().
set(Name, Value, Options) ->
    [cookie(Name, Value) | [attribute(O) || O <- maps:to_list(Options)]].

%% @doc As Cowboy 1 writes it, version attribute included. Options are a property list.
-spec set_1(iodata(), iodata(), [{atom(), term()}]) -> iolist().
set_1(Name, Value, Options) ->
    Order = [max_age, domain, path, secure, http_only],
    [
        cookie(Name, Value),
        <<"; Version=1">>
        | [attribute(O) || Key <- Order, O <- [lists:keyfind(Key, 1, Options)], O =/= false]
    ].

-spec cookie(iodata(), iodata()) -> iolist().
cookie(Name, Value) ->
    _ = without(iolist_to_binary(Name), <<"=,;\s\t\r\n\v\f">>),
    _ = without(iolist_to_binary(Value), <<",;\s\t\r\n\v\f">>),
    [Name, <<"=">>, Value].

-spec attribute({atom(), term()}) -> iodata().
attribute({domain, Domain}) -> [<<"; Domain=">>, Domain];
attribute({path, Path}) -> [<<"; Path=">>, Path];
attribute({max_age, 0}) -> <<"; Expires=Thu, 01-Jan-1970 00:00:01 GMT; Max-Age=0">>;
attribute({max_age, Seconds}) when is_integer(Seconds), Seconds > 0 -> max_age(Seconds);
attribute({max_age, _} = Bad) -> error({badarg, Bad});
attribute({secure, true}) -> <<"; Secure">>;
attribute({http_only, true}) -> <<"; HttpOnly">>;
attribute({same_site, lax}) -> <<"; SameSite=Lax">>;
attribute({same_site, strict}) -> <<"; SameSite=Strict">>;
attribute({same_site, none}) -> <<"; SameSite=None">>;
attribute(_) -> <<>>.

%% `Expires' is for clients that do not know `Max-Age'; in the format of RFC 2109.
-spec max_age(pos_integer()) -> iolist().
max_age(Seconds) ->
    Now = calendar:datetime_to_gregorian_seconds(calendar:universal_time()),
    Expires = farrier_clock:rfc2109(calendar:gregorian_seconds_to_datetime(Now + Seconds)),
    [<<"; Expires=">>, Expires, <<"; Max-Age=">>, integer_to_binary(Seconds)].
