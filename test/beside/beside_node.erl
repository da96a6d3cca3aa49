%% @doc Two kinds of VM whose listeners have the same routes. In the one are a real Cowboy and farrier, but not the `cowboy'
%% application that comes with farrier: a listener of each. In the other are a real Ranch and farrier with its `cowboy': a listener of
%% Ranch, with Cowboy as its protocol.
-module(beside_node).

-export([start/2, listeners/2, notes/1, note/1]).
-export([boot/1, taken/0]).

-type kind() :: cowboy | ranch.

%% @doc Starts one, with the real Cowboy or the real Ranch of this code path.
-spec start(kind(), [file:filename()]) -> pid().
start(Kind, Path) ->
    Own = [filename:dirname(code:which(Module)) || Module <- [?MODULE, farrier]],
    Args = lists:append([["-pa", Dir] || Dir <- Own ++ path(Kind, Path)]),
    {ok, Peer, _} = peer:start(#{connection => standard_io, args => Args, env => [{"ERL_LIBS", ""}]}),
    Peer.

-spec path(kind(), [file:filename()]) -> [file:filename()].
path(cowboy, Path) ->
    Path;
path(ranch, Path) ->
    [filename:dirname(code:which(Module)) || Module <- [cowboy, cow_http_hd]] ++
        [Dir || Dir <- Path, filelib:is_regular(filename:join(Dir, "ranch.beam"))].

%% @doc Their ports: of Cowboy, and of farrier, also with routes that farrier's own router
%% has compiled, with a stream handler, or over TLS.
-spec listeners(kind(), pid()) -> #{cowboy | farrier | compiled | stored | taken | encrypted => inet:port_number()}.
listeners(Kind, Peer) ->
    peer:call(Peer, ?MODULE, boot, [Kind], 30000).

%% @doc What the handlers have noted since the last call.
-spec notes(pid()) -> [term()].
notes(Peer) ->
    peer:call(Peer, ?MODULE, taken, []).

%%% In the node.

-spec boot(kind()) -> map().
boot(Kind) ->
    logger:set_primary_config(level, none),
    [{ok, _} = application:ensure_all_started(App) || App <- [ranch, cowboy, farrier]],
    Self = self(),
    spawn(fun() ->
        ?MODULE = ets:new(?MODULE, [named_table, public, ordered_set]),
        Self ! ready,
        receive never -> ok end
    end),
    receive ready -> ok end,
    maps:from_list(listen(Kind, cowboy_router:compile(routes()), [cowboy_router, beside_handler, cowboy_handler])).

-spec listen(kind(), term(), [module()]) -> [{atom(), inet:port_number()}].
listen(cowboy, Dispatch, Middlewares) ->
    persistent_term:put(routes, Dispatch),
    {ok, _} = cowboy:start_clear(cowboy, [{ip, {127, 0, 0, 1}}],
        #{env => #{dispatch => Dispatch}, middlewares => Middlewares}),
    [{cowboy, ranch:get_port(cowboy)} | [farrier(Ref, Routes, Middlewares) || {Ref, Routes} <-
        [{farrier, Dispatch}, {compiled, farrier_router:compile(routes())}, {stored, {persistent_term, routes}}]]];
listen(ranch, Dispatch, Middlewares) ->
    Opts = #{env => #{dispatch => Dispatch}, middlewares => Middlewares},
    {ok, _} = application:ensure_all_started(ssl),
    Key = [{digest, sha256}, {key, {namedCurve, secp256r1}}],
    #{server_config := Certificates} = public_key:pkix_test_data(
        maps:from_list([{Chain, #{root => Key, intermediates => [], peer => Key}} || Chain <- [server_chain, client_chain]])),
    [behind_ranch(farrier, ranch_tcp, [], cowboy_clear, Opts),
     behind_ranch(taken, ranch_tcp, [], cowboy_clear, Opts#{stream_handlers => [beside_stream_h, cowboy_stream_h]}),
     behind_ranch(encrypted, ranch_ssl, Certificates, cowboy_tls, Opts)].

-spec behind_ranch(atom(), module(), list(), module(), map()) -> {atom(), inet:port_number()}.
behind_ranch(Ref, Transport, SocketOpts, Protocol, Opts) ->
    TransOpts = #{socket_opts => [{ip, {127, 0, 0, 1}} | SocketOpts], connection_type => supervisor},
    {ok, _} = ranch:start_listener(Ref, Transport, TransOpts, Protocol, Opts),
    {Ref, ranch:get_port(Ref)}.

-spec farrier(atom(), term(), [module()]) -> {atom(), inet:port_number()}.
farrier(Ref, Dispatch, Middlewares) ->
    {ok, _} = farrier:start_listener(Ref, #{ip => {127, 0, 0, 1}, dispatch => Dispatch, middlewares => Middlewares}),
    {Ref, farrier:get_port(Ref)}.

-spec routes() -> list().
routes() ->
    Actions = [reply, describe, cookies, status, no_content, file, nothing, body, pieces, auto, form, matched_form, multipart,
        stream, unended, sized, large, events, trailers, inform, error, throw, exit, exit_normal, exit_shutdown, killed,
        bad_header, replied_then_error, streamed_then_error],
    [{'_', [{"/" ++ atom_to_list(Action), beside_handler, Action} || Action <- Actions] ++ [
        {"/suspend", beside_handler, reply},
        {"/number/:n", [{n, int}], beside_handler, describe},
        {"/rest/:id", beside_rest, []},
        {"/poll", beside_loop, poll},
        {"/sse", beside_loop, events},
        {"/wait", beside_loop, wait},
        {"/static/one", cowboy_static, {file, code:which(?MODULE)}},
        {"/static/dir/[...]", cowboy_static, {dir, filename:dirname(code:which(?MODULE))}},
        {"/ws", beside_websocket, upgrade},
        {"/ws/refuse", beside_websocket, refuse},
        {"/ws/body", beside_websocket, body},
        {"/ws/sub", beside_websocket, sub_protocol},
        {"/deep/:a/[...]", beside_handler, describe}
    ]}].

-spec note(term()) -> ok.
note(Term) ->
    true = ets:insert(?MODULE, {erlang:unique_integer([monotonic]), Term}),
    ok.

-spec taken() -> [term()].
taken() ->
    Notes = ets:tab2list(?MODULE),
    [ets:delete(?MODULE, Key) || {Key, _} <- Notes],
    [Note || {_, Note} <- Notes].
