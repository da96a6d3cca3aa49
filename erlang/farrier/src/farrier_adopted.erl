%% Serves a connection that a real Ranch has accepted: `cowboy_clear' is a protocol of Ranch, and projects start it by
%% `ranch:start_listener/5', `ranch:child_spec/5' or a supervisor of their own, in nodes whose Ranch serves other
%% protocols as well.
%%
%% 1. The process is started as Ranch's protocols are, and shakes hands with it.
%% 2. The transport gets a duplicate of the socket's descriptor and serves that. Erlang's socket stays open and passive.
%%    Where only Erlang can read it, or where a `takeover/7' may get it and count its bytes, they go through Erlang
%%    (`farrier_relay').
%% 3. Requests come one after the other; each is run by a process of its own, as in Cowboy (`farrier_beside').
%% 4. A request that is upgraded makes this process the session. Without one it ends with the connection.
-module(farrier_adopted).

-export([init/4]).

-record(adopted, {
    parent :: pid(),
    socket :: {term(), module()},
    bridge :: module(),
    native :: term(),
    %% Names the bridge's word that the connection is over.
    ended :: reference(),
    config :: farrier_listener:config(),
    %% What the client's proxy has said of it.
    proxy :: none | map()
}).

%% As in Cowboy.
-define(PROXY_TIMEOUT, 1000).

%% @doc The life of a connection's process. `Opts' are Cowboy 2's protocol options.
-spec init(pid(), farrier:ref(), module(), map()) -> term().
init(Parent, Ref, Transport, Opts) ->
    %% Not a call by name: where farrier's own stands in Ranch's place, nobody hands sockets over.
    {module, Ranch} = code:ensure_loaded(ranch),
    Proxy = proxy(Ranch, Ref, Opts),
    {ok, Socket} = Ranch:handshake(Ref),
    #{config := Config, bridge := Options} = options(Ref, Opts),
    #{bridge := Bridge} = Config,
    ok = farrier_bridge:ensure_started(Bridge),
    _ = process_flag(trap_exit, true),
    Ended = make_ref(),
    case adopt(Bridge, Options, served(Socket, Transport, Opts), Ended) of
        {ok, Native} ->
            loop(#adopted{
                parent = Parent, socket = {Socket, Transport}, bridge = Bridge, native = Native, ended = Ended,
                config = Config, proxy = Proxy
            });
        {error, Reason} ->
            %% A client that has gone already, most likely.
            exit({shutdown, Reason})
    end.

