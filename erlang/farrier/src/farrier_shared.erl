%% Terms that are the same for many processes: none of them has a copy on its heap.
-module(farrier_shared).

-export([term/2]).

%% @doc The term of this key, which is made once. Keys are few, names of modules for instance: the term is kept for good.
-spec term(Key :: term(), fun(() -> Term)) -> Term.
term(Key, Make) ->
    case persistent_term:get({?MODULE, Key}, none) of
        none ->
            persistent_term:put({?MODULE, Key}, {term, Make()}),
            term(Key, Make);
        {term, Term} ->
            Term
    end.
