%% Serves the Autobahn testsuite: an echo handler of Cowboy 2 behind a clear and a TLS listener.
-module(conformance_server).

-export([main/1]).
-export([init/2, websocket_handle/2, websocket_info/2]).

%% @doc Starts both listeners and says on standard output where they are; ends with standard input. The certificate and its key
%% are files.
-spec main([atom() | string()]) -> no_return().
main([Certificate, Key]) ->
    {ok, _} = application:ensure_all_started(cowboy),
    Options = #{env => #{dispatch => cowboy_router:compile([{'_', [{'_', ?MODULE, []}]}])}},
    Loopback = [{ip, {127, 0, 0, 1}}, {port, 0}],
    {ok, _} = cowboy:start_clear(clear, Loopback, Options),
    {ok, _} = cowboy:start_tls(tls, [{certfile, text(Certificate)}, {keyfile, text(Key)} | Loopback], Options),
    io:format("clear=ws://127.0.0.1:~b tls=wss://127.0.0.1:~b~n", [ranch:get_port(clear), ranch:get_port(tls)]),
    eof = io:get_line(""),
    halt().

-spec text(atom() | string()) -> string().
text(Atom) when is_atom(Atom) -> atom_to_list(Atom);
text(Text) -> Text.

%% Cases go up to 16 MiB.
-spec init(cowboy_req:req(), []) -> {cowboy_websocket, cowboy_req:req(), [], map()}.
init(Req, State) ->
    {cowboy_websocket, Req, State, #{compress => true, max_frame_size => infinity}}.

-spec websocket_handle(term(), []) -> {[cowboy_websocket:frame()], []}.
websocket_handle({text, _} = Frame, State) -> {[Frame], State};
websocket_handle({binary, _} = Frame, State) -> {[Frame], State};
websocket_handle(_, State) -> {[], State}.

-spec websocket_info(term(), []) -> {[], []}.
websocket_info(_, State) ->
    {[], State}.