-spec proxy(module(), farrier:ref(), map()) -> none | map().
proxy(Ranch, Ref, #{proxy_header := true}) ->
    case Ranch:recv_proxy_header(Ref, ?PROXY_TIMEOUT) of
        {ok, Proxy} -> Proxy;
        {error, Reason} -> exit({shutdown, Reason});
        {error, protocol_error, Text} -> exit({shutdown, {proxy_header, Text}})
    end;
proxy(_, _, _) ->
    none.

%% What Cowboy's options mean here. Ranch has seen to the transport's.
-spec options(farrier:ref(), map()) -> farrier_listener:options().
options(Ref, Opts) ->
    case farrier_options:clear(#{}, maps:without([proxy_header, connection_type], Opts)) of
        {ok, Options} ->
            %% Another process of the operating system cannot have the socket.
            case farrier_listener:options(Ref, Options#{bridge => nif}) of
                {ok, Checked} -> Checked;
                {error, Reason} -> exit(Reason)
            end;
        {error, Reason} ->
            exit(Reason)
    end.

%% The socket that the transport shall have a duplicate of, and what has to be done with ours then. Handlers of streams
%% may name a module that takes a session over.
-spec served(term(), module(), map()) -> {ok, keep | close, gen_tcp:socket()} | {error, term()}.
served(Socket, Transport, Opts) ->
    case {Transport:name(), Opts} of
        {tcp, #{stream_handlers := [_, _ | _]}} -> relayed(farrier_relay:start(Socket, Transport));
        {tcp, _} -> {ok, keep, Socket};
        _ -> relayed(farrier_relay:start(Socket, Transport))
    end.

-spec relayed({ok, gen_tcp:socket()} | {error, term()}) -> {ok, close, gen_tcp:socket()} | {error, term()}.
relayed({ok, Socket}) -> {ok, close, Socket};
relayed({error, _} = Error) -> Error.

-spec adopt(module(), map(), {ok, keep | close, gen_tcp:socket()} | {error, term()}, reference()) ->
    {ok, term()} | {error, term()}.
adopt(Bridge, Options, {ok, Ours, Socket}, Ended) ->
    {ok, Descriptor} = inet:getfd(Socket),
    Adopted = Bridge:adopt(Options, Descriptor, Ended),
    _ = Ours =:= close andalso gen_tcp:close(Socket),
    Adopted;
adopt(_, _, {error, _} = Error, _) ->
    Error.

%% Only these concern a connection between its requests. What a handler has sent to its future session waits for that.
-spec loop(#adopted{}) -> term().
loop(#adopted{parent = Parent, bridge = Bridge, native = Native, ended = Ended} = A) ->
    receive
        {'$farrier_accept', Handle} ->
            request(Bridge:accept(Handle), Handle, A);
        {Ended, {error, closed}} ->
            ok;
        {'EXIT', Parent, Reason} ->
            _ = Bridge:close_listener(Native),
            exit(Reason);
        {'EXIT', _, _} ->
            loop(A);
        {'$gen_call', From, Question} ->
            gen_server:reply(From, farrier_sys:childless(Question)),
            loop(A)
    end.

-spec request({ok, farrier_bridge:request()} | {error, closed}, term(), #adopted{}) -> term().
request({error, closed}, _, A) ->
    loop(A);
request({ok, Request0}, Handle, #adopted{socket = Socket, bridge = Bridge, config = #{ref := Ref} = Config} = A) ->
    Request = (described(Socket, Request0))#{socket => Socket},
    farrier_exchange:open(Bridge, Handle, Request),
    Req = with_proxy(farrier_req_2:new(Request, Ref), A),
    #{env := Env, middlewares := Middlewares} = Config,
    Outcome = farrier_beside:serve(Req, Env, Middlewares, Config#{beside := false}),
    IsSession = farrier_connection:is_upgrading(),
    _ = farrier_connection:completed(Outcome, Bridge, Handle, Config),
    _ = IsSession orelse next(A).

%% The transport may know only the relay.
-spec described({term(), module()}, farrier_bridge:request()) -> farrier_bridge:request().
described({Socket, Transport}, Request) ->
    case {Transport:peername(Socket), Transport:sockname(Socket), Transport:name()} of
        {{ok, Peer}, {ok, Sock}, tcp} -> Request#{peer := Peer, sock := Sock};
        {{ok, Peer}, {ok, Sock}, _} -> encrypted(Socket, Request#{peer := Peer, sock := Sock});
        _ -> Request
    end.

-spec encrypted(ssl:sslsocket(), farrier_bridge:request()) -> farrier_bridge:request().
encrypted(Socket, #{port := Port, headers := Headers} = Request0) ->
    Default = Port =:= 80 andalso not named(<<":80">>, proplists:get_value(<<"host">>, Headers, <<>>)),
    Request = Request0#{scheme := <<"https">>, port := case Default of true -> 443; false -> Port end},
    case ssl:peercert(Socket) of
        {ok, Cert} -> Request#{cert => Cert};
        {error, _} -> Request
    end.

-spec named(binary(), binary()) -> boolean().
named(Port, Host) ->
    binary:longest_common_suffix([Port, Host]) =:= byte_size(Port).

-spec with_proxy(farrier_req_2:req(), #adopted{}) -> farrier_req_2:req().
with_proxy(Req, #adopted{proxy = none}) -> Req;
with_proxy(Req, #adopted{proxy = Proxy}) -> Req#{proxy_header => Proxy}.

-spec next(#adopted{}) -> term().
next(A) ->
    farrier_exchange:close(),
    loop(A).
