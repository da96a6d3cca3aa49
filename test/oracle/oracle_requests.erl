%% @doc Scenarios: what a handler learns from Req, and plain HTTP handlers beside the WebSocket ones.
-module(oracle_requests).

-export([tables/0]).

-import(oracle_run, [handshake/1, request/2]).

-spec tables() -> [{atom(), [map()]}].
tables() ->
    [{req_map, req_map()},
     {getters, getters()},
     {parsed_headers, parsed_headers()},
     {queries, queries()},
     {cookies, cookies()},
     {uris, uris()},
     {bodies, bodies()},
     {replies, replies()},
     {streamed_replies, streamed_replies()},
     {keep_alive, keep_alive()},
     {malformed, malformed()}].

%% A plain handler that notes `Fun(Req)' and answers 200.
-spec noted(string(), iodata(), fun((map()) -> term())) -> map().
noted(Name, Bytes, Fun) ->
    #{name => Name, handler => oracle_handler_bare, steps => [{send, Bytes}, response],
      script => #{init => fun(Req, Script) ->
          oracle_trace:note(Script, Fun(Req)),
          {ok, cowboy_req:reply(200, Req), Script}
      end}}.

%% A plain handler that answers with `Fun(Req)'.
-spec answered(string(), fun((map()) -> map()), [oracle_run:step()]) -> map().
answered(Name, Fun, Steps) ->
    #{name => Name, handler => oracle_handler_bare, steps => Steps, script => #{init => fun(Req, Script) -> {ok, Fun(Req), Script} end}}.

-spec get_ws([{iodata(), iodata()}]) -> iodata().
get_ws(Fields) -> request(<<"GET /ws HTTP/1.1">>, Fields).

-spec get_qs(binary()) -> iodata().
get_qs(Qs) -> request(<<"GET /ws?", Qs/binary, " HTTP/1.1">>, []).

