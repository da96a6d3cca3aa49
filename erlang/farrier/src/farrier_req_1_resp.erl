%% @doc Sends the responses of generation 1: whole, in chunks, or from a fun. Headers stand in the order of Cowboy 1:
%% its own, those set before, those of the reply.
-module(farrier_req_1_resp).

-include("farrier_req_1.hrl").

-export([reply/4, chunked_reply/2, chunked_reply/3, chunk/2, continue/1, upgrade_reply/3]).
-export([maybe_reply/2, ensure_response/2]).

-type req() :: farrier_req_1:req().
-type status() :: integer() | binary().
-type headers() :: farrier_exchange:headers().

%% Bytes from which a body is worth compressing.
-define(COMPRESS_FROM, 300).

%% @doc See {@link farrier_req_1:reply/4}. The body may also be what `set_resp_body_fun' left.
-spec reply(status(), headers(), term(), req()) -> {ok, req()}.
reply(Status, Headers, Fun, Req) when is_function(Fun) ->
    from_fun(Status, Headers, [], Fun, Req);
reply(Status, Headers, {chunked, Fun}, Req0) ->
    {ok, Req} = chunked_reply(Status, Headers, Req0),
    _ = Fun(fun(Data) -> chunk(Data, Req) end),
    ok = finish(Req),
    {ok, Req#http_req{resp_state = done}};
reply(Status, Headers, {Length, Fun}, Req) when is_integer(Length), is_function(Fun) ->
    from_fun(Status, Headers, [{<<"content-length">>, integer_to_binary(Length)}], Fun, Req);
reply(Status, Headers, Body, Req) ->
    {Encoding, Encoded} = compressed(Headers, Body, Req),
    Default = [{<<"content-length">>, integer_to_binary(iolist_size(Encoded))} | Encoding] ++ own_headers(Req),
    send(Status, Headers, Default, Encoded, Req).

%% Cowboy's own headers, the first one to be sent last.
-spec own_headers(req()) -> headers().
own_headers(Req) ->
    [{<<"date">>, farrier_clock:rfc1123()}, {<<"server">>, <<"Cowboy">>} | connection(Req)].

%% Cowboy 1 says it in every HTTP/1.1 response, default or not, and in none of HTTP/1.0.
-spec connection(req()) -> headers().
connection(#http_req{connection = keepalive, version = 'HTTP/1.1'}) -> [{<<"connection">>, <<"keep-alive">>}];
connection(#http_req{connection = close, version = 'HTTP/1.1'}) -> [{<<"connection">>, <<"close">>}];
connection(_) -> [].

-spec send(status(), headers(), headers(), iodata(), req()) -> {ok, req()}.
send(Status, Headers, Default, Body, Req0) ->
    Merged = merge(Headers, Default, Req0),
    case on_response(Status, Merged, Body, Req0) of
        #http_req{resp_state = waiting} = Req ->
            _ = farrier_exchange:respond(exchange(Req), Status, Merged, Body),
            {ok, sent(done, Req)};
        Req ->
            {ok, Req}
    end.

-spec exchange(req()) -> farrier_exchange:exchange().
exchange(#http_req{pid = Pid}) ->
    farrier_exchange:find(Pid).

%% Those of the reply win over those set before, and these over Cowboy's own. Every cookie is sent.
-spec merge(headers(), headers(), req()) -> headers().
merge(Headers, Default, Req) ->
    Set = lacking(farrier_req_1:upgrade_headers(Req), Headers),
    lacking(lists:reverse(Default), Set ++ Headers) ++ Set ++ Headers.

-spec lacking(headers(), headers()) -> headers().
lacking(Headers, Others) ->
    [H || {Name, _} = H <- Headers, Name =:= <<"set-cookie">> orelse not lists:keymember(Name, 1, Others)].

%% The hook of the listener may answer itself, which the state of the Req that it returns tells.
-spec on_response(status(), headers(), iodata(), req()) -> req().
on_response(_, _, _, #http_req{onresponse = undefined} = Req) ->
    Req;
on_response(Status, Headers, Body, #http_req{onresponse = Hook} = Req) ->
    Hook(Status, Headers, Body, Req#http_req{resp_headers = [], resp_body = <<>>, onresponse = undefined}).

-spec sent(done | chunks | stream, req()) -> req().
sent(State, #http_req{pid = Pid} = Req) ->
    _ = Pid ! {cowboy_req, resp_sent},
    Req#http_req{resp_state = State, resp_headers = [], resp_body = <<>>}.

%% A listener with `compress' compresses for a client that takes gzip, unless the handler has encoded the body itself.
-spec compressed(headers(), iodata(), req()) -> {headers(), iodata()}.
compressed(Headers, Body, #http_req{resp_compress = true, resp_headers = Set} = Req) ->
    Encoded = [N || {N, _} <- Headers ++ Set, N =:= <<"content-encoding">> orelse N =:= <<"transfer-encoding">>],
    case Encoded =:= [] andalso iolist_size(Body) >= ?COMPRESS_FROM andalso takes_gzip(Req) of
        true -> {[{<<"content-encoding">>, <<"gzip">>}], zlib:gzip(Body)};
        false -> {[], Body}
    end;
compressed(_, Body, _) ->
    {[], Body}.

-spec takes_gzip(req()) -> boolean().
takes_gzip(Req) ->
    case farrier_req_1:parse_header(<<"accept-encoding">>, Req) of
        {ok, Encodings, _} when is_list(Encodings) ->
            [] =/= [Q || {<<"gzip">>, Q} <- Encodings, Q > 0];
        _ ->
            false
    end.

-spec from_fun(status(), headers(), headers(), fun(), req()) -> {ok, req()}.
from_fun(Status, Headers, Length, Fun, #http_req{method = Method, socket = Socket, transport = Transport} = Req0) ->
    {ok, Req} = begin_stream(Status, Headers, Length ++ own_headers(Req0), done, Req0),
    _ = Method =:= <<"HEAD">> orelse Fun(Socket, Transport),
    ok = finish(Req),
    {ok, Req}.

-spec begin_stream(status(), headers(), headers(), done | chunks | stream, req()) -> {ok, req()}.
begin_stream(Status, Headers, Default, State, Req0) ->
    Merged = merge(Headers, Default, Req0),
    case on_response(Status, Merged, <<>>, Req0) of
        #http_req{resp_state = waiting} = Req ->
            _ = farrier_exchange:stream(exchange(Req), Status, Merged),
            {ok, sent(State, Req)};
        Req ->
            {ok, Req}
    end.

-spec chunked_reply(status(), req()) -> {ok, req()}.
chunked_reply(Status, Req) ->
    chunked_reply(Status, [], Req).

%% @doc Sends the head of a response; {@link chunk/2} sends its body. For HTTP/1.0 the body ends with the connection.
-spec chunked_reply(status(), headers(), req()) -> {ok, req()}.
chunked_reply(Status, Headers, #http_req{resp_state = waiting, version = 'HTTP/1.0'} = Req) ->
    begin_stream(Status, Headers, own_headers(Req#http_req{connection = close}), stream, Req);
chunked_reply(Status, Headers, #http_req{resp_state = waiting} = Req) ->
    Default = own_headers(Req) ++ [{<<"transfer-encoding">>, <<"chunked">>}],
    begin_stream(Status, Headers, Default, chunks, Req).

%% @doc Returns once there is room for the next chunk.
-spec chunk(iodata(), req()) -> ok | {error, atom()}.
chunk(_, #http_req{method = <<"HEAD">>}) ->
    ok;
chunk(Data, #http_req{resp_state = State} = Req) when State =:= chunks; State =:= stream ->
    case iolist_size(Data) of
        0 -> ok;
        _ -> farrier_exchange:chunk(exchange(Req), Data)
    end.

-spec finish(req()) -> ok.
finish(Req) ->
    X = exchange(Req),
    case farrier_exchange:response_state(X) of
        headers -> farrier_exchange:finish(X, []);
        _ -> ok
    end.

%% @doc The transport sends `100 Continue' by itself when the body is read.
-spec continue(req()) -> ok.
continue(#http_req{}) ->
    ok.

%% @doc Sends the head of a response that names an upgrade, without any header of Cowboy's own. After a 101 Cowboy's
%% caller goes on with the socket in another protocol; there is no such socket, so that 101 fails with `not_supported'.
-spec upgrade_reply(status(), headers(), req()) -> {ok, req()}.
upgrade_reply(101, _, #http_req{resp_state = waiting}) ->
    error({not_supported, {cowboy_req, upgrade_reply, 3}, <<"there is no Erlang socket to go on with after a 101">>});
upgrade_reply(Status, Headers, #http_req{resp_state = waiting} = Req) ->
    send(Status, Headers, [{<<"connection">>, <<"Upgrade">>}], <<>>, Req).

%% @doc Answers with `Status' unless an answer has been sent.
-spec maybe_reply(status(), req()) -> ok.
maybe_reply(Status, Req) ->
    case farrier_exchange:response_state(exchange(Req)) of
        none ->
            {ok, _} = reply(Status, [], <<>>, Req#http_req{resp_state = waiting}),
            ok;
        _ ->
            ok
    end.

%% @doc Completes whatever a handler has left open: answers `Status' if nothing was sent, ends a body in chunks.
-spec ensure_response(req(), status()) -> ok.
ensure_response(#http_req{resp_state = waiting, resp_body = Body} = Req, Status) ->
    {ok, _} = reply(Status, [], Body, Req),
    ok;
ensure_response(#http_req{resp_state = State} = Req, _) when State =:= chunks; State =:= stream ->
    finish(Req);
ensure_response(#http_req{}, _) ->
    ok.
