%% @doc The Req of Cowboy 2: a map with exactly Cowboy's keys, and the functions of `cowboy_req' on it.
%%
%% Functions return what their namesakes of Cowboy 2.18 return and fail with the same terms. What a client got wrong is
%% an `exit({request_error, What, Text})', which becomes a 400 (408 and 413 where Cowboy does so). Request bodies are
%% `farrier_req_2_body''s.
-module(farrier_req_2).

-export([new/2, from_record/1, filter_default/1]).
-export([method/1, version/1, scheme/1, host/1, host_info/1, port/1, path/1, path_info/1, qs/1]).
-export([peer/1, sock/1, cert/1, uri/1, uri/2]).
-export([binding/2, binding/3, bindings/1, header/2, header/3, headers/1, parse_header/2, parse_header/3]).
-export([parse_qs/1, parse_qs/2, match_qs/2, match_qs/3]).
-export([parse_cookies/1, parse_cookies/2, match_cookies/2, match_cookies/3, filter_cookies/2]).
-export([match/4, headers_map/1]).
-export([set_resp_cookie/3, set_resp_cookie/4, set_resp_header/3, set_resp_headers/2, delete_resp_header/2]).
-export([resp_header/2, resp_header/3, resp_headers/1, has_resp_header/2, set_resp_body/2, has_resp_body/1]).
-export([reply/2, reply/3, reply/4, stream_reply/2, stream_reply/3, stream_body/3, stream_events/3, stream_trailers/2]).
-export([inform/2, inform/3, push/3, push/4, cast/2, response_headers/2, upgrade_headers/1]).

-export_type([req/0, fields/0, limit/0]).

-type req() :: map().
-type fields() :: [atom() | {atom(), constraints()} | {atom(), constraints(), Default :: term()}].
-type constraints() :: farrier_constraints:constraint() | [farrier_constraints:constraint()].
%% `max_keys': how many keys or cookies a request may have, default 100 (Cowboy 2.17, 2.18).
-type limit() :: #{max_keys => non_neg_integer() | infinity, _ => _}.

-define(MAX_KEYS, 100).
-define(MALFORMED_HEADER, 'Malformed header. Please consult the relevant specification.').
-define(MALFORMED_QS, 'Malformed query string; application/x-www-form-urlencoded expected.').

%%% Making

%% @doc The Req of a request of listener `Ref', before routing. The caller is the process that serves the request.
-spec new(map(), term()) -> req().
new(Request, Ref) ->
    ok = farrier_exchange:bind(Ref),
    Length = maps:get(body_length, Request),
    (maps:with([method, version, scheme, host, port, path, qs, peer, sock, protocol, proxy_header], Request))#{
        headers => headers_map(maps:get(headers, Request)),
        ref => Ref,
        pid => self(),
        streamid => maps:get(stream_id, Request),
        cert => maps:get(cert, Request, undefined),
        has_body => Length =/= 0,
        body_length => Length
    }.

%% @doc Repeated headers are one list (RFC 7230 3.2.2), repeated cookie headers one cookie string (RFC 6265). The
%% transfer coding is undone before a handler reads the body, so it is not among them.
-spec headers_map([{binary(), binary()}]) -> #{binary() => binary()}.
headers_map(Headers) ->
    lists:foldl(
        fun({Name, Value}, Map) ->
            case Map of
                _ when Name =:= <<"transfer-encoding">> -> Map;
                #{Name := Before} -> Map#{Name := <<Before/binary, (separator(Name))/binary, Value/binary>>};
                _ -> Map#{Name => Value}
            end
        end,
        #{},
        Headers
    ).

-spec separator(binary()) -> binary().
separator(<<"cookie">>) -> <<"; ">>;
separator(_) -> <<", ">>.

