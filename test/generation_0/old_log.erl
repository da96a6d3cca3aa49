%% @doc A log handler that sends what `error_logger' is told to a test.
-module(old_log).

-export([log/2]).

-spec log(logger:log_event(), logger:handler_config()) -> ok.
log(#{msg := {report, #{format := Format, args := Args}}}, #{config := Test}) ->
    Test ! {logged, lists:flatten(io_lib:format(Format, Args))},
    ok;
log(#{msg := {Format, Args}}, #{config := Test}) when is_list(Format), is_list(Args) ->
    Test ! {logged, lists:flatten(io_lib:format(Format, Args))},
    ok;
log(_, _) ->
    ok.
