%% A short selection of the Autobahn testsuite; `make conformance' runs all of it.
-module(conformance_SUITE).

-export([all/0, suite/0]).
-export([a_selection_of_the_autobahn_testsuite_passes_on_clear_and_tls_listeners/1]).

%% Some of every kind of case: frames, pings, reserved bits and opcodes, fragments, UTF-8, closing, compression.
-define(CASES, ["1.1.*", "1.2.*", "2.*", "3.*", "4.*", "5.*", "6.4.*", "7.1.*", "7.5.*", "7.7.*", "7.9.*", "12.1.1",
    "12.1.10", "12.5.8", "13.1.5", "13.4.5", "13.7.10"]).

-spec suite() -> [term()].
suite() ->
    [{timetrap, {minutes, 5}}].

-spec all() -> [atom()].
all() ->
    [a_selection_of_the_autobahn_testsuite_passes_on_clear_and_tls_listeners].

-spec a_selection_of_the_autobahn_testsuite_passes_on_clear_and_tls_listeners([term()]) -> term().
a_selection_of_the_autobahn_testsuite_passes_on_clear_and_tls_listeners(_Config) ->
    Root = root(filename:dirname(?FILE)),
    Port = open_port({spawn_executable, filename:join([Root, "scripts", "conformance"])}, [
        {args, lists:append([["--cases", Case] || Case <- ?CASES])},
        {cd, Root},
        {env, [{"CONFORMANCE_COUNT", "20"}]},
        exit_status,
        stderr_to_stdout,
        binary,
        {line, 1000}
    ]),
    {0, _} = finish(Port, []).

%% The folder that holds the script, from this file's on upwards.
-spec root(file:filename()) -> file:filename().
root(Folder) ->
    case filelib:is_regular(filename:join([Folder, "scripts", "conformance"])) of
        true -> Folder;
        false -> root(filename:dirname(Folder))
    end.

-spec finish(port(), [binary()]) -> {non_neg_integer(), [binary()]}.
finish(Port, Lines) ->
    receive
        {Port, {data, {_, Line}}} ->
            ct:log("~ts", [Line]),
            finish(Port, [Line | Lines]);
        {Port, {exit_status, Status}} ->
            {Status, lists:reverse(Lines)}
    end.
