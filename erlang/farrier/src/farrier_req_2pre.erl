%% @doc The Req of the pre-releases of Cowboy 2 (2.0.0-pre.1 to pre.3): a record, with getters that give the bare
%% value.
%%
%% It is the record of Cowboy 1 without three of its caches, until pre.4 made it a map. The functions of
%% `farrier_req_1' do the work on that one: here they lose the pair, the `ok', or get the fields of Cowboy 2. What
%% a client got wrong is an error of class `error'; a malformed header, `{malformed_header, Name}', is answered
%% 400, everything else 500.
-module(farrier_req_2pre).

-export([new/3, to_1/1, from_1/1, get/2, set/2, to_list/1, lock/1, set_bindings/4]).
-export([method/1, version/1, peer/1, host/1, host_info/1, port/1, path/1, path_info/1, qs/1]).
-export([parse_qs/1, match_qs/2, host_url/1, url/1, binding/2, binding/3, bindings/1]).
-export([header/2, header/3, headers/1, parse_header/2, parse_header/3, parse_cookies/1, match_cookies/2]).
-export([meta/2, meta/3, set_meta/3]).
-export([has_body/1, body_length/1, body/1, body/2, body_qs/1, body_qs/2, part/1, part/2, part_body/1, part_body/2]).
-export([set_resp_cookie/4, set_resp_header/3, delete_resp_header/2, has_resp_header/2]).
-export([set_resp_body/2, set_resp_body_fun/2, set_resp_body_fun/3, has_resp_body/1]).
-export([reply/2, reply/3, reply/4, chunked_reply/2, chunked_reply/3, chunk/2, continue/1]).
-export([maybe_reply/2, ensure_response/2, upgrade_headers/1]).

-export_type([req/0]).

%% `http_req' and the 24 fields of pre.3, which `to_list/1' names.
-type req() :: tuple().

-type headers() :: farrier_exchange:headers().
-type status() :: integer() | binary().
-type pairs() :: [{binary(), binary() | true}].

%% Fields that Cowboy 1 had and the pre-releases had not.
-define(ONLY_IN_1, [qs_vals, p_headers, cookies]).
%% Elements of either tuple up to the field `qs'.
-define(TO_QS, 14).

%%% Making

%% @doc The Req of a request of listener `Ref', before routing. `Options' as in {@link farrier_req_1:new/3}; the
%% `onresponse' hook is called with Reqs of this kind.
-spec new(map(), term(), map()) -> req().
new(Request, Ref, #{onresponse := Hook} = Options) when is_function(Hook, 4) ->
    Wrapped = fun(Status, Headers, Body, Req) -> to_1(Hook(Status, Headers, Body, from_1(Req))) end,
    from_1(farrier_req_1:new(Request, Ref, Options#{onresponse := Wrapped}));
new(Request, Ref, Options) ->
    from_1(farrier_req_1:new(Request, Ref, Options)).

%% @doc The same as a record of Cowboy 1, its caches empty.
-spec to_1(req()) -> farrier_req_1:req().
to_1(Req) when element(1, Req) =:= http_req, tuple_size(Req) =:= 25 ->
    {ToQs, [Bindings, Headers | FromMeta]} = lists:split(?TO_QS, tuple_to_list(Req)),
    list_to_tuple(ToQs ++ [undefined, Bindings, Headers, [], undefined | FromMeta]).

-spec from_1(farrier_req_1:req()) -> req().
from_1(Record) ->
    {ToQs, [_, Bindings, Headers, _, _ | FromMeta]} = lists:split(?TO_QS, tuple_to_list(Record)),
    list_to_tuple(ToQs ++ [Bindings, Headers | FromMeta]).

%% @doc A field of the record by its name, or a list of fields.
-spec get(atom() | [atom()], req()) -> term() | [term()].
get(Names, Req) when is_list(Names) -> [get(Name, Req) || Name <- Names];
get(Name, Req) when Name =/= qs_vals, Name =/= p_headers, Name =/= cookies -> farrier_req_1:get(Name, to_1(Req)).

-spec set([{atom(), term()}], req()) -> req().
set(Values, Req) -> from_1(farrier_req_1:set(Values, to_1(Req))).

-spec to_list(req()) -> [{atom(), term()}].
to_list(Req) ->
    [Field || {Name, _} = Field <- farrier_req_1:to_list(to_1(Req)), not lists:member(Name, ?ONLY_IN_1)].

%% @doc No response can be sent with the Req any more.
-spec lock(req()) -> req().
lock(Req) -> from_1(farrier_req_1:lock(to_1(Req))).

-spec set_bindings([binary()] | undefined, [binary()] | undefined, [{atom(), term()}], req()) -> req().
set_bindings(HostInfo, PathInfo, Bindings, Req) ->
    from_1(farrier_req_1:set_bindings(HostInfo, PathInfo, Bindings, to_1(Req))).

%%% What the request says

%% The value of a getter of Cowboy 1, which nothing has to be kept of.
-spec value({Value, farrier_req_1:req()}) -> Value.
value({Value, _}) -> Value.

-spec method(req()) -> binary().
method(Req) -> value(farrier_req_1:method(to_1(Req))).

-spec version(req()) -> atom().
version(Req) -> value(farrier_req_1:version(to_1(Req))).

-spec peer(req()) -> {inet:ip_address(), inet:port_number()} | undefined.
peer(Req) -> value(farrier_req_1:peer(to_1(Req))).

-spec host(req()) -> binary().
host(Req) -> value(farrier_req_1:host(to_1(Req))).

-spec host_info(req()) -> [binary()] | undefined.
host_info(Req) -> value(farrier_req_1:host_info(to_1(Req))).

-spec port(req()) -> inet:port_number() | undefined.
port(Req) -> value(farrier_req_1:port(to_1(Req))).

-spec path(req()) -> binary().
path(Req) -> value(farrier_req_1:path(to_1(Req))).

-spec path_info(req()) -> [binary()] | undefined.
path_info(Req) -> value(farrier_req_1:path_info(to_1(Req))).

-spec qs(req()) -> binary().
qs(Req) -> value(farrier_req_1:qs(to_1(Req))).

%% @doc The pairs of the query string; `true' for a name without `='.
-spec parse_qs(req()) -> pairs().
parse_qs(Req) -> farrier_qs:parse(qs(Req)).

