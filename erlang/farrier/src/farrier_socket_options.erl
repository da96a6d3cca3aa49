%% Translates the options of `gen_tcp:listen/2' that Cowboy's users write among the transport options.
%%
%% Those with a meaning here are checked and renamed. Those that only tune how Erlang reads and writes a socket are
%% dropped without a word: farrier has its own means. Those that would listen elsewhere than farrier does are refused.
%% The rest are named in a warning and have no effect, as ranch does with options that it does not know.
-module(farrier_socket_options).

-include_lib("kernel/include/logger.hrl").

-export([translate/1]).

-define(SO_KEEPALIVE, {1, 9}).
-define(SO_REUSEPORT, {1, 15}).
-define(TCP_NODELAY, {6, 1}).

%% @doc The options of the socket in `farrier:start_listener/2'. As in `gen_tcp:listen/2' the last of several wins,
%% except that an address beats `inet6'. Throws to `farrier_options:guarded/1'.
-spec translate([any()]) -> map().
translate(Options) ->
    consistent(lists:foldl(fun option/2, family(Options), Options)).

-spec family([any()]) -> map().
family(Options) ->
    case lists:member(inet6, Options) of
        true -> #{ip => {0, 0, 0, 0, 0, 0, 0, 0}};
        false -> #{}
    end.

-spec consistent(map()) -> map().
consistent(#{ip := {local, _}, port := Port}) when Port =/= 0 ->
    farrier_options:bad_option(port, Port, <<"0 where the address is {local, Path}">>);
consistent(Socket) ->
    Socket.

-spec option(any(), map()) -> map().
option(Family, Socket) when Family =:= inet; Family =:= inet6; Family =:= local ->
    Socket;
option({ifaddr, Address}, Socket) ->
    option({ip, Address}, Socket);
option({ip, any}, Socket) ->
    Socket;
option({ip, loopback}, Socket) ->
    Socket#{ip => loopback(Socket)};
option({ip, {local, Path}}, Socket) ->
    Socket#{ip => {local, path(Path)}};
option({raw, Level, Name, Value} = Option, Socket) ->
    case {{Level, Name}, Value} of
        {?SO_REUSEPORT, <<On:32/native>>} -> Socket#{reuse_port => On =/= 0};
        {?SO_KEEPALIVE, <<On:32/native>>} -> Socket#{keepalive => On =/= 0};
        {?TCP_NODELAY, <<On:32/native>>} -> Socket#{nodelay => On =/= 0};
        _ -> warn(Option, Socket)
    end;
option({Name, Value} = Option, Socket) ->
    case kind(Name) of
        ignored ->
            Socket;
        unknown ->
            warn(Option, Socket);
        refused ->
            farrier_options:bad_option(Name, Value, <<"absent: farrier opens the listening socket itself">>);
        Kind ->
            farrier_options:check(Kind, Name, Value),
            Socket#{Name => Value}
    end;
option(Option, Socket) ->
    warn(Option, Socket).

-spec loopback(map()) -> inet:ip_address().
loopback(#{ip := {0, 0, 0, 0, 0, 0, 0, 0}}) -> {0, 0, 0, 0, 0, 0, 0, 1};
loopback(_) -> {127, 0, 0, 1}.

%% As the system has it: a string in the encoding of file names.
-spec path(any()) -> binary().
path(Path) when is_binary(Path), byte_size(Path) > 0 ->
    Path;
path([_ | _] = Path) ->
    case io_lib:char_list(Path) andalso unicode:characters_to_binary(Path, unicode, file:native_name_encoding()) of
        Binary when is_binary(Binary) -> Binary;
        _ -> bad_path(Path)
    end;
path(Path) ->
    bad_path(Path).

-spec bad_path(any()) -> no_return().
bad_path(Path) ->
    farrier_options:bad_option(ip, {local, Path}, <<"{local, Path}, Path a string or binary of at least a byte">>).

%% `ignored' are the options that tune what farrier does not have, or ask for what it does anyway.
-spec kind(any()) -> farrier_options:kind() | ignored | refused | unknown.
kind(ip) -> address;
kind(port) -> port;
kind(backlog) -> positive;
kind(nodelay) -> boolean;
kind(keepalive) -> boolean;
kind(ipv6_v6only) -> boolean;
kind(reuse_port) -> boolean;
kind(linger) -> linger;
kind(bind_to_device) -> binary;
kind(send_timeout) -> timeout;
kind(Name) when Name =:= sndbuf; Name =:= recbuf -> positive;
kind(Name) when Name =:= priority; Name =:= tos; Name =:= tclass -> count;
kind(Name) when Name =:= fd; Name =:= netns -> refused;
kind(Name) when
    Name =:= send_timeout_close; Name =:= buffer; Name =:= delay_send; Name =:= read_packets;
    Name =:= high_watermark; Name =:= low_watermark; Name =:= high_msgq_watermark; Name =:= low_msgq_watermark;
    Name =:= exit_on_close; Name =:= show_econnreset; Name =:= inet_backend
->
    ignored;
kind(_) -> unknown.

-spec warn(any(), map()) -> map().
warn(Option, Socket) ->
    ?LOG_WARNING("Transport option ~0p unknown or without effect on this socket; it is ignored.~n", [Option]),
    Socket.
