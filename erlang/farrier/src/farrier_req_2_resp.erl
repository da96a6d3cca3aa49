%% @doc Sends the responses of generation 2. What a handler sends is a command in Cowboy's words, with all of the
%% response's headers (cookies as a list under `set-cookie'); here it gets what frames it on HTTP/1.1 and goes to the
%% bridge.
-module(farrier_req_2_resp).

-export([command/2, perform/2, already_sent/0, wire_headers/1, header_map/1]).

-type status() :: integer() | binary().
-type headers() :: #{binary() => iodata() | [iodata()]}.
-type fin() :: fin | nofin.
-type command() ::
    {inform, status(), headers()}
    | {response, status(), headers(), farrier_exchange:body()}
    | {headers, status(), headers()}
    | {data, fin(), farrier_exchange:body()}
    | {trailers, #{binary() => iodata()}}.

%% @doc Performs what a handler wants, or has the listener's stream handlers decide what is performed. Another process
%% than the request's leaves that to it: a loop takes such messages, and every request does at its end.
-spec command(command(), farrier_req_2:req()) -> ok.
command(Command, #{pid := Pid} = Req) ->
    case farrier_stream:is_here(Pid) of
        true -> farrier_stream:command(Command, Req);
        false when Pid =:= self() -> perform(Command, Req);
        false -> elsewhere(Command, Req)
    end.

-spec elsewhere(command(), farrier_req_2:req()) -> ok.
elsewhere(Command, #{pid := Pid, streamid := StreamId} = Req) ->
    case farrier_stream:is_at(Pid) of
        true -> Pid ! {{Pid, StreamId}, Command}, ok;
        false -> perform(Command, Req)
    end.

%% @doc Sends it. `data' returns once there is room for more; the process ends with `shutdown' when the client is
%% gone, as a request process of Cowboy does. Exits with `response_error' if the final response has been sent before.
-spec perform(command(), farrier_req_2:req()) -> ok.
perform({response, Status, Headers, Body}, #{pid := Pid}) ->
    X = farrier_exchange:find(Pid),
    first(farrier_exchange:respond(X, Status, wire_headers(persistent(X, Headers)), Body));
perform({headers, Status, Headers}, #{pid := Pid} = Req) ->
    X = farrier_exchange:find(Pid),
    Framed = chunked(X, without_trailer(takes_trailers(Req), Headers)),
    first(farrier_exchange:stream(X, Status, wire_headers(Framed)));
perform({data, IsFin, Data}, #{pid := Pid, method := Method}) ->
    X = farrier_exchange:find(Pid),
    case Method =:= <<"HEAD">> orelse is_empty(Data) of
        true -> ok;
        false -> streamed(farrier_exchange:chunk(X, Data))
    end,
    finished(IsFin, X);
perform({trailers, Trailers}, #{pid := Pid} = Req) ->
    Sent = [Trailer || takes_trailers(Req), Trailer <- maps:to_list(Trailers)],
    farrier_exchange:finish(farrier_exchange:find(Pid), Sent);
perform({inform, Status, Headers}, #{pid := Pid}) ->
    first(farrier_exchange:inform(farrier_exchange:find(Pid), Status, wire_headers(Headers))).

%% A Req from before the reply does not know of it.
-spec first(ok | {error, already_sent}) -> ok.
first(ok) -> ok;
first({error, already_sent}) -> already_sent().

%% @doc As from Cowboy 2.11.
-spec already_sent() -> no_return().
already_sent() ->
    exit({response_error, response_already_sent, 'The final response has already been sent.'}).

%% @doc Cowboy writes a map of headers, that is sorted by name, and the cookies after it.
-spec wire_headers(headers()) -> farrier_exchange:headers().
wire_headers(#{<<"set-cookie">> := Cookies} = Headers) ->
    maps:to_list(maps:remove(<<"set-cookie">>, Headers)) ++ [{<<"set-cookie">>, C} || C <- Cookies];
wire_headers(Headers) ->
    maps:to_list(Headers).

%% @doc The other way round.
-spec header_map(farrier_exchange:headers()) -> headers().
header_map(Headers) ->
    case lists:partition(fun({Name, _}) -> Name =:= <<"set-cookie">> end, Headers) of
        {[], Others} -> maps:from_list(Others);
        {Cookies, Others} -> (maps:from_list(Others))#{<<"set-cookie">> => [Cookie || {_, Cookie} <- Cookies]}
    end.

%% Tells the client what becomes of the connection where that is not the default of its HTTP version. Cowboy 2 answers
%% HTTP/1.0 in HTTP/1.1, so that it says `close' there too.
-spec persistent(farrier_exchange:exchange(), headers()) -> headers().
persistent(_, #{<<"connection">> := _} = Headers) ->
    Headers;
persistent(X, Headers) ->
    case {farrier_exchange:persistence(X), farrier_exchange:http_version(X)} of
        {close, _} -> Headers#{<<"connection">> => <<"close">>};
        {keepalive, 'HTTP/1.0'} -> Headers#{<<"connection">> => <<"keep-alive">>};
        {keepalive, _} -> Headers
    end.

%% RFC 7230 4.3. HTTP/2 has no need to ask.
-spec takes_trailers(farrier_req_2:req()) -> boolean().
takes_trailers(#{version := 'HTTP/2'}) ->
    true;
takes_trailers(#{headers := #{<<"te">> := Te}}) ->
    lists:member(<<"trailers">>, binary:split(farrier_header:lower(Te), [<<",">>, <<" ">>], [global]));
takes_trailers(_) ->
    false.

-spec without_trailer(boolean(), headers()) -> headers().
without_trailer(true, Headers) -> Headers;
without_trailer(false, Headers) -> maps:remove(<<"trailer">>, Headers).

%% Without a length the body ends with a last chunk, or for HTTP/1.0 with the connection.
-spec chunked(farrier_exchange:exchange(), headers()) -> headers().
chunked(X, #{<<"content-length">> := _} = Headers) ->
    persistent(X, Headers);
chunked(X, Headers) ->
    case farrier_exchange:http_version(X) of
        'HTTP/1.0' -> maps:merge(#{<<"connection">> => <<"close">>}, Headers);
        _ -> (persistent(X, Headers))#{<<"transfer-encoding">> => <<"chunked">>}
    end.

-spec is_empty(farrier_exchange:body()) -> boolean().
is_empty({sendfile, _, Length, _}) -> Length =:= 0;
is_empty(Data) -> iolist_size(Data) =:= 0.

-spec streamed(ok | {error, term()}) -> ok.
streamed(ok) -> ok;
streamed({error, closed}) -> exit(shutdown);
streamed({error, timeout}) -> exit(shutdown);
streamed({error, Reason}) -> error(Reason).

-spec finished(fin(), farrier_exchange:exchange()) -> ok.
finished(fin, X) -> farrier_exchange:finish(X, []);
finished(nofin, _) -> ok.
