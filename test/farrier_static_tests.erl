%% Files are served over the wire as Cowboy serves them: what is expected of generation 2 is what Cowboy 2.8.0 answered.
-module(farrier_static_tests).

-include_lib("eunit/include/eunit.hrl").
-include_lib("kernel/include/file.hrl").

-export([etag/3, mimetype/1, charset/1]).

-define(MODIFIED, {{2024, 1, 2}, {3, 4, 5}}).
-define(DATE, "Tue, 02 Jan 2024 03:04:05 GMT").
%% Of ten bytes at that time.
-define(ETAG, "\"847318934\"").

static_test_() ->
    {setup, fun start/0, fun stop/1, fun(#{ports := Ports}) -> [
        {"generation 2", [case_(maps:get(2, Ports), Case) || Case <- both() ++ ranges() ++ generation_2()]},
        {"generation 1", [case_(maps:get(1, Ports), generation_1(Case)) || Case <- both() ++ only_generation_1()]}
    ] end}.

%% {Request line without version, request headers, status, some response headers (`false': absent), body}
both() -> [
    {"GET /s/ten.bin", "", 200,
        [{"content-length", "10"}, {"content-type", "application/octet-stream"}, {"etag", ?ETAG},
            {"last-modified", ?DATE}, {"accept-ranges", "bytes"}, {"server", "Cowboy"}], "0123456789"},
    {"HEAD /s/ten.bin", "", 200, [{"content-length", "10"}, {"etag", ?ETAG}], ""},
    {"GET /s/page.html", "", 200, [{"content-type", "text/html"}], "<p>"},
    {"GET /s/SHOUT.HTML", "", 200, [{"content-type", "text/html"}], "<P>"},
    {"GET /s/style.css", "", 200, [{"content-type", "text/css"}], "p{}"},
    {"GET /s/sub/script.js", "", 200, [{"content-type", "application/javascript"}], "1"},
    {"GET /s/note.txt", "", 200, [{"content-type", "application/octet-stream"}], "note"},
    {"GET /s/empty", "", 200, [{"content-length", "0"}], ""},
    {"HEAD /s/empty", "", 200, [{"content-length", "0"}], ""},
    {"GET /s/%C3%A9%20+.txt", "", 200, [], "utf8"},
    {"GET /s/link", "", 200, [{"content-length", "10"}], "0123456789"},
    {"GET /s//ten.bin", "", 200, [], "0123456789"},
    {"GET /s/ten.bin/", "", 200, [], "0123456789"},
    {"GET /s/ten.bin?v=1", "", 200, [], "0123456789"},
    {"GET /s/sub/../ten.bin", "", 200, [], "0123456789"},
    %% Missing and forbidden.
    {"GET /s/none", "", 404, [{"content-length", "0"}, {"accept-ranges", "bytes"}], ""},
    {"GET /s/ten.bin/below", "", 404, [], ""},
    {"GET /s/sub", "", 403, [{"content-length", "0"}], ""},
    {"GET /s/", "", 403, [], ""},
    {"OPTIONS /s/sub", "", 403, [], ""},
    {"GET /missing", "", 404, [], ""},
    {"GET /kernel/none", "", 404, [], ""},
    %% No way out of the directory.
    {"GET /s/..%2fsecret", "", 400, [], ""},
    {"GET /s/%2e%2e%2fsecret", "", 400, [], ""},
    {"GET /s/sub%2fscript.js", "", 400, [], ""},
    {"GET /s/..%5c..%5csecret", "", 400, [], ""},
    {"GET /s/ten.bin%00", "", 400, [], ""},
    {"GET /s/ten.bin%00.html", "", 400, [], ""},
    {"GET /s/%zz", "", 400, [], ""},
    %% Methods.
    {"OPTIONS /s/ten.bin", "", 200, [{"allow", "HEAD, GET, OPTIONS"}, {"content-length", "0"}], ""},
    {"OPTIONS /s/none", "", 200, [{"allow", "HEAD, GET, OPTIONS"}], ""},
    {"POST /s/ten.bin", "content-length: 0\r\n", 405, [{"allow", "HEAD, GET, OPTIONS"}], ""},
    {"DELETE /s/none", "", 405, [], ""},
    {"FOO /s/ten.bin", "", 501, [], ""},
    %% Preconditions.
    {"GET /s/ten.bin", "if-none-match: " ?ETAG "\r\n", 304,
        [{"etag", ?ETAG}, {"accept-ranges", "bytes"}], ""},
    {"GET /s/ten.bin", "if-none-match: *\r\n", 304, [], ""},
    {"GET /s/ten.bin", "if-none-match: \"x\"\r\n", 200, [], "0123456789"},
    {"GET /s/ten.bin", "if-none-match: garbage\r\n", 400, [], ""},
    {"GET /s/ten.bin", "if-match: " ?ETAG "\r\n", 200, [], "0123456789"},
    {"GET /s/ten.bin", "if-match: *\r\n", 200, [], "0123456789"},
    {"GET /s/ten.bin", "if-match: W/" ?ETAG "\r\n", 412, [{"content-length", "0"}], ""},
    {"GET /s/ten.bin", "if-match: \"x\"\r\n", 412, [], ""},
    {"GET /s/none", "if-match: *\r\n", 412, [], ""},
    {"GET /s/ten.bin", "if-modified-since: " ?DATE "\r\n", 304, [], ""},
    {"GET /s/ten.bin", "if-modified-since: Tue, 02 Jan 2024 03:04:04 GMT\r\n", 200, [], "0123456789"},
    {"GET /s/ten.bin", "if-modified-since: Wed, 02 Jan 2996 03:04:04 GMT\r\n", 200, [], "0123456789"},
    {"GET /s/ten.bin", "if-modified-since: garbage\r\n", 200, [], "0123456789"},
    {"GET /s/ten.bin", "if-unmodified-since: " ?DATE "\r\n", 200, [], "0123456789"},
    {"GET /s/ten.bin", "if-unmodified-since: Tue, 02 Jan 2024 03:04:04 GMT\r\n", 412, [], ""},
    {"GET /s/ten.bin", "if-unmodified-since: garbage\r\n", 200, [], "0123456789"},
    %% Media types.
    {"GET /s/style.css", "accept: text/*;q=0.5, application/json\r\n", 200, [], "p{}"},
    {"GET /s/style.css", "accept: */*\r\n", 200, [], "p{}"},
    {"GET /s/style.css", "accept: text/html\r\n", 406, [{"content-length", "0"}], ""},
    {"GET /s/style.css", "accept: garbage\r\n", 400, [], ""},
    %% Options of the route.
    {"GET /file", "", 200, [], "0123456789"},
    {"GET /directory", "", 403, [], ""},
    {"GET /no-etag", "", 200, [{"etag", false}], "0123456789"},
    {"GET /own-etag", "", 200, [{"etag", "W/\"10\""}], "0123456789"},
    {"GET /type", "", 200, [{"content-type", "text/x"}], "0123456789"},
    {"GET /types/ten.bin", "", 200, [{"content-type", "a/ten.bin;b=c"}], "0123456789"},
    {"GET /all/note.txt", "", 200, [{"content-type", "text/plain"}], "note"}
].

ranges() -> [
    {"GET /s/ten.bin", "range: bytes=" ++ Range ++ "\r\n", 206,
        [{"content-range", "bytes " ++ Part ++ "/10"}, {"content-length", integer_to_list(length(Body))},
            {"content-type", "application/octet-stream"}, {"etag", ?ETAG}], Body}
    || {Range, Part, Body} <- [
        {"0-3", "0-3", "0123"}, {"2-", "2-9", "23456789"}, {"-3", "7-9", "789"}, {"-10", "0-9", "0123456789"},
        {"0-0", "0-0", "0"}, {"9-9", "9-9", "9"}, {"5-10", "5-9", "56789"}, {" 0-3,", "0-3", "0123"}]
] ++ [
    {"GET /s/ten.bin", "range: " ++ Range ++ "\r\n", 416,
        [{"content-range", "bytes */10"}, {"content-length", "0"}, {"etag", ?ETAG}, {"content-type", false}], ""}
    || Range <- ["bytes=10-", "bytes=5-11", "bytes=5-2", "bytes=-0", "bytes=-11", "bytes=0-1,20-30", "bytes="]
] ++ [
    {"GET /s/ten.bin", "range: " ++ Range ++ "\r\n", 416, [{"content-range", false}, {"content-length", "0"}], ""}
    || Range <- ["bytes", "bytes=a-b", "bytes=--1", ""]
] ++ [
    {"HEAD /s/ten.bin", "range: bytes=0-3\r\n", 206, [{"content-length", "4"}, {"content-range", "bytes 0-3/10"}], ""},
    {"GET /s/ten.bin", "range: lines=0-3\r\n", 200, [], "0123456789"},
    {"GET /s/ten.bin", "range: bytes=0-1\r\nif-range: " ?ETAG "\r\n", 206, [], "01"},
    {"GET /s/ten.bin", "range: bytes=0-1\r\nif-range: W/" ?ETAG "\r\n", 200, [], "0123456789"},
    {"GET /s/ten.bin", "range: bytes=0-1\r\nif-range: " ?DATE "\r\n", 200, [], "0123456789"},
    {"GET /s/ten.bin", "range: bytes=0-1\r\nif-range: garbage\r\n", 200, [], "0123456789"},
    {"GET /s/ten.bin", "range: bytes=0-1\r\nif-none-match: " ?ETAG "\r\n", 304, [], ""},
    {"GET /s/empty", "range: bytes=0-\r\n", 416, [{"content-range", "bytes */0"}], ""},
    {"GET /s/none", "range: bytes=0-1\r\n", 404, [], ""},
    {"GET /charset/page.html", "range: bytes=0-0\r\n", 206, [{"content-type", "text/html; charset=utf-8"}], "<"},
    %% More than the whole file, in overlapping pieces, is not worth granting.
    {"GET /s/ten.bin", "range: bytes=0-8,1-9\r\n", 200, [{"content-length", "10"}], "0123456789"},
    {"GET /s/ten.bin", "range: bytes=0-1,3-4\r\n", 206, [{"content-length", false}, {"transfer-encoding", "chunked"}],
        fun two_parts/1}
].

two_parts(Body) ->
    {match, [Boundary]} = re:run(Body, "--([-_0-9A-Za-z]{64})\r\n", [{capture, all_but_first, list}]),
    Part = fun(Range) ->
        "--" ++ Boundary ++ "\r\ncontent-type: application/octet-stream\r\ncontent-range: bytes " ++ Range ++
            "/10\r\n\r\n"
    end,
    ?assertEqual(Part("0-1") ++ "01\r\n" ++ Part("3-4") ++ "34\r\n--" ++ Boundary ++ "--", dechunked(Body)).

dechunked(Body) ->
    {Size, "\r\n" ++ Rest} = lists:splitwith(fun(C) -> C =/= $\r end, Body),
    case list_to_integer(Size, 16) of
        0 -> "";
        N -> lists:sublist(Rest, N) ++ dechunked(lists:nthtail(N + 2, Rest))
    end.

generation_2() -> [
    {"GET /s/ten.bin", "if-none-match: " ?ETAG "\r\n", 304, [{"content-length", false}, {"content-type", false}], ""},
    %% The router has removed the dots before the handler looks.
    {"GET /s/../secret", "", 404, [], ""},
    {"GET /s/%2e%2e/secret", "", 404, [], ""},
    {"GET /no-rest", "", 500, [], ""},
    {"GET /no-application/x", "", 500, [], ""},
    {"GET /no-etag", "if-none-match: \"x\"\r\n", 412, [], ""},
    {"GET /s/ten.bin", "if-none-match: \"x\", W/" ?ETAG "\r\n", 304, [], ""},
    {"GET /s/ten.bin", "if-none-match: \"x\"\r\nif-modified-since: " ?DATE "\r\n", 200, [], "0123456789"},
    {"GET /charset/page.html", "", 200, [{"content-type", "text/html; charset=utf-8"}], "<p>"},
    {"GET /charset/ten.bin", "", 200, [{"content-type", "application/octet-stream"}], "0123456789"},
    {"GET /charset/page.html", "accept-charset: latin1, *;q=0\r\n", 406, [], ""},
    {"GET /charset/page.html", "accept-charset: utf-8;q=0.1\r\n", 200, [], "<p>"},
    {"GET /charset/page.html", "accept-charset: ;\r\n", 400, [], ""},
    {"GET /charsets/page.html", "", 200, [{"content-type", "text/html; charset=latin1"}], "<p>"}
].

only_generation_1() -> [
    {"GET /s/../secret", "", 400, [], ""},
    {"GET /s/%2e%2e/secret", "", 400, [], ""},
    {"GET /s/../dir-secret", "", 400, [], ""},
    {"GET /s/ten.bin", "range: bytes=0-1\r\n", 200, [{"content-range", false}], "0123456789"},
    %% Tags are compared as they are, and the date counts although the tag differs.
    {"GET /s/ten.bin", "if-none-match: W/" ?ETAG "\r\n", 200, [], "0123456789"},
    {"GET /s/ten.bin", "if-none-match: \"x\"\r\nif-modified-since: " ?DATE "\r\n", 304, [], ""}
].

%% Cowboy 1 knows no ranges.
generation_1({Line, Headers, Status, Wanted, Body}) ->
    {Line, Headers, Status, lists:keyreplace("accept-ranges", 1, Wanted, {"accept-ranges", false}), Body}.

%%% The other side

case_(Port, {Line, Headers, Status, Wanted, Body}) ->
    {Line ++ " " ++ Headers, fun() ->
        {GotStatus, GotHeaders, GotBody} = request(Port, Line, Headers),
        ?assertEqual(Status, GotStatus),
        [?assertEqual({Name, Value}, {Name, proplists:get_value(Name, GotHeaders, false)}) || {Name, Value} <- Wanted],
        case is_function(Body) of
            true -> Body(GotBody);
            false -> ?assertEqual(Body, GotBody)
        end
    end}.

request(Port, Line, Headers) ->
    Request = [Line, " HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n", Headers, "\r\n"],
    [Head, Body] = string:split(binary_to_list(raw_client:exchange(Port, Request)), "\r\n\r\n"),
    ["HTTP/1.1 " ++ Status | Lines] = string:split(Head, "\r\n", all),
    {list_to_integer(lists:sublist(Status, 3)), [list_to_tuple(string:split(L, ": ")) || L <- Lines], Body}.

start() ->
    Root = filename:absname("_build/test/farrier_static_tests"),
    Dir = filename:join(Root, "dir"),
    ok = files(Root, Dir),
    {ok, Started} = application:ensure_all_started(cowboy),
    Level = maps:get(level, logger:get_primary_config()),
    %% The two 500s are logged as crashes.
    ok = logger:set_primary_config(level, none),
    Dispatch = cowboy_router:compile([{'_', routes(Dir)}]),
    Listen = [{port, 0}, {ip, loopback}],
    {ok, _} = cowboy:start_clear({?MODULE, 2}, Listen, #{env => #{dispatch => Dispatch}}),
    {ok, _} = cowboy:start_http({?MODULE, 1}, 1, Listen, [{env, [{dispatch, Dispatch}]}]),
    #{ports => maps:from_list([{N, farrier:get_port({?MODULE, N})} || N <- [1, 2]]), started => Started, level => Level,
        root => Root}.

stop(#{started := Started, level := Level, root := Root}) ->
    [ok = cowboy:stop_listener({?MODULE, N}) || N <- [1, 2]],
    [ok = application:stop(App) || App <- lists:reverse(Started)],
    ok = logger:set_primary_config(level, Level),
    ok = file:del_dir_r(Root).

routes(Dir) ->
    File = filename:join(Dir, "ten.bin"),
    [
        {"/s/[...]", cowboy_static, {dir, Dir}},
        {"/file", cowboy_static, {file, list_to_binary(File)}},
        {"/directory", cowboy_static, {file, Dir}},
        {"/missing", cowboy_static, {file, filename:join(Dir, "none")}},
        {"/kernel/[...]", cowboy_static, {priv_dir, kernel, "static"}},
        {"/no-etag", cowboy_static, {file, File, [{etag, false}]}},
        {"/own-etag", cowboy_static, {file, File, [{etag, ?MODULE, etag}]}},
        {"/type", cowboy_static, {file, File, [{mimetypes, <<"text/x">>}]}},
        {"/types/[...]", cowboy_static, {dir, Dir, [{mimetypes, ?MODULE, mimetype}]}},
        {"/all/[...]", cowboy_static, {dir, Dir, [{mimetypes, cow_mimetypes, all}]}},
        {"/charset/[...]", cowboy_static, {dir, Dir, [{charset, <<"utf-8">>}]}},
        {"/charsets/[...]", cowboy_static, {dir, Dir, [{charset, ?MODULE, charset}]}},
        {"/no-rest", cowboy_static, {dir, Dir}},
        {"/no-application/[...]", cowboy_static, {priv_dir, no_application, "static"}}
    ].

etag(_Path, Size, ?MODIFIED) -> {weak, integer_to_binary(Size)}.

mimetype(Path) -> {<<"a">>, filename:basename(Path), [{<<"b">>, <<"c">>}]}.

charset(_Path) -> <<"latin1">>.

files(Root, Dir) ->
    _ = file:del_dir_r(Root),
    ok = filelib:ensure_dir(filename:join([Dir, "sub", "x"])),
    [ok = write(filename:join(Dir, Name), Content) || {Name, Content} <- [
        {"ten.bin", "0123456789"}, {"page.html", "<p>"}, {"SHOUT.HTML", "<P>"}, {"style.css", "p{}"},
        {"sub/script.js", "1"}, {"note.txt", "note"}, {"empty", ""}, {<<"é +.txt"/utf8>>, "utf8"},
        {"../secret", "s"}, {"../dir-secret", "s"}]],
    file:make_symlink("ten.bin", filename:join(Dir, "link")).

write(Path, Content) ->
    ok = file:write_file(Path, Content),
    file:write_file_info(Path, #file_info{mtime = ?MODIFIED}, [{time, universal}]).
