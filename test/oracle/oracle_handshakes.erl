%% @doc Scenarios: what requests become WebSocket connections and how the others are answered.
-module(oracle_handshakes).

-export([tables/0]).

-import(oracle_frame, [text/1, close/0]).
-import(oracle_run, [handshake/0, handshake/1, request/2]).

-spec tables() -> [{atom(), [map()]}].
tables() ->
    [{accepted, accepted()},
     {refused, refused()},
     {protocol_versions, protocol_versions()},
     {answer_headers, answer_headers()},
     {early_data, early_data()},
     {after_a_refusal, after_a_refusal()},
     {init_returns, init_returns()},
     {init_failures, init_failures()},
     {routes, routes()},
     {sub_protocols, sub_protocols()}].

%% The field names of a handshake, short.
-spec changed([{atom(), iodata() | none}]) -> iodata().
changed(Changes) -> handshake([{field(Name), Value} || {Name, Value} <- Changes]).

-spec field(atom()) -> binary().
field(version) -> <<"sec-websocket-version">>;
field(key) -> <<"sec-websocket-key">>;
field(extensions) -> <<"sec-websocket-extensions">>;
field(protocol) -> <<"sec-websocket-protocol">>;
field(Name) -> atom_to_binary(Name).

-spec accepted() -> [map()].
accepted() ->
    [#{name => "accepted: " ++ Name, steps => [{send, changed(Changes)}, head, {send, text(<<"x">>)}, {frames, 1}, {send, close()}, eof]}
     || {Name, Changes} <-
            [{"the plain handshake", []},
             {"connection: keep-alive, Upgrade", [{connection, <<"keep-alive, Upgrade">>}]},
             {"connection: UPGRADE", [{connection, <<"UPGRADE">>}]},
             {"connection in two lines", [{connection, <<"keep-alive">>}, {connection, <<"upgrade">>}]},
             {"upgrade: WebSocket", [{upgrade, <<"WebSocket">>}]},
             {"upgrade: foo, websocket", [{upgrade, <<"foo, websocket">>}]},
             {"upgrade: websocket, foo/1.0", [{upgrade, <<"websocket, foo/1.0">>}]},
             {"version 7", [{version, <<"7">>}]},
             {"version 8", [{version, <<"8">>}]},
             {"a key that is not base64", [{key, <<"x">>}]},
             {"an origin", [{origin, <<"http://elsewhere.example">>}]},
             {"a subprotocol that the handler ignores", [{protocol, <<"chat">>}]},
             {"an unknown extension", [{extensions, <<"foo; bar=1">>}]},
             {"compression that the handler did not allow", [{extensions, <<"permessage-deflate; client_max_window_bits">>}]},
             {"header names in mixed case", [{'X-Mixed-Case', <<"1">>}]}]].

