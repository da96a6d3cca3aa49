%% Starts the native runtime before any listener and stops it after everything else.
-module(farrier_app).
-behaviour(application).

-include_lib("kernel/include/logger.hrl").

-export([start/2, stop/1]).

%% @doc Fails with one sentence that says what to do if the native library cannot be loaded. The log runs before the
%% runtime that writes to it.
-spec start(application:start_type(), term()) -> {ok, pid()} | {error, term()}.
start(_Type, _Arguments) ->
    %% `sys' asks whether it exports a function, which a module that is not loaded yet does not.
    {module, farrier_sys} = code:ensure_loaded(farrier_sys),
    {ok, Sup} = farrier_sup:start_link(),
    case farrier_nif:start(runtime_options()) of
        ok ->
            {ok, Sup};
        {error, Reason} ->
            stop_supervisor(Sup),
            ?LOG_ERROR("farrier cannot start: ~ts", [explain(Reason)]),
            {error, Reason}
    end.

-spec explain(term()) -> io_lib:chars().
explain({nif_not_loaded, Text}) ->
    io_lib:format("its native library is not loaded (~ts). Build it with Rust's cargo: `rebar3 compile' does that.", [Text]);
explain(Reason) ->
    io_lib:format("~0tp", [Reason]).

-spec stop_supervisor(pid()) -> ok.
stop_supervisor(Sup) ->
    unlink(Sup),
    Monitor = monitor(process, Sup),
    exit(Sup, shutdown),
    receive
        {'DOWN', Monitor, process, Sup, _} -> ok
    end.

%% @doc Closes every socket and joins every native thread: none may outlive the application.
-spec stop(term()) -> ok.
stop(_State) ->
    farrier_nif:stop().

-spec runtime_options() -> map().
runtime_options() ->
    maps:from_list([{Name, Value} || {Name, Value} <- application:get_all_env(farrier),
        lists:member(Name, [workers, log_level]), Value =/= default]).
