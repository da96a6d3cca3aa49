%% What `init/2' returned from 2.0.0-pre.4 to pre.9, in the terms of Cowboy 2.0.
%%
%% The callbacks were those of 2.0 already, but a timeout and `hibernate' stood in the tuple itself until pre.7
%% brought the map of options, no Req reached `terminate/3', and without a timeout a connection could idle for
%% ever. Listeners that `cowboy:start_clear/4' or `start_tls/4' started are of that time; for all others nothing is
%% changed.
-module(farrier_cowboy_2_draft).

-export([returned/1]).

%% @doc What `init/2' returned to the listener of this process's request.
-spec returned(term()) -> term().
returned(Return) when element(1, Return) =:= cowboy_websocket ->
    case farrier_listener:config(farrier_exchange:ref()) of
        #{draft := true, protocol := Protocol} -> upgrade(Return, Protocol);
        _ -> Return
    end;
returned(Return) ->
    Return.

%% That the session begins in hibernation is of no use here: it begins with a heap of the least size.
-spec upgrade(tuple(), map()) -> term().
upgrade(Return, Protocol) ->
    case Return of
        {_, Req, State} -> with_options(Req, State, #{}, Protocol);
        {_, Req, State, hibernate} -> with_options(Req, State, #{}, Protocol);
        {_, Req, State, Opts} when is_map(Opts) -> with_options(Req, State, Opts, Protocol);
        {_, Req, State, Timeout} -> with_options(Req, State, #{idle_timeout => Timeout}, Protocol);
        {_, Req, State, Timeout, hibernate} -> with_options(Req, State, #{idle_timeout => Timeout}, Protocol);
        _ -> Return
    end.

-spec with_options(map(), term(), map(), map()) -> {cowboy_websocket, map(), term(), map()}.
with_options(Req, State, Opts, Protocol) ->
    Default = #{
        idle_timeout => infinity,
        compress => maps:get(websocket_compress, Protocol, false),
        req_filter => fun(_) -> undefined end
    },
    {cowboy_websocket, Req, State, maps:merge(Default, Opts)}.