%% @doc Makes the Req for a handler of generation 2 on a listener of generation 1.
-spec from_record(farrier_req_1:req()) -> req().
from_record(Record) ->
    #{
        method := Method, version := Version, host := Host, port := Port, path := Path, qs := Qs, peer := Peer,
        headers := Headers, bindings := Bindings, host_info := HostInfo, path_info := PathInfo
    } = Fields = maps:from_list(farrier_req_1:to_list(Record)),
    Request = farrier_exchange:request(),
    Req = new(
        Request#{
            method := Method, version := Version, host := Host, port := Port, path := Path, qs := Qs, peer := Peer,
            headers := lists:reverse(Headers)
        },
        farrier_exchange:ref()
    ),
    response_from(Fields, Req#{
        bindings => maps:from_list(defined(Bindings)), host_info => HostInfo, path_info => PathInfo
    }).

-spec defined([{atom(), term()}] | undefined) -> [{atom(), term()}].
defined(undefined) -> [];
defined(Bindings) -> Bindings.

%% Headers are kept latest first in the record.
-spec response_from(map(), req()) -> req().
response_from(#{resp_headers := Headers, resp_body := Body, resp_state := State}, Req) ->
    {Cookies, Plain} = lists:partition(fun({Name, _}) -> Name =:= <<"set-cookie">> end, lists:reverse(Headers)),
    Parts = [
        {resp_headers, maps:from_list(Plain)},
        {resp_cookies, maps:from_list([{iolist_to_binary(C), C} || {_, C} <- Cookies])},
        {resp_body, Body}
    ],
    Set = maps:from_list([Part || {_, Value} = Part <- Parts, Value =/= #{}, Value =/= <<>>]),
    sent(State, maps:merge(Req, Set)).

-spec sent(atom(), req()) -> req().
sent(done, Req) -> Req#{has_sent_resp => true};
sent(State, Req) when State =:= chunks; State =:= stream -> Req#{has_sent_resp => headers};
sent(_, Req) -> Req.

%% @doc What remains of a Req for `terminate/3' of a WebSocket handler that sets no `req_filter'.
-spec filter_default(req()) -> map().
filter_default(Req) ->
    maps:with([method, version, scheme, host, port, path, qs, peer, streamid], Req).

%%% What the request says

-spec method(req()) -> binary().
method(#{method := Method}) -> Method.

-spec version(req()) -> atom().
version(#{version := Version}) -> Version.

-spec scheme(req()) -> binary().
scheme(#{scheme := Scheme}) -> Scheme.

%% @doc In lower case, without the port.
-spec host(req()) -> binary().
host(#{host := Host}) -> Host.

%% @doc What `[...]' matched in the host; crashes before routing.
-spec host_info(req()) -> [binary()] | undefined.
host_info(#{host_info := HostInfo}) -> HostInfo.

%% @doc From the host header, else the default of the scheme.
-spec port(req()) -> inet:port_number().
port(#{port := Port}) -> Port.

-spec path(req()) -> binary().
path(#{path := Path}) -> Path.

%% @doc What `[...]' matched in the path; crashes before routing.
-spec path_info(req()) -> [binary()] | undefined.
path_info(#{path_info := PathInfo}) -> PathInfo.

-spec qs(req()) -> binary().
qs(#{qs := Qs}) -> Qs.

-spec peer(req()) -> {inet:ip_address(), inet:port_number()}.
peer(#{peer := Peer}) -> Peer.

-spec sock(req()) -> {inet:ip_address(), inet:port_number()}.
sock(#{sock := Sock}) -> Sock.

%% @doc The client's certificate, DER.
-spec cert(req()) -> binary() | undefined.
cert(#{cert := Cert}) -> Cert.

-spec uri(req()) -> iolist().
uri(Req) ->
    uri(Req, #{}).

%% @doc The URI of the request. `scheme', `host', `port', `path', `qs' and `fragment' may be replaced, or left out by
%% `undefined'; without a host there is neither scheme nor port.
-spec uri(req(), map()) -> iolist().
uri(Req, Opts) ->
    #{scheme := Scheme, host := Host, port := Port, path := Path, qs := Qs} =
        Parts = maps:merge(maps:with([scheme, host, port, path, qs], Req), Opts),
    [
        uri_authority(uri_part(Host), uri_part(Scheme), Port),
        uri_part(Path),
        uri_prefixed($?, uri_part(Qs)),
        uri_prefixed($#, uri_part(maps:get(fragment, Parts, <<>>)))
    ].

-spec uri_part(iodata() | undefined) -> binary().
uri_part(undefined) -> <<>>;
uri_part(Part) -> iolist_to_binary(Part).

-spec uri_prefixed(char(), binary()) -> iodata().
uri_prefixed(_, <<>>) -> <<>>;
uri_prefixed(Char, Part) -> [Char, Part].

-spec uri_authority(binary(), binary(), inet:port_number() | undefined) -> iodata().
uri_authority(<<>>, _, _) -> <<>>;
uri_authority(Host, <<>>, Port) -> [<<"//">>, Host, uri_port(<<>>, Port)];
uri_authority(Host, Scheme, Port) -> [Scheme, <<"://">>, Host, uri_port(Scheme, Port)].

-spec uri_port(binary(), inet:port_number() | undefined) -> iodata().
uri_port(_, undefined) -> <<>>;
uri_port(<<"http">>, 80) -> <<>>;
%% As in Cowboy, which takes http for granted here.
uri_port(<<>>, 80) -> <<>>;
uri_port(<<"https">>, 443) -> <<>>;
uri_port(_, Port) -> [$:, integer_to_binary(Port)].

-spec binding(atom(), req()) -> term() | undefined.
binding(Name, Req) ->
    binding(Name, Req, undefined).

-spec binding(atom(), req(), term()) -> term().
binding(Name, #{bindings := Bindings}, Default) when is_atom(Name) ->
    maps:get(Name, Bindings, Default);
binding(Name, _, Default) when is_atom(Name) ->
    Default.

-spec bindings(req()) -> #{atom() => term()}.
bindings(#{bindings := Bindings}) -> Bindings;
bindings(_) -> #{}.

%% @doc `Name' in lower case.
-spec header(binary(), req()) -> binary() | undefined.
header(Name, Req) ->
    header(Name, Req, undefined).

-spec header(binary(), req(), term()) -> term().
header(Name, #{headers := Headers}, Default) ->
    maps:get(Name, Headers, Default).

-spec headers(req()) -> #{binary() => binary()}.
headers(#{headers := Headers}) -> Headers.

%% @doc The parsed header; if it is missing `undefined', but 0 for content-length and [] for cookie. Exits for a header
%% that is malformed or that nobody knows how to parse.
-spec parse_header(binary(), req()) -> term().
parse_header(<<"content-length">> = Name, Req) -> parse_header(Name, Req, 0);
parse_header(<<"cookie">> = Name, Req) -> parse_header(Name, Req, []);
parse_header(Name, Req) -> parse_header(Name, Req, undefined).

-spec parse_header(binary(), req(), term()) -> term().
parse_header(Name, #{headers := Headers}, Default) ->
    case Headers of
        #{Name := Value} -> parsed_header(Name, farrier_header:parse(Name, Value));
        _ -> absent_header(Name, Default, farrier_header:parse(Name, <<>>))
    end.

-spec parsed_header(binary(), {ok, term()} | error | unknown) -> term().
parsed_header(_, {ok, Term}) -> Term;
parsed_header(Name, _) -> malformed_header(Name).

-spec absent_header(binary(), term(), {ok, term()} | error | unknown) -> term().
absent_header(Name, _, unknown) -> malformed_header(Name);
absent_header(_, Default, _) -> Default.

-spec malformed_header(binary()) -> no_return().
malformed_header(Name) ->
    exit({request_error, {header, Name}, ?MALFORMED_HEADER}).

%%% Query string and cookies

-spec parse_qs(req()) -> [{binary(), binary() | true}].
parse_qs(Req) ->
    parse_qs(Req, #{}).

%% @doc Key-value pairs, `true' for a key without `='. Exits for malformed text and for too many keys.
-spec parse_qs(req(), limit()) -> [{binary(), binary() | true}].
parse_qs(#{qs := Qs}, Limit) ->
    try farrier_qs:parse(Qs, maps:get(max_keys, Limit, ?MAX_KEYS)) of
        too_many -> exit({request_error, qs, 'The query string has more keys than the configured limit.'});
        Pairs -> Pairs
    catch
        error:badarg -> exit({request_error, qs, ?MALFORMED_QS})
    end.

-spec match_qs(fields(), req()) -> #{atom() => term()}.
match_qs(Fields, Req) ->
    match_qs(Fields, Req, #{}).

%% @doc Picks, checks and converts values of the query string.
-spec match_qs(fields(), req(), limit()) -> #{atom() => term()}.
match_qs(Fields, Req, Limit) ->
    match(Fields, parse_qs(Req, Limit), match_qs,
        'Query string validation constraints failed for the reasons provided.').

-spec parse_cookies(req()) -> [{binary(), binary()}].
parse_cookies(Req) ->
    parse_cookies(Req, #{}).

-spec parse_cookies(req(), limit()) -> [{binary(), binary()}].
parse_cookies(Req, Limit) ->
    Cookies = parse_header(<<"cookie">>, Req),
    case maps:get(max_keys, Limit, ?MAX_KEYS) of
        Max when length(Cookies) > Max ->
            exit({request_error, {header, <<"cookie">>}, 'There are more cookies than the configured limit.'});
        _ ->
            Cookies
    end.

-spec match_cookies(fields(), req()) -> #{atom() => term()}.
match_cookies(Fields, Req) ->
    match_cookies(Fields, Req, #{}).

-spec match_cookies(fields(), req(), limit()) -> #{atom() => term()}.
match_cookies(Fields, Req, Limit) ->
    match(Fields, parse_cookies(Req, Limit), match_cookies,
        'Cookie validation constraints failed for the reasons provided.').

%% @doc Drops every cookie that is not named, so that foreign malformed ones do not fail the request.
-spec filter_cookies([atom() | binary()], req()) -> req().
filter_cookies(Names, #{headers := #{<<"cookie">> := Cookies} = Headers} = Req) ->
    Kept = farrier_cookie:filter([name(N) || N <- Names], Cookies),
    Req#{headers => Headers#{<<"cookie">> => Kept}};
filter_cookies(_, Req) ->
    Req.

-spec name(atom() | binary()) -> binary().
name(Name) when is_atom(Name) -> atom_to_binary(Name, utf8);
name(Name) -> Name.

%% @doc Picks `Fields' from `Pairs'. Values of a repeated key are a list, the last one first. All failures are
%% reported at once, in an exit that carries `Tag'; a missing field that has constraints but no default is a `badkey'
%% error instead, as in Cowboy.
-spec match(fields(), [{binary(), binary() | true}], atom(), atom()) -> #{atom() => term()}.
match(Fields, Pairs, Tag, Text) ->
    Names = maps:from_list([{atom_to_binary(field_name(F), utf8), field_name(F)} || F <- Fields]),
    Given = lists:foldl(fun(Pair, Map) -> collect(Pair, Names, Map) end, #{}, Pairs),
    {Matched, Errors} = lists:foldl(fun(Field, Acc) -> match_field(Field, Given, Acc) end, {#{}, #{}}, Fields),
    case map_size(Errors) of
        0 -> Matched;
        _ -> exit({request_error, {Tag, Errors}, Text})
    end.

-spec field_name(atom() | tuple()) -> atom().
field_name(Field) when is_atom(Field) -> Field;
field_name(Field) -> element(1, Field).

-spec collect({binary(), binary() | true}, #{binary() => atom()}, map()) -> map().
collect({Key, Value}, Names, Given) ->
    case Names of
        #{Key := Name} -> maps:update_with(Name, fun(Before) -> [Value | listed(Before)] end, Value, Given);
        _ -> Given
    end.

-spec listed(term()) -> list().
listed(Values) when is_list(Values) -> Values;
listed(Value) -> [Value].

-spec match_field(atom() | tuple(), map(), {map(), map()}) -> {map(), map()}.
match_field({Name, Constraints}, Given, Acc) ->
    validated(Name, maps:get(Name, Given), Constraints, Acc);
match_field({Name, Constraints, Default}, Given, {Matched, Errors} = Acc) ->
    case Given of
        #{Name := Value} -> validated(Name, Value, Constraints, Acc);
        _ -> {Matched#{Name => Default}, Errors}
    end;
match_field(Name, Given, {Matched, Errors}) ->
    case Given of
        #{Name := Value} -> {Matched#{Name => Value}, Errors};
        _ -> {Matched, Errors#{Name => required}}
    end.

-spec validated(atom(), term(), constraints(), {map(), map()}) -> {map(), map()}.
validated(Name, Value, Constraints, {Matched, Errors}) ->
    case farrier_constraints:validate(Value, Constraints) of
        {ok, Converted} -> {Matched#{Name => Converted}, Errors};
        {error, Reason} -> {Matched, Errors#{Name => Reason}}
    end.

%%% Preparing a response

-spec set_resp_cookie(iodata(), iodata(), req()) -> req().
set_resp_cookie(Name, Value, Req) ->
    set_resp_cookie(Name, Value, Req, #{}).

%% @doc A later cookie of the same name replaces the earlier one.
-spec set_resp_cookie(iodata(), iodata(), req(), farrier_cookie:options()) -> req().
set_resp_cookie(Name, Value, Req, Opts) ->
    Cookies = maps:get(resp_cookies, Req, #{}),
    Req#{resp_cookies => Cookies#{Name => farrier_cookie:set(Name, Value, Opts)}}.

-spec set_resp_header(binary(), iodata(), req()) -> req().
set_resp_header(<<"set-cookie">>, _, _) ->
    cookie_header();
set_resp_header(Name, Value, Req) ->
    Headers = maps:get(resp_headers, Req, #{}),
    Req#{resp_headers => Headers#{Name => Value}}.

%% @doc A map, or a list in which a repeated name is joined as a list header (Cowboy 2.13).
-spec set_resp_headers(#{binary() => iodata()} | [{binary(), iodata()}], req()) -> req().
set_resp_headers(Headers, Req) when is_list(Headers) ->
    set_resp_headers(lists:foldl(fun join_header/2, #{}, Headers), Req);
set_resp_headers(#{<<"set-cookie">> := _}, _) ->
    cookie_header();
set_resp_headers(Headers, Req) ->
    Req#{resp_headers => maps:merge(maps:get(resp_headers, Req, #{}), Headers)}.

-spec join_header({binary(), iodata()}, #{binary() => iodata()}) -> #{binary() => iodata()}.
join_header({Name, Value}, Headers) ->
    maps:update_with(Name, fun(Before) -> [Before, separator(Name), Value] end, Value, Headers).

-spec delete_resp_header(binary(), req()) -> req().
delete_resp_header(Name, #{resp_headers := Headers} = Req) ->
    Req#{resp_headers => maps:remove(Name, Headers)};
delete_resp_header(_, Req) ->
    Req.

-spec resp_header(binary(), req()) -> iodata() | undefined.
resp_header(Name, Req) ->
    resp_header(Name, Req, undefined).

-spec resp_header(binary(), req(), term()) -> term().
resp_header(Name, Req, Default) ->
    maps:get(Name, resp_headers(Req), Default).

-spec resp_headers(req()) -> #{binary() => iodata()}.
resp_headers(Req) ->
    maps:get(resp_headers, Req, #{}).

-spec has_resp_header(binary(), req()) -> boolean().
has_resp_header(Name, Req) ->
    maps:is_key(Name, resp_headers(Req)).

-spec set_resp_body(farrier_exchange:body(), req()) -> req().
set_resp_body(Body, Req) ->
    Req#{resp_body => Body}.

%% @doc Whether a body was set that is not empty. A file counts even if it is.
-spec has_resp_body(req()) -> boolean().
has_resp_body(#{resp_body := {sendfile, _, _, _}}) -> true;
has_resp_body(#{resp_body := Body}) -> iolist_size(Body) > 0;
has_resp_body(_) -> false.

%%% Sending

-spec reply(integer() | binary(), req()) -> req().
reply(Status, Req) ->
    reply(Status, #{}, Req).

-spec reply(integer() | binary(), #{binary() => iodata()}, req()) -> req().
reply(Status, Headers, #{resp_body := Body} = Req) -> reply(Status, Headers, Body, Req);
reply(Status, Headers, Req) -> reply(Status, Headers, <<>>, Req).

%% @doc Sends a complete response, with date, server and length. `Headers' win over those set before. A response with
%% status 204 or 304 has no body. Exits with `response_error' if a response has been sent or `Headers' has cookies.
-spec reply(integer() | binary(), #{binary() => iodata()}, farrier_exchange:body(), req()) -> req().
reply(_, _, _, #{has_sent_resp := _}) ->
    farrier_req_2_resp:already_sent();
reply(_, #{<<"set-cookie">> := _}, _, _) ->
    cookie_header();
reply(Status, Headers, {sendfile, _, Length, _} = Body, Req) when is_integer(Status); is_binary(Status) ->
    do_reply(Status, Headers, Length, Body, Req);
reply(Status, Headers, Body, Req) when is_integer(Status); is_binary(Status) ->
    do_reply(Status, Headers, iolist_size(Body), Body, Req).

-spec do_reply(integer() | binary(), map(), non_neg_integer(), farrier_exchange:body(), req()) -> req().
do_reply(Status, Headers, Length, Body, Req) ->
    All = content_length(bodiless(Status), Length, response_headers(Headers, Req)),
    farrier_req_2_resp:command({response, Status, All, Body}, Req),
    done(Req#{has_sent_resp => true}).

-spec content_length(boolean(), non_neg_integer(), map()) -> map().
content_length(true, Length, Headers) ->
    0 = Length,
    Headers;
content_length(false, Length, Headers) ->
    Headers#{<<"content-length">> => integer_to_binary(Length)}.

-spec bodiless(integer() | binary()) -> boolean().
bodiless(204) -> true;
bodiless(304) -> true;
bodiless(<<"204", _/binary>>) -> true;
bodiless(<<"304", _/binary>>) -> true;
bodiless(_) -> false.

-spec done(req()) -> req().
done(Req) ->
    maps:without([resp_headers, resp_cookies, resp_body], Req).

-spec cookie_header() -> no_return().
cookie_header() ->
    exit({response_error, invalid_header, 'Response cookies must be set using cowboy_req:set_resp_cookie/3,4.'}).

%% @doc All headers of a response, cookies as a list under `set-cookie'.
-spec response_headers(#{binary() => iodata()}, req()) -> #{binary() => iodata() | [iodata()]}.
response_headers(Headers, Req) ->
    Default = #{<<"date">> => farrier_clock:rfc1123(), <<"server">> => <<"Cowboy">>},
    All = maps:merge(Default, maps:merge(resp_headers(Req), Headers)),
    case Req of
        #{resp_cookies := Cookies} -> All#{<<"set-cookie">> => maps:values(Cookies)};
        _ -> All
    end.

%% @doc What the handler has set, for the answer to an upgrade.
-spec upgrade_headers(req()) -> farrier_exchange:headers().
upgrade_headers(Req) ->
    maps:to_list(resp_headers(Req)) ++
        [{<<"set-cookie">>, Cookie} || Cookie <- maps:values(maps:get(resp_cookies, Req, #{}))].

-spec stream_reply(integer() | binary(), req()) -> req().
stream_reply(Status, Req) ->
    stream_reply(Status, #{}, Req).

%% @doc Sends the head of a response; `stream_body/3' sends its body.
-spec stream_reply(integer() | binary(), #{binary() => iodata()}, req()) -> req().
stream_reply(_, _, #{has_sent_resp := _}) ->
    farrier_req_2_resp:already_sent();
stream_reply(_, #{<<"set-cookie">> := _}, _) ->
    cookie_header();
stream_reply(Status, Headers, Req) when is_integer(Status); is_binary(Status) ->
    case bodiless(Status) of
        true ->
            reply(Status, Headers, <<>>, Req);
        false ->
            farrier_req_2_resp:command({headers, Status, response_headers(Headers, Req)}, Req),
            done(Req#{has_sent_resp => headers})
    end.

%% @doc Sends a piece of a streamed body and waits until there is room for more. The process ends with `shutdown' when
%% the client is gone, as a request process of Cowboy does.
-spec stream_body(farrier_exchange:body(), fin | nofin, req()) -> ok.
stream_body(Data, Fin, #{has_sent_resp := headers} = Req) when Fin =:= fin; Fin =:= nofin ->
    farrier_req_2_resp:command({data, Fin, Data}, Req).

%% @doc Sends server-sent events: `id', `event', `data', `retry', `comment'.
-spec stream_events(map() | [map()], fin | nofin, req()) -> ok.
stream_events(Events, Fin, Req) when is_list(Events) ->
    stream_body([event(E) || E <- Events], Fin, Req);
stream_events(Event, Fin, Req) ->
    stream_events([Event], Fin, Req).

-spec event(map()) -> iolist().
event(Event) ->
    [
        [event_lines(<<": ">>, Comment) || #{comment := Comment} <- [Event]],
        [event_line(<<"id: ">>, Id) || #{id := Id} <- [Event]],
        [event_line(<<"event: ">>, event_name(Name)) || #{event := Name} <- [Event]],
        [event_lines(<<"data: ">>, Data) || #{data := Data} <- [Event]],
        [event_line(<<"retry: ">>, integer_to_binary(Retry)) || #{retry := Retry} <- [Event]],
        $\n
    ].

-spec event_name(atom() | iodata()) -> iodata().
event_name(Name) when is_atom(Name) -> atom_to_binary(Name, utf8);
event_name(Name) -> Name.

%% A line break would start another field.
-spec event_line(binary(), iodata()) -> iolist().
event_line(Prefix, Text) ->
    nomatch = binary:match(iolist_to_binary(Text), [<<"\r">>, <<"\n">>]),
    [Prefix, Text, $\n].

%% All three are line breaks to a client, so that none of them can hide another field.
-spec event_lines(binary(), iodata()) -> iolist().
event_lines(Prefix, Text) ->
    Breaks = [<<"\r\n">>, <<"\r">>, <<"\n">>],
    [[Prefix, Line, $\n] || Line <- binary:split(iolist_to_binary(Text), Breaks, [global])].

%% @doc Ends a streamed body with trailers, which a client gets that has said `te: trailers'.
-spec stream_trailers(#{binary() => iodata()}, req()) -> ok.
stream_trailers(Trailers, #{has_sent_resp := headers} = Req) ->
    farrier_req_2_resp:command({trailers, Trailers}, Req).

-spec inform(integer() | binary(), req()) -> ok.
inform(Status, Req) ->
    inform(Status, #{}, Req).

%% @doc Sends an informational response, such as 103, before the final one. Exits with `response_error' as `reply/4'
%% does.
-spec inform(integer() | binary(), #{binary() => iodata()}, req()) -> ok.
inform(_, _, #{has_sent_resp := _}) ->
    farrier_req_2_resp:already_sent();
inform(_, #{<<"set-cookie">> := _}, _) ->
    cookie_header();
inform(Status, Headers, Req) when is_integer(Status); is_binary(Status) ->
    farrier_req_2_resp:command({inform, Status, Headers}, Req).

-spec push(iodata(), #{binary() => iodata()}, req()) -> ok.
push(Path, Headers, Req) ->
    push(Path, Headers, Req, #{}).

%% @doc There is no push in HTTP/1.1.
-spec push(iodata(), #{binary() => iodata()}, req(), map()) -> ok.
push(_, _, #{pid := _, scheme := _, host := _, port := _}, Opts) ->
    _ = map_size(Opts),
    ok.

%% @doc Hands `Message' to the stream handlers of the request. Cowboy sends `{{Pid, StreamId}, Message}' to the process
%% that `Req' names; sent by that process to itself it would only come back to the handler.
-spec cast(term(), req()) -> ok.
cast(Message, #{pid := Pid, streamid := StreamId}) ->
    case Pid =:= self() andalso farrier_exchange:serves() of
        true -> farrier_stream:cast(Message);
        false -> Pid ! {{Pid, StreamId}, Message}, ok
    end.
