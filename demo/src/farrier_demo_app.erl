%% @doc The demo's application callback: one supervisor and one listener on the first free port.
-module(farrier_demo_app).
-behaviour(application).

-export([start/2]).
-export([stop/1]).

-define(LISTENER, farrier_demo).
-define(LOOPBACK, {127, 0, 0, 1}).
%% How far the search for a free port goes before it gives up.
-define(PORTS_TRIED, 100).

-spec start(application:start_type(), term()) -> {ok, pid()} | {error, term()}.
start(_Type, _Args) ->
    {ok, Sup} = farrier_demo_sup:start_link(),
    {ok, Wanted} = application:get_env(farrier_demo, port),
    case listen(free_port(Wanted, ?PORTS_TRIED)) of
        {ok, _Listener} ->
            ok = application:set_env(farrier_demo, listening_port, ranch:get_port(?LISTENER)),
            {ok, Sup};
        {error, Reason} ->
            {error, {cannot_listen, Wanted, Reason}}
    end.

-spec stop(term()) -> ok.
stop(_State) ->
    _ = cowboy:stop_listener(?LISTENER),
    ok.

-spec listen({ok, inet:port_number()} | {error, term()}) -> {ok, pid()} | {error, term()}.
listen({ok, Port}) ->
    Dispatch = cowboy_router:compile(farrier_demo:routes()),
    Transport = [{ip, ?LOOPBACK}, {port, Port}],
    cowboy:start_clear(?LISTENER, Transport, #{env => #{dispatch => Dispatch}});
listen({error, _Reason} = Error) ->
    Error.

%% Falls forward to the next port while the wanted one is taken. Asking first spares the terminal the crash reports
%% of a listener that cannot start.
-spec free_port(inet:port_number(), non_neg_integer()) -> {ok, inet:port_number()} | {error, term()}.
free_port(Port, Tries) ->
    case gen_tcp:listen(Port, [{ip, ?LOOPBACK}, {reuseaddr, true}]) of
        {ok, Socket} ->
            ok = gen_tcp:close(Socket),
            {ok, Port};
        {error, eaddrinuse} when Tries > 1, Port < 65535 ->
            free_port(Port + 1, Tries - 1);
        {error, _Reason} = Error ->
            Error
    end.
