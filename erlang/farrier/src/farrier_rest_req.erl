%% What the REST state machine reads from a Req and writes into it, in every generation. Names of headers are in lower
%% case here; methods are text.
%%
%% The Req of the pre-releases of Cowboy 2 wraps that of Cowboy 1, so that one clause serves both.
-module(farrier_rest_req).

-include("farrier_rest.hrl").

-export([method/2, method_name/1, media_type/1, header/2, parse/2, parsed/2]).
-export([put/3, set_header/3, delete_header/2, has_header/2, header_value/2, set_body/2, has_body/1]).
-export([reply/2, stream/3]).

-type rest() :: farrier_rest:rest().

%%% Request

-spec method(farrier_handler:generation(), term()) -> binary().
method(2, Req) ->
    farrier_req_2:method(Req);
method('2pre', Req) ->
    farrier_req_2pre:method(Req);
method(1, Req) ->
    {Method, _} = farrier_req_1:method(Req),
    Method;
method(0, Req) ->
    {Method, _} = farrier_req_0:method(Req),
    method_name(Method).

%% @doc Handlers of generation 0 have atoms for methods.
-spec method_name(binary() | atom()) -> binary().
method_name(Method) when is_atom(Method) -> atom_to_binary(Method, utf8);
method_name(Method) -> Method.

%% @doc A media type in a handler's list is parsed or text.
-spec media_type({binary() | farrier_rest:media_type() | '*', atom()}) -> {farrier_rest:media_type() | '*', atom()}.
media_type({Text, Callback}) when is_binary(Text) ->
    case farrier_header:parse(<<"content-type">>, Text) of
        {ok, MediaType} -> {MediaType, Callback};
        error -> error({malformed_media_type, Text})
    end;
media_type(Parsed) ->
    Parsed.

