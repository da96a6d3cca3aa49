%% @doc Turns the native side's `tracing' events into `logger' events, with their fields as metadata.
-module(farrier_log).
-behaviour(gen_server).

-export([start_link/0, report/4]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2]).

-spec start_link() -> {ok, pid()} | {error, term()}.
start_link() ->
    gen_server:start_link({local, ?MODULE}, ?MODULE, [], []).

%% @doc Logs an event of the native side, and how many were lost before it.
-spec report(logger:level(), binary(), map(), non_neg_integer()) -> ok.
report(Level, Message, Fields, Dropped) ->
    report_dropped(Dropped),
    logger:log(Level, "farrier: ~ts", [Message], metadata(Fields)).

-spec init([]) -> {ok, []}.
init([]) ->
    %% Also after a restart: the native side knows one process only. Where there is no bridge to it, none is loaded.
    _ = erlang:module_loaded(farrier_nif) andalso farrier_nif:log_to(self()),
    {ok, []}.

-spec handle_call(term(), gen_server:from(), []) -> {reply, {error, unknown_call}, []}.
handle_call(_Call, _From, State) ->
    {reply, {error, unknown_call}, State}.

-spec handle_cast(term(), []) -> {noreply, []}.
handle_cast(_Cast, State) ->
    {noreply, State}.

-spec handle_info(term(), []) -> {noreply, []}.
handle_info({'$farrier_log', Level, Message, Fields, Dropped}, State) ->
    report(Level, Message, Fields, Dropped),
    {noreply, State};
handle_info(_Other, State) ->
    {noreply, State}.

-spec report_dropped(non_neg_integer()) -> ok.
report_dropped(0) ->
    ok;
report_dropped(Dropped) ->
    logger:warning("farrier: ~b events of the transport were dropped because they came too fast", [Dropped]).

-spec metadata(map()) -> logger:metadata().
metadata(Fields) ->
    Fields#{domain => [farrier]}.
