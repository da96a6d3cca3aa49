%% @doc The handler of the suite, for Cowboy 1 and 2: plain and WebSocket in one. A listener's start function decides
%% which callbacks are used.
-module(tls_handler).

-export([init/2, websocket_handle/2, websocket_info/2]).
-export([init/3, handle/2, terminate/3, websocket_init/3, websocket_handle/3, websocket_info/3, websocket_terminate/3]).
-export([dispatch/0, listen/2]).

%% Whether the function runs on farrier or on a real Cowboy, the same is started.
-spec listen(1 | 2, list()) -> inet:port_number().
listen(Generation, TransOpts) ->
    Ref = {?MODULE, Generation},
    _ = try cowboy:stop_listener(Ref) catch error:badarg -> ok end,
    {ok, _} = start(Ref, Generation, [{ip, {127, 0, 0, 1}}, {port, 0} | TransOpts]),
    ranch:get_port(Ref).

-spec start(term(), 1 | 2, list()) -> {ok, pid()} | {error, term()}.
start(Ref, 2, TransOpts) -> cowboy:start_tls(Ref, TransOpts, #{env => #{dispatch => dispatch()}});
start(Ref, 1, TransOpts) -> cowboy:start_https(Ref, 10, TransOpts, [{env, [{dispatch, dispatch()}]}]).

-spec dispatch() -> term().
dispatch() -> cowboy_router:compile([{'_', [{"/ws", ?MODULE, []}, {"/[...]", ?MODULE, []}]}]).

%%% Cowboy 2

-spec init(term(), []) -> {cowboy_websocket, term(), [], map()} | {ok, term(), []}.
init(Req, State) ->
    case cowboy_req:path(Req) of
        <<"/ws">> -> clients_handler:init(Req, State);
        <<"/echo">> ->
            {ok, Body, Req2} = cowboy_req:read_body(Req, #{length => 64 bsl 20}),
            {ok, cowboy_req:reply(200, #{<<"content-type">> => <<"application/octet-stream">>}, Body, Req2), State};
        _ -> {ok, cowboy_req:reply(200, #{<<"content-type">> => <<"text/plain">>}, told(Req), Req), State}
    end.

%% What TLS decides of a request.
-spec told(term()) -> iodata().
told(Req) ->
    [cowboy_req:scheme(Req), " ", cowboy_req:host(Req), " ", integer_to_binary(cowboy_req:port(Req)), " ",
     shown(cowboy_req:cert(Req)), " ", iolist_to_binary(cowboy_req:uri(Req))].

-spec shown(undefined | binary()) -> binary().
shown(undefined) -> <<"undefined">>;
shown(Der) -> base64:encode(crypto:hash(sha256, Der)).

-spec websocket_handle(term(), []) -> {[term()], []}.
websocket_handle({text, <<"passive">>} = Frame, State) -> {[Frame, {active, false}], State};
websocket_handle(Frame, State) -> clients_handler:websocket_handle(Frame, State).

-spec websocket_info(term(), []) -> {[], []}.
websocket_info(_, State) -> {[], State}.

%%% Cowboy 1

-spec init({ssl, http}, term(), []) -> {upgrade, protocol, cowboy_websocket} | {ok, term(), []}.
init({ssl, http}, Req, State) ->
    case cowboy_req:path(Req) of
        {<<"/ws">>, _} -> {upgrade, protocol, cowboy_websocket};
        {_, Req2} -> {ok, Req2, State}
    end.

-spec handle(term(), []) -> {ok, term(), []}.
handle(Req, State) ->
    {Url, Req2} = cowboy_req:host_url(Req),
    {ok, Req3} = cowboy_req:reply(200, [{<<"content-type">>, <<"text/plain">>}], Url, Req2),
    {ok, Req3, State}.

-spec terminate(term(), term(), []) -> ok.
terminate(_, _, _) -> ok.

-spec websocket_init(ssl, term(), []) -> {ok, term(), []}.
websocket_init(ssl, Req, State) -> clients_handler:websocket_init(tcp, Req, State).

-spec websocket_handle(term(), term(), []) -> {reply, [term()], term(), []}.
websocket_handle(Frame, Req, State) -> clients_handler:websocket_handle(Frame, Req, State).

-spec websocket_info(term(), term(), []) -> {ok, term(), []}.
websocket_info(_, Req, State) -> {ok, Req, State}.

-spec websocket_terminate(term(), term(), []) -> ok.
websocket_terminate(_, _, _) -> ok.
