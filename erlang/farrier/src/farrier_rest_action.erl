%% Last phase of the methods that change something (POST, PUT, PATCH, DELETE), of methods that the machine has no way
%% for, and of every method on a resource that does not exist.
-module(farrier_rest_action).

-include("farrier_rest.hrl").

-export([existing/1, missing/1]).
%% For `farrier_rest_action_0'.
-export([content/1, done/1]).

-import(farrier_rest_callback, [call/2, call/3, ask/3]).
-import(farrier_rest_req, [set_header/3]).

-type rest() :: farrier_rest:rest().
-type outcome() :: farrier_rest:outcome().

-spec existing(rest()) -> outcome().
existing(#rest{method = <<"DELETE">>} = Rest) -> delete(Rest);
existing(#rest{method = <<"PUT">>} = Rest) -> conflict(Rest);
existing(#rest{method = <<"POST">>} = Rest) -> accept(Rest);
existing(#rest{method = <<"PATCH">>, generation = Generation} = Rest) when Generation =/= 0 -> accept(Rest);
existing(Rest) -> farrier_rest_content:choices(Rest).

%%% Missing resources

-spec missing(rest()) -> outcome().
missing(#rest{method = <<"PUT">>} = Rest) ->
    moved(call(moved_permanently, false, Rest), 301, fun conflict/1);
missing(Rest) ->
    case ask(previously_existed, false, Rest) of
        {true, Rest2} ->
            create(404, Rest2);
        {false, Rest2} ->
            moved(call(moved_permanently, false, Rest2), 301, fun(Rest3) ->
                moved(call(moved_temporarily, false, Rest3), 307, fun(Rest4) -> create(410, Rest4) end)
            end)
    end.

-spec moved({false | {true, iodata()}, rest()}, 301 | 307, fun((rest()) -> outcome())) -> outcome().
moved({{true, Location}, Rest}, Status, _) -> {respond, Status, set_header(<<"location">>, Location, Rest)};
moved({false, Rest}, _, Else) -> Else(Rest).

%% A POST may make the resource that it names.
-spec create(404 | 410, rest()) -> outcome().
create(Missing, #rest{method = <<"POST">>} = Rest) ->
    case ask(allow_missing_post, true, Rest) of
        {true, Rest2} -> accept(Rest2);
        {false, Rest2} -> {respond, Missing, Rest2}
    end;
create(Missing, Rest) ->
    {respond, Missing, Rest}.

%%% DELETE

-spec delete(rest()) -> outcome().
delete(Rest) ->
    case call(delete_resource, false, Rest) of
        {false, Rest2} -> {respond, 500, Rest2};
        {_, Rest2} -> deleted(ask(delete_completed, true, Rest2))
    end.

-spec deleted({boolean(), rest()}) -> outcome().
deleted({true, Rest}) -> done(Rest);
deleted({false, Rest}) -> {respond, 202, Rest}.

%%% PUT, POST and PATCH

-spec conflict(rest()) -> outcome().
conflict(Rest) ->
    case ask(is_conflict, false, Rest) of
        {true, Rest2} -> accept(Rest2);
        {false, Rest2} -> {respond, 409, Rest2}
    end.

-spec accept(rest()) -> outcome().
accept(#rest{method = Method} = Rest) ->
    case farrier_rest_action_0:speaks(Rest) of
        true when Method =:= <<"POST">> -> farrier_rest_action_0:post(Rest);
        true when Method =:= <<"PUT">> -> farrier_rest_action_0:put(Rest);
        _ -> process(content(Rest))
    end.

%% @doc Hands the request to the callback for its content type. Returns what that says, or the refusal.
-spec content(rest()) -> {term(), rest()} | outcome().
content(Rest) ->
    case call(content_types_accepted, Rest) of
        undefined ->
            {respond, 415, Rest};
        {Types, Rest2} ->
            Accepted = [farrier_rest_req:media_type(Type) || Type <- Types],
            content_type(farrier_rest_req:parse(<<"content-type">>, Rest2), Accepted)
    end.

-spec content_type({ok, term(), rest()} | {malformed, rest()}, [{farrier_rest:media_type() | '*', atom()}]) ->
    {term(), rest()} | outcome().
content_type({malformed, Rest}, _) ->
    {respond, 415, Rest};
content_type({ok, ContentType, Rest}, Accepted) ->
    Compared = without_boundary(ContentType, Rest),
    case lists:search(fun({Type, _}) -> takes(Type, Compared) end, Accepted) of
        {value, {_, Callback}} -> farrier_rest_callback:required(Callback, content_types_accepted, Rest);
        false -> {respond, 415, Rest}
    end.

%% The boundary of a multipart body says nothing of what it is.
-spec without_boundary(term(), rest()) -> term().
without_boundary({<<"multipart">>, Subtype, Parameters}, #rest{generation = 2}) ->
    {<<"multipart">>, Subtype, lists:keydelete(<<"boundary">>, 1, Parameters)};
without_boundary(ContentType, _) ->
    ContentType.

-spec takes(farrier_rest:media_type() | '*', term()) -> boolean().
takes('*', _) -> true;
takes({Type, Subtype, '*'}, {Type, Subtype, _}) -> true;
takes(Type, ContentType) -> Type =:= ContentType.

-spec process({term(), rest()} | outcome()) -> outcome().
process({respond, _, _} = Refused) ->
    Refused;
process({true, Rest}) ->
    processed(Rest);
process({false, Rest}) ->
    {respond, 400, Rest};
process({{Result, Location}, #rest{method = <<"POST">>} = Rest}) when
    Result =:= true; Result =:= created; Result =:= see_other
->
    {respond, status(Result, Rest), set_header(<<"location">>, Location, Rest)};
%% Cowboy 0.8.4.
process({Location, #rest{method = <<"POST">>, generation = 1} = Rest}) when is_binary(Location) ->
    process({{true, Location}, Rest}).

-spec status(true | created | see_other, rest()) -> 201 | 303.
status(created, _) -> 201;
status(see_other, _) -> 303;
status(true, #rest{exists = true}) -> 303;
status(true, _) -> 201.

%% RFC 9110 9.3.4: what was not there and was PUT is there now. Otherwise the handler has set `location' for what it
%% made.
-spec processed(rest()) -> outcome().
processed(#rest{exists = true} = Rest) ->
    done(Rest);
processed(#rest{method = <<"PUT">>} = Rest) ->
    {respond, 201, Rest};
processed(Rest) ->
    case farrier_rest_req:has_header(<<"location">>, Rest) of
        true -> {respond, 201, Rest};
        false -> done(Rest)
    end.

%% @doc The request is fulfilled, with a body in return or without.
-spec done(rest()) -> outcome().
done(Rest) ->
    case farrier_rest_req:has_body(Rest) of
        true -> farrier_rest_content:choices(Rest);
        false -> {respond, 204, Rest}
    end.
