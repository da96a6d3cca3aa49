%% @doc What a project that depends on farrier meets: fetching by git, the lock file, upgrading, releases, checkouts,
%% the switch from a Cowboy of any generation, and a machine without Rust.
%%
%% test/dependency_SUITE_data/ has projects as they were written for each generation of Cowboy.
%%
%% The working tree is committed to a repository of its own, and the projects of examples/ are built against that one by
%% a file URL. Rust's artefacts are shared with the working tree through CARGO_TARGET_DIR.
-module(dependency_SUITE).

-export([all/0, groups/0, suite/0, init_per_suite/1, end_per_suite/1]).
-export([git_dependency_compiles_and_locks_one_commit/1, release_of_a_git_dependency_echoes/1, release_ends_on_sigterm/1,
         upgrade_takes_farrier_along/1, lock_file_is_enough_to_fetch_again/1]).
-export([one_line_switches_generation_0/1, one_line_switches_generation_1/1, one_line_switches_generation_2pre/1,
         one_line_and_unlocking_switch_generation_2/1, ebin_directories_are_where_rebar3_puts_them/1,
         release_of_generation_1_has_ranch_and_cowlib/1]).
-export([release_of_a_checkout_chats/1, checkouts_of_cowboy_and_farrier_are_enough/1,
         checkout_of_cowboy_alone_says_what_is_missing/1]).
-export([old_rust_is_said_in_one_sentence/1, missing_rust_is_said_in_one_sentence/1]).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-import(rebar3_project, [root/0, copy_example/3, replace_deps/2, link_checkouts/3, locked/1, run/4, open/4, finish/1]).
-import(plain_websocket, [send/2, recv/1]).

-define(PATIENCE, 60000).

-spec suite() -> [term()].
suite() -> [{timetrap, {minutes, 15}}].

-spec all() -> [term()].
all() ->
    [{group, git}, release_of_a_checkout_chats, checkouts_of_cowboy_and_farrier_are_enough,
     checkout_of_cowboy_alone_says_what_is_missing,
     old_rust_is_said_in_one_sentence, missing_rust_is_said_in_one_sentence].

%% The tests of this group go on with one project, in this order.
-spec groups() -> [term()].
groups() ->
    [{git, [sequence],
      [git_dependency_compiles_and_locks_one_commit, one_line_switches_generation_0, one_line_switches_generation_1,
       one_line_switches_generation_2pre, one_line_and_unlocking_switch_generation_2,
       ebin_directories_are_where_rebar3_puts_them, release_of_generation_1_has_ranch_and_cowlib,
       release_of_a_git_dependency_echoes, release_ends_on_sigterm, upgrade_takes_farrier_along,
       lock_file_is_enough_to_fetch_again]}].

-spec init_per_suite([term()]) -> [term()].
init_per_suite(Config) ->
    Root = root(),
    Base = ?config(priv_dir, Config),
    Origin = filename:join(Base, "farrier"),
    ok = commit_working_tree(Root, Origin),
    Echo = copy_example("echo_2x", Origin, filename:join(Base, "by_git")),
    Url = "file://" ++ Origin,
    ok = replace_deps(Echo, [{cowboy, {git_subdir, Url, {branch, "main"}, "erlang/cowboy"}}]),
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
    {0, _} = rebar3_project:rebar3("compile", Echo, ?config(env, Config)),
    Head = git("rev-parse HEAD", ?config(origin, Config)),
    ?assertEqual([{Name, Head} || Name <- ["cowboy", "cowlib", "farrier", "ranch"]], locked(Echo)),
    [?assert(filelib:is_regular(filename:join([Echo, "_build/default/lib/farrier/priv", Native])))
     || Native <- ["farrier_nif.so", "farrier_port"]].

%% By one line: projects as they were written for each generation, warnings being errors. They share what the first one
%% fetched.

-spec one_line_switches_generation_0([term()]) -> ok.
one_line_switches_generation_0(Config) ->
    Project = switched(generation_0, Config),
    Peer = started(generation_0, Project, Config),
    Port = peer:call(Peer, generation_0, start, []),
    ?assertEqual({200, <<"plain /shout">>}, plain_websocket:get(Port, "/shout")),
    ok = shouts(plain_websocket:connect(Port, "/shout"), <<"IRON!">>),
    peer:stop(Peer).

