%% @doc `cowboy_req' for every kind of Req in one node: what it is handed decides.
%%
%% | Req | functions return | documented in |
%% |---|---|---|
%% | a map (Cowboy 2) | bare values and Reqs | `farrier_req_2', `farrier_req_2_body' |
%% | opaque (2.0.0-pre.1 to pre.3) | the same; tuples where a body is read | `farrier_req_2pre' |
%% | a record of Cowboy 1 | `{Value, Req}', `{ok, Req}' | `farrier_req_1' and the modules whose names begin so |
%% | a record of Cowboy 0 | as of Cowboy 1, but with its own kind of Req | the same |
%%
%% Nothing is done here. `docs/compatibility.md' lists every function of each kind with its return. A function that a
%% kind does not have is `undef' on its Req, as it was in that Cowboy. Where Cowboys order the arguments of one arity
%% differently, the kinds of the arguments decide.
-module(cowboy_req).

-export([method/1, version/1, scheme/1, peer/1, peer_addr/1, sock/1, cert/1, host/1, host_info/1, port/1, path/1,
    path_info/1, qs/1, fragment/1, url/1, host_url/1, uri/1, uri/2, binding/2, binding/3, bindings/1, header/2,
    header/3, headers/1, parse_header/2, parse_header/3, qs_val/2, qs_val/3, qs_vals/1, parse_qs/1, parse_qs/2,
    match_qs/2, match_qs/3, cookie/2, cookie/3, cookies/1, parse_cookies/1, parse_cookies/2, match_cookies/2,
    match_cookies/3, filter_cookies/2, meta/2, meta/3, set_meta/3]).
-export([has_body/1, body_length/1, read_body/1, read_body/2, read_urlencoded_body/1, read_urlencoded_body/2,
    read_and_match_urlencoded_body/2, read_and_match_urlencoded_body/3, read_part/1, read_part/2,
    read_part_body/1, read_part_body/2, body/1, body/2, body_qs/1, body_qs/2, part/1, part/2, part_body/1,
    part_body/2, init_stream/4, stream_body/1, stream_body/2, skip_body/1, multipart_data/1, multipart_skip/1]).
-export([set_resp_cookie/3, set_resp_cookie/4, set_resp_header/3, set_resp_headers/2, delete_resp_header/2,
    has_resp_header/2, resp_header/2, resp_header/3, resp_headers/1, set_resp_body/2, set_resp_body_fun/2,
    set_resp_body_fun/3, has_resp_body/1]).
-export([reply/2, reply/3, reply/4, inform/2, inform/3, stream_reply/2, stream_reply/3, stream_body/3,
    stream_events/3, stream_trailers/2, push/3, push/4, cast/2, response_headers/2, chunked_reply/2,
    chunked_reply/3, chunk/2, continue/1, upgrade_reply/3, maybe_reply/2, ensure_response/2]).
-export([compact/1, lock/1, get/2, set/2, to_list/1, set_bindings/4, append_buffer/2, new/14, new/15]).

-export_type([req/0, read_body_opts/0, resp_body/0, push_opts/0, body_opts/0, cookie_opts/0, content_decode_fun/0,
    transfer_decode_fun/0]).

-type req() :: farrier_req:req().
-type read_body_opts() :: farrier_req_2_body:options().
-type resp_body() :: farrier_exchange:body().
-type push_opts() :: #{method => binary(), scheme => binary(), host => binary(), port => inet:port_number(),
    qs => binary()}.
-type body_opts() :: farrier_req_1_body:options().
-type cookie_opts() :: [{max_age, non_neg_integer()} | {domain | path, binary()} | {secure | http_only, boolean()}].
-type content_decode_fun() :: fun((binary()) -> {ok, binary()} | {error, atom()}).
-type transfer_decode_fun() :: fun((binary(), term()) -> term()).

%%% What the request says

-spec method(req()) -> term().
method(Req) -> call(request, method, [Req], Req).

-spec version(req()) -> term().
version(Req) -> call(request, version, [Req], Req).

-spec scheme(req()) -> term().
scheme(Req) -> call(request, scheme, [Req], Req).

-spec peer(req()) -> term().
peer(Req) -> call(request, peer, [Req], Req).

-spec peer_addr(req()) -> term().
peer_addr(Req) -> call(request, peer_addr, [Req], Req).

-spec sock(req()) -> term().
sock(Req) -> call(request, sock, [Req], Req).

-spec cert(req()) -> term().
cert(Req) -> call(request, cert, [Req], Req).

-spec host(req()) -> term().
host(Req) -> call(request, host, [Req], Req).

-spec host_info(req()) -> term().
host_info(Req) -> call(request, host_info, [Req], Req).

-spec port(req()) -> term().
port(Req) -> call(request, port, [Req], Req).

-spec path(req()) -> term().
path(Req) -> call(request, path, [Req], Req).

-spec path_info(req()) -> term().
path_info(Req) -> call(request, path_info, [Req], Req).

-spec qs(req()) -> term().
qs(Req) -> call(request, qs, [Req], Req).

-spec fragment(req()) -> term().
fragment(Req) -> call(request, fragment, [Req], Req).

-spec url(req()) -> term().
url(Req) -> call(request, url, [Req], Req).

-spec host_url(req()) -> term().
host_url(Req) -> call(request, host_url, [Req], Req).

-spec uri(req()) -> term().
uri(Req) -> call(request, uri, [Req], Req).

-spec uri(req(), term()) -> term().
uri(Req, Opts) -> call(request, uri, [Req, Opts], Req).

-spec binding(term(), req()) -> term().
binding(Name, Req) -> call(request, binding, [Name, Req], Req).

-spec binding(term(), req(), term()) -> term().
binding(Name, Req, Default) -> call(request, binding, [Name, Req, Default], Req).

-spec bindings(req()) -> term().
bindings(Req) -> call(request, bindings, [Req], Req).

-spec header(term(), req()) -> term().
header(Name, Req) -> call(request, header, [Name, Req], Req).

-spec header(term(), req(), term()) -> term().
header(Name, Req, Default) -> call(request, header, [Name, Req, Default], Req).

-spec headers(req()) -> term().
headers(Req) -> call(request, headers, [Req], Req).

-spec parse_header(term(), req()) -> term().
parse_header(Name, Req) -> call(request, parse_header, [Name, Req], Req).

-spec parse_header(term(), req(), term()) -> term().
parse_header(Name, Req, Default) -> call(request, parse_header, [Name, Req, Default], Req).

-spec qs_val(term(), req()) -> term().
qs_val(Name, Req) -> call(request, qs_val, [Name, Req], Req).

-spec qs_val(term(), req(), term()) -> term().
qs_val(Name, Req, Default) -> call(request, qs_val, [Name, Req, Default], Req).

-spec qs_vals(req()) -> term().
qs_vals(Req) -> call(request, qs_vals, [Req], Req).

-spec parse_qs(req()) -> term().
parse_qs(Req) -> call(request, parse_qs, [Req], Req).

-spec parse_qs(req(), term()) -> term().
parse_qs(Req, Opts) -> call(request, parse_qs, [Req, Opts], Req).

-spec match_qs(term(), req()) -> term().
match_qs(Fields, Req) -> call(request, match_qs, [Fields, Req], Req).

-spec match_qs(term(), req(), term()) -> term().
match_qs(Fields, Req, Opts) -> call(request, match_qs, [Fields, Req, Opts], Req).

-spec cookie(term(), req()) -> term().
cookie(Name, Req) -> call(request, cookie, [Name, Req], Req).

-spec cookie(term(), req(), term()) -> term().
cookie(Name, Req, Default) -> call(request, cookie, [Name, Req, Default], Req).

-spec cookies(req()) -> term().
cookies(Req) -> call(request, cookies, [Req], Req).

-spec parse_cookies(req()) -> term().
parse_cookies(Req) -> call(request, parse_cookies, [Req], Req).

-spec parse_cookies(req(), term()) -> term().
parse_cookies(Req, Opts) -> call(request, parse_cookies, [Req, Opts], Req).

-spec match_cookies(term(), req()) -> term().
match_cookies(Fields, Req) -> call(request, match_cookies, [Fields, Req], Req).

-spec match_cookies(term(), req(), term()) -> term().
match_cookies(Fields, Req, Opts) -> call(request, match_cookies, [Fields, Req, Opts], Req).

-spec filter_cookies(term(), req()) -> term().
filter_cookies(Names, Req) -> call(request, filter_cookies, [Names, Req], Req).

-spec meta(term(), req()) -> term().
meta(Name, Req) -> call(request, meta, [Name, Req], Req).

-spec meta(term(), req(), term()) -> term().
meta(Name, Req, Default) -> call(request, meta, [Name, Req, Default], Req).

-spec set_meta(term(), term(), req()) -> term().
set_meta(Name, Value, Req) -> call(request, set_meta, [Name, Value, Req], Req).

%%% The body of the request

-spec has_body(req()) -> term().
has_body(Req) -> call(body, has_body, [Req], Req).

-spec body_length(req()) -> term().
body_length(Req) -> call(body, body_length, [Req], Req).

-spec read_body(req()) -> term().
read_body(Req) -> call(body, read_body, [Req], Req).

-spec read_body(req(), term()) -> term().
read_body(Req, Opts) -> call(body, read_body, [Req, Opts], Req).

-spec read_urlencoded_body(req()) -> term().
read_urlencoded_body(Req) -> call(body, read_urlencoded_body, [Req], Req).

-spec read_urlencoded_body(req(), term()) -> term().
read_urlencoded_body(Req, Opts) -> call(body, read_urlencoded_body, [Req, Opts], Req).

-spec read_and_match_urlencoded_body(term(), req()) -> term().
read_and_match_urlencoded_body(Fields, Req) -> call(body, read_and_match_urlencoded_body, [Fields, Req], Req).

-spec read_and_match_urlencoded_body(term(), req(), term()) -> term().
read_and_match_urlencoded_body(Fields, Req, Opts) ->
    call(body, read_and_match_urlencoded_body, [Fields, Req, Opts], Req).

-spec read_part(req()) -> term().
read_part(Req) -> call(body, read_part, [Req], Req).

-spec read_part(req(), term()) -> term().
read_part(Req, Opts) -> call(body, read_part, [Req, Opts], Req).

-spec read_part_body(req()) -> term().
read_part_body(Req) -> call(body, read_part_body, [Req], Req).

-spec read_part_body(req(), term()) -> term().
read_part_body(Req, Opts) -> call(body, read_part_body, [Req, Opts], Req).

-spec body(req()) -> term().
body(Req) -> call(body, body, [Req], Req).

%% @doc Cowboy 0.10 and later take options after the Req, earlier ones a length before it.
-spec body(term(), term()) -> term().
body(Req, Opts) when is_tuple(Req) -> call(body, body, [Req, Opts], Req);
body(MaxLength, Req) -> call(stream, body, [MaxLength, Req], Req).

-spec body_qs(req()) -> term().
body_qs(Req) -> call(body, body_qs, [Req], Req).

%% @doc As `body/2'.
-spec body_qs(term(), term()) -> term().
body_qs(Req, Opts) when is_tuple(Req) -> call(body, body_qs, [Req, Opts], Req);
body_qs(MaxLength, Req) -> call(stream, body_qs, [MaxLength, Req], Req).

