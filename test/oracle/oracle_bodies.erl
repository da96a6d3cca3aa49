%% @doc Scenarios: bodies of requests as handlers read them, and of responses in every form that they may have.
-module(oracle_bodies).

-export([tables/0]).

-import(oracle_run, [request/2]).

-spec tables() -> [{atom(), [map()]}].
tables() ->
    [{continue, continue()},
     {pieces, pieces()},
     {forms, forms()},
     {parts, parts()},
     {bad_parts, bad_parts()},
     {informs, informs()},
     {files, files()},
     {heads, heads()},
     {misuse, misuse()},
     {events, events()},
     {other_processes, other_processes()}].

%% A plain handler that notes `Fun(Req)', or what it failed with, and answers 200.
-spec noted(string(), [oracle_run:step()], fun((map()) -> term())) -> map().
noted(Name, Steps, Fun) ->
    #{name => Name, handler => oracle_handler_bare, steps => Steps ++ [{await, note}],
      script => #{init => fun(Req, Script) ->
          oracle_trace:note(Script, caught(fun() -> Fun(Req) end)),
          {ok, Req, Script}
      end}}.

%% A plain handler that answers with `Fun(Req)'.
-spec answered(string(), fun((map()) -> map()), [oracle_run:step()]) -> map().
answered(Name, Fun, Steps) ->
    #{name => Name, handler => oracle_handler_bare, steps => Steps, script => #{init => fun(Req, Script) -> {ok, Fun(Req), Script} end}}.

-spec caught(fun(() -> term())) -> term().
caught(Fun) ->
    try Fun()
    catch
        exit:{Tag, What, _} when Tag =:= request_error; Tag =:= response_error -> {exit, Tag, What};
        error:_ -> error;
        Class:Reason -> {Class, Reason}
    end.

-spec get_ws() -> iodata().
get_ws() -> request(<<"GET /ws HTTP/1.1">>, []).

-spec head_ws() -> iodata().
head_ws() -> request(<<"HEAD /ws HTTP/1.1">>, []).

-spec post(binary()) -> iodata().
post(Body) -> post([], Body).

-spec post([{binary(), iodata()}], binary()) -> iodata().
post(Fields, Body) ->
    [request(<<"POST /ws HTTP/1.1">>, [{<<"content-length">>, integer_to_binary(byte_size(Body))} | Fields]), Body].

%% A head that promises more than what is sent.
-spec promised(pos_integer(), binary()) -> iodata().
promised(Length, Sent) ->
    [request(<<"POST /ws HTTP/1.1">>, [{<<"content-length">>, integer_to_binary(Length)}]), Sent].

-spec chunked([iodata()]) -> iodata().
chunked(Lines) -> [request(<<"POST /ws HTTP/1.1">>, [{<<"transfer-encoding">>, <<"chunked">>}]), Lines].

%%% Requests

-spec read(map()) -> {binary(), map()}.
read(Req0) ->
    {ok, Body, Req} = cowboy_req:read_body(Req0),
    {Body, Req}.

