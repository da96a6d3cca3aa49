%% @doc Cowboy WebSocket handlers on a Rust transport: the library's own interface.
%%
%% Projects that start their listeners with `cowboy:start_clear/3' or `cowboy:start_http/4' need nothing of this module.
-module(farrier).

-export([start_listener/2, stop_listener/1, child_spec/2]).
-export([suspend_listener/1, resume_listener/1, drain/2]).
-export([info/0, info/1, connections/1, get_addr/1, get_port/1, get_status/1]).
-export([set_env/3, get_env/2, get_env/3]).
-export([get_max_connections/1, set_max_connections/2]).
-export([get_protocol_options/1, set_protocol_options/2, get_transport_options/1, set_transport_options/2]).
-export([set_tls/2, reload_tls/1]).

-export_type([ref/0, options/0]).

%% Names a listener.
-type ref() :: term().

%% See `start_listener/2'.
-type options() :: #{
    ip => inet:ip_address() | {local, binary()},
    port => inet:port_number(),
    backlog => pos_integer(),
    nodelay => boolean(),
    keepalive => boolean(),
    ipv6_v6only => boolean(),
    sndbuf => pos_integer(),
    recbuf => pos_integer(),
    num_listen_sockets => pos_integer(),
    reuse_port => boolean(),
    linger => {boolean(), non_neg_integer()},
    priority => non_neg_integer(),
    tos => 0..255,
    tclass => 0..255,
    bind_to_device => binary(),
    proxy_header => boolean(),
    max_empty_lines => non_neg_integer(),
    max_authorization_header_value_length => non_neg_integer(),
    max_cookie_header_value_length => non_neg_integer(),
    max_authority_length => non_neg_integer(),
    socket => map(),
    max_connections => non_neg_integer() | infinity,
    request_timeout => timeout(),
    max_keepalive => non_neg_integer(),
    max_skip_body_length => non_neg_integer(),
    max_request_line_length => pos_integer(),
    max_method_length => pos_integer(),
    max_header_name_length => pos_integer(),
    max_header_value_length => pos_integer(),
    enable_connect_protocol => boolean(),
    max_concurrent_streams => pos_integer() | infinity,
    max_cancel_stream_rate => {pos_integer(), pos_integer()},
    idle_timeout => timeout(),
    max_headers => pos_integer(),
    linger_timeout => timeout(),
    read_ahead => pos_integer(),
    high_watermark => pos_integer(),
    low_watermark => pos_integer(),
    owner_death => internal_server_error | close,
    tls => farrier_tls:options(),
    generation => farrier_handler:generation(),
    draft => boolean(),
    env => map() | [{atom(), term()}],
    dispatch => farrier_router:dispatch(),
    middlewares => [module()],
    protocol => map(),
    transport_options => term(),
    protocol_options => term(),
    bridge => nif | port | auto | module(),
    acceptors => pos_integer(),
    shutdown => timeout() | brutal_kill,
    send_timeout => timeout(),
    logger => module()
}.

%% @doc Starts a listener under farrier's own supervisor.
%%
%% The socket (they may also stand in a map of their own under `socket'):
%% <ul>
%% <li>`ip' (`{0,0,0,0}'), `port' (0: any free one), `backlog' (1024 connections), `nodelay' (true), `keepalive'
%%   (false): as in `gen_tcp:listen/2', defaults of ranch. `ip' may be `{local, Path}': a Unix socket, without a port.
%%   Its file is made when the listener starts or resumes, in place of a socket that is there, and removed when it stops
%%   (Ranch 2.1)</li>
%% <li>`ipv6_v6only', `sndbuf', `recbuf' (bytes), `linger' (`{boolean(), Seconds}'), `priority', `tos', `tclass',
%%   `bind_to_device' (a network interface): as the system has them, and for accepted sockets too</li>
%% <li>`num_listen_sockets' (1): sockets that accept side by side on the port (`SO_REUSEPORT'). `reuse_port' (false):
%%   whether other listeners, also of other nodes, may accept on the same port; each must say so</li>
%% <li>`max_connections' (infinity): connections served at once, WebSockets included; more wait in the backlog. Cowboy
%%   does not count WebSockets, so its default of 1024 would cap them here</li>
%% </ul>
%% Requests (Cowboy 2.18's options and defaults):
%% <ul>
%% <li>`request_timeout' (5000 ms): for a complete request head. `max_keepalive' (1000): requests on one connection.
%%   `max_skip_body_length' (1000000 bytes): of a body that a handler leaves unread, skipped to reach the next request on
%%   the connection, within `request_timeout'; what is longer ends the connection after the response.
%%   `linger_timeout' (1000 ms): how long a closing socket is drained, so that the last bytes reach the client</li>
%% <li>`max_request_line_length' (8000 bytes), `max_method_length' (32), `max_header_name_length' (64),
%%   `max_header_value_length' (4096), `max_headers' (100)</li>
%% <li>`max_authorization_header_value_length', `max_cookie_header_value_length' (those of `max_header_value_length'),
%%   `max_authority_length' (255): of the host in an absolute target, `max_empty_lines' (5): before a request</li>
%% <li>`proxy_header' (false): whether connections begin with a header of the PROXY protocol, version 1 or 2, which
%%   comes before TLS. Requests of generation 2 have it as `proxy_header', as with Cowboy; `peer' stays the proxy. A
%%   connection whose header is bad, or not there in `request_timeout', is closed without a byte and counts among
%%   `failed_handshakes'</li>
%% <li>`enable_connect_protocol' (false): whether clients may open WebSockets over HTTP/2 (RFC 8441).
%%   `max_concurrent_streams' (100 or infinity): HTTP/2 streams that a connection may have open at once.
%%   `max_cancel_stream_rate' (`{500, 10000}'): requests of an HTTP/2 connection that its client may give up before they
%%   are answered, and in how many ms; it is closed then. `idle_timeout' (60000 ms): for which an HTTP/2 connection may
%%   be without a stream</li>
%% <li>`owner_death' (`internal_server_error' in generation 2, `close' in 1): what a client gets whose request's process
%%   dies without an answer</li>
%% </ul>
%% TLS: with `tls', a map or list of options, the listener speaks TLS 1.2 and 1.3. Names, values and defaults are those
%% of `ssl' in OTP 25:
%% <ul>
%% <li>`certfile' (PEM: the certificate, then those that certify it) or `cert' (DER, one or a list); `keyfile' (PEM;
%%   `certfile') or `key' (`{Type, Der}'), with its `password' if it has one: RSA of 2048 to 4096 bits, secp256r1,
%%   secp384r1 or Ed25519. `certs_keys': a list of maps with these, of which the first that suits the client is
%%   shown</li>
%% <li>`sni_hosts' (`[{Host, Options}]'): certificates by the name that the client asks for</li>
%% <li>`cacertfile' or `cacerts': certificates that complete the chains and that clients' are checked against. `verify'
%%   (`verify_none') and `fail_if_no_peer_cert' (false): whether clients are asked for a certificate, and must show one;
%%   `cowboy_req:cert/1' gives it. `depth': most certificates between</li>
%% <li>`versions' (`['tlsv1.3', 'tlsv1.2']'), `ciphers' and `supported_groups' or `eccs' (all that there are, the best
%%   first), `honor_cipher_order' (false). Those of the past that rustls lacks are left out with a notice while others
%%   remain</li>
%% <li>`alpn_preferred_protocols' (`[<<"h2">>, <<"http/1.1">>]' in generation 2, else none), `reuse_sessions' (true) or
%%   `session_tickets': whether clients may resume; the server keeps nothing for it</li>
%% <li>`handshake_timeout' (5000 ms): for the handshake</li>
%% </ul>
%% `farrier_tls' tells which options are without effect; all others are refused by name. An error of a file names it.
%%
%% Flow control (farrier's own):
%% <ul>
%% <li>`read_ahead' (131072 bytes): delivered to a handler but not handled, above which the socket is not read</li>
%% <li>`high_watermark' (65536 bytes), `low_watermark' (32768): queued for a client, above and below which its handler
%%   is held and released. `send_timeout' (30000 ms, ranch's): for how long, before `{error, timeout}' ends the
%%   session</li>
%% </ul>
%% Handlers:
%% <ul>
%% <li>`generation' (2): of the middlewares' Req and environment; handlers of any generation are served either way.
%%   `draft' (false): whether `init/2' of handlers of Cowboy 2 may return what 2.0.0-pre.4 to pre.9 took</li>
%% <li>`dispatch': compiled routes, short for an `env' that holds them; `env': environment of the middlewares;
%%   `middlewares' (`[cowboy_router, cowboy_handler]')</li>
%% <li>`protocol' (`#{}'): further options of Cowboy's protocol, `onrequest' and `onresponse' among them, and one of
%%   farrier's own: `trap_exit' (false): whether WebSocket processes of Cowboy 2 handlers trap exits, as those of 2.0 to
%%   2.10 did</li>
%% <li>`transport_options', `protocol_options': what the getters return, nothing else</li>
%% <li>`bridge' (the application's environment of that name, `nif'): where native code runs. `nif': in the node, which is
%%   fastest; `port': in processes of the operating system, whose faults cannot end the node; `auto': `nif', or `port' where
%%   the NIF cannot be loaded. docs/choosing-a-bridge.md compares them</li>
%% <li>`acceptors' (schedulers online): supervisors that share the connections. `shutdown' (5000 ms): what a process
%%   that traps exits gets when the listener stops. `logger' (`error_logger'): module whose `error/2' logs crashes</li>
%% </ul>
%% Errors: `{already_started, Pid}', `{bad_option, Name, Value, Allowed}', and those of `gen_tcp:listen/2'.
-spec start_listener(ref(), options()) -> supervisor:startchild_ret().
start_listener(Ref, Options) ->
    case {whereis(farrier_sup), farrier_listener:options(Ref, Options)} of
        {undefined, _} -> {error, {not_started, farrier}};
        {_, {ok, Checked}} -> listen_error(supervisor:start_child(farrier_sup, spec(Ref, Checked)));
        {_, {error, _} = Error} -> Error
    end.

%% Says what the socket said, without the supervisors' wrapping.
-spec listen_error(supervisor:startchild_ret()) -> {ok, pid()} | {error, term()}.
listen_error({error, {{shutdown, {failed_to_start_child, farrier_listener, Reason}}, _Child}}) ->
    listen_error({error, Reason});
listen_error({error, {shutdown, {listen_error, _, Reason}}}) ->
    {error, Reason};
listen_error({error, {listen_error, _, Reason}}) ->
    {error, Reason};
listen_error({error, _} = Error) ->
    Error;
listen_error({ok, Pid}) when is_pid(Pid) ->
    {ok, Pid}.

-spec spec(ref(), farrier_listener:options()) -> supervisor:child_spec().
spec(Ref, Checked) ->
    #{
        id => {farrier_listener_sup, Ref},
        start => {farrier_listener_sup, start_link, [Ref, Checked]},
        type => supervisor,
        shutdown => infinity
    }.

