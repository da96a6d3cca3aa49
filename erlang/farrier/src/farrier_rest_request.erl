%% First phase of a REST request: may it be served at all? Answers it if not, and OPTIONS in any case.
-module(farrier_rest_request).

-include("farrier_rest.hrl").

-export([start/1]).

-import(farrier_rest_callback, [call/3, ask/3]).

-type rest() :: farrier_rest:rest().
-type outcome() :: farrier_rest:outcome().

-spec start(rest()) -> outcome().
start(Rest) ->
    available(ask(service_available, true, Rest)).

-spec available({boolean(), rest()}) -> outcome().
available({false, Rest}) ->
    {respond, 503, Rest};
available({true, #rest{method = Method} = Rest}) ->
    {Methods, Rest2} = call(known_methods, known_methods(Rest), Rest),
    known(lists:member(Method, names(Methods)), Rest2).

-spec names([binary() | atom()]) -> [binary()].
names(Methods) ->
    [farrier_rest_req:method_name(Method) || Method <- Methods].

%% Those that the machine has a way for.
-spec known_methods(rest()) -> [binary()].
known_methods(#rest{generation = 0}) ->
    [<<"HEAD">>, <<"GET">>, <<"POST">>, <<"PUT">>, <<"DELETE">>, <<"TRACE">>, <<"CONNECT">>, <<"OPTIONS">>];
known_methods(_) ->
    [<<"GET">>, <<"HEAD">>, <<"POST">>, <<"PUT">>, <<"PATCH">>, <<"DELETE">>, <<"OPTIONS">>].

-spec known(boolean(), rest()) -> outcome().
known(false, Rest) -> {respond, 501, Rest};
known(true, Rest) -> short_enough(ask(uri_too_long, false, Rest)).

-spec short_enough({boolean(), rest()}) -> outcome().
short_enough({false, Rest}) ->
    {respond, 414, Rest};
short_enough({true, #rest{method = Method} = Rest}) ->
    {Methods, Rest2} = call(allowed_methods, allowed_methods(Rest), Rest),
    Names = names(Methods),
    allowed(lists:member(Method, Names), Rest2#rest{allowed = Names}).

%% In the order of the allow header.
-spec allowed_methods(rest()) -> [binary()].
allowed_methods(#rest{generation = 0}) -> [<<"GET">>, <<"HEAD">>];
allowed_methods(_) -> [<<"HEAD">>, <<"GET">>, <<"OPTIONS">>].

-spec allowed(boolean(), rest()) -> outcome().
allowed(false, Rest) -> {respond, 405, allow(Rest)};
allowed(true, Rest) -> well_formed(ask(malformed_request, false, Rest)).

-spec allow(rest()) -> rest().
allow(#rest{allowed = Methods} = Rest) ->
    farrier_rest_req:set_header(<<"allow">>, iolist_to_binary(lists:join(<<", ">>, Methods)), Rest).

-spec well_formed({boolean(), rest()}) -> outcome().
well_formed({false, Rest}) -> {respond, 400, Rest};
well_formed({true, Rest}) -> authorized(call(is_authorized, true, Rest)).

-spec authorized({true | {false, iodata()}, rest()}) -> outcome().
authorized({{false, Challenge}, Rest}) ->
    {respond, 401, farrier_rest_req:set_header(<<"www-authenticate">>, Challenge, Rest)};
authorized({true, Rest}) ->
    permitted(ask(forbidden, false, Rest)).

-spec permitted({boolean(), rest()}) -> outcome().
permitted({false, Rest}) -> {respond, 403, Rest};
permitted({true, #rest{generation = 2} = Rest}) -> limited(call(rate_limited, false, Rest));
permitted({true, Rest}) -> limited({false, Rest}).

-spec limited({false | {true, non_neg_integer() | calendar:datetime()}, rest()}) -> outcome().
limited({{true, RetryAfter}, Rest}) ->
    {respond, 429, farrier_rest_req:set_header(<<"retry-after">>, retry_after(RetryAfter), Rest)};
limited({false, Rest}) ->
    valid_headers(ask(valid_content_headers, true, Rest)).

-spec retry_after(non_neg_integer() | calendar:datetime()) -> binary().
retry_after(Seconds) when is_integer(Seconds), Seconds >= 0 -> integer_to_binary(Seconds);
retry_after({_, _} = Date) -> farrier_clock:rfc1123(Date).

-spec valid_headers({boolean(), rest()}) -> outcome().
valid_headers({false, Rest}) ->
    {respond, 501, Rest};
valid_headers({true, #rest{generation = Generation} = Rest}) when Generation =:= 0; Generation =:= 1 ->
    known_type(ask(known_content_type, true, Rest));
valid_headers({true, Rest}) ->
    valid_length(ask(valid_entity_length, true, Rest)).

-spec known_type({boolean(), rest()}) -> outcome().
known_type({true, Rest}) -> valid_length(ask(valid_entity_length, true, Rest));
known_type({false, #rest{generation = 0} = Rest}) -> {respond, 413, Rest};
known_type({false, Rest}) -> {respond, 415, Rest}.

-spec valid_length({boolean(), rest()}) -> outcome().
valid_length({false, Rest}) ->
    {respond, 413, Rest};
valid_length({true, #rest{method = <<"OPTIONS">>} = Rest}) ->
    options(Rest);
valid_length({true, Rest}) ->
    farrier_rest_negotiation:start(Rest).

-spec options(rest()) -> outcome().
options(Rest) ->
    case farrier_rest_callback:call(options, Rest) of
        undefined -> {respond, 200, allow(Rest)};
        {ok, Rest2} -> {respond, 200, Rest2}
    end.
