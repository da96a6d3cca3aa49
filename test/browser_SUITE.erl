%% @doc Runs the demo as a person would, in an operating-system process of its own, and test/browser/demo.mjs
%% against it in headless Chromium.
-module(browser_SUITE).

-export([all/0, suite/0, init_per_testcase/2, end_per_testcase/2]).
-export([the_demo_page_keeps_its_promises/1]).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-define(START_MS, 60000).
-define(STOP_MS, 20000).

-spec all() -> [atom()].
all() ->
    [the_demo_page_keeps_its_promises].

-spec suite() -> [ct_suite:ct_info()].
suite() ->
    [{timetrap, {minutes, 6}}].

-spec init_per_testcase(atom(), ct_suite:ct_config()) -> ct_suite:ct_config().
init_per_testcase(_Case, Config) ->
    Root = root(),
    Demo = run(filename:join(Root, "scripts/demo"), [], Root, [{"DEMO_PORT", "0"} | libraries()]),
    {os_pid, Pid} = erlang:port_info(Demo, os_pid),
    [{root, Root}, {demo, Demo}, {demo_pid, Pid}, {url, url(Demo, [])} | Config].

%% After a timetrap the port is gone with the process that owned it, and the number may be another program's by now:
%% it is signalled only if it still is the demo.
-spec end_per_testcase(atom(), ct_suite:ct_config()) -> ok.
end_per_testcase(_Case, Config) ->
    Pid = integer_to_list(?config(demo_pid, Config)),
    case file:read_file("/proc/" ++ Pid ++ "/cmdline") of
        {ok, Command} ->
            binary:match(Command, <<"scripts/demo">>) =/= nomatch andalso os:cmd("kill -TERM " ++ Pid),
            {_Status, _Output} = finish(?config(demo, Config), [], ?STOP_MS),
            ok;
        {error, _Gone} ->
            ok
    end.

-spec the_demo_page_keeps_its_promises(ct_suite:ct_config()) -> ok.
the_demo_page_keeps_its_promises(Config) ->
    Root = ?config(root, Config),
    Arguments = ["test/browser/demo.mjs", ?config(url, Config), integer_to_list(?config(demo_pid, Config))],
    {Status, Output} = finish(run(executable("node"), Arguments, Root, libraries()), [], infinity),
    ct:pal("~ts", [Output]),
    ?assertMatch({0, {match, _}}, {Status, re:run(Output, "^[1-9][0-9]* passed, 0 failed$", [multiline])}).

%% Processes

-spec run(file:filename(), [string()], file:filename(), [{string(), string()}]) -> port().
run(Program, Arguments, Directory, Environment) ->
    open_port({spawn_executable, Program}, [
        {args, Arguments}, {cd, Directory}, {env, Environment},
        binary, exit_status, stderr_to_stdout, use_stdio
    ]).

%% The demo runs on the very libraries that this run has on its code path, where it has them.
-spec libraries() -> [{string(), string()}].
libraries() ->
    case {os:getenv("DEMO_LIBS"), code:lib_dir(cowboy)} of
        {false, Directory} when is_list(Directory) -> [{"DEMO_LIBS", filename:dirname(Directory)}];
        _ -> []
    end.

%% Everything that a program writes until it ends, and its exit status.
-spec finish(port(), iodata(), timeout()) -> {integer() | timeout, binary()}.
finish(Port, Output, Timeout) ->
    receive
        {Port, {data, Data}} -> finish(Port, [Output, Data], Timeout);
        {Port, {exit_status, Status}} -> {Status, iolist_to_binary(Output)}
    after Timeout ->
        {timeout, iolist_to_binary(Output)}
    end.

%% The demo prints its address in one line once it listens.
-spec url(port(), iodata()) -> string().
url(Port, Output) ->
    receive
        {Port, {data, Data}} ->
            Said = [Output, Data],
            case re:run(Said, "http://[^ ]+(?= .*\\n)", [{capture, first, list}]) of
                {match, [Url]} -> Url;
                nomatch -> url(Port, Said)
            end;
        {Port, {exit_status, Status}} ->
            ct:fail("scripts/demo ended with status ~b: ~ts", [Status, Output])
    after ?START_MS ->
        ct:fail("scripts/demo did not say where it listens: ~ts", [Output])
    end.

-spec executable(string()) -> file:filename().
executable(Name) ->
    case os:find_executable(Name) of
        false -> ct:fail("~ts is not installed; run 'make deps'", [Name]);
        Path -> Path
    end.

%% The repository, looked for upwards from where this suite was compiled and from where the run was started.
-spec root() -> file:filename().
root() ->
    Source = proplists:get_value(source, ?MODULE:module_info(compile), "."),
    Starts = [os:getenv("PWD", "."), filename:dirname(Source), filename:dirname(code:which(?MODULE))],
    case [Root || Start <- Starts, Root <- ancestors(Start), filelib:is_regular(filename:join(Root, "scripts/demo"))] of
        [Root | _] -> Root;
        [] -> ct:fail("no scripts/demo above any of ~p", [Starts])
    end.

-spec ancestors(file:filename()) -> [file:filename()].
ancestors(Directory) ->
    case filename:dirname(Directory) of
        Directory -> [Directory];
        Parent -> [Directory | ancestors(Parent)]
    end.