-spec echo(map()) -> map().
echo(Req0) ->
    {Body, Req} = read(Req0),
    cowboy_req:reply(200, #{}, Body, Req).

-spec continue() -> [map()].
continue() ->
    Expecting = request(<<"POST /ws HTTP/1.1">>, [{<<"content-length">>, <<"2">>}, {<<"expect">>, <<"100-continue">>}]),
    Mixed = request(<<"POST /ws HTTP/1.1">>, [{<<"content-length">>, <<"2">>}, {<<"expect">>, <<"100-Continue">>}]),
    [answered("a client waits for 100", fun echo/1, [{send, Expecting}, raw_head, {send, <<"hi">>}, response, {send, get_ws()}, response]),
     answered("a client waits for 100 in capitals", fun echo/1, [{send, Mixed}, raw_head, {send, <<"hi">>}, response]),
     answered("a client that is refused before its body", fun(Req) -> cowboy_req:reply(413, #{}, <<"no">>, Req) end, [{send, Expecting}, response])].

-spec pieces() -> [map()].
pieces() ->
    Known = fun(Req) -> maps:with([headers, body_length, has_body, has_read_body], Req) end,
    [noted("a body that is read twice", [{send, post(<<"once">>)}], fun(Req0) ->
         {First, Req} = read(Req0),
         {First, read(Req) =:= {<<>>, Req}} end),
     noted("what is known of a body in chunks", [{send, chunked(["3\r\nabc\r\n", "2;x=y\r\nde\r\n", "0\r\n\r\n"])}], fun(Req0) ->
         {Body, Req} = read(Req0),
         {cowboy_req:has_body(Req0), cowboy_req:body_length(Req0), Body, Known(Req)} end),
     noted("what is known of a body with a length", [{send, post(<<"abc">>)}], fun(Req0) ->
         {Body, Req} = read(Req0),
         {cowboy_req:has_body(Req0), cowboy_req:body_length(Req0), Body, Known(Req)} end),
     noted("a period that ends without a byte", [{send, promised(4, <<>>)}], fun(Req0) ->
         {more, Data, _} = cowboy_req:read_body(Req0, #{length => 10, period => 50}),
         Data end),
     noted("a period that ends with some bytes", [{send, promised(4, <<"ab">>)}], fun(Req0) ->
         {more, Data, _} = cowboy_req:read_body(Req0, #{length => 10, period => 100}),
         Data end),
     noted("a timeout before the period", [{send, promised(4, <<>>)}], fun(Req) ->
         cowboy_req:read_body(Req, #{period => 5000, timeout => 50}) end),
     noted("a body in two reads", [{send, post(<<"abcdef">>)}], fun(Req0) ->
         {Data, Req} = all(Req0, #{length => 2, period => 1000}, <<>>),
         {Data, cowboy_req:body_length(Req)} end)].

-spec all(map(), map(), binary()) -> {binary(), map()}.
all(Req0, Opts, Acc) ->
    case cowboy_req:read_body(Req0, Opts) of
        {ok, Data, Req} -> {<<Acc/binary, Data/binary>>, Req};
        {more, Data, Req} -> all(Req, Opts, <<Acc/binary, Data/binary>>)
    end.

-spec forms() -> [map()].
forms() ->
    BestEffort = "2.8 hands out what came in one piece whatever its length",
    Large = <<"a=", (binary:copy(<<"x">>, 64000))/binary>>,
    Values = fun({ok, Values, _}) -> Values end,
    Form = fun(Req) -> Values(cowboy_req:read_urlencoded_body(Req)) end,
    Match = fun(Fields) -> fun(Req) -> Values(cowboy_req:read_and_match_urlencoded_body(Fields, Req)) end end,
    [noted("a form", [{send, post(<<"a=1&b=two+words&c&d=%C3%A9&a=2">>)}], Form),
     noted("an empty form", [{send, post(<<>>)}], Form),
     noted("a form without a body", [{send, get_ws()}], Form),
     noted("a malformed form", [{send, post(<<"a=%zz">>)}], Form),
     (noted("a form that is too large", [{send, post(Large)}], fun(Req) -> [{K, byte_size(V)} || {K, V} <- Form(Req)] end))
     #{deviates => [{callbacks, {note, [{<<"a">>, 64000}]}, {note, {exit, request_error, payload_too_large}}, BestEffort}]},
     noted("a form that is just small enough", [{send, post(binary:part(Large, 0, 64000))}], fun(Req) -> [{K, byte_size(V)} || {K, V} <- Form(Req)] end),
     (noted("a form that is large by one's own limit", [{send, post(<<"a=12345">>)}], fun(Req) -> Values(cowboy_req:read_urlencoded_body(Req, #{length => 3})) end))
     #{deviates => [{callbacks, {note, [{<<"a">>, <<"12345">>}]}, {note, {exit, request_error, payload_too_large}}, BestEffort}]},
     noted("a form that is too slow", [{send, promised(9, <<"a=1">>)}], fun(Req) -> Values(cowboy_req:read_urlencoded_body(Req, #{period => 50})) end),
     noted("a form that matches", [{send, post(<<"a=1&b=x">>)}], Match([{a, int}, b, {c, [], none}])),
     noted("a form that lacks a field", [{send, post(<<"a=1">>)}], Match([a, b])),
     noted("a form that breaks a constraint", [{send, post(<<"a=x">>)}], Match([{a, int}])),
     answered("a form that is malformed is answered", fun(Req) -> _ = Form(Req), Req end, [{send, post(<<"a=%zz">>)}, response]),
     answered("a form that is much too large is answered", fun(Req) -> _ = Form(Req), Req end,
         [{send, promised(10000000, binary:copy(<<"x">>, 1000000))}, status])].

-spec multipart(iodata()) -> [oracle_run:step()].
multipart(Body) -> multipart(<<"multipart/form-data; boundary=AB">>, Body).

-spec multipart(binary(), iodata()) -> [oracle_run:step()].
multipart(Type, Body) -> [{send, post([{<<"content-type">>, Type}], iolist_to_binary(Body))}].

-spec every_part(map()) -> [{map(), binary()}].
every_part(Req0) ->
    case cowboy_req:read_part(Req0) of
        {ok, Headers, Req1} ->
            {Body, Req} = part_body(Req1, #{}, <<>>),
            [{Headers, Body} | every_part(Req)];
        {done, _} ->
            []
    end.

-spec part_body(map(), map(), binary()) -> {binary(), map()}.
part_body(Req0, Opts, Acc) ->
    case cowboy_req:read_part_body(Req0, Opts) of
        {ok, Data, Req} -> {<<Acc/binary, Data/binary>>, Req};
        {more, Data, Req} -> part_body(Req, Opts, <<Acc/binary, Data/binary>>)
    end.

-spec parts() -> [map()].
parts() ->
    Two = <<"--AB\r\ncontent-disposition: form-data; name=\"a\"\r\n\r\none\r\n--AB\r\nX-A:  1 \r\nx-b: 2\r\n\r\n\r\n--AB--\r\n">>,
    Large = binary:copy(<<"0123456789">>, 20000),
    [noted("two parts", multipart(Two), fun every_part/1),
     noted("parts between a preamble and an epilogue", multipart([<<"before\r\n">>, Two, <<"after">>]), fun every_part/1),
     noted("a part without headers", multipart(<<"--AB\r\n\r\nx\r\n--AB--">>), fun every_part/1),
     noted("a boundary in quotes", multipart(<<"multipart/mixed; boundary=\"AB\"">>, Two), fun every_part/1),
     noted("no part at all", multipart(<<"--AB--\r\n">>), fun every_part/1),
     noted("a part that is skipped", multipart(Two), fun(Req0) ->
         {ok, _, Req1} = cowboy_req:read_part(Req0),
         {ok, Headers, _} = cowboy_req:read_part(Req1),
         Headers end),
     noted("a part of 200000 bytes", multipart([<<"--AB\r\n\r\n">>, Large, <<"\r\n--AB--">>]), fun(Req0) ->
         {ok, _, Req1} = cowboy_req:read_part(Req0),
         {Body, Req} = part_body(Req1, #{length => 65536}, <<>>),
         {Body =:= binary:copy(<<"0123456789">>, 20000), element(1, cowboy_req:read_part(Req))} end),
     noted("what looks like a delimiter", multipart(<<"--AB\r\n\r\nx\r\n--A\r\n-AB\r\n--AB--">>), fun every_part/1)].

-spec bad_parts() -> [map()].
bad_parts() ->
    First = fun(Req) -> element(1, cowboy_req:read_part(Req)) end,
    [noted("parts without a boundary", multipart(<<"multipart/form-data">>, <<"x">>), First),
     noted("parts of another type", multipart(<<"text/plain">>, <<"x">>), First),
     noted("parts without a type", [{send, post(<<"x">>)}], First),
     noted("parts that never begin", multipart(<<"nothing like it">>), First),
     noted("a part that never ends", multipart(<<"--AB\r\n\r\nx">>), fun(Req0) ->
         {ok, _, Req} = cowboy_req:read_part(Req0),
         element(1, part_body(Req, #{}, <<>>)) end),
     answered("parts that never begin are answered", fun(Req) -> _ = First(Req), Req end, multipart(<<"nothing like it">>) ++ [response])].

%%% Responses

-spec informs() -> [map()].
informs() ->
    Twice = [{send, get_ws()}, raw_head, response, {send, get_ws()}, raw_head, response],
    [answered("an informational response", fun(Req) -> ok = cowboy_req:inform(103, #{<<"link">> => <<"</a>">>}, Req), cowboy_req:reply(200, #{}, <<"x">>, Req) end, Twice),
     answered("one without headers", fun(Req) -> ok = cowboy_req:inform(102, Req), cowboy_req:reply(200, Req) end, Twice),
     answered("one with a phrase of one's own", fun(Req) -> ok = cowboy_req:inform(<<"103 Soon">>, Req), cowboy_req:reply(200, Req) end, Twice),
     answered("two of them", fun(Req) ->
         ok = cowboy_req:inform(102, Req), ok = cowboy_req:inform(103, #{<<"x">> => ["1", <<"2">>]}, Req),
         cowboy_req:reply(200, Req) end, [{send, get_ws()}, raw_head, raw_head, response]),
     answered("one before a streamed body", fun(Req0) ->
         ok = cowboy_req:inform(103, Req0),
         Req = cowboy_req:stream_reply(200, Req0), ok = cowboy_req:stream_body(<<"x">>, fin, Req), Req end, Twice),
     answered("none for HTTP/1.0", fun(Req) -> ok = cowboy_req:inform(103, Req), cowboy_req:reply(200, Req) end,
         [{send, request(<<"GET /ws HTTP/1.0">>, [])}, response, eof]),
     answered("headers set before are not in it", fun(Req0) ->
         Req = cowboy_req:set_resp_header(<<"x-set">>, <<"1">>, Req0),
         ok = cowboy_req:inform(103, Req), cowboy_req:reply(200, Req) end, Twice)].

%% A file that is in every release of the emulator.
-spec file() -> file:filename().
file() -> filename:join(code:lib_dir(kernel), "ebin/kernel.app").

-spec files() -> [map()].
files() ->
    Twice = [{send, get_ws()}, response, {send, get_ws()}, response],
    [answered("a file", fun(Req) -> cowboy_req:reply(200, #{}, {sendfile, 0, 100, file()}, Req) end, Twice),
     answered("the middle of a file", fun(Req) -> cowboy_req:reply(206, #{}, {sendfile, 10, 20, file()}, Req) end, Twice),
     answered("nothing of a file", fun(Req) -> cowboy_req:reply(200, #{}, {sendfile, 0, 0, file()}, Req) end, Twice),
     answered("a file as body set before", fun(Req) -> cowboy_req:reply(200, cowboy_req:set_resp_body({sendfile, 0, 9, file()}, Req)) end, Twice),
     answered("a file in a streamed body", fun(Req0) ->
         Req = cowboy_req:stream_reply(200, Req0),
         ok = cowboy_req:stream_body(<<"<">>, nofin, Req), ok = cowboy_req:stream_body({sendfile, 0, 9, file()}, nofin, Req),
         ok = cowboy_req:stream_body(<<">">>, fin, Req), Req end, Twice),
     answered("a file in a streamed body of known length", fun(Req0) ->
         Req = cowboy_req:stream_reply(200, #{<<"content-length">> => <<"9">>}, Req0),
         ok = cowboy_req:stream_body({sendfile, 0, 9, file()}, fin, Req), Req end, Twice)].

-spec heads() -> [map()].
heads() ->
    Twice = [{send, head_ws()}, head, {send, head_ws()}, head],
    [answered("HEAD of a body", fun(Req) -> cowboy_req:reply(200, #{}, <<"body">>, Req) end, Twice),
     answered("HEAD of a file", fun(Req) -> cowboy_req:reply(200, #{}, {sendfile, 0, 100, file()}, Req) end, Twice),
     answered("HEAD with a length of one's own", fun(Req0) ->
         Req = cowboy_req:stream_reply(200, #{<<"content-length">> => <<"9">>}, Req0), ok = cowboy_req:stream_body(<<>>, fin, Req), Req end, [{send, head_ws()}, head]),
     answered("a status with a phrase", fun(Req) -> cowboy_req:reply(<<"404 Nope">>, #{}, <<"x">>, Req) end, [{send, get_ws()}, response]),
     answered("a streamed 204", fun(Req) -> cowboy_req:stream_reply(204, Req) end, [{send, get_ws()}, response, {send, get_ws()}, response]),
     answered("a 304 with a header", fun(Req) -> cowboy_req:reply(304, #{<<"etag">> => <<"\"a\"">>}, Req) end, [{send, get_ws()}, response, {send, get_ws()}, response]),
     (answered("cookies of one name and of two", fun(Req0) ->
         Req1 = cowboy_req:set_resp_cookie(<<"a">>, <<"1">>, Req0, #{path => <<"/">>}),
         Req2 = cowboy_req:set_resp_cookie(<<"a">>, <<"2">>, Req1),
         cowboy_req:reply(200, cowboy_req:set_resp_cookie(<<"b">>, <<"3">>, Req2, #{http_only => true})) end, [{send, get_ws()}, response]))
     #{deviates => [{wire, <<"a=2; Version=1">>, <<"a=2">>, "2.10 has no version"}, {wire, <<"b=3; Version=1; HttpOnly">>, <<"b=3; HttpOnly">>, "the same"}]}].

-spec misuse() -> [map()].
misuse() ->
    Sent = fun(Name, Fun) -> noted(Name, [{send, get_ws()}], fun(Req) -> Fun(cowboy_req:reply(200, Req)) end) end,
    [noted("a 204 with a body is refused", [{send, get_ws()}], fun(Req) -> cowboy_req:reply(204, #{}, <<"x">>, Req) end),
     noted("a status that is none", [{send, get_ws()}], fun(Req) -> cowboy_req:reply(ok, Req) end),
     noted("a body that is none", [{send, get_ws()}], fun(Req) -> cowboy_req:reply(200, #{}, body, Req) end),
     Sent("a streamed body after a reply", fun(Req) -> cowboy_req:stream_body(<<"x">>, fin, Req) end),
     Sent("trailers after a reply", fun(Req) -> cowboy_req:stream_trailers(#{}, Req) end),
     Sent("events after a reply", fun(Req) -> cowboy_req:stream_events(#{data => "x"}, fin, Req) end),
     noted("a part's body before the part", [{send, post(<<"x">>)}], fun cowboy_req:read_part_body/1),
     noted("the host_info that nobody has set", [{send, get_ws()}], fun(Req) -> cowboy_req:host_info(maps:remove(host_info, Req)) end),
     noted("a cookie that breaks the header", [{send, get_ws()}], fun(Req) -> cowboy_req:set_resp_cookie(<<"a">>, <<"b;c">>, Req) end),
     noted("a push", [{send, get_ws()}], fun(Req) -> cowboy_req:push(<<"/x">>, #{}, Req, #{method => <<"HEAD">>}) end),
     noted("a cast", [{send, get_ws()}], fun(Req) -> cowboy_req:cast({set_options, #{idle_timeout => 60000}}, Req) end)].

-spec events() -> [map()].
events() ->
    Stream = fun(Fun) -> fun(Req0) -> Req = cowboy_req:stream_reply(200, #{<<"content-type">> => <<"text/event-stream">>}, Req0), ok = Fun(Req), Req end end,
    Once = [{send, get_ws()}, response],
    Te = request(<<"GET /ws HTTP/1.1">>, [{<<"te">>, <<"trailers">>}, {<<"connection">>, <<"te">>}]),
    Trailers = fun(Req0) ->
        Req = cowboy_req:stream_reply(200, #{<<"trailer">> => <<"x-sum">>}, Req0),
        ok = cowboy_req:stream_body(<<"body">>, nofin, Req),
        ok = cowboy_req:stream_trailers(#{<<"x-sum">> => <<"4">>}, Req), Req end,
    [answered("an event of all fields", Stream(fun(Req) ->
         cowboy_req:stream_events(#{comment => "c", id => "1", event => "e", data => "one\ntwo", retry => 5}, fin, Req) end), Once),
     answered("events one after the other", Stream(fun(Req) ->
         ok = cowboy_req:stream_events([#{data => "a"}, #{event => b, data => <<"b">>}], nofin, Req),
         cowboy_req:stream_events(#{comment => <<"end">>}, fin, Req) end), Once),
     answered("trailers for a client that takes them", Trailers, [{send, Te}, head, {recv, 24}]),
     answered("trailers for a client that does not", Trailers, Once)].

%%% Other processes

-spec elsewhere(fun(() -> Value)) -> Value.
elsewhere(Fun) ->
    {Pid, Monitor} = spawn_monitor(fun() -> exit({done, Fun()}) end),
    receive {'DOWN', Monitor, process, Pid, {done, Value}} -> Value end.

-spec other_processes() -> [map()].
other_processes() ->
    Twice = [{send, get_ws()}, response, {send, get_ws()}, response],
    [answered("a reply from another process", fun(Req) -> elsewhere(fun() -> cowboy_req:reply(200, #{}, <<"there">>, Req) end) end, Twice),
     answered("a body streamed from another process", fun(Req0) ->
         elsewhere(fun() ->
             Req = cowboy_req:stream_reply(200, Req0),
             ok = cowboy_req:stream_body(<<"a">>, nofin, Req), ok = cowboy_req:stream_body(<<"b">>, fin, Req),
             Req
         end) end, Twice),
     answered("an informational response from another process", fun(Req) ->
         ok = elsewhere(fun() -> cowboy_req:inform(103, Req) end), cowboy_req:reply(200, Req) end, [{send, get_ws()}, raw_head, response]),
     answered("a body read in another process", fun(Req0) ->
         {Body, Req} = elsewhere(fun() -> read(Req0) end),
         cowboy_req:reply(200, #{}, Body, Req) end, [{send, post(<<"hello">>)}, response, {send, post(<<"again">>)}, response])].
