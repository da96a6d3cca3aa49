%% @doc The demo's application callback: one supervisor and one listener on the first free port.
-module(farrier_demo_app).
-behaviour(application).

-export([start/2]).
-export([stop/1]).

-define(LISTENER, farrier_demo).
%% How far the search for a free port goes before it gives up.
-define(PORTS_TRIED, 100).

-spec start(application:start_type(), term()) -> {ok, pid()} | {error, term()}.
start(_Type, _Args) ->
    {ok, Sup} = farrier_demo_sup:start_link(),
    {ok, Wanted} = application:get_env(farrier_demo, port),
    case listen(Wanted, ?PORTS_TRIED) of
        ok ->
            ok = application:set_env(farrier_demo, listening_port, ranch:get_port(?LISTENER)),
            {ok, Sup};
        {error, Reason} ->
            {error, {no_port, Wanted, Reason}}
    end.

-spec stop(term()) -> ok.
stop(_State) ->
    _ = cowboy:stop_listener(?LISTENER),
    ok.

%% Falls forward to the next port while the wanted one is taken.
-spec listen(inet:port_number(), non_neg_integer()) -> ok | {error, term()}.
listen(Port, Tries) ->
    Dispatch = cowboy_router:compile(farrier_demo:routes()),
    Transport = [{ip, {127, 0, 0, 1}}, {port, Port}],
    case cowboy:start_clear(?LISTENER, Transport, #{env => #{dispatch => Dispatch}}) of
        {ok, _Listener} -> ok;
        {error, eaddrinuse} when Tries > 1, Port < 65535 -> listen(Port + 1, Tries - 1);
        {error, _Reason} = Error -> Error
    end.
