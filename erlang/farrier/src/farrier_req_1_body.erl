%% @doc Reads the body of a request of generation 1: whole, in pieces, as a form, or part by part.
-module(farrier_req_1_body).

-include("farrier_req_1.hrl").

-export([has_body/1, body_length/1, body/1, body/2, body_qs/1, body_qs/2]).
-export([part/1, part/2, part_body/1, part_body/2]).

-export_type([options/0]).

%% `length': bytes after which to return `more', default 8000000. `read_length': bytes to wait for at a time, default
%% 1000000. `read_timeout': ms to wait for them, default 15000. `content_decode': decodes what was read.
%% `continue' is accepted: the transport sends `100 Continue' when the body is first read. `transfer_decode' is ignored:
%% the transport has decoded the body.
-type options() :: [{atom(), term()} | {transfer_decode, fun(), term()}].

-type req() :: farrier_req_1:req().

-define(FORM, [{length, 64000}, {read_length, 64000}, {read_timeout, 5000}]).

-spec has_body(req()) -> boolean().
has_body(#http_req{headers = Headers}) ->
    case lists:keyfind(<<"content-length">>, 1, Headers) of
        {_, <<"0">>} -> false;
        {_, _} -> true;
        false -> lists:keymember(<<"transfer-encoding">>, 1, Headers)
    end.

%% @doc `undefined' for a body in chunks.
-spec body_length(req()) -> {non_neg_integer() | undefined, req()}.
body_length(#http_req{headers = Headers} = Req0) ->
    case lists:keymember(<<"transfer-encoding">>, 1, Headers) of
        true ->
            {undefined, Req0};
        false ->
            {ok, Length, Req} = farrier_req_1:parse_header(<<"content-length">>, Req0, 0),
            {Length, Req}
    end.

-spec body(req()) -> {ok | more, binary(), req()} | {error, atom()}.
body(Req) ->
    body(Req, []).

%% @doc A piece of the body: `more' if there is more. A body that is not there or has been read is `<<>>'.
-spec body(req(), options()) -> {ok | more, binary(), req()} | {error, atom()}.
body(#http_req{body_state = done} = Req, _) ->
    {ok, <<>>, Req};
body(Req, Opts) ->
    case has_body(Req) of
        false -> {ok, <<>>, Req#http_req{body_state = done}};
        true -> decoded(read(Req, Opts, proplists:get_value(length, Opts, 8000000), <<>>), Opts)
    end.

-spec read(req(), options(), non_neg_integer() | infinity, binary()) ->
    {ok | more, binary(), req()} | {error, atom()}.
read(#http_req{pid = Pid} = Req, Opts, Length, Acc0) ->
    Want = max(1, min(Length, proplists:get_value(read_length, Opts, 1000000))),
    Timeout = proplists:get_value(read_timeout, Opts, 15000),
    case farrier_exchange:read_body(farrier_exchange:find(Pid), Want, Timeout, grace(Timeout)) of
        {ok, Data} ->
            Body = <<Acc0/binary, Data/binary>>,
            {ok, Body, complete(byte_size(Data) + read_before(Req), Req)};
        {more, Data} ->
            Read = Req#http_req{body_state = {read, byte_size(Data) + read_before(Req)}},
            more(Read, Opts, Length, Want, Data, Acc0);
        {error, Reason} ->
            {error, Reason}
    end.

-spec grace(timeout()) -> timeout().
grace(infinity) -> infinity;
grace(Timeout) when is_integer(Timeout) -> Timeout + 1000.

%% Less than was asked for means that it did not come in time.
-spec more(req(), options(), non_neg_integer() | infinity, pos_integer(), binary(), binary()) ->
    {ok | more, binary(), req()} | {error, atom()}.
more(_, _, _, Want, Data, _) when byte_size(Data) < Want ->
    {error, timeout};
more(Req, Opts, Length, _, Data, Acc0) ->
    Acc = <<Acc0/binary, Data/binary>>,
    case byte_size(Acc) >= Length of
        true -> {more, Acc, Req};
        false -> read(Req, Opts, Length, Acc)
    end.

-spec read_before(req()) -> non_neg_integer().
read_before(#http_req{body_state = {read, Bytes}}) -> Bytes;
read_before(#http_req{body_state = {stream, _, Bytes}}) -> Bytes;
read_before(_) -> 0.

%% The length of a body is known once it is read.
-spec complete(non_neg_integer(), req()) -> req().
complete(Total, #http_req{headers = Headers, p_headers = Parsed} = Req) ->
    Length = {<<"content-length">>, integer_to_binary(Total)},
    Req#http_req{
        body_state = done,
        headers = lists:keystore(<<"content-length">>, 1, lists:keydelete(<<"transfer-encoding">>, 1, Headers), Length),
        p_headers = lists:keydelete(<<"transfer-encoding">>, 1, lists:keydelete(<<"content-length">>, 1, Parsed))
    }.

-spec decoded({ok | more, binary(), req()} | {error, atom()}, options()) ->
    {ok | more, binary(), req()} | {error, atom()}.
decoded({Fin, Data, Req} = Result, Opts) ->
    case lists:keyfind(content_decode, 1, Opts) of
        false ->
            Result;
        {_, Decode} ->
            case Decode(Data) of
                {ok, Decoded} -> {Fin, Decoded, Req};
                {error, Reason} -> {error, Reason}
            end
    end;
decoded(Error, _) ->
    Error.

-spec body_qs(req()) -> {ok, [{binary(), binary() | true}], req()} | {badlength, req()} | {error, atom()}.
body_qs(Req) ->
    body_qs(Req, ?FORM).

%% @doc A form, by default of at most 64000 bytes.
-spec body_qs(req(), options()) ->
    {ok, [{binary(), binary() | true}], req()} | {badlength, req()} | {error, atom()}.
body_qs(Req0, Opts) ->
    case body(Req0, Opts) of
        {ok, Body, Req} -> {ok, farrier_qs:parse(Body), Req};
        {more, _, Req} -> {badlength, Req};
        {error, Reason} -> {error, Reason}
    end.

%%% Multipart

-spec part(req()) -> {ok, farrier_multipart:headers(), req()} | {done, req()}.
part(Req) ->
    part(Req, ?FORM).

%% @doc Skips to the next part and returns its headers. Crashes if the body is not multipart.
-spec part(req(), options()) -> {ok, farrier_multipart:headers(), req()} | {done, req()}.
part(#http_req{multipart = done} = Req, _) ->
    {done, Req};
part(#http_req{multipart = undefined} = Req0, Opts) ->
    {ok, {<<"multipart">>, _, Params}, Req} = farrier_req_1:parse_header(<<"content-type">>, Req0),
    {_, Boundary} = lists:keyfind(<<"boundary">>, 1, Params),
    part(Req#http_req{multipart = {Boundary, farrier_multipart:new(<<>>)}}, Opts);
part(#http_req{multipart = {Boundary, Buffer}} = Req0, Opts) ->
    case farrier_multipart:header(Buffer, Boundary) of
        {ok, Headers, Rest} ->
            {ok, Headers, Req0#http_req{multipart = {Boundary, Rest}}};
        {more, Rest} ->
            part(read_more(Rest, Req0, Opts), Opts);
        done ->
            {done, Req0#http_req{multipart = done}}
    end.

-spec read_more(binary(), req(), options()) -> req().
read_more(Rest, #http_req{multipart = {Boundary, _}, body_state = State} = Req0, Opts) when State =/= done ->
    {_, Data, Req} = body(Req0, Opts),
    Req#http_req{multipart = {Boundary, <<Rest/binary, Data/binary>>}}.

-spec part_body(req()) -> {ok | more, binary(), req()}.
part_body(Req) ->
    part_body(Req, []).

%% @doc A piece of the body of the part whose headers were read last: `more' once `length' bytes are there.
-spec part_body(req(), options()) -> {ok | more, binary(), req()}.
part_body(Req, Opts) ->
    part_body(Req, Opts, proplists:get_value(length, Opts, 8000000), <<>>).

-spec part_body(req(), options(), non_neg_integer(), binary()) -> {ok | more, binary(), req()}.
part_body(#http_req{multipart = {Boundary, Buffer}} = Req, Opts, Length, Acc0) ->
    {Fin, Data, Rest} = farrier_multipart:body(Buffer, Boundary),
    Acc = <<Acc0/binary, Data/binary>>,
    case Fin of
        done -> {ok, Acc, Req#http_req{multipart = {Boundary, Rest}}};
        more when byte_size(Acc) >= Length -> {more, Acc, Req#http_req{multipart = {Boundary, Rest}}};
        more -> part_body(read_more(Rest, Req, Opts), Opts, Length, Acc)
    end.
