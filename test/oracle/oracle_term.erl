%% @doc Terms of two nodes made comparable: what can't be equal in principle is replaced by a name for it.
-module(oracle_term).

-export([normal/1]).

-define(LONG, 256).

%% Processes, references, ports and funs become placeholders, stack traces are cut off, scripts are taken out of
%% handler states, the Req of a Cowboy 1 crash report is left out, and long binaries become their size and checksum.
-spec normal(term()) -> term().
normal(Pid) when is_pid(Pid) -> '<pid>';
normal(Ref) when is_reference(Ref) -> '<ref>';
normal(Port) when is_port(Port) -> '<port>';
normal(Fun) when is_function(Fun) -> '<fun>';
normal(#{script := _, s := State}) -> {state, normal(State)};
normal(#{id := _, name := _}) -> '<script>';
normal({req, [{_, _} | _]}) -> {req, '<req>'};
normal(Map) when is_map(Map) -> maps:from_list([{normal(K), normal(V)} || {K, V} <- maps:to_list(Map)]);
normal(Tuple) when is_tuple(Tuple) -> list_to_tuple(normal(tuple_to_list(Tuple)));
normal([_ | _] = List) -> list(List);
normal(Binary) when is_binary(Binary), byte_size(Binary) > ?LONG ->
    {bytes, byte_size(Binary), erlang:crc32(Binary)};
normal(Term) -> Term.

-spec list(nonempty_maybe_improper_list()) -> term().
list([{M, F, A, I} | _]) when is_atom(M), is_atom(F), is_list(I), (is_list(A) orelse is_integer(A)) -> '<stack>';
list([Head | Tail]) when is_list(Tail) -> [normal(Head) | elements(Tail)];
list([Head | Tail]) -> [normal(Head) | normal(Tail)].

-spec elements(list()) -> list().
elements(List) -> [normal(Element) || Element <- List].
