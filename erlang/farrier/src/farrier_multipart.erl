%% @doc Cuts a multipart body (RFC 2046 5.1, RFC 7578) into parts, incrementally: pure functions over a buffer that the
%% callers fill, so that no more of the body is in memory than one piece of it.
%%
%% The buffer of a new body starts with a line break ({@link new/1}): the first delimiter then looks like any other.
-module(farrier_multipart).

-export([new/1, header/2, body/2]).

-export_type([headers/0]).

-type headers() :: [{binary(), binary()}].

%% Bytes of the header block of one part.
-define(MAX_HEADER, 65536).

%% @doc The buffer for the first bytes of a body.
-spec new(binary()) -> binary().
new(Data) ->
    <<"\r\n", Data/binary>>.

%% @doc Skips to the next delimiter and reads the header block behind it. `more' hands back what must be kept of
%% the buffer.
-spec header(binary(), Boundary :: binary()) ->
    {ok, headers(), Rest :: binary()} | {more, Rest :: binary()} | done | error.
header(Buffer, Boundary) ->
    Delimiter = delimiter(Boundary),
    case binary:match(Buffer, Delimiter) of
        nomatch ->
            {_, Tail} = keep_tail(Buffer, Delimiter),
            {more, Tail};
        {At, Length} ->
            <<_:At/binary, FromDelimiter/binary>> = Buffer,
            <<_:Length/binary, Rest/binary>> = FromDelimiter,
            after_delimiter(Rest, FromDelimiter)
    end.

-spec after_delimiter(binary(), binary()) ->
    {ok, headers(), binary()} | {more, binary()} | done | error.
after_delimiter(<<"--", _/binary>>, _) ->
    done;
after_delimiter(Rest, FromDelimiter) ->
    case binary:match(Rest, <<"\r\n">>) of
        {At, 2} ->
            <<Padding:At/binary, Block/binary>> = Rest,
            header_block(Padding, Block, FromDelimiter);
        nomatch ->
            wait(FromDelimiter)
    end.

%% `Block' starts with the line break that ends the delimiter, so that an empty header block too ends in two of them.
-spec header_block(binary(), binary(), binary()) -> {ok, headers(), binary()} | {more, binary()} | error.
header_block(Padding, Block, FromDelimiter) ->
    case {is_padding(Padding), binary:split(Block, <<"\r\n\r\n">>)} of
        {false, _} -> error;
        {true, [_]} -> wait(FromDelimiter);
        {true, [Lines, Rest]} -> parsed(Lines, Rest)
    end.

-spec wait(binary()) -> {more, binary()} | error.
wait(Buffer) when byte_size(Buffer) > ?MAX_HEADER -> error;
wait(Buffer) -> {more, Buffer}.

%% RFC 2046 5.1.1: transport padding.
-spec is_padding(binary()) -> boolean().
is_padding(Text) ->
    lists:all(fun(C) -> C =:= $\s orelse C =:= $\t end, binary_to_list(Text)).

-spec parsed(binary(), binary()) -> {ok, headers(), binary()} | error.
parsed(Lines, Rest) ->
    Headers = [field(L) || L <- binary:split(Lines, <<"\r\n">>, [global]), L =/= <<>>],
    case lists:member(error, Headers) of
        %% The line break before the body may be the one before an immediate delimiter.
        false -> {ok, Headers, Rest};
        true -> error
    end.

-spec field(binary()) -> {binary(), binary()} | error.
field(Line) ->
    case binary:split(Line, <<":">>) of
        [Name, Value] when Name =/= <<>> ->
            {farrier_header:lower(without_trailing(without_leading(Name))), without_leading(Value)};
        _ ->
            error
    end.

%% Space, byte by byte: what a client sends need not be UTF-8, as `string' would have it.
-spec without_leading(binary()) -> binary().
without_leading(<<C, Rest/binary>>) when C =:= $\s; C =:= $\t -> without_leading(Rest);
without_leading(Text) -> Text.

-spec without_trailing(binary()) -> binary().
without_trailing(<<>>) -> <<>>;
without_trailing(Text) ->
    case binary:last(Text) of
        C when C =:= $\s; C =:= $\t -> without_trailing(binary:part(Text, 0, byte_size(Text) - 1));
        _ -> Text
    end.

%% @doc The body of the current part as far as the buffer tells. `Rest' of a `done' begins with the delimiter.
-spec body(binary(), Boundary :: binary()) -> {done | more, Data :: binary(), Rest :: binary()}.
body(Buffer, Boundary) ->
    Delimiter = delimiter(Boundary),
    case binary:match(Buffer, Delimiter) of
        nomatch ->
            {Data, Tail} = keep_tail(Buffer, Delimiter),
            {more, Data, Tail};
        {At, _} ->
            {Data, Rest} = split_binary(Buffer, At),
            {done, Data, Rest}
    end.

-spec delimiter(binary()) -> binary().
delimiter(Boundary) ->
    <<"\r\n--", Boundary/binary>>.

%% The end of the buffer may be the beginning of a delimiter.
-spec keep_tail(binary(), binary()) -> {binary(), binary()}.
keep_tail(Buffer, Delimiter) ->
    split_binary(Buffer, max(0, byte_size(Buffer) - byte_size(Delimiter) + 1)).
