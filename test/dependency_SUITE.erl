%% @doc What a project that depends on farrier meets: fetching by git, the lock file, upgrading, releases, checkouts, and a
%% machine without Rust.
%%
%% The working tree is committed to a repository of its own, and the projects of examples/ are built against that one by a
%% file URL. Rust's artefacts are shared with the working tree through CARGO_TARGET_DIR.
-module(dependency_SUITE).

-export([all/0, groups/0, suite/0, init_per_suite/1, end_per_suite/1]).
-export([git_dependency_compiles_and_locks_one_commit/1, lock_file_is_enough_to_fetch_again/1,
         release_of_a_git_dependency_echoes/1, release_ends_on_sigterm/1, upgrade_takes_farrier_along/1,
         release_of_a_checkout_chats/1, checkout_of_cowboy_alone_says_what_is_missing/1,
         old_rust_is_said_in_one_sentence/1, missing_rust_is_said_in_one_sentence/1]).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-define(PATIENCE, 60000).

-spec suite() -> [term()].
suite() -> [{timetrap, {minutes, 15}}].

-spec all() -> [term()].
all() ->
    [{group, git}, release_of_a_checkout_chats, checkout_of_cowboy_alone_says_what_is_missing,
     old_rust_is_said_in_one_sentence, missing_rust_is_said_in_one_sentence].

%% The tests of this group go on with one project, in this order.
-spec groups() -> [term()].
groups() ->
    [{git, [sequence],
      [git_dependency_compiles_and_locks_one_commit, lock_file_is_enough_to_fetch_again, release_of_a_git_dependency_echoes,
       release_ends_on_sigterm, upgrade_takes_farrier_along]}].

-spec init_per_suite([term()]) -> [term()].
init_per_suite(Config) ->
    Root = root(),
    Base = ?config(priv_dir, Config),
    Origin = filename:join(Base, "farrier"),
    ok = commit_working_tree(Root, Origin),
    Echo = copy_example("echo_2x", Origin, filename:join(Base, "by_git")),
    Url = "file://" ++ Origin,
    Deps = [{cowboy, {git_subdir, Url, {branch, "main"}, "erlang/cowboy"}},
            {ranch, {git_subdir, Url, {branch, "main"}, "erlang/ranch"}}],
    ok = replace_deps(Echo, Deps),
    Target = os:getenv("CARGO_TARGET_DIR", filename:join(Root, "target")),
    [{origin, Origin}, {url, Url}, {echo, Echo}, {env, [{"CARGO_TARGET_DIR", Target}]} | Config].

%% Clones, their native library and releases are large; what was printed is in the log.
-spec end_per_suite([term()]) -> ok.
end_per_suite(Config) ->
    ok = file:del_dir_r(?config(priv_dir, Config)).

%% By git

-spec git_dependency_compiles_and_locks_one_commit([term()]) -> ok.
git_dependency_compiles_and_locks_one_commit(Config) ->
    Echo = ?config(echo, Config),
    {0, _} = rebar3("compile", Echo, Config),
    Head = git("rev-parse HEAD", ?config(origin, Config)),
    ?assertEqual([{"cowboy", Head}, {"farrier", Head}, {"ranch", Head}], locked(Echo)),
    ?assert(filelib:is_regular(filename:join(Echo, "_build/default/lib/farrier/priv/farrier_nif.so"))).

-spec lock_file_is_enough_to_fetch_again([term()]) -> ok.
lock_file_is_enough_to_fetch_again(Config) ->
    Echo = ?config(echo, Config),
    Locked = locked(Echo),
    {0, Again} = rebar3("compile", Echo, Config),
    ?assertEqual(nomatch, string:find(Again, "Fetching")),
    ok = file:del_dir_r(filename:join(Echo, "_build")),
    {0, Afresh} = rebar3("compile", Echo, Config),
    ?assertNotEqual(nomatch, string:find(Afresh, "Fetching farrier")),
    ?assertEqual(Locked, locked(Echo)).

-spec release_of_a_git_dependency_echoes([term()]) -> ok.
release_of_a_git_dependency_echoes(Config) ->
    Echo = ?config(echo, Config),
    {0, _} = rebar3("release", Echo, Config),
    {Release, Port} = start_release("echo_2x", Echo, Config),
    Socket = websocket(Port, "/websocket"),
    ?assertEqual({text, <<"Hello!">>}, receive_frame(Socket)),
    ok = send_text(Socket, <<"Hufeisen ✓"/utf8>>),
    ?assertEqual({text, <<"Hufeisen ✓"/utf8>>}, receive_frame(Socket)),
    ok = gen_tcp:close(Socket),
    ?assertEqual(0, stop_release(Release)).

