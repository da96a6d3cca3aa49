%% @doc The Req of Cowboy 1: a record with the fields of 1.1.2, and the functions of `cowboy_req' on it.
%%
%% Functions return what their namesakes of Cowboy 1.1 return: getters `{Value, Req}', setters the Req, actions
%% `{ok, Req}'. A getter that caches nothing returns the very Req that it was given. Request bodies are
%% `farrier_req_1_body''s, responses that are streamed or come from a fun `farrier_req_1_resp''s.
-module(farrier_req_1).

-include("farrier_req_1.hrl").

-export([new/3, new/14, from_map/1, get/2, set/2, to_list/1, compact/1, lock/1, set_bindings/4, append_buffer/2]).
-export([method/1, version/1, peer/1, peer_addr/1, host/1, host_info/1, port/1, path/1, path_info/1, qs/1, fragment/1]).
-export([qs_val/2, qs_val/3, qs_vals/1, url/1, host_url/1, binding/2, binding/3, bindings/1]).
-export([header/2, header/3, headers/1, parse_header/2, parse_header/3]).
-export([cookie/2, cookie/3, cookies/1, meta/2, meta/3, set_meta/3]).
-export([set_resp_cookie/4, set_resp_header/3, delete_resp_header/2, has_resp_header/2]).
-export([set_resp_body/2, set_resp_body_fun/2, set_resp_body_fun/3, has_resp_body/1, upgrade_headers/1]).
-export([reply/2, reply/3, reply/4]).

-export_type([req/0]).

-type req() :: #http_req{}.

%%% Making

%% @doc The Req of a request of listener `Ref', before routing. `Options' are the protocol options `compress',
%% `onresponse' and `max_keepalive'. The caller is the process that serves the request.
-spec new(map(), term(), map()) -> req().
new(Request, Ref, Options) ->
    ok = farrier_exchange:bind(Ref),
    #{
        method := Method, version := Version, host := Host, port := Port, path := Path, qs := Qs, peer := Peer,
        headers := Headers
    } = Request,
    #http_req{
        socket = {farrier_socket, self()},
        transport = transport(Request),
        connection = connection(Request, maps:get(max_keepalive, Options, 100)),
        pid = self(),
        method = Method,
        version = Version,
        peer = Peer,
        host = Host,
        port = Port,
        path = Path,
        qs = Qs,
        headers = lists:reverse(Headers),
        resp_compress = maps:get(compress, Options, false),
        onresponse = maps:get(onresponse, Options, undefined)
    }.

%% @doc The Req of a request that the caller has made up, as tests of handlers do. What has to reach a client or its
%% body fails with `{no_request, Pid}'. `KeepAlive' is whether the connection may live on if the client wishes so.
-spec new(term(), module(), term(), binary(), binary(), binary(), 'HTTP/1.0' | 'HTTP/1.1', [{binary(), binary()}],
    binary(), undefined | inet:port_number(), binary(), boolean(), boolean(), undefined | fun()) -> req().
new(Socket, Transport, Peer, Method, Path, Qs, Version, Headers, Host, Port, Buffer, KeepAlive, Compress, OnResponse) ->
    #http_req{
        socket = Socket,
        transport = Transport,
        connection = wish(KeepAlive, Version, Headers),
        pid = self(),
        method = Method,
        version = Version,
        peer = Peer,
        host = Host,
        port = Port,
        path = Path,
        qs = Qs,
        headers = Headers,
        buffer = Buffer,
        resp_compress = Compress,
        onresponse = OnResponse
    }.

