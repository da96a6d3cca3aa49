%% The stream handler that compresses responses with gzip (RFC 1952) for clients that accept it, as Cowboy 2.18's.
%%
%% Options: `compress_threshold' (300 bytes; a complete body must be larger), `compress_buffering' (false: each piece
%% of a streamed body leaves at once; true: when zlib has collected enough). A handler can change both for its own
%% response by `cowboy_req:cast({set_options, #{...}}, Req)'.
%%
%% zlib works in slices of a scheduler's time by itself, so that a large body keeps nobody else waiting.
-module(cowboy_compress_h).
-behaviour(cowboy_stream).

-export([init/3, data/4, info/3, terminate/3, early_error/5]).

-record(state, {
    next :: any(),
    %% Whether the client takes gzip, until the response's head says that this body must be left alone.
    gzip :: boolean(),
    threshold :: non_neg_integer(),
    flush :: sync | none,
    %% Of a streamed body.
    deflate :: zlib:zstream() | undefined
}).

%% zlib's number for the largest window, in gzip's format.
-define(WINDOW_BITS, 16 + 15).

-spec init(cowboy_stream:streamid(), cowboy_req:req(), cowboy:opts()) -> {cowboy_stream:commands(), #state{}}.
init(StreamId, Req, Opts) ->
    {Commands, Next} = cowboy_stream:init(StreamId, Req, Opts),
    State = #state{next = Next, gzip = takes_gzip(Req), threshold = 300, flush = sync},
    compress(Commands, options(Opts, State)).

%% A malformed header is no reason to refuse a request.
-spec takes_gzip(cowboy_req:req()) -> boolean().
takes_gzip(Req) ->
    try cowboy_req:parse_header(<<"accept-encoding">>, Req, []) of
        Encodings -> [] =/= [Quality || {<<"gzip">>, Quality} <- Encodings, Quality =/= 0]
    catch
        exit:{request_error, _, _} -> false
    end.

-spec options(map(), #state{}) -> #state{}.
options(Opts, #state{threshold = Threshold, flush = Flush} = State) ->
    State#state{
        threshold = maps:get(compress_threshold, Opts, Threshold),
        flush = case Opts of
            #{compress_buffering := true} -> none;
            #{compress_buffering := false} -> sync;
            _ -> Flush
        end
    }.

-spec data(cowboy_stream:streamid(), cowboy_stream:fin(), binary(), #state{}) -> {cowboy_stream:commands(), #state{}}.
data(StreamId, IsFin, Data, #state{next = Next0} = State) ->
    {Commands, Next} = cowboy_stream:data(StreamId, IsFin, Data, Next0),
    compress(Commands, State#state{next = Next}).

-spec info(cowboy_stream:streamid(), any(), #state{}) -> {cowboy_stream:commands(), #state{}}.
info(StreamId, Info, #state{next = Next0} = State) ->
    {Commands, Next} = cowboy_stream:info(StreamId, Info, Next0),
    compress(Commands, State#state{next = Next}).

-spec terminate(cowboy_stream:streamid(), cowboy_stream:reason(), #state{}) -> any().
terminate(StreamId, Reason, #state{next = Next, deflate = Deflate}) ->
    _ = Deflate =:= undefined orelse zlib:close(Deflate),
    cowboy_stream:terminate(StreamId, Reason, Next).

-spec early_error(cowboy_stream:streamid(), cowboy_stream:reason(), cowboy_stream:partial_req(), Resp, cowboy:opts()) ->
    Resp
when
    Resp :: cowboy_stream:resp_command().
early_error(StreamId, Reason, PartialReq, Resp, Opts) ->
    cowboy_stream:early_error(StreamId, Reason, PartialReq, Resp, Opts).

-spec compress(cowboy_stream:commands(), #state{}) -> {cowboy_stream:commands(), #state{}}.
compress(Commands, State) ->
    {Compressed, Last} = lists:mapfoldl(fun command/2, State, Commands),
    {lists:append(Compressed), Last}.

-spec command(tuple() | stop, #state{}) -> {cowboy_stream:commands(), #state{}}.
command({set_options, Opts} = Command, State) ->
    {[Command], options(Opts, State)};
command(Command, #state{gzip = false} = State) ->
    {[Command], State};
command({response, _, _, {sendfile, _, _, _}} = Response, State) ->
    {[Response], State};
command({response, Status, Headers, Body} = Response, #state{threshold = Threshold} = State) ->
    case is_encoded(Headers) orelse iolist_size(Body) =< Threshold of
        true -> {[Response], State};
        false -> {[response(Status, Headers, Body)], State}
    end;
command({headers, Status, Headers} = Head, State) ->
    case is_encoded(Headers) of
        true -> {[Head], State#state{gzip = false}};
        false ->
            Encoded = encoded(maps:remove(<<"content-length">>, Headers)),
            {[{headers, Status, Encoded}], State#state{deflate = deflate()}}
    end;
command({data, IsFin, Data}, #state{deflate = Deflate} = State) when Deflate =/= undefined ->
    piece(IsFin, contents(Data), State);
command({trailers, _} = Trailers, #state{deflate = Deflate} = State) when Deflate =/= undefined ->
    {[{data, fin, Last}], Ended} = piece(fin, <<>>, State),
    {[{data, nofin, Last}, Trailers], Ended};
command(Command, State) ->
    {[Command], State}.

%% RFC 9110 8.4: what has an encoding of its own stays as it is.
-spec is_encoded(map()) -> boolean().
is_encoded(Headers) ->
    is_map_key(<<"content-encoding">>, Headers).

-spec response(cowboy:http_status(), map(), iodata()) -> cowboy_stream:resp_command().
response(Status, Headers, Body) ->
    Deflate = deflate(),
    Compressed = zlib:deflate(Deflate, Body, finish),
    ok = zlib:close(Deflate),
    Length = integer_to_binary(iolist_size(Compressed)),
    {response, Status, (encoded(Headers))#{<<"content-length">> => Length}, Compressed}.

-spec deflate() -> zlib:zstream().
deflate() ->
    Deflate = zlib:open(),
    ok = zlib:deflateInit(Deflate, default, deflated, ?WINDOW_BITS, 8, default),
    Deflate.

-spec piece(cowboy_stream:fin(), iodata(), #state{}) -> {cowboy_stream:commands(), #state{}}.
piece(nofin, Data, #state{deflate = Deflate, flush = Flush} = State) ->
    {[{data, nofin, zlib:deflate(Deflate, Data, Flush)}], State};
piece(fin, Data, #state{deflate = Deflate} = State) ->
    Last = zlib:deflate(Deflate, Data, finish),
    ok = zlib:close(Deflate),
    {[{data, fin, Last}], State#state{deflate = undefined}}.

%% A file has to be read to be compressed.
-spec contents(iodata() | tuple()) -> iodata().
contents({sendfile, Offset, Length, Path}) ->
    {ok, File} = file:open(Path, [read, raw, binary]),
    try file:pread(File, Offset, Length) of
        {ok, Data} -> Data;
        eof -> <<>>
    after
        file:close(File)
    end;
contents(Data) ->
    Data.

%% RFC 9110 12.5.5: caches must know that the encoding depends on the request.
-spec encoded(map()) -> map().
encoded(Headers) ->
    Headers#{<<"content-encoding">> => <<"gzip">>, <<"vary">> => vary(maps:get(<<"vary">>, Headers, <<>>))}.

-spec vary(iodata()) -> iodata().
vary(Before) ->
    Split = binary:split(farrier_header:lower(iolist_to_binary(Before)), <<",">>, [global]),
    Names = [string:trim(Name) || Name <- Split],
    Known = lists:member(<<"*">>, Names) orelse lists:member(<<"accept-encoding">>, Names),
    case [Name || Name <- Names, Name =/= <<>>] of
        [] -> <<"accept-encoding">>;
        _ when Known -> Before;
        _ -> [Before, <<", accept-encoding">>]
    end.