%% Native threads must be gone before the VM is.
-spec release_ends_on_sigterm([term()]) -> ok.
release_ends_on_sigterm(Config) ->
    {Release, Port} = start_release("echo_2x", ?config(echo, Config), Config),
    Socket = websocket(Port, "/websocket"),
    ?assertEqual({text, <<"Hello!">>}, receive_frame(Socket)),
    ?assertEqual(0, stop_release(Release)),
    ok = gen_tcp:close(Socket).

-spec upgrade_takes_farrier_along([term()]) -> ok.
upgrade_takes_farrier_along(Config) ->
    {Echo, Origin} = {?config(echo, Config), ?config(origin, Config)},
    Before = git("rev-parse HEAD", Origin),
    ok = commit(Origin, "Another commit"),
    After = git("rev-parse HEAD", Origin),
    ?assertNotEqual(Before, After),
    {0, _} = rebar3("upgrade --all", Echo, Config),
    ?assertEqual([{"cowboy", After}, {"farrier", After}, {"ranch", After}], locked(Echo)).

%% By _checkouts

-spec release_of_a_checkout_chats([term()]) -> ok.
release_of_a_checkout_chats(Config) ->
    Chat = filename:join(?config(origin, Config), "examples/chat_1x"),
    {0, _} = rebar3("release", Chat, Config),
    {Release, Port} = start_release("chat_1x", Chat, Config),
    One = websocket(Port, "/rooms/forge?name=One"),
    ?assertEqual({text, <<"One came in">>}, receive_frame(One)),
    Other = websocket(Port, "/rooms/forge?name=Other"),
    ?assertEqual({text, <<"Other came in">>}, receive_frame(Other)),
    ?assertEqual({text, <<"Other came in">>}, receive_frame(One)),
    ok = send_text(Other, <<"Is the iron hot?">>),
    ?assertEqual({text, <<"Other: Is the iron hot?">>}, receive_frame(One)),
    ok = gen_tcp:close(Other),
    ?assertEqual({text, <<"Other left">>}, receive_frame(One)),
    ok = gen_tcp:close(One),
    ?assertEqual(0, stop_release(Release)).

-spec checkout_of_cowboy_alone_says_what_is_missing([term()]) -> ok.
checkout_of_cowboy_alone_says_what_is_missing(Config) ->
    Project = copy_example("echo_2x", ?config(origin, Config), filename:join(?config(priv_dir, Config), "cowboy_alone")),
    ok = replace_deps(Project, [cowboy]),
    Link = filename:join(Project, "_checkouts/cowboy"),
    ok = filelib:ensure_dir(Link),
    ok = file:make_symlink(filename:join(?config(origin, Config), "erlang/cowboy"), Link),
    {1, Output} = rebar3("compile", Project, Config),
    ?assertNotEqual(nomatch, string:find(Output, "add farrier to the deps of your rebar.config")).

%% Without Rust

-spec old_rust_is_said_in_one_sentence([term()]) -> ok.
old_rust_is_said_in_one_sentence(Config) ->
    Project = copy_example("chat_1x", ?config(origin, Config), filename:join(?config(priv_dir, Config), "old_rust")),
    ok = replace_deps(Project, [{farrier, {git, ?config(url, Config), {branch, "main"}}}]),
    Bin = filename:join(?config(priv_dir, Config), "old_rust_bin"),
    [ok = write_program(filename:join(Bin, Name), "echo " ++ Name ++ " 1.63.0") || Name <- ["rustc", "cargo"]],
    {1, Output} = rebar3("compile", Project, [{env, [{"PATH", Bin ++ ":" ++ os:getenv("PATH")}]}]),
    ?assertMatch([_], [Line || Line <- string:split(Output, "\n", all), string:find(Line, "farrier: ") =/= nomatch]),
    ?assertNotEqual(nomatch, string:find(Output, "this is Rust 1.63.0; update it with: rustup update stable")),
    [?assertEqual(nomatch, string:find(Output, Noise)) || Noise <- ["badmatch", "crashdump", "in function"]],
    ok.

