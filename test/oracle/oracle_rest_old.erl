%% @doc Scenarios for REST handlers of Cowboy 0, 1 and the pre-releases of 2, with what 0.6.1, 1.1.2 and 2.0.0-pre.3 did with them;
%% and for Cowboy 2 where it has learnt something after 2.8.0, or where farrier differs from it.
-module(oracle_rest_old).

-export([tables/0]).

-import(oracle_rest, [request/3, json/0]).

-type kind() :: '0' | '0.8' | '1' | '2pre' | '2'.

-spec tables() -> [{atom(), [map()]}].
tables() ->
    [{later, later()},
     {different, different()},
     {checks, lists:append([checks(Kind) || Kind <- ['0', '1', '2pre']])},
     {callbacks, callbacks()},
     {negotiation, lists:append([negotiation(Kind) || Kind <- ['0', '1', '2pre']])},
     {preconditions, lists:append([preconditions(Kind) || Kind <- ['0', '1', '2pre']])},
     {bodies, lists:append([bodies(Kind) || Kind <- ['0', '1', '2pre']])},
     {actions, lists:append([actions(Kind) || Kind <- ['1', '2pre']])},
     {first_actions, lists:append([first_actions(Kind) || Kind <- ['0', '0.8']])},
     {crashes, crashes()},
     {around, around()}].

