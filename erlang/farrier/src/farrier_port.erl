%% @doc The bridge to native code in operating-system processes of its own: `farrier_bridge' by ports.
%%
%% A connection's process writes to its port itself. What comes back goes through the process that owns the port
%% (`farrier_port_process'). A handle names both, and the connection by a number. What crosses is listed in docs/bridge.md.
%%
%% Frames and hand-backs are commands without an answer, so that `send/4' never waits; to what a client does not take they
%% are bounded by asking, once per `high_watermark' bytes, to be told when the outbox has drained. Everything else is a
%% call.
-module(farrier_port).
-behaviour(farrier_bridge).

-export([start/1, stop/0]).
-export([listen/2, configure/2, suspend/1, resume/1, close_listener/1, listener_info/1]).
-export([accept/1, read_body/4, await_closed/2]).
-export([inform/3, respond/4, respond_stream/3, respond_chunk/2, respond_end/2, response_state/1]).
-export([upgrade/3, send/4, handled/2, await_writable/2, set_active/2, set_options/2, close/2]).
%% For farrier_port_process.
-export([handle/4, version/0, command/3, packet/1, call/3]).

-export_type([handle/0, id/0, wait/0]).

-type id() :: pos_integer().
%% What a process waits for: a piece of the body, room in the outbox, the client's end. One of each at a time.
-type wait() :: body | writable | closed.

-record(handle, {
    port :: port(),
    id :: id(),
    owner :: pid(),
    high_watermark :: non_neg_integer()
}).

-opaque handle() :: #handle{}.

%% A process of the operating system that says nothing for so long has lost its connections.
-define(CALL_TIMEOUT, 30000).
%% Bytes that this process has sent since it last waited for the outbox.
-define(SENT, '$farrier_port_sent').
%% What found the pipe full, and is written before the next wait for the outbox.
-define(HELD, '$farrier_port_held').

%% @doc What the native half must say when it starts: both are of one build.
-spec version() -> binary().
version() ->
    <<"0.1.0">>.

-spec handle(port(), id(), pid(), non_neg_integer()) -> handle().
handle(Port, Id, Owner, HighWatermark) ->
    #handle{port = Port, id = Id, owner = Owner, high_watermark = HighWatermark}.

%%% Processes of the operating system

%% @doc Starts them, unless they run. Options: `processes' (one per scheduler), `log_level' as that of `farrier_nif:start/1'.
-spec start(map()) -> ok | {error, term()}.
start(Options) ->
    farrier_port_sup:ensure_started(Options).

-spec stop() -> ok.
stop() ->
    farrier_port_sup:stop().

%%% Listeners

-spec listen(map(), [pid()]) ->
    {ok, farrier_bridge:listener(), farrier_bridge:address()}
    | {error, inet:posix() | farrier_bridge:option_error()}.
listen(Options, Acceptors) ->
    farrier_port_listener:start_link(Options, Acceptors).

-spec configure(farrier_bridge:listener(), map()) -> ok | {error, farrier_bridge:option_error()}.
configure(Listener, Options) ->
    farrier_port_listener:call(Listener, {configure, Options}).

-spec suspend(farrier_bridge:listener()) -> ok.
suspend(Listener) ->
    farrier_port_listener:call(Listener, suspend).

-spec resume(farrier_bridge:listener()) -> ok | {error, inet:posix()}.
resume(Listener) ->
    farrier_port_listener:call(Listener, resume).

-spec close_listener(farrier_bridge:listener()) -> ok.
close_listener(Listener) ->
    farrier_port_listener:stop(Listener).

-spec listener_info(farrier_bridge:listener()) -> farrier_bridge:listener_info().
listener_info(Listener) ->
    farrier_port_listener:call(Listener, listener_info).

%%% Requests and responses