-spec wish(boolean(), atom(), [{binary(), binary()}]) -> keepalive | close.
wish(false, _, _) -> close;
wish(true, Version, Headers) -> farrier_exchange:persistence(#{version => Version, headers => Headers}).

-spec transport(map()) -> farrier_transport | farrier_ssl_transport.
transport(#{scheme := <<"https">>}) -> farrier_ssl_transport;
transport(_) -> farrier_transport.

%% The last request that a connection may make closes it.
-spec connection(map(), pos_integer() | infinity) -> keepalive | close.
connection(#{stream_id := N}, Max) when N >= Max -> close;
connection(Request, _) -> farrier_exchange:persistence(Request).

%% @doc Makes the Req for a handler of generation 1 on a listener of generation 2.
-spec from_map(farrier_req_2:req()) -> req().
from_map(#{headers := Headers} = Map) ->
    Req0 = new(farrier_exchange:request(), farrier_exchange:ref(), #{}),
    Req = Req0#http_req{
        method = maps:get(method, Map),
        version = maps:get(version, Map),
        peer = maps:get(peer, Map),
        host = maps:get(host, Map),
        port = maps:get(port, Map),
        path = maps:get(path, Map),
        qs = maps:get(qs, Map),
        host_info = maps:get(host_info, Map, undefined),
        path_info = maps:get(path_info, Map, undefined),
        bindings = maps:to_list(maps:get(bindings, Map, #{})),
        headers = kept_headers(Headers, Req0),
        resp_headers = lists:reverse(farrier_req_2:upgrade_headers(Map)),
        resp_body = maps:get(resp_body, Map, <<>>)
    },
    case Map of
        #{has_sent_resp := true} -> Req#http_req{resp_state = done};
        #{has_sent_resp := headers} -> Req#http_req{resp_state = chunks};
        _ -> Req
    end.

%% The headers as they arrived, unless a middleware has changed them. A map never has the transfer coding.
-spec kept_headers(#{binary() => binary()}, req()) -> [{binary(), binary()}].
kept_headers(Headers, #http_req{headers = Arrived}) ->
    case farrier_req_2:headers_map(lists:reverse(Arrived)) of
        Headers -> Arrived;
        _ -> maps:to_list(Headers) ++ [Field || {<<"transfer-encoding">>, _} = Field <- Arrived]
    end.

%% @doc A field of the record by its name, or a list of fields.
-spec get(atom() | [atom()], req()) -> term() | [term()].
get(Name, Req) when is_atom(Name) -> element(field(Name), Req);
get(Names, Req) -> [get(Name, Req) || Name <- Names].

-spec set([{atom(), term()}], req()) -> req().
set(Values, Req) ->
    lists:foldl(fun({Name, Value}, R) -> setelement(field(Name), R, Value) end, Req, Values).

-spec to_list(req()) -> [{atom(), term()}].
to_list(Req) ->
    lists:zip(record_info(fields, http_req), tl(tuple_to_list(Req))).

-spec field(atom()) -> pos_integer().
field(Name) ->
    field(Name, record_info(fields, http_req), 2).

-spec field(atom(), [atom()], pos_integer()) -> pos_integer().
field(Name, [Name | _], N) -> N;
field(Name, [_ | Names], N) -> field(Name, Names, N + 1).

%% @doc Forgets what a long-lived handler needs no more.
-spec compact(req()) -> req().
compact(Req) ->
    Req#http_req{
        host_info = undefined,
        path_info = undefined,
        qs_vals = undefined,
        bindings = undefined,
        headers = [],
        p_headers = [],
        cookies = []
    }.

%% @doc No response can be sent with the Req any more.
-spec lock(req()) -> req().
lock(Req) ->
    Req#http_req{resp_state = locked}.

-spec set_bindings([binary()] | undefined, [binary()] | undefined, [{atom(), term()}], req()) -> req().
set_bindings(HostInfo, PathInfo, Bindings, Req) ->
    Req#http_req{host_info = HostInfo, path_info = PathInfo, bindings = Bindings}.

%% @doc Adds to the field `buffer'. The body is read from the transport, not from there.
-spec append_buffer(binary(), req()) -> req().
append_buffer(Data, #http_req{buffer = Buffer} = Req) ->
    Req#http_req{buffer = <<Buffer/binary, Data/binary>>}.

%%% What the request says

-spec method(req()) -> {binary(), req()}.
method(Req) -> {Req#http_req.method, Req}.

-spec version(req()) -> {atom(), req()}.
version(Req) -> {Req#http_req.version, Req}.

-spec peer(req()) -> {{inet:ip_address(), inet:port_number()} | undefined, req()}.
peer(Req) -> {Req#http_req.peer, Req}.

%% @doc The client's address, as `x-real-ip' or `x-forwarded-for' tell it if they do (Cowboy 0.8).
-spec peer_addr(req()) -> {inet:ip_address(), req()}.
peer_addr(#http_req{headers = Headers, peer = {Address, _}} = Req) ->
    Told = [V || Name <- [<<"x-real-ip">>, <<"x-forwarded-for">>], {N, V} <- Headers, N =:= Name],
    {told_address(Told, Address), Req}.

-spec told_address([binary()], inet:ip_address()) -> inet:ip_address().
told_address([], Address) ->
    Address;
told_address([Value | _], Address) ->
    [First | _] = binary:split(Value, <<",">>),
    case inet:parse_address(string:trim(binary_to_list(First))) of
        {ok, Told} -> Told;
        {error, _} -> Address
    end.

-spec host(req()) -> {binary(), req()}.
host(Req) -> {Req#http_req.host, Req}.

-spec host_info(req()) -> {[binary()] | undefined, req()}.
host_info(Req) -> {Req#http_req.host_info, Req}.

-spec port(req()) -> {inet:port_number() | undefined, req()}.
port(Req) -> {Req#http_req.port, Req}.

-spec path(req()) -> {binary(), req()}.
path(Req) -> {Req#http_req.path, Req}.

-spec path_info(req()) -> {[binary()] | undefined, req()}.
path_info(Req) -> {Req#http_req.path_info, Req}.

-spec qs(req()) -> {binary(), req()}.
qs(Req) -> {Req#http_req.qs, Req}.

%% @doc Always empty (Cowboy 0.8.0 to 0.8.4): a client keeps the fragment for itself (RFC 9110 7.1).
-spec fragment(req()) -> {<<>>, req()}.
fragment(Req) -> {<<>>, Req}.

-spec qs_val(binary(), req()) -> {binary() | true | undefined, req()}.
qs_val(Name, Req) ->
    qs_val(Name, Req, undefined).

%% @doc A value of the query string; `true' for a name without `='.
-spec qs_val(binary(), req(), Default) -> {binary() | true | Default, req()}.
qs_val(Name, Req0, Default) when is_binary(Name) ->
    {Pairs, Req} = qs_vals(Req0),
    {value(Name, Pairs, Default), Req}.

-spec qs_vals(req()) -> {[{binary(), binary() | true}], req()}.
qs_vals(#http_req{qs_vals = undefined, qs = Qs} = Req) ->
    Pairs = farrier_qs:parse(Qs),
    {Pairs, Req#http_req{qs_vals = Pairs}};
qs_vals(#http_req{qs_vals = Pairs} = Req) ->
    {Pairs, Req}.

-spec value(term(), [{term(), term()}], term()) -> term().
value(Key, Pairs, Default) ->
    case lists:keyfind(Key, 1, Pairs) of
        {_, Value} -> Value;
        false -> Default
    end.

%% @doc Scheme, host and port; the port only if it is not the scheme's own.
-spec host_url(req()) -> {binary() | undefined, req()}.
host_url(#http_req{port = undefined} = Req) ->
    {undefined, Req};
host_url(#http_req{port = Port, host = Host, transport = Transport} = Req) ->
    {host_url(Transport:name(), Host, Port), Req}.

-spec host_url(tcp | ssl, binary(), inet:port_number()) -> binary().
host_url(tcp, Host, 80) -> <<"http://", Host/binary>>;
host_url(ssl, Host, 443) -> <<"https://", Host/binary>>;
host_url(tcp, Host, Port) -> <<"http://", Host/binary, ":", (integer_to_binary(Port))/binary>>;
host_url(ssl, Host, Port) -> <<"https://", Host/binary, ":", (integer_to_binary(Port))/binary>>.

-spec url(req()) -> {binary() | undefined, req()}.
url(#http_req{path = Path, qs = Qs} = Req) ->
    case host_url(Req) of
        {undefined, _} -> {undefined, Req};
        {HostUrl, _} when Qs =:= <<>> -> {<<HostUrl/binary, Path/binary>>, Req};
        {HostUrl, _} -> {<<HostUrl/binary, Path/binary, "?", Qs/binary>>, Req}
    end.

-spec binding(atom(), req()) -> {term() | undefined, req()}.
binding(Name, Req) ->
    binding(Name, Req, undefined).

%% @doc Crashes once the Req is compacted.
-spec binding(atom(), req(), term()) -> {term(), req()}.
binding(Name, #http_req{bindings = Bindings} = Req, Default) when is_atom(Name) ->
    {value(Name, Bindings, Default), Req}.

-spec bindings(req()) -> {[{atom(), term()}] | undefined, req()}.
bindings(Req) -> {Req#http_req.bindings, Req}.

-spec header(binary(), req()) -> {binary() | undefined, req()}.
header(Name, Req) ->
    header(Name, Req, undefined).

%% @doc Names are compared as they are: in lower case, and a name that is no binary is never there.
-spec header(binary(), req(), Default) -> {binary() | Default, req()}.
header(Name, #http_req{headers = Headers} = Req, Default) ->
    {value(Name, Headers, Default), Req}.

-spec headers(req()) -> {[{binary(), binary()}], req()}.
headers(Req) -> {Req#http_req.headers, Req}.

-spec parse_header(binary(), req()) -> {ok, term(), req()} | {undefined, term(), req()} | {error, badarg}.
parse_header(<<"transfer-encoding">> = Name, Req) -> parse_header(Name, Req, [<<"identity">>]);
parse_header(Name, Req) -> parse_header(Name, Req, undefined).

%% @doc The parsed header or `Default'; `undefined' with the raw value of a header that nobody knows how to parse.
-spec parse_header(binary(), req(), term()) ->
    {ok, term(), req()} | {undefined, term(), req()} | {error, badarg}.
parse_header(Name, #http_req{p_headers = Parsed, headers = Headers} = Req, Default) ->
    Raw = value(Name, Headers, undefined),
    case lists:keyfind(Name, 1, Parsed) of
        {_, Term} -> {ok, Term, Req};
        false -> parse_header(farrier_req_1_header:parse(Name, Raw), Name, Raw, Req, Default)
    end.

-spec parse_header(term(), binary(), binary() | undefined, req(), term()) ->
    {ok, term(), req()} | {undefined, term(), req()} | {error, badarg}.
parse_header(unknown, _, undefined, Req, Default) -> {undefined, Default, Req};
parse_header(unknown, _, Raw, Req, _) -> {undefined, Raw, Req};
parse_header(absent, Name, _, Req, Default) -> {ok, Default, cache(Name, Default, Req)};
parse_header({ok, Term}, Name, _, Req, _) -> {ok, Term, cache(Name, Term, Req)};
parse_header(error, _, _, _, _) -> {error, badarg}.

-spec cache(binary(), term(), req()) -> req().
cache(Name, Term, #http_req{p_headers = Parsed} = Req) ->
    Req#http_req{p_headers = [{Name, Term} | Parsed]}.

-spec cookie(binary(), req()) -> {binary() | undefined, req()}.
cookie(Name, Req) ->
    cookie(Name, Req, undefined).

-spec cookie(binary(), req(), Default) -> {binary() | Default, req()}.
cookie(Name, Req0, Default) when is_binary(Name) ->
    {Cookies, Req} = cookies(Req0),
    {value(Name, Cookies, Default), Req}.

%% @doc Crashes if the cookie header is malformed.
-spec cookies(req()) -> {[{binary(), binary()}], req()}.
cookies(#http_req{cookies = undefined} = Req0) ->
    {ok, Cookies, Req} = parse_header(<<"cookie">>, Req0, []),
    {Cookies, Req#http_req{cookies = Cookies}};
cookies(#http_req{cookies = Cookies} = Req) ->
    {Cookies, Req}.

-spec meta(atom(), req()) -> {term() | undefined, req()}.
meta(Name, Req) ->
    meta(Name, Req, undefined).

-spec meta(atom(), req(), term()) -> {term(), req()}.
meta(Name, #http_req{meta = Meta} = Req, Default) ->
    {value(Name, Meta, Default), Req}.

-spec set_meta(atom(), term(), req()) -> req().
set_meta(Name, Value, #http_req{meta = Meta} = Req) ->
    Req#http_req{meta = lists:keystore(Name, 1, Meta, {Name, Value})}.

%%% Response

-spec set_resp_cookie(iodata(), iodata(), [{atom(), term()}], req()) -> req().
set_resp_cookie(Name, Value, Opts, Req) ->
    set_resp_header(<<"set-cookie">>, farrier_cookie:set_1(Name, Value, Opts), Req).

%% @doc A name that is set again is sent again.
-spec set_resp_header(binary(), iodata(), req()) -> req().
set_resp_header(Name, Value, #http_req{resp_headers = Headers} = Req) ->
    Req#http_req{resp_headers = [{Name, Value} | Headers]}.

-spec delete_resp_header(binary(), req()) -> req().
delete_resp_header(Name, #http_req{resp_headers = Headers} = Req) ->
    Req#http_req{resp_headers = [Header || {N, _} = Header <- Headers, N =/= Name]}.

-spec has_resp_header(binary(), req()) -> boolean().
has_resp_header(Name, #http_req{resp_headers = Headers}) ->
    lists:keymember(Name, 1, Headers).

-spec set_resp_body(iodata(), req()) -> req().
set_resp_body(Body, Req) ->
    Req#http_req{resp_body = Body}.

%% @doc `Fun(Socket, Transport)' sends a body of unknown length.
-spec set_resp_body_fun(fun((term(), module()) -> term()), req()) -> req().
set_resp_body_fun(Fun, Req) when is_function(Fun) ->
    Req#http_req{resp_body = Fun}.

%% @doc `Fun(Socket, Transport)' sends a body of so many bytes; with `chunked', `Fun(SendChunk)' one in chunks.
-spec set_resp_body_fun(non_neg_integer() | chunked, fun(), req()) -> req().
set_resp_body_fun(Length, Fun, Req) when is_integer(Length), is_function(Fun); Length =:= chunked, is_function(Fun) ->
    Req#http_req{resp_body = {Length, Fun}}.

-spec has_resp_body(req()) -> boolean().
has_resp_body(#http_req{resp_body = Fun}) when is_function(Fun) -> true;
has_resp_body(#http_req{resp_body = {chunked, _}}) -> true;
has_resp_body(#http_req{resp_body = {Length, _}}) -> Length > 0;
has_resp_body(#http_req{resp_body = Body}) -> iolist_size(Body) > 0.

%% @doc What the handler has set, for the answer to an upgrade.
-spec upgrade_headers(req()) -> farrier_exchange:headers().
upgrade_headers(#http_req{resp_headers = Headers}) ->
    lists:reverse(Headers).

-spec reply(integer() | binary(), req()) -> {ok, req()}.
reply(Status, #http_req{resp_body = Body} = Req) ->
    reply(Status, [], Body, Req).

-spec reply(integer() | binary(), [{binary(), iodata()}], req()) -> {ok, req()}.
reply(Status, Headers, #http_req{resp_body = Body} = Req) ->
    reply(Status, Headers, Body, Req).

%% @doc Sends a complete response. A response that has been sent, or a locked Req, is a `function_clause'.
-spec reply(integer() | binary(), [{binary(), iodata()}], term(), req()) -> {ok, req()}.
reply(Status, Headers, Body, #http_req{resp_state = waiting} = Req) when is_integer(Status); is_binary(Status) ->
    farrier_req_1_resp:reply(Status, Headers, Body, Req).
