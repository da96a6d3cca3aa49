%% The headers of multipart bodies' parts, and what is written around parts, under Cowlib's name. Bodies are cut by
%% `cowboy_req:read_part/1' and its neighbours.
-module(cow_multipart).

-export([form_data/1, parse_content_disposition/1, parse_content_transfer_encoding/1, parse_content_type/1]).
-export([boundary/0, first_part/2, part/2, close/1]).

-export_type([headers/0]).

-type headers() :: [{iodata(), iodata()}].

%% @doc What a part of a form is: a field, or a file with its name and media type, by default text/plain (RFC 7578 4.4).
%% Takes the headers of Cowboy 1 (a list) and of Cowboy 2 (a map). Crashes if there is no name.
-spec form_data(headers() | #{binary() => binary()}) ->
    {data, Name :: binary()} | {file, Name :: binary(), File :: binary(), Type :: binary()}.
form_data(Headers) when is_list(Headers) ->
    form_data(maps:from_list(Headers));
form_data(#{<<"content-disposition">> := Disposition} = Headers) ->
    {<<"form-data">>, Params} = parse_content_disposition(Disposition),
    {_, Name} = lists:keyfind(<<"name">>, 1, Params),
    case lists:keyfind(<<"filename">>, 1, Params) of
        {_, File} -> {file, Name, File, maps:get(<<"content-type">>, Headers, <<"text/plain">>)};
        false -> {data, Name}
    end.

%% @doc The disposition and its parameters, in lower case but for the values.
-spec parse_content_disposition(binary()) -> {binary(), [{binary(), binary()}]}.
parse_content_disposition(Value) -> farrier_header:content_disposition(Value).

-spec parse_content_transfer_encoding(binary()) -> binary().
parse_content_transfer_encoding(Value) -> farrier_header:lower(Value).

-spec parse_content_type(binary()) -> {binary(), binary(), [{binary(), binary()}]}.
parse_content_type(Value) ->
    {ok, Type} = farrier_header:parse(<<"content-type">>, Value),
    Type.

%% @doc A new boundary, which no body is likely to hold.
-spec boundary() -> binary().
boundary() -> base64:encode(crypto:strong_rand_bytes(48)).

%% @doc The head of the first part of a body.
-spec first_part(binary(), headers()) -> iodata().
first_part(Boundary, Headers) ->
    [<<"--">>, Boundary, <<"\r\n">>, [[Name, <<": ">>, Value, <<"\r\n">>] || {Name, Value} <- Headers], <<"\r\n">>].

%% @doc The head of a part.
-spec part(binary(), headers()) -> iodata().
part(Boundary, Headers) -> [<<"\r\n">> | first_part(Boundary, Headers)].

%% @doc What follows the last part.
-spec close(binary()) -> iodata().
close(Boundary) -> [<<"\r\n--">>, Boundary, <<"--">>].
