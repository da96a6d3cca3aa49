%% @doc A client of bytes over OTP's `ssl'.
-module(tls_client).

-export([connect/2, websocket/2, upgraded/1, send/2, echoed/2, frame/1, get/2, get/3, until_closed/1, shown/2]).

-define(PATIENCE, 10000).

-spec connect(inet:port_number(), list()) -> {ok, ssl:sslsocket()} | {error, term()}.
connect(Port, Options) ->
    ssl:connect({127, 0, 0, 1}, Port, [binary, {active, false}, {verify, verify_none} | Options], ?PATIENCE).

%% An upgraded connection.
-spec websocket(inet:port_number(), list()) -> ssl:sslsocket().
websocket(Port, Options) ->
    {Socket, _} = upgrade(Port, Options),
    Socket.

%% The head of the response to an upgrade request.
-spec upgraded(inet:port_number()) -> binary().
upgraded(Port) ->
    {Socket, Head} = upgrade(Port, []),
    ok = ssl:close(Socket),
    Head.

-spec upgrade(inet:port_number(), list()) -> {ssl:sslsocket(), binary()}.
upgrade(Port, Options) ->
    {ok, Socket} = connect(Port, Options),
    send(Socket, "GET /ws HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
                 "sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"),
    <<"HTTP/1.1 101 ", _/binary>> = Head = head(Socket, <<>>),
    {Socket, Head}.

-spec send(ssl:sslsocket(), iodata()) -> ok.
send(Socket, Bytes) -> ok = ssl:send(Socket, Bytes).

-spec head(ssl:sslsocket(), binary()) -> binary().
head(Socket, Head) ->
    case binary:longest_common_suffix([Head, <<"\r\n\r\n">>]) of
        4 -> Head;
        _ ->
            {ok, Byte} = ssl:recv(Socket, 1, ?PATIENCE),
            head(Socket, <<Head/binary, Byte/binary>>)
    end.

%% A message makes the way there and back.
-spec echoed(ssl:sslsocket(), binary()) -> ok.
echoed(Socket, Message) ->
    send(Socket, oracle_frame:binary(Message)),
    {2, Message} = frame(Socket),
    ok.

%% The next frame: opcode and payload.
-spec frame(ssl:sslsocket()) -> {0..15, binary()}.
frame(Socket) ->
    <<1:1, 0:3, Opcode:4, 0:1, Length:7>> = exactly(Socket, 2),
    {Opcode, exactly(Socket, extended(Socket, Length))}.

-spec extended(ssl:sslsocket(), 0..127) -> non_neg_integer().
extended(Socket, 126) -> binary:decode_unsigned(exactly(Socket, 2));
extended(Socket, 127) -> binary:decode_unsigned(exactly(Socket, 8));
extended(_, Length) -> Length.

-spec exactly(ssl:sslsocket(), non_neg_integer()) -> binary().
exactly(_, 0) -> <<>>;
exactly(Socket, Length) ->
    {ok, Bytes} = ssl:recv(Socket, Length, ?PATIENCE),
    Bytes.

%% Status line, headers and body of a response; the connection ends with it.
-spec get(inet:port_number(), string()) -> {binary(), [binary()], binary()}.
get(Port, Path) -> get(Port, Path, []).

-spec get(inet:port_number(), string(), list()) -> {binary(), [binary()], binary()}.
get(Port, Path, Options) ->
    {ok, Socket} = connect(Port, Options),
    send(Socket, ["GET ", Path, " HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"]),
    [Head, Body] = binary:split(until_closed(Socket), <<"\r\n\r\n">>),
    [Status | Headers] = binary:split(Head, <<"\r\n">>, [global]),
    {Status, Headers, Body}.

-spec until_closed(ssl:sslsocket()) -> binary().
until_closed(Socket) ->
    case ssl:recv(Socket, 0, ?PATIENCE) of
        {ok, Bytes} -> <<Bytes/binary, (until_closed(Socket))/binary>>;
        {error, closed} -> <<>>
    end.

%% The certificate that the server shows.
-spec shown(inet:port_number(), list()) -> binary().
shown(Port, Options) ->
    {ok, Socket} = connect(Port, Options),
    {ok, Der} = ssl:peercert(Socket),
    ok = ssl:close(Socket),
    Der.
