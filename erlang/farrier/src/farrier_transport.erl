%% @doc What `cowboy_req:get(transport, Req)' names in generation 1: a transport in Ranch's sense over a socket that is
%% not Erlang's. It tells the addresses, and sends only where Cowboy 1 itself hands socket and transport to a handler:
%% from the fun of `set_resp_body_fun/2,3'. What would bypass the protocol answers `{error, enotsup}'.
-module(farrier_transport).

-export([socket/1, raw/1, name/0, messages/0, secure/0, peername/1, sockname/1, setopts/2, controlling_process/2]).
-export([send/2, sendfile/2, sendfile/4, sendfile/5, recv/3, close/1, shutdown/2]).

-export_type([socket/0]).

%% The process that serves the request. With the addresses, which it then tells of a session, too.
-type socket() :: {farrier_socket, pid()} | {farrier_socket, pid(), #{peer := address(), sock := address()}}.
-type address() :: {inet:ip_address(), inet:port_number()}.

%% @doc The socket of this process, for a session that begins with this request.
-spec socket(farrier_bridge:request()) -> socket().
socket(#{peer := Peer, sock := Sock}) ->
    {farrier_socket, self(), #{peer => Peer, sock => Sock}}.

%% @doc The same with the module that it is used by. A connection that a real Ranch has accepted has a socket of
%% Erlang's.
-spec raw(farrier_bridge:request()) -> {Socket :: term(), Transport :: module()}.
raw(#{socket := {Socket, Transport}}) -> {Socket, Transport};
raw(Request) -> {socket(Request), ?MODULE}.

-spec name() -> tcp.
name() -> tcp.

%% @doc No such message is ever sent.
-spec messages() -> {tcp, tcp_closed, tcp_error}.
messages() -> {tcp, tcp_closed, tcp_error}.

-spec secure() -> false.
secure() -> false.

-spec peername(socket()) -> {ok, {inet:ip_address(), inet:port_number()}} | {error, enotconn}.
peername(Socket) -> address(peer, Socket).

-spec sockname(socket()) -> {ok, {inet:ip_address(), inet:port_number()}} | {error, enotconn}.
sockname(Socket) -> address(sock, Socket).

-spec address(peer | sock, socket()) -> {ok, {inet:ip_address(), inet:port_number()}} | {error, enotconn}.
address(Key, {farrier_socket, _, Addresses}) ->
    {ok, maps:get(Key, Addresses)};
address(Key, {farrier_socket, Pid}) ->
    try
        {ok, maps:get(Key, farrier_exchange:request(farrier_exchange:find(Pid)))}
    catch
        error:{no_request, _} -> {error, enotconn}
    end.

%% @doc Socket options belong to the listener: does nothing.
-spec setopts(socket(), list()) -> ok.
setopts(_, _) -> ok.

-spec controlling_process(socket(), pid()) -> {error, not_owner}.
controlling_process(_, _) -> {error, not_owner}.

%% @doc A piece of the response body.
-spec send(socket(), iodata()) -> ok | {error, enotsup | closed | timeout}.
send(Socket, Data) -> body(Socket, Data).

-spec sendfile(socket(), file:name_all()) -> {ok, non_neg_integer()} | {error, atom()}.
sendfile(Socket, Path) ->
    sendfile(Socket, Path, 0, 0).

%% @doc `Length' 0 is the rest of the file.
-spec sendfile(socket(), file:name_all(), non_neg_integer(), non_neg_integer()) ->
    {ok, non_neg_integer()} | {error, atom()}.
sendfile(Socket, Path, Offset, 0) ->
    case filelib:file_size(Path) - Offset of
        Length when Length > 0 -> sendfile(Socket, Path, Offset, Length);
        _ -> {ok, 0}
    end;
sendfile(Socket, Path, Offset, Length) ->
    case body(Socket, {sendfile, Offset, Length, Path}) of
        ok -> {ok, Length};
        Error -> Error
    end.

-spec sendfile(socket(), file:name_all(), non_neg_integer(), non_neg_integer(), list()) ->
    {ok, non_neg_integer()} | {error, atom()}.
sendfile(Socket, Path, Offset, Length, _) ->
    sendfile(Socket, Path, Offset, Length).

-spec body(socket(), farrier_exchange:body()) -> ok | {error, atom()}.
body({farrier_socket, _, _}, _) ->
    {error, enotsup};
body({farrier_socket, Pid}, Data) ->
    try farrier_exchange:find(Pid) of
        X ->
            case farrier_exchange:response_state(X) of
                headers -> farrier_exchange:chunk(X, Data);
                _ -> {error, enotsup}
            end
    catch
        error:{no_request, _} -> {error, enotsup}
    end.

%% What is asked for with no time to wait is whether the client is still there: the loss of one reaches its process
%% otherwise.
-spec recv(socket(), non_neg_integer(), timeout()) -> {error, enotsup | timeout}.
recv(_, 0, 0) -> {error, timeout};
recv(_, _, _) -> {error, enotsup}.

%% @doc The connection ends with its process.
-spec close(socket()) -> ok.
close(_) -> ok.

-spec shutdown(socket(), read | write | read_write) -> {error, enotsup}.
shutdown(_, _) -> {error, enotsup}.
