%% Translates the options of Cowboy's start functions, of both generations, into those of
%% `farrier:start_listener/2'.
%%
%% Cowboy's options are of three kinds. Those with a meaning here are checked and renamed. Those that
%% only tune processes that farrier does not have (`active_n', `num_acceptors') are dropped; those of the socket are
%% `farrier_socket_options''. The rest stay in `protocol',
%% because projects keep settings of their own among the protocol options.
-module(farrier_options).

-export([clear/2, draft/2, http/3, protocol/2, transport/1]).
%% For `farrier_options_0' and `farrier_socket_options'.
-export([guarded/1, check/3, bad_option/3]).

-export_type([reason/0, kind/0]).

%% What is wrong with an option: its name, the value given, and what is allowed, for people.
-type reason() :: {bad_option, Name :: any(), Value :: any(), Allowed :: binary()}.
-type options() :: map().
-type kind() ::
    address
    | port
    | linger
    | binary
    | boolean
    | count
    | positive
    | timeout
    | limit
    | rate
    | shutdown
    | module
    | modules
    | map
    | list
    | function
    | stream_handlers
    | {only, any()}
    | any.

%%% Entry points

%% @doc Options of `cowboy:start_clear/3': transport options as a list of socket options or a map, protocol
%% options as a map.
-spec clear(any(), any()) -> {ok, options()} | {error, reason()}.
clear(TransOpts, ProtoOpts) ->
    translate(2, TransOpts, ProtoOpts, #{}).

%% @doc Options of `cowboy:start_clear/4' of 2.0.0-pre.4 to pre.9: those of `start_clear/3', for handlers of that time.
-spec draft(any(), any()) -> {ok, options()} | {error, reason()}.
draft(TransOpts, ProtoOpts) ->
    case clear(TransOpts, ProtoOpts) of
        {ok, Options} -> {ok, Options#{draft => true}};
        {error, _} = Error -> Error
    end.

%% @doc Options of `cowboy:start_http/4': property lists, and a number of acceptors that only has
%% to be positive. Defaults are those of Cowboy 1.1.2 where they differ.
-spec http(any(), any(), any()) -> {ok, options()} | {error, reason()}.
http(NbAcceptors, TransOpts, ProtoOpts) ->
    translate(1, TransOpts, ProtoOpts, #{num_acceptors => NbAcceptors}).

%% @doc The part of the options that protocol options alone decide: for a listener that runs already.
-spec protocol(0 | 1 | 2, any()) -> {ok, options()} | {error, reason()}.
protocol(0, ProtoOpts) ->
    farrier_options_0:protocol(ProtoOpts);
protocol(Generation, ProtoOpts) ->
    guarded(fun() -> protocol_options(Generation, ProtoOpts) end).

%% @doc The part of the options that transport options alone decide, those of the socket among the others.
-spec transport(any()) -> {ok, options()} | {error, reason()}.
transport(TransOpts) ->
    guarded(fun() ->
        {Transport, SocketOpts} = split(TransOpts),
        IsTls = fun(Option) -> is_tuple(Option) andalso farrier_tls:is_option(element(1, Option)) end,
        Clear = [Option || Option <- SocketOpts, not IsTls(Option)],
        maps:merge(listener(Transport), farrier_socket_options:translate(Clear))
    end).

-spec translate(1 | 2, any(), any(), map()) -> {ok, options()} | {error, reason()}.
translate(Generation, TransOpts, ProtoOpts, Extra) ->
    guarded(fun() ->
        {Transport, SocketOpts} = split(TransOpts),
        maps:merge(
            listener(maps:merge(Transport, Extra)),
            maps:merge(protocol_options(Generation, ProtoOpts), #{
                socket => farrier_socket_options:translate(SocketOpts),
                transport_options => TransOpts
            })
        )
    end).

%% @doc What the function returns, or the bad option that it met.
-spec guarded(fun(() -> options())) -> {ok, options()} | {error, reason()}.
guarded(Fun) ->
    try
        {ok, settle(Fun())}
    catch
        throw:{bad_option, _, _, _} = Reason -> {error, Reason}
    end.

%% `send_timeout' is written among the socket options but belongs to the listener.
-spec settle(options()) -> options().
settle(#{socket := #{send_timeout := Timeout} = Socket} = Options) ->
    Options#{socket := maps:remove(send_timeout, Socket), send_timeout => Timeout};
settle(Options) ->
    Options.

%%% Transport options

%% In list form ranch's own options stand among those of the socket.
-spec split(any()) -> {map(), [any()]}.
split(TransOpts) when is_map(TransOpts) ->
    SocketOpts = maps:get(socket_opts, TransOpts, []),
    is_list(SocketOpts) orelse bad_option(socket_opts, SocketOpts, <<"a list of socket options">>),
    {maps:remove(socket_opts, TransOpts), SocketOpts};
split(TransOpts) when is_list(TransOpts) ->
    {Transport, SocketOpts} = lists:partition(fun is_transport_option/1, TransOpts),
    {maps:from_list(lists:reverse(Transport)), SocketOpts};
split(TransOpts) ->
    bad_option(transport_options, TransOpts, <<"a map or a list of socket options">>).

-spec is_transport_option(any()) -> boolean().
is_transport_option({Name, _}) -> transport_kind(Name) =/= unknown;
is_transport_option(_) -> false.

-spec transport_kind(any()) -> kind() | unknown.
transport_kind(num_acceptors) -> positive;
transport_kind(max_connections) -> limit;
transport_kind(shutdown) -> shutdown;
transport_kind(logger) -> module;
transport_kind(socket) -> {only, undefined};
transport_kind(connection_type) -> any;
transport_kind(ack_timeout) -> timeout;
transport_kind(handshake_timeout) -> timeout;
transport_kind(num_conns_sups) -> positive;
transport_kind(num_listen_sockets) -> positive;
transport_kind(alarms) -> any;
transport_kind(post_listen_callback) -> any;
transport_kind(bridge) -> module;
transport_kind(_) -> unknown.

-spec listener(map()) -> options().
listener(Transport) ->
    _ = [check_known(transport_kind(Name), Name, Value) || {Name, Value} <- maps:to_list(Transport)],
    maps:with([max_connections, num_listen_sockets, shutdown, logger, bridge], Transport).

-spec check_known(kind() | unknown, any(), any()) -> ok.
check_known(unknown, Name, Value) ->
    bad_option(Name, Value,
        <<"one of alarms, connection_type, handshake_timeout, logger, max_connections, "
            "num_acceptors, num_conns_sups, num_listen_sockets, post_listen_callback, shutdown, socket_opts">>);
check_known(Kind, Name, Value) ->
    check(Kind, Name, Value).

%%% Protocol options

-spec protocol_options(1 | 2, any()) -> options().
protocol_options(Generation, ProtoOpts) ->
    Given = given(Generation, ProtoOpts),
    _ = [check(protocol_kind(Generation, Name), Name, Value) || {Name, Value} <- maps:to_list(Given)],
    Listener = maps:with(listener_options(), renamed(Generation, Given)),
    maps:merge(defaults(Generation), Listener#{
        generation => Generation,
        protocol => maps:without([env, middlewares], Given),
        protocol_options => ProtoOpts
    }).

-spec given(1 | 2, any()) -> map().
given(2, ProtoOpts) when is_map(ProtoOpts) ->
    ProtoOpts;
given(1, ProtoOpts) when is_list(ProtoOpts) ->
    maps:from_list(lists:reverse([{Name, Value} || {Name, Value} <- proplists:unfold(ProtoOpts)]));
given(2, ProtoOpts) ->
    bad_option(protocol_options, ProtoOpts, <<"a map">>);
given(1, ProtoOpts) ->
    bad_option(protocol_options, ProtoOpts, <<"a property list">>).

-spec renamed(1 | 2, map()) -> map().
renamed(1, #{timeout := Timeout} = Given) -> Given#{request_timeout => Timeout};
renamed(_, Given) -> Given.

%% Where Cowboy 1.1.2 differs from farrier, whose defaults are those of Cowboy 2.18.
-spec defaults(1 | 2) -> options().
defaults(1) -> #{env => [], max_keepalive => 100, max_request_line_length => 4096};
defaults(2) -> #{env => #{}}.

%% Protocol options that `farrier:start_listener/2' has under the same name.
-spec listener_options() -> [atom()].
listener_options() ->
    [env, middlewares, bridge, logger, request_timeout, linger_timeout, max_keepalive,
        max_request_line_length, max_method_length, max_header_name_length, max_header_value_length,
        max_authorization_header_value_length, max_cookie_header_value_length, max_authority_length,
        max_headers, max_empty_lines, proxy_header, read_ahead, high_watermark, low_watermark, enable_connect_protocol,
        max_concurrent_streams, max_cancel_stream_rate, idle_timeout, max_skip_body_length].

-spec protocol_kind(1 | 2, any()) -> kind().
protocol_kind(1, env) -> list;
protocol_kind(2, env) -> map;
protocol_kind(1, timeout) -> timeout;
protocol_kind(_, trap_exit) -> boolean;
protocol_kind(2, enable_connect_protocol) -> boolean;
protocol_kind(2, max_concurrent_streams) -> limit;
protocol_kind(2, max_cancel_stream_rate) -> rate;
protocol_kind(_, middlewares) -> modules;
protocol_kind(_, stream_handlers) -> stream_handlers;
protocol_kind(_, proxy_header) -> boolean;
protocol_kind(_, onrequest) -> function;
protocol_kind(_, onresponse) -> function;
protocol_kind(_, Name) when Name =:= bridge; Name =:= logger -> module;
protocol_kind(_, Name) when
    Name =:= request_timeout; Name =:= linger_timeout; Name =:= idle_timeout; Name =:= inactivity_timeout
->
    timeout;
protocol_kind(_, Name) when
    Name =:= max_keepalive; Name =:= max_request_line_length; Name =:= max_method_length;
    Name =:= max_header_name_length; Name =:= max_header_value_length; Name =:= max_headers;
    Name =:= max_empty_lines; Name =:= max_authority_length; Name =:= max_skip_body_length;
    Name =:= max_authorization_header_value_length; Name =:= max_cookie_header_value_length
->
    count;
protocol_kind(_, Name) when Name =:= read_ahead; Name =:= high_watermark; Name =:= low_watermark ->
    positive;
protocol_kind(_, _) ->
    any.

%%% Checking

%% @doc Whether an option's value is of a kind; a bad one is thrown to `guarded/1'.
-spec check(kind(), any(), any()) -> ok.
check(stream_handlers, Name, Value) ->
    case farrier_stream:check(Value) of
        ok -> ok;
        {error, Allowed} -> bad_option(Name, Value, Allowed)
    end;
check(Kind, Name, Value) ->
    case is_valid(Kind, Value) of
        true -> ok;
        false -> bad_option(Name, Value, allowed(Kind))
    end.

-spec is_valid(kind(), any()) -> boolean().
is_valid(any, _) -> true;
is_valid(linger, Value) ->
    case Value of
        {On, Seconds} -> is_boolean(On) andalso is_valid(count, Seconds);
        _ -> false
    end;
is_valid(binary, Value) -> is_binary(Value);
is_valid(address, Value) -> inet:is_ip_address(Value);
is_valid(port, Value) -> is_integer(Value) andalso Value >= 0 andalso Value =< 65535;
is_valid(boolean, Value) -> is_boolean(Value);
is_valid(count, Value) -> is_integer(Value) andalso Value >= 0;
is_valid(positive, Value) -> is_integer(Value) andalso Value > 0;
is_valid(rate, {Most, Ms}) -> is_valid(positive, Most) andalso is_valid(positive, Ms);
is_valid(rate, _) -> false;
is_valid(limit, infinity) -> true;
is_valid(limit, Value) -> is_valid(count, Value);
is_valid(timeout, infinity) -> true;
is_valid(timeout, Value) -> is_valid(count, Value);
is_valid(shutdown, brutal_kill) -> true;
is_valid(shutdown, Value) -> is_valid(timeout, Value);
is_valid(module, Value) -> is_atom(Value);
is_valid(modules, Value) -> is_list(Value) andalso lists:all(fun is_atom/1, Value);
is_valid(map, Value) -> is_map(Value);
is_valid(list, Value) -> is_list(Value);
is_valid(function, Value) -> Value =:= undefined orelse is_function(Value);
is_valid({only, Only}, Value) -> Value =:= Only.

-spec allowed(kind()) -> binary().
allowed(address) -> <<"an address as inet:ip_address() has it, {local, Path}, any or loopback">>;
allowed(linger) -> <<"{boolean(), Seconds}">>;
allowed(binary) -> <<"a binary">>;
allowed(port) -> <<"an integer from 0 to 65535">>;
allowed(boolean) -> <<"true or false">>;
allowed(count) -> <<"a non-negative integer">>;
allowed(positive) -> <<"a positive integer">>;
allowed(rate) -> <<"{Count, Ms}, both positive integers">>;
allowed(limit) -> <<"a non-negative integer or infinity">>;
allowed(timeout) -> <<"milliseconds (a non-negative integer) or infinity">>;
allowed(shutdown) -> <<"milliseconds (a non-negative integer), infinity or brutal_kill">>;
allowed(module) -> <<"an atom">>;
allowed(modules) -> <<"a list of modules">>;
allowed(map) -> <<"a map">>;
allowed(list) -> <<"a property list">>;
allowed(function) -> <<"a function or undefined">>;
allowed({only, Only}) -> iolist_to_binary(io_lib:format("~p: anything else is not supported yet", [Only])).

%% @doc Throws to `guarded/1'.
-spec bad_option(any(), any(), binary()) -> no_return().
bad_option(Name, Value, Allowed) ->
    throw({bad_option, Name, Value, Allowed}).