-spec part(req()) -> term().
part(Req) -> call(body, part, [Req], Req).

-spec part(req(), term()) -> term().
part(Req, Opts) -> call(body, part, [Req, Opts], Req).

-spec part_body(req()) -> term().
part_body(Req) -> call(body, part_body, [Req], Req).

-spec part_body(req(), term()) -> term().
part_body(Req, Opts) -> call(body, part_body, [Req, Opts], Req).

-spec init_stream(term(), term(), term(), req()) -> term().
init_stream(TransferDecode, TransferState, ContentDecode, Req) ->
    call(stream, init_stream, [TransferDecode, TransferState, ContentDecode, Req], Req).

-spec stream_body(req()) -> term().
stream_body(Req) -> call(stream, stream_body, [Req], Req).

-spec stream_body(term(), req()) -> term().
stream_body(MaxLength, Req) -> call(stream, stream_body, [MaxLength, Req], Req).

-spec skip_body(req()) -> term().
skip_body(Req) -> call(stream, skip_body, [Req], Req).

-spec multipart_data(req()) -> term().
multipart_data(Req) -> call(stream, multipart_data, [Req], Req).

-spec multipart_skip(req()) -> term().
multipart_skip(Req) -> call(stream, multipart_skip, [Req], Req).

%%% Preparing a response