-spec refused() -> [map()].
refused() ->
    [#{name => "refused: " ++ Name, steps => [{send, Request}, response, upgrade, {send, close()}, eof]} || {Name, Request} <- bad_requests()].

-spec bad_requests() -> [{string(), iodata()}].
bad_requests() ->
    [{Name, changed(Changes)} ||
        {Name, Changes} <-
            [{"no connection header", [{connection, none}]},
             {"connection: keep-alive", [{connection, <<"keep-alive">>}]},
             {"no upgrade header", [{upgrade, none}]},
             {"upgrade: foo", [{upgrade, <<"foo">>}]},
             {"upgrade: h2c", [{upgrade, <<"h2c">>}]},
             {"no version", [{version, none}]},
             {"version 0", [{version, <<"0">>}]},
             {"version 6", [{version, <<"6">>}]},
             {"version 9", [{version, <<"9">>}]},
             {"version 14", [{version, <<"14">>}]},
             {"version -13", [{version, <<"-13">>}]},
             {"a version that is no number", [{version, <<"abc">>}]},
             {"two versions", [{version, <<"13, 8">>}]},
             {"no key", [{key, none}]},
             {"malformed extensions", [{extensions, <<";;">>}]},
             {"extensions that end in the middle", [{extensions, <<"foo; bar=\"">>}]},
             {"neither connection nor upgrade", [{connection, none}, {upgrade, none}]},
             {"an ordinary request", [{connection, none}, {upgrade, none}, {version, none}, {key, none}]}]]
    ++ [{lists:concat([Method, " instead of GET"]), [atom_to_list(Method), tl_method(changed([]))]} || Method <- ['POST', 'PUT', 'HEAD', 'CONNECTED']].

%% The request without its method.
-spec tl_method(iodata()) -> binary().
tl_method(Request) ->
    <<"GET", Rest/binary>> = iolist_to_binary(Request),
    Rest.

-spec protocol_versions() -> [map()].
protocol_versions() ->
    Fields = [{<<"connection">>, <<"Upgrade">>}, {<<"upgrade">>, <<"websocket">>}, {<<"sec-websocket-version">>, <<"13">>},
              {<<"sec-websocket-key">>, <<"x">>}],
    [#{name => "HTTP/1.0 can't be upgraded", steps => [{send, request(<<"GET /ws HTTP/1.0">>, Fields)}, response, eof],
       deviates => [{wire, <<"HTTP/1.1 400 Bad Request">>, <<"HTTP/1.1 501 Not Implemented">>, "2.13 answers 501"}]}].

