%% @doc Reads the body of a request of generation 2: whole, in pieces, as a form, or part by part. Counterpart of
%% `farrier_req_2', whose conventions hold here.
-module(farrier_req_2_body).

-export([has_body/1, body_length/1, read_body/1, read_body/2]).
-export([read_urlencoded_body/1, read_urlencoded_body/2]).
-export([read_and_match_urlencoded_body/2, read_and_match_urlencoded_body/3]).
-export([read_part/1, read_part/2, read_part_body/1, read_part_body/2]).

-export_type([options/0]).

%% `length': bytes to ask for, default 8000000. `period': ms to wait for them, default 15000. `timeout': ms after which
%% to give up, default one second more than `period'.
-type options() :: #{length => pos_integer() | auto, period => timeout(), timeout => timeout(), _ => _}.

-type req() :: farrier_req_2:req().

-define(FORM, #{length => 64000, period => 5000}).
-define(MALFORMED_FORM, 'Malformed body; application/x-www-form-urlencoded expected.').
-define(MALFORMED_MULTIPART, 'Malformed body; multipart expected.').
%% Counts the bytes of a body whose length the client has not announced.
-define(READ, '$farrier_body_read').

-spec has_body(req()) -> boolean().
has_body(#{has_body := HasBody}) -> HasBody.

%% @doc Bytes, `undefined' if the client has not said.
-spec body_length(req()) -> non_neg_integer() | undefined.
body_length(#{body_length := Length}) -> Length.

-spec read_body(req()) -> {ok | more, binary(), req()}.
read_body(Req) ->
    read_body(Req, #{}).

%% @doc A piece of the body: `more' if there is more. No body, or one that has been read, is `<<>>'. Exits with
%% `timeout' if there is no answer in time, and with `shutdown' if the client is gone.
-spec read_body(req(), options()) -> {ok | more, binary(), req()}.
read_body(#{has_body := false} = Req, _) ->
    {ok, <<>>, Req};
read_body(#{has_read_body := true} = Req, _) ->
    {ok, <<>>, Req};
read_body(#{pid := Pid} = Req, Opts) ->
    Length = maps:get(length, Opts, 8000000),
    Period = maps:get(period, Opts, 15000),
    Timeout = maps:get(timeout, Opts, default_timeout(Period)),
    X = farrier_exchange:find(Pid),
    case farrier_stream:received(Pid, farrier_exchange:read_body(X, Length, Period, Timeout)) of
        {more, Data} ->
            _ = put(?READ, bytes_read() + byte_size(Data)),
            {more, Data, Req};
        {ok, Data} ->
            Total = bytes_read() + byte_size(Data),
            _ = erase(?READ),
            {ok, Data, complete(Total, Req)};
        {error, timeout} ->
            exit(timeout);
        {error, closed} ->
            exit(shutdown);
        {error, Reason} ->
            exit({request_error, {body, Reason}, 'The request body could not be read.'})
    end.

-spec default_timeout(timeout()) -> timeout().
default_timeout(infinity) -> infinity;
default_timeout(Period) when is_integer(Period) -> Period + 1000.

-spec bytes_read() -> non_neg_integer().
bytes_read() ->
    case get(?READ) of
        undefined -> 0;
        Bytes -> Bytes
    end.

-spec complete(non_neg_integer(), req()) -> req().
complete(_, #{headers := #{<<"content-length">> := _} = Headers, body_length := Length} = Req) when is_integer(Length) ->
    %% Without what the client may have written before the number.
    Req#{headers => Headers#{<<"content-length">> => integer_to_binary(Length)}, has_read_body => true};
complete(Total, #{headers := Headers} = Req) ->
    Req#{
        headers => (maps:remove(<<"transfer-encoding">>, Headers))#{<<"content-length">> => integer_to_binary(Total)},
        body_length => Total,
        has_read_body => true
    }.

-spec read_urlencoded_body(req()) -> {ok, [{binary(), binary() | true}], req()}.
read_urlencoded_body(Req) ->
    read_urlencoded_body(Req, #{}).

%% @doc A form, by default of at most 64000 bytes, which must arrive within 5 seconds. Exits with `request_error'
%% `payload_too_large', `timeout' or `urlencoded_body'.
-spec read_urlencoded_body(req(), options()) -> {ok, [{binary(), binary() | true}], req()}.
read_urlencoded_body(Req0, Opts0) ->
    Opts = maps:merge(?FORM, Opts0),
    case read_body(Req0, Opts) of
        {ok, Body, Req} ->
            try
                {ok, farrier_qs:parse(Body), Req}
            catch
                error:badarg -> exit({request_error, urlencoded_body, ?MALFORMED_FORM})
            end;
        {more, Body, _} ->
            form_incomplete(byte_size(Body), maps:get(length, Opts))
    end.

-spec form_incomplete(non_neg_integer(), pos_integer() | auto) -> no_return().
form_incomplete(Bytes, Length) when Bytes < Length ->
    exit({request_error, timeout, 'The request body was not received within the configured time.'});
form_incomplete(_, _) ->
    exit({request_error, payload_too_large, 'The request body is larger than allowed by configuration.'}).

-spec read_and_match_urlencoded_body(farrier_req_2:fields(), req()) -> {ok, #{atom() => term()}, req()}.
read_and_match_urlencoded_body(Fields, Req) ->
    read_and_match_urlencoded_body(Fields, Req, #{}).

-spec read_and_match_urlencoded_body(farrier_req_2:fields(), req(), options()) ->
    {ok, #{atom() => term()}, req()}.
read_and_match_urlencoded_body(Fields, Req0, Opts) ->
    {ok, Pairs, Req} = read_urlencoded_body(Req0, Opts),
    Matched = farrier_req_2:match(Fields, Pairs, read_and_match_urlencoded_body,
        'Urlencoded request body validation constraints failed for the reasons provided.'),
    {ok, Matched, Req}.

%%% Multipart

-spec read_part(req()) -> {ok, #{binary() => binary()}, req()} | {done, req()}.
read_part(Req) ->
    read_part(Req, #{}).

%% @doc Skips to the next part and returns its headers. Reads 64000 bytes at a time.
-spec read_part(req(), options()) -> {ok, #{binary() => binary()}, req()} | {done, req()}.
read_part(#{multipart := done} = Req, _) ->
    {done, Req};
read_part(#{multipart := {Boundary, Buffer}} = Req0, Opts) ->
    case farrier_multipart:header(Buffer, Boundary) of
        {ok, Headers, Rest} ->
            {ok, part_headers(Headers), Req0#{multipart => {Boundary, Rest}}};
        {more, Rest} ->
            {Data, Req} = read_more(Req0, maps:merge(?FORM, Opts), headers),
            read_part(Req#{multipart => {Boundary, <<Rest/binary, Data/binary>>}}, Opts);
        done ->
            {done, Req0#{multipart => done}};
        error ->
            malformed_multipart(headers)
    end;
read_part(Req, Opts) ->
    read_part(Req#{multipart => {boundary(Req), farrier_multipart:new(<<>>)}}, Opts).

-spec boundary(req()) -> binary().
boundary(Req) ->
    {<<"multipart">>, _, Params} = farrier_req_2:parse_header(<<"content-type">>, Req),
    case lists:keyfind(<<"boundary">>, 1, Params) of
        {_, Boundary} ->
            Boundary;
        false ->
            exit({request_error, {multipart, boundary}, 'Missing boundary parameter for multipart media type.'})
    end.

-spec part_headers(farrier_multipart:headers()) -> #{binary() => binary()}.
part_headers(Headers) ->
    Map = maps:from_list(Headers),
    case map_size(Map) =:= length(Headers) of
        true -> Map;
        false -> malformed_multipart(headers)
    end.

-spec malformed_multipart(headers | body) -> no_return().
malformed_multipart(Where) ->
    exit({request_error, {multipart, Where}, ?MALFORMED_MULTIPART}).

-spec read_more(req(), options(), headers | body) -> {binary(), req()}.
read_more(#{has_read_body := true}, _, Where) ->
    malformed_multipart(Where);
read_more(#{has_body := false}, _, Where) ->
    malformed_multipart(Where);
read_more(Req0, Opts, _) ->
    {_, Data, Req} = read_body(Req0, Opts),
    {Data, Req}.

-spec read_part_body(req()) -> {ok | more, binary(), req()}.
read_part_body(Req) ->
    read_part_body(Req, #{}).

%% @doc A piece of the body of the part whose headers were read last: `more' once `length' bytes are there and the part
%% goes on.
-spec read_part_body(req(), options()) -> {ok | more, binary(), req()}.
read_part_body(#{multipart := {_, _}} = Req, Opts) ->
    part_body(Req, Opts, maps:get(length, Opts, 8000000), <<>>).

-spec part_body(req(), options(), pos_integer() | auto, binary()) -> {ok | more, binary(), req()}.
part_body(#{multipart := {Boundary, Buffer}} = Req0, Opts, Length, Acc0) ->
    case farrier_multipart:body(Buffer, Boundary) of
        {done, Data, Rest} ->
            {ok, <<Acc0/binary, Data/binary>>, Req0#{multipart => {Boundary, Rest}}};
        {more, Data, Rest} ->
            Acc = <<Acc0/binary, Data/binary>>,
            case byte_size(Acc) >= Length orelse (Length =:= auto andalso Acc =/= <<>>) of
                true ->
                    {more, Acc, Req0#{multipart => {Boundary, Rest}}};
                false ->
                    {More, Req} = read_more(Req0, Opts, body),
                    part_body(Req#{multipart => {Boundary, <<Rest/binary, More/binary>>}}, Opts, Length, Acc)
            end
    end.