-spec set_resp_cookie(term(), term(), req()) -> term().
set_resp_cookie(Name, Value, Req) -> call(request, set_resp_cookie, [Name, Value, Req], Req).

%% @doc Cowboy 2 takes the Req before the options, earlier ones after them.
-spec set_resp_cookie(term(), term(), term(), term()) -> term().
set_resp_cookie(Name, Value, Req, Opts) when is_map(Opts) ->
    call(request, set_resp_cookie, [Name, Value, Req, Opts], Req);
set_resp_cookie(Name, Value, Opts, Req) ->
    call(request, set_resp_cookie, [Name, Value, Opts, Req], Req).

-spec set_resp_header(term(), term(), req()) -> term().
set_resp_header(Name, Value, Req) -> call(request, set_resp_header, [Name, Value, Req], Req).

-spec set_resp_headers(term(), req()) -> term().
set_resp_headers(Headers, Req) -> call(request, set_resp_headers, [Headers, Req], Req).

-spec delete_resp_header(term(), req()) -> term().
delete_resp_header(Name, Req) -> call(request, delete_resp_header, [Name, Req], Req).

-spec has_resp_header(term(), req()) -> term().
has_resp_header(Name, Req) -> call(request, has_resp_header, [Name, Req], Req).

-spec resp_header(term(), req()) -> term().
resp_header(Name, Req) -> call(request, resp_header, [Name, Req], Req).

