%% @doc A handler of Cowboy 1 that returns what it was never allowed to, and has no `websocket_terminate/3'.
-module(careless_handler_1).

-export([init/3, websocket_init/3, websocket_handle/3, websocket_info/3]).

-spec init(term(), term(), term()) -> tuple().
init(_, _Req, _Opts) ->
    _ = put(since, init),
    self() ! hello_from_init,
    {upgrade, protocol, cowboy_websocket}.

-spec websocket_init(atom(), term(), term()) -> tuple().
websocket_init(_, Req, _Opts) ->
    self() ! {say, atom_to_binary(get(since))},
    {ok, Req, undefined}.

-spec websocket_handle(tuple(), term(), term()) -> tuple().
websocket_handle({text, <<"noreply">>}, Req, State) ->
    {noreply, Req, State};
websocket_handle({text, <<"frame first">>}, Req, State) ->
    {ok, {text, <<"?">>}, Req, State};
websocket_handle({text, <<"brackets">>}, Req, State) ->
    {reply, {text, <<"?">>, Req, State}};
websocket_handle({text, <<"atom">>}, Req, State) ->
    {reply, {text, ok}, Req, State};
%% A connection of its own, of which messages come in beside the session's.
websocket_handle({text, <<"call ", Port/binary>>}, Req, _State) ->
    {ok, Socket} = gen_tcp:connect({127, 0, 0, 1}, binary_to_integer(Port), [binary, {active, true}]),
    {ok, Req, Socket};
websocket_handle({text, Text}, Req, Socket) when is_port(Socket) ->
    ok = gen_tcp:send(Socket, Text),
    {ok, Req, Socket};
websocket_handle(_Frame, Req, State) ->
    {ok, Req, State}.

-spec websocket_info(term(), term(), term()) -> tuple().
websocket_info(hello_from_init, Req, State) ->
    {reply, [{text, <<"hello">>}], Req, State};
websocket_info({say, Text}, Req, State) ->
    {reply, {text, Text}, Req, State};
websocket_info({tcp, Socket, Data}, Req, Socket) ->
    {reply, {binary, ["<", Data]}, Req, Socket};
websocket_info({tcp_closed, Socket}, Req, Socket) ->
    {reply, {text, <<"hung up">>}, Req, undefined}.
