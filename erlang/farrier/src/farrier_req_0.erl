%% @doc The Req of Cowboy 0: the record of include/http.hrl, and the functions of `cowboy_http_req' on it, as 0.6.1
%% has them.
%%
%% Getters return `{Value, Req}', everything that changes the Req or sends `{ok, Req}', except `compact/1'. Bodies are
%% `farrier_req_0_body''s, responses `farrier_req_0_resp''s.
-module(farrier_req_0).

-include("../../cowboy/include/http.hrl").

-export([new/3, to_1/1, from_1/1, to_list/1, anew/1, lock/1, set_bindings/4, close/1]).
-export([method/1, version/1, peer/1, peer_addr/1, host/1, host_info/1, raw_host/1, port/1]).
-export([path/1, path_info/1, raw_path/1, qs_val/2, qs_val/3, qs_vals/1, raw_qs/1, binding/2, binding/3, bindings/1]).
-export([header/2, header/3, headers/1, parse_header/2, parse_header/3, cookie/2, cookie/3, cookies/1]).
-export([meta/2, meta/3, set_meta/3, compact/1, transport/1]).

-export_type([req/0]).

-type req() :: #http_req{}.
-type name() :: farrier_req_0_header:name().

%%% Making

%% @doc The Req of a request of listener `Ref', before it is routed. `Options' are the protocol options
%% `max_keepalive', `max_line_length', `onresponse' and `urldecode'. A request with too long a line (413) or a bad
%% escape in its path (400) is answered here and ends the process.
-spec new(map(), term(), map()) -> req().
new(#{path := RawPath, qs := Qs} = Request, Ref, Options) ->
    ok = farrier_exchange:bind(Ref),
    Decoder = maps:get(urldecode, Options, {fun farrier_url_0:decode/2, crash}),
    Req = head(Request, Options),
    is_short(Request, maps:get(max_line_length, Options, infinity)) orelse farrier_req_0_resp:refuse(413, Req),
    Req#http_req{
        path = segments(RawPath, Decoder, Req),
        raw_path = RawPath,
        raw_qs = Qs,
        urldecode = Decoder
    }.

-spec head(map(), map()) -> req().
head(#{method := Method, host := RawHost, port := Port, peer := Peer, headers := Headers} = Request, Options) ->
    {Host, _, _} = farrier_url_0:split_host(RawHost),
    #http_req{
        socket = {farrier_socket, self()},
        transport = transport_module(),
        connection = connection(Request, maps:get(max_keepalive, Options, infinity)),
        pid = self(),
        method = farrier_req_0_header:method(Method),
        version = version_0(maps:get(version, Request)),
        peer = Peer,
        host = Host,
        raw_host = RawHost,
        port = Port,
        headers = headers_0(lists:reverse(Headers), RawHost),
        onresponse = maps:get(onresponse, Options, undefined)
    }.

-spec transport_module() -> module().
transport_module() ->
    case farrier_exchange:serves() andalso farrier_exchange:transport() of
        ssl -> cowboy_ssl_transport;
        _ -> cowboy_tcp_transport
    end.

%% The last request that a connection may make closes it.
-spec connection(map(), pos_integer() | infinity) -> keepalive | close.
connection(#{stream_id := N}, Max) when is_integer(Max), N >= Max -> close;
connection(Request, _) -> farrier_exchange:persistence(Request).

-spec version_0('HTTP/1.0' | 'HTTP/1.1') -> {1, 0 | 1}.
version_0('HTTP/1.0') -> {1, 0};
version_0('HTTP/1.1') -> {1, 1}.

%% The host stands among the headers in lower case and without its port.
-spec headers_0([{binary(), binary()}], binary()) -> [{name(), binary()}].
headers_0(Headers, Host) ->
    [
        case farrier_req_0_header:name(Name) of
            'Host' -> {'Host', Host};
            Known -> {Known, Value}
        end
     || {Name, Value} <- Headers
    ].

-spec segments(binary(), farrier_url_0:decoder(), req()) -> [binary()] | '*'.
segments(<<"*">>, _, _) ->
    '*';
segments(RawPath, {Decode, Argument}, Req) ->
    try farrier_url_0:split_path(RawPath, fun(Segment) -> Decode(Segment, Argument) end) of
        {Segments, _, _} -> Segments
    catch
        error:_ -> farrier_req_0_resp:refuse(400, Req)
    end.

%% A line is one of `GET /path?qs HTTP/1.1' or `name: value'.
-spec is_short(map(), pos_integer() | infinity) -> boolean().
is_short(_, infinity) ->
    true;