-spec resp_header(term(), req(), term()) -> term().
resp_header(Name, Req, Default) -> call(request, resp_header, [Name, Req, Default], Req).

-spec resp_headers(req()) -> term().
resp_headers(Req) -> call(request, resp_headers, [Req], Req).

-spec set_resp_body(term(), req()) -> term().
set_resp_body(Body, Req) -> call(request, set_resp_body, [Body, Req], Req).

-spec set_resp_body_fun(term(), req()) -> term().
set_resp_body_fun(Fun, Req) -> call(request, set_resp_body_fun, [Fun, Req], Req).

-spec set_resp_body_fun(term(), term(), req()) -> term().
set_resp_body_fun(Length, Fun, Req) -> call(request, set_resp_body_fun, [Length, Fun, Req], Req).

-spec has_resp_body(req()) -> term().
has_resp_body(Req) -> call(request, has_resp_body, [Req], Req).

%%% Sending

-spec reply(term(), req()) -> term().
reply(Status, Req) -> call(request, reply, [Status, Req], Req).

-spec reply(term(), term(), req()) -> term().
reply(Status, Headers, Req) -> call(request, reply, [Status, Headers, Req], Req).

-spec reply(term(), term(), term(), req()) -> term().
reply(Status, Headers, Body, Req) -> call(request, reply, [Status, Headers, Body, Req], Req).

-spec inform(term(), req()) -> term().
inform(Status, Req) -> call(request, inform, [Status, Req], Req).

-spec inform(term(), term(), req()) -> term().
inform(Status, Headers, Req) -> call(request, inform, [Status, Headers, Req], Req).

-spec stream_reply(term(), req()) -> term().
stream_reply(Status, Req) -> call(request, stream_reply, [Status, Req], Req).

-spec stream_reply(term(), term(), req()) -> term().
stream_reply(Status, Headers, Req) -> call(request, stream_reply, [Status, Headers, Req], Req).

-spec stream_body(term(), term(), req()) -> term().
stream_body(Data, Fin, Req) -> call(request, stream_body, [Data, Fin, Req], Req).

-spec stream_events(term(), term(), req()) -> term().
stream_events(Events, Fin, Req) -> call(request, stream_events, [Events, Fin, Req], Req).

-spec stream_trailers(term(), req()) -> term().
stream_trailers(Trailers, Req) -> call(request, stream_trailers, [Trailers, Req], Req).

-spec push(term(), term(), req()) -> term().
push(Path, Headers, Req) -> call(request, push, [Path, Headers, Req], Req).

-spec push(term(), term(), req(), term()) -> term().
push(Path, Headers, Req, Opts) -> call(request, push, [Path, Headers, Req, Opts], Req).

-spec cast(term(), req()) -> term().
cast(Message, Req) -> call(request, cast, [Message, Req], Req).

-spec response_headers(term(), req()) -> term().
response_headers(Headers, Req) -> call(request, response_headers, [Headers, Req], Req).

