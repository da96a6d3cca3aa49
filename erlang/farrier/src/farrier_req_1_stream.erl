%% @doc Reads the body of a request of generation 1 with the functions that Cowboy 0.8 to 0.10 had: in segments, whole
%% up to a limit, or as the events of a multipart body. What 0.10 and 1.x read with is `farrier_req_1_body'.
-module(farrier_req_1_stream).

-include("farrier_req_1.hrl").

-export([init_stream/4, stream_body/1, stream_body/2, skip_body/1, body/2, body_qs/2]).
-export([multipart_data/1, multipart_skip/1]).

-type req() :: farrier_req_1:req().

%% Bytes of a segment, unless the caller says otherwise.
-define(SEGMENT, 1000000).
%% Milliseconds that a segment may take, as Cowboy 0.8 sets it.
-define(TIMEOUT, 5000).

%% @doc Sets how segments are decoded: `ContentDecode(Segment)' returns `{ok, Decoded}' or `{error, Reason}'. The
%% transport has undone the transfer encoding, so that `TransferDecode' is not called.
-spec init_stream(fun(), term(), fun((binary()) -> {ok, binary()} | {error, atom()}), req()) -> {ok, req()}.
init_stream(TransferDecode, _, ContentDecode, Req) when is_function(TransferDecode), is_function(ContentDecode, 1) ->
    {ok, Req#http_req{body_state = {stream, ContentDecode, 0}}}.

-spec stream_body(req()) -> {ok, binary(), req()} | {done, req()} | {error, atom()}.
stream_body(Req) ->
    stream_body(?SEGMENT, Req).

%% @doc The next segment, of `MaxLength' bytes before it is decoded if so many are left: `{error, timeout}' unless they
%% come within 5 seconds.
-spec stream_body(pos_integer(), req()) -> {ok, binary(), req()} | {done, req()} | {error, atom()}.
stream_body(MaxLength, #http_req{body_state = State} = Req) ->
    Opts = [{length, MaxLength}, {read_length, MaxLength}, {read_timeout, ?TIMEOUT}],
    segment(State, farrier_req_1_body:body(Req, Opts)).

-spec segment(term(), {ok | more, binary(), req()} | {error, atom()}) ->
    {ok, binary(), req()} | {done, req()} | {error, atom()}.
segment(_, {ok, <<>>, Req}) -> {done, Req};
segment({stream, Decode, _}, {Fin, Data, Req}) -> decoded(Decode(Data), kept(Fin, Decode, Req));
segment(_, {_, Data, Req}) -> {ok, Data, Req};
segment(_, Error) -> Error.

-spec decoded({ok, binary()} | {error, atom()}, req()) -> {ok, binary(), req()} | {error, atom()}.
decoded({ok, Data}, Req) -> {ok, Data, Req};
decoded({error, Reason}, _) -> {error, Reason}.

%% What has been read so far is counted in the state of the body.
-spec kept(ok | more, fun(), req()) -> req().
kept(ok, _, Req) -> Req;
kept(more, Decode, #http_req{body_state = {read, Bytes}} = Req) -> Req#http_req{body_state = {stream, Decode, Bytes}}.

%% @doc Reads what is left of the body and forgets it.
-spec skip_body(req()) -> {ok, req()} | {error, atom()}.
skip_body(Req0) ->
    case stream_body(Req0) of
        {ok, _, Req} -> skip_body(Req);
        {done, Req} -> {ok, Req};
        {error, Reason} -> {error, Reason}
    end.

%% @doc The whole body if it has at most `MaxLength' bytes. One in chunks, whose length nobody knows, is an error.
-spec body(non_neg_integer() | infinity, req()) -> {ok, binary(), req()} | {error, chunked | badlength | atom()}.
body(MaxLength, Req0) ->
    case farrier_req_1_body:body_length(Req0) of
        {undefined, _} -> {error, chunked};
        {Length, _} when Length > MaxLength -> {error, badlength};
        {_, Req} -> whole(Req, <<>>)
    end.

-spec whole(req(), binary()) -> {ok, binary(), req()} | {error, atom()}.
whole(Req0, Acc) ->
    case stream_body(Req0) of
        {ok, Data, Req} -> whole(Req, <<Acc/binary, Data/binary>>);
        {done, Req} -> {ok, Acc, Req};
        {error, Reason} -> {error, Reason}
    end.

%% @doc A form of at most `MaxLength' bytes.
-spec body_qs(non_neg_integer() | infinity, req()) ->
    {ok, [{binary(), binary() | true}], req()} | {error, chunked | badlength | atom()}.
body_qs(MaxLength, Req0) ->
    case body(MaxLength, Req0) of
        {ok, Body, Req} -> {ok, farrier_qs:parse(Body), Req};
        {error, Reason} -> {error, Reason}
    end.

%%% Multipart

%% @doc The next event of a multipart body: the headers of a part, pieces of its body, its end; the end of all. Crashes
%% if the body is not multipart.
-spec multipart_data(req()) ->
    {headers, farrier_multipart:headers(), req()} | {body, binary(), req()} | {end_of_part | eof, req()}.
multipart_data(#http_req{multipart = done} = Req) ->
    {eof, Req};
multipart_data(#http_req{multipart = {Boundary, Buffer, body}} = Req) ->
    part_data(farrier_multipart:body(Buffer, Boundary), Boundary, Req);
multipart_data(Req0) ->
    case farrier_req_1_body:part(Req0) of
        {ok, Headers, #http_req{multipart = {Boundary, Rest}} = Req} ->
            {headers, Headers, Req#http_req{multipart = {Boundary, Rest, body}}};
        {done, Req1} ->
            {ok, Req} = skip_body(Req1),
            {eof, Req}
    end.

-spec part_data({done | more, binary(), binary()}, binary(), req()) -> {body, binary(), req()} | {end_of_part, req()}.
part_data({done, <<>>, Rest}, Boundary, Req) ->
    {end_of_part, Req#http_req{multipart = {Boundary, Rest}}};
part_data({more, <<>>, Rest}, Boundary, Req0) ->
    {ok, Data, Req} = stream_body(Req0),
    multipart_data(Req#http_req{multipart = {Boundary, <<Rest/binary, Data/binary>>, body}});
part_data({_, Data, Rest}, Boundary, Req) ->
    {body, Data, Req#http_req{multipart = {Boundary, Rest, body}}}.

%% @doc Skips the rest of a part, or of all if there is no other.
-spec multipart_skip(req()) -> {ok, req()}.
multipart_skip(Req0) ->
    case multipart_data(Req0) of
        {headers, _, Req} -> multipart_skip(Req);
        {body, _, Req} -> multipart_skip(Req);
        {_, Req} -> {ok, Req}
    end.
