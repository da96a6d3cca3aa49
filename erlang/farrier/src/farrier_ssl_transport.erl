%% @doc What `cowboy_req:get(transport, Req)' names in generation 1 over TLS: {@link farrier_transport} by the name of
%% `ssl'.
-module(farrier_ssl_transport).

-export([name/0, messages/0, secure/0, peername/1, sockname/1, setopts/2, controlling_process/2]).
-export([send/2, sendfile/2, sendfile/4, sendfile/5, recv/3, close/1, shutdown/2]).

-type socket() :: farrier_transport:socket().
-type address() :: {inet:ip_address(), inet:port_number()}.

-spec name() -> ssl.
name() -> ssl.

%% @doc No such message is ever sent.
-spec messages() -> {ssl, ssl_closed, ssl_error}.
messages() -> {ssl, ssl_closed, ssl_error}.

-spec secure() -> true.
secure() -> true.

-spec peername(socket()) -> {ok, address()} | {error, enotconn}.
peername(Socket) -> farrier_transport:peername(Socket).

-spec sockname(socket()) -> {ok, address()} | {error, enotconn}.
sockname(Socket) -> farrier_transport:sockname(Socket).

-spec setopts(socket(), list()) -> ok.
setopts(Socket, Options) -> farrier_transport:setopts(Socket, Options).

-spec controlling_process(socket(), pid()) -> {error, not_owner}.
controlling_process(Socket, Pid) -> farrier_transport:controlling_process(Socket, Pid).

-spec send(socket(), iodata()) -> ok | {error, enotsup | closed | timeout}.
send(Socket, Data) -> farrier_transport:send(Socket, Data).

-spec sendfile(socket(), file:name_all()) -> {ok, non_neg_integer()} | {error, atom()}.
sendfile(Socket, Path) -> farrier_transport:sendfile(Socket, Path).

-spec sendfile(socket(), file:name_all(), non_neg_integer(), non_neg_integer()) ->
    {ok, non_neg_integer()} | {error, atom()}.
sendfile(Socket, Path, Offset, Length) -> farrier_transport:sendfile(Socket, Path, Offset, Length).

-spec sendfile(socket(), file:name_all(), non_neg_integer(), non_neg_integer(), list()) ->
    {ok, non_neg_integer()} | {error, atom()}.
sendfile(Socket, Path, Offset, Length, Options) ->
    farrier_transport:sendfile(Socket, Path, Offset, Length, Options).

-spec recv(socket(), non_neg_integer(), timeout()) -> {error, enotsup | timeout}.
recv(Socket, Length, Timeout) -> farrier_transport:recv(Socket, Length, Timeout).

-spec close(socket()) -> ok.
close(Socket) -> farrier_transport:close(Socket).

-spec shutdown(socket(), read | write | read_write) -> {error, enotsup}.
shutdown(Socket, How) -> farrier_transport:shutdown(Socket, How).
