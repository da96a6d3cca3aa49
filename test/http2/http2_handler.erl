%% @doc What the suite for HTTP/2 serves: requests of every kind, by the path, and WebSockets. Runs in the node under test,
%% whichever Cowboy that has.
-module(http2_handler).

-export([init/2, info/3, terminate/3, websocket_init/1, websocket_handle/2, websocket_info/2]).
-export([content_types_provided/2, to_text/2]).
-export([listen/1, listen/2, unlisten/0, websockets/0, seen/0]).

-define(PIECE, binary:copy(<<"x">>, 65536)).

%% Starts a listener with protocol options of the suite's choice and tells its port.
-spec listen(map()) -> inet:port_number().
listen(Proto) -> listen(clear, Proto).

-spec listen(clear | [term()], map()) -> inet:port_number().
listen(Tls, Proto) ->
    _ = [persistent_term:erase(Key) || {Key, _} <- seen_terms()],
    Dispatch = cowboy_router:compile([{'_', [{"/[...]", ?MODULE, []}]}]),
    Options = maps:merge(#{enable_connect_protocol => true, env => #{dispatch => Dispatch}}, Proto),
    {ok, _} = start(Tls, Options),
    ranch:get_port(?MODULE).

-spec start(clear | [term()], map()) -> {ok, pid()}.
start(clear, Options) -> cowboy:start_clear(?MODULE, [{port, 0}], Options);
start(Tls, Options) -> cowboy:start_tls(?MODULE, [{port, 0} | Tls], Options).

-spec unlisten() -> ok | {error, not_found}.
unlisten() -> cowboy:stop_listener(?MODULE).

%% The processes of the WebSockets that are open.
-spec websockets() -> [pid()].
websockets() ->
    [Pid || Pid <- processes(), {dictionary, Words} <- [process_info(Pid, dictionary)], proplists:is_defined(?MODULE, Words)].

%% How the requests since the last listener ended: what `terminate/3' was told, as far as it was.
-spec seen() -> [term()].
seen() -> [Term || {_, Term} <- seen_terms()].

-spec seen_terms() -> [{term(), term()}].
seen_terms() -> [{Key, Term} || {{?MODULE, _} = Key, Term} <- persistent_term:get()].

%% Processes may end at the same time.
-spec saw(term()) -> ok.
saw(Term) -> persistent_term:put({?MODULE, make_ref()}, Term).

%%% Requests

-spec init(cowboy_req:req(), []) -> term().
init(Req, State) -> init(cowboy_req:path_info(Req), Req, State).

-spec init([binary()], cowboy_req:req(), []) -> term().
init([<<"ws">> | _], Req, _) ->
    _ = put(?MODULE, self()),
    {cowboy_websocket, Req, self(), #{idle_timeout => infinity, compress => true}};
init([<<"trapping">>], Req, _) ->
    _ = put(?MODULE, self()),
    _ = process_flag(trap_exit, true),
    {cowboy_websocket, Req, self(), #{idle_timeout => infinity}};
init([<<"loop">>], Req, State) ->
    self() ! {reply, <<"from a loop">>},
    {cowboy_loop, Req, State};
init([<<"never">>], Req, State) ->
    {cowboy_loop, Req, State};
init([<<"rest">>], Req, State) ->
    {cowboy_rest, Req, State};
init([<<"crash">>], _, _) ->
    exit(as_told);
init(Path, Req0, State) ->
    {ok, reply(Path, Req0), State}.

-spec reply([binary()], cowboy_req:req()) -> cowboy_req:req().
reply([<<"hello">>], Req) ->
    cowboy_req:reply(200, #{<<"content-type">> => <<"text/plain">>, <<"x-mixed">> => <<"1">>}, <<"hello">>, Req);
reply([<<"echo">>], Req0) ->
    {Body, Req} = body(<<>>, Req0),
    cowboy_req:reply(200, #{}, Body, Req);
reply([<<"count">>], Req0) ->
    {Body, Req} = body(<<>>, Req0),
    cowboy_req:reply(200, #{}, integer_to_binary(byte_size(Body)), Req);
reply([<<"unread">>], Req) ->
    cowboy_req:reply(200, #{}, <<"not read">>, Req);
reply([<<"none">>], Req) ->
    Req;
reply([<<"cookies">>], Req0) ->
    Req1 = cowboy_req:set_resp_cookie(<<"a">>, <<"1">>, Req0),
    Req = cowboy_req:set_resp_cookie(<<"b">>, <<"2">>, Req1),
    cowboy_req:reply(200, #{}, term(cowboy_req:parse_cookies(Req)), Req);
reply([<<"streamed">>], Req0) ->
    Req = cowboy_req:stream_reply(200, #{<<"content-type">> => <<"text/plain">>}, Req0),
    [ok = cowboy_req:stream_body([<<"piece ">>, integer_to_binary(N), $\n], nofin, Req) || N <- lists:seq(1, 100)],
    ok = cowboy_req:stream_body(<<"end">>, fin, Req),
    Req;
reply([<<"endless">>], Req0) ->
    Req = cowboy_req:stream_reply(200, Req0),
    endless(Req);
reply([<<"trailers">>], Req0) ->
    Req = cowboy_req:stream_reply(200, #{<<"trailer">> => <<"checksum">>}, Req0),
    ok = cowboy_req:stream_body(<<"body">>, nofin, Req),
    ok = cowboy_req:stream_trailers(#{<<"checksum">> => <<"abc">>}, Req),
    Req;
reply([<<"file">>], Req) ->
    File = code:which(?MODULE),
    Size = filelib:file_size(File),
    cowboy_req:reply(200, #{}, {sendfile, 100, Size - 100, File}, Req);
reply([<<"large">>, Size], Req) ->
    cowboy_req:reply(200, #{}, binary:copy(<<"x">>, binary_to_integer(Size)), Req);
reply([<<"req">> | _], Req) ->
    cowboy_req:reply(200, #{}, term(described(Req)), Req);
reply(_, Req) ->
    cowboy_req:reply(404, Req).

-spec endless(cowboy_req:req()) -> no_return().
endless(Req) ->
    ok = cowboy_req:stream_body(?PIECE, nofin, Req),
    endless(Req).

-spec body(binary(), cowboy_req:req()) -> {binary(), cowboy_req:req()}.
body(Before, Req0) ->
    case cowboy_req:read_body(Req0, #{length => 100000}) of
        {ok, Data, Req} -> {<<Before/binary, Data/binary>>, Req};
        {more, Data, Req} -> body(<<Before/binary, Data/binary>>, Req)
    end.

-spec info(term(), cowboy_req:req(), []) -> term().
info({reply, Body}, Req, State) ->
    {stop, cowboy_req:reply(200, #{}, Body, Req), State};
info(_, Req, State) ->
    {ok, Req, State}.

-spec terminate(term(), term(), term()) -> ok.
terminate(Reason, _, _) -> saw({terminate, Reason}).

%% All of the Req that is not an address of this very connection.
-spec described(map()) -> map().
described(#{sock := {Ip, _}, peer := {Ip, _}, pid := Pid} = Req) when is_pid(Pid) ->
    maps:without([port, sock, peer, pid, bindings, ref], Req#{ip => Ip}).

-spec term(term()) -> iodata().
term(Term) -> io_lib:format("~0p", [Term]).

%%% REST

-spec content_types_provided(cowboy_req:req(), []) -> term().
content_types_provided(Req, State) -> {[{<<"text/plain">>, to_text}], Req, State}.

-spec to_text(cowboy_req:req(), []) -> term().
to_text(Req, State) -> {<<"at rest">>, Req, State}.

%%% WebSockets

-spec websocket_init(pid()) -> term().
websocket_init(Pid) -> {[], Pid}.

-spec websocket_handle(term(), pid()) -> term().
websocket_handle({text, <<"same process">>}, Pid) ->
    {[{text, atom_to_binary(Pid =:= self())}], Pid};
websocket_handle({text, <<"close">>}, Pid) ->
    {[{text, <<"before">>}, {close, 4000, <<"bye">>}, {text, <<"after">>}], Pid};
websocket_handle({text, <<"stop">>}, Pid) ->
    {stop, Pid};
websocket_handle({text, <<"crash">>}, _) ->
    exit(as_told);
websocket_handle({text, <<"flood">>}, Pid) ->
    self() ! flood,
    {[], Pid};
websocket_handle({text, <<"hang">>}, Pid) ->
    receive go -> {[{text, <<"went">>}], Pid} end;
websocket_handle({text, <<"passive">>}, Pid) ->
    {[{active, false}], Pid};
websocket_handle({Type, Payload}, Pid) when Type =:= text; Type =:= binary ->
    {[{Type, Payload}], Pid};
websocket_handle(_, Pid) ->
    {[], Pid}.

-spec websocket_info(term(), pid()) -> term().
websocket_info(flood, Pid) ->
    self() ! flood,
    {[{binary, ?PIECE}], Pid};
websocket_info(active, Pid) ->
    {[{active, true}], Pid};
websocket_info(_, Pid) ->
    {[], Pid}.
