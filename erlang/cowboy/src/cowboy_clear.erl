%% Cowboy's protocol over TCP, as a real Ranch starts it for each connection that it accepts.
-module(cowboy_clear).

-export([start_link/3, start_link/4, connection_process/4]).

%% @doc For Ranch 1.6 and later.
-spec start_link(cowboy:ref(), module(), cowboy:opts()) -> {ok, pid()}.
start_link(Ref, Transport, Opts) ->
    {ok, proc_lib:spawn_link(?MODULE, connection_process, [self(), Ref, Transport, Opts])}.

%% @doc For Ranch before 2.0, which names the socket here and again in its handshake.
-spec start_link(cowboy:ref(), any(), module(), cowboy:opts()) -> {ok, pid()}.
start_link(Ref, _Socket, Transport, Opts) ->
    start_link(Ref, Transport, Opts).

-spec connection_process(pid(), cowboy:ref(), module(), cowboy:opts()) -> any().
connection_process(Parent, Ref, Transport, Opts) ->
    farrier_adopted:init(Parent, Ref, Transport, Opts).