%% The script sees a PATH with nothing on it but what it calls before it looks for cargo.
-spec missing_rust_is_said_in_one_sentence([term()]) -> ok.
missing_rust_is_said_in_one_sentence(Config) ->
    Bin = filename:join(?config(priv_dir, Config), "no_rust_bin"),
    ok = filelib:ensure_dir(filename:join(Bin, "program")),
    [ok = file:make_symlink(os:find_executable(Name), filename:join(Bin, Name)) || Name <- ["dirname", "head", "sed", "sort"]],
    Env = [{"PATH", Bin}, {"CARGO_HOME", Bin}],
    {1, Output} = run("sh", ["native/build.sh"], ?config(origin, Config), Env),
    ?assertMatch("farrier: Rust 1." ++ _, Output),
    ?assertNotEqual(nomatch, string:find(Output, "cargo or rustc is missing; install it with: ")),
    ?assertMatch([_, []], string:split(Output, "\n", all)).

%% Repositories and projects

%% In this profile's lib/ stands a link to the sources of farrier.
-spec root() -> file:filename().
root() ->
    {0, Root} = run("pwd", ["-P"], filename:join(code:lib_dir(farrier), "src/../../.."), []),
    string:trim(Root).

%% What git tracks, or would, as it stands now.
-spec commit_working_tree(file:filename(), file:filename()) -> ok.
commit_working_tree(Root, Origin) ->
    ok = filelib:ensure_dir(filename:join(Origin, "dir")),
    Copy = "git ls-files -z --cached --others --exclude-standard | tar --ignore-failed-read --null -T - -cf - | tar -C '"
        ++ Origin ++ "' -xf -",
    {0, _} = run("sh", ["-c", Copy], Root, []),
    _ = git("init -q -b main", Origin),
    commit(Origin, "The working tree").

-spec commit(file:filename(), string()) -> ok.
commit(Origin, Message) ->
    _ = git("add -A", Origin),
    Author = ["-c", "user.name=test", "-c", "user.email=test@localhost"],
    {0, _} = run("git", Author ++ ["commit", "-q", "--allow-empty", "-m", Message], Origin, []),
    ok.

-spec git(string(), file:filename()) -> string().
git(Arguments, Dir) ->
    {0, Output} = run("git", string:lexemes(Arguments, " "), Dir, []),
    string:trim(Output).

-spec copy_example(string(), file:filename(), file:filename()) -> file:filename().
copy_example(Name, Origin, Project) ->
    ok = filelib:ensure_dir(filename:join(Project, "dir")),
    {0, _} = run("cp", ["-R", filename:join([Origin, "examples", Name]) ++ "/.", Project], Origin, []),
    ok = file:del_dir_r(filename:join(Project, "_checkouts")),
    Project.

