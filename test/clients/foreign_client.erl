%% @doc Runs WebSocket clients that others wrote. `make deps' installs their libraries; each program reports by the last
%% line of its output how many checks it made.
-module(foreign_client).

-export([run/3, directory/0, source/1]).

%% Runs a client to its end with these arguments and variables of the environment. Fails the test where the client does.
-spec run(file:filename(), [string()], [{string(), string()}]) -> {comment, string()}.
run(Program, Args, Env) ->
    Executable = case os:find_executable(Program) of
        false -> ct:fail("~ts is missing: run `make deps'", [Program]);
        Found -> Found
    end,
    Port = open_port({spawn_executable, Executable},
                     [{args, Args}, {env, [{"FARRIER_CLIENTS", directory()} | Env]}, exit_status, stderr_to_stdout,
                      binary]),
    case output(Port, <<>>) of
        {0, Output} -> {comment, string:trim(binary_to_list(Output))};
        {Status, Output} -> ct:fail("~ts exits with ~b:~n~ts", [filename:basename(Program), Status, Output])
    end.

-spec output(port(), binary()) -> {non_neg_integer(), binary()}.
output(Port, Output) ->
    receive
        {Port, {data, Bytes}} -> output(Port, <<Output/binary, Bytes/binary>>);
        {Port, {exit_status, Status}} -> {Status, Output}
    end.

%% Where `make deps' puts the libraries, or FARRIER_CLIENTS.
-spec directory() -> file:filename().
directory() ->
    case os:getenv("FARRIER_CLIENTS") of
        false -> filename:join(oracle_node:root(), "_build/clients");
        Dir -> Dir
    end.

%% A client's program.
-spec source(string()) -> file:filename().
source(Name) -> filename:join([oracle_node:root(), "test/clients", Name]).
