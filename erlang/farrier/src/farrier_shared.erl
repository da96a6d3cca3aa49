%% Terms that are the same for many processes: none of them has a copy on its heap.
-module(farrier_shared).

-export([term/2, forget/0]).

%% @doc The term of this key, which is made once. Keys are few, names of modules for instance: the term is kept until `forget/0'.
-spec term(Key :: term(), fun(() -> Term)) -> Term.
term(Key, Make) ->
    case persistent_term:get({?MODULE, Key}, none) of
        none ->
            persistent_term:put({?MODULE, Key}, {term, Make()}),
            term(Key, Make);
        {term, Term} ->
            Term
    end.

%% @doc Forgets all of them, so that another version of the code does not find this one's.
-spec forget() -> ok.
forget() ->
    lists:foreach(fun persistent_term:erase/1, [Key || {{?MODULE, _} = Key, _} <- persistent_term:get()]).
