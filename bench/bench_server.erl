%% @doc Starts a listener with the benchmark's handlers on whatever `cowboy' the code path has, Cowboy's own or farrier's.
%%
%% Protocol with the benchmark: it gives the port, this prints the line `ready', and the node ends when its standard input is closed.
-module(bench_server).

-export([start/1]).

-spec start([string()]) -> ok.
start([Port]) ->
    {ok, _} = application:ensure_all_started(cowboy),
    ok = fanout_handler:start(),
    Routes = [{"/", echo_handler, []}, {"/fanout", fanout_handler, []}],
    Dispatch = cowboy_router:compile([{'_', Routes}]),
    %% Ranch's default of 1,024 connections would end the row of idle ones.
    Transport = #{
        max_connections => infinity,
        socket_opts => [{ip, {127, 0, 0, 1}}, {port, list_to_integer(Port)}]
    },
    {ok, _} = cowboy:start_clear(bench, Transport, #{env => #{dispatch => Dispatch}}),
    _ = spawn(fun halt_at_end_of_input/0),
    io:format("ready~n").

-spec halt_at_end_of_input() -> no_return().
halt_at_end_of_input() ->
    case io:get_line("") of
        eof -> halt();
        {error, _} -> halt();
        _ -> halt_at_end_of_input()
    end.
