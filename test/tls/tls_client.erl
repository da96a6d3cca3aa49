%% @doc Connections over OTP's `ssl', for `raw_client', and whole exchanges over them.
-module(tls_client).

-export([connect/2, websocket/2, upgraded/1, echoed/2, get/2, get/3, shown/2]).

-import(raw_client, [send/2, handshake/0, head/1, frame/1, until_eof/1]).

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
    send(Socket, handshake()),
    <<"HTTP/1.1 101 ", _/binary>> = Head = head(Socket),
    {Socket, Head}.

%% A message makes the way there and back.
-spec echoed(ssl:sslsocket(), binary()) -> ok.
echoed(Socket, Message) ->
    send(Socket, oracle_frame:binary(Message)),
    {2, Message} = frame(Socket),
    ok.

%% Status line, headers and body of a response; the connection ends with it.
-spec get(inet:port_number(), string()) -> {binary(), [binary()], binary()}.
get(Port, Path) -> get(Port, Path, []).

-spec get(inet:port_number(), string(), list()) -> {binary(), [binary()], binary()}.
get(Port, Path, Options) ->
    {ok, Socket} = connect(Port, Options),
    send(Socket, ["GET ", Path, " HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"]),
    [Head, Body] = binary:split(until_eof(Socket), <<"\r\n\r\n">>),
    [Status | Headers] = binary:split(Head, <<"\r\n">>, [global]),
    {Status, Headers, Body}.

%% The certificate that the server shows.
-spec shown(inet:port_number(), list()) -> binary().
shown(Port, Options) ->
    {ok, Socket} = connect(Port, Options),
    {ok, Der} = ssl:peercert(Socket),
    ok = ssl:close(Socket),
    Der.
