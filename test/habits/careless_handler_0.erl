%% @doc A handler of Cowboy 0 that sends back whatever it is handed, and has no `websocket_info/3'.
-module(careless_handler_0).

-export([init/3, websocket_init/3, websocket_handle/3, websocket_terminate/3]).

-spec init(term(), term(), pid()) -> tuple().
init({tcp, http}, _Req, _Test) ->
    {upgrade, protocol, cowboy_http_websocket}.

-spec websocket_init(atom(), term(), pid()) -> tuple().
websocket_init(_Transport, Req, Test) ->
    {ok, Req, Test, hibernate}.

-spec websocket_handle(tuple(), term(), pid()) -> tuple().
websocket_handle({text, <<"wait">>}, Req, Test) ->
    _ = erlang:start_timer(0, self(), over),
    {ok, Req, Test};
websocket_handle(Frame, Req, Test) ->
    {reply, Frame, Req, Test, hibernate}.

-spec websocket_terminate(term(), term(), pid()) -> term().
websocket_terminate(Reason, _Req, Test) ->
    Test ! {terminated, Reason}.
