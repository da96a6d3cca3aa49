%% Serves a connection that a real Ranch has accepted: `cowboy_clear' is a protocol of Ranch, and projects start it by
%% `ranch:start_listener/5', `ranch:child_spec/5' or a supervisor of their own, in nodes whose Ranch serves other protocols as well.
%%
%% 1. The process is started as Ranch's protocols are, and shakes hands with it.
%% 2. The transport gets a duplicate of the socket's descriptor and serves that. Erlang's socket stays open and passive: it says who
%%    the peer is, and is what a `takeover/7' gets.
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
    _ = process_flag(trap_exit, true),
    Ended = make_ref(),
    case Bridge:adopt(Options, descriptor(Transport, Socket), Ended) of
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
            case farrier_listener:options(Ref, Options) of
                {ok, Checked} -> Checked;
                {error, Reason} -> exit(Reason)
            end;
        {error, Reason} ->
            exit(Reason)
    end.

-spec descriptor(module(), term()) -> integer().
descriptor(Transport, Socket) ->
    case Transport:name() of
        tcp ->
            {ok, Descriptor} = inet:getfd(Socket),
            Descriptor;
        Name ->
            exit({not_supported, {cowboy, Name, Transport}, "farrier encrypts by itself: start the listener by cowboy:start_tls/3, "
                "not as a protocol of Ranch over TLS"})
    end.

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
request({ok, Request}, Handle, #adopted{socket = Socket, bridge = Bridge, config = #{ref := Ref} = Config} = A) ->
    farrier_exchange:open(Bridge, Handle, Request#{socket => Socket}),
    Req = with_proxy(farrier_req_2:new(Request, Ref), A),
    #{env := Env, middlewares := Middlewares} = Config,
    Outcome = farrier_beside:serve(Req, Env, Middlewares, Config#{beside := false}),
    IsSession = farrier_connection:is_upgrading(),
    _ = farrier_connection:completed(Outcome, Bridge, Handle, Config),
    _ = IsSession orelse next(A).

-spec with_proxy(farrier_req_2:req(), #adopted{}) -> farrier_req_2:req().
with_proxy(Req, #adopted{proxy = none}) -> Req;
with_proxy(Req, #adopted{proxy = Proxy}) -> Req#{proxy_header => Proxy}.

-spec next(#adopted{}) -> term().
next(A) ->
    farrier_exchange:close(),
    loop(A).
