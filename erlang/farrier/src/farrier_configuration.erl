%% Forgets the configuration of a listener when its supervisor stops: not before, so that what was changed since the
%% start (`farrier:set_env/3') outlives every restart of the listener itself.
-module(farrier_configuration).
-behaviour(gen_server).

-export([start_link/1]).
-export([init/1, handle_call/3, handle_cast/2, terminate/2]).

%% @doc The first child of a listener's supervisor.
-spec start_link(farrier:ref()) -> {ok, pid()} | ignore | {error, term()}.
start_link(Ref) ->
    gen_server:start_link(?MODULE, Ref, []).

-spec init(farrier:ref()) -> {ok, farrier:ref()}.
init(Ref) ->
    process_flag(trap_exit, true),
    {ok, Ref}.

-spec handle_call(term(), gen_server:from(), farrier:ref()) -> {reply, {error, unknown_call}, farrier:ref()}.
handle_call(_, _, Ref) ->
    {reply, {error, unknown_call}, Ref}.

-spec handle_cast(term(), farrier:ref()) -> {noreply, farrier:ref()}.
handle_cast(_, Ref) ->
    {noreply, Ref}.

%% A listener of the same name that did not start has left the one that runs alone.
-spec terminate(term(), farrier:ref()) -> ok.
terminate(_, Ref) ->
    Supervisor = hd(get('$ancestors')),
    case farrier_listener:config(Ref) of
        #{supervisor := Supervisor} -> farrier_listener:forget(Ref);
        _ -> ok
    end.
