%% Starts the native runtime before any listener and stops it after everything else.
-module(farrier_app).
-behaviour(application).

-include_lib("kernel/include/logger.hrl").

-export([start/2, stop/1]).

%% @doc Fails with one sentence that says what to do if the native part cannot be started. The log runs before the
%% runtime that writes to it.
-spec start(application:start_type(), term()) -> {ok, pid()} | {error, term()}.
start(_Type, _Arguments) ->
    %% `sys' asks whether it exports a function, which a module that is not loaded yet does not.
    {module, farrier_sys} = code:ensure_loaded(farrier_sys),
    {ok, Sup} = farrier_sup:start_link(),
    case start_bridge(application:get_env(farrier, bridge, nif)) of
        ok ->
            {ok, Sup};
        {error, Reason} ->
            stop_supervisor(Sup),
            ?LOG_ERROR("farrier cannot start: ~ts", [explain(Reason)]),
            {error, Reason}
    end.

%% The one that listeners have by default; another one starts with the first listener that asks for it.
-spec start_bridge(term()) -> ok | {error, term()}.
start_bridge(Name) when Name =:= nif; Name =:= port ->
    farrier_bridge:ensure_started(farrier_bridge:module(Name));
start_bridge(auto) ->
    case farrier_bridge:ensure_started(farrier_nif) of
        ok ->
            ok;
        {error, Reason} ->
            ?LOG_WARNING("farrier runs its transport in processes of its own: ~ts", [explain(Reason)]),
            farrier_bridge:ensure_started(farrier_port)
    end;
start_bridge(Name) ->
    {error, {bad_option, bridge, Name, <<"nif, port or auto">>}}.

-spec explain(term()) -> io_lib:chars().
explain({nif_not_loaded, Text}) ->
    io_lib:format("its native library is not loaded (~ts). Build it with Rust's cargo: `rebar3 compile' does that.", [Text]);
explain({port_not_started, Reason}) ->
    io_lib:format("its transport, the program farrier_port in its directory priv, does not start (~0tp). `rebar3 compile' builds it.", [Reason]);
explain({bad_option, Name, Value, Allowed}) ->
    io_lib:format("~0tp in its environment is ~0tp; it must be ~ts", [Name, Value, Allowed]);
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
    _ = erlang:module_loaded(farrier_nif) andalso farrier_nif:stop(),
    farrier_shared:forget().
