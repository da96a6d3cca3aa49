%% @doc One listener, spread over the processes of the operating system: each has a socket of its own on the same port
%% (`SO_REUSEPORT'), and its share of `max_connections'.
%%
%% A process that starts again gets its socket back. A Unix socket, and a listener for a handful of connections, whose shares
%% would be too small to be fair, stay with one process.
-module(farrier_port_listener).
-behaviour(gen_server).

-include_lib("kernel/include/logger.hrl").

-export([start_link/2, call/2, stop/1]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2, terminate/2]).

%% Pause before a look whether a process has started again.
-define(RETRY, 20).
%% Least pause between two divisions of what is left of `max_connections'.
-define(DIVIDE, 20).
%% Shares are not made smaller than this.
-define(LEAST_SHARE, 64).

-record(part, {process :: pid(), port :: port(), number :: pos_integer(), limit :: non_neg_integer() | infinity}).

-record(state, {
    id :: pos_integer(),
    options :: map(),
    acceptors :: [pid()],
    address :: farrier_bridge:address(),
    status = running :: running | suspended,
    %% The numbers of the processes that serve it, and those that do so now.
    numbers :: [pos_integer()],
    parts = [] :: [#part{}],
    dividing = false :: boolean()
}).

%% @doc Binds and accepts.
-spec start_link(map(), [pid()]) -> {ok, pid(), farrier_bridge:address()} | {error, term()}.
start_link(Options, Acceptors) ->
    case gen_server:start_link(?MODULE, {Options, Acceptors}, []) of
        {ok, Pid} -> {ok, Pid, call(Pid, address)};
        {error, {shutdown, Reason}} -> {error, unlinked(Reason)};
        {error, Reason} -> {error, Reason}
    end.

%% Its caller traps exits.
-spec unlinked(term()) -> term().
unlinked(Reason) ->
    receive
        {'EXIT', _, {shutdown, Reason}} -> Reason
    after 0 -> Reason
    end.

-spec call(pid(), term()) -> term().
call(Listener, Request) ->
    gen_server:call(Listener, Request, infinity).

%% @doc Stops accepting for good; connections go on.
-spec stop(pid()) -> ok.
stop(Listener) ->
    unlink(Listener),
    try
        gen_server:stop(Listener)
    catch
        exit:_ -> ok
    end.

-spec init({map(), [pid()]}) -> {ok, #state{}} | {stop, term()}.
init({Options, Acceptors}) ->
    _ = process_flag(trap_exit, true),
    S = #state{
        id = erlang:unique_integer([positive]),
        options = Options,
        acceptors = Acceptors,
        address = {{0, 0, 0, 0}, 0},
        numbers = numbers(Options, farrier_port_sup:numbers())
    },
    case bind(S) of
        {ok, Bound} -> {ok, Bound};
        {error, Reason} -> {stop, {shutdown, Reason}}
    end.

-spec numbers(map(), [pos_integer()]) -> [pos_integer()].
numbers(#{local := _}, [First | _]) -> [First];
numbers(#{max_connections := Max}, [First | _] = Numbers) when is_integer(Max), Max < ?LEAST_SHARE * length(Numbers) -> [First];
numbers(_, Numbers) -> Numbers.

%%% Binding

%% The first socket finds out whether the port is free, which one that shares it would not; it then makes way for others
%% that do.
-spec bind(#state{}) -> {ok, #state{}} | {error, term()}.
bind(#state{numbers = [Number], options = Options} = S) ->
    bind_first(Number, Options, S);
bind(#state{numbers = [Number | _] = Numbers, options = #{reuse_port := true} = Options} = S) ->
    bind_all(bind_first(Number, sockets(Number, share(length(Numbers), Options), S), S));
bind(#state{numbers = [Number | _], options = Options} = S) ->
    case bind_first(Number, maps:remove(num_listen_sockets, Options), S) of
        {ok, Alone} ->
            release(Alone),
            bind_all({ok, Alone#state{parts = []}});
        {error, _} = Error ->
            Error
    end.

-spec bind_first(pos_integer(), map(), #state{}) -> {ok, #state{}} | {error, term()}.
bind_first(Number, Options, S) ->
    case listen(Number, Options, S) of
        {ok, Part, #{address := Address}} -> {ok, S#state{parts = [Part], address = Address}};
        {error, down} -> bind_first(await_up(Number), Options, S);
        {error, _} = Error -> Error
    end.

%% Only while the processes start.
-spec await_up(pos_integer()) -> pos_integer().
await_up(Number) ->
    timer:sleep(?RETRY),
    Number.

-spec release(#state{}) -> ok.
release(#state{id = Id, parts = Parts}) ->
    lists:foreach(fun(#part{process = Process} = Part) ->
        ask(Part, {close_listener, Id}),
        farrier_port_process:forget_listener(Process, Id)
    end, Parts).

-spec bind_all({ok, #state{}} | {error, term()}) -> {ok, #state{}} | {error, term()}.
bind_all({error, _} = Error) -> Error;
bind_all({ok, S}) -> {ok, bind_missing(S)}.

%% Binds in every process that has none of its sockets. One that can't be reached now is tried again.
-spec bind_missing(#state{}) -> #state{}.
bind_missing(#state{status = suspended} = S) ->
    S;
bind_missing(#state{numbers = Numbers, parts = Parts} = S) ->
    Missing = Numbers -- [Number || #part{number = Number} <- Parts],
    lists:foldl(fun bind_one/2, S, Missing).

-spec bind_one(pos_integer(), #state{}) -> #state{}.
bind_one(Number, #state{parts = Parts} = S) ->
    case listen(Number, sockets(Number, shared(S), S), S) of
        {ok, Part, _} ->
            S#state{parts = [Part | Parts]};
        {error, down} ->
            retry(S);
        {error, Reason} ->
            ?LOG_ERROR("farrier_port ~b cannot listen at ~0tp: ~0tp", [Number, S#state.address, Reason], #{domain => [farrier]}),
            retry(S)
    end.

-spec retry(#state{}) -> #state{}.
retry(S) ->
    _ = erlang:send_after(?RETRY, self(), bind_missing),
    S.

%% The options of one process' part: the port that all have, and its share of the connections.
-spec shared(#state{}) -> map().
shared(#state{options = Options, numbers = [_]} = S) ->
    placed(Options, S);
shared(#state{options = Options, numbers = Numbers} = S) ->
    placed(share(length(Numbers), Options#{reuse_port => true}), S).

%% As many sockets in all as were asked for, but one at least for each process.
-spec sockets(pos_integer(), map(), #state{}) -> map().
sockets(Number, #{num_listen_sockets := Count} = Options, #state{numbers = Numbers}) ->
    Before = length(lists:takewhile(fun(N) -> N =/= Number end, Numbers)),
    More = case Before < Count rem length(Numbers) of true -> 1; false -> 0 end,
    Options#{num_listen_sockets := max(1, Count div length(Numbers) + More)};
sockets(_, Options, _) ->
    Options.

-spec placed(map(), #state{}) -> map().
placed(Options, #state{address = {local, _}}) -> Options;
placed(Options, #state{address = {_, Port}}) -> Options#{port => Port}.

-spec share(pos_integer(), map()) -> map().
share(Parts, #{max_connections := Max} = Options) when is_integer(Max) -> Options#{max_connections := Max div Parts};
share(_, Options) -> Options.

-spec listen(pos_integer(), map(), #state{}) -> {ok, #part{}, map()} | {error, term()}.
listen(Number, Options, #state{id = Id, acceptors = Acceptors}) ->
    try farrier_port_process:add_listener(farrier_port_process:name(Number), Id, Acceptors, Options) of
        {ok, Process, Port} ->
            Limit = maps:get(max_connections, Options, infinity),
            Part = #part{process = Process, port = Port, number = Number, limit = Limit},
            _ = monitor(process, Process),
            listening(ask(Part, {listen, Id, Options}), Part)
    catch
        exit:_ -> {error, down}
    end.

-spec listening({ok, map()} | {error, term()}, #part{}) -> {ok, #part{}, map()} | {error, term()}.
listening({ok, Info}, Part) -> {ok, Part, Info};
listening({error, closed}, _) -> {error, down};
listening({error, _} = Error, _) -> Error.

-spec ask(#part{}, term()) -> term().
ask(#part{process = Process, port = Port}, Request) ->
    farrier_port:call(Process, Port, Request).

%% The first error, if there is one that does not mean that a process is gone.
-spec ask_all(#state{}, fun((#part{}) -> term())) -> ok | {error, term()}.
ask_all(#state{parts = Parts}, Request) ->
    case [Error || Part <- Parts, {error, Reason} = Error <- [ask(Part, Request(Part))], Reason =/= closed] of
        [] -> ok;
        [Error | _] -> Error
    end.

%%% Questions

-spec handle_call(term(), gen_server:from(), #state{}) -> {reply, term(), #state{}}.
handle_call(address, _From, #state{address = Address} = S) ->
    {reply, Address, S};
handle_call({configure, Options}, _From, #state{id = Id} = S) ->
    Configured = S#state{options = Options},
    Shared = shared(Configured),
    case ask_all(S, fun(_) -> {configure, Id, Shared} end) of
        ok ->
            Limit = maps:get(max_connections, Shared, infinity),
            {reply, ok, Configured#state{parts = [Part#part{limit = Limit} || Part <- S#state.parts]}};
        {error, _} = Error -> {reply, Error, S}
    end;
handle_call(suspend, _From, #state{id = Id} = S) ->
    ok = ask_all(S, fun(_) -> {suspend, Id} end),
    {reply, ok, S#state{status = suspended}};
handle_call(resume, _From, #state{id = Id} = S) ->
    case ask_all(S, fun(_) -> {resume, Id} end) of
        ok -> {reply, ok, bind_missing(S#state{status = running})};
        {error, _} = Error -> {reply, Error, S}
    end;
handle_call(listener_info, _From, #state{id = Id, parts = Parts, status = Status, address = Address} = S) ->
    Infos = [Info || Part <- Parts, #{} = Info <- [ask(Part, {listener_info, Id})]],
    Sum = lists:foldl(fun add/2, #{connections => 0, websockets => 0, accepted => 0, rejected => 0, failed_handshakes => 0}, Infos),
    {reply, Sum#{address => case Status of running -> Address; suspended -> undefined end}, S};
handle_call(_, _From, S) ->
    {reply, {error, unknown_call}, S}.

-spec add(map(), map()) -> map().
add(Info, Sum) ->
    maps:map(fun(Name, Count) -> Count + maps:get(Name, Info, 0) end, Sum).

-spec handle_cast(term(), #state{}) -> {noreply, #state{}}.
handle_cast(_, S) ->
    {noreply, S}.

-spec handle_info(term(), #state{}) -> {noreply, #state{}}.
handle_info({'DOWN', _, process, Process, _}, #state{parts = Parts} = S) ->
    case lists:keymember(Process, #part.process, Parts) of
        true -> {noreply, bind_missing(S#state{parts = lists:keydelete(Process, #part.process, Parts)})};
        false -> {noreply, S}
    end;
handle_info(bind_missing, S) ->
    {noreply, bind_missing(S)};
handle_info({full, _}, #state{dividing = false, numbers = [_, _ | _], options = #{max_connections := Max}} = S) when is_integer(Max) ->
    _ = erlang:send_after(?DIVIDE, self(), divide),
    {noreply, S#state{dividing = true}};
handle_info(divide, S) ->
    {noreply, S#state{dividing = false, parts = divide(S)}};
handle_info(_, S) ->
    {noreply, S}.

-spec terminate(term(), #state{}) -> ok.
terminate(_Reason, S) ->
    release(S).

%%% Shares

%% Gives every process the connections that it has and an equal part of what is left. Those that get less than before come
%% first, and what they have taken meanwhile is missing for the others: never are there more than `max_connections' in all.
-spec divide(#state{}) -> [#part{}].
divide(#state{id = Id, parts = Parts, options = #{max_connections := Max}}) when is_integer(Max) ->
    Counted = [{Count, Part} || Part <- Parts, #{connections := Count} <- [ask(Part, {listener_info, Id})]],
    Share = max(0, Max - lists:sum([Count || {Count, _} <- Counted])) div max(1, length(Counted)),
    Wanted = lists:keysort(1, [{Count + Share - Limit, Count + Share, Part} || {Count, #part{limit = Limit} = Part} <- Counted]),
    give(Wanted, Max, Id);
divide(#state{parts = Parts}) ->
    Parts.

-spec give([{integer(), non_neg_integer(), #part{}}], integer(), pos_integer()) -> [#part{}].
give([{_, Limit, Part}], Left, Id) ->
    [limited(Part, max(Limit, Left), Left, Id)];
give([{_, Limit, Part} | Others], Left, Id) ->
    Given = limited(Part, Limit, Left, Id),
    [Given | give(Others, Left - Given#part.limit, Id)];
give([], _, _) ->
    [].

%% A part with its new limit, or with the connections that it has, if they are more.
-spec limited(#part{}, non_neg_integer(), integer(), pos_integer()) -> #part{}.
limited(Part, Wanted, Left, Id) ->
    Limit = max(0, min(Wanted, Left)),
    case ask(Part, {limit, Id, Limit}) of
        {ok, Count} -> Part#part{limit = max(Limit, Count)};
        {error, closed} -> Part
    end.
