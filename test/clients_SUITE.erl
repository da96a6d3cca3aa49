%% @doc WebSocket clients that others wrote, against handlers of both generations.
-module(clients_SUITE).

-export([all/0, groups/0, suite/0, init_per_suite/1, end_per_suite/1, init_per_group/2, end_per_group/2]).
-export([npm_ws/1, python_websockets/1, tokio_tungstenite/1]).

-include_lib("common_test/include/ct.hrl").

-spec suite() -> [term()].
suite() -> [{timetrap, {seconds, 120}}].

-spec all() -> [term()].
all() -> [{group, generation_1}, {group, generation_2}].

-spec groups() -> [term()].
groups() ->
    Cases = [npm_ws, python_websockets, tokio_tungstenite],
    [{generation_1, Cases}, {generation_2, Cases}].

-spec init_per_suite([term()]) -> [term()].
init_per_suite(Config) ->
    {ok, Path} = oracle_node:farrier_path(),
    [{node, oracle_node:hold(Path)} | Config].

-spec end_per_suite([term()]) -> ok.
end_per_suite(Config) -> oracle_node:stop(?config(node, Config)).

-spec init_per_group(atom(), [term()]) -> [term()].
init_per_group(Group, Config) ->
    Generation = case Group of generation_1 -> 1; generation_2 -> 2 end,
    Port = peer:call(?config(node, Config), clients_handler, listen, [Generation]),
    [{url, lists:concat(["ws://127.0.0.1:", Port, "/ws"])} | Config].

-spec end_per_group(atom(), [term()]) -> ok.
end_per_group(_, _) -> ok.

-spec npm_ws([term()]) -> {comment, string()}.
npm_ws(Config) -> run("node", [source("ws.mjs"), ?config(url, Config)]).

-spec python_websockets([term()]) -> {comment, string()}.
python_websockets(Config) ->
    run(filename:join(clients(), "python/bin/python3"), [source("websockets_client.py"), ?config(url, Config)]).

-spec tokio_tungstenite([term()]) -> {comment, string()}.
tokio_tungstenite(Config) ->
    run(cargo(), ["run", "--quiet", "--locked", "--manifest-path", source("tungstenite/Cargo.toml"), "--", ?config(url, Config)]).

%% rustup installs where a shell finds it only after the next login.
-spec cargo() -> string().
cargo() ->
    case os:find_executable("cargo") of
        false -> filename:join([os:getenv("CARGO_HOME", filename:join(os:getenv("HOME", "/"), ".cargo")), "bin", "cargo"]);
        Found -> Found
    end.

%% Runs a client, whose last line counts its checks.
-spec run(string(), [string()]) -> {comment, string()}.
run(Program, Args) ->
    Executable = case os:find_executable(Program) of
        false -> ct:fail("~ts is missing: run `make deps'", [Program]);
        Found -> Found
    end,
    Port = open_port({spawn_executable, Executable},
                     [{args, Args}, {env, [{"FARRIER_CLIENTS", clients()}]}, exit_status, stderr_to_stdout, binary]),
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

%% Where `make deps' puts the clients.
-spec clients() -> file:filename().
clients() ->
    case os:getenv("FARRIER_CLIENTS") of
        false -> filename:join(oracle_node:root(), "_build/clients");
        Dir -> Dir
    end.

-spec source(string()) -> file:filename().
source(Name) -> filename:join([oracle_node:root(), "test/clients", Name]).
