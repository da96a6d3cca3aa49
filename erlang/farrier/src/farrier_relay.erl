%% Carries the bytes of a connection between Erlang's socket and one that the transport serves: for sockets that only
%% Erlang can read (TLS of Erlang's own), and for those of which somebody else asks Erlang how many bytes have passed.
%%
%% Two processes, one for each direction, so that a client that does not read cannot keep what it sends from arriving,
%% and the other way round. Each waits in a `recv' or a `send' and has at most one packet in its hands. The first owns
%% both sockets; it outlives the connection's process, whose last words it still has to carry, and ends once the
%% transport has closed its side.
-module(farrier_relay).

-export([start/2]).
-export([init/3]).

%% @doc Starts to carry, and gives the socket to serve. The caller hands over the connection's socket, which it goes on
%% to know, and owns the other one.
-spec start(Socket :: term(), Transport :: module()) -> {ok, gen_tcp:socket()} | {error, inet:posix() | closed}.
start(Socket, Transport) ->
    case pair() of
        {ok, Near, Far} ->
            Pid = proc_lib:spawn_link(?MODULE, init, [self(), {Socket, Transport}, {Near, gen_tcp}]),
            ok = gen_tcp:controlling_process(Near, Pid),
            _ = Transport:controlling_process(Socket, Pid),
            Pid ! go,
            {ok, Far};
        {error, _} = Error ->
            Error
    end.

%% Both ends of a connection with oneself. Whether somebody else has connected is seen by the port.
-spec pair() -> {ok, gen_tcp:socket(), gen_tcp:socket()} | {error, inet:posix() | closed}.
pair() ->
    Options = [binary, {active, false}, {nodelay, true}],
    {ok, Listen} = gen_tcp:listen(0, [{ip, {127, 0, 0, 1}} | Options]),
    try
        {ok, Port} = inet:port(Listen),
        case gen_tcp:connect({127, 0, 0, 1}, Port, Options) of
            {ok, Near} -> accepted(Near, Listen);
            {error, _} = Error -> Error
        end
    after
        gen_tcp:close(Listen)
    end.

-spec accepted(gen_tcp:socket(), gen_tcp:socket()) ->
    {ok, gen_tcp:socket(), gen_tcp:socket()} | {error, inet:posix() | closed}.
accepted(Near, Listen) ->
    Own = inet:sockname(Near),
    case gen_tcp:accept(Listen) of
        {ok, Far} ->
            case inet:peername(Far) of
                Own -> {ok, Near, Far};
                _ -> gen_tcp:close(Far), accepted(Near, Listen)
            end;
        {error, _} = Error ->
            Error
    end.

%% Linked until both sockets are its own.
-spec init(pid(), {term(), module()}, {gen_tcp:socket(), gen_tcp}) -> ok.
init(Connection, Client, Near) ->
    receive go -> unlink(Connection) end,
    Inward = proc_lib:spawn_link(fun() -> carry(Client, Near) end),
    carry(Near, Client),
    unlink(Inward),
    exit(Inward, kill),
    close(Client),
    close(Near).

-spec carry({term(), module()}, {term(), module()}) -> ok.
carry({From, Source} = Client, {To, Sink} = Near) ->
    case Source:recv(From, 0, infinity) of
        {ok, Bytes} ->
            case Sink:send(To, Bytes) of
                ok -> carry(Client, Near);
                {error, _} -> ok
            end;
        {error, _} ->
            _ = Sink:shutdown(To, write),
            ok
    end.

-spec close({term(), module()}) -> ok.
close({Socket, Transport}) ->
    _ = Transport:close(Socket),
    ok.
