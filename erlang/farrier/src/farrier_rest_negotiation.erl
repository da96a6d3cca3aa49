%% Second phase of a REST request: chooses the representation by what the client accepts and the resource provides
%% (RFC 9110 12), and says so in `content-type', `content-language', `accept-ranges' and `vary'.
%%
%% The order in which equally good media ranges, languages and charsets are tried is that of Cowboy's sorting: the later
%% one in the client's list first. Sort functions here are therefore as strict as Cowboy's.
-module(farrier_rest_negotiation).

-include("farrier_rest.hrl").

-export([start/1]).

-import(farrier_rest_callback, [call/2, call/3]).
-import(farrier_rest_req, [put/3, set_header/3]).

-type rest() :: farrier_rest:rest().
-type outcome() :: farrier_rest:outcome().
-type media_range() :: {farrier_rest:media_type(), 0..1000, list()}.

%%% Media type, RFC 9110 12.5.1

-spec start(rest()) -> outcome().
start(Rest) ->
    case call(content_types_provided, default(Rest), Rest) of
        {[], Rest2} ->
            {respond, 406, Rest2};
        {Types, Rest2} ->
            Provided = [farrier_rest_req:media_type(Type) || Type <- Types],
            accept(farrier_rest_req:parse(<<"accept">>, Rest2#rest{provided = Provided}))
    end.

%% Generation 0 has none.
-spec default(rest()) -> [{farrier_rest:media_type(), atom()}].
default(#rest{generation = 0}) -> [];
default(_) -> [{{<<"text">>, <<"html">>, '*'}, to_html}].

-spec accept({ok, undefined | [media_range()], rest()} | {malformed, rest()}) -> outcome().
accept({malformed, Rest}) ->
    {respond, 400, Rest};
accept({ok, undefined, #rest{provided = [{MediaType, _} = First | _]} = Rest}) ->
    languages(put(media_type, without_wildcard(MediaType, Rest), Rest#rest{accepted = First}));
accept({ok, Ranges, Rest}) ->
    first_match(lists:sort(fun precedes/2, Ranges), Rest).

%% Only generation 2 keeps the wildcard from the handler.
-spec without_wildcard(farrier_rest:media_type(), rest()) -> farrier_rest:media_type().
without_wildcard({Type, Subtype, '*'}, #rest{generation = 2}) -> {Type, Subtype, []};
without_wildcard(MediaType, _) -> MediaType.

%% By quality, then by how much a range says.
-spec precedes(media_range(), media_range()) -> boolean().
precedes({A, Quality, _}, {B, Quality, _}) -> is_more_specific(A, B);
precedes({_, QualityA, _}, {_, QualityB, _}) -> QualityA > QualityB.

-spec is_more_specific(farrier_rest:media_type(), farrier_rest:media_type()) -> boolean().
is_more_specific({Type, Subtype, A}, {Type, Subtype, B}) -> length(A) > length(B);
is_more_specific({Type, _, _}, {Type, <<"*">>, _}) -> true;
is_more_specific({Type, _, _}, {Type, _, _}) -> false;
is_more_specific(_, {<<"*">>, _, _}) -> true;
is_more_specific(_, _) -> false.

-spec first_match([media_range()], rest()) -> outcome().
first_match([], Rest) ->
    {respond, 406, Rest};
first_match([{Range, _, _} | Ranges], #rest{provided = Provided} = Rest) ->
    case match(Range, Provided, Rest) of
        {no, Rest2} -> first_match(Ranges, Rest2);
        {yes, Rest2} -> languages(Rest2)
    end.

%% The first provided type within the range. Parameters must be the same, unless the resource takes any.
-spec match(farrier_rest:media_type(), [{farrier_rest:media_type(), atom()}], rest()) -> {yes | no, rest()}.
match(_, [], Rest) ->
    {no, Rest};
match({RangeType, _, Parameters} = Range, [{{Type, _, Own} = MediaType, _} = Candidate | More], Rest) ->
    case covers(Range, MediaType) of
        false ->
            match(Range, More, Rest);
        true when Own =:= '*' ->
            any_parameters(RangeType, Range, Candidate, More, Rest);
        true ->
            case lists:sort(Own) =:= lists:sort(Parameters) of
                true -> {yes, same_parameters(Type, Candidate, Rest)};
                false -> match(Range, More, Rest)
            end
    end.

-spec covers(farrier_rest:media_type(), farrier_rest:media_type()) -> boolean().
covers({<<"*">>, <<"*">>, _}, _) -> true;
covers({Type, <<"*">>, _}, {Type, _, _}) -> true;
covers({Type, Subtype, _}, {Type, Subtype, _}) -> true;
covers(_, _) -> false.

%% A charset asked for as a parameter of a text type must be one that the resource provides. A resource that provides
%% none by name is taken to have it.
-spec any_parameters(binary(), farrier_rest:media_type(), {farrier_rest:media_type(), atom()}, list(), rest()) ->
    {yes | no, rest()}.
any_parameters(<<"text">>, {_, _, Parameters} = Range, Candidate, More, #rest{generation = 2} = Rest) ->
    case lists:keytake(<<"charset">>, 1, Parameters) of
        {value, {_, Charset}, Others} ->
            case call(charsets_provided, Rest) of
                undefined ->
                    {yes, accepted(Parameters, Candidate, Rest)};
                {Charsets, Rest2} ->
                    Rest3 = Rest2#rest{charsets = Charsets},
                    case lists:member(Charset, Charsets) of
                        true -> {yes, accepted(Others, Candidate, Rest3#rest{charset = Charset})};
                        false -> match(Range, More, Rest3)
                    end
            end;
        false ->
            {yes, accepted(Parameters, Candidate, Rest)}
    end;
any_parameters(_, {_, _, Parameters}, Candidate, _, Rest) ->
    {yes, accepted(Parameters, Candidate, Rest)}.

%% The handler learns which parameters the client asked for.
-spec accepted([{binary(), binary()}], {farrier_rest:media_type(), atom()}, rest()) -> rest().
accepted(Parameters, {{Type, Subtype, _}, _} = Candidate, Rest) ->
    put(media_type, {Type, Subtype, Parameters}, Rest#rest{accepted = Candidate}).

%% The charset of a text type is negotiated once it is a parameter that both name.
-spec same_parameters(binary(), {farrier_rest:media_type(), atom()}, rest()) -> rest().
same_parameters(<<"text">>, {{Type, Subtype, Parameters}, Callback}, #rest{generation = 2} = Rest) ->
    case lists:keytake(<<"charset">>, 1, Parameters) of
        {value, {_, Charset}, Others} ->
            MediaType = {Type, Subtype, Others},
            put(media_type, MediaType, Rest#rest{accepted = {MediaType, Callback}, charset = Charset});
        false ->
            put(media_type, {Type, Subtype, Parameters}, Rest#rest{accepted = {{Type, Subtype, Parameters}, Callback}})
    end;
same_parameters(_, {MediaType, _} = Candidate, Rest) ->
    put(media_type, MediaType, Rest#rest{accepted = Candidate}).

%%% Language, RFC 9110 12.5.4

-spec languages(rest()) -> outcome().
languages(Rest) ->
    case call(languages_provided, Rest) of
        undefined -> charsets(Rest);
        {[], Rest2} -> {respond, 406, Rest2};
        {Languages, Rest2} ->
            language(farrier_rest_req:parsed(<<"accept-language">>, Rest2#rest{languages = Languages}))
    end.

-spec language({undefined | [{binary() | '*', 0..1000}], rest()}) -> outcome().
language({undefined, #rest{languages = [First | _]} = Rest}) ->
    spoken(First, Rest);
language({Accepted, Rest}) ->
    language_of(lists:sort(fun is_better/2, Accepted), Rest).

-spec is_better({term(), 0..1000}, {term(), 0..1000}) -> boolean().
is_better({_, QualityA}, {_, QualityB}) ->
    QualityA > QualityB.

-spec language_of([{binary() | '*', 0..1000}], rest()) -> outcome().
language_of([], Rest) ->
    {respond, 406, Rest};
language_of([{Range, _} | Ranges], #rest{languages = Languages} = Rest) ->
    case lists:search(fun(Language) -> is_within(Range, Language) end, Languages) of
        {value, Language} -> spoken(Language, Rest);
        false -> language_of(Ranges, Rest)
    end.

%% RFC 4647 3.3.1: a range covers the tags that it is a prefix of, by whole subtags.
-spec is_within(binary() | '*', binary()) -> boolean().
is_within('*', _) ->
    true;
is_within(Range, Language) ->
    Size = byte_size(Range),
    case Language of
        Range -> true;
        <<Range:Size/binary, $-, _/binary>> -> true;
        _ -> false
    end.

-spec spoken(binary(), rest()) -> outcome().
spoken(Language, Rest) ->
    charsets(put(language, Language, set_header(<<"content-language">>, Language, Rest))).

%%% Charset, RFC 9110 12.5.2

%% The media type may have settled it, or have asked the handler already.
-spec charsets(rest()) -> outcome().
charsets(#rest{charset = Charset} = Rest) when Charset =/= undefined ->
    content_type(Rest);
charsets(#rest{charsets = undefined} = Rest) ->
    case call(charsets_provided, Rest) of
        undefined -> content_type(Rest);
        {Charsets, Rest2} -> charset(Rest2#rest{charsets = Charsets})
    end;
charsets(Rest) ->
    charset(Rest).

-spec charset(rest()) -> outcome().
charset(#rest{charsets = []} = Rest) ->
    {respond, 406, Rest};
charset(Rest) ->
    case farrier_rest_req:parsed(<<"accept-charset">>, Rest) of
        {undefined, #rest{charsets = [First | _]} = Rest2} ->
            content_type(Rest2#rest{charset = First});
        {Accepted, Rest2} ->
            Wanted = by_preference(Rest2, lists:sort(fun is_better/2, Accepted)),
            charset_of([Charset || {Charset, Quality} <- Wanted, Quality > 0], Rest2)
    end.

%% RFC 2616 14.2, which generations before 2 follow: ISO-8859-1 is best unless it is mentioned, be it by a wildcard.
-spec by_preference(rest(), [{binary(), 0..1000}]) -> [{binary(), 0..1000}].
by_preference(#rest{generation = 2}, Sorted) ->
    Sorted;
by_preference(_, Sorted) ->
    case lists:keymember(<<"*">>, 1, Sorted) orelse lists:keymember(<<"iso-8859-1">>, 1, Sorted) of
        true -> Sorted;
        false -> [{<<"iso-8859-1">>, 1000} | Sorted]
    end.

-spec charset_of([binary()], rest()) -> outcome().
charset_of([], Rest) ->
    {respond, 406, Rest};
charset_of([<<"*">> | _], #rest{charsets = [First | _]} = Rest) ->
    content_type(Rest#rest{charset = First});
charset_of([Charset | More], #rest{charsets = Charsets} = Rest) ->
    case lists:member(Charset, Charsets) of
        true -> content_type(Rest#rest{charset = Charset});
        false -> charset_of(More, Rest)
    end.

%%% The outcome

-spec content_type(rest()) -> outcome().
content_type(#rest{accepted = {{Type, Subtype, Parameters}, _}, charset = Charset} = Rest) ->
    Value = [Type, $/, Subtype, parameters(Parameters), charset_parameter(Charset, Type, Rest)],
    ranges(put(charset, Charset, set_header(<<"content-type">>, Value, Rest))).

-spec parameters('*' | [{binary(), binary()}]) -> iodata().
parameters('*') -> <<>>;
parameters(Parameters) -> [[$;, Name, $=, Value] || {Name, Value} <- Parameters].

%% Only text has a charset (RFC 2046 4.1.2); generations before 2 name it with any type.
-spec charset_parameter(binary() | undefined, binary(), rest()) -> iodata().
charset_parameter(undefined, _, _) -> <<>>;
charset_parameter(_, Type, #rest{generation = 2}) when Type =/= <<"text">> -> <<>>;
charset_parameter(Charset, _, _) -> [<<"; charset=">>, Charset].

%% Range units, RFC 9110 14.3. Cowboy knows them from 2.6 on.
-spec ranges(rest()) -> outcome().
ranges(#rest{generation = 2} = Rest) ->
    case call(ranges_provided, Rest) of
        undefined ->
            variances(Rest);
        {[], Rest2} ->
            variances(set_header(<<"accept-ranges">>, <<"none">>, Rest2));
        {Ranges, Rest2} ->
            Units = lists:join(<<", ">>, [Unit || {Unit, _} <- Ranges]),
            variances(set_header(<<"accept-ranges">>, Units, Rest2#rest{ranges = Ranges}))
    end;
ranges(Rest) ->
    variances(Rest).

%% RFC 9110 12.5.5: what was chosen from more than one, and what the handler adds.
-spec variances(rest()) -> outcome().
variances(#rest{provided = Types, languages = Languages, charsets = Charsets} = Rest) ->
    Negotiated = [Name || {Name, [_, _ | _]} <- [
        {<<"accept-charset">>, Charsets}, {<<"accept-language">>, Languages}, {<<"accept">>, Types}
    ]],
    {More, Rest2} = call(variances, [], Rest),
    farrier_rest_precondition:start(vary(Negotiated ++ More, Rest2)).

-spec vary([binary()], rest()) -> rest().
vary([], Rest) -> Rest;
vary(Names, Rest) -> set_header(<<"vary">>, lists:join(<<", ">>, Names), Rest).
