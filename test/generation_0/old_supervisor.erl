%% @doc A project's own supervisor of the time.
-module(old_supervisor).
-behaviour(supervisor).

-export([init/1]).

-spec init(term()) -> {ok, term()}.
init(Flags) -> {ok, Flags}.
