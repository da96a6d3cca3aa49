%% The transport of a clear-text connection of Cowboy 0, as `cowboy_http_req:transport/1' gives it. See
%% `farrier_transport' for what its socket can do.
-module(cowboy_tcp_transport).

-export([name/0, messages/0, send/2, recv/3, setopts/2, controlling_process/2, peername/1, sockname/1, close/1]).

-type socket() :: farrier_transport:socket().

-spec name() -> tcp.
name() -> tcp.

%% @doc No such message is ever sent.
-spec messages() -> {tcp, tcp_closed, tcp_error}.
messages() -> {tcp, tcp_closed, tcp_error}.

%% @doc A piece of the response body, in the function of `set_resp_body_fun/3'.
-spec send(socket(), iodata()) -> ok | {error, atom()}.
send(Socket, Data) -> farrier_transport:send(Socket, Data).

-spec recv(socket(), non_neg_integer(), timeout()) -> {error, enotsup}.
recv(Socket, Length, Timeout) -> farrier_transport:recv(Socket, Length, Timeout).

-spec setopts(socket(), list()) -> ok.
setopts(Socket, Options) -> farrier_transport:setopts(Socket, Options).

-spec controlling_process(socket(), pid()) -> {error, not_owner}.
controlling_process(Socket, Pid) -> farrier_transport:controlling_process(Socket, Pid).

-spec peername(socket()) -> {ok, {inet:ip_address(), inet:port_number()}} | {error, enotconn}.
peername(Socket) -> farrier_transport:peername(Socket).

-spec sockname(socket()) -> {ok, {inet:ip_address(), inet:port_number()}} | {error, enotconn}.
sockname(Socket) -> farrier_transport:sockname(Socket).

-spec close(socket()) -> ok.
close(Socket) -> farrier_transport:close(Socket).
