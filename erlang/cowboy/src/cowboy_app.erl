%% Starts farrier for projects that start `cowboy' by `application:start/1', before which Cowboy needed nothing of ours:
%% farrier is an optional application to `cowboy', which lets that call come this far.
-module(cowboy_app).
-behaviour(application).

-export([start/2, stop/1]).

%% @doc Starts what is not running yet, and the supervisor that every application must have.
-spec start(application:start_type(), any()) -> {ok, pid()} | {error, any()}.
start(_Type, _Args) ->
    case application:ensure_all_started(farrier) of
        {ok, _Started} -> cowboy_sup:start_link();
        {error, _} = Error -> Error
    end.

%% @doc Listeners belong to farrier and go on.
-spec stop(any()) -> ok.
stop(_State) ->
    ok.
