%% What projects call of Ranch around a Cowboy listener, answered by farrier.
%%
%% Only Cowboy's protocols can be started. As in Ranch, a question about an unknown listener raises `badarg'. What a
%% protocol of one's own would call fails with an error that says so.
-module(ranch).

-export([start_listener/5, start_listener/6, child_spec/5, child_spec/6, stop_listener/1]).
-export([suspend_listener/1, resume_listener/1, get_status/1]).
-export([get_port/1, get_addr/1, info/0, info/1, procs/2]).
-export([get_max_connections/1, set_max_connections/2]).
-export([get_protocol_options/1, set_protocol_options/2, get_transport_options/1, set_transport_options/2]).
-export([wait_for_connections/3, wait_for_connections/4]).
-export([accept_ack/1, remove_connection/1]).
-export([handshake/1, handshake/2, recv_proxy_header/2]).

-export_type([ref/0, max_conns/0, opts/0]).

-type ref() :: any().
-type max_conns() :: non_neg_integer() | infinity.
-type opts() :: list() | map().
-type relation() :: '>' | '>=' | '==' | '=<' | '<'.

%%% Starting and stopping

%% @doc Starts a listener for `cowboy_http_protocol' (Cowboy 0), `cowboy_protocol' (Cowboy 1), `cowboy_clear' or
%% `cowboy_tls' (Cowboy 2), over `ranch_tcp' or `ranch_ssl'.
-spec start_listener(ref(), module(), opts(), module(), opts()) -> {ok, pid()} | {error, any()}.
start_listener(Ref, Transport, TransOpts, Protocol, ProtoOpts) ->
    start_listener(Ref, 1, Transport, TransOpts, Protocol, ProtoOpts).

%% @doc The form of Ranch 1.x. The number of acceptors has no effect.
-spec start_listener(ref(), pos_integer(), module(), opts(), module(), opts()) ->
    {ok, pid()} | {error, any()}.
start_listener(Ref, NumAcceptors, Transport, TransOpts, Protocol, ProtoOpts) ->
    case options(NumAcceptors, Transport, TransOpts, Protocol, ProtoOpts) of
        {ok, Options} -> farrier:start_listener(Ref, Options);
        {error, _} = Error -> Error
    end.

%% @doc A child specification for a listener in the project's own supervision tree. Raises the reason for which such
%% a listener could not start.
-spec child_spec(ref(), module(), opts(), module(), opts()) -> supervisor:child_spec().
child_spec(Ref, Transport, TransOpts, Protocol, ProtoOpts) ->
    child_spec(Ref, 1, Transport, TransOpts, Protocol, ProtoOpts).

%% @doc The form of Ranch 1.x. The number of acceptors has no effect.
-spec child_spec(ref(), pos_integer(), module(), opts(), module(), opts()) ->
    supervisor:child_spec().
child_spec(Ref, NumAcceptors, Transport, TransOpts, Protocol, ProtoOpts) ->
    case options(NumAcceptors, Transport, TransOpts, Protocol, ProtoOpts) of
        {ok, Options} -> (farrier:child_spec(Ref, Options))#{id := {ranch_listener_sup, Ref}};
        {error, Reason} -> error(Reason)
    end.

-spec options(any(), module(), opts(), module(), opts()) -> {ok, map()} | {error, any()}.
options(NumAcceptors, ranch_tcp, TransOpts, cowboy_protocol, ProtoOpts) ->
    farrier_options:http(NumAcceptors, TransOpts, ProtoOpts);
options(_, ranch_tcp, TransOpts, cowboy_clear, ProtoOpts) ->
    farrier_options:clear(TransOpts, ProtoOpts);
options(NumAcceptors, ranch_ssl, TransOpts, cowboy_protocol, ProtoOpts) ->
    farrier_tls:start_options(fun(Rest) -> farrier_options:http(NumAcceptors, Rest, ProtoOpts) end, TransOpts);
%% Over TLS some name the one and some the other.
options(_, ranch_ssl, TransOpts, Protocol, ProtoOpts) when Protocol =:= cowboy_tls; Protocol =:= cowboy_clear ->
    farrier_tls:start_options(fun(Rest) -> farrier_options:clear(Rest, ProtoOpts) end, TransOpts);
