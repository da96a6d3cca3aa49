%% "500" sets a timer of 500 ms, "stop" ends the session.
-module(timer_handler).

-export([init/2]).
-export([websocket_handle/3]).
-export([websocket_info/3]).
-export([terminate/3]).

-record(state, {most, timers = []}).

init(Req, Opts) ->
    {_, Most} = lists:keyfind(most, 1, Opts),
    case cowboy_req:match_qs([{first, int, 0}], Req) of
        #{first := 0} -> {cowboy_websocket, Req, #state{most = Most}, 3900000};
        #{first := Ms} -> {cowboy_websocket, Req, set(Ms, #state{most = Most}), 3900000, hibernate}
    end.

websocket_handle({text, <<"stop">>}, Req, State) ->
    {stop, Req, State};
websocket_handle({text, Text}, Req, State) ->
    try binary_to_integer(Text) of
        Ms when Ms >= 0, Ms =< State#state.most ->
            {reply, {text, [Text, <<" ms are set">>]}, Req, set(Ms, State)};
        _ ->
            {reply, {text, <<"That is too long">>}, Req, State}
    catch error:badarg ->
        {reply, {text, <<"Send a number of milliseconds, or stop">>}, Req, State}
    end;
websocket_handle(_Frame, Req, State) ->
    {ok, Req, State}.

websocket_info({timeout, Timer, Ms}, Req, State = #state{timers = Timers}) ->
    Left = lists:delete(Timer, Timers),
    Text = io_lib:format("~b ms are over, ~b left to wait for", [Ms, length(Left)]),
    {reply, [{text, Text}, ping], Req, State#state{timers = Left}, hibernate};
websocket_info(_Info, Req, State) ->
    {ok, Req, State}.

terminate(_Reason, _Req, #state{timers = Timers}) ->
    lists:foreach(fun erlang:cancel_timer/1, Timers);
terminate(_Reason, _Req, _Opts) ->
    ok.

set(Ms, State = #state{timers = Timers}) ->
    State#state{timers = [erlang:start_timer(Ms, self(), Ms) | Timers]}.
