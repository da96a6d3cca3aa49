%% Cowboy's protocol over TLS, as a real Ranch starts it for each connection that it accepts. Erlang encrypts these;
%% `cowboy:start_tls/3' does without.
-module(cowboy_tls).

-export([start_link/3, start_link/4, connection_process/4]).

%% @doc For Ranch 1.6 and later.
-spec start_link(cowboy:ref(), module(), cowboy:opts()) -> {ok, pid()}.
start_link(Ref, Transport, Opts) ->
    {ok, proc_lib:spawn_link(?MODULE, connection_process, [self(), Ref, Transport, Opts])}.

%% @doc For Ranch before 2.0.
-spec start_link(cowboy:ref(), any(), module(), cowboy:opts()) -> {ok, pid()}.
start_link(Ref, _Socket, Transport, Opts) ->
    start_link(Ref, Transport, Opts).

-spec connection_process(pid(), cowboy:ref(), module(), cowboy:opts()) -> any().
connection_process(Parent, Ref, Transport, Opts) ->
    farrier_adopted:init(Parent, Ref, Transport, Opts).