options(_, Transport, TransOpts, cowboy_http_protocol, ProtoOpts) ->
    farrier_options_0:listener(Transport, TransOpts, cowboy_http_protocol, ProtoOpts);
options(_, Transport, _, Protocol, _) when Transport =:= ranch_tcp; Transport =:= ranch_ssl ->
    {error, {bad_option, protocol, Protocol,
        <<"cowboy_clear, cowboy_tls, cowboy_protocol or cowboy_http_protocol: farrier speaks HTTP only">>}};
options(_, Transport, _, _, _) ->
    {error, {bad_option, transport, Transport, <<"ranch_tcp or ranch_ssl: farrier has its own sockets">>}}.

%% @doc Stops a listener and ends its connections.
-spec stop_listener(ref()) -> ok | {error, not_found}.
stop_listener(Ref) ->
    farrier:stop_listener(Ref).

%% @doc Stops accepting and releases the port; connections go on.
-spec suspend_listener(ref()) -> ok | {error, any()}.
suspend_listener(Ref) ->
    farrier:suspend_listener(Ref).

%% @doc Binds the port again and goes on accepting.
-spec resume_listener(ref()) -> ok | {error, any()}.
resume_listener(Ref) ->
    farrier:resume_listener(Ref).

%% @doc Whether a listener accepts.
-spec get_status(ref()) -> running | suspended.
get_status(Ref) ->
    maps:get(status, information(Ref)).

%%% Looking

%% @doc The port that a listener is bound to, `undefined' while it is suspended.
-spec get_port(ref()) -> inet:port_number() | undefined.
get_port(Ref) ->
    {_, Port} = ip_and_port(Ref),
    Port.

%% @doc The address and port that a listener is bound to, both `undefined' while it is suspended. A Unix socket has no
%% port.
-spec get_addr(ref()) -> {inet:ip_address(), inet:port_number()} | inet:local_address() | {undefined, undefined}.
get_addr(Ref) ->
    case ip_and_port(Ref) of
        {{local, _} = Address, undefined} -> Address;
        Address -> Address
    end.

-spec ip_and_port(ref()) -> {IP :: term(), inet:port_number() | undefined}.
ip_and_port(Ref) ->
    case information(Ref) of
        #{status := running, ip := IP, port := Port} -> {IP, Port};
        #{status := suspended} -> {undefined, undefined}
    end.

%% @doc What there is to know about every listener: a list of `{Ref, Info}', or a map from refs if the application's
%% environment says so.
-spec info() -> [{ref(), [{atom(), any()}]}] | #{ref() => map()}.
info() ->
    All = [{Ref, info(Ref)} || Ref <- farrier_listener:refs()],
    case application:get_env(ranch, info, list) of
        map -> maps:from_list(All);
        list -> All
    end.

%% @doc What there is to know about a listener. WebSockets are among `all_connections' but not among
%% `active_connections'.
-spec info(ref()) -> [{atom(), any()}] | map().
info(Ref) ->
    Info = describe(Ref, information(Ref)),
    case application:get_env(ranch, info, list) of
        map -> maps:from_list(Info);
        list -> Info
    end.

-spec describe(ref(), map()) -> [{atom(), any()}].
describe(Ref, #{generation := Generation} = Information) ->
    {IP, Port} = ip_and_port(Ref),
    #{connections := All, websockets := WebSockets} = Information,
    [
        {pid, maps:get(pid, Information)},
        {status, maps:get(status, Information)},
        {ip, IP},
        {port, Port},
        {num_acceptors, length(farrier_listener:acceptors(Ref))},
        {max_connections, maps:get(max_connections, Information)},
        {active_connections, All - WebSockets},
        {all_connections, All},
        {transport, transport(Information)},
        {transport_options, maps:get(transport_options, Information)},
        {protocol, protocol(Generation, Information)},
        {protocol_options, maps:get(protocol_options, Information)}
    ].

-spec transport(map()) -> module().
transport(#{tls := true}) -> ranch_ssl;
transport(_) -> ranch_tcp.

-spec protocol(farrier_handler:generation(), map()) -> module().
protocol(0, _) -> cowboy_http_protocol;
protocol(2, #{tls := true}) -> cowboy_tls;
protocol(2, _) -> cowboy_clear;
protocol(_, _) -> cowboy_protocol.

%% @doc The processes that accept for a listener, or those that serve its requests and WebSockets. An idle HTTP
%% connection has none.
-spec procs(ref(), acceptors | connections) -> [pid()].
procs(Ref, Kind) ->
    _ = information(Ref),
    case Kind of
        acceptors -> farrier_listener:acceptors(Ref);
        connections -> farrier:connections(Ref)
    end.

-spec information(ref()) -> map().
information(Ref) ->
    farrier:info(Ref).

%% @doc Waits until the number of connections, WebSockets included, compares to `Count' as asked. Looks once a second.
-spec wait_for_connections(ref(), relation(), non_neg_integer()) -> ok.
wait_for_connections(Ref, Relation, Count) ->
    wait_for_connections(Ref, Relation, Count, 1000).

