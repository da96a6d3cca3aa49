%% As much JSON as the chat says: maps, lists, integers, and strings as binaries or atoms.
-module(chat_json).

-export([encode/1]).

encode(Map) when is_map(Map) ->
    [${, lists:join($,, [[encode(Key), $:, encode(Value)] || {Key, Value} <- maps:to_list(Map)]), $}];
encode(List) when is_list(List) ->
    [$[, lists:join($,, [encode(One) || One <- List]), $]];
encode(Integer) when is_integer(Integer) ->
    integer_to_binary(Integer);
encode(Atom) when is_atom(Atom) ->
    encode(atom_to_binary(Atom, utf8));
encode(Text) when is_binary(Text) ->
    [$", [escape(Character) || <<Character/utf8>> <= Text], $"].

escape(Character) when Character < 32; Character =:= $"; Character =:= $\\ ->
    io_lib:format("\\u~4.16.0b", [Character]);
escape(Character) ->
    <<Character/utf8>>.
