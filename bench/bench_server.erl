%% @doc Starts a listener with the benchmark's handlers on whatever `cowboy' the code path has, Cowboy's own or farrier's.
%%
%% Protocol with the benchmark: it gives the port, `clear' or `tls', and `shipped' or `tuned'; this prints a line
%% `version NAME VERSION' for each part and then the line `ready', and the node ends when its standard input is closed.
-module(bench_server).

-export([start/1]).

-spec start([string()]) -> ok.
start([Port, Transport, Configuration]) ->
    {ok, _} = application:ensure_all_started(cowboy),
    ok = fanout_handler:start(),
    Tuned = Configuration =:= "tuned",
    {ok, _} = listen(Transport, socket_options(list_to_integer(Port), Tuned), protocol_options(Tuned)),
    _ = spawn(fun halt_at_end_of_input/0),
    _ = [io:format("version ~s ~s~n", [Name, Version]) || {Name, Version} <- versions()],
    io:format("ready~n").

-spec listen(string(), [term()], map()) -> {ok, pid()} | {error, term()}.
listen("clear", Socket, Protocol) ->
    cowboy:start_clear(bench, transport_options(Socket), Protocol);
listen("tls", Socket, Protocol) ->
    {ok, _} = application:ensure_all_started(ssl),
    cowboy:start_tls(bench, transport_options(Socket ++ identity()), Protocol).

%% Ranch's default of 1,024 connections would end the rows of idle ones.
-spec transport_options([term()]) -> map().
transport_options(Socket) ->
    #{max_connections => infinity, socket_opts => Socket}.

-spec socket_options(inet:port_number(), boolean()) -> [term()].
socket_options(Port, Tuned) ->
    [{ip, {127, 0, 0, 1}}, {port, Port} | [{buffer, 65536} || Tuned]].

%% WebSockets over HTTP/2 are off by default in Cowboy.
-spec protocol_options(boolean()) -> map().
protocol_options(Tuned) ->
    Routes = [
        {"/", echo_handler, #{}},
        {"/hibernate", echo_handler, #{hibernate => true}},
        {"/deflate", echo_handler, #{compress => true}},
        {"/fanout", fanout_handler, []}
    ],
    Dispatch = cowboy_router:compile([{'_', Routes}]),
    maps:merge(#{env => #{dispatch => Dispatch}, enable_connect_protocol => true}, tuning(Tuned)).

%% Cowboy 2.13 and later read packet by packet into a buffer that grows by need; those before read 100 packets at a time already, and
%% more of them change nothing that can be measured.
-spec tuning(boolean()) -> map().
tuning(false) ->
    #{};
tuning(true) ->
    {ok, Version} = application:get_key(cowboy, vsn),
    case [list_to_integer(Number) || Number <- string:lexemes(Version, ".")] of
        [2, Minor | _] when Minor < 13 -> #{};
        _ -> #{active_n => 100, dynamic_buffer => false}
    end.

%% A certificate that is made anew each time: only its kind matters, ECDSA with P-256.
-spec identity() -> [ssl:tls_server_option()].
identity() ->
    Key = [{key, {namedCurve, secp256r1}}, {digest, sha256}],
    #{server_config := Identity} = public_key:pkix_test_data(#{
        server_chain => #{root => Key, intermediates => [], peer => Key},
        client_chain => #{root => Key, intermediates => [], peer => Key}
    }),
    [Option || {Name, _} = Option <- Identity, Name =:= cert orelse Name =:= key].

-spec versions() -> [{string(), string()}].
versions() ->
    Applications = [farrier | [Name || Name <- [cowboy, cowlib, ranch], not is_farrier()]],
    Loaded = [{Name, application:get_key(Name, vsn)} || Name <- Applications],
    [{"OTP", otp()} | [{title(Name), Version} || {Name, {ok, Version}} <- Loaded]].

-spec is_farrier() -> boolean().
is_farrier() ->
    application:get_key(farrier, vsn) =/= undefined.

-spec title(atom()) -> string().
title(cowboy) -> "Cowboy";
title(ranch) -> "Ranch";
title(Name) -> atom_to_list(Name).

-spec otp() -> string().
otp() ->
    Release = erlang:system_info(otp_release),
    File = filename:join([code:root_dir(), "releases", Release, "OTP_VERSION"]),
    case file:read_file(File) of
        {ok, Version} -> string:trim(binary_to_list(Version));
        {error, _} -> Release
    end.

-spec halt_at_end_of_input() -> no_return().
halt_at_end_of_input() ->
    case io:get_line("") of
        eof -> halt();
        {error, _} -> halt();
        _ -> halt_at_end_of_input()
    end.
