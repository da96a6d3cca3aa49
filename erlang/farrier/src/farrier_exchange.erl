%% @doc The way from a Req to the bridge: sends the response and reads the body of one HTTP request.
%%
%% The process of a request keeps its exchange in its process dictionary, so that a Req carries no private keys.
%% Another process reaches the exchange through the pid in its Req ({@link find/1}); every call here may be made from
%% there as well, because bridges answer to the process that asked. Order between processes is for the handler to keep.
%%
%% Header names are lower case. What frames the message (`connection', `transfer-encoding') is decided by the callers in
%% `farrier_req_1' and `farrier_req_2', who know where their generation puts it.
-module(farrier_exchange).

-export([open/3, open/4, close/0, serves/0, bind/1, ref/0, request/0, request/1, transport/0, bridge/0, find/1]).
-export([response_state/0, response_state/1]).
-export([persistence/1, http_version/1]).
-export([inform/3, respond/4, stream/3, chunk/2, finish/2, close_response/0]).
-export([read_body/4]).

-export_type([exchange/0, body/0, headers/0]).

-record(exchange, {
    bridge :: module(),
    handle :: term(),
    request :: map(),
    %% The listener.
    ref :: term(),
    %% The process that the Req names, which need not be the one that runs the handler.
    pid :: pid()
}).

-opaque exchange() :: #exchange{}.
-type headers() :: [{binary(), iodata()}].
-type body() :: iodata() | {sendfile, non_neg_integer(), non_neg_integer(), file:name_all()}.

-define(KEY, '$farrier_exchange').

%% Milliseconds that a client may take to make room for more of a response, as Ranch's `send_timeout'.
-define(SEND_TIMEOUT, 30000).
%% A file inside a streamed body is read in pieces of this many bytes.
-define(FILE_CHUNK, 65536).
%% A body is asked for in pieces of at most this many bytes when the caller sets no length.
-define(AUTO_LENGTH, 1048576).

%%% The exchange of a process

%% @doc Makes this process the one that serves the request.
-spec open(module(), term(), map()) -> ok.
open(Bridge, Handle, Request) ->
    open(Bridge, Handle, Request, self()).

%% @doc Makes this process one that serves the request together with the process that its Req names.
-spec open(module(), term(), map(), pid()) -> ok.
open(Bridge, Handle, Request, Pid) ->
    _ = put(?KEY, #exchange{bridge = Bridge, handle = Handle, request = Request, pid = Pid}),
    ok.

%% @doc Ends what `open/3' began: the next request is another one.
-spec close() -> ok.
close() ->
    _ = erase(?KEY),
    ok.

%% @doc Whether this process serves a request.
-spec serves() -> boolean().
serves() ->
    get(?KEY) =/= undefined.

%% @doc Remembers the listener of the request. Without an exchange there is nothing to remember.
-spec bind(term()) -> ok.
bind(Ref) ->
    case get(?KEY) of
        #exchange{} = X ->
            _ = put(?KEY, X#exchange{ref = Ref}),
            ok;
        undefined ->
            ok
    end.

%% @doc The listener of this process's request.
-spec ref() -> term().
ref() ->
    #exchange{ref = Ref} = own(),
    Ref.

%% @doc The request as the bridge gave it.
-spec request() -> map().
request() ->
    request(own()).

-spec request(exchange()) -> map().
request(#exchange{request = Request}) ->
    Request.

%% @doc What the handlers of Cowboy 0 and 1 are told that their connection is.
-spec transport() -> tcp | ssl.
transport() ->
    case request() of
        #{scheme := <<"https">>} -> ssl;
        _ -> tcp
    end.

-spec bridge() -> {module(), term()}.
bridge() ->
    #exchange{bridge = Bridge, handle = Handle} = own(),
    {Bridge, Handle}.

-spec own() -> exchange().
own() ->
    found(get(?KEY), self()).

%% @doc The exchange that the process `Pid' serves. Crashes with `{no_request, Pid}' if it serves none: it has ended, or
%% has become a WebSocket.
-spec find(pid()) -> exchange().
find(Pid) ->
    case get(?KEY) of
        #exchange{pid = Pid} = X -> X;
        _ when Pid =/= self(), node(Pid) =:= node() -> find_in(Pid);
        _ -> error({no_request, Pid})
    end.

-spec find_in(pid()) -> exchange().
find_in(Pid) ->
    case process_info(Pid, dictionary) of
        {dictionary, Dictionary} -> found(proplists:get_value(?KEY, Dictionary), Pid);
        undefined -> error({no_request, Pid})
    end.

-spec found(exchange() | undefined, pid()) -> exchange().
found(#exchange{} = X, _) -> X;
found(undefined, Pid) -> error({no_request, Pid}).

-spec response_state() -> none | headers | done | upgraded.
response_state() ->
    response_state(own()).

-spec response_state(exchange()) -> none | headers | done | upgraded.
response_state(#exchange{bridge = Bridge, handle = Handle}) ->
    Bridge:response_state(Handle).

-spec http_version(exchange()) -> atom().
http_version(#exchange{request = Request}) ->
    maps:get(version, Request).

%% @doc Whether the client lets the connection live on after this request: RFC 7230 6.3.
-spec persistence(exchange() | map()) -> keepalive | close.
persistence(#exchange{request = Request}) ->
    persistence(Request);
persistence(#{version := Version, headers := Headers}) ->
    Tokens = lists:append([connection_tokens(Value) || {<<"connection">>, Value} <- Headers]),
    case lists:member(<<"close">>, Tokens) of
        true -> close;
        false when Version =/= 'HTTP/1.0' -> keepalive;
        false -> persistence_1_0(lists:member(<<"keep-alive">>, Tokens))
    end.

-spec connection_tokens(binary()) -> [binary()].
connection_tokens(Value) ->
    case farrier_header:parse(<<"connection">>, Value) of
        {ok, Tokens} -> Tokens;
        error -> []
    end.

-spec persistence_1_0(boolean()) -> keepalive | close.
persistence_1_0(true) -> keepalive;
persistence_1_0(false) -> close.

%%% Response

%% @doc Sends an informational response (RFC 9110 15.2). To a client of HTTP/1.0 nothing is sent.
-spec inform(exchange(), integer() | binary(), headers()) -> ok | {error, already_sent}.
inform(#exchange{bridge = Bridge, handle = Handle}, Status, Headers) ->
    sent(Bridge:inform(Handle, Status, Headers)).

%% @doc Sends a complete response. That the client is gone is no error, as in Cowboy.
-spec respond(exchange(), integer() | binary(), headers(), body()) -> ok | {error, already_sent}.
respond(#exchange{bridge = Bridge, handle = Handle}, Status, Headers, Body) ->
    sent(Bridge:respond(Handle, Status, Headers, Body)).

%% @doc Sends the head of a response whose body follows in chunks.
-spec stream(exchange(), integer() | binary(), headers()) -> ok | {error, already_sent}.
stream(#exchange{bridge = Bridge, handle = Handle}, Status, Headers) ->
    sent(Bridge:respond_stream(Handle, Status, Headers)).

-spec sent(ok | {error, term()}) -> ok | {error, already_sent}.
sent(ok) -> ok;
sent({error, closed}) -> ok;
sent({error, already_sent}) -> {error, already_sent};
sent({error, {invalid_header, Name}}) -> error({invalid_response_header, Name}).

%% @doc Sends a piece of a streamed body and returns once there is room for the next one.
-spec chunk(exchange(), body()) -> ok | {error, closed | timeout | file:posix()}.
chunk(X, {sendfile, Offset, Length, Path}) ->
    case file:open(Path, [read, raw, binary]) of
        {ok, File} ->
            try
                file_chunks(X, File, Offset, Length)
            after
                file:close(File)
            end;
        {error, Reason} ->
            {error, Reason}
    end;
chunk(#exchange{bridge = Bridge, handle = Handle} = X, Data) ->
    case Bridge:respond_chunk(Handle, Data) of
        ok -> ok;
        blocked -> await_writable(X);
        {error, Reason} -> {error, Reason}
    end.

-spec file_chunks(exchange(), file:fd(), non_neg_integer(), non_neg_integer()) -> ok | {error, term()}.
file_chunks(_, _, _, 0) ->
    ok;
file_chunks(X, File, Offset, Length) ->
    case file:pread(File, Offset, min(Length, ?FILE_CHUNK)) of
        {ok, Data} ->
            case chunk(X, Data) of
                ok -> file_chunks(X, File, Offset + byte_size(Data), Length - byte_size(Data));
                Error -> Error
            end;
        %% The file has become shorter.
        eof ->
            ok;
        {error, Reason} ->
            {error, Reason}
    end.

%% Safe because the bridge answers `wait' at most once before it sends exactly one message with this reference, and
%% because a process waits for one reference at a time. After a timeout a late message is left behind in a process that
%% is about to give up on its client.
-spec await_writable(exchange()) -> ok | {error, closed | timeout}.
await_writable(#exchange{bridge = Bridge, handle = Handle}) ->
    Ref = make_ref(),
    case Bridge:await_writable(Handle, Ref) of
        ok ->
            ok;
        {error, Reason} ->
            {error, Reason};
        wait ->
            receive
                {Ref, writable} -> ok;
                {Ref, {error, Reason}} -> {error, Reason}
            after ?SEND_TIMEOUT ->
                _ = Bridge:close(Handle, []),
                {error, timeout}
            end
    end.

%% @doc Ends a streamed body.
-spec finish(exchange(), headers()) -> ok.
finish(#exchange{bridge = Bridge, handle = Handle}, Trailers) ->
    _ = Bridge:respond_end(Handle, Trailers),
    ok.

%% @doc Ends the body that a handler has begun to stream and not ended. To be called when the handler is done.
-spec close_response() -> ok.
close_response() ->
    case response_state() of
        headers -> finish(own(), []);
        _ -> ok
    end.

%%% Request body

%% @doc Asks for up to `Length' bytes, or what comes within `Period' ms, and gives up after `Timeout' ms. `auto' asks
%% for whatever there is, waiting only as long as there is nothing.
-spec read_body(exchange(), pos_integer() | auto, timeout(), timeout()) ->
    {ok | more, binary()} | {error, timeout | term()}.
read_body(X, auto, Period, Timeout) ->
    read_available(X, Period, Timeout);
read_body(X, Length, Period, Timeout) ->
    ask_body(X, Length, Period, Timeout).

%% The first byte ends the waiting; what has come along with it is taken in a second call that does not wait.
-spec read_available(exchange(), timeout(), timeout()) -> {ok | more, binary()} | {error, term()}.
read_available(X, Period, Timeout) ->
    case ask_body(X, 1, Period, Timeout) of
        {more, First} when First =/= <<>> ->
            case ask_body(X, ?AUTO_LENGTH, 0, Timeout) of
                {Fin, Rest} when is_binary(Rest) -> {Fin, <<First/binary, Rest/binary>>};
                Error -> Error
            end;
        Answer ->
            Answer
    end.

%% Safe because the bridge sends exactly one message for each reference. One that comes after `Timeout' stays behind;
%% the caller exits then.
-spec ask_body(exchange(), pos_integer(), timeout(), timeout()) ->
    {ok | more, binary()} | {error, term()}.
ask_body(#exchange{bridge = Bridge, handle = Handle}, Length, Period, Timeout) ->
    Ref = make_ref(),
    case Bridge:read_body(Handle, Ref, Length, Period) of
        ok ->
            receive
                {Ref, body, fin, Data} -> {ok, Data};
                {Ref, body, nofin, Data} -> {more, Data};
                {Ref, body, {error, Reason}} -> {error, Reason}
            after Timeout ->
                {error, timeout}
            end;
        {error, Reason} ->
            {error, Reason}
    end.