-spec req_map() -> [map()].
req_map() ->
    [#{name => "the keys of Req in a handshake", steps => [upgrade],
       script => #{init => fun(Req, Script) -> oracle_trace:note(Script, lists:sort(maps:keys(Req))), oracle_handler:upgrade(Req, Script) end}},
     noted("the keys of Req", get_ws([]), fun(Req) -> lists:sort(maps:keys(Req)) end),
     noted("the values of Req", request(<<"GET /ws?a=b HTTP/1.1">>, [{<<"X-A">>, <<"1">>}, {<<"x-b">>, <<"  padded  ">>}]),
           fun(#{peer := {PeerIp, _}, sock := {SockIp, _}, ref := {oracle, _}} = Req) ->
               {PeerIp, SockIp, is_pid(maps:get(pid, Req)), maps:without([peer, sock, ref, pid], Req)} end),
     noted("header lines of one name are joined", get_ws([{<<"x-a">>, <<"1">>}, {<<"X-A">>, <<"2">>}, {<<"cookie">>, <<"a=1">>}, {<<"cookie">>, <<"b=2">>}]),
           fun cowboy_req:headers/1),
     noted("the transfer coding is no header", [request(<<"POST /ws HTTP/1.1">>, [{<<"transfer-encoding">>, <<"chunked">>}]), <<"0\r\n\r\n">>],
           fun(Req) -> {cowboy_req:headers(Req), cowboy_req:has_body(Req)} end),
     noted("an own key survives in Req", get_ws([]), fun(Req) -> maps:get(mine, cowboy_req:set_resp_body(<<>>, Req#{mine => 1})) end),
     noted("streamid counts requests", get_ws([]), fun(#{streamid := Id}) -> Id end),
     #{name => "streamid of a third request", steps => lists:append(lists:duplicate(3, [{send, get_ws([])}, response, {await, note}])),
       script => #{init => fun(#{streamid := Id} = Req, Script) ->
           oracle_trace:note(Script, Id),
           {ok, cowboy_req:reply(200, Req), Script} end},
       handler => oracle_handler_bare}].

-spec getters() -> [map()].
getters() ->
    Getters = [method, version, scheme, host, port, path, qs, host_info, path_info, bindings, headers, cert, has_body, body_length,
               resp_headers, has_resp_body, parse_qs, parse_cookies, uri],
    Request = request(<<"GET /ws?q=1 HTTP/1.1">>, [{<<"x-a">>, <<"1">>}]),
    [noted(lists:concat(["cowboy_req:", Getter]), Request, fun(Req) -> printed(cowboy_req:Getter(Req)) end) || Getter <- Getters]
    ++ [noted("cowboy_req:peer and sock", Request, fun(Req) ->
            {{A, B}, {C, D}} = {cowboy_req:peer(Req), cowboy_req:sock(Req)},
            {A, is_integer(B), C, is_integer(D)} end),
        noted("cowboy_req:header", Request, fun(Req) ->
            {cowboy_req:header(<<"x-a">>, Req), cowboy_req:header(<<"x-b">>, Req), cowboy_req:header(<<"x-b">>, Req, default), cowboy_req:header(<<"X-A">>, Req)} end),
        noted("cowboy_req:binding", Request, fun(Req) -> {cowboy_req:binding(a, Req), cowboy_req:binding(a, Req, default)} end),
        noted("cowboy_req:resp_header", Request, fun(Req) ->
            Set = cowboy_req:set_resp_header(<<"x-r">>, <<"1">>, Req),
            {cowboy_req:resp_header(<<"x-r">>, Set), cowboy_req:resp_header(<<"x-s">>, Set), cowboy_req:resp_header(<<"x-s">>, Set, d),
             cowboy_req:has_resp_header(<<"x-r">>, Set), cowboy_req:has_resp_header(<<"x-r">>, cowboy_req:delete_resp_header(<<"x-r">>, Set))} end),
        noted("cowboy_websocket:is_upgrade_request", handshake([]), fun(Req) -> cowboy_websocket:is_upgrade_request(Req) end),
        noted("cowboy_websocket:is_upgrade_request of a plain one", Request, fun(Req) -> cowboy_websocket:is_upgrade_request(Req) end),
        noted("a name that is not a binary", Request, fun(Req) -> cowboy_req:header("x-a", Req) end)].

%% iodata has many forms; one is enough.
-spec printed(term()) -> term().
printed([Head | _] = IoData) when is_binary(Head); is_list(Head) -> iolist_to_binary(IoData);
printed(Term) -> Term.

-spec parsed_headers() -> [map()].
parsed_headers() ->
    Headers = [{<<"accept">>, <<"text/html;q=0.8, */*;q=0.1">>}, {<<"accept-language">>, <<"da, en-gb;q=0.8">>}, {<<"accept-encoding">>, <<"gzip, identity;q=0">>},
               {<<"accept-charset">>, <<"utf-8, iso-8859-1;q=0.5">>}, {<<"authorization">>, <<"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==">>},
               {<<"authorization">>, <<"Bearer abc.def">>}, {<<"authorization">>, <<"nonsense">>}, {<<"connection">>, <<"Keep-Alive, Upgrade">>},
               {<<"content-type">>, <<"text/plain; charset=UTF-8">>}, {<<"cookie">>, <<"a=1; b=2">>}, {<<"if-match">>, <<"\"x\", W/\"y\"">>},
               {<<"if-none-match">>, <<"*">>}, {<<"if-modified-since">>, <<"Sun, 06 Nov 1994 08:49:37 GMT">>}, {<<"range">>, <<"bytes=0-499, -5">>},
               {<<"sec-websocket-protocol">>, <<"chat, SuperChat">>}, {<<"sec-websocket-extensions">>, <<"foo; a=1; b, bar">>},
               {<<"sec-websocket-version">>, <<"13">>}, {<<"upgrade">>, <<"websocket, h2c">>}, {<<"x-forwarded-for">>, <<"1.2.3.4, 5.6.7.8">>},
               {<<"expect">>, <<"100-continue">>}, {<<"content-length">>, <<"abc">>}, {<<"accept">>, <<"no slash">>}, {<<"range">>, <<"bytes">>}],
    Names = [<<"accept">>, <<"authorization">>, <<"connection">>, <<"content-length">>, <<"content-type">>, <<"cookie">>, <<"if-match">>, <<"range">>,
             <<"sec-websocket-protocol">>, <<"upgrade">>, <<"x-forwarded-for">>, <<"x-unknown">>],
    [noted(lists:concat(["parse_header ", binary_to_list(Name), ": ", binary_to_list(Value)]), one_header(Name, Value),
           fun(Req) -> caught(fun() -> cowboy_req:parse_header(Name, Req) end) end)
     || {Name, Value} <- Headers, {Name, Value} =/= {<<"content-length">>, <<"abc">>}, Name =/= <<"expect">>]
    ++ [noted(lists:concat(["parse_header of a missing ", binary_to_list(Name)]), get_ws([]),
              fun(Req) -> caught(fun() -> {cowboy_req:parse_header(Name, Req), cowboy_req:parse_header(Name, Req, default)} end) end) || Name <- Names].

%% An upgrade field without its connection option would be an oddity of its own.
-spec one_header(binary(), binary()) -> iodata().
one_header(Name, Value) -> get_ws([{Name, Value}]).

-spec caught(fun(() -> term())) -> term().
caught(Fun) ->
    try Fun()
    catch Class:Reason -> {Class, Reason}
    end.

-spec queries() -> [map()].
queries() ->
    [noted("parse_qs of " ++ binary_to_list(Qs), get_qs(Qs), fun(Req) -> caught(fun() -> cowboy_req:parse_qs(Req) end) end)
     || Qs <- [<<>>, <<"a">>, <<"a=">>, <<"a=1">>, <<"a=1&b=2&a=3">>, <<"a+b=c%20d%2B">>, <<"&&a=1&">>, <<"=x">>, <<"a=%zz">>, <<"a=%C3%A9">>, <<"a=b=c">>, <<"a;b=1">>]]
    ++ [noted(lists:concat(["match_qs ", Name]), get_qs(<<"a=1&b=x&c&a=2&d=">>), fun(Req) -> caught(fun() -> cowboy_req:match_qs(Fields, Req) end) end)
        || {Name, Fields} <- [{"a name", [b]}, {"names", [b, c, d]}, {"a repeated name", [a]}, {"a constraint", [{a, [], 5}, b]}, {"int", [{b, int}]},
                              {"a default", [{zzz, [], default}]}, {"nonempty", [{d, nonempty}]}, {"a missing one", [zzz]},
                              {"a fun", [{b, fun(forward, V) -> {ok, {v, V}} end}]}]].

-spec cookies() -> [map()].
cookies() ->
    [noted("parse_cookies of " ++ binary_to_list(Value), get_ws([{<<"cookie">>, Value}]), fun(Req) -> caught(fun() -> cowboy_req:parse_cookies(Req) end) end)
     || Value <- [<<"a=1">>, <<"a=1; b=2;c=3">>, <<"a=\"quoted\"">>, <<"a">>, <<"a=b=c">>, <<"$Version=1; a=1">>, <<"a = 1 ; b= 2">>, <<"a=">>]]
    ++ [noted("match_cookies", get_ws([{<<"cookie">>, <<"a=1; b=x">>}]), fun(Req) -> cowboy_req:match_cookies([{a, int}, b, {c, [], none}], Req) end)].

-spec uris() -> [map()].
uris() ->
    [noted(lists:concat(["uri with ", Name]), request(<<"GET /ws?q=1 HTTP/1.1">>, []), fun(Req) -> iolist_to_binary(cowboy_req:uri(Req, Opts)) end)
     || {Name, Opts} <- [{"nothing else", #{}}, {"no query", #{qs => undefined}}, {"another host", #{host => <<"example.org">>}}, {"a port", #{port => 8080}},
                         {"a fragment", #{fragment => <<"top">>}}, {"no host", #{host => undefined}}, {"another path", #{path => <<"/x">>, qs => undefined}},
                         {"another scheme", #{scheme => <<"wss">>}}, {"no scheme", #{scheme => undefined}}, {"https on 443", #{scheme => <<"https">>, port => 443}}]].

-spec bodies() -> [map()].
bodies() ->
    Post = fun(Fields, Body) -> [request(<<"POST /ws HTTP/1.1">>, Fields), Body] end,
    Sized = fun(Body) -> Post([{<<"content-length">>, integer_to_binary(byte_size(Body))}], Body) end,
    Chunked = fun(Chunks) -> Post([{<<"transfer-encoding">>, <<"chunked">>}], [[integer_to_list(byte_size(C), 16), "\r\n", C, "\r\n"] || C <- Chunks ++ [<<>>]]) end,
    Read = fun(Name, Bytes) -> answered(Name, fun(Req0) ->
        {ok, Body, Req} = cowboy_req:read_body(Req0),
        cowboy_req:reply(200, #{<<"x-length">> => integer_to_binary(byte_size(Body)), <<"x-known">> => io_lib:format("~p", [cowboy_req:body_length(Req0)])}, Body, Req) end,
        [{send, Bytes}, response, {send, get_ws([])}, response]) end,
    [Read("a body", Sized(<<"hello">>)),
     Read("an empty body", Sized(<<>>)),
     Read("no body", get_ws([])),
     Read("a body of 100000 bytes", Sized(binary:copy(<<"x">>, 100000))),
     Read("a chunked body", Chunked([<<"hel">>, <<"lo">>])),
     Read("an empty chunked body", Chunked([])),
     Read("a body after 100-continue is asked for", Post([{<<"content-length">>, <<"2">>}], <<"hi">>)),
     answered("a body that is not read", fun(Req) -> cowboy_req:reply(200, Req) end, [{send, Sized(<<"unread">>)}, response, {send, get_ws([])}, response]),
     answered("a body read in pieces", fun(Req0) ->
         {more, <<"abcd">>, Req1} = cowboy_req:read_body(Req0, #{length => 4, period => 50}),
         {_, Rest, Req2} = cowboy_req:read_body(Req1),
         cowboy_req:reply(200, #{}, [Rest], Req2) end, [{send, request(<<"POST /ws HTTP/1.1">>, [{<<"content-length">>, <<"8">>}])}, {send, <<"abcd">>}, {pause, 100}, {send, <<"efgh">>}, response]),
     answered("a form", fun(Req0) ->
         {ok, Fields, Req} = cowboy_req:read_urlencoded_body(Req0),
         cowboy_req:reply(200, #{}, io_lib:format("~p", [Fields]), Req) end, [{send, Sized(<<"a=1&b=two+words&c">>)}, response]),
     answered("has_body", fun(Req) -> cowboy_req:reply(200, #{}, atom_to_binary(cowboy_req:has_body(Req)), Req) end, [{send, Sized(<<"x">>)}, response, {send, get_ws([])}, response])].

-spec replies() -> [map()].
replies() ->
    One = fun(Name, Fun) -> answered(Name, Fun, [{send, get_ws([])}, response, {send, get_ws([])}, response]) end,
    Twice = fun(Req) -> cowboy_req:reply(201, cowboy_req:reply(200, Req)) end,
    [One(lists:concat(["reply ", Status]), fun(Req) -> cowboy_req:reply(Status, Req) end) || Status <- [200, 204, 304, 404, 426, 500]]
    ++ [answered("the reason phrases", fun(Req) -> cowboy_req:reply(binary_to_integer(cowboy_req:qs(Req)), Req) end,
                 lists:append([[{send, get_qs(integer_to_binary(Status))}, status] || Status <- statuses()]))]
    ++ [One("reply with a status line of one's own", fun(Req) -> cowboy_req:reply(<<"299 Mine">>, Req) end),
        One("reply with headers", fun(Req) -> cowboy_req:reply(200, #{<<"content-type">> => "text/plain", <<"x-a">> => [<<"1">>, "2"]}, Req) end),
        One("reply with a body", fun(Req) -> cowboy_req:reply(200, #{}, ["bo", <<"dy">>], Req) end),
        One("reply with a body set before", fun(Req) -> cowboy_req:reply(200, cowboy_req:set_resp_body("set", Req)) end),
        One("reply with headers set before", fun(Req) -> cowboy_req:reply(200, #{<<"x-a">> => <<"2">>}, cowboy_req:set_resp_header(<<"x-a">>, <<"1">>, Req)) end),
        One("reply with its own date and server", fun(Req) -> cowboy_req:reply(200, #{<<"date">> => <<"then">>, <<"server">> => <<"mine">>}, Req) end),
        One("reply with connection: close", fun(Req) -> cowboy_req:reply(200, #{<<"connection">> => <<"close">>}, Req) end),
        One("a 204 with a body", fun(Req) -> cowboy_req:reply(204, #{}, <<>>, Req) end),
        One("a large body", fun(Req) -> cowboy_req:reply(200, #{}, binary:copy(<<"x">>, 200000), Req) end),
        (answered("a reply to HEAD", fun(Req) -> cowboy_req:reply(200, #{}, <<"body">>, Req) end, [{send, request(<<"HEAD /ws HTTP/1.1">>, [])}, head, {send, request(<<"HEAD /ws HTTP/1.1">>, [])}, head])),
        (answered("a second reply", Twice, [{send, get_ws([])}, response, {await, terminate}]))
        #{handler => oracle_handler,
          deviates => [{callbacks, {crash, error, function_clause}, {crash, exit, {response_error, response_already_sent, 'The final response has already been sent.'}}, "2.11 says so"}]}].

-spec statuses() -> [200..511].
statuses() ->
    lists:seq(200, 208) ++ [226] ++ lists:seq(300, 305) ++ [307, 308] ++ lists:seq(400, 417) ++ [422, 423, 424, 426, 428, 429, 431]
    ++ lists:seq(500, 508) ++ [510, 511].

-spec streamed_replies() -> [map()].
streamed_replies() ->
    Twice = [{send, get_ws([])}, response, {send, get_ws([])}, response],
    [answered("a streamed reply", fun(Req0) ->
         Req = cowboy_req:stream_reply(200, #{<<"x-a">> => <<"1">>}, Req0),
         ok = cowboy_req:stream_body(<<"hel">>, nofin, Req), ok = cowboy_req:stream_body(["l", $o], fin, Req), Req end, Twice),
     answered("a streamed reply of one piece", fun(Req0) ->
         Req = cowboy_req:stream_reply(200, Req0), ok = cowboy_req:stream_body(<<"all">>, fin, Req), Req end, Twice),
     answered("a streamed reply that ends with nothing", fun(Req0) ->
         Req = cowboy_req:stream_reply(200, Req0), ok = cowboy_req:stream_body(<<"x">>, nofin, Req), ok = cowboy_req:stream_body(<<>>, fin, Req), Req end, Twice),
     answered("a streamed reply that the handler leaves open", fun(Req0) ->
         Req = cowboy_req:stream_reply(200, Req0), ok = cowboy_req:stream_body(<<"x">>, nofin, Req), Req end, Twice),
     answered("a streamed reply of known length", fun(Req0) ->
         Req = cowboy_req:stream_reply(200, #{<<"content-length">> => <<"4">>}, Req0), ok = cowboy_req:stream_body(<<"four">>, fin, Req), Req end, Twice),
     answered("a streamed reply to HTTP/1.0", fun(Req0) ->
         Req = cowboy_req:stream_reply(200, Req0), ok = cowboy_req:stream_body(<<"until close">>, fin, Req), Req end, [{send, request(<<"GET /ws HTTP/1.0">>, [])}, head, eof])].

-spec keep_alive() -> [map()].
keep_alive() ->
    Ok = fun(Req) -> cowboy_req:reply(200, #{}, cowboy_req:path(Req), Req) end,
    [answered("HTTP/1.0 closes", Ok, [{send, request(<<"GET /ws HTTP/1.0">>, [])}, response, eof]),
     answered("HTTP/1.0 with keep-alive", Ok, [{send, request(<<"GET /ws HTTP/1.0">>, [{<<"connection">>, <<"keep-alive">>}])}, response,
                                               {send, request(<<"GET /ws HTTP/1.0">>, [])}, response, eof]),
     answered("connection: close", Ok, [{send, get_ws([{<<"connection">>, <<"close">>}])}, response, eof]),
     answered("error({request_error, _, _})", fun(_) -> error({request_error, payload_too_large, why}) end, [{send, get_ws([])}, status]),
     answered("pipelined requests", Ok, [{send, [get_ws([]), get_ws([]), get_ws([])]}, response, response, response])].

-spec malformed() -> [map()].
malformed() ->
    Sent = fun(Name, Bytes) -> answered(Name, fun(Req) -> cowboy_req:reply(200, Req) end, [{send, Bytes}, response, eof]) end,
    Long = fun(Size) -> binary:copy(<<"x">>, Size) end,
    [Sent("not HTTP", <<"hello world\r\n\r\n">>),
     Sent("no version", <<"GET /ws\r\n\r\n">>),
     Sent("an unknown version", <<"GET /ws HTTP/1.2\r\nhost: a\r\n\r\n">>),
     Sent("a header without a colon", <<"GET /ws HTTP/1.1\r\nhost: a\r\nbad\r\n\r\n">>),
     Sent("a space before the colon", <<"GET /ws HTTP/1.1\r\nhost : a\r\n\r\n">>),
     Sent("two hosts", <<"GET /ws HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n">>),
     Sent("a request line that is too long", [<<"GET /">>, Long(9000), <<" HTTP/1.1\r\nhost: a\r\n\r\n">>]),
     Sent("a header value that is too long", [<<"GET /ws HTTP/1.1\r\nhost: a\r\nx: ">>, Long(5000), <<"\r\n\r\n">>]),
     Sent("too many headers", [<<"GET /ws HTTP/1.1\r\nhost: a\r\n">>, [["x", integer_to_list(N), ": 1\r\n"] || N <- lists:seq(1, 120)], <<"\r\n">>]),
     Sent("an absolute target of another host", <<"GET http://b/ws HTTP/1.1\r\nhost: a\r\n\r\n">>),
     Sent("an authority for a target", <<"GET a:1 HTTP/1.1\r\nhost: a:1\r\n\r\n">>),
     Sent("an asterisk without OPTIONS", <<"GET * HTTP/1.1\r\nhost: a\r\n\r\n">>),
     Sent("a bad content-length", <<"POST /ws HTTP/1.1\r\nhost: a\r\ncontent-length: abc\r\n\r\n">>),
     #{name => "no request within request_timeout", proto => #{request_timeout => 100}, steps => [eof]},
     #{name => "half a request within request_timeout", proto => #{request_timeout => 100}, steps => [{send, <<"GET /ws HTTP/1.1\r\nhos">>}, eof]}].
