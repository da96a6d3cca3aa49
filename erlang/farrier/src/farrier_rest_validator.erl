%% What a resource says of its state: entity tag, date of the last change, date of expiry. It is asked by whichever
%% phase needs to know first, and again only if it had nothing to say.
-module(farrier_rest_validator).

-include("farrier_rest.hrl").

-export([etag/1, last_modified/1, set_etag/1, set_last_modified/1, set_expires/1]).

-import(farrier_rest_callback, [call/2, call/3]).
-import(farrier_rest_req, [set_header/3]).

-type rest() :: farrier_rest:rest().

-spec etag(rest()) -> {undefined | {strong | weak, binary()}, rest()}.
etag(#rest{etag = unknown} = Rest) ->
    case call(generate_etag, Rest) of
        undefined ->
            {undefined, Rest#rest{etag = undefined}};
        {undefined, Rest2} ->
            {undefined, Rest2};
        {Answer, Rest2} ->
            Etag = parsed_etag(Answer, Rest2),
            {Etag, Rest2#rest{etag = Etag}}
    end;
etag(#rest{etag = Etag} = Rest) ->
    {Etag, Rest}.

%% Text is as it stands in the header.
-spec parsed_etag(binary() | {strong | weak, binary()}, rest()) -> {strong | weak, binary()}.
parsed_etag(Text, Rest) when is_binary(Text) ->
    case farrier_header:parse(<<"if-match">>, Text) of
        {ok, [Etag]} -> Etag;
        _ -> farrier_rest_callback:failed(generate_etag, function_clause, Rest)
    end;
parsed_etag(Etag, _) ->
    Etag.

-spec last_modified(rest()) -> {undefined | calendar:datetime(), rest()}.
last_modified(#rest{last_modified = unknown} = Rest) ->
    case call(last_modified, Rest) of
        undefined -> {undefined, Rest#rest{last_modified = undefined}};
        {undefined, Rest2} -> {undefined, Rest2};
        {Date, Rest2} -> {Date, Rest2#rest{last_modified = Date}}
    end;
last_modified(#rest{last_modified = Date} = Rest) ->
    {Date, Rest}.

-spec set_etag(rest()) -> rest().
set_etag(Rest) ->
    case etag(Rest) of
        {undefined, Rest2} -> Rest2;
        {{strong, Tag}, Rest2} -> set_header(<<"etag">>, [$", Tag, $"], Rest2);
        {{weak, Tag}, Rest2} -> set_header(<<"etag">>, [<<"W/\"">>, Tag, $"], Rest2)
    end.

-spec set_last_modified(rest()) -> rest().
set_last_modified(Rest) ->
    case last_modified(Rest) of
        {None, Rest2} when is_atom(None) -> Rest2;
        {Date, Rest2} -> set_header(<<"last-modified">>, farrier_clock:rfc1123(Date), Rest2)
    end.

-spec set_expires(rest()) -> rest().
set_expires(Rest) ->
    case call(expires, undefined, Rest) of
        {None, Rest2} when is_atom(None) -> Rest2;
        {Text, Rest2} when is_binary(Text) -> set_header(<<"expires">>, Text, Rest2);
        {Date, Rest2} -> set_header(<<"expires">>, farrier_clock:rfc1123(Date), Rest2)
    end.
