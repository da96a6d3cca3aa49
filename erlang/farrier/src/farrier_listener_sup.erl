%% One listener and the supervisors of its connections.
%%
%% The listener comes last and names the others as its acceptors, so it starts again whenever one of them did,
%% while connections outlive a restart of the listener. What is first ends last: the configuration.
-module(farrier_listener_sup).
-behaviour(supervisor).

-export([start_link/2, init/1]).

-spec start_link(farrier:ref(), farrier_listener:options()) -> supervisor:startlink_ret().
start_link(Ref, Options) ->
    supervisor:start_link(?MODULE, {Ref, Options}).

-spec init({farrier:ref(), farrier_listener:options()}) ->
    {ok, {supervisor:sup_flags(), [supervisor:child_spec()]}}.
init({Ref, #{config := Config} = Options}) ->
    #{acceptors := Count} = Config,
    Needed = maps:with([ref, generation, bridge, shutdown, logger], Config),
    Acceptors = [acceptor(Ref, Needed, N) || N <- lists:seq(1, Count)],
    Listener = #{
        id => farrier_listener,
        start => {farrier_listener, start_link, [Ref, Options]},
        shutdown => infinity
    },
    Configuration = #{id => farrier_configuration, start => {farrier_configuration, start_link, [Ref]}},
    {ok, {#{strategy => rest_for_one, intensity => 10, period => 10}, [Configuration | Acceptors] ++ [Listener]}}.

-spec acceptor(farrier:ref(), map(), pos_integer()) -> supervisor:child_spec().
acceptor(Ref, Config, N) ->
    #{
        id => {farrier_connection_sup, N},
        start => {farrier_connection_sup, start_link, [Ref, N, Config]},
        type => supervisor,
        shutdown => infinity
    }.