-spec one_line_switches_generation_1([term()]) -> ok.
one_line_switches_generation_1(Config) ->
    Project = switched(generation_1, Config),
    Peer = started(generation_1, Project, Config),
    Port = peer:call(Peer, generation_1, start, []),
    ok = shouts(plain_websocket:connect(Port, "/shout?end=%3F"), <<"IRON?">>),
    peer:stop(Peer).

-spec one_line_switches_generation_2pre([term()]) -> ok.
one_line_switches_generation_2pre(Config) ->
    Project = switched(generation_2pre, Config),
    Peer = started(generation_2pre, Project, Config),
    ok = shouts(plain_websocket:connect(peer:call(Peer, generation_2pre, start, []), "/shout"), <<"IRON!">>),
    peer:stop(Peer).

%% Its rebar.lock still names the packages of Cowboy, Cowlib and Ranch.
-spec one_line_and_unlocking_switch_generation_2([term()]) -> ok.
one_line_and_unlocking_switch_generation_2(Config) ->
    Project = switched(generation_2, Config),
    {0, _} = rebar3_project:rebar3("unlock cowboy,cowlib,ranch", Project, ?config(env, Config)),
    Peer = started(generation_2, Project, Config),
    ok = shouts(plain_websocket:connect(peer:call(Peer, generation_2, start, []), "/shout"), <<"IRON!">>),
    ?assertMatch([{"cowboy", _}, {"cowlib", Ref}, {"farrier", Ref}, {"ranch", Ref}], locked(Project)),
    peer:stop(Peer).

