%% Cowboy's name for constraints. See `farrier_constraints'.
-module(cowboy_constraints).

-export([validate/2, reverse/2, format_error/1, from_fun/1]).

-export_type([constraint/0, reason/0]).

-type constraint() :: farrier_constraints:constraint().
-type reason() :: farrier_constraints:reason().

%% @doc Applies constraints to a value that came from the wire.
-spec validate(any(), constraint() | [constraint()]) -> {ok, any()} | {error, reason()}.
validate(Value, Constraints) -> farrier_constraints:validate(Value, Constraints).

%% @doc Turns a validated value back into what would have stood on the wire.
-spec reverse(any(), constraint() | [constraint()]) -> {ok, any()} | {error, reason()}.
reverse(Value, Constraints) -> farrier_constraints:reverse(Value, Constraints).

%% @doc A sentence for people about an error of `validate/2'.
-spec format_error(reason()) -> iodata().
format_error(Reason) -> farrier_constraints:format_error(Reason).

%% @doc Makes a constraint out of a predicate (Cowboy 2.16).
-spec from_fun(fun((any()) -> any())) -> constraint().
from_fun(Fun) -> farrier_constraints:from_fun(Fun).