%% @doc A request header as it stands.
-spec header(binary(), rest()) -> binary() | undefined.
header(Name, #rest{generation = 2, req = Req}) ->
    farrier_req_2:header(Name, Req);
header(Name, #rest{generation = 0, req = Req}) ->
    {Value, _} = farrier_req_0:header(farrier_req_0_header:name(Name), Req),
    Value;
header(Name, Rest) ->
    {Value, _} = farrier_req_1:header(Name, record(Rest)),
    Value.

%% @doc A parsed request header, `undefined' without it.
-spec parse(binary(), rest()) -> {ok, term(), rest()} | {malformed, rest()}.
parse(Name, #rest{generation = 2, req = Req} = Rest) ->
    try
        {ok, farrier_req_2:parse_header(Name, Req), Rest}
    catch
        exit:{request_error, _, _} -> {malformed, Rest}
    end;
parse(Name, #rest{generation = 0, req = Req} = Rest) ->
    case farrier_req_0:parse_header(farrier_req_0_header:name(Name), Req) of
        {error, badarg} -> {malformed, Rest};
        {Value, Req2} -> {ok, Value, Rest#rest{req = Req2}}
    end;
parse(Name, Rest) ->
    case farrier_req_1:parse_header(Name, record(Rest)) of
        {error, badarg} -> {malformed, Rest};
        {ok, Value, Req} -> {ok, Value, with_record(Req, Rest)}
    end.

%% @doc The same where a malformed header fails the request.
-spec parsed(binary(), rest()) -> {term(), rest()}.
parsed(Name, #rest{generation = 2, req = Req} = Rest) ->
    {farrier_req_2:parse_header(Name, Req), Rest};
parsed(Name, Rest) ->
    case parse(Name, Rest) of
        {ok, Value, Rest2} -> {Value, Rest2};
        {malformed, Rest2} -> farrier_rest_callback:leave({respond, 400, Rest2})
    end.

-spec record(rest()) -> farrier_req_1:req().
record(#rest{generation = 1, req = Req}) -> Req;
record(#rest{generation = '2pre', req = Req}) -> farrier_req_2pre:to_1(Req).

-spec with_record(farrier_req_1:req(), rest()) -> rest().
with_record(Req, #rest{generation = 1} = Rest) -> Rest#rest{req = Req};
with_record(Req, #rest{generation = '2pre'} = Rest) -> Rest#rest{req = farrier_req_2pre:from_1(Req)}.

%% @doc Tells the handler what was found out: a key of the Req in generation 2, a meta value before.
-spec put(media_type | language | charset | range | put_path, term(), rest()) -> rest().
put(Key, Value, #rest{generation = 2, req = Req} = Rest) -> Rest#rest{req = Req#{Key => Value}};
put(Key, Value, #rest{generation = 0, req = Req} = Rest) -> Rest#rest{req = farrier_req_0:set_meta(Key, Value, Req)};
put(Key, Value, Rest) -> with_record(farrier_req_1:set_meta(Key, Value, record(Rest)), Rest).

%%% Response

-spec set_header(binary(), iodata(), rest()) -> rest().
set_header(Name, Value, #rest{generation = 2, req = Req} = Rest) ->
    Rest#rest{req = farrier_req_2:set_resp_header(Name, Value, Req)};
set_header(Name, Value, #rest{generation = 0, req = Req} = Rest) ->
    {ok, Req2} = farrier_req_0_resp:set_resp_header(name_0(Name), Value, Req),
    Rest#rest{req = Req2};
set_header(Name, Value, Rest) ->
    with_record(farrier_req_1:set_resp_header(Name, Value, record(Rest)), Rest).

%% As hooks of the listener see it.
-spec name_0(binary()) -> farrier_req_0_header:name().
name_0(<<"etag">>) -> <<"ETag">>;
name_0(Name) -> farrier_req_0_header:name(Name).

-spec delete_header(binary(), rest()) -> rest().
delete_header(Name, #rest{generation = 2, req = Req} = Rest) ->
    Rest#rest{req = farrier_req_2:delete_resp_header(Name, Req)};
delete_header(Name, #rest{generation = 0, req = Req} = Rest) ->
    Rest#rest{req = farrier_req_0_resp:delete_resp_header(name_0(Name), Req)};
delete_header(Name, Rest) ->
    with_record(farrier_req_1:delete_resp_header(Name, record(Rest)), Rest).

%% @doc Whether a header was set for the response.
-spec has_header(binary(), rest()) -> boolean().
has_header(Name, #rest{generation = 2, req = Req}) -> farrier_req_2:has_resp_header(Name, Req);
has_header(Name, #rest{generation = 0, req = Req}) -> farrier_req_0_resp:has_resp_header(name_0(Name), Req);
has_header(Name, Rest) -> farrier_req_1:has_resp_header(Name, record(Rest)).

%% @doc A header set for the response. Only ranges ask for it, which generation 2 alone has.
-spec header_value(binary(), rest()) -> iodata() | undefined.
header_value(Name, #rest{generation = 2, req = Req}) -> farrier_req_2:resp_header(Name, Req).

%% @doc Takes what a provide callback may return: before generation 2 also a fun that sends the body.
-spec set_body(term(), rest()) -> rest().
set_body(Body, #rest{generation = 2, req = Req} = Rest) ->
    Rest#rest{req = farrier_req_2:set_resp_body(Body, Req)};
set_body({stream, Length, Fun}, #rest{generation = 0, req = Req} = Rest) ->
    {ok, Req2} = farrier_req_0_resp:set_resp_body_fun(Length, Fun, Req),
    Rest#rest{req = Req2};
set_body(Body, #rest{generation = 0, req = Req} = Rest) ->
    {ok, Req2} = farrier_req_0_resp:set_resp_body(Body, Req),
    Rest#rest{req = Req2};
set_body({stream, Fun}, Rest) ->
    with_record(farrier_req_1:set_resp_body_fun(Fun, record(Rest)), Rest);
set_body({stream, Length, Fun}, Rest) ->
    with_record(farrier_req_1:set_resp_body_fun(Length, Fun, record(Rest)), Rest);
set_body({chunked, Fun}, Rest) ->
    with_record(farrier_req_1:set_resp_body_fun(chunked, Fun, record(Rest)), Rest);
set_body(Body, Rest) ->
    with_record(farrier_req_1:set_resp_body(Body, record(Rest)), Rest).

-spec has_body(rest()) -> boolean().
has_body(#rest{generation = 2, req = Req}) -> farrier_req_2:has_resp_body(Req);
has_body(#rest{generation = 0, req = Req}) -> farrier_req_0_resp:has_resp_body(Req);
has_body(Rest) -> farrier_req_1:has_resp_body(record(Rest)).

%% @doc Sends the response. In generation 2 a response without a body has no content-type.
-spec reply(200..599, rest()) -> rest().
reply(Status, #rest{generation = 2} = Rest) ->
    #rest{req = Req} = typed(has_body(Rest), Rest),
    Rest#rest{req = farrier_req_2:reply(Status, Req)};
reply(Status, #rest{generation = 0, req = Req} = Rest) ->
    {ok, Req2} = farrier_req_0_resp:reply(Status, Req),
    Rest#rest{req = Req2};
reply(Status, Rest) ->
    {ok, Req} = farrier_req_1:reply(Status, record(Rest)),
    with_record(Req, Rest).

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