%% `rebar3 path', ERL_LIBS and `erl -pa _build/default/lib/*/ebin' look there; headers are found from there.
-spec ebin_directories_are_where_rebar3_puts_them([term()]) -> ok.
ebin_directories_are_where_rebar3_puts_them(Config) ->
    Lib = filename:join(?config(echo, Config), "_build/default/lib"),
    [?assert(filelib:is_regular(filename:join([Lib, Name, "ebin", Name ++ ".app"])))
     || Name <- ["cowboy", "cowlib", "farrier", "ranch"]],
    ?assert(filelib:is_regular(filename:join(Lib, "cowboy/include/http.hrl"))),
    {0, Path} = rebar3_project:rebar3("path", ?config(echo, Config), ?config(env, Config)),
    ?assertNotEqual(nomatch, string:find(Path, "/lib/cowboy/ebin")).

-spec release_of_generation_1_has_ranch_and_cowlib([term()]) -> ok.
release_of_generation_1_has_ranch_and_cowlib(Config) ->
    Project = filename:join(?config(priv_dir, Config), generation_1),
    {0, _} = rebar3_project:rebar3("release", Project, shared(Config)),
    {Release, Port} = start_release("generation_1", ?config(echo, Config), Config),
    ok = shouts(plain_websocket:connect(Port, "/shout?end=."), <<"IRON.">>),
    ?assertEqual(0, stop_release(Release)).

%% The project with one line of its rebar.config replaced: the one that names Cowboy.
-spec switched(atom(), [term()]) -> file:filename().
switched(Name, Config) ->
    Project = filename:join(?config(priv_dir, Config), Name),
    {0, _} = run("cp", ["-R", filename:join(?config(data_dir, Config), Name), Project], "/", []),
    File = filename:join(Project, "rebar.config"),
    {ok, Text} = file:read_file(File),
    Line = ["    {cowboy, {git_subdir, \"", ?config(url, Config), "\", {branch, \"main\"}, \"erlang/cowboy\"}}"],
    [_] = [Old || Old <- binary:split(Text, <<"\n">>, [global]), re:run(Old, "^ *{cowboy, ") =/= nomatch],
    ok = file:write_file(File, re:replace(Text, "^ *{cowboy, .*$", Line, [multiline])),
    Project.

-spec shared([term()]) -> rebar3_project:env().
shared(Config) ->
    [{"REBAR_BASE_DIR", filename:join(?config(echo, Config), "_build")} | ?config(env, Config)].

-spec started(atom(), file:filename(), [term()]) -> pid().
started(Name, Project, Config) ->
    {0, Output} = rebar3_project:rebar3("compile", Project, shared(Config)),
    ?assertNotEqual(nomatch, string:find(Output, "Compiling " ++ atom_to_list(Name))),
    {0, Path} = rebar3_project:rebar3("path", Project, shared(Config)),
    {ok, Peer, _} = peer:start(#{connection => standard_io, args => ["-pa" | string:lexemes(Path, " \n")],
                                 env => [{"ERL_LIBS", ""}]}),
    Peer.

-spec shouts(gen_tcp:socket(), binary()) -> ok.
shouts(Socket, Answer) ->
    ok = send(Socket, <<"iron">>),
    ?assertEqual({text, Answer}, recv(Socket)),
    plain_websocket:close(Socket).

%% The lock file

-spec release_of_a_git_dependency_echoes([term()]) -> ok.
release_of_a_git_dependency_echoes(Config) ->
    Echo = ?config(echo, Config),
    {0, _} = rebar3_project:rebar3("release", Echo, ?config(env, Config)),
    {Release, Port} = start_release("echo_2x", Echo, Config),
    Socket = plain_websocket:connect(Port, "/websocket"),
    ?assertEqual({text, <<"Hello!">>}, recv(Socket)),
    ok = send(Socket, <<"Hufeisen ✓"/utf8>>),
    ?assertEqual({text, <<"Hufeisen ✓"/utf8>>}, recv(Socket)),
    ok = gen_tcp:close(Socket),
    ?assertEqual(0, stop_release(Release)).

%% Native threads must be gone before the VM is.
-spec release_ends_on_sigterm([term()]) -> ok.
release_ends_on_sigterm(Config) ->
    {Release, Port} = start_release("echo_2x", ?config(echo, Config), Config),
    Socket = plain_websocket:connect(Port, "/websocket"),
    ?assertEqual({text, <<"Hello!">>}, recv(Socket)),
    ?assertEqual(0, stop_release(Release)),
    ok = gen_tcp:close(Socket).

-spec upgrade_takes_farrier_along([term()]) -> ok.
upgrade_takes_farrier_along(Config) ->
    {Echo, Origin} = {?config(echo, Config), ?config(origin, Config)},
    Before = git("rev-parse HEAD", Origin),
    ok = commit(Origin, "Another commit"),
    After = git("rev-parse HEAD", Origin),
    ?assertNotEqual(Before, After),
    {0, _} = rebar3_project:rebar3("upgrade --all", Echo, ?config(env, Config)),
    ?assertEqual([{Name, After} || Name <- ["cowboy", "cowlib", "farrier", "ranch"]], locked(Echo)).

%% Nothing is built from it: that takes as long as the first time, and goes the same way.
-spec lock_file_is_enough_to_fetch_again([term()]) -> ok.
lock_file_is_enough_to_fetch_again(Config) ->
    Echo = ?config(echo, Config),
    Locked = locked(Echo),
    {0, Again} = rebar3_project:rebar3("get-deps", Echo, ?config(env, Config)),
    ?assertEqual(nomatch, string:find(Again, "Fetching")),
    ok = file:del_dir_r(filename:join(Echo, "_build")),
    {0, Afresh} = rebar3_project:rebar3("get-deps", Echo, ?config(env, Config)),
    ?assertNotEqual(nomatch, string:find(Afresh, "Fetching farrier")),
    ?assertEqual(Locked, locked(Echo)),
    Head = git("rev-parse HEAD", filename:join(Echo, "_build/default/lib/farrier")),
    ?assertEqual([Head], lists:usort([Commit || {_, Commit} <- Locked])).

%% By _checkouts

-spec release_of_a_checkout_chats([term()]) -> ok.
release_of_a_checkout_chats(Config) ->
    Chat = filename:join(?config(origin, Config), "examples/chat_1x"),
    {0, _} = rebar3_project:rebar3("release", Chat, ?config(env, Config)),
    {Release, Port} = start_release("chat_1x", Chat, Config),
    One = plain_websocket:connect(Port, "/rooms/forge?name=One"),
    ?assertEqual({text, <<"One came in">>}, recv(One)),
    Other = plain_websocket:connect(Port, "/rooms/forge?name=Other"),
    ?assertEqual({text, <<"Other came in">>}, recv(Other)),
    ?assertEqual({text, <<"Other came in">>}, recv(One)),
    ok = send(Other, <<"Is the iron hot?">>),
    ?assertEqual({text, <<"Other: Is the iron hot?">>}, recv(One)),
    ok = gen_tcp:close(Other),
    ?assertEqual({text, <<"Other left">>}, recv(One)),
    ok = gen_tcp:close(One),
    ?assertEqual(0, stop_release(Release)).

%% ranch and cowlib are for those who call them.
-spec checkouts_of_cowboy_and_farrier_are_enough([term()]) -> ok.
checkouts_of_cowboy_and_farrier_are_enough(Config) ->
    Project = filename:join(?config(priv_dir, Config), "two_checkouts"),
    {0, _} = run("cp", ["-R", filename:join(?config(data_dir, Config), generation_0), Project], "/", []),
    ok = replace_deps(Project, [cowboy]),
    ok = link_checkouts([cowboy, farrier], ?config(origin, Config), Project),
    {0, _} = rebar3_project:rebar3("compile", Project, ?config(env, Config)),
    Built = ["checkouts/cowboy", "checkouts/farrier", "lib/generation_0"],
    Path = [filename:join([Project, "_build/default", Dir, "ebin"]) || Dir <- Built],
    {ok, Peer, _} = peer:start(#{connection => standard_io, args => ["-pa" | Path], env => [{"ERL_LIBS", ""}]}),
    ok = shouts(plain_websocket:connect(peer:call(Peer, generation_0, start, []), "/shout"), <<"IRON!">>),
    peer:stop(Peer).

-spec checkout_of_cowboy_alone_says_what_is_missing([term()]) -> ok.
checkout_of_cowboy_alone_says_what_is_missing(Config) ->
    Origin = ?config(origin, Config),
    Project = copy_example("echo_2x", Origin, filename:join(?config(priv_dir, Config), "cowboy_alone")),
    ok = replace_deps(Project, [cowboy]),
    ok = link_checkouts([cowboy], Origin, Project),
    {1, Output} = rebar3_project:rebar3("compile", Project, ?config(env, Config)),
    ?assertNotEqual(nomatch, string:find(Output, "add farrier to the deps of your rebar.config")).

%% Without Rust

-spec old_rust_is_said_in_one_sentence([term()]) -> ok.
old_rust_is_said_in_one_sentence(Config) ->
    Project = copy_example("chat_1x", ?config(origin, Config), filename:join(?config(priv_dir, Config), "old_rust")),
    ok = replace_deps(Project, [{farrier, {git, ?config(url, Config), {branch, "main"}}}]),
    Bin = filename:join(?config(priv_dir, Config), "old_rust_bin"),
    [ok = write_program(filename:join(Bin, Name), "echo " ++ Name ++ " 1.63.0") || Name <- ["rustc", "cargo"]],
    {1, Output} = rebar3_project:rebar3("compile", Project, [{"PATH", Bin ++ ":" ++ os:getenv("PATH")}]),
    ?assertMatch([_], [Line || Line <- string:split(Output, "\n", all), string:find(Line, "farrier: ") =/= nomatch]),
    ?assertNotEqual(nomatch, string:find(Output, "this is Rust 1.63.0; update it with: rustup update stable")),
    [?assertEqual(nomatch, string:find(Output, Noise)) || Noise <- ["badmatch", "crashdump", "in function"]],
    ok.

%% The script sees a PATH with nothing on it but what it calls before it looks for cargo.
-spec missing_rust_is_said_in_one_sentence([term()]) -> ok.
missing_rust_is_said_in_one_sentence(Config) ->
    Bin = filename:join(?config(priv_dir, Config), "no_rust_bin"),
    ok = filelib:ensure_dir(filename:join(Bin, "program")),
    Needed = ["dirname", "head", "sed", "sort"],
    [ok = file:make_symlink(os:find_executable(Name), filename:join(Bin, Name)) || Name <- Needed],
    Env = [{"PATH", Bin}, {"CARGO_HOME", Bin}],
    {1, Output} = run("sh", ["native/build.sh"], ?config(origin, Config), Env),
    ?assertMatch("farrier: Rust 1." ++ _, Output),
    ?assertNotEqual(nomatch, string:find(Output, "cargo or rustc is missing; install it with: ")),
    ?assertMatch([_, []], string:split(Output, "\n", all)).

%% Repositories and releases

%% What git tracks, or would, as it stands now.
-spec commit_working_tree(file:filename(), file:filename()) -> ok.
commit_working_tree(Root, Origin) ->
    ok = filelib:ensure_dir(filename:join(Origin, "dir")),
    Copy = "git ls-files -z --cached --others --exclude-standard"
        " | tar --ignore-failed-read --null -T - -cf - | tar -C '" ++ Origin ++ "' -xf -",
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

-spec write_program(file:filename(), string()) -> ok.
write_program(File, Command) ->
    ok = filelib:ensure_dir(File),
    ok = file:write_file(File, ["#!/bin/sh\n", Command, "\n"]),
    file:change_mode(File, 8#755).

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
    {Status, Output} = finish(Release),
    ct:pal("release: status ~b~n~ts", [Status, Output]),
    Status.