-spec write_program(file:filename(), string()) -> ok.
write_program(File, Command) ->
    ok = filelib:ensure_dir(File),
    ok = file:write_file(File, ["#!/bin/sh\n", Command, "\n"]),
    file:change_mode(File, 8#755).

-spec replace_deps(file:filename(), [term()]) -> ok.
replace_deps(Project, Deps) ->
    File = filename:join(Project, "rebar.config"),
    {ok, Terms} = file:consult(File),
    file:write_file(File, [io_lib:format("~tp.~n", [Term]) || Term <- lists:keystore(deps, 1, Terms, {deps, Deps})]).

-spec locked(file:filename()) -> [{string(), Ref :: string()}].
locked(Project) ->
    {ok, [Locks]} = file:consult(filename:join(Project, "rebar.lock")),
    lists:sort([{binary_to_list(Name), Ref} || {Name, Source, _Level} <- Locks, {ref, Ref} <- tuple_to_list(Source)]).

%% Programs

-spec rebar3(string(), file:filename(), [term()]) -> {0..255, string()}.
rebar3(Arguments, Dir, Config) ->
    {Status, Output} = run("rebar3", string:lexemes(Arguments, " "), Dir, ?config(env, Config)),
    ct:pal("rebar3 ~ts: status ~b~n~ts", [Arguments, Status, Output]),
    {Status, Output}.

-spec run(string(), [string()], file:filename(), [{string(), string()}]) -> {0..255, string()}.
run(Program, Arguments, Dir, Env) ->
    finish(open(os:find_executable(Program), Arguments, Dir, Env), []).

%% The variables are those of this run of rebar3 and not meant for another one.
-spec open(file:filename(), [string()], file:filename(), [{string(), string() | false}]) -> port().
open(Executable, Arguments, Dir, Env) ->
    Ours = [{Name, false} || Name <- ["REBAR_BASE_DIR", "REBAR_CONFIG", "REBAR_PROFILE", "ERL_LIBS", "ERL_FLAGS", "BINDIR",
                                      "ROOTDIR", "PROGNAME", "EMU", "GIT_DIR", "GIT_WORK_TREE", "FARRIER_GIT_URL"]],
    open_port({spawn_executable, Executable},
              [{args, Arguments}, {cd, Dir}, {env, Ours ++ Env}, exit_status, stderr_to_stdout, binary, hide]).

-spec finish(port(), iodata()) -> {0..255, string()}.
finish(Port, Output) ->
    receive
        {Port, {data, Data}} -> finish(Port, [Output, Data]);
        {Port, {exit_status, Status}} -> {Status, unicode:characters_to_list(iolist_to_binary(Output))}
    end.

%% Starts a release on a free port and waits until it has said which one.
-spec start_release(string(), file:filename(), [term()]) -> {port(), inet:port_number()}.
start_release(Name, Project, Config) ->
    Script = filename:join([Project, "_build/default/rel", Name, "bin", Name]),
    Env = [{"ERL_FLAGS", "-" ++ Name ++ " port 0"} | ?config(env, Config)],
    Release = open(Script, ["foreground"], Project, Env),
    {Release, listening_port(Release, <<>>)}.

-spec listening_port(port(), binary()) -> inet:port_number().
listening_port(Release, Output) ->
    case re:run(Output, "localhost:([0-9]+)/.*\n", [{capture, all_but_first, list}]) of
        {match, [Number]} ->
            list_to_integer(Number);
        nomatch ->
            receive
                {Release, {data, Data}} -> listening_port(Release, <<Output/binary, Data/binary>>);
                {Release, {exit_status, Status}} -> ct:fail("the release ended with status ~b:~n~ts", [Status, Output])
            after ?PATIENCE ->
                ct:fail("the release does not say where it listens:~n~ts", [Output])
            end
    end.

-spec stop_release(port()) -> 0..255.
stop_release(Release) ->
    {os_pid, Pid} = erlang:port_info(Release, os_pid),
    {0, _} = run("kill", ["-TERM", integer_to_list(Pid)], "/", []),
    {Status, Output} = finish(Release, []),
    ct:pal("release: status ~b~n~ts", [Status, Output]),
    Status.

%% A WebSocket client (RFC 6455) for short messages

-spec websocket(inet:port_number(), string()) -> gen_tcp:socket().
websocket(Port, Path) ->
    {ok, Socket} = gen_tcp:connect("127.0.0.1", Port, [binary, {active, false}, {packet, http_bin}], ?PATIENCE),
    ok = gen_tcp:send(Socket, ["GET ", Path, " HTTP/1.1\r\nhost: localhost\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
                               "sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"]),
    {ok, {http_response, {1, 1}, 101, _}} = gen_tcp:recv(Socket, 0, ?PATIENCE),
    ok = skip_headers(Socket),
    ok = inet:setopts(Socket, [{packet, raw}]),
    Socket.

-spec skip_headers(gen_tcp:socket()) -> ok.
skip_headers(Socket) ->
    case gen_tcp:recv(Socket, 0, ?PATIENCE) of
        {ok, {http_header, _, _, _, _}} -> skip_headers(Socket);
        {ok, http_eoh} -> ok
    end.

%% The mask is zero: the payload goes as it is.
-spec send_text(gen_tcp:socket(), binary()) -> ok.
send_text(Socket, Text) when byte_size(Text) < 126 ->
    gen_tcp:send(Socket, <<1:1, 0:3, 1:4, 1:1, (byte_size(Text)):7, 0:32, Text/binary>>).

-spec receive_frame(gen_tcp:socket()) -> {text, binary()}.
receive_frame(Socket) ->
    {ok, <<1:1, 0:3, 1:4, 0:1, Length:7>>} = gen_tcp:recv(Socket, 2, ?PATIENCE),
    {ok, Text} = gen_tcp:recv(Socket, Length, ?PATIENCE),
    {text, Text}.
