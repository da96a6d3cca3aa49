%% @doc Projects that depend on farrier, built by rebar3 as their authors would, in directories of a test's own.
-module(rebar3_project).

-export([root/0, copy_example/3, link_checkouts/3, replace_deps/2, write/2, locked/1]).
-export([rebar3/3, run/4, open/4, finish/1]).

-type env() :: [{string(), string() | false}].
-export_type([env/0]).

%% The repository. In this profile's lib/ stands a link to the sources of farrier.
-spec root() -> file:filename().
root() ->
    {0, Root} = run("pwd", ["-P"], filename:join(code:lib_dir(farrier), "src/../../.."), []),
    string:trim(Root).

%% A copy of an example of the repository `Origin', without the links to what it depends on.
-spec copy_example(string(), file:filename(), file:filename()) -> file:filename().
copy_example(Name, Origin, Project) ->
    ok = filelib:ensure_dir(filename:join(Project, "dir")),
    {0, _} = run("cp", ["-R", filename:join([Origin, "examples", Name]) ++ "/.", Project], Origin, []),
    _ = file:del_dir_r(filename:join(Project, "_build")),
    ok = file:del_dir_r(filename:join(Project, "_checkouts")),
    Project.

-spec link_checkouts([atom()], file:filename(), file:filename()) -> ok.
link_checkouts(Names, Origin, Project) ->
    Checkouts = filename:join(Project, "_checkouts"),
    ok = filelib:ensure_dir(filename:join(Checkouts, "link")),
    lists:foreach(fun(Name) ->
        ok = file:make_symlink(filename:join([Origin, "erlang", Name]), filename:join(Checkouts, Name))
    end, Names).

-spec replace_deps(file:filename(), [term()]) -> ok.
replace_deps(Project, Deps) ->
    File = filename:join(Project, "rebar.config"),
    {ok, Terms} = file:consult(File),
    file:write_file(File, [io_lib:format("~tp.~n", [Term]) || Term <- lists:keystore(deps, 1, Terms, {deps, Deps})]).

%% Files by their names within the project.
-spec write(file:filename(), [{file:filename(), iodata()}]) -> ok.
write(Project, Files) ->
    lists:foreach(fun({Name, Text}) ->
        File = filename:join(Project, Name),
        ok = filelib:ensure_dir(File),
        ok = file:write_file(File, Text)
    end, Files).

%% What rebar.lock holds of git.
-spec locked(file:filename()) -> [{string(), Ref :: string()}].
locked(Project) ->
    {ok, [Locks]} = file:consult(filename:join(Project, "rebar.lock")),
    lists:sort([{binary_to_list(Name), Ref} || {Name, Source, _Level} <- Locks, {ref, Ref} <- tuple_to_list(Source)]).

-spec rebar3(string(), file:filename(), env()) -> {0..255, string()}.
rebar3(Arguments, Dir, Env) ->
    {Status, Output} = run("rebar3", string:lexemes(Arguments, " "), Dir, Env),
    ct:pal("rebar3 ~ts: status ~b~n~ts", [Arguments, Status, Output]),
    {Status, Output}.

-spec run(string(), [string()], file:filename(), env()) -> {0..255, string()}.
run(Program, Arguments, Dir, Env) ->
    finish(open(os:find_executable(Program), Arguments, Dir, Env)).

%% The variables are those of this run of rebar3 and not meant for another one.
-spec open(file:filename(), [string()], file:filename(), env()) -> port().
open(Executable, Arguments, Dir, Env) ->
    Inherited = ["REBAR_BASE_DIR", "REBAR_CONFIG", "REBAR_PROFILE", "ERL_LIBS", "ERL_FLAGS", "BINDIR", "ROOTDIR",
                 "PROGNAME", "EMU", "GIT_DIR", "GIT_WORK_TREE", "FARRIER_GIT_URL"],
    Ours = [{Name, false} || Name <- Inherited, not lists:keymember(Name, 1, Env)],
    open_port({spawn_executable, Executable},
              [{args, Arguments}, {cd, Dir}, {env, Ours ++ Env}, exit_status, stderr_to_stdout, binary, hide]).

%% What a program says until it ends, and its exit status.
-spec finish(port()) -> {0..255, string()}.
finish(Port) ->
    finish(Port, []).

-spec finish(port(), iodata()) -> {0..255, string()}.
finish(Port, Output) ->
    receive
        {Port, {data, Data}} -> finish(Port, [Output, Data]);
        {Port, {exit_status, Status}} -> {Status, unicode:characters_to_list(iolist_to_binary(Output))}
    end.
