%% @doc Sends the responses of generation 0: whole, from a fun, or in chunks.
%%
%% Headers stand in the order of 0.6: those of the reply, those set before (the last one first), Cowboy's own. The
%% hook of the listener sees them so named and ordered; on the wire names are in lower case.
-module(farrier_req_0_resp).

-include("../../cowboy/include/http.hrl").

-export([set_resp_cookie/4, set_resp_header/3, delete_resp_header/2, has_resp_header/2]).
-export([set_resp_body/2, set_resp_body_fun/3, has_resp_body/1]).
-export([reply/2, reply/3, reply/4, chunked_reply/2, chunked_reply/3, chunk/2]).
-export([merge/3, on_response/3, unanswered/1, upgraded/1, ensure/2, refuse/2]).

-export_type([status/0]).

-type req() :: farrier_req_0:req().
-type status() :: integer() | binary().
-type headers() :: [{farrier_req_0_header:name(), iodata()}].

%%% Before the response

-spec set_resp_cookie(term(), term(), farrier_cookie_0:options(), req()) -> {ok, req()}.
set_resp_cookie(Name, Value, Options, Req) ->
    set_resp_header(<<"Set-Cookie">>, farrier_cookie_0:set(Name, Value, Options), Req).

%% @doc The last value of several is the one that is sent, unless they are cookies.
-spec set_resp_header(farrier_req_0_header:name(), iodata(), req()) -> {ok, req()}.
set_resp_header(Name, Value, #http_req{resp_headers = Headers} = Req) ->
    {ok, Req#http_req{resp_headers = [{farrier_req_0_header:text(Name), Value} | Headers]}}.

%% @doc For REST; 0.6 had no such function.
-spec delete_resp_header(farrier_req_0_header:name(), req()) -> req().
delete_resp_header(Name, #http_req{resp_headers = Headers} = Req) ->
    Deleted = farrier_req_0_header:text(Name),
    Req#http_req{resp_headers = [Header || {N, _} = Header <- Headers, N =/= Deleted]}.

-spec has_resp_header(farrier_req_0_header:name(), req()) -> boolean().
has_resp_header(Name, #http_req{resp_headers = Headers}) ->
    lists:keymember(farrier_req_0_header:text(Name), 1, Headers).

-spec set_resp_body(iodata(), req()) -> {ok, req()}.
set_resp_body(Body, Req) ->
    {ok, Req#http_req{resp_body = Body}}.

%% @doc `Fun()' sends a body of `Length' bytes through what `transport/1' gives.
-spec set_resp_body_fun(non_neg_integer(), fun(() -> term()), req()) -> {ok, req()}.
set_resp_body_fun(Length, Fun, Req) ->
    {ok, Req#http_req{resp_body = {Length, Fun}}}.

-spec has_resp_body(req()) -> boolean().
has_resp_body(#http_req{resp_body = {Length, _}}) -> Length > 0;
has_resp_body(#http_req{resp_body = Body}) -> iolist_size(Body) > 0.

%%% The response

-spec reply(status(), req()) -> {ok, req()}.
reply(Status, #http_req{resp_body = Body} = Req) ->
    reply(Status, [], Body, Req).

-spec reply(status(), headers(), req()) -> {ok, req()}.
reply(Status, Headers, #http_req{resp_body = Body} = Req) ->
    reply(Status, Headers, Body, Req).

%% @doc Sends a complete response. One that has been sent, or a locked Req, is a `function_clause'.
-spec reply(status(), headers(), iodata() | {non_neg_integer(), fun()}, req()) -> {ok, req()}.
reply(Status, Headers, {Length, Fun}, #http_req{resp_state = waiting} = Req) ->
    from_fun(Status, Headers, Length, Fun, Req);
reply(Status, Headers, Body, #http_req{resp_state = waiting} = Req) ->
    Merged = merge(Headers, Req, own_headers(iolist_size(Body), Req)),
    case on_response(Status, Merged, Req) of
        #http_req{resp_state = waiting} = Req2 ->
            _ = farrier_exchange:respond(exchange(Req2), Status, on_wire(Merged), Body),
            {ok, noted(sent(done, Headers, Req2))};
        Req2 ->
            {ok, sent(done, Headers, Req2)}
    end.

-spec from_fun(status(), headers(), non_neg_integer(), fun(), req()) -> {ok, req()}.
from_fun(Status, Headers, Length, Fun, #http_req{method = Method} = Req) ->
    Merged = merge(Headers, Req, own_headers(Length, Req)),
    case on_response(Status, Merged, Req) of
        #http_req{resp_state = waiting} = Req2 ->
            X = exchange(Req2),
            _ = farrier_exchange:stream(X, Status, on_wire(Merged)),
            _ = Method =:= 'HEAD' orelse Fun(),
            ok = farrier_exchange:finish(X, []),
            {ok, noted(sent(done, Headers, Req2))};
        Req2 ->
            {ok, sent(done, Headers, Req2)}
    end.

-spec chunked_reply(status(), req()) -> {ok, req()}.
chunked_reply(Status, Req) ->
    chunked_reply(Status, [], Req).

%% @doc Sends the head of a response; {@link chunk/2} sends its body. For HTTP/1.0 the body ends with the connection.
-spec chunked_reply(status(), headers(), req()) -> {ok, req()}.
chunked_reply(Status, Headers, #http_req{resp_state = waiting} = Req) ->
    Merged = merge(Headers, Req, own_headers(chunked, Req)),
    case on_response(Status, Merged, Req) of
        #http_req{resp_state = waiting} = Req2 ->
            _ = farrier_exchange:stream(exchange(Req2), Status, on_wire(Merged)),
            {ok, noted(sent(chunks, Headers, Req2))};
        Req2 ->
            {ok, sent(chunks, Headers, Req2)}
    end.

%% @doc Returns once there is room for the next chunk.
-spec chunk(iodata(), req()) -> ok | {error, atom()}.
chunk(_, #http_req{method = 'HEAD'}) ->
    ok;
chunk(Data, #http_req{resp_state = chunks} = Req) ->
    case iolist_size(Data) of
        0 -> ok;
        _ -> farrier_exchange:chunk(exchange(Req), Data)
    end.

-spec exchange(req()) -> farrier_exchange:exchange().
exchange(#http_req{pid = Pid}) ->
    farrier_exchange:find(Pid).

-spec sent(done | chunks, headers(), req()) -> req().
sent(State, Headers, Req) ->
    Req#http_req{
        connection = connection(Headers, Req),
        resp_state = State,
        resp_headers = [],
        resp_body = <<>>
    }.

%% Some handlers wait for it.
-spec noted(req()) -> req().
noted(#http_req{pid = Pid} = Req) ->
    _ = Pid ! {cowboy_http_req, resp_sent},
    Req.

%% A reply may say that it is the last one.
-spec connection(headers(), req()) -> keepalive | close.
connection(Headers, #http_req{connection = Connection}) ->
    case [Value || {Name, Value} <- Headers, farrier_req_0_header:lower(Name) =:= <<"connection">>] of
        [] ->
            Connection;
        [Value | _] ->
            Tokens = farrier_header:parse(<<"connection">>, iolist_to_binary(Value)),
            persistence(Tokens)
    end.

-spec persistence({ok, [binary()]} | error) -> keepalive | close.
persistence({ok, Tokens}) ->
    case lists:member(<<"close">>, Tokens) of
        true -> close;
        false -> keepalive
    end;
persistence(error) ->
    keepalive.

%% Cowboy's own headers.
-spec own_headers(non_neg_integer() | chunked, req()) -> [{binary(), iodata()}].
own_headers(Length, Req) ->
    length_header(Length) ++
        [{<<"Date">>, farrier_clock:rfc1123()}, {<<"Server">>, <<"Cowboy">>}] ++ framing(Length, Req).

-spec length_header(non_neg_integer() | chunked) -> [{binary(), iodata()}].
length_header(chunked) -> [];
length_header(Length) -> [{<<"Content-Length">>, integer_to_binary(Length)}].

-spec framing(non_neg_integer() | chunked, req()) -> [{binary(), iodata()}].
framing(chunked, #http_req{version = {1, 1}} = Req) ->
    connection_header(Req) ++ [{<<"Transfer-Encoding">>, <<"chunked">>}];
framing(_, Req) ->
    connection_header(Req).

%% 0.6 says it in every HTTP/1.1 response, default or not, and in none of HTTP/1.0.
-spec connection_header(req()) -> [{binary(), iodata()}].
connection_header(#http_req{version = {1, 1}, connection = keepalive}) -> [{<<"Connection">>, <<"keep-alive">>}];
connection_header(#http_req{version = {1, 1}, connection = close}) -> [{<<"Connection">>, <<"close">>}];
connection_header(_) -> [].

%% @doc Headers of the reply, then those set before, then Cowboy's own: of several with one name the first. Every
%% cookie is kept, in the order in which they were set.
-spec merge(headers(), req(), [{binary(), iodata()}]) -> [{binary(), iodata()}].
merge(Headers, #http_req{resp_headers = Set0}, Own) ->
    Given = [{farrier_req_0_header:text(Name), Value} || {Name, Value} <- Headers],
    {Cookies, Set} = lists:partition(fun is_cookie/1, Set0),
    Given ++ first_of_each(Set ++ lists:reverse(Cookies) ++ Own, names(Given)).

-spec first_of_each([{binary(), iodata()}], [binary()]) -> [{binary(), iodata()}].
first_of_each([], _) ->
    [];
first_of_each([{Name, _} = Header | Headers], Seen) ->
    Lower = farrier_header:lower(Name),
    case not is_cookie(Header) andalso lists:member(Lower, Seen) of
        true -> first_of_each(Headers, Seen);
        false -> [Header | first_of_each(Headers, [Lower | Seen])]
    end.

-spec is_cookie({binary(), iodata()}) -> boolean().
is_cookie({Name, _}) ->
    farrier_header:lower(Name) =:= <<"set-cookie">>.

-spec names([{binary(), iodata()}]) -> [binary()].
names(Headers) ->
    [farrier_header:lower(Name) || {Name, _} <- Headers].

-spec on_wire([{binary(), iodata()}]) -> farrier_exchange:headers().
on_wire(Headers) ->
    [{farrier_header:lower(Name), Value} || {Name, Value} <- Headers].

%% @doc Asks the listener's hook, which may answer itself: the state of the Req that it returns tells.
-spec on_response(status(), [{binary(), iodata()}], req()) -> req().
on_response(_, _, #http_req{onresponse = undefined} = Req) ->
    Req;
on_response(Status, Headers, #http_req{onresponse = Hook} = Req) ->
    Hook(Status, Headers, Req#http_req{resp_headers = [], resp_body = <<>>, onresponse = undefined}).

%% @doc Fails for a handler that has answered and asks for the upgrade all the same.
-spec unanswered(req()) -> ok.
unanswered(#http_req{resp_state = waiting}) -> ok.

%% @doc The Req once the 101 is out.
-spec upgraded(req()) -> req().
upgraded(Req) ->
    Req#http_req{resp_state = done, resp_headers = [], resp_body = <<>>}.

%% @doc Answers a request with a bare status, unless it has been answered.
-spec ensure(status(), req()) -> ok.
ensure(Status, Req) ->
    case farrier_exchange:response_state() of
        none ->
            {ok, _} = reply(Status, [], [], Req#http_req{resp_state = waiting}),
            ok;
        _ ->
            ok
    end.

%% @doc Answers a request that no handler shall see, and ends its process and its connection.
-spec refuse(400..599, req()) -> no_return().
refuse(Status, Req) ->
    {ok, _} = reply(Status, farrier_req_0:anew(Req)),
    exit(normal).
