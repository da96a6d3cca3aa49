%% @doc Stands between a client and a server, and changes what passes when it is told to.
-module(tls_relay).

-export([start/1, port/1, forge/1]).

-define(OPTIONS, [binary, {active, true}, {ip, {127, 0, 0, 1}}]).

-opaque relay() :: {pid(), inet:port_number()}.
-export_type([relay/0]).

%% For one connection to `Port'. Ends with its caller.
-spec start(inet:port_number()) -> relay().
start(Port) ->
    Self = self(),
    Pid = spawn_link(fun() ->
        {ok, Listener} = gen_tcp:listen(0, ?OPTIONS),
        {ok, Own} = inet:port(Listener),
        Self ! {self(), Own},
        {ok, Client} = gen_tcp:accept(Listener),
        {ok, Server} = gen_tcp:connect({127, 0, 0, 1}, Port, [binary, {active, true}]),
        relay(Client, Server, false)
    end),
    receive {Pid, Own} -> {Pid, Own} end.

-spec port(relay()) -> inet:port_number().
port({_, Port}) -> Port.

%% Changes the last byte of what the client sends next.
-spec forge(relay()) -> ok.
forge({Pid, _}) ->
    Pid ! {self(), forge},
    receive {Pid, ok} -> ok end.

-spec relay(gen_tcp:socket(), gen_tcp:socket(), boolean()) -> ok.
relay(Client, Server, Forge) ->
    receive
        {From, forge} ->
            From ! {self(), ok},
            relay(Client, Server, true);
        {tcp, Client, Bytes} ->
            _ = gen_tcp:send(Server, forged(Forge, Bytes)),
            relay(Client, Server, false);
        {tcp, Server, Bytes} ->
            _ = gen_tcp:send(Client, Bytes),
            relay(Client, Server, Forge);
        {tcp_closed, _} ->
            _ = [gen_tcp:close(Socket) || Socket <- [Client, Server]],
            ok
    end.

-spec forged(boolean(), binary()) -> binary().
forged(false, Bytes) -> Bytes;
forged(true, Bytes) ->
    Length = byte_size(Bytes) - 1,
    <<Same:Length/binary, Last>> = Bytes,
    <<Same/binary, (Last bxor 1)>>.
