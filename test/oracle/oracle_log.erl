%% @doc A `logger' handler that gives what is said about a scenario's listener to the record.
-module(oracle_log).

-export([install/0, log/2]).

%% Takes the place of the default handler, whose output would go to the test node.
-spec install() -> ok.
install() ->
    _ = logger:remove_handler(default),
    ok = logger:set_primary_config(level, error),
    logger:add_handler(?MODULE, ?MODULE, #{level => error}).

%% Both Ranch and the request processes' owner name the listener first.
-spec log(logger:log_event(), logger:handler_config()) -> ok.
log(#{msg := {report, #{format := Format, args := [{oracle, Id} | Args]}}}, _) ->
    oracle_trace:logged(Id, {Format, Args});
log(#{msg := {Format, [{oracle, Id} | Args]}}, _) ->
    oracle_trace:logged(Id, {Format, Args});
log(_, _) ->
    ok.
