%% Last phase of GET and HEAD: sends the representation, whole or in ranges.
-module(farrier_rest_content).

-include("farrier_rest.hrl").

-export([start/1, body/1, choices/1]).

-type rest() :: farrier_rest:rest().
-type outcome() :: farrier_rest:outcome().

-spec start(rest()) -> outcome().
start(Rest0) ->
    Rest1 = farrier_rest_validator:set_etag(Rest0),
    Rest2 = farrier_rest_validator:set_last_modified(Rest1),
    Rest3 = farrier_rest_validator:set_expires(Rest2),
    case farrier_rest_range:requested(Rest3) of
        {none, Rest4} -> whole(Rest4);
        {range, Range, Callback, Rest4} -> farrier_rest_range:start(Range, Callback, Rest4);
        {malformed, Rest4} -> {respond, 416, Rest4}
    end.

-spec whole(rest()) -> outcome().
whole(Rest) ->
    {Body, Rest2} = body(Rest),
    choices(farrier_rest_req:set_body(Body, Rest2)).

%% @doc What the callback for the negotiated media type returns.
-spec body(rest()) -> {term(), rest()}.
body(#rest{accepted = {_, Callback}} = Rest) ->
    farrier_rest_callback:required(Callback, content_types_provided, Rest).

%% @doc A response with a body is one of several choices, or the answer.
-spec choices(rest()) -> outcome().
choices(Rest) ->
    case farrier_rest_callback:ask(multiple_choices, false, Rest) of
        {true, Rest2} -> {respond, 200, Rest2};
        {false, Rest2} -> {respond, 300, Rest2}
    end.
