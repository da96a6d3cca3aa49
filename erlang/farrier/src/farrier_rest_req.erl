%% What the REST state machine reads from a Req and writes into it, in every generation.
-module(farrier_rest_req).

-include("farrier_rest.hrl").

-export([method/2, method_name/1, media_type/1, header/2, parse/2, parsed/2]).
-export([put/3, set_header/3, delete_header/2, header_set/2, set_body/2, has_body/1, reply/2, stream/3]).

-type rest() :: farrier_rest:rest().

-spec method(farrier_handler:generation(), term()) -> binary() | atom().
method(2, Req) -> farrier_req_2:method(Req).

%% @doc A request header as it stands.
-spec header(binary(), rest()) -> binary() | undefined.
header(Name, #rest{generation = 2, req = Req}) -> farrier_req_2:header(Name, Req).

%% @doc A parsed request header, `undefined' without it.
-spec parse(binary(), rest()) -> {ok, term(), rest()} | {malformed, rest()}.
parse(Name, #rest{generation = 2, req = Req} = Rest) ->
    try
        {ok, farrier_req_2:parse_header(Name, Req), Rest}
    catch
        exit:{request_error, _, _} -> {malformed, Rest}
    end.

%% @doc The same where a malformed header fails the request.
-spec parsed(binary(), rest()) -> {term(), rest()}.
parsed(Name, #rest{generation = 2, req = Req} = Rest) ->
    {farrier_req_2:parse_header(Name, Req), Rest}.

%% @doc A media type in a handler's list is parsed or text.
-spec media_type({binary() | farrier_rest:media_type() | '*', atom()}) -> {farrier_rest:media_type() | '*', atom()}.
media_type({Text, Callback}) when is_binary(Text) ->
    case farrier_header:parse(<<"content-type">>, Text) of
        {ok, MediaType} -> {MediaType, Callback};
        error -> error({malformed_media_type, Text})
    end;
media_type(Parsed) ->
    Parsed.

-spec method_name(binary() | atom()) -> binary().
method_name(Method) when is_atom(Method) -> atom_to_binary(Method, utf8);
method_name(Method) -> Method.

%% @doc Tells the handler what was negotiated: a key of the Req.
-spec put(media_type | language | charset | range, term(), rest()) -> rest().
put(Key, Value, #rest{generation = 2, req = Req} = Rest) -> Rest#rest{req = Req#{Key => Value}}.

-spec set_header(binary(), iodata(), rest()) -> rest().
set_header(Name, Value, #rest{generation = 2, req = Req} = Rest) ->
    Rest#rest{req = farrier_req_2:set_resp_header(Name, Value, Req)}.

-spec delete_header(binary(), rest()) -> rest().
delete_header(Name, #rest{generation = 2, req = Req} = Rest) ->
    Rest#rest{req = farrier_req_2:delete_resp_header(Name, Req)}.

%% @doc A header set for the response.
-spec header_set(binary(), rest()) -> iodata() | undefined.
header_set(Name, #rest{generation = 2, req = Req}) -> farrier_req_2:resp_header(Name, Req).

-spec set_body(term(), rest()) -> rest().
set_body(Body, #rest{generation = 2, req = Req} = Rest) ->
    Rest#rest{req = farrier_req_2:set_resp_body(Body, Req)}.

-spec has_body(rest()) -> boolean().
has_body(#rest{generation = 2, req = Req}) -> farrier_req_2:has_resp_body(Req).

%% @doc Sends the response. In generation 2 a response without a body has no content-type.
-spec reply(200..599, rest()) -> rest().
reply(Status, #rest{generation = 2} = Rest) ->
    #rest{req = Req} = typed(has_body(Rest), Rest),
    Rest#rest{req = farrier_req_2:reply(Status, Req)}.

-spec typed(boolean(), rest()) -> rest().
typed(true, Rest) -> Rest;
typed(false, Rest) -> delete_header(<<"content-type">>, Rest).

%% @doc Sends a response whose body consists of several pieces, files among them. Generation 2 alone has such.
-spec stream(200..599, [farrier_exchange:body()], rest()) -> rest().
stream(Status, Pieces, #rest{generation = 2, req = Req0} = Rest) ->
    Req = farrier_req_2:stream_reply(Status, Req0),
    lists:foreach(fun(Piece) -> ok = farrier_req_2:stream_body(Piece, nofin, Req) end, Pieces),
    ok = farrier_req_2:stream_body(<<>>, fin, Req),
    Rest#rest{req = Req}.
