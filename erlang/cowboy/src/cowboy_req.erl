%% @doc `cowboy_req' for both generations of Req in one node: what it is handed decides. On a map (Cowboy 2) functions
%% return bare values and Reqs, on a record (Cowboy 1) `{Value, Req}' and `{ok, Req}'.
%%
%% Nothing is done here: `farrier_req_2' and `farrier_req_2_body' document the functions on maps, `farrier_req_1',
%% `farrier_req_1_body' and `farrier_req_1_resp' those on records. A function that a generation does not have is a
%% `function_clause' on its Req.
-module(cowboy_req).

%% Both generations.
-export([method/1, version/1, peer/1, host/1, host_info/1, port/1, path/1, path_info/1, qs/1, binding/2,
    binding/3, bindings/1, header/2, header/3, headers/1, parse_header/2, parse_header/3, set_resp_header/3,
    delete_resp_header/2, has_resp_header/2, set_resp_body/2, has_resp_body/1, reply/2, reply/3, reply/4,
    has_body/1, body_length/1]).
-export([set_resp_cookie/4]).
%% Cowboy 2.
-export([scheme/1, sock/1, cert/1, uri/1, uri/2, parse_qs/1, parse_qs/2, match_qs/2, match_qs/3,
    parse_cookies/1, parse_cookies/2, match_cookies/2, match_cookies/3, filter_cookies/2, set_resp_cookie/3,
    set_resp_headers/2, resp_header/2, resp_header/3, resp_headers/1, stream_reply/2, stream_reply/3,
    stream_body/3, stream_events/3, stream_trailers/2, inform/2, inform/3, push/3, push/4, cast/2,
    response_headers/2, read_body/1, read_body/2, read_urlencoded_body/1, read_urlencoded_body/2,
    read_and_match_urlencoded_body/2, read_and_match_urlencoded_body/3, read_part/1, read_part/2,
    read_part_body/1, read_part_body/2]).
%% Cowboy 1.
-export([peer_addr/1, qs_val/2, qs_val/3, qs_vals/1, url/1, host_url/1, cookie/2, cookie/3, cookies/1, meta/2,
    meta/3, set_meta/3, set_resp_body_fun/2, set_resp_body_fun/3, compact/1, lock/1, get/2, set/2, to_list/1,
    set_bindings/4, body/1, body/2, body_qs/1, body_qs/2, part/1, part/2, part_body/1, part_body/2,
    chunked_reply/2, chunked_reply/3, chunk/2, continue/1, maybe_reply/2, ensure_response/2]).
-export([upgrade_reply/3, append_buffer/2, new/14, new/15]).

-export_type([req/0, read_body_opts/0, resp_body/0, push_opts/0, body_opts/0]).

-type req() :: farrier_req_2:req() | farrier_req_1:req().
-type read_body_opts() :: farrier_req_2_body:options().
-type resp_body() :: farrier_exchange:body().
-type push_opts() :: map().
-type body_opts() :: farrier_req_1_body:options().

%%% Both generations

%% @doc Cowboy 2 takes the Req before the options, Cowboy 1 after them.
-spec set_resp_cookie(term(), term(), term(), term()) -> req().
set_resp_cookie(Name, Value, Req, Opts) when is_map(Req), is_map(Opts) ->
    farrier_req_2:set_resp_cookie(Name, Value, Req, Opts);
set_resp_cookie(Name, Value, Opts, Req) when is_tuple(Req), is_list(Opts) ->
    farrier_req_1:set_resp_cookie(Name, Value, Opts, Req).

-spec method(req()) -> term().
method(Req) when is_map(Req) -> farrier_req_2:method(Req);
method(Req) when is_tuple(Req) -> farrier_req_1:method(Req).

-spec version(req()) -> term().
version(Req) when is_map(Req) -> farrier_req_2:version(Req);
version(Req) when is_tuple(Req) -> farrier_req_1:version(Req).

-spec peer(req()) -> term().
peer(Req) when is_map(Req) -> farrier_req_2:peer(Req);
peer(Req) when is_tuple(Req) -> farrier_req_1:peer(Req).

-spec host(req()) -> term().
host(Req) when is_map(Req) -> farrier_req_2:host(Req);
host(Req) when is_tuple(Req) -> farrier_req_1:host(Req).

-spec host_info(req()) -> term().
host_info(Req) when is_map(Req) -> farrier_req_2:host_info(Req);
host_info(Req) when is_tuple(Req) -> farrier_req_1:host_info(Req).

-spec port(req()) -> term().
port(Req) when is_map(Req) -> farrier_req_2:port(Req);
port(Req) when is_tuple(Req) -> farrier_req_1:port(Req).

-spec path(req()) -> term().
path(Req) when is_map(Req) -> farrier_req_2:path(Req);
path(Req) when is_tuple(Req) -> farrier_req_1:path(Req).

-spec path_info(req()) -> term().
path_info(Req) when is_map(Req) -> farrier_req_2:path_info(Req);
path_info(Req) when is_tuple(Req) -> farrier_req_1:path_info(Req).

-spec qs(req()) -> term().
qs(Req) when is_map(Req) -> farrier_req_2:qs(Req);
qs(Req) when is_tuple(Req) -> farrier_req_1:qs(Req).

-spec binding(term(), req()) -> term().
binding(Name, Req) when is_map(Req) -> farrier_req_2:binding(Name, Req);
binding(Name, Req) when is_tuple(Req) -> farrier_req_1:binding(Name, Req).

-spec binding(term(), req(), term()) -> term().
binding(Name, Req, Default) when is_map(Req) -> farrier_req_2:binding(Name, Req, Default);
binding(Name, Req, Default) when is_tuple(Req) -> farrier_req_1:binding(Name, Req, Default).

-spec bindings(req()) -> term().
bindings(Req) when is_map(Req) -> farrier_req_2:bindings(Req);
bindings(Req) when is_tuple(Req) -> farrier_req_1:bindings(Req).

-spec header(term(), req()) -> term().
header(Name, Req) when is_map(Req) -> farrier_req_2:header(Name, Req);
header(Name, Req) when is_tuple(Req) -> farrier_req_1:header(Name, Req).

-spec header(term(), req(), term()) -> term().
header(Name, Req, Default) when is_map(Req) -> farrier_req_2:header(Name, Req, Default);
header(Name, Req, Default) when is_tuple(Req) -> farrier_req_1:header(Name, Req, Default).

-spec headers(req()) -> term().
headers(Req) when is_map(Req) -> farrier_req_2:headers(Req);
headers(Req) when is_tuple(Req) -> farrier_req_1:headers(Req).

-spec parse_header(term(), req()) -> term().
parse_header(Name, Req) when is_map(Req) -> farrier_req_2:parse_header(Name, Req);
parse_header(Name, Req) when is_tuple(Req) -> farrier_req_1:parse_header(Name, Req).

-spec parse_header(term(), req(), term()) -> term().
parse_header(Name, Req, Default) when is_map(Req) -> farrier_req_2:parse_header(Name, Req, Default);
parse_header(Name, Req, Default) when is_tuple(Req) -> farrier_req_1:parse_header(Name, Req, Default).

-spec set_resp_header(term(), term(), req()) -> term().
set_resp_header(Name, Value, Req) when is_map(Req) -> farrier_req_2:set_resp_header(Name, Value, Req);
set_resp_header(Name, Value, Req) when is_tuple(Req) -> farrier_req_1:set_resp_header(Name, Value, Req).

-spec delete_resp_header(term(), req()) -> term().
delete_resp_header(Name, Req) when is_map(Req) -> farrier_req_2:delete_resp_header(Name, Req);
delete_resp_header(Name, Req) when is_tuple(Req) -> farrier_req_1:delete_resp_header(Name, Req).

-spec has_resp_header(term(), req()) -> term().
has_resp_header(Name, Req) when is_map(Req) -> farrier_req_2:has_resp_header(Name, Req);
has_resp_header(Name, Req) when is_tuple(Req) -> farrier_req_1:has_resp_header(Name, Req).

-spec set_resp_body(term(), req()) -> term().
set_resp_body(Body, Req) when is_map(Req) -> farrier_req_2:set_resp_body(Body, Req);
set_resp_body(Body, Req) when is_tuple(Req) -> farrier_req_1:set_resp_body(Body, Req).

-spec has_resp_body(req()) -> term().
has_resp_body(Req) when is_map(Req) -> farrier_req_2:has_resp_body(Req);
has_resp_body(Req) when is_tuple(Req) -> farrier_req_1:has_resp_body(Req).

-spec reply(term(), req()) -> term().
reply(Status, Req) when is_map(Req) -> farrier_req_2:reply(Status, Req);
reply(Status, Req) when is_tuple(Req) -> farrier_req_1:reply(Status, Req).

-spec reply(term(), term(), req()) -> term().
reply(Status, Headers, Req) when is_map(Req) -> farrier_req_2:reply(Status, Headers, Req);
reply(Status, Headers, Req) when is_tuple(Req) -> farrier_req_1:reply(Status, Headers, Req).

-spec reply(term(), term(), term(), req()) -> term().
reply(Status, Headers, Body, Req) when is_map(Req) -> farrier_req_2:reply(Status, Headers, Body, Req);
reply(Status, Headers, Body, Req) when is_tuple(Req) -> farrier_req_1:reply(Status, Headers, Body, Req).

-spec has_body(req()) -> term().
has_body(Req) when is_map(Req) -> farrier_req_2_body:has_body(Req);
has_body(Req) when is_tuple(Req) -> farrier_req_1_body:has_body(Req).

-spec body_length(req()) -> term().
body_length(Req) when is_map(Req) -> farrier_req_2_body:body_length(Req);
body_length(Req) when is_tuple(Req) -> farrier_req_1_body:body_length(Req).

%%% Cowboy 2

-spec scheme(req()) -> term().
scheme(Req) when is_map(Req) -> farrier_req_2:scheme(Req).

-spec sock(req()) -> term().
sock(Req) when is_map(Req) -> farrier_req_2:sock(Req).

-spec cert(req()) -> term().
cert(Req) when is_map(Req) -> farrier_req_2:cert(Req).

-spec uri(req()) -> term().
uri(Req) when is_map(Req) -> farrier_req_2:uri(Req).

-spec uri(req(), term()) -> term().
uri(Req, Opts) when is_map(Req) -> farrier_req_2:uri(Req, Opts).

-spec parse_qs(req()) -> term().
parse_qs(Req) when is_map(Req) -> farrier_req_2:parse_qs(Req).

-spec parse_qs(req(), term()) -> term().
parse_qs(Req, Opts) when is_map(Req) -> farrier_req_2:parse_qs(Req, Opts).

-spec match_qs(term(), req()) -> term().
match_qs(Fields, Req) when is_map(Req) -> farrier_req_2:match_qs(Fields, Req).

-spec match_qs(term(), req(), term()) -> term().
match_qs(Fields, Req, Opts) when is_map(Req) -> farrier_req_2:match_qs(Fields, Req, Opts).

-spec parse_cookies(req()) -> term().
parse_cookies(Req) when is_map(Req) -> farrier_req_2:parse_cookies(Req).

-spec parse_cookies(req(), term()) -> term().
parse_cookies(Req, Opts) when is_map(Req) -> farrier_req_2:parse_cookies(Req, Opts).

-spec match_cookies(term(), req()) -> term().
match_cookies(Fields, Req) when is_map(Req) -> farrier_req_2:match_cookies(Fields, Req).

-spec match_cookies(term(), req(), term()) -> term().
match_cookies(Fields, Req, Opts) when is_map(Req) -> farrier_req_2:match_cookies(Fields, Req, Opts).

-spec filter_cookies(term(), req()) -> term().
filter_cookies(Names, Req) when is_map(Req) -> farrier_req_2:filter_cookies(Names, Req).

-spec set_resp_cookie(term(), term(), req()) -> term().
set_resp_cookie(Name, Value, Req) when is_map(Req) -> farrier_req_2:set_resp_cookie(Name, Value, Req).

-spec set_resp_headers(term(), req()) -> term().
set_resp_headers(Headers, Req) when is_map(Req) -> farrier_req_2:set_resp_headers(Headers, Req).

-spec resp_header(term(), req()) -> term().
resp_header(Name, Req) when is_map(Req) -> farrier_req_2:resp_header(Name, Req).

-spec resp_header(term(), req(), term()) -> term().
resp_header(Name, Req, Default) when is_map(Req) -> farrier_req_2:resp_header(Name, Req, Default).

-spec resp_headers(req()) -> term().
resp_headers(Req) when is_map(Req) -> farrier_req_2:resp_headers(Req).

-spec stream_reply(term(), req()) -> term().
stream_reply(Status, Req) when is_map(Req) -> farrier_req_2:stream_reply(Status, Req).

-spec stream_reply(term(), term(), req()) -> term().
stream_reply(Status, Headers, Req) when is_map(Req) -> farrier_req_2:stream_reply(Status, Headers, Req).

-spec stream_body(term(), term(), req()) -> term().
stream_body(Data, Fin, Req) when is_map(Req) -> farrier_req_2:stream_body(Data, Fin, Req).

-spec stream_events(term(), term(), req()) -> term().
stream_events(Events, Fin, Req) when is_map(Req) -> farrier_req_2:stream_events(Events, Fin, Req).

-spec stream_trailers(term(), req()) -> term().
stream_trailers(Trailers, Req) when is_map(Req) -> farrier_req_2:stream_trailers(Trailers, Req).

-spec inform(term(), req()) -> no_return().
inform(Status, Req) when is_map(Req) -> farrier_req_2:inform(Status, Req).

-spec inform(term(), term(), req()) -> no_return().
inform(Status, Headers, Req) when is_map(Req) -> farrier_req_2:inform(Status, Headers, Req).

-spec push(term(), term(), req()) -> term().
push(Path, Headers, Req) when is_map(Req) -> farrier_req_2:push(Path, Headers, Req).

-spec push(term(), term(), req(), term()) -> term().
push(Path, Headers, Req, Opts) when is_map(Req) -> farrier_req_2:push(Path, Headers, Req, Opts).

-spec cast(term(), req()) -> term().
cast(Message, Req) when is_map(Req) -> farrier_req_2:cast(Message, Req).

-spec response_headers(term(), req()) -> term().
response_headers(Headers, Req) when is_map(Req) -> farrier_req_2:response_headers(Headers, Req).

-spec read_body(req()) -> term().
read_body(Req) when is_map(Req) -> farrier_req_2_body:read_body(Req).

-spec read_body(req(), term()) -> term().
read_body(Req, Opts) when is_map(Req) -> farrier_req_2_body:read_body(Req, Opts).

-spec read_urlencoded_body(req()) -> term().
read_urlencoded_body(Req) when is_map(Req) -> farrier_req_2_body:read_urlencoded_body(Req).

-spec read_urlencoded_body(req(), term()) -> term().
read_urlencoded_body(Req, Opts) when is_map(Req) -> farrier_req_2_body:read_urlencoded_body(Req, Opts).

-spec read_and_match_urlencoded_body(term(), req()) -> term().
read_and_match_urlencoded_body(Fields, Req) when is_map(Req) ->
    farrier_req_2_body:read_and_match_urlencoded_body(Fields, Req).

-spec read_and_match_urlencoded_body(term(), req(), term()) -> term().
read_and_match_urlencoded_body(Fields, Req, Opts) when is_map(Req) ->
    farrier_req_2_body:read_and_match_urlencoded_body(Fields, Req, Opts).

-spec read_part(req()) -> term().
read_part(Req) when is_map(Req) -> farrier_req_2_body:read_part(Req).

-spec read_part(req(), term()) -> term().
read_part(Req, Opts) when is_map(Req) -> farrier_req_2_body:read_part(Req, Opts).

-spec read_part_body(req()) -> term().
read_part_body(Req) when is_map(Req) -> farrier_req_2_body:read_part_body(Req).

-spec read_part_body(req(), term()) -> term().
read_part_body(Req, Opts) when is_map(Req) -> farrier_req_2_body:read_part_body(Req, Opts).

%%% Cowboy 1

-spec peer_addr(req()) -> term().
peer_addr(Req) when is_tuple(Req) -> farrier_req_1:peer_addr(Req).

-spec qs_val(term(), req()) -> term().
qs_val(Name, Req) when is_tuple(Req) -> farrier_req_1:qs_val(Name, Req).

-spec qs_val(term(), req(), term()) -> term().
qs_val(Name, Req, Default) when is_tuple(Req) -> farrier_req_1:qs_val(Name, Req, Default).

-spec qs_vals(req()) -> term().
qs_vals(Req) when is_tuple(Req) -> farrier_req_1:qs_vals(Req).

-spec url(req()) -> term().
url(Req) when is_tuple(Req) -> farrier_req_1:url(Req).

-spec host_url(req()) -> term().
host_url(Req) when is_tuple(Req) -> farrier_req_1:host_url(Req).

-spec cookie(term(), req()) -> term().
cookie(Name, Req) when is_tuple(Req) -> farrier_req_1:cookie(Name, Req).

-spec cookie(term(), req(), term()) -> term().
cookie(Name, Req, Default) when is_tuple(Req) -> farrier_req_1:cookie(Name, Req, Default).

-spec cookies(req()) -> term().
cookies(Req) when is_tuple(Req) -> farrier_req_1:cookies(Req).

-spec meta(term(), req()) -> term().
meta(Name, Req) when is_tuple(Req) -> farrier_req_1:meta(Name, Req).

-spec meta(term(), req(), term()) -> term().
meta(Name, Req, Default) when is_tuple(Req) -> farrier_req_1:meta(Name, Req, Default).

-spec set_meta(term(), term(), req()) -> term().
set_meta(Name, Value, Req) when is_tuple(Req) -> farrier_req_1:set_meta(Name, Value, Req).

-spec set_resp_body_fun(term(), req()) -> term().
set_resp_body_fun(Fun, Req) when is_tuple(Req) -> farrier_req_1:set_resp_body_fun(Fun, Req).

-spec set_resp_body_fun(term(), term(), req()) -> term().
set_resp_body_fun(Length, Fun, Req) when is_tuple(Req) -> farrier_req_1:set_resp_body_fun(Length, Fun, Req).

-spec compact(req()) -> term().
compact(Req) when is_tuple(Req) -> farrier_req_1:compact(Req).

-spec lock(req()) -> term().
lock(Req) when is_tuple(Req) -> farrier_req_1:lock(Req).

-spec get(term(), req()) -> term().
get(Name, Req) when is_tuple(Req) -> farrier_req_1:get(Name, Req).

-spec set(term(), req()) -> term().
set(Values, Req) when is_tuple(Req) -> farrier_req_1:set(Values, Req).

-spec to_list(req()) -> term().
to_list(Req) when is_tuple(Req) -> farrier_req_1:to_list(Req).

-spec set_bindings(term(), term(), term(), req()) -> term().
set_bindings(HostInfo, PathInfo, Bindings, Req) when is_tuple(Req) ->
    farrier_req_1:set_bindings(HostInfo, PathInfo, Bindings, Req).

-spec body(req()) -> term().
body(Req) when is_tuple(Req) -> farrier_req_1_body:body(Req).

-spec body(req(), term()) -> term().
body(Req, Opts) when is_tuple(Req) -> farrier_req_1_body:body(Req, Opts).

-spec body_qs(req()) -> term().
body_qs(Req) when is_tuple(Req) -> farrier_req_1_body:body_qs(Req).

-spec body_qs(req(), term()) -> term().
body_qs(Req, Opts) when is_tuple(Req) -> farrier_req_1_body:body_qs(Req, Opts).

-spec part(req()) -> term().
part(Req) when is_tuple(Req) -> farrier_req_1_body:part(Req).

-spec part(req(), term()) -> term().
part(Req, Opts) when is_tuple(Req) -> farrier_req_1_body:part(Req, Opts).

-spec part_body(req()) -> term().
part_body(Req) when is_tuple(Req) -> farrier_req_1_body:part_body(Req).

-spec part_body(req(), term()) -> term().
part_body(Req, Opts) when is_tuple(Req) -> farrier_req_1_body:part_body(Req, Opts).

-spec chunked_reply(term(), req()) -> term().
chunked_reply(Status, Req) when is_tuple(Req) -> farrier_req_1_resp:chunked_reply(Status, Req).

-spec chunked_reply(term(), term(), req()) -> term().
chunked_reply(Status, Headers, Req) when is_tuple(Req) -> farrier_req_1_resp:chunked_reply(Status, Headers, Req).

-spec chunk(term(), req()) -> term().
chunk(Data, Req) when is_tuple(Req) -> farrier_req_1_resp:chunk(Data, Req).

-spec continue(req()) -> term().
continue(Req) when is_tuple(Req) -> farrier_req_1_resp:continue(Req).

-spec maybe_reply(term(), req()) -> term().
maybe_reply(Status, Req) when is_tuple(Req) -> farrier_req_1_resp:maybe_reply(Status, Req).

-spec ensure_response(req(), term()) -> term().
ensure_response(Req, Status) when is_tuple(Req) -> farrier_req_1_resp:ensure_response(Req, Status).

%%% Cowboy's own modules alone call these.

-spec upgrade_reply(term(), term(), term()) -> no_return().
upgrade_reply(_, _, _) ->
    not_supported('cowboy_req:upgrade_reply/3').

-spec append_buffer(term(), term()) -> no_return().
append_buffer(_, _) ->
    not_supported('cowboy_req:append_buffer/2').

-spec new(term(), term(), term(), term(), term(), term(), term(), term(), term(), term(), term(), term(), term(),
    term()) -> no_return().
new(_, _, _, _, _, _, _, _, _, _, _, _, _, _) ->
    not_supported('cowboy_req:new/14').

-spec new(term(), term(), term(), term(), term(), term(), term(), term(), term(), term(), term(), term(), term(),
    term(), term()) -> no_return().
new(_, _, _, _, _, _, _, _, _, _, _, _, _, _, _) ->
    not_supported('cowboy_req:new/15').

-spec not_supported(atom()) -> no_return().
not_supported(Function) ->
    error({not_supported, Function, 'farrier has no Erlang socket behind a Req.'}).
