%% @doc Reads `Cookie' headers and writes `Set-Cookie' values as Cowboy 0 did (RFC 2109, RFC 2965): values are tokens
%% or quoted strings, names that begin with a dollar sign are attributes and left out.
-module(farrier_cookie_0).

-export([parse/1, set/3]).

-export_type([options/0]).

-type options() :: [
    {max_age, integer()}
    | {local_time, calendar:datetime()}
    | {domain, text()}
    | {path, text()}
    | {secure, boolean()}
    | {http_only, boolean()}
    | term()
].
-type text() :: binary() | string() | atom() | integer().

-define(IS_SPACE(C), (C =:= $\s orelse C =:= $\t orelse C =:= $\r orelse C =:= $\n)).

%% @doc Names and values in order. A cookie without a value has an empty one. What cannot be read is skipped.
-spec parse(binary()) -> [{binary(), binary()}].
parse(Header) ->
    case skip_space(Header) of
        <<>> ->
            [];
        Text ->
            {Name, AfterName} = token(Text),
            {Value, AfterValue} = value(skip_space(AfterName)),
            kept(Name, Value) ++ parse(next(AfterValue))
    end.

-spec kept(binary(), binary()) -> [{binary(), binary()}].
kept(<<>>, _) -> [];
kept(<<"$", _/binary>>, _) -> [];
kept(Name, Value) -> [{Name, Value}].

-spec value(binary()) -> {binary(), binary()}.
value(<<$=, Rest/binary>>) ->
    case skip_space(Rest) of
        <<$", Quoted/binary>> -> quoted(Quoted, <<>>);
        Text -> token(Text)
    end;
value(Text) ->
    {<<>>, Text}.

-spec quoted(binary(), binary()) -> {binary(), binary()}.
quoted(<<$", Rest/binary>>, Acc) -> {Acc, Rest};
quoted(<<$\\, C, Rest/binary>>, Acc) -> quoted(Rest, <<Acc/binary, C>>);
quoted(<<C, Rest/binary>>, Acc) -> quoted(Rest, <<Acc/binary, C>>);
quoted(<<>>, Acc) -> {Acc, <<>>}.

%% The text after the next `;' or `,'.
-spec next(binary()) -> binary().
next(Text) ->
    case binary:match(Text, [<<";">>, <<",">>]) of
        {At, 1} -> binary:part(Text, At + 1, byte_size(Text) - At - 1);
        nomatch -> <<>>
    end.

-spec skip_space(binary()) -> binary().
skip_space(<<C, Rest/binary>>) when ?IS_SPACE(C) -> skip_space(Rest);
skip_space(Text) -> Text.

-spec token(binary()) -> {binary(), binary()}.
token(Text) ->
    split_binary(Text, token_size(Text, 0)).

-spec token_size(binary(), non_neg_integer()) -> non_neg_integer().
token_size(Text, Size) ->
    case Text of
        <<_:Size/binary, C, _/binary>> ->
            case is_separator(C) of
                true -> Size;
                false -> token_size(Text, Size + 1)
            end;
        _ ->
            Size
    end.

%% RFC 2616 2.2.
-spec is_separator(byte()) -> boolean().
is_separator(C) ->
    C < 33 orelse lists:member(C, "()<>@,;:\\\"/[]?={}").

%% @doc The value of `Set-Cookie'. Raises `{cookie_quoting_required, Text}' for a value that would need quotes.
-spec set(text(), text(), options()) -> binary().
set(Name, Value, Options) ->
    iolist_to_binary([
        text(Name), $=, unquoted(Value), <<"; Version=1">>,
        max_age(proplists:get_value(max_age, Options), Options),
        [<<"; Secure">> || proplists:get_value(secure, Options) =:= true],
        attribute(<<"; Domain=">>, proplists:get_value(domain, Options)),
        attribute(<<"; Path=">>, proplists:get_value(path, Options)),
        [<<"; HttpOnly">> || proplists:get_value(http_only, Options) =:= true]
    ]).

-spec attribute(binary(), text() | undefined) -> iodata().
attribute(_, undefined) -> [];
attribute(Name, Value) -> [Name, unquoted(Value)].

%% `Expires' is for clients that do not know `Max-Age'.
-spec max_age(integer() | undefined, options()) -> iodata().
max_age(undefined, _) ->
    [];
max_age(Seconds0, Options) ->
    Seconds = max(0, Seconds0),
    Now =
        case proplists:get_value(local_time, Options) of
            undefined -> erlang:universaltime();
            LocalTime -> lists:last(calendar:local_time_to_universal_time_dst(LocalTime))
        end,
    Then = calendar:gregorian_seconds_to_datetime(calendar:datetime_to_gregorian_seconds(Now) + Seconds),
    [<<"; Expires=">>, farrier_clock:rfc1123(Then), <<"; Max-Age=">>, integer_to_binary(Seconds)].

-spec unquoted(text()) -> binary().
unquoted(Value) ->
    Text = text(Value),
    case [C || <<C>> <= Text, C =/= $/, is_separator(C)] of
        [] -> Text;
        _ -> error({cookie_quoting_required, Text})
    end.

-spec text(text()) -> binary().
text(Value) when is_binary(Value) -> Value;
text(Value) when is_list(Value) -> iolist_to_binary(Value);
text(Value) when is_atom(Value) -> atom_to_binary(Value);
text(Value) when is_integer(Value) -> integer_to_binary(Value).