-spec answer_headers() -> [map()].
answer_headers() ->
    Set = fun(Fun) -> #{init => fun(Req, Script) -> oracle_handler:upgrade(Fun(Req), Script) end} end,
    Up = fun(Name, Fun) -> #{name => Name, script => Set(Fun), steps => [upgrade, {send, close()}, eof]} end,
    Cookie = "Version=1 is gone since 2.10",
    After = "nobody can talk on a connection that was answered",
    [Up("a header set in init is in the 101", fun(Req) -> cowboy_req:set_resp_header(<<"x-mine">>, <<"1">>, Req) end),
     Up("several headers set at once", fun(Req) -> cowboy_req:set_resp_headers(#{<<"x-a">> => <<"1">>, <<"x-b">> => ["2", <<"3">>]}, Req) end),
     Up("a header set twice has the last value", fun(Req) ->
            cowboy_req:set_resp_header(<<"x-a">>, <<"2">>, cowboy_req:set_resp_header(<<"x-a">>, <<"1">>, Req)) end),
     Up("a header deleted again", fun(Req) -> cowboy_req:delete_resp_header(<<"x-a">>, cowboy_req:set_resp_header(<<"x-a">>, <<"1">>, Req)) end),
     Up("the server header may be another", fun(Req) -> cowboy_req:set_resp_header(<<"server">>, <<"mine">>, Req) end),
     Up("the upgrade's own headers win", fun(Req) -> cowboy_req:set_resp_headers(#{<<"connection">> => <<"close">>, <<"upgrade">> => <<"x">>}, Req) end),
     Up("a response body is dropped", fun(Req) -> cowboy_req:set_resp_body(<<"body">>, Req) end),
     (Up("cookies", fun(Req) ->
            cowboy_req:set_resp_cookie(<<"b">>, <<"2">>, cowboy_req:set_resp_cookie(<<"a">>, <<"1">>, Req), #{path => <<"/">>, http_only => true}) end))
     #{deviates => [{wire, <<"a=1; Version=1">>, <<"a=1">>, Cookie},
                    {wire, <<"b=2; Version=1; HttpOnly; Path=/">>, <<"b=2; HttpOnly; Path=/">>, Cookie}]},
     (Up("a subprotocol chosen by the handler", fun(Req) ->
            [_, Chosen] = cowboy_req:parse_header(<<"sec-websocket-protocol">>, Req),
            cowboy_req:set_resp_header(<<"sec-websocket-protocol">>, Chosen, Req) end))
     #{steps => [{send, changed([{protocol, <<"chat, SuperChat">>}])}, head, {send, close()}, eof]},
     #{name => "headers set in init are in a refusal too", script => Set(fun(Req) -> cowboy_req:set_resp_header(<<"x-mine">>, <<"1">>, Req) end),
       steps => [{send, changed([{version, none}])}, response, {send, changed([{connection, none}])}, response]},
     #{name => "a reply before the upgrade",
       script => #{init => fun(Req, Script) -> oracle_handler:upgrade(cowboy_req:reply(200, #{}, <<"hi">>, Req), Script) end},
       steps => [{send, handshake()}, {response, body}, {send, [text(<<"x">>), close()]}, eof],
       deviates => [{wire, {eof, <<16#81, 1, "x", 16#88, 0>>}, {eof, <<>>}, After},
                    {callbacks, [{init, <<"GET">>, <<"/ws">>}, {websocket_init, {state, 0}}, {handle, {text, <<"x">>}, {state, 0}}, {terminate, remote, {state, 0}}],
                     [{init, <<"GET">>, <<"/ws">>}], After},
                    {exits, [normal], [], After}]}].

-spec early_data() -> [map()].
early_data() ->
    Hello = text(<<"early">>),
    [#{name => "a frame in the handshake's segment", steps => [{upgrade, Hello}, {frames, 1}, {send, close()}, eof]},
     #{name => "frames in the handshake's segment, and a close frame", steps => [{upgrade, [Hello, Hello, close()]}, eof]},
     #{name => "half a frame in the handshake's segment",
       steps => [{upgrade, binary:part(Hello, 0, 4)}, {send, binary:part(Hello, 4, byte_size(Hello) - 4)}, {frames, 1}, {send, close()}, eof]},
     #{name => "what websocket_init says comes before the answer to an early frame",
       script => #{websocket_init => fun(S) -> {[{text, <<"init">>}], S#{s := 1}} end},
       steps => [{upgrade, Hello}, {frames, 2}, {send, close()}, eof]},
     #{name => "a violation in the handshake's segment", steps => [{upgrade, oracle_frame:frame(3, <<>>)}, eof]},
     #{name => "the handshake, every byte in a segment of its own",
       steps => [{send_each_byte, iolist_to_binary(handshake())}, head, {send, Hello}, {frames, 1}, {send, close()}, eof]}].

-spec after_a_refusal() -> [map()].
after_a_refusal() ->
    [#{name => "two refusals and an upgrade on one connection",
       steps => [{send, changed([{version, <<"6">>}])}, response, {send, changed([{connection, none}])}, response,
                 upgrade, {send, text(<<"x">>)}, {frames, 1}, {send, close()}, eof]},
     #{name => "a page and an upgrade on one connection",
       script => #{init => fun(Req, Script) ->
           case cowboy_req:header(<<"upgrade">>, Req) of
               undefined -> {ok, cowboy_req:reply(200, #{<<"content-type">> => <<"text/plain">>}, <<"page">>, Req), Script};
               _ -> oracle_handler:upgrade(Req, Script)
           end
       end},
       steps => [{send, changed([{upgrade, none}, {connection, none}])}, response, {await, terminate}, upgrade, {send, close()}, eof]}].

-spec init_returns() -> [map()].
init_returns() ->
    One = fun(Name, Fun) -> #{name => Name, script => #{init => Fun}, steps => [{send, handshake()}, response, {send, handshake()}, response]} end,
    Done = fun(Name, Fun) -> (One(Name, Fun))#{steps => [{send, handshake()}, response, {await, terminate}, {send, handshake()}, response, {await, terminate, 2}]} end,
    Up = fun(Name, Opts) -> #{name => Name, script => #{opts => Opts}, steps => [upgrade, {send, close()}, eof]} end,
    Bad = fun(Name, Opts) -> #{name => Name, script => #{opts => Opts}, steps => [{send, handshake()}, response]} end,
    [Up("no options", #{}),
     Up("options that nobody knows", #{foo => bar, <<"x">> => [1]}),
     Up("every option", #{compress => false, idle_timeout => 60000, max_frame_size => infinity, validate_utf8 => true,
                          active_n => 5, req_filter => fun(_) -> filtered end, deflate_opts => #{level => 1}}),
     Bad("options: hibernate", hibernate), Bad("options: a timeout", 5000), Bad("options: a list", [{idle_timeout, 1000}]),
     Done("init: {ok, Req, State} without a reply", fun(Req, Script) -> {ok, Req, Script} end),
     Done("init: {ok, Req, State} after a reply", fun(Req, Script) -> {ok, cowboy_req:reply(403, Req), Script} end),
     Done("init: a reply with a body", fun(Req, Script) -> {ok, cowboy_req:reply(200, #{<<"x-a">> => <<"1">>}, "body", Req), Script} end),
     One("init: a bad return", fun(_, _) -> bad end),
     One("init: a bad tuple", fun(Req, _) -> {ok, Req} end),
     One("init: a module that does not exist", fun(Req, Script) -> {no_such_module, Req, Script} end)].

-spec init_failures() -> [map()].
init_failures() ->
    [#{name => "init: " ++ Name, script => #{init => Fun, watch_init => true}, steps => [{send, handshake()}, response, {send, handshake()}, response]}
     || {Name, Fun} <-
            [{"error", fun(_, _) -> error(boom) end},
             {"exit", fun(_, _) -> exit(boom) end},
             {"throw", fun(_, _) -> throw(boom) end},
             {"a header that can't be parsed", fun(Req, Script) -> {ok, cowboy_req:parse_header(<<"x-unknown">>, Req), Script} end},
             {"a query that can't be matched", fun(Req, Script) -> {ok, cowboy_req:match_qs([missing], Req), Script} end},
             {"a body that took too long", fun(_, _) -> exit({request_error, timeout, 'why'}) end},
             {"a body that is too large", fun(_, _) -> exit({request_error, payload_too_large, 'why'}) end},
             {"another bad request", fun(_, _) -> exit({request_error, other, 'why'}) end}]]
    ++ [#{name => "init: exit(normal) without a reply", script => #{init => fun(_, _) -> exit(normal) end},
          steps => [{send, handshake()}, response]},
        #{name => "init: a crash after a reply", script => #{init => fun(Req, _) -> _ = cowboy_req:reply(200, Req), error(boom) end},
          steps => [{send, handshake()}, response, {await, terminate}, {send, handshake()}, response, {await, terminate, 2}]}].

-spec routes() -> [map()].
routes() ->
    Get = fun(Line, Fields) -> request(<<"GET ", Line/binary, " HTTP/1.1">>, Fields) end,
    Host = fun(Value, Fields) -> [<<"GET /ws HTTP/1.1\r\n">>, [[<<"host: ">>, Value, <<"\r\n">>] || Value =/= none], Fields, <<"\r\n">>] end,
    Upgrade = <<"connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: x\r\n">>,
    Closing = [head, {send, close()}, eof],
    [#{name => "an unknown path is 404, twice", steps => [{send, Get(<<"/nowhere">>, [])}, response, {send, Get(<<"/">>, [])}, response]},
     #{name => "a trailing slash", steps => [{send, replaced_path(<<"/ws/">>)} | Closing]},
     #{name => "a query", steps => [{send, replaced_path(<<"/ws?a=b&c">>)} | Closing]},
     #{name => "dot segments", steps => [{send, replaced_path(<<"/a/../ws/.">>)} | Closing]},
     #{name => "an escape in the path", steps => [{send, replaced_path(<<"/%77s">>)} | Closing]},
     #{name => "a bad escape in the path is 400", steps => [{send, Get(<<"/%zz">>, [])}, response, upgrade, {send, close()}, eof]},
     #{name => "a target in absolute form", steps => [{send, replaced_path(<<"http://localhost/ws">>)} | Closing]},
     #{name => "a host with a port", steps => [{send, Host(<<"LocalHost:8080">>, Upgrade)} | Closing]},
     #{name => "no host", steps => [{send, Host(none, Upgrade)}, response]},
     #{name => "an unknown host is 400", routes => fun(Script) -> [{"example.org", [{"/ws", oracle_handler, Script}]}] end,
       steps => [{send, handshake()}, response]},
     #{name => "a route's bindings", routes => fun(Script) -> [{":host", [{"/:a/[:b]", [{a, int}], oracle_handler, Script}]}] end,
       script => #{init => fun(Req, Script) ->
           oracle_trace:note(Script, {cowboy_req:bindings(Req), cowboy_req:binding(a, Req), cowboy_req:binding(zzz, Req, none)}),
           oracle_handler:upgrade(Req, Script)
       end},
       steps => [{send, Get(<<"/x">>, [])}, response, {send, replaced_path(<<"/42/y%20z">>)} | Closing]},
     #{name => "the rest of a path and of a host",
       routes => fun(Script) -> [{"[...]", [{"/a/[...]", oracle_handler, Script}]}] end,
       script => #{init => fun(Req, Script) ->
           oracle_trace:note(Script, {cowboy_req:host_info(Req), cowboy_req:path_info(Req)}),
           oracle_handler:upgrade(Req, Script)
       end},
       steps => [{send, replaced_path(<<"/a/b/c%2Fd/">>)} | Closing]},
     #{name => "every path", routes => fun(Script) -> [{'_', [{'_', oracle_handler, Script}]}] end, steps => [{send, replaced_path(<<"/any/thing">>)} | Closing]}].

-spec replaced_path(binary()) -> binary().
replaced_path(Path) -> binary:replace(iolist_to_binary(handshake()), <<"/ws">>, Path).

-spec sub_protocols() -> [map()].
sub_protocols() ->
    Through = fun(Name, Init) -> #{name => Name, script => #{init => Init}, steps => [upgrade, {send, text(<<"x">>)}, {frames, 1}, {send, close()}, eof]} end,
    Chain = [oracle_middleware, cowboy_router, cowboy_handler],
    Env = fun(Fun) -> #{middlewares => Chain, env => #{oracle => Fun}} end,
    [Through("upgrade/4 of a module of one's own", fun(Req, Script) -> {oracle_sub_protocol, Req, oracle_handler:state(Script)} end),
     Through("upgrade/5 of a module of one's own", fun(Req, Script) -> {oracle_sub_protocol, Req, oracle_handler:state(Script), #{}} end),
     #{name => "a middleware that changes Req", proto => Env(fun(Req, E) -> {ok, cowboy_req:set_resp_header(<<"x-m">>, <<"1">>, Req), E} end),
       steps => [upgrade, {send, close()}, eof]},
     #{name => "a middleware that answers", proto => Env(fun(Req, _) -> {stop, cowboy_req:reply(401, Req)} end),
       steps => [{send, handshake()}, response, {send, handshake()}, response]},
     #{name => "a middleware that stops without an answer", proto => Env(fun(Req, _) -> {stop, Req} end), steps => [{send, handshake()}, response]},
     #{name => "a middleware that suspends", proto => Env(fun(Req, E) -> self() ! wake, {suspend, oracle_middleware, resume, [Req, E]} end),
       steps => [upgrade, {send, close()}, eof]},
     #{name => "a middleware that crashes", proto => Env(fun(_, _) -> error(boom) end), steps => [{send, handshake()}, response]},
     #{name => "a handler with only what is required", handler => oracle_handler_bare, steps => [upgrade, {send, text(<<"x">>)}, {frames, 1}, {send, close()}, eof]}].