-spec accept(handle()) -> {ok, farrier_bridge:request()} | {error, closed}.
accept(#handle{id = Id, owner = Owner} = Handle) ->
    farrier_port_process:accepted(Owner, Id),
    call(Handle, {accept, Id}).

-spec read_body(handle(), reference(), non_neg_integer(), timeout()) -> ok | {error, closed}.
read_body(#handle{id = Id} = Handle, Ref, Length, Period) ->
    await(Handle, body, Ref, {read_body, Id, Length, Period}).

-spec await_closed(handle(), reference()) -> ok | {error, closed}.
await_closed(#handle{id = Id} = Handle, Ref) ->
    await(Handle, closed, Ref, {await_closed, Id}).

-spec inform(handle(), farrier_bridge:status(), farrier_bridge:headers()) ->
    ok | {error, already_sent | closed | {invalid_header, binary()}}.
inform(#handle{id = Id} = Handle, Status, Headers) ->
    call(Handle, {inform, Id, farrier_bridge:head(Status, Headers)}).

-spec respond(handle(), farrier_bridge:status(), farrier_bridge:headers(), farrier_bridge:body()) ->
    ok | {error, already_sent | closed | {invalid_header, binary()}}.
respond(#handle{id = Id} = Handle, Status, Headers, Body) ->
    call(Handle, {respond, Id, farrier_bridge:head(Status, Headers), body(Body)}).

-spec body(farrier_bridge:body()) -> binary() | {sendfile, non_neg_integer(), non_neg_integer(), binary()}.
body({sendfile, Offset, Length, Path}) -> {sendfile, Offset, Length, farrier_bridge:native_path(Path)};
body(Body) -> iolist_to_binary(Body).

-spec respond_stream(handle(), farrier_bridge:status(), farrier_bridge:headers()) ->
    ok | {error, already_sent | closed | {invalid_header, binary()}}.
respond_stream(#handle{id = Id} = Handle, Status, Headers) ->
    call(Handle, {respond_stream, Id, farrier_bridge:head(Status, Headers)}).

-spec respond_chunk(handle(), iodata()) -> ok | blocked | {error, closed}.
respond_chunk(#handle{id = Id} = Handle, Data) ->
    call(Handle, {respond_chunk, Id, iolist_to_binary(Data)}).

-spec respond_end(handle(), farrier_bridge:headers()) -> ok | {error, closed}.
respond_end(#handle{id = Id} = Handle, Trailers) ->
    call(Handle, {respond_end, Id, farrier_bridge:binaries(Trailers)}).

-spec response_state(handle()) -> farrier_bridge:response_state().
response_state(#handle{id = Id} = Handle) ->
    case call(Handle, {response_state, Id}) of
        {error, closed} -> none;
        State -> State
    end.

%%% WebSocket connections

-spec upgrade(handle(), farrier_bridge:headers(), farrier_bridge:upgrade_options()) ->
    ok | {error, already_sent | closed | {invalid_header, binary()} | farrier_bridge:option_error()}.
upgrade(#handle{id = Id, owner = Owner} = Handle, Headers, Options) ->
    case call(Handle, {upgrade, Id, farrier_bridge:head(101, Headers), Options}) of
        ok -> farrier_port_process:upgraded(Owner, Id);
        Error -> Error
    end.

-spec send(handle(), [farrier_bridge:frame()], non_neg_integer(), boolean()) -> ok | blocked | {error, closed}.
send(#handle{port = Port, id = Id} = Handle, Frames, Handled, More) ->
    Encoded = encode(Frames),
    Data = packet({send, Id, Encoded, Handled, More}),
    case write(Port, Data) of
        ok ->
            sent(size(Encoded, 0), Handle);
        full ->
            _ = put(?HELD, Data),
            blocked;
        {error, closed} = Error ->
            Error
    end.

%% The native half does not answer, so this side counts: what the outbox may hold, and no more, is sent without asking.
-spec sent(non_neg_integer(), handle()) -> ok | blocked.
sent(Bytes, #handle{high_watermark = High}) ->
    Sent = case get(?SENT) of
        undefined -> Bytes;
        Before -> Before + Bytes
    end,
    _ = put(?SENT, Sent),
    case Sent > High of
        true -> blocked;
        false -> ok
    end.

-spec handled(handle(), non_neg_integer()) -> ok.
handled(#handle{port = Port, id = Id, owner = Owner}, Bytes) ->
    _ = command(Owner, Port, {handled, Id, Bytes}),
    ok.

-spec await_writable(handle(), reference()) -> wait | {error, closed}.
await_writable(#handle{port = Port, id = Id, owner = Owner}, Ref) ->
    _ = erase(?SENT),
    farrier_port_process:awaits(Owner, Id, writable, Ref),
    Command = {await_writable, Id},
    Result = case erase(?HELD) of
        undefined -> command(Owner, Port, Command);
        Data -> farrier_port_process:hold(Owner, [Data, packet(Command)])
    end,
    case Result of
        ok -> wait;
        {error, closed} -> Result
    end.

-spec set_active(handle(), boolean()) -> ok.
set_active(#handle{id = Id} = Handle, Active) ->
    _ = call(Handle, {set_active, Id, Active}),
    ok.

-spec set_options(handle(), farrier_bridge:connection_options()) -> ok | {error, farrier_bridge:option_error()}.
set_options(#handle{id = Id} = Handle, Options) ->
    call(Handle, {set_options, Id, Options}).

-spec close(handle(), [farrier_bridge:frame()]) -> ok.
close(#handle{port = Port, id = Id, owner = Owner}, Frames) ->
    Data = packet({close, Id, encode(Frames)}),
    case write(Port, Data) of
        full -> farrier_port_process:closes(Owner, Id, Data);
        _ -> ok
    end.

%%% Frames

%% Opcodes of RFC 6455 5.2 with their payloads. Fails with `badarg' as the other bridge does, before anything is sent.
-spec encode([farrier_bridge:frame()]) -> [{0..15, binary()}].
encode([{text, Payload} | Frames]) -> [{1, payload(Payload)} | encode(Frames)];
encode([{binary, Payload} | Frames]) -> [{2, payload(Payload)} | encode(Frames)];
encode([]) -> [];
encode([{close, Payload} | Frames]) -> encode([{close, 1000, Payload} | Frames]);
encode([{close, Code, Payload} | Frames]) -> [{8, control(<<(code(Code)):16, (payload(Payload))/binary>>)} | encode(Frames)];
encode([close | Frames]) -> [{8, <<>>} | encode(Frames)];
encode([{ping, Payload} | Frames]) -> [{9, control(payload(Payload))} | encode(Frames)];
encode([ping | Frames]) -> [{9, <<>>} | encode(Frames)];
encode([{pong, Payload} | Frames]) -> [{10, control(payload(Payload))} | encode(Frames)];
encode([pong | Frames]) -> [{10, <<>>} | encode(Frames)];
encode(_) -> error(badarg).

-spec payload(iodata()) -> binary().
payload(Payload) when is_binary(Payload) -> Payload;
payload(Payload) -> iolist_to_binary(Payload).

-spec control(binary()) -> binary().
control(Payload) when byte_size(Payload) =< 125 -> Payload;
control(_) -> error(badarg).

-spec code(term()) -> 0..65535.
code(Code) when is_integer(Code), Code >= 0, Code =< 65535 -> Code;
code(_) -> error(badarg).

-spec size([{0..15, binary()}], non_neg_integer()) -> non_neg_integer().
size([{_, Payload} | Frames], Sum) -> size(Frames, Sum + byte_size(Payload) + 4);
size([], Sum) -> Sum.

%%% Commands and calls

%% @doc Writes to the port. Where the pipe is full the owner of the port sees to it, so that commands may pass this one.
-spec command(Owner :: pid(), port(), term()) -> ok | {error, closed}.
command(Owner, Port, Command) ->
    Data = packet(Command),
    case write(Port, Data) of
        full -> farrier_port_process:hold(Owner, [Data]);
        Result -> Result
    end.

-spec write(port(), iodata()) -> ok | full | {error, closed}.
write(Port, Data) ->
    try erlang:port_command(Port, Data, [nosuspend]) of
        true -> ok;
        false -> full
    catch
        error:badarg -> {error, closed}
    end.

%% @doc A command as the native side reads it: atoms are UTF-8, which is minor version 2.
-spec packet(term()) -> iodata().
packet(Command) ->
    term_to_iovec(Command, [{minor_version, 2}]).

%% The owner of the port learns of the wait first, so that the answer finds it.
-spec await(handle(), wait(), reference(), term()) -> ok | {error, closed}.
await(#handle{port = Port, id = Id, owner = Owner}, Wait, Ref, Command) ->
    farrier_port_process:awaits(Owner, Id, Wait, Ref),
    command(Owner, Port, Command).

-spec call(handle(), term()) -> term().
call(#handle{port = Port, owner = Owner}, Request) ->
    call(Owner, Port, Request).

%% @doc Asks the native half. `{error, closed}' if it is gone, or says nothing for 30 s.
-spec call(pid(), port(), term()) -> term().
call(Owner, Port, Request) ->
    Alias = monitor(process, Owner, [{alias, reply_demonitor}]),
    _ = command(Owner, Port, {call, term_to_binary(Alias), Request}),
    receive
        {Alias, Result} -> Result;
        {'DOWN', Alias, process, _, _} -> {error, closed}
    after ?CALL_TIMEOUT ->
        demonitor(Alias, [flush]),
        receive
            {Alias, Result} -> Result
        after 0 -> {error, closed}
        end
    end.
