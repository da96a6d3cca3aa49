%% @doc The handler that the real clients talk to, of both generations in one module.
%%
%% Echoes what it gets; takes the first subprotocol that is offered; the text `close CODE REASON' makes it close. A
%% listener's start function decides which generation's callbacks are used: Cowboy 1 calls `init/3', Cowboy 2 `init/2'.
-module(clients_handler).

-export([init/2, websocket_handle/2, websocket_info/2]).
-export([init/3, websocket_init/3, websocket_handle/3, websocket_info/3, websocket_terminate/3]).
-export([listen/1]).

%% Starts a listener of one generation and tells its port.
-spec listen(1 | 2) -> inet:port_number().
listen(Generation) ->
    Dispatch = cowboy_router:compile([{'_', [{"/ws", ?MODULE, []}]}]),
    {ok, _} = start(Generation, Dispatch),
    ranch:get_port({?MODULE, Generation}).

-spec start(1 | 2, term()) -> {ok, pid()}.
start(1, Dispatch) -> cowboy:start_http({?MODULE, 1}, 4, [{port, 0}], [{env, [{dispatch, Dispatch}]}]);
start(2, Dispatch) -> cowboy:start_clear({?MODULE, 2}, [{port, 0}], #{env => #{dispatch => Dispatch}}).

%%% Cowboy 2

-spec init(cowboy_req:req(), []) -> {cowboy_websocket, cowboy_req:req(), [], map()}.
init(Req, State) ->
    {cowboy_websocket, chosen(cowboy_req:parse_header(<<"sec-websocket-protocol">>, Req), Req), State,
        #{max_frame_size => infinity}}.

-spec websocket_handle(term(), []) -> {[term()], []}.
websocket_handle(Frame, State) -> {answer(Frame), State}.

-spec websocket_info(term(), []) -> {[], []}.
websocket_info(_, State) -> {[], State}.

%%% Cowboy 1

-spec init({tcp, http}, term(), []) -> {upgrade, protocol, cowboy_websocket}.
init({tcp, http}, _Req, _Opts) -> {upgrade, protocol, cowboy_websocket}.

-spec websocket_init(tcp, term(), []) -> {ok, term(), []}.
websocket_init(tcp, Req0, State) ->
    {ok, Offered, Req} = cowboy_req:parse_header(<<"sec-websocket-protocol">>, Req0),
    {ok, chosen(Offered, Req), State}.

-spec websocket_handle(term(), term(), []) -> {reply, [term()], term(), []}.
websocket_handle(Frame, Req, State) -> {reply, answer(Frame), Req, State}.

-spec websocket_info(term(), term(), []) -> {ok, term(), []}.
websocket_info(_, Req, State) -> {ok, Req, State}.

-spec websocket_terminate(term(), term(), []) -> ok.
websocket_terminate(_, _, _) -> ok.

%%% Both

-spec chosen(undefined | [binary()], Req) -> Req when Req :: term().
chosen([First | _], Req) -> cowboy_req:set_resp_header(<<"sec-websocket-protocol">>, First, Req);
chosen(_, Req) -> Req.

-spec answer(term()) -> [term()].
answer({text, <<"close ", Code:4/binary, " ", Reason/binary>>}) -> [{close, binary_to_integer(Code), Reason}];
answer({Type, Payload}) when Type =:= text; Type =:= binary -> [{Type, Payload}];
answer(_) -> [].
