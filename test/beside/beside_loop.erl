%% @doc Long polling and events by `cowboy_loop'.
-module(beside_loop).

-export([init/2, info/3, terminate/3]).

-spec init(map(), poll | events | wait) -> {cowboy_loop, map(), term()} | {cowboy_loop, map(), term(), hibernate}.
init(Req, poll) ->
    self() ! {reply, <<"polled">>},
    {cowboy_loop, Req, poll, hibernate};
init(Req0, events) ->
    Req = cowboy_req:stream_reply(200, #{<<"content-type">> => <<"text/event-stream">>}, Req0),
    [self() ! {event, N} || N <- [<<"1">>, <<"2">>, <<"3">>]],
    self() ! eof,
    {cowboy_loop, Req, events};
init(Req, wait) ->
    beside_node:note({waiting, self()}),
    {cowboy_loop, Req, wait}.

-spec info(term(), map(), term()) -> {ok | stop, map(), term()}.
info({reply, Body}, Req, State) ->
    {stop, cowboy_req:reply(200, #{}, Body, Req), State};
info({event, Id}, Req, State) ->
    cowboy_req:stream_events(#{id => Id, data => <<"x">>}, nofin, Req),
    {ok, Req, State};
info(eof, Req, State) ->
    cowboy_req:stream_body(<<>>, fin, Req),
    {stop, Req, State}.

-spec terminate(term(), map(), term()) -> ok.
terminate(Reason, #{path := Path}, State) ->
    beside_node:note({terminate, Path, Reason, State}).
