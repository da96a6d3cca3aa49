%% @doc What the suites with Cowboy's applications in their own node begin and end with, and which cases they have.
-module(cowboy_suite).

-export([start/1, stop/1, cases/1]).

%% For init_per_suite/1.
-spec start([term()]) -> [term()].
start(Config) ->
    {ok, Started} = application:ensure_all_started(cowboy),
    [{started, Started} | Config].

%% For end_per_suite/1: only what start/1 has started.
-spec stop([term()]) -> ok.
stop(Config) ->
    [ok = application:stop(App) || App <- lists:reverse(proplists:get_value(started, Config))],
    ok.

%% Every function of one argument that a suite exports is a case, but for Common Test's own.
-spec cases(module()) -> [atom()].
cases(Suite) ->
    [Name || {Name, 1} <- Suite:module_info(exports),
        not lists:member(Name, [init_per_suite, end_per_suite, module_info])].