%% @doc Stops a listener and every connection of it: processes get exit `shutdown', those that trap exits are killed
%% after the listener's `shutdown' time. Clients get no close frame; for that, `drain/2' first.
-spec stop_listener(ref()) -> ok | {error, not_found}.
stop_listener(Ref) ->
    Id = {farrier_listener_sup, Ref},
    case supervisor:terminate_child(farrier_sup, Id) of
        ok -> supervisor:delete_child(farrier_sup, Id);
        {error, _} = Error -> Error
    end.

%% @doc The specification of a listener for a supervisor of one's own. The `farrier' application must run before it.
%% Fails with `{bad_option, Name, Value, Allowed}' on options that `start_listener/2' would refuse.
-spec child_spec(ref(), options()) -> supervisor:child_spec().
child_spec(Ref, Options) ->
    case farrier_listener:options(Ref, Options) of
        {ok, Checked} -> spec(Ref, Checked);
        {error, Reason} -> error(Reason)
    end.

%% @doc Stops accepting and releases the port. Connections go on.
-spec suspend_listener(ref()) -> ok | {error, term()}.
suspend_listener(Ref) -> farrier_listener:call(Ref, suspend).

%% @doc Accepts again, on the same port.
-spec resume_listener(ref()) -> ok | {error, inet:posix()}.
resume_listener(Ref) -> farrier_listener:call(Ref, resume).