%% @doc Picks, checks and converts values of the query string. Constraints are `int', `nonempty' or a fun of one
%% argument.
-spec match_qs(farrier_req_2:fields(), req()) -> #{atom() => term()}.
match_qs(Fields, Req) ->
    matched(fun() -> farrier_req_2:match_qs(Fields, #{qs => qs(Req)}, #{max_keys => infinity}) end).

%% A field that is missing and one that fails its constraints are the errors that a bare match and a case make of
%% them.
-spec matched(fun(() -> map())) -> map().
matched(Match) ->
    try
        Match()
    catch
        exit:{request_error, {Tag, Errors}, _} when Tag =:= match_qs; Tag =:= match_cookies ->
            case lists:member(required, maps:values(Errors)) of
                true -> error({badmatch, false});
                false -> error({case_clause, false})
            end
    end.

-spec host_url(req()) -> binary() | undefined.
host_url(Req) -> value(farrier_req_1:host_url(to_1(Req))).

-spec url(req()) -> binary() | undefined.
url(Req) -> value(farrier_req_1:url(to_1(Req))).

-spec binding(atom(), req()) -> term() | undefined.
binding(Name, Req) -> binding(Name, Req, undefined).

-spec binding(atom(), req(), term()) -> term().
binding(Name, Req, Default) -> value(farrier_req_1:binding(Name, to_1(Req), Default)).

%% @doc A property list, not yet a map.
-spec bindings(req()) -> [{atom(), term()}] | undefined.
bindings(Req) -> value(farrier_req_1:bindings(to_1(Req))).

-spec header(binary(), req()) -> binary() | undefined.
header(Name, Req) -> header(Name, Req, undefined).

-spec header(binary(), req(), Default) -> binary() | Default.
header(Name, Req, Default) -> value(farrier_req_1:header(Name, to_1(Req), Default)).

%% @doc A list, the header that arrived last first.
-spec headers(req()) -> [{binary(), binary()}].
headers(Req) -> value(farrier_req_1:headers(to_1(Req))).

-spec parse_header(binary(), req()) -> term().
parse_header(<<"content-length">> = Name, Req) -> parse_header(Name, Req, 0);
parse_header(<<"cookie">> = Name, Req) -> parse_header(Name, Req, []);
parse_header(<<"transfer-encoding">> = Name, Req) -> parse_header(Name, Req, [<<"identity">>]);
parse_header(Name, Req) -> parse_header(Name, Req, undefined).

%% @doc The parsed header in the terms of Cowboy 2, or `Default'. Fails for a header that is malformed, and even
%% without the header for a name that nobody knows how to parse.
-spec parse_header(binary(), req(), term()) -> term().
parse_header(Name, Req, Default) ->
    Raw = header(Name, Req),
    case farrier_header:parse(parser(Name), present(Raw)) of
        unknown -> unknown_header(Name);
        _ when Raw =:= undefined -> Default;
        {ok, Term} -> Term;
        error -> error({malformed_header, Name})
    end.

%% Both are lists of lower-cased tokens.
-spec parser(binary()) -> binary().
parser(<<"transfer-encoding">>) -> <<"connection">>;
parser(Name) -> Name.

%% A mistake of the handler's, so not of those that `crash_status/1' blames on the client.
-spec unknown_header(binary()) -> no_return().
unknown_header(Name) -> error({unknown_header, Name}).

-spec present(binary() | undefined) -> binary().
present(undefined) -> <<>>;
present(Raw) -> Raw.

-spec parse_cookies(req()) -> [{binary(), binary()}].
parse_cookies(Req) -> parse_header(<<"cookie">>, Req).

%% @doc Picks, checks and converts cookies, as {@link match_qs/2}.
-spec match_cookies(farrier_req_2:fields(), req()) -> #{atom() => term()}.
match_cookies(Fields, Req) ->
    _ = parse_cookies(Req),
    Headers = maps:from_list([{Name, V} || Name <- [<<"cookie">>], V <- [header(Name, Req)], V =/= undefined]),
    matched(fun() -> farrier_req_2:match_cookies(Fields, #{headers => Headers}, #{max_keys => infinity}) end).

-spec meta(atom(), req()) -> term() | undefined.
meta(Name, Req) -> meta(Name, Req, undefined).

-spec meta(atom(), req(), term()) -> term().
meta(Name, Req, Default) -> value(farrier_req_1:meta(Name, to_1(Req), Default)).

-spec set_meta(atom(), term(), req()) -> req().
set_meta(Name, Value, Req) -> from_1(farrier_req_1:set_meta(Name, Value, to_1(Req))).

%%% Body

-spec has_body(req()) -> boolean().
has_body(Req) -> farrier_req_1_body:has_body(to_1(Req)).

%% @doc `undefined' for a body in chunks.
-spec body_length(req()) -> non_neg_integer() | undefined.
body_length(Req) -> value(farrier_req_1_body:body_length(to_1(Req))).

-spec body(req()) -> {ok | more, binary(), req()}.
body(Req) -> body(Req, []).

%% @doc A piece of the body: `more' if there is more. A body that cannot be read is a `badmatch' error.
-spec body(req(), farrier_req_1_body:options()) -> {ok | more, binary(), req()}.
body(Req, Opts) -> read(farrier_req_1_body:body(to_1(Req), options(Opts))).

%% A fun for `content_decode' gives the bare binary.
-spec options(farrier_req_1_body:options()) -> farrier_req_1_body:options().
options(Opts) ->
    case lists:keyfind(content_decode, 1, Opts) of
        {_, Decode} -> lists:keystore(content_decode, 1, Opts, {content_decode, fun(Data) -> {ok, Decode(Data)} end});
        false -> Opts
    end.

-spec read({ok | more, Data, farrier_req_1:req()} | {done | badlength, farrier_req_1:req()} | {error, atom()}) ->
    {ok | more, Data, req()} | {done | badlength, req()}.
read({Fin, Data, Req}) -> {Fin, Data, from_1(Req)};
read({error, _} = Error) -> error({badmatch, Error});
read({End, Req}) -> {End, from_1(Req)}.

-spec body_qs(req()) -> {ok, pairs(), req()} | {badlength, req()}.
body_qs(Req) -> read(farrier_req_1_body:body_qs(to_1(Req))).

-spec body_qs(req(), farrier_req_1_body:options()) -> {ok, pairs(), req()} | {badlength, req()}.
body_qs(Req, Opts) -> read(farrier_req_1_body:body_qs(to_1(Req), options(Opts))).

-spec part(req()) -> {ok, farrier_multipart:headers(), req()} | {done, req()}.
part(Req) -> read(farrier_req_1_body:part(to_1(Req))).

-spec part(req(), farrier_req_1_body:options()) -> {ok, farrier_multipart:headers(), req()} | {done, req()}.
part(Req, Opts) -> read(farrier_req_1_body:part(to_1(Req), options(Opts))).

-spec part_body(req()) -> {ok | more, binary(), req()}.
part_body(Req) -> read(farrier_req_1_body:part_body(to_1(Req))).

-spec part_body(req(), farrier_req_1_body:options()) -> {ok | more, binary(), req()}.
part_body(Req, Opts) -> read(farrier_req_1_body:part_body(to_1(Req), options(Opts))).

%%% Response

-spec set_resp_cookie(iodata(), iodata(), [{atom(), term()}], req()) -> req().
set_resp_cookie(Name, Value, Opts, Req) -> from_1(farrier_req_1:set_resp_cookie(Name, Value, Opts, to_1(Req))).

%% @doc A name that is set again is sent again.
-spec set_resp_header(binary(), iodata(), req()) -> req().
set_resp_header(Name, Value, Req) -> from_1(farrier_req_1:set_resp_header(Name, Value, to_1(Req))).

-spec delete_resp_header(binary(), req()) -> req().
delete_resp_header(Name, Req) -> from_1(farrier_req_1:delete_resp_header(Name, to_1(Req))).

-spec has_resp_header(binary(), req()) -> boolean().
has_resp_header(Name, Req) -> farrier_req_1:has_resp_header(Name, to_1(Req)).

-spec set_resp_body(iodata(), req()) -> req().
set_resp_body(Body, Req) -> from_1(farrier_req_1:set_resp_body(Body, to_1(Req))).

-spec set_resp_body_fun(fun((term(), module()) -> term()), req()) -> req().
set_resp_body_fun(Fun, Req) -> from_1(farrier_req_1:set_resp_body_fun(Fun, to_1(Req))).

-spec set_resp_body_fun(non_neg_integer() | chunked, fun(), req()) -> req().
set_resp_body_fun(Length, Fun, Req) -> from_1(farrier_req_1:set_resp_body_fun(Length, Fun, to_1(Req))).

-spec has_resp_body(req()) -> boolean().
has_resp_body(Req) -> farrier_req_1:has_resp_body(to_1(Req)).

%% @doc What the handler has set, for the answer to an upgrade.
-spec upgrade_headers(req()) -> headers().
upgrade_headers(Req) -> farrier_req_1:upgrade_headers(to_1(Req)).

%% The Req of an action of Cowboy 1.
-spec done({ok, farrier_req_1:req()}) -> req().
done({ok, Req}) -> from_1(Req).

-spec reply(status(), req()) -> req().
reply(Status, Req) -> done(farrier_req_1:reply(Status, to_1(Req))).

-spec reply(status(), headers(), req()) -> req().
reply(Status, Headers, Req) -> done(farrier_req_1:reply(Status, Headers, to_1(Req))).

%% @doc Sends a complete response. A response that has been sent, or a locked Req, is a `function_clause'.
-spec reply(status(), headers(), term(), req()) -> req().
reply(Status, Headers, Body, Req) -> done(farrier_req_1:reply(Status, Headers, Body, to_1(Req))).

-spec chunked_reply(status(), req()) -> req().
chunked_reply(Status, Req) -> done(farrier_req_1_resp:chunked_reply(Status, to_1(Req))).

-spec chunked_reply(status(), headers(), req()) -> req().
chunked_reply(Status, Headers, Req) -> done(farrier_req_1_resp:chunked_reply(Status, Headers, to_1(Req))).

%% @doc Returns once there is room for the next chunk.
-spec chunk(iodata(), req()) -> ok | {error, atom()}.
chunk(Data, Req) -> farrier_req_1_resp:chunk(Data, to_1(Req)).

-spec continue(req()) -> ok.
continue(Req) -> farrier_req_1_resp:continue(to_1(Req)).

%% @doc Answers 400 if the stack trace says that a header of the client's could not be parsed, else 500; nothing if
%% an answer has been sent.
-spec maybe_reply(list(), req()) -> ok.
maybe_reply(Stack, Req) -> farrier_req_1_resp:maybe_reply(crash_status(Stack), to_1(Req)).

-spec crash_status(list()) -> 400 | 500.
crash_status([{?MODULE, parse_header, _, _} | _]) -> 400;
crash_status(_) -> 500.

%% @doc Completes whatever a handler has left open: answers `Status' if nothing was sent, ends a body in chunks.
-spec ensure_response(req(), status()) -> ok.
ensure_response(Req, Status) -> farrier_req_1_resp:ensure_response(to_1(Req), Status).
