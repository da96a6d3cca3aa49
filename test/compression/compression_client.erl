%% @doc A WebSocket client that compresses by Erlang's `zlib', and shows what is on the wire.
-module(compression_client).

-export([connect/2, close/1, send/2, send/3, receive_frame/1, message/1, echo/2, extensions/1, deflate/2, until_closed/1]).

-export_type([client/0]).

-record(client, {socket, extensions, deflate, inflate, takeover}).
-type client() :: #client{}.

-define(PATIENCE, 15000).

%% Offers extensions; the client's own compressor and decompressor follow the answer.
-spec connect(inet:port_number(), iodata() | none) -> client().
connect(Port, Offer) ->
    {ok, Socket} = gen_tcp:connect({127, 0, 0, 1}, Port, [binary, {active, false}, {nodelay, true}], ?PATIENCE),
    ok = gen_tcp:send(Socket, [
        "GET /ws HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n"
        "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n", [["sec-websocket-extensions: ", Offer, "\r\n"] || Offer =/= none], "\r\n"]),
    Head = head(Socket, <<>>),
    Extensions = field(<<"sec-websocket-extensions">>, Head),
    Deflate = zlib:open(),
    ok = zlib:deflateInit(Deflate, best_compression, deflated, -bits(<<"client_max_window_bits">>, Extensions), 8, default),
    Inflate = zlib:open(),
    ok = zlib:inflateInit(Inflate, -bits(<<"server_max_window_bits">>, Extensions)),
    Takeover = binary:match(Extensions, <<"client_no_context_takeover">>) =:= nomatch,
    #client{socket = Socket, extensions = Extensions, deflate = Deflate, inflate = Inflate, takeover = Takeover}.

-spec head(gen_tcp:socket(), binary()) -> binary().
head(Socket, Head) ->
    case binary:match(Head, <<"\r\n\r\n">>) of
        {_, _} -> Head;
        nomatch ->
            {ok, Byte} = gen_tcp:recv(Socket, 1, ?PATIENCE),
            head(Socket, <<Head/binary, Byte/binary>>)
    end.

%% A status other than 101 stands for the field.
-spec field(binary(), binary()) -> binary().
field(Name, <<"HTTP/1.1 101", _/binary>> = Head) ->
    case re:run(Head, ["\r\n", Name, ": ([^\r]*)"], [{capture, all_but_first, binary}]) of
        {match, [Value]} -> Value;
        nomatch -> <<>>
    end;
field(_, <<"HTTP/1.1 ", Status:3/binary, _/binary>>) -> Status.

-spec bits(binary(), binary()) -> 9..15.
bits(Name, Extensions) ->
    case re:run(Extensions, [Name, "=(\\d+)"], [{capture, all_but_first, binary}]) of
        {match, [Bits]} -> max(9, binary_to_integer(Bits));
        nomatch -> 15
    end.

-spec extensions(client()) -> binary().
extensions(#client{extensions = Extensions}) -> Extensions.

-spec close(client()) -> ok.
close(#client{socket = Socket, deflate = Deflate, inflate = Inflate}) ->
    ok = zlib:close(Deflate),
    ok = zlib:close(Inflate),
    gen_tcp:close(Socket).

%% A message's payload as it is sent.
-spec deflate(client(), iodata()) -> binary().
deflate(#client{deflate = Deflate, takeover = Takeover}, Payload) ->
    _ = Takeover orelse zlib:deflateReset(Deflate),
    Bytes = iolist_to_binary(zlib:deflate(Deflate, Payload, sync)),
    Size = byte_size(Bytes) - 4,
    case Bytes of
        %% Nothing to say: an empty message still has a byte (RFC 7692 7.2.3.6).
        <<>> -> <<0>>;
        <<Sent:Size/binary, 0, 0, 255, 255>> -> Sent
    end.

%% Bytes as they are.
-spec send(client(), iodata()) -> ok | {error, term()}.
send(#client{socket = Socket}, Bytes) -> gen_tcp:send(Socket, Bytes).

%% A compressed message in one frame.
-spec send(client(), 1 | 2, iodata()) -> ok | {error, term()}.
send(Client, Opcode, Payload) ->
    send(Client, oracle_frame:frame(Opcode, deflate(Client, Payload), #{rsv => 4})).

%% The next frame as it stands on the wire: RSV1, opcode and payload.
-spec receive_frame(client()) -> {0..1, 0..15, binary()} | closed.
receive_frame(#client{socket = Socket}) ->
    case gen_tcp:recv(Socket, 2, ?PATIENCE) of
        {ok, <<1:1, Rsv1:1, 0:2, Opcode:4, 0:1, Length:7>>} -> {Rsv1, Opcode, payload(Socket, Length)};
        {error, closed} -> closed
    end.

-spec payload(gen_tcp:socket(), non_neg_integer()) -> binary().
payload(_, 0) -> <<>>;
payload(Socket, 126) ->
    {ok, <<Length:16>>} = gen_tcp:recv(Socket, 2, ?PATIENCE),
    bytes(Socket, Length);
payload(Socket, 127) ->
    {ok, <<Length:64>>} = gen_tcp:recv(Socket, 8, ?PATIENCE),
    bytes(Socket, Length);
payload(Socket, Length) -> bytes(Socket, Length).

-spec bytes(gen_tcp:socket(), pos_integer()) -> binary().
bytes(Socket, Length) ->
    {ok, Bytes} = gen_tcp:recv(Socket, Length, ?PATIENCE),
    Bytes.

%% The next message, inflated if it is compressed.
-spec message(client()) -> {0..15, binary()} | closed.
message(#client{inflate = Inflate} = Client) ->
    case receive_frame(Client) of
        {1, Opcode, Payload} -> {Opcode, iolist_to_binary(zlib:inflate(Inflate, <<Payload/binary, 0, 0, 255, 255>>))};
        {0, Opcode, Payload} -> {Opcode, Payload};
        closed -> closed
    end.

-spec echo(client(), binary()) -> ok.
echo(Client, Payload) ->
    ok = send(Client, 1, Payload),
    {1, Payload} = message(Client),
    ok.

%% The frames until the server closes.
-spec until_closed(client()) -> [{0..15, binary()}].
until_closed(Client) ->
    case message(Client) of
        closed -> [];
        Message -> [Message | until_closed(Client)]
    end.