-spec chunked_reply(term(), req()) -> term().
chunked_reply(Status, Req) -> call(response, chunked_reply, [Status, Req], Req).

-spec chunked_reply(term(), term(), req()) -> term().
chunked_reply(Status, Headers, Req) -> call(response, chunked_reply, [Status, Headers, Req], Req).

-spec chunk(term(), req()) -> term().
chunk(Data, Req) -> call(response, chunk, [Data, Req], Req).

-spec continue(req()) -> term().
continue(Req) -> call(response, continue, [Req], Req).

-spec upgrade_reply(term(), term(), req()) -> term().
upgrade_reply(Status, Headers, Req) -> call(response, upgrade_reply, [Status, Headers, Req], Req).

-spec maybe_reply(term(), req()) -> term().
maybe_reply(Status, Req) -> call(response, maybe_reply, [Status, Req], Req).

-spec ensure_response(req(), term()) -> term().
ensure_response(Req, Status) -> call(response, ensure_response, [Req, Status], Req).

%%% The Req itself

-spec compact(req()) -> term().
compact(Req) -> call(request, compact, [Req], Req).

-spec lock(req()) -> term().
lock(Req) -> call(request, lock, [Req], Req).

-spec get(term(), req()) -> term().
get(Names, Req) -> call(request, get, [Names, Req], Req).

-spec set(term(), req()) -> term().
set(Values, Req) -> call(request, set, [Values, Req], Req).

-spec to_list(req()) -> term().
to_list(Req) -> call(request, to_list, [Req], Req).

-spec set_bindings(term(), term(), term(), req()) -> term().
set_bindings(HostInfo, PathInfo, Bindings, Req) ->
    call(request, set_bindings, [HostInfo, PathInfo, Bindings, Req], Req).

-spec append_buffer(term(), req()) -> term().
append_buffer(Data, Req) -> call(request, append_buffer, [Data, Req], Req).
-spec new(term(), module(), term(), binary(), binary(), binary(), atom(), list(), binary(), term(), binary(), boolean(),
    boolean(), term()) -> req().
new(Socket, Transport, Peer, Method, Path, Qs, Version, Headers, Host, Port, Buffer, KeepAlive, Compress, OnResponse) ->
    farrier_req_1:new(Socket, Transport, Peer, Method, Path, Qs, Version, Headers, Host, Port, Buffer, KeepAlive,
        Compress, OnResponse).

%% @doc Cowboy 0.8.0 to 0.8.4 knew a fragment, which no client sends.
-spec new(term(), module(), term(), binary(), binary(), binary(), binary(), atom(), list(), binary(), term(), binary(),
    boolean(), boolean(), term()) -> req().
new(Socket, Transport, Peer, Method, Path, Qs, _, Version, Headers, Host, Port, Buffer, KeepAlive, Compress, Hook) ->
    new(Socket, Transport, Peer, Method, Path, Qs, Version, Headers, Host, Port, Buffer, KeepAlive, Compress, Hook).

%%% Dispatch

-spec call(request | body | stream | response, atom(), [term()], req()) -> term().
call(Part, Function, Arguments, Req) ->
    case farrier_req:generation(Req) of
        0 -> farrier_req:call(1, module(1, Part), Function, named_0(Function, Arguments));
        Generation -> apply(module(Generation, Part), Function, Arguments)
    end.

-spec module(1 | '2pre' | 2, request | body | stream | response) -> module().
module(2, body) -> farrier_req_2_body;
module(2, _) -> farrier_req_2;
module('2pre', _) -> farrier_req_2pre;
module(1, request) -> farrier_req_1;
module(1, body) -> farrier_req_1_body;
module(1, stream) -> farrier_req_1_stream;
module(1, response) -> farrier_req_1_resp.

%% Cowboy 0.6 became 0.8 step by step, and some handlers of 0 call this module with the Req of their own generation.
%% Whatever a header is called, it is found.
-spec named_0(atom(), [term()]) -> [term()].
named_0(Function, [Name | Arguments]) when
    Function =:= header; Function =:= parse_header; Function =:= set_resp_header; Function =:= delete_resp_header;
    Function =:= has_resp_header
->
    [farrier_req_0_header:lower(Name) | Arguments];
named_0(_, Arguments) ->
    Arguments.
