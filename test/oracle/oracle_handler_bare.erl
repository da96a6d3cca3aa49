%% @doc The scripted handler with nothing but the callbacks that Cowboy 2 requires.
-module(oracle_handler_bare).

-export([init/2, websocket_handle/2, websocket_info/2]).

-spec init(cowboy_req:req(), map()) -> term().
init(Req, Script) -> oracle_handler:init(Req, Script).

-spec websocket_handle(term(), map()) -> term().
websocket_handle(Frame, State) -> oracle_handler:websocket_handle(Frame, State).

-spec websocket_info(term(), map()) -> term().
websocket_info(Message, State) -> oracle_handler:websocket_info(Message, State).
