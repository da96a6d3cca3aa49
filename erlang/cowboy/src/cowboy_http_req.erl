%% @doc The Req of Cowboy 0 (0.2 to 0.6): a `#http_req{}' of include/http.hrl.
%%
%% Nothing is done here: `farrier_req_0' documents what a request says, `farrier_req_0_body' how its body is read,
%% `farrier_req_0_resp' how it is answered. A handler of Cowboy 0 under a listener of Cowboy 1 has a Req of that
%% generation until its WebSocket begins: it is taken as well, and given back.
-module(cowboy_http_req).

%% What the request says.
-export([method/1, version/1, peer/1, peer_addr/1, host/1, host_info/1, raw_host/1, port/1]).
-export([path/1, path_info/1, raw_path/1]).
-export([qs_val/2, qs_val/3, qs_vals/1, raw_qs/1, binding/2, binding/3, bindings/1]).
-export([header/2, header/3, headers/1, parse_header/2, parse_header/3, cookie/2, cookie/3, cookies/1, meta/2, meta/3]).
%% Its body.
-export([has_body/1, body_length/1, init_stream/4, stream_body/1, skip_body/1, body/1, body/2, body_qs/1]).
-export([multipart_data/1, multipart_skip/1]).
%% The response.
-export([set_resp_cookie/4, set_resp_header/3, has_resp_header/2]).
-export([set_resp_body/2, set_resp_body_fun/3, has_resp_body/1]).
-export([reply/2, reply/3, reply/4, chunked_reply/2, chunked_reply/3, chunk/2, upgrade_reply/3]).
%% The rest.
-export([compact/1, transport/1]).

-export_type([req/0]).

-type req() :: farrier_req_0:req().
-type name() :: atom() | binary().
-type status() :: integer() | binary().
-type headers() :: [{name(), iodata()}].

%%% What the request says

-spec method(req()) -> {atom() | binary(), req()}.
method(Req) -> call(farrier_req_0, method, [Req], Req).

-spec version(req()) -> {{non_neg_integer(), non_neg_integer()}, req()}.
version(Req) -> call(farrier_req_0, version, [Req], Req).

-spec peer(req()) -> {{inet:ip_address(), inet:port_number()}, req()}.
peer(Req) -> call(farrier_req_0, peer, [Req], Req).

-spec peer_addr(req()) -> {inet:ip_address(), req()}.
peer_addr(Req) -> call(farrier_req_0, peer_addr, [Req], Req).

-spec host(req()) -> {[binary()] | undefined, req()}.
host(Req) -> call(farrier_req_0, host, [Req], Req).

-spec host_info(req()) -> {[binary()] | undefined, req()}.
host_info(Req) -> call(farrier_req_0, host_info, [Req], Req).

-spec raw_host(req()) -> {binary(), req()}.
raw_host(Req) -> call(farrier_req_0, raw_host, [Req], Req).

-spec port(req()) -> {inet:port_number(), req()}.
port(Req) -> call(farrier_req_0, port, [Req], Req).

-spec path(req()) -> {[binary()] | '*' | undefined, req()}.
path(Req) -> call(farrier_req_0, path, [Req], Req).

-spec path_info(req()) -> {[binary()] | undefined, req()}.
path_info(Req) -> call(farrier_req_0, path_info, [Req], Req).

-spec raw_path(req()) -> {binary(), req()}.
raw_path(Req) -> call(farrier_req_0, raw_path, [Req], Req).

-spec qs_val(binary(), req()) -> {binary() | true | undefined, req()}.
qs_val(Name, Req) -> call(farrier_req_0, qs_val, [Name, Req], Req).

-spec qs_val(binary(), req(), Default) -> {binary() | true | Default, req()}.
qs_val(Name, Req, Default) -> call(farrier_req_0, qs_val, [Name, Req, Default], Req).

-spec qs_vals(req()) -> {[{binary(), binary() | true}], req()}.
qs_vals(Req) -> call(farrier_req_0, qs_vals, [Req], Req).

-spec raw_qs(req()) -> {binary(), req()}.
raw_qs(Req) -> call(farrier_req_0, raw_qs, [Req], Req).

-spec binding(atom(), req()) -> {binary() | undefined, req()}.
binding(Name, Req) -> call(farrier_req_0, binding, [Name, Req], Req).

-spec binding(atom(), req(), Default) -> {binary() | Default, req()}.
binding(Name, Req, Default) -> call(farrier_req_0, binding, [Name, Req, Default], Req).

-spec bindings(req()) -> {[{atom(), binary()}] | undefined, req()}.
bindings(Req) -> call(farrier_req_0, bindings, [Req], Req).

-spec header(name(), req()) -> {binary() | undefined, req()}.
header(Name, Req) -> call(farrier_req_0, header, [Name, Req], Req).

-spec header(name(), req(), Default) -> {binary() | Default, req()}.
header(Name, Req, Default) -> call(farrier_req_0, header, [Name, Req, Default], Req).

-spec headers(req()) -> {[{name(), binary()}], req()}.
headers(Req) -> call(farrier_req_0, headers, [Req], Req).

-spec parse_header(name(), req()) -> {any(), req()} | {undefined, any(), req()} | {error, badarg}.
parse_header(Name, Req) -> call(farrier_req_0, parse_header, [Name, Req], Req).

-spec parse_header(name(), req(), any()) -> {any(), req()} | {undefined, any(), req()} | {error, badarg}.
parse_header(Name, Req, Default) -> call(farrier_req_0, parse_header, [Name, Req, Default], Req).

-spec cookie(binary(), req()) -> {binary() | undefined, req()}.
cookie(Name, Req) -> call(farrier_req_0, cookie, [Name, Req], Req).

-spec cookie(binary(), req(), Default) -> {binary() | Default, req()}.
cookie(Name, Req, Default) -> call(farrier_req_0, cookie, [Name, Req, Default], Req).

-spec cookies(req()) -> {[{binary(), binary()}], req()}.
cookies(Req) -> call(farrier_req_0, cookies, [Req], Req).

-spec meta(atom(), req()) -> {any(), req()}.
meta(Name, Req) -> call(farrier_req_0, meta, [Name, Req], Req).

-spec meta(atom(), req(), any()) -> {any(), req()}.
meta(Name, Req, Default) -> call(farrier_req_0, meta, [Name, Req, Default], Req).

%%% Its body

-spec has_body(req()) -> {boolean(), req()}.
has_body(Req) -> call(farrier_req_0_body, has_body, [Req], Req).

-spec body_length(req()) -> {non_neg_integer() | undefined, req()} | {error, badarg}.
body_length(Req) -> call(farrier_req_0_body, body_length, [Req], Req).

-spec init_stream(fun(), any(), fun((binary()) -> {ok, binary()} | {error, atom()}), req()) -> {ok, req()}.
init_stream(TransferDecode, TransferState, ContentDecode, Req) ->
    call(farrier_req_0_body, init_stream, [TransferDecode, TransferState, ContentDecode, Req], Req).

-spec stream_body(req()) -> {ok, binary(), req()} | {done, req()} | {error, atom()}.
stream_body(Req) -> call(farrier_req_0_body, stream_body, [Req], Req).

-spec skip_body(req()) -> {ok, req()} | {error, atom()}.
skip_body(Req) -> call(farrier_req_0_body, skip_body, [Req], Req).

-spec body(req()) -> {ok, binary(), req()} | {error, atom()}.
body(Req) -> call(farrier_req_0_body, body, [Req], Req).

-spec body(non_neg_integer() | infinity, req()) -> {ok, binary(), req()} | {error, atom()}.
body(MaxLength, Req) -> call(farrier_req_0_body, body, [MaxLength, Req], Req).

-spec body_qs(req()) -> {[{binary(), binary() | true}], req()}.
body_qs(Req) -> call(farrier_req_0_body, body_qs, [Req], Req).

-spec multipart_data(req()) -> {{headers, headers()} | {body, binary()} | end_of_part | eof, req()}.
multipart_data(Req) -> call(farrier_req_0_body, multipart_data, [Req], Req).

-spec multipart_skip(req()) -> {ok, req()}.
multipart_skip(Req) -> call(farrier_req_0_body, multipart_skip, [Req], Req).

%%% The response

-spec set_resp_cookie(any(), any(), list(), req()) -> {ok, req()}.
set_resp_cookie(Name, Value, Options, Req) ->
    call(farrier_req_0_resp, set_resp_cookie, [Name, Value, Options, Req], Req).

-spec set_resp_header(name(), iodata(), req()) -> {ok, req()}.
set_resp_header(Name, Value, Req) -> call(farrier_req_0_resp, set_resp_header, [Name, Value, Req], Req).

-spec set_resp_body(iodata(), req()) -> {ok, req()}.
set_resp_body(Body, Req) -> call(farrier_req_0_resp, set_resp_body, [Body, Req], Req).

-spec set_resp_body_fun(non_neg_integer(), fun(() -> any()), req()) -> {ok, req()}.
set_resp_body_fun(Length, Fun, Req) -> call(farrier_req_0_resp, set_resp_body_fun, [Length, Fun, Req], Req).

-spec has_resp_header(name(), req()) -> boolean().
has_resp_header(Name, Req) -> call(farrier_req_0_resp, has_resp_header, [Name, Req], Req).

-spec has_resp_body(req()) -> boolean().
has_resp_body(Req) -> call(farrier_req_0_resp, has_resp_body, [Req], Req).

-spec reply(status(), req()) -> {ok, req()}.
reply(Status, Req) -> call(farrier_req_0_resp, reply, [Status, Req], Req).

-spec reply(status(), headers(), req()) -> {ok, req()}.
reply(Status, Headers, Req) -> call(farrier_req_0_resp, reply, [Status, Headers, Req], Req).

-spec reply(status(), headers(), iodata() | {non_neg_integer(), fun()}, req()) -> {ok, req()}.
reply(Status, Headers, Body, Req) -> call(farrier_req_0_resp, reply, [Status, Headers, Body, Req], Req).

-spec chunked_reply(status(), req()) -> {ok, req()}.
chunked_reply(Status, Req) -> call(farrier_req_0_resp, chunked_reply, [Status, Req], Req).

-spec chunked_reply(status(), headers(), req()) -> {ok, req()}.
chunked_reply(Status, Headers, Req) -> call(farrier_req_0_resp, chunked_reply, [Status, Headers, Req], Req).

-spec chunk(iodata(), req()) -> ok | {error, atom()}.
chunk(Data, Req) -> call(farrier_req_0_resp, chunk, [Data, Req], Req).

%% @doc Cowboy's own protocols answered 101 with it. Here the transport does, and another protocol could not go on.
-spec upgrade_reply(status(), headers(), req()) -> no_return().
upgrade_reply(_Status, _Headers, _Req) ->
    error({not_supported, {?MODULE, upgrade_reply, 3}, <<"a protocol of one's own has no socket to speak on">>}).

%%% The rest

-spec compact(req()) -> req().
compact(Req) -> call(farrier_req_0, compact, [Req], Req).

-spec transport(req()) -> {ok, module(), any()}.
transport(Req) -> call(farrier_req_0, transport, [Req], Req).

-spec call(module(), atom(), [any()], req()) -> any().
call(Module, Function, Arguments, Req) ->
    case farrier_req:generation(Req) of
        0 -> apply(Module, Function, Arguments);
        _ -> farrier_req:call(0, Module, Function, Arguments)
    end.