%% @doc Takes a listener out of service gracefully: it stops accepting, every WebSocket gets a close frame with code
%% 1001 (RFC 6455 7.4.1: the endpoint is going away) and its handler the terminate reason of a normal stop. What still
%% lives after `Timeout' ms is ended as by `stop_listener/1'. The listener stays, suspended: it can be stopped or
%% resumed.
-spec drain(ref(), timeout()) -> ok.
drain(Ref, Timeout) ->
    _ = suspend_listener(Ref),
    Acceptors = farrier_listener:acceptors(Ref),
    Deadline = deadline(Timeout),
    Requests = [farrier_connection_sup:drain(Acceptor) || Acceptor <- Acceptors],
    _ = [gen_server:receive_response(Request, remaining(Deadline)) || Request <- Requests],
    lists:foreach(fun farrier_connection_sup:shutdown/1, Acceptors).

-spec deadline(timeout()) -> integer() | infinity.
deadline(infinity) -> infinity;
deadline(Timeout) when is_integer(Timeout) -> erlang:monotonic_time(millisecond) + Timeout.

-spec remaining(integer() | infinity) -> timeout().
remaining(infinity) -> infinity;
remaining(Deadline) -> max(0, Deadline - erlang:monotonic_time(millisecond)).

%% @doc All listeners with their `info/1'.
-spec info() -> #{ref() => map()}.
info() ->
    maps:from_list([{Ref, info(Ref)} || Ref <- farrier_listener:refs()]).

%% @doc What a listener is doing: `ref', `pid', `status' (running or suspended), `ip', `port', `tls' (whether it speaks
%% TLS), `max_connections', `generation', `bridge' (`nif' or `port'), the options that it was given, and counters: `connections' and
%% `websockets' that are open now, `accepted', `rejected' and `failed_handshakes' (of TLS, or headers of proxies) since
%% the start. Fails with `badarg' for an unknown listener, as all functions below do.
-spec info(ref()) -> map().
info(Ref) -> farrier_listener:call(Ref, info).

%% @doc The processes of a listener: those of its WebSockets and of requests that are being handled.
-spec connections(ref()) -> [pid()].
connections(Ref) ->
    lists:append([farrier_connection_sup:children(Acceptor) || Acceptor <- farrier_listener:acceptors(Ref)]).

%% @doc The address that is listened on.
-spec get_addr(ref()) -> {inet:ip_address(), inet:port_number()} | inet:local_address().
get_addr(Ref) ->
    case info(Ref) of
        #{ip := {local, _} = Address} -> Address;
        #{ip := IP, port := Port} -> {IP, Port}
    end.

%% @doc The port that is listened on: useful after `port => 0'. `undefined' for a Unix socket.
-spec get_port(ref()) -> inet:port_number() | undefined.
get_port(Ref) -> maps:get(port, info(Ref)).

