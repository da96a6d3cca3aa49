%% Checks and converts bindings, query strings and cookies: the constraints
%% that Cowboy lets a project attach to a route or to a field.
%%
%% A constraint is `int', `nonempty', or a fun of arity 2 that is called as
%% `Fun(forward, Value)', `Fun(reverse, Value)' and
%% `Fun(format_error, {Reason, Value})'. A list of constraints is applied from left to right,
%% each to the outcome of the one before it. Source: Cowboy 2.18, `cowboy_constraints'. Until 2.0.0-pre.9 a fun had
%% arity 1 and answered as those that `from_fun/1' takes.
-module(farrier_constraints).

-export([validate/2, reverse/2, format_error/1, from_fun/1]).

-export_type([constraint/0, reason/0]).

-type constraint() :: int | nonempty | function_constraint() | fun((any()) -> any()).
-type function_constraint() :: fun((operation(), any()) -> any()).
-type operation() :: forward | reverse | format_error.
-type reason() :: {constraint(), Error :: any(), Value :: any()}.

%% An integer of more digits than this does not come from a person and costs
%% quadratic time to convert (Cowboy 2.18).
-define(MAX_DIGITS, 17).

%% @doc Applies constraints to a value that came from the wire.
-spec validate(any(), constraint() | [constraint()]) -> {ok, any()} | {error, reason()}.
validate(Value, Constraints) when is_list(Constraints) ->
    apply_all(forward, Value, Constraints);
validate(Value, Constraint) ->
    apply_all(forward, Value, [Constraint]).

%% @doc Turns a validated value back into what would have stood on the wire.
-spec reverse(any(), constraint() | [constraint()]) -> {ok, any()} | {error, reason()}.
reverse(Value, Constraints) when is_list(Constraints) ->
    apply_all(reverse, Value, Constraints);
reverse(Value, Constraint) ->
    apply_all(reverse, Value, [Constraint]).

%% @doc A sentence for people about an error of `validate/2' or `reverse/2', in Cowboy's words: handlers answer with it.
-spec format_error(reason()) -> iodata().
format_error({int, not_an_integer, Value}) ->
    io_lib:format("The value ~p is not an integer.", [Value]);
format_error({nonempty, empty, Value}) ->
    io_lib:format("The value ~p is empty.", [Value]);
format_error({Constraint, Reason, Value}) when is_function(Constraint, 2) ->
    Constraint(format_error, {Reason, Value});
format_error({Constraint, Reason, Value}) when is_function(Constraint, 1) ->
    format_error({from_fun(Constraint), Reason, Value});
format_error({Constraint, _Reason, _Value}) ->
    error({unknown_constraint, Constraint}).

%% @doc Makes a constraint out of a function that returns `true', `false',
%% `{true, NewValue}', `{ok, NewValue}' or `{error, Reason}' (Cowboy 2.16).
-spec from_fun(fun((any()) -> boolean() | {true, any()} | {ok, any()} | {error, any()})) ->
    function_constraint().
from_fun(Fun) when is_function(Fun, 1) ->
    fun
        (format_error, {Reason, Value}) ->
            io_lib:format("The value ~p is not acceptable: ~p.", [Value, Reason]);
        (_Direction, Value) ->
            verdict(Fun(Value), Value)
    end.

-spec verdict(any(), any()) -> {ok, any()} | {error, any()}.
verdict(true, Value) -> {ok, Value};
verdict({true, NewValue}, _Value) -> {ok, NewValue};
verdict({ok, NewValue}, _Value) -> {ok, NewValue};
verdict(false, _Value) -> {error, rejected};
verdict({error, Reason}, _Value) -> {error, Reason}.

-spec apply_all(forward | reverse, any(), [constraint()]) -> {ok, any()} | {error, reason()}.
apply_all(_Direction, Value, []) ->
    {ok, Value};
apply_all(Direction, Value, [Constraint | Tail]) ->
    case apply_one(Direction, Value, Constraint) of
        {ok, NewValue} -> apply_all(Direction, NewValue, Tail);
        {error, Reason} -> {error, {Constraint, Reason, Value}}
    end.

-spec apply_one(forward | reverse, any(), constraint()) -> {ok, any()} | {error, any()}.
apply_one(forward, Value, int) -> to_integer(Value);
apply_one(reverse, Value, int) -> from_integer(Value);
apply_one(_, <<>>, nonempty) -> {error, empty};
apply_one(_, Value, nonempty) -> {ok, Value};
apply_one(Direction, Value, Fun) when is_function(Fun, 2) -> Fun(Direction, Value);
apply_one(Direction, Value, Fun) when is_function(Fun, 1) -> (from_fun(Fun))(Direction, Value);
apply_one(_, _, Constraint) -> error({unknown_constraint, Constraint}).

-spec to_integer(any()) -> {ok, integer()} | {error, not_an_integer}.
to_integer(<<Sign, Digits/binary>> = Value) when Sign =:= $-; Sign =:= $+ ->
    to_integer(Value, byte_size(Digits));
to_integer(Value) when is_binary(Value) ->
    to_integer(Value, byte_size(Value));
to_integer(_) ->
    {error, not_an_integer}.

-spec to_integer(binary(), non_neg_integer()) -> {ok, integer()} | {error, not_an_integer}.
to_integer(Value, Digits) when Digits =< ?MAX_DIGITS ->
    try
        {ok, binary_to_integer(Value)}
    catch
        error:badarg -> {error, not_an_integer}
    end;
to_integer(_, _) ->
    {error, not_an_integer}.

-spec from_integer(any()) -> {ok, binary()} | {error, not_an_integer}.
from_integer(Value) when is_integer(Value) -> {ok, integer_to_binary(Value)};
from_integer(_) -> {error, not_an_integer}.
