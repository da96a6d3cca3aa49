%% Third phase of a REST request: does the resource exist, and is it in the state that the client expects? Evaluates the
%% preconditions in the order of RFC 9110 13.2.2.
-module(farrier_rest_precondition).

-include("farrier_rest.hrl").

-export([start/1]).

-import(farrier_rest_callback, [ask/3]).
-import(farrier_rest_req, [parse/2, parsed/2]).

-type rest() :: farrier_rest:rest().
-type outcome() :: farrier_rest:outcome().
-type etag() :: {strong | weak, binary()}.

-spec start(rest()) -> outcome().
start(Rest) ->
    case ask(resource_exists, true, Rest) of
        {true, Rest2} -> if_match(parsed(<<"if-match">>, Rest2#rest{exists = true}));
        {false, Rest2} -> missing(farrier_rest_req:header(<<"if-match">>, Rest2), Rest2)
    end.

-spec missing(binary() | undefined, rest()) -> outcome().
missing(undefined, Rest) -> farrier_rest_action:missing(Rest);
missing(_, Rest) -> {respond, 412, Rest}.

-spec if_match({undefined | '*' | [etag()], rest()}) -> outcome().
if_match({Any, Rest}) when Any =:= undefined; Any =:= '*' ->
    if_unmodified_since(parse(<<"if-unmodified-since">>, Rest));
if_match({Tags, Rest}) ->
    {Tag, Rest2} = farrier_rest_validator:etag(Rest),
    case is_match(Tag, Tags, Rest2) of
        true -> matched(Rest2);
        false -> {respond, 412, Rest2}
    end.

%% RFC 9110 8.8.3.2: a weak tag never matches strongly. Generations before 2 take equality for a match.
-spec is_match(etag() | undefined, [etag()], rest()) -> boolean().
is_match({weak, _}, _, #rest{generation = 2}) -> false;
is_match(Tag, Tags, _) -> lists:member(Tag, Tags).

%% Generations before 2 look at the date as well.
-spec matched(rest()) -> outcome().
matched(#rest{generation = 2} = Rest) -> if_none_match(parsed(<<"if-none-match">>, Rest));
matched(Rest) -> if_unmodified_since(parse(<<"if-unmodified-since">>, Rest)).

%% A date that cannot be read is as good as none (RFC 9110 13.1.4).
-spec if_unmodified_since({ok, undefined | calendar:datetime(), rest()} | {malformed, rest()}) -> outcome().
if_unmodified_since({ok, {_, _} = Date, Rest}) ->
    case farrier_rest_validator:last_modified(Rest) of
        {{_, _} = Modified, Rest2} when Modified > Date -> {respond, 412, Rest2};
        {_, Rest2} -> if_none_match(parsed(<<"if-none-match">>, Rest2))
    end;
if_unmodified_since(Ignored) ->
    if_none_match(parsed(<<"if-none-match">>, without(Ignored))).

-spec without({ok, undefined, rest()} | {malformed, rest()}) -> rest().
without({ok, undefined, Rest}) -> Rest;
without({malformed, Rest}) -> Rest.

%% Without an entity tag there is nothing to compare; Cowboy calls that a failed precondition.
-spec if_none_match({undefined | '*' | [etag()], rest()}) -> outcome().
if_none_match({undefined, Rest}) ->
    if_modified_since(parse(<<"if-modified-since">>, Rest));
if_none_match({'*', Rest}) ->
    same(Rest);
if_none_match({Tags, Rest}) ->
    case farrier_rest_validator:etag(Rest) of
        {undefined, Rest2} ->
            {respond, 412, Rest2};
        {Tag, Rest2} ->
            case is_weak_match(Tag, Tags, Rest2) of
                true -> same(Rest2);
                false -> changed(Rest2)
            end
    end.

-spec is_weak_match(etag(), [etag()], rest()) -> boolean().
is_weak_match({_, Tag}, Tags, #rest{generation = 2}) -> lists:keymember(Tag, 2, Tags);
is_weak_match(Tag, Tags, _) -> lists:member(Tag, Tags).

%% Generations before 2 look at the date as well.
-spec changed(rest()) -> outcome().
changed(#rest{generation = 2} = Rest) -> by_method(Rest);
changed(Rest) -> if_modified_since(parse(<<"if-modified-since">>, Rest)).

-spec same(rest()) -> outcome().
same(#rest{method = Method} = Rest) ->
    case is_retrieval(Method) of
        true -> not_modified(Rest);
        false -> {respond, 412, Rest}
    end.

-spec is_retrieval(binary()) -> boolean().
is_retrieval(Method) ->
    Method =:= <<"GET">> orelse Method =:= <<"HEAD">>.

%% A date in the future is not valid, and without a date of the resource there is nothing to compare (RFC 9110 13.1.3).
-spec if_modified_since({ok, undefined | calendar:datetime(), rest()} | {malformed, rest()}) -> outcome().
if_modified_since({ok, {_, _} = Date, Rest}) ->
    case Date > erlang:universaltime() of
        true -> by_method(Rest);
        false -> modified_since(Date, farrier_rest_validator:last_modified(Rest))
    end;
if_modified_since(Ignored) ->
    by_method(without(Ignored)).

-spec modified_since(calendar:datetime(), {undefined | calendar:datetime(), rest()}) -> outcome().
modified_since(Date, {{_, _} = Modified, Rest}) when Modified =< Date -> not_modified(Rest);
modified_since(_, {_, Rest}) -> by_method(Rest).

-spec not_modified(rest()) -> outcome().
not_modified(Rest) ->
    Untyped = farrier_rest_req:delete_header(<<"content-type">>, Rest),
    {respond, 304, farrier_rest_validator:set_expires(farrier_rest_validator:set_etag(Untyped))}.

-spec by_method(rest()) -> outcome().
by_method(#rest{method = Method} = Rest) ->
    case is_retrieval(Method) of
        true -> farrier_rest_content:start(Rest);
        false -> farrier_rest_action:existing(Rest)
    end.
