%% The multipart parser of Cowboy 0 and 1. See `farrier_multipart_0'.
-module(cowboy_multipart).

-export([parser/1, content_disposition/1]).

%% @doc A parser of a body with parts that `Boundary' separates.
-spec parser(binary()) -> farrier_multipart_0:parser().
parser(Boundary) ->
    farrier_multipart_0:parser(Boundary).

%% @doc The type and the parameters of a `Content-Disposition' value.
-spec content_disposition(binary()) -> {binary(), [{binary(), binary()}]} | {error, badarg}.
content_disposition(Value) ->
    farrier_multipart_0:content_disposition(Value).
