%% @doc Echo over compressed connections, of all generations. Runs in the node under test, whichever Cowboy that has.
-module(compression_handler).

-export([init/2, websocket_handle/2, websocket_info/2]).
-export([listen/2, unlisten/0]).

%% Starts a listener whose WebSockets have these options, and tells its port.
-spec listen(map(), map()) -> inet:port_number().
listen(Opts, Proto) ->
    Dispatch = cowboy_router:compile([{'_', [{"/ws", ?MODULE, maps:merge(#{compress => true}, Opts)}]}]),
    {ok, _} = cowboy:start_clear(?MODULE, #{socket_opts => [{port, 0}], max_connections => infinity}, Proto#{env => #{dispatch => Dispatch}}),
    ranch:get_port(?MODULE).

-spec unlisten() -> ok | {error, not_found}.
unlisten() -> cowboy:stop_listener(?MODULE).

-spec init(cowboy_req:req(), map()) -> term().
init(Req0, Opts) ->
    Req = case cowboy_req:parse_header(<<"sec-websocket-protocol">>, Req0) of
        undefined -> Req0;
        [First | _] -> cowboy_req:set_resp_header(<<"sec-websocket-protocol">>, First, Req0)
    end,
    {cowboy_websocket, Req, undefined, Opts}.

-spec websocket_handle(term(), undefined) -> term().
websocket_handle({text, <<"plain ", Text/binary>>}, State) ->
    {[{deflate, false}, {text, Text}, {deflate, true}], State};
websocket_handle({text, <<"mixed ", Text/binary>>}, State) ->
    {[{text, Text}, {deflate, false}, {text, Text}, ping, {deflate, true}, {text, Text}], State};
websocket_handle({text, <<"close ", Code:4/binary, " ", Reason/binary>>}, State) ->
    {[{close, binary_to_integer(Code), Reason}], State};
websocket_handle({Type, Payload}, State) when Type =:= text; Type =:= binary ->
    {[{Type, Payload}], State};
websocket_handle(_, State) ->
    {[], State}.

-spec websocket_info(term(), undefined) -> term().
websocket_info(_, State) -> {[], State}.