-spec get_status(ref()) -> running | suspended.
get_status(Ref) -> maps:get(status, info(Ref)).

%% @doc Changes the environment of the middlewares for requests to come.
-spec set_env(ref(), atom(), term()) -> ok.
set_env(Ref, Name, Value) ->
    farrier_listener:call(Ref, {update, fun(#{env := Env, protocol_options := Given} = Config) ->
        Config#{env := put_env(Name, Value, Env), protocol_options := put_given(Name, Value, Given)}
    end}).

%% The options as they were given change too: `get_protocol_options/1' shows them.
-spec put_given(atom(), term(), term()) -> term().
put_given(Name, Value, Given) when is_map(Given) ->
    Given#{env => put_env(Name, Value, maps:get(env, Given, #{}))};
put_given(Name, Value, Given) when is_list(Given) ->
    [case Option of {env, Env} -> {env, put_env(Name, Value, Env)}; _ -> Option end || Option <- Given];
put_given(_, _, Given) ->
    Given.

-spec put_env(atom(), term(), farrier_handler:env()) -> farrier_handler:env().
put_env(Name, Value, Env) when is_map(Env) -> Env#{Name => Value};
put_env(Name, Value, Env) -> lists:keystore(Name, 1, Env, {Name, Value}).

%% @doc A value of the environment. Fails with `{badkey, Name}' if there is none.
-spec get_env(ref(), atom()) -> term().
get_env(Ref, Name) -> maps:get(Name, environment(Ref)).

-spec get_env(ref(), atom(), Default :: term()) -> term().
get_env(Ref, Name, Default) -> maps:get(Name, environment(Ref), Default).

-spec environment(ref()) -> map().
environment(Ref) ->
    case config(Ref) of
        #{env := Env} when is_map(Env) -> Env;
        #{env := Env} -> maps:from_list(Env)
    end.

-spec get_max_connections(ref()) -> non_neg_integer() | infinity.
get_max_connections(Ref) -> maps:get(max_connections, info(Ref)).

%% @doc Changes how many connections are served at once. Those that are open stay.
-spec set_max_connections(ref(), non_neg_integer() | infinity) -> ok | {error, term()}.
set_max_connections(Ref, Max) -> farrier_listener:call(Ref, {configure, #{max_connections => Max}}).

%% @doc The protocol options that the listener was given, in Cowboy's own form.
-spec get_protocol_options(ref()) -> term().
get_protocol_options(Ref) -> maps:get(protocol_options, config(Ref)).

%% @doc Replaces Cowboy's protocol options (environment and middlewares included) for requests and connections to come.
-spec set_protocol_options(ref(), term()) -> ok | {error, term()}.
set_protocol_options(Ref, ProtoOpts) ->
    #{generation := Generation} = config(Ref),
    case farrier_options:protocol(Generation, ProtoOpts) of
        {ok, Options} -> farrier_listener:call(Ref, {protocol, Options});
        {error, _} = Error -> Error
    end.

%% @doc Replaces the options of TLS, all of them, for connections to come; running ones go on. A listener that does not
%% speak TLS can't begin to. If the new options are not usable the old ones stay, and the error says why.
-spec set_tls(ref(), farrier_tls:options()) -> ok | {error, term()}.
set_tls(Ref, Options) -> farrier_listener:call(Ref, {tls, Options}).

%% @doc Reads the files that the options of TLS name again, as for certificates that were renewed in place. As
%% `set_tls/2' otherwise. A `keyfile' with a `password' is not read again: give its options to `set_tls/2'.
-spec reload_tls(ref()) -> ok | {error, term()}.
reload_tls(Ref) -> farrier_listener:call(Ref, {tls, same}).

%% @doc The transport options that the listener was given, in Cowboy's own form.
-spec get_transport_options(ref()) -> term().
get_transport_options(Ref) -> maps:get(transport_options, config(Ref)).

%% @doc Replaces Cowboy's transport options for connections to come, but for the address and what concerns TLS, which
%% stay.
-spec set_transport_options(ref(), term()) -> ok | {error, term()}.
set_transport_options(Ref, TransOpts) ->
    _ = config(Ref),
    case farrier_options:transport(TransOpts) of
        {ok, Options} -> set_transport_options(Ref, TransOpts, Options);
        {error, _} = Error -> Error
    end.

-spec set_transport_options(ref(), term(), map()) -> ok | {error, term()}.
set_transport_options(Ref, TransOpts, Options) ->
    Bridged = maps:with([max_connections, nodelay, keepalive, sndbuf, recbuf, linger, priority, tos, tclass], Options),
    case farrier_listener:call(Ref, {configure, Bridged}) of
        ok ->
            Configured = (maps:with([shutdown, logger, send_timeout], Options))#{transport_options => TransOpts},
            farrier_listener:call(Ref, {update, fun(Config) -> maps:merge(Config, Configured) end});
        {error, _} = Error ->
            Error
    end.

-spec config(ref()) -> farrier_listener:config().
config(Ref) ->
    case farrier_listener:config(Ref) of
        undefined -> error(badarg, [Ref]);
        Config -> Config
    end.