%% Protocols of a project's own, and handlers of one generation under a listener of another.
-spec around() -> [map()].
around() ->
    [(get('0', "a protocol that hands its requests on", [], #{content_types_provided => [{<<"text/html">>, to_html}], protocol => rest_protocol_0},
          <<"200 OK">>, [html()], <<"html">>)),
     under(2, get('1', "a GET under a listener of Cowboy 2", [], #{}, <<"200 OK">>, [html()], <<"html">>)),
     under(2, sent('1', "a POST under a listener of Cowboy 2", <<"POST">>,
                   #{content_types_provided => [{<<"text/html">>, to_html}], from_json => {true, <<"/there">>}},
                   <<"303 See Other">>, [html(), {<<"location">>, <<"/there">>}], <<>>)),
     under(1, (get('0', "a GET under a listener of Cowboy 1", [], #{content_types_provided => [{<<"text/html">>, to_html}]}, <<"200 OK">>, [html()], <<"html">>)))].

-spec under(1 | 2, map()) -> map().
under(Generation, Scenario) -> Scenario#{generation := Generation}.

%%% Building blocks

-spec scenario(kind(), string(), iodata(), map(), map()) -> map().
scenario(Kind, Name, Bytes, Script, Expect) ->
    Full = maps:merge(#{watch_init => true, to_html => <<"html">>}, Script),
    (kind(Kind, Full))#{name => lists:concat([Kind, ": ", Name]), steps => [{send, Bytes}, response, {await, terminate}], expect => Expect}.

-spec kind(kind(), map()) -> map().
kind('0', Script) -> #{generation => 0, handler => rest_scripted_1, script => maps:merge(#{protocol => cowboy_http_rest}, Script)};
kind('0.8', Script) -> #{generation => 1, handler => rest_scripted_0, script => Script#{protocol => cowboy_rest}};
kind('1', Script) -> #{generation => 1, handler => rest_scripted_1, script => Script#{protocol => cowboy_rest}};
kind('2pre', Script) -> #{generation => 1, handler => rest_scripted, script => Script};
kind('2', Script) -> #{generation => 2, handler => rest_scripted, script => Script}.

%% A GET of which status, own header fields and body are expected.
-spec get(kind(), string(), [{binary(), binary()}], map(), binary(), [{binary(), binary()}], binary()) -> map().
get(Kind, Name, Fields, Script, Status, Set, Body) ->
    scenario(Kind, Name, request(<<"GET">>, Fields, <<>>), Script, #{wire => [response(Kind, Status, Set, Body)]}).

-spec sent(kind(), string(), binary(), map(), binary(), [{binary(), binary()}], binary()) -> map().
sent(Kind, Name, Method, Script, Status, Set, Body) ->
    Methods = case Kind of
        '0' -> #{allowed_methods => [list_to_atom(binary_to_list(Method))]};
        _ -> #{allowed_methods => [Method]}
    end,
    scenario(Kind, Name, request(Method, [{<<"content-type">>, <<"application/json">>}], <<"{}">>),
             maps:merge(Methods#{content_types_provided => [{<<"text/html">>, to_html}], content_types_accepted => [{json(), from_json}]}, Script),
             #{wire => [response(Kind, Status, Set, Body)]}).

-spec response(kind(), binary(), [{binary(), binary()}], binary()) -> tuple().
response(Kind, Status, Set, Body) ->
    Own = [{<<"connection">>, <<"keep-alive">>} || Kind =/= '2']
        ++ [{<<"content-length">>, integer_to_binary(byte_size(Body))} || not (Kind =:= '2' andalso Status =:= <<"304 Not Modified">>)]
        ++ [{<<"date">>, <<"(date)">>}, {<<"server">>, <<"Cowboy">>}],
    {response, <<"HTTP/1.1 ", Status/binary>>, lists:keysort(1, Set ++ Own), Body}.

-spec html() -> {binary(), binary()}.
html() -> {<<"content-type">>, <<"text/html">>}.

%% A fun for a callback that sets a part of the response and returns `Value'. Setters of generation 0 return a pair.
-spec setting(kind(), header | body, term()) -> fun((term(), map()) -> term()).
setting('0', header, Value) -> fun(Req, S) ->
    {ok, Req2} = cowboy_http_req:set_resp_header(<<"Location">>, <<"/set">>, Req),
    {Value, Req2, S} end;
setting('0', body, Value) -> fun(Req, S) ->
    {ok, Req2} = cowboy_http_req:set_resp_body(<<"body">>, Req),
    {Value, Req2, S} end;
setting(_, header, Value) -> fun(Req, S) -> {Value, cowboy_req:set_resp_header(<<"location">>, <<"/set">>, Req), S} end;
setting(_, body, Value) -> fun(Req, S) -> {Value, cowboy_req:set_resp_body(<<"body">>, Req), S} end.

%%% Cowboy 2 after 2.8

-spec later() -> [map()].
later() ->
    [sent('2', lists:concat(["POST returns ", Result, ", existing: ", Exists]), <<"POST">>,
          #{resource_exists => Exists, from_json => {Result, <<"/there">>}}, Status, [{<<"location">>, <<"/there">>}], <<>>)
     || {Result, Status} <- [{created, <<"201 Created">>}, {see_other, <<"303 See Other">>}], Exists <- [true, false]].

%%% Cowboy 2 and farrier

%% Cowboy sends whatever number of copies is asked for, refuses a suffix that is the whole, and crashes when the unit is in upper case.
-spec different() -> [map()].
different() ->
    Auto = #{ranges_provided => [{<<"bytes">>, auto}], to_html => <<"Hello world!">>},
    Ranges = {<<"accept-ranges">>, <<"bytes">>},
    [get('2', "ranges that together are longer than the whole", [{<<"range">>, <<"bytes=0-10, 2-11">>}], Auto, <<"200 OK">>, [Ranges, html()], <<"Hello world!">>),
     get('2', "a suffix range of the whole", [{<<"range">>, <<"bytes=-12">>}], Auto, <<"206 Partial Content">>,
         [Ranges, {<<"content-range">>, <<"bytes 0-11/12">>}, html()], <<"Hello world!">>),
     get('2', "a range unit in upper case", [{<<"range">>, <<"BYTES=0-1">>}], Auto, <<"206 Partial Content">>,
         [Ranges, {<<"content-range">>, <<"bytes 0-1/12">>}, html()], <<"He">>)].

%%% Requests

-spec checks(kind()) -> [map()].
checks(Kind) ->
    Provided = #{content_types_provided => [{<<"text/html">>, to_html}]},
    Get = fun(Name, Script, Status, Set, Body) -> get(Kind, Name, [], maps:merge(Provided, Script), Status, Set, Body) end,
    Allow = case Kind of '0' -> <<"GET, HEAD">>; _ -> <<"HEAD, GET, OPTIONS">> end,
    Options = case Kind of '0' -> [{<<"allow">>, <<"OPTIONS">>}]; _ -> [{<<"allow">>, <<"OPTIONS">>}, html()] end,
    [Get("a GET", #{}, <<"200 OK">>, [html()], <<"html">>),
     Get("service_available", #{service_available => false}, <<"503 Service Unavailable">>, [], <<>>),
     Get("known_methods", #{known_methods => [<<"PUT">>]}, <<"501 Not Implemented">>, [], <<>>),
     Get("uri_too_long", #{uri_too_long => true}, <<"414 Request-URI Too Long">>, [], <<>>),
     Get("allowed_methods", #{allowed_methods => [<<"PUT">>, <<"POST">>]}, <<"405 Method Not Allowed">>, [{<<"allow">>, <<"PUT, POST">>}], <<>>),
     Get("malformed_request", #{malformed_request => true}, <<"400 Bad Request">>, [], <<>>),
     Get("is_authorized", #{is_authorized => {false, <<"Basic">>}}, <<"401 Unauthorized">>, [{<<"www-authenticate">>, <<"Basic">>}], <<>>),
     Get("forbidden", #{forbidden => true}, <<"403 Forbidden">>, [], <<>>),
     Get("valid_content_headers", #{valid_content_headers => false}, <<"501 Not Implemented">>, [], <<>>),
     Get("valid_entity_length", #{valid_entity_length => false}, <<"413 Request Entity Too Large">>, [], <<>>),
     scenario(Kind, "PUT by default", request(<<"PUT">>, [], <<>>), #{}, #{wire => [response(Kind, <<"405 Method Not Allowed">>, [{<<"allow">>, Allow}], <<>>)]}),
     scenario(Kind, "OPTIONS", request(<<"OPTIONS">>, [], <<>>), #{allowed_methods => [<<"OPTIONS">>]},
              #{wire => [response(Kind, <<"200 OK">>, [F || {N, _} = F <- Options, N =/= <<"content-type">>], <<>>)]})]
    ++ [Get("known_content_type", #{known_content_type => false}, Status, [], <<>>)
        || {K, Status} <- [{'0', <<"413 Request Entity Too Large">>}, {'1', <<"415 Unsupported Media Type">>}], K =:= Kind]
    ++ [Get(lists:concat([Stop, " in forbidden"]),
            #{forbidden => fun(Req, S) -> {Stop, replied(Kind, Req), S} end}, <<"203 Non-Authoritative Information">>, [], <<"mine">>)
        || Stop <- case Kind of '2pre' -> [halt, stop]; _ -> [halt] end].

-spec replied(kind(), term()) -> term().
replied('0', Req) ->
    {ok, Replied} = cowboy_http_req:reply(203, [], <<"mine">>, Req),
    Replied;
replied('1', Req) ->
    {ok, Replied} = cowboy_req:reply(203, [], <<"mine">>, Req),
    Replied;
replied('2pre', Req) ->
    cowboy_req:reply(203, [], <<"mine">>, Req).

%% Which callbacks are called, in which order, and what the last one finds.
-spec callbacks() -> [map()].
callbacks() ->
    Checks = [service_available, known_methods, uri_too_long, allowed_methods, malformed_request, is_authorized, forbidden, valid_content_headers],
    Choice = [content_types_provided, languages_provided, charsets_provided, variances, resource_exists],
    Content = [generate_etag, last_modified, expires, to_html, multiple_choices],
    Meta = #{media_type => {<<"text">>, <<"html">>, []}, charset => undefined},
    Notes = fun(Names) -> [{note, Name} || Name <- Names] end,
    Old = Notes([rest_init | Checks] ++ [known_content_type, valid_entity_length] ++ Choice ++ Content),
    New = Notes(Checks ++ [valid_entity_length] ++ Choice ++ Content),
    Get = fun(Kind, Calls) ->
        scenario(Kind, "every callback in its place", request(<<"GET">>, [], <<>>), #{content_types_provided => [{<<"text/html">>, to_html}]}, #{callbacks => Calls}) end,
    [Get('0', [{init, {tcp, http}}] ++ Old ++ [{terminate, Meta}]),
     Get('1', [{init, {tcp, http}}] ++ Old ++ [{terminate, Meta}]),
     Get('2pre', [init] ++ New ++ [{terminate, normal, Meta}])].

-spec negotiation(kind()) -> [map()].
negotiation(Kind) ->
    Html = {<<"text">>, <<"html">>, []},
    Several = #{content_types_provided => [{json(), to_json}, {Html, to_html}], to_json => <<"{}">>},
    Charsets = #{content_types_provided => [{json(), to_json}], to_json => <<"{}">>, charsets_provided => [<<"utf-8">>, <<"iso-8859-1">>]},
    Vary = fun(Names) -> {<<"vary">>, Names} end,
    Json = {<<"content-type">>, <<"application/json">>},
    Type = fun(Charset) -> {<<"content-type">>, <<"application/json; charset=", Charset/binary>>} end,
    Get = fun(Name, Fields, Script, Status, Set, Body) -> get(Kind, Name, Fields, Script, Status, Set, Body) end,
    Ok = <<"200 OK">>,
    Nothing = <<"406 Not Acceptable">>,
    Languages = #{content_types_provided => [{Html, to_html}], languages_provided => [<<"en">>, <<"de-at">>]},
    [Get("no accept", [], Several, Ok, [Json, Vary(<<"accept">>)], <<"{}">>),
     Get("accept", [{<<"accept">>, <<"text/html">>}], Several, Ok, [html(), Vary(<<"accept">>)], <<"html">>),
     Get("accept nothing of it", [{<<"accept">>, <<"image/png">>}], Several, Nothing, [], <<>>),
     Get("a language", [{<<"accept-language">>, <<"de">>}], Languages, Ok, [{<<"content-language">>, <<"de-at">>}, html(), Vary(<<"accept-language">>)], <<"html">>),
     Get("no language", [{<<"accept-language">>, <<"fr">>}], Languages, Nothing, [], <<>>),
     Get("a charset of no text", [], Charsets, Ok, [Type(<<"utf-8">>), Vary(<<"accept-charset">>)], <<"{}">>),
     Get("the charset that is best unless it is mentioned", [{<<"accept-charset">>, <<"utf-8">>}], Charsets, Ok, [Type(<<"iso-8859-1">>), Vary(<<"accept-charset">>)], <<"{}">>),
     Get("the charset that is best and is mentioned", [{<<"accept-charset">>, <<"utf-8, iso-8859-1;q=0.5">>}], Charsets, Ok,
         [Type(<<"utf-8">>), Vary(<<"accept-charset">>)], <<"{}">>),
     Get("any charset", [{<<"accept-charset">>, <<"*">>}], Charsets, Ok, [Type(<<"utf-8">>), Vary(<<"accept-charset">>)], <<"{}">>),
     Get("variances", [], Several#{variances => [<<"cookie">>]}, Ok, [Json, Vary(<<"accept, cookie">>)], <<"{}">>)]
    ++ [Get("no types", [], #{}, Nothing, [], <<>>) || Kind =:= '0']
    ++ [Get("types by default", [], #{}, Ok, [html()], <<"html">>) || Kind =/= '0']
    ++ [Get("a malformed accept", [{<<"accept">>, <<"nonsense">>}], #{}, <<"400 Bad Request">>, [], <<>>) || Kind =/= '0']
    ++ [Get("any parameters", [{<<"accept">>, <<"text/html;a=b">>}], #{content_types_provided => [{{<<"text">>, <<"html">>, '*'}, to_html}]}, Ok, [html()], <<"html">>)
        || Kind =/= '0'].

-spec preconditions(kind()) -> [map()].
preconditions(Kind) ->
    Date = {{2010, 1, 1}, {0, 0, 0}},
    Weak = #{content_types_provided => [{<<"text/html">>, to_html}], generate_etag => {weak, <<"x">>}, last_modified => Date},
    New = {<<"if-modified-since">>, <<"Wed, 06 Nov 2019 08:49:37 GMT">>},
    Full = [html(), {<<"etag">>, <<"W/\"x\"">>}, {<<"last-modified">>, <<"(date)">>}],
    Get = fun(Name, Fields, Script, Status, Set, Body) -> get(Kind, Name, Fields, Script, Status, Set, Body) end,
    Same = {<<"304 Not Modified">>, [{<<"etag">>, <<"W/\"x\"">>}], <<>>},
    Whole = {<<"200 OK">>, Full, <<"html">>},
    Failed = {<<"412 Precondition Failed">>, [html()], <<>>},
    [Get(Name, Fields, Weak, Status, Set, Body) || {Name, Fields, {Status, Set, Body}} <-
        [{"a weak tag matches itself", [{<<"if-match">>, <<"W/\"x\"">>}], Whole},
         {"a weak tag does not match the strong one", [{<<"if-match">>, <<"\"x\"">>}], Failed},
         {"the date counts although the tag matches", [{<<"if-match">>, <<"W/\"x\"">>}, {<<"if-unmodified-since">>, <<"Sun, 06 Nov 1994 08:49:37 GMT">>}], Failed},
         {"the same tag", [{<<"if-none-match">>, <<"W/\"x\"">>}], Same},
         {"the date counts although the tag differs", [{<<"if-none-match">>, <<"\"y\"">>}, New], Same},
         {"another tag", [{<<"if-none-match">>, <<"\"y\"">>}], Whole},
         {"not modified since", [New], Same},
         {"malformed", [{<<"if-match">>, <<"nonsense">>}], {<<"400 Bad Request">>, [html()], <<>>}},
         {"a malformed date", [{<<"if-modified-since">>, <<"nonsense">>}], Whole}]]
    ++ [Get("a date without one of the resource", [New], #{content_types_provided => [{<<"text/html">>, to_html}]}, <<"200 OK">>, [html()], <<"html">>)].

-spec bodies(kind()) -> [map()].
bodies(Kind) ->
    Provided = #{content_types_provided => [{<<"text/html">>, to_html}]},
    Get = fun(Name, Value, Status, Set, Body) -> get(Kind, Name, [], Provided#{to_html => Value}, Status, Set, Body) end,
    Send = case Kind of
        '0' -> fun(Req, S) ->
                   {ok, Transport, Socket} = cowboy_http_req:transport(Req),
                   {{stream, 4, fun() -> ok = Transport:send(Socket, <<"sent">>), sent end}, Req, S} end;
        _ -> {stream, 4, fun(Socket, Transport) -> ok = Transport:send(Socket, <<"sent">>) end}
    end,
    [Get("iodata", ["a", <<"b">>], <<"200 OK">>, [html()], <<"ab">>),
     Get("a fun that sends the body", Send, <<"200 OK">>, [html()], <<"sent">>),
     get(Kind, "missing", [], Provided#{resource_exists => false}, <<"404 Not Found">>, [html()], <<>>),
     get(Kind, "gone", [], Provided#{resource_exists => false, previously_existed => true}, <<"410 Gone">>, [html()], <<>>),
     get(Kind, "multiple_choices", [], Provided#{multiple_choices => true}, <<"300 Multiple Choices">>, [html()], <<"html">>)]
    ++ [scenario(Kind, "a fun that sends chunks", request(<<"GET">>, [], <<>>),
                 Provided#{to_html => {chunked, fun(Chunk) -> ok = Chunk(<<"a">>), ok = Chunk(<<"bc">>) end}},
                 #{wire => [{response, <<"HTTP/1.1 200 OK">>,
                             [{<<"connection">>, <<"keep-alive">>}, html(), {<<"date">>, <<"(date)">>}, {<<"server">>, <<"Cowboy">>}, {<<"transfer-encoding">>, <<"chunked">>}],
                             <<"1\r\na\r\n2\r\nbc\r\n0\r\n\r\n">>}]}) || Kind =/= '0'].

%%% Methods that change something

-spec actions(kind()) -> [map()].
actions(Kind) ->
    Post = fun(Name, Script, Status, Set, Body) -> sent(Kind, "POST " ++ Name, <<"POST">>, Script, Status, [html() | Set], Body) end,
    Put = fun(Name, Script, Status, Set, Body) -> sent(Kind, "PUT " ++ Name, <<"PUT">>, Script, Status, [html() | Set], Body) end,
    Location = {<<"location">>, <<"/there">>},
    Missing = #{resource_exists => false},
    [Post("true", #{from_json => true}, <<"204 No Content">>, [], <<>>),
     Post("with a body", #{from_json => setting(Kind, body, true)}, <<"200 OK">>, [], <<"body">>),
     Post("false", #{from_json => false}, <<"400 Bad Request">>, [], <<>>),
     Post("a URI", #{from_json => {true, <<"/there">>}}, <<"303 See Other">>, [Location], <<>>),
     Post("a URI of a missing resource", Missing#{from_json => {true, <<"/there">>}}, <<"201 Created">>, [Location], <<>>),
     Post("to a missing resource", Missing#{from_json => true}, <<"204 No Content">>, [], <<>>),
     Post("to a missing resource not allowed", Missing#{allow_missing_post => false}, <<"404 Not Found">>, [], <<>>),
     Post("of another type", #{content_types_accepted => [{<<"text/plain">>, from_json}]}, <<"415 Unsupported Media Type">>, [], <<>>),
     Post("of any type", #{content_types_accepted => [{'*', from_json}], from_json => true}, <<"204 No Content">>, [], <<>>),
     Put("true", #{from_json => true}, <<"204 No Content">>, [], <<>>),
     Put("of a missing resource", Missing#{from_json => true}, <<"201 Created">>, [], <<>>),
     Put("in conflict", #{is_conflict => true}, <<"409 Conflict">>, [], <<>>),
     sent(Kind, "PATCH", <<"PATCH">>, #{from_json => true}, <<"204 No Content">>, [html()], <<>>),
     sent(Kind, "DELETE", <<"DELETE">>, #{delete_resource => true}, <<"204 No Content">>, [html()], <<>>),
     sent(Kind, "DELETE not completed", <<"DELETE">>, #{delete_resource => true, delete_completed => false}, <<"202 Accepted">>, [html()], <<>>),
     sent(Kind, "DELETE without a callback", <<"DELETE">>, #{}, <<"500 Internal Server Error">>, [html()], <<>>)].

%% Up to 0.8.3 the handler said whether a POST makes a resource, and where.
-spec first_actions(kind()) -> [map()].
first_actions(Kind) ->
    Sent = fun(Method, Name, Script, Status, Set, Body) ->
        (sent(Kind, Name, Method, Script, Status, [html() | Set], Body))#{handler := rest_scripted_0} end,
    Post = fun(Name, Script, Status, Set, Body) -> Sent(<<"POST">>, Name, Script, Status, Set, Body) end,
    Put = fun(Name, Script, Status, Set, Body) -> Sent(<<"PUT">>, Name, Script, Status, Set, Body) end,
    Create = #{post_is_create => true, create_path => <<"/made">>},
    Path = fun(Req, S) -> {true, path_as_body(Kind, Req), S} end,
    [Post("process_post true", #{process_post => true}, <<"204 No Content">>, [], <<>>),
     Post("process_post false", #{process_post => false}, <<"500 Internal Server Error">>, [], <<>>),
     Post("process_post with a location", #{process_post => setting(Kind, header, true)}, <<"201 Created">>, [{<<"location">>, <<"/set">>}], <<>>),
     Post("process_post with a body", #{process_post => setting(Kind, body, true)}, <<"200 OK">>, [], <<"body">>),
     Put("PUT true", #{from_json => true}, <<"204 No Content">>, [], <<>>),
     Put("PUT false", #{from_json => false}, <<"500 Internal Server Error">>, [], <<>>),
     Put("PUT with a location", #{from_json => setting(Kind, header, true)}, <<"201 Created">>, [{<<"location">>, <<"/set">>}], <<>>),
     Put("PUT knows its path", #{from_json => Path}, <<"200 OK">>, [], <<"/ws">>),
     Post("create_path", Create#{from_json => true}, <<"303 See Other">>, [{<<"location">>, <<"http://localhost/made">>}], <<>>),
     Post("create_path knows its path", Create#{from_json => Path}, <<"303 See Other">>, [{<<"location">>, <<"http://localhost/made">>}], <<"/made">>),
     Post("created_path", #{post_is_create => true, from_json => true, created_path => <<"/made">>}, <<"303 See Other">>,
          [{<<"location">>, <<"http://localhost/made">>}], <<>>),
     Post("created_path in vain", #{post_is_create => true, from_json => false, created_path => <<"/made">>}, <<"500 Internal Server Error">>, [], <<>>),
     Post("create_path in vain", Create#{from_json => false}, <<"500 Internal Server Error">>, [{<<"location">>, <<"http://localhost/made">>}], <<>>)].

%% The path that the handler is told, as the body.
-spec path_as_body(kind(), term()) -> term().
path_as_body('0', Req0) ->
    {Path, Req1} = cowboy_http_req:meta(put_path, Req0),
    {ok, Req} = cowboy_http_req:set_resp_body(Path, Req1),
    Req;
path_as_body(_, Req0) ->
    {Path, Req} = cowboy_req:meta(put_path, Req0),
    cowboy_req:set_resp_body(Path, Req).

%%% Crashes

-spec crashes() -> [map()].
crashes() ->
    Failing = #{forbidden => fun(_, _) -> error(crashed) end},
    Failed = fun(Kind, Name, Script, Ended) ->
        (scenario(Kind, Name, request(<<"GET">>, [], <<>>), Script, #{wire => [<<"HTTP/1.1 500 Internal Server Error">>, {eof, <<>>}], callbacks => Ended}))
        #{steps => [{send, request(<<"GET">>, [], <<>>)}, status, eof] ++ [{await, terminate} || lists:keymember(terminate, 1, Ended)]} end,
    Notes = [{note, N} || N <- [service_available, known_methods, uri_too_long, allowed_methods, malformed_request, is_authorized, forbidden]],
    Init = fun(_, _) -> error(crashed) end,
    [Failed('0', "a crash", Failing, [{init, {tcp, http}}, {note, rest_init}] ++ Notes),
     Failed('1', "a crash", Failing, [{init, {tcp, http}}, {note, rest_init}] ++ Notes ++ [{terminate, #{}}]),
     Failed('2pre', "a crash", Failing, [init] ++ Notes ++ [{terminate, {crash, error, crashed}, #{}}]),
     Failed('0', "a crash in rest_init", #{rest_init => Init}, [{init, {tcp, http}}, {note, rest_init}]),
     Failed('1', "a crash in rest_init", #{rest_init => Init}, [{init, {tcp, http}}, {note, rest_init}])].
