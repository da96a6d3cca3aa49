%% @doc A WebSocket client (RFC 6455) for short messages on a blocking socket.
-module(plain_websocket).

-export([connect/2, send/2, send/3, recv/1, close/1, get/2]).

-define(PATIENCE, 20000).

-type frame() :: {text | binary | ping | pong, binary()} | close | {close, Code :: 0..65535, Reason :: binary()} | eof.

%% Opens a session, or tells the status that refuses it.
-spec connect(inet:port_number(), string()) -> gen_tcp:socket() | {refused, 200..599}.
connect(Port, Path) ->
    Socket = open(Port),
    ok = gen_tcp:send(Socket, ["GET ", Path, " HTTP/1.1\r\nhost: localhost\r\n"
                               "upgrade: websocket\r\nconnection: upgrade\r\n"
                               "sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"]),
    case head(Socket) of
        {101, _} -> Socket;
        {Status, _} -> ok = gen_tcp:close(Socket), {refused, Status}
    end.

%% The answer to a plain GET request: it has a length.
-spec get(inet:port_number(), string()) -> {Status :: 100..599, Body :: binary()}.
get(Port, Path) ->
    Socket = open(Port),
    ok = gen_tcp:send(Socket, ["GET ", Path, " HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"]),
    {Status, Length} = head(Socket),
    Body = case Length of
        0 -> <<>>;
        _ -> {ok, Bytes} = gen_tcp:recv(Socket, Length, ?PATIENCE), Bytes
    end,
    ok = gen_tcp:close(Socket),
    {Status, Body}.

-spec open(inet:port_number()) -> gen_tcp:socket().
open(Port) ->
    {ok, Socket} = gen_tcp:connect("127.0.0.1", Port, [binary, {active, false}, {packet, http_bin}], ?PATIENCE),
    Socket.

-spec head(gen_tcp:socket()) -> {Status :: 100..599, ContentLength :: non_neg_integer()}.
head(Socket) ->
    {ok, {http_response, _, Status, _}} = gen_tcp:recv(Socket, 0, ?PATIENCE),
    Length = headers(Socket, 0),
    ok = inet:setopts(Socket, [{packet, raw}]),
    {Status, Length}.

-spec headers(gen_tcp:socket(), non_neg_integer()) -> non_neg_integer().
headers(Socket, Length) ->
    case gen_tcp:recv(Socket, 0, ?PATIENCE) of
        {ok, {http_header, _, 'Content-Length', _, Value}} -> headers(Socket, binary_to_integer(Value));
        {ok, {http_header, _, _, _, _}} -> headers(Socket, Length);
        {ok, http_eoh} -> Length
    end.

-spec send(gen_tcp:socket(), binary()) -> ok.
send(Socket, Text) ->
    send(Socket, text, Text).

%% The mask is zero: the payload goes as it is.
-spec send(gen_tcp:socket(), text | binary | close | ping | pong, binary()) -> ok.
send(Socket, Type, Payload) when byte_size(Payload) < 126 ->
    {_, Opcode} = lists:keyfind(Type, 1, opcodes()),
    gen_tcp:send(Socket, <<1:1, 0:3, Opcode:4, 1:1, (byte_size(Payload)):7, 0:32, Payload/binary>>).

-spec opcodes() -> [{atom(), 0..15}].
opcodes() ->
    [{text, 1}, {binary, 2}, {close, 8}, {ping, 9}, {pong, 10}].

%% The next frame. Servers send no fragments here.
-spec recv(gen_tcp:socket()) -> frame().
recv(Socket) ->
    case gen_tcp:recv(Socket, 2, ?PATIENCE) of
        {ok, <<1:1, 0:3, Opcode:4, 0:1, Length:7>>} ->
            {Type, _} = lists:keyfind(Opcode, 2, opcodes()),
            frame(Type, payload(Socket, Length));
        {error, closed} ->
            eof
    end.

-spec payload(gen_tcp:socket(), 0..127) -> binary().
payload(_, 0) ->
    <<>>;
payload(Socket, 126) ->
    {ok, <<Length:16>>} = gen_tcp:recv(Socket, 2, ?PATIENCE),
    {ok, Bytes} = gen_tcp:recv(Socket, Length, ?PATIENCE),
    Bytes;
payload(Socket, Length) ->
    {ok, Bytes} = gen_tcp:recv(Socket, Length, ?PATIENCE),
    Bytes.

-spec frame(atom(), binary()) -> frame().
frame(close, <<>>) -> close;
frame(close, <<Code:16, Reason/binary>>) -> {close, Code, Reason};
frame(Type, Payload) -> {Type, Payload}.

-spec close(gen_tcp:socket()) -> ok.
close(Socket) ->
    gen_tcp:close(Socket).
