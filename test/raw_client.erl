%% @doc A client that sends and receives bytes, over `gen_tcp' or `ssl': what a suite of promises about the wire says,
%% it says with these. The frames that it sends are those of `oracle_frame'.
%%
%% Nothing is read ahead, so that what follows a head is still there for the next call. A server that does not say in
%% time what it should fails the test.
-module(raw_client).

-export([open/1, upgraded/2, send/2, exchange/2, handshake/0, handshake/1, handshake/2]).
-export([received/2, until/2, head/1, frame/1, payload/1, until_eof/1]).

-export_type([socket/0]).

-type socket() :: gen_tcp:socket() | ssl:sslsocket().

%% Milliseconds. No test is meant to come near it.
-define(PATIENCE, 10000).

%% A connection to a listener on the loopback.
-spec open(inet:port_number()) -> gen_tcp:socket().
open(Port) ->
    {ok, Socket} = gen_tcp:connect({127, 0, 0, 1}, Port, [binary, {active, false}, {nodelay, true}]),
    Socket.

%% A connection that this handshake has made a WebSocket, with the head of the response.
-spec upgraded(inet:port_number(), iodata()) -> {gen_tcp:socket(), binary()}.
upgraded(Port, Handshake) ->
    Socket = open(Port),
    send(Socket, Handshake),
    <<"HTTP/1.1 101 ", _/binary>> = Head = head(Socket),
    {Socket, Head}.

-spec send(socket(), iodata()) -> ok.
send(Socket, Bytes) when is_port(Socket) -> ok = gen_tcp:send(Socket, Bytes);
send(Socket, Bytes) -> ok = ssl:send(Socket, Bytes).

%% All that the server says to these bytes until it closes.
-spec exchange(inet:port_number(), iodata()) -> binary().
exchange(Port, Bytes) ->
    Socket = open(Port),
    send(Socket, Bytes),
    until_eof(Socket).

%% The example of RFC 6455 1.3 for `/ws'. The method is the first element, the rest of the request line the second.
-spec handshake() -> [iodata()].
handshake() -> handshake([]).

-spec handshake([{string(), string() | none}]) -> [iodata()].
handshake(Fields) -> handshake(<<"/ws">>, Fields).

%% The same with fields replaced, added, or (value `none') left out. Their names are in lower case.
-spec handshake(iodata(), [{string(), string() | none}]) -> [iodata()].
handshake(Path, Fields) ->
    Default = [{"host", "localhost"}, {"connection", "Upgrade"}, {"upgrade", "websocket"},
        {"sec-websocket-version", "13"}, {"sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="}],
    All = lists:ukeymerge(1, lists:keysort(1, Fields), lists:keysort(1, Default)),
    Lines = [[Name, ": ", Value, "\r\n"] || {Name, Value} <- All, Value =/= none],
    ["GET", [" ", Path, " HTTP/1.1\r\n"], Lines, "\r\n"].

%% The next so many bytes.
-spec received(socket(), non_neg_integer()) -> binary().
received(_, 0) -> <<>>;
received(Socket, Size) ->
    {ok, Bytes} = recv(Socket, Size),
    Bytes.

%% All up to and with the first place where these bytes stand.
-spec until(socket(), binary()) -> binary().
until(Socket, End) -> until(Socket, End, <<>>).

-spec until(socket(), binary(), binary()) -> binary().
until(Socket, End, Bytes) ->
    case binary:longest_common_suffix([Bytes, End]) =:= byte_size(End) of
        true -> Bytes;
        false -> until(Socket, End, <<Bytes/binary, (received(Socket, 1))/binary>>)
    end.

%% A response's head with the empty line that ends it.
-spec head(socket()) -> binary().
head(Socket) -> until(Socket, <<"\r\n\r\n">>).

%% Opcode and payload of the next frame, which is final and not compressed (RFC 6455 5.2).
-spec frame(socket()) -> {0..15, binary()}.
frame(Socket) ->
    <<1:1, 0:3, Opcode:4, 0:1, Length:7>> = received(Socket, 2),
    {Opcode, received(Socket, extended(Socket, Length))}.

-spec extended(socket(), 0..127) -> non_neg_integer().
extended(Socket, 126) -> binary:decode_unsigned(received(Socket, 2));
extended(Socket, 127) -> binary:decode_unsigned(received(Socket, 8));
extended(_, Length) -> Length.

%% The payload of the next frame, which is a text.
-spec payload(socket()) -> binary().
payload(Socket) ->
    {1, Payload} = frame(Socket),
    Payload.

%% All that is left until the server closes. Then the client closes, too.
-spec until_eof(socket()) -> binary().
until_eof(Socket) -> until_eof(Socket, <<>>).

-spec until_eof(socket(), binary()) -> binary().
until_eof(Socket, Bytes) ->
    case recv(Socket, 0) of
        {ok, More} -> until_eof(Socket, <<Bytes/binary, More/binary>>);
        {error, closed} -> ok = close(Socket), Bytes
    end.

-spec recv(socket(), non_neg_integer()) -> {ok, binary()} | {error, term()}.
recv(Socket, Size) when is_port(Socket) -> gen_tcp:recv(Socket, Size, ?PATIENCE);
recv(Socket, Size) -> ssl:recv(Socket, Size, ?PATIENCE).

-spec close(socket()) -> ok.
close(Socket) when is_port(Socket) -> gen_tcp:close(Socket);
close(Socket) -> ssl:close(Socket).
