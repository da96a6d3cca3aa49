%% @doc WebSocket clients that others wrote, against handlers of both generations.
-module(clients_SUITE).

-export([all/0, groups/0, suite/0, init_per_suite/1, end_per_suite/1, init_per_group/2, end_per_group/2]).
-export([npm_ws/1, python_websockets/1, tokio_tungstenite/1]).

-include_lib("common_test/include/ct.hrl").

-import(foreign_client, [run/3, directory/0, source/1]).

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
npm_ws(Config) -> run("node", [source("ws.mjs"), ?config(url, Config)], []).

-spec python_websockets([term()]) -> {comment, string()}.
python_websockets(Config) ->
    run(filename:join(directory(), "python/bin/python3"), [source("websockets_client.py"), ?config(url, Config)], []).

-spec tokio_tungstenite([term()]) -> {comment, string()}.
tokio_tungstenite(Config) ->
    Manifest = source("tungstenite/Cargo.toml"),
    run(cargo(), ["run", "--quiet", "--locked", "--manifest-path", Manifest, "--", ?config(url, Config)], []).

%% rustup installs where a shell finds it only after the next login.
-spec cargo() -> string().
cargo() ->
    case os:find_executable("cargo") of
        false ->
            Home = os:getenv("CARGO_HOME", filename:join(os:getenv("HOME", "/"), ".cargo")),
            filename:join([Home, "bin", "cargo"]);
        Found ->
            Found
    end.
