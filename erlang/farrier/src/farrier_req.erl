%% Turns the Req of one generation into that of another.
%%
%% A listener's middlewares see the Req of the listener's generation, a handler that of its own. Cowboy 1's record is
%% the hub: every other kind converts to it and from it.
-module(farrier_req).

-export([generation/1, convert/2, call/4]).

-export_type([req/0]).

-type req() :: farrier_req_0:req() | farrier_req_1:req() | farrier_req_2pre:req() | farrier_req_2:req().

%% @doc The generation whose Req this is.
-spec generation(req()) -> farrier_handler:generation().
generation(Req) when is_map(Req) -> 2;
generation(Req) when element(1, Req) =:= http_req, tuple_size(Req) =:= 28 -> 1;
generation(Req) when element(1, Req) =:= http_req, tuple_size(Req) =:= 25 -> '2pre';
generation(Req) when element(1, Req) =:= http_req -> 0.

%% @doc The same request as the Req of another generation. A Req of that generation is returned as it is.
-spec convert(farrier_handler:generation(), req()) -> req().
convert(Generation, Req) ->
    case generation(Req) of
        Generation -> Req;
        Other -> from_1(Generation, to_1(Other, Req))
    end.

-spec to_1(farrier_handler:generation(), req()) -> farrier_req_1:req().
to_1(0, Req) -> farrier_req_0:to_1(Req);
to_1(1, Req) -> Req;
to_1('2pre', Req) -> farrier_req_2pre:to_1(Req);
to_1(2, Req) -> farrier_req_1:from_map(Req).

-spec from_1(farrier_handler:generation(), farrier_req_1:req()) -> req().
from_1(0, Req) -> farrier_req_0:from_1(Req);
from_1(1, Req) -> Req;
from_1('2pre', Req) -> farrier_req_2pre:from_1(Req);
from_1(2, Req) -> farrier_req_2:from_record(Req).

%% @doc Calls a function that takes the Req of `Generation' with one of another, and gives back what it returns with its
%% own kind of Req in it again.
-spec call(farrier_handler:generation(), module(), atom(), [term()]) -> term().
call(Generation, Module, Function, Arguments) ->
    [Own] = [generation(A) || A <- Arguments, is_req(A)],
    returned(Own, apply(Module, Function, [converted(Generation, A) || A <- Arguments])).

-spec converted(farrier_handler:generation(), term()) -> term().
converted(Generation, Argument) ->
    case is_req(Argument) of
        true -> convert(Generation, Argument);
        false -> Argument
    end.

-spec returned(farrier_handler:generation(), term()) -> term().
returned(Own, Result) ->
    case is_req(Result) of
        true -> convert(Own, Result);
        false when is_tuple(Result) -> list_to_tuple([converted(Own, E) || E <- tuple_to_list(Result)]);
        false -> Result
    end.

-spec is_req(term()) -> boolean().
is_req(Term) ->
    is_tuple(Term) andalso tuple_size(Term) > 0 andalso element(1, Term) =:= http_req.