%% @doc The same with the milliseconds between two looks.
-spec wait_for_connections(ref(), relation(), non_neg_integer(), non_neg_integer()) -> ok.
wait_for_connections(Ref, Relation, Count, Interval) when
    is_integer(Count), Count >= 0, is_integer(Interval), Interval >= 0
->
    lists:member(Relation, ['>', '>=', '==', '=<', '<']) orelse error(badarg),
    #{connections := Connections} = information(Ref),
    case erlang:Relation(Connections, Count) of
        true ->
            ok;
        false ->
            timer:sleep(Interval),
            wait_for_connections(Ref, Relation, Count, Interval)
    end;
wait_for_connections(_, _, _, _) ->
    error(badarg).

%%% Changing

%% @doc How many connections, WebSockets included, may be served at once.
-spec get_max_connections(ref()) -> max_conns().
get_max_connections(Ref) ->
    maps:get(max_connections, information(Ref)).

%% @doc Changes that number for connections to come.
-spec set_max_connections(ref(), max_conns()) -> ok | {error, any()}.
set_max_connections(Ref, Max) when Max =:= infinity; is_integer(Max), Max >= 0 ->
    farrier:set_max_connections(Ref, Max).

%% @doc The protocol options as they were given.
-spec get_protocol_options(ref()) -> opts().
get_protocol_options(Ref) ->
    farrier:get_protocol_options(Ref).

%% @doc Replaces the protocol options for requests to come, limits on requests for connections to come.
-spec set_protocol_options(ref(), opts()) -> ok | {error, any()}.
set_protocol_options(Ref, ProtoOpts) ->
    farrier:set_protocol_options(Ref, ProtoOpts).

%% @doc The transport options as they were given.
-spec get_transport_options(ref()) -> opts().
get_transport_options(Ref) ->
    farrier:get_transport_options(Ref).

%% @doc Replaces the transport options for connections to come, as Ranch 2 does. The address stays: a listener for
%% another one is another listener.
-spec set_transport_options(ref(), opts()) -> ok | {error, any()}.
set_transport_options(Ref, TransOpts) ->
    farrier:set_transport_options(Ref, TransOpts).

%%% Said by protocols

%% @doc Nothing to do: a connection is handed over before its handler runs.
-spec accept_ack(ref()) -> ok.
accept_ack(_Ref) ->
    ok.

%% @doc Nothing to do: WebSockets count towards the maximum of connections.
-spec remove_connection(ref()) -> ok.
remove_connection(_Ref) ->
    ok.

%%% What a protocol of one's own would call

-spec handshake(ref()) -> no_return().
handshake(_Ref) -> no_protocol(handshake, 1).

-spec handshake(ref(), any()) -> no_return().
handshake(_Ref, _Opts) -> no_protocol(handshake, 2).

-spec recv_proxy_header(ref(), timeout()) -> no_return().
recv_proxy_header(_Ref, _Timeout) -> no_protocol(recv_proxy_header, 2).

-spec no_protocol(atom(), arity()) -> no_return().
no_protocol(Function, Arity) ->
    error({not_supported, {?MODULE, Function, Arity}, <<"no process is handed a socket: farrier has its own">>}).
