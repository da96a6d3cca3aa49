%% @doc A VM with a real Cowboy and farrier, but without the `cowboy' application that comes with farrier: one listener of each,
%% with the same routes.
-module(beside_node).

-export([start/1, listeners/1, notes/1, note/1]).
-export([boot/0, taken/0]).

-spec start([file:filename()]) -> pid().
start(Cowboy) ->
    Own = filename:dirname(code:which(?MODULE)),
    Farrier = filename:dirname(code:which(farrier)),
    Args = lists:append([["-pa", Dir] || Dir <- [Own, Farrier | Cowboy]]),
    {ok, Peer, _} = peer:start(#{connection => standard_io, args => Args, env => [{"ERL_LIBS", ""}]}),
    Peer.

%% @doc The ports of both, and of farrier with routes that its own router has compiled.
-spec listeners(pid()) -> #{cowboy | farrier | compiled | stored => inet:port_number()}.
listeners(Peer) ->
    peer:call(Peer, ?MODULE, boot, [], 30000).

%% @doc What the handlers have noted since the last call.
-spec notes(pid()) -> [term()].
notes(Peer) ->
    peer:call(Peer, ?MODULE, taken, []).

%%% In the node.

-spec boot() -> map().
boot() ->
    logger:set_primary_config(level, none),
    false = lists:keyfind(farrier, 1, application:which_applications()),
    {ok, _} = application:ensure_all_started(cowboy),
    {ok, _} = application:ensure_all_started(farrier),
    Self = self(),
    spawn(fun() ->
        ?MODULE = ets:new(?MODULE, [named_table, public, ordered_set]),
        Self ! ready,
        receive never -> ok end
    end),
    receive ready -> ok end,
    Dispatch = cowboy_router:compile(routes()),
    persistent_term:put(routes, Dispatch),
    Middlewares = [cowboy_router, beside_handler, cowboy_handler],
    {ok, _} = cowboy:start_clear(cowboy, [{ip, {127, 0, 0, 1}}],
        #{env => #{dispatch => Dispatch}, middlewares => Middlewares}),
    maps:from_list([{cowboy, ranch:get_port(cowboy)} | [farrier(Ref, Routes, Middlewares) || {Ref, Routes} <-
        [{farrier, Dispatch}, {compiled, farrier_router:compile(routes())}, {stored, {persistent_term, routes}}]]]).

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
