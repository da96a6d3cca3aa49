%% POST and PUT as REST had them up to Cowboy 0.8.3: `post_is_create/2' decides between `process_post/2' and a callback
%% of `content_types_accepted/2'. That one finds the path of what it makes in the meta value `put_path', if the handler
%% has a `create_path/2'; else `created_path/2' is asked afterwards.
-module(farrier_rest_action_0).

-include("farrier_rest.hrl").

-export([speaks/1, post/1, put/1]).

-import(farrier_rest_callback, [call/2, ask/3, required/3]).
-import(farrier_rest_req, [set_header/3]).

-type rest() :: farrier_rest:rest().
-type outcome() :: farrier_rest:outcome().

%% @doc Whether the handler is of that time. Some of generation 1 are, for its first releases still had it so.
-spec speaks(rest()) -> boolean().
speaks(#rest{generation = 0}) ->
    true;
speaks(#rest{generation = 1, handler = Handler}) ->
    erlang:function_exported(Handler, post_is_create, 2) orelse
        (erlang:function_exported(Handler, process_post, 2) andalso
            not erlang:function_exported(Handler, content_types_accepted, 2));
speaks(_) ->
    false.

-spec post(rest()) -> outcome().
post(Rest) ->
    case ask(post_is_create, false, Rest) of
        {true, Rest2} -> processed(required(process_post, post_is_create, Rest2));
        {false, Rest2} -> create(call(create_path, Rest2), Rest2)
    end.

-spec processed({boolean(), rest()}) -> outcome().
processed({true, Rest}) -> is_new(Rest);
processed({false, Rest}) -> {respond, 500, Rest}.

-spec create({binary(), rest()} | undefined, rest()) -> outcome().
create(undefined, Rest) ->
    accept(Rest, fun(Made) -> {respond, 303, located(required(created_path, post_is_create, Made))} end);
create({Path, Rest}, _) ->
    accept(farrier_rest_req:put(put_path, Path, located({Path, Rest})), fun(Made) -> {respond, 303, Made} end).

-spec located({binary(), rest()}) -> rest().
located({Path, #rest{generation = Generation, req = Req} = Rest}) ->
    set_header(<<"location">>, [base_url(Generation, Req), Path], Rest).

-spec base_url(0 | 1, term()) -> iodata().
base_url(1, Req) ->
    {Url, _} = farrier_req_1:host_url(Req),
    Url;
base_url(0, Req) ->
    {Host, _} = farrier_req_0:raw_host(Req),
    {Port, _} = farrier_req_0:port(Req),
    case {farrier_exchange:transport(), Port} of
        {tcp, 80} -> [<<"http://">>, Host];
        {ssl, 443} -> [<<"https://">>, Host];
        {tcp, _} -> [<<"http://">>, Host, $:, integer_to_binary(Port)];
        {ssl, _} -> [<<"https://">>, Host, $:, integer_to_binary(Port)]
    end.

-spec put(rest()) -> outcome().
put(#rest{generation = Generation, req = Req} = Rest) ->
    accept(farrier_rest_req:put(put_path, path(Generation, Req), Rest), fun is_new/1).

-spec path(0 | 1, term()) -> binary().
path(1, Req) ->
    {Path, _} = farrier_req_1:path(Req),
    Path;
path(0, Req) ->
    {Path, _} = farrier_req_0:raw_path(Req),
    Path.

-spec accept(rest(), fun((rest()) -> outcome())) -> outcome().
accept(Rest, Accepted) ->
    case farrier_rest_action:content(Rest) of
        {true, Rest2} -> Accepted(Rest2);
        {false, Rest2} -> {respond, 500, Rest2};
        {respond, _, _} = Refused -> Refused
    end.

%% The handler has said where, if it has made something.
-spec is_new(rest()) -> outcome().
is_new(Rest) ->
    case farrier_rest_req:has_header(<<"location">>, Rest) of
        true -> {respond, 201, Rest};
        false -> farrier_rest_action:done(Rest)
    end.