is_short(#{method := Method, path := Path, qs := Qs, headers := Headers}, Max) ->
    byte_size(Method) + byte_size(Path) + byte_size(Qs) + length(" ? HTTP/1.1") =< Max andalso
        lists:all(fun({Name, Value}) -> byte_size(Name) + byte_size(Value) + length(": ") =< Max end, Headers).

%%% The Req of Cowboy 1 and back

%% @doc The same request as a Req of Cowboy 1. What was parsed is forgotten.
-spec to_1(req()) -> farrier_req_1:req().
to_1(#http_req{version = {1, Minor}, headers = Headers, resp_headers = Set} = Req) ->
    New = farrier_req_1:new(
        Req#http_req.socket,
        farrier_transport,
        Req#http_req.peer,
        farrier_req_0_header:text(Req#http_req.method),
        Req#http_req.raw_path,
        default(Req#http_req.raw_qs, <<>>),
        version_1(Minor),
        [{farrier_req_0_header:lower(Name), Value} || {Name, Value} <- Headers],
        default(Req#http_req.raw_host, <<>>),
        Req#http_req.port,
        Req#http_req.buffer,
        true,
        false,
        hook_1(Req#http_req.onresponse)
    ),
    farrier_req_1:set(
        [
            {connection, Req#http_req.connection},
            {pid, Req#http_req.pid},
            {host_info, Req#http_req.host_info},
            {path_info, Req#http_req.path_info},
            {bindings, Req#http_req.bindings},
            {meta, Req#http_req.meta},
            {body_state, farrier_req_0_body:state_1(Req)},
            {resp_state, Req#http_req.resp_state},
            {resp_headers, [{farrier_header:lower(Name), Value} || {Name, Value} <- Set]},
            {resp_body, body_1(Req#http_req.resp_body)}
        ],
        New
    ).

-spec version_1(0 | 1) -> 'HTTP/1.0' | 'HTTP/1.1'.
version_1(0) -> 'HTTP/1.0';
version_1(1) -> 'HTTP/1.1'.

-spec default(T | undefined, T) -> T.
default(undefined, Default) -> Default;
default(Value, _) -> Value.

-spec body_1(iodata() | {non_neg_integer(), fun()}) -> iodata() | {non_neg_integer(), fun()}.
body_1({Length, Fun}) -> {Length, fun(_Socket, _Transport) -> Fun() end};
body_1(Body) -> Body.

-spec hook_1(fun() | undefined) -> fun() | undefined.
hook_1(undefined) ->
    undefined;
hook_1(Hook) ->
    fun(Status, Headers, _Body, Req) -> to_1(Hook(Status, named(Headers), from_1(Req))) end.

-spec named([{binary(), iodata()}]) -> [{binary(), iodata()}].
named(Headers) ->
    [{capitalised(Name), Value} || {Name, Value} <- Headers].

-spec capitalised(binary()) -> binary().
capitalised(Name) ->
    farrier_req_0_header:text(farrier_req_0_header:name(farrier_header:lower(Name))).

%% @doc The same request as a Req of Cowboy 0.
-spec from_1(farrier_req_1:req()) -> req().
from_1(Req1) ->
    Get = fun(Field) -> farrier_req_1:get(Field, Req1) end,
    Host = Get(host),
    Path = Get(path),
    Decoder = {fun farrier_url_0:decode/2, skip},
    {Labels, _, _} = farrier_url_0:split_host(Host),
    Req = #http_req{
        socket = Get(socket),
        transport = transport_module(),
        connection = Get(connection),
        pid = Get(pid),
        method = farrier_req_0_header:method(Get(method)),
        version = version_0(Get(version)),
        peer = Get(peer),
        host = Labels,
        host_info = Get(host_info),
        raw_host = Host,
        port = Get(port),
        path_info = Get(path_info),
        raw_path = Path,
        raw_qs = Get(qs),
        bindings = Get(bindings),
        headers = headers_0(Get(headers), Host),
        meta = Get(meta),
        body_state = farrier_req_0_body:state_0(Get(body_state)),
        resp_state = response_state(Get(resp_state)),
        resp_headers = named(Get(resp_headers)),
        resp_body = body_0(Get(resp_body), Get(socket)),
        onresponse = hook_0(Get(onresponse)),
        urldecode = Decoder
    },
    Req#http_req{path = segments(Path, Decoder, Req)}.

-spec response_state(locked | waiting | chunks | stream | done) -> locked | waiting | chunks | done.
response_state(stream) -> chunks;
response_state(State) -> State.

-spec body_0(term(), term()) -> term().
body_0({Length, Fun}, Socket) when is_integer(Length) ->
    {Length, fun() -> Fun(Socket, farrier_transport) end};
body_0(Body, _) ->
    Body.

-spec hook_0(fun() | undefined) -> fun() | undefined.
hook_0(undefined) ->
    undefined;
hook_0(Hook) ->
    fun(Status, Headers, Req) ->
        Lower = [{farrier_header:lower(Name), Value} || {Name, Value} <- Headers],
        from_1(Hook(Status, Lower, <<>>, to_1(Req)))
    end.

%%% Changing

%% @doc The fields and their values, as 0.6 logs them.
-spec to_list(req()) -> [{atom(), term()}].
to_list(Req) ->
    lists:zip(record_info(fields, http_req), tl(tuple_to_list(Req))).

%% @doc The Req for a response of Cowboy's own: nothing that was set for a response is left but the hook.
-spec anew(req()) -> req().
anew(Req) ->
    Req#http_req{
        connection = close,
        resp_state = waiting,
        resp_headers = [],
        resp_body = <<>>
    }.

%% @doc No response can be sent with the Req any more.
-spec lock(req()) -> req().
lock(Req) ->
    Req#http_req{resp_state = locked}.

%% @doc The response will be the last one of its connection.
-spec close(req()) -> req().
close(Req) ->
    Req#http_req{connection = close}.

-spec set_bindings([binary()] | undefined, [binary()] | undefined, [{atom(), binary()}], req()) -> req().
set_bindings(HostInfo, PathInfo, Bindings, Req) ->
    Req#http_req{host_info = HostInfo, path_info = PathInfo, bindings = Bindings}.

%% @doc Forgets what a long-lived handler needs no more. `binding/2' crashes afterwards; `raw_host', `raw_path',
%% `port', `peer' and `meta' survive.
-spec compact(req()) -> req().
compact(Req) ->
    Req#http_req{
        host = undefined,
        host_info = undefined,
        path = undefined,
        path_info = undefined,
        qs_vals = undefined,
        bindings = undefined,
        headers = [],
        p_headers = [],
        cookies = []
    }.

%%% What the request says

-spec method(req()) -> {atom() | binary(), req()}.
method(Req) -> {Req#http_req.method, Req}.

-spec version(req()) -> {{non_neg_integer(), non_neg_integer()}, req()}.
version(Req) -> {Req#http_req.version, Req}.

-spec peer(req()) -> {{inet:ip_address(), inet:port_number()}, req()}.
peer(#http_req{peer = undefined, transport = Transport, socket = Socket} = Req) ->
    {ok, Peer} = Transport:peername(Socket),
    {Peer, Req#http_req{peer = Peer}};
peer(Req) ->
    {Req#http_req.peer, Req}.

%% @doc The client's address, as `X-Real-Ip' or else the first of `X-Forwarded-For' tell it, or else the peer's.
-spec peer_addr(req()) -> {inet:ip_address(), req()}.
peer_addr(#http_req{headers = Headers} = Req0) ->
    {{Address, _}, Req} = peer(Req0),
    Names = [<<"X-Real-Ip">>, 'X-Forwarded-For'],
    {told_address([Value || Name <- Names, {N, Value} <- Headers, N =:= Name], Address), Req}.

-spec told_address([binary()], inet:ip_address()) -> inet:ip_address().
told_address([], Address) ->
    Address;
told_address([Value | _], Address) ->
    [First | _] = binary:split(Value, <<",">>),
    case inet:parse_address(string:trim(binary_to_list(First))) of
        {ok, Told} -> Told;
        {error, _} -> Address
    end.

-spec host(req()) -> {[binary()] | undefined, req()}.
host(Req) -> {Req#http_req.host, Req}.

-spec host_info(req()) -> {[binary()] | undefined, req()}.
host_info(Req) -> {Req#http_req.host_info, Req}.

-spec raw_host(req()) -> {binary(), req()}.
raw_host(Req) -> {Req#http_req.raw_host, Req}.

-spec port(req()) -> {inet:port_number(), req()}.
port(Req) -> {Req#http_req.port, Req}.

-spec path(req()) -> {[binary()] | '*' | undefined, req()}.
path(Req) -> {Req#http_req.path, Req}.

-spec path_info(req()) -> {[binary()] | undefined, req()}.
path_info(Req) -> {Req#http_req.path_info, Req}.

-spec raw_path(req()) -> {binary(), req()}.
raw_path(Req) -> {Req#http_req.raw_path, Req}.

-spec raw_qs(req()) -> {binary(), req()}.
raw_qs(Req) -> {Req#http_req.raw_qs, Req}.

-spec qs_val(binary(), req()) -> {binary() | true | undefined, req()}.
qs_val(Name, Req) ->
    qs_val(Name, Req, undefined).

-spec qs_val(binary(), req(), Default) -> {binary() | true | Default, req()}.
qs_val(Name, Req0, Default) when is_binary(Name) ->
    {Pairs, Req} = qs_vals(Req0),
    {value(Name, Pairs, Default), Req}.

-spec qs_vals(req()) -> {[{binary(), binary() | true}], req()}.
qs_vals(#http_req{qs_vals = undefined, raw_qs = Qs, urldecode = {Decode, Argument}} = Req) ->
    Pairs = farrier_url_0:form(Qs, fun(Text) -> Decode(Text, Argument) end),
    {Pairs, Req#http_req{qs_vals = Pairs}};
qs_vals(#http_req{qs_vals = Pairs} = Req) ->
    {Pairs, Req}.

-spec value(term(), [{term(), term()}], term()) -> term().
value(Key, Pairs, Default) ->
    case lists:keyfind(Key, 1, Pairs) of
        {_, Value} -> Value;
        false -> Default
    end.

-spec binding(atom(), req()) -> {binary() | undefined, req()}.
binding(Name, Req) ->
    binding(Name, Req, undefined).

-spec binding(atom(), req(), Default) -> {binary() | Default, req()}.
binding(Name, #http_req{bindings = Bindings} = Req, Default) when is_atom(Name) ->
    {value(Name, Bindings, Default), Req}.

-spec bindings(req()) -> {[{atom(), binary()}] | undefined, req()}.
bindings(Req) -> {Req#http_req.bindings, Req}.

-spec header(name(), req()) -> {binary() | undefined, req()}.
header(Name, Req) ->
    header(Name, Req, undefined).

%% @doc Names are compared as they are: `'Cookie'', `<<"Sec-Websocket-Key">>'. Of several the last received. Not every
%% OTP of that time knew `X-Forwarded-For', so it is found under both of its names.
-spec header(name(), req(), Default) -> {binary() | Default, req()}.
header(<<"X-Forwarded-For">>, Req, Default) ->
    header('X-Forwarded-For', Req, Default);
header(Name, #http_req{headers = Headers} = Req, Default) when is_atom(Name); is_binary(Name) ->
    {value(Name, Headers, Default), Req}.

-spec headers(req()) -> {[{name(), binary()}], req()}.
headers(Req) -> {Req#http_req.headers, Req}.

-spec parse_header(name(), req()) -> {term(), req()} | {undefined, term(), req()} | {error, badarg}.
parse_header('Connection', Req) -> parse_header('Connection', Req, []);
parse_header('Transfer-Encoding', Req) -> parse_header('Transfer-Encoding', Req, [<<"identity">>]);
parse_header(Name, Req) -> parse_header(Name, Req, undefined).

%% @doc The parsed header or `Default'; `undefined' with the raw value for a header that 0.6 could not parse.
-spec parse_header(name(), req(), term()) -> {term(), req()} | {undefined, term(), req()} | {error, badarg}.
parse_header(Name, #http_req{p_headers = Parsed, headers = Headers} = Req, Default) ->
    Raw = value(Name, Headers, undefined),
    case lists:keyfind(Name, 1, Parsed) of
        {_, Term} -> {Term, Req};
        false -> parsed(farrier_req_0_header:parse(Name, Raw), Name, Raw, Req, Default)
    end.

-spec parsed(term(), name(), binary() | undefined, req(), term()) ->
    {term(), req()} | {undefined, term(), req()} | {error, badarg}.
parsed(unknown, _, undefined, Req, Default) -> {undefined, Default, Req};
parsed(unknown, _, Raw, Req, _) -> {undefined, Raw, Req};
parsed(absent, Name, _, Req, Default) -> {Default, cache(Name, Default, Req)};
parsed({ok, Term}, Name, _, Req, _) -> {Term, cache(Name, Term, Req)};
parsed(error, _, _, _, _) -> {error, badarg}.

-spec cache(name(), term(), req()) -> req().
cache(Name, Term, #http_req{p_headers = Parsed} = Req) ->
    Req#http_req{p_headers = [{Name, Term} | Parsed]}.

-spec cookie(binary(), req()) -> {binary() | undefined, req()}.
cookie(Name, Req) ->
    cookie(Name, Req, undefined).

-spec cookie(binary(), req(), Default) -> {binary() | Default, req()}.
cookie(Name, Req0, Default) when is_binary(Name) ->
    {Cookies, Req} = cookies(Req0),
    {value(Name, Cookies, Default), Req}.

-spec cookies(req()) -> {[{binary(), binary()}], req()}.
cookies(#http_req{cookies = undefined, headers = Headers} = Req) ->
    Cookies = farrier_cookie_0:parse(value('Cookie', Headers, <<>>)),
    {Cookies, Req#http_req{cookies = Cookies}};
cookies(#http_req{cookies = Cookies} = Req) ->
    {Cookies, Req}.

-spec meta(atom(), req()) -> {term() | undefined, req()}.
meta(Name, Req) ->
    meta(Name, Req, undefined).

%% @doc What a protocol has found out: `websocket_version', or what REST negotiated.
-spec meta(atom(), req(), term()) -> {term(), req()}.
meta(Name, #http_req{meta = Meta} = Req, Default) ->
    {value(Name, Meta, Default), Req}.

-spec set_meta(atom(), term(), req()) -> req().
set_meta(Name, Value, #http_req{meta = Meta} = Req) ->
    Req#http_req{meta = [{Name, Value} | Meta]}.

%% @doc The transport module and its socket: see `farrier_transport' for what they can do.
-spec transport(req()) -> {ok, module(), term()}.
transport(#http_req{transport = Transport, socket = Socket}) ->
    {ok, Transport, Socket}.
