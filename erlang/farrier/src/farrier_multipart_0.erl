%% @doc The multipart parser of Cowboy 0: functions that return what comes next and a function for what follows.
%%
%% `farrier_multipart' cuts the body; here its steps are given the shape of continuations.
-module(farrier_multipart_0).

-export([parser/1, content_disposition/1]).

-export_type([parser/0, step/0]).

-type headers() :: [{farrier_req_0_header:name(), binary()}].
-type parser() :: fun((binary()) -> step()).
-type next() :: fun(() -> step()).
-type step() ::
    {headers, headers(), next()}
    | {body, binary(), next()}
    | {end_of_part, next()}
    | {more, parser()}
    | eof.

%% @doc A parser of a body with parts that `Boundary' separates. It is given the first bytes, and whenever it returns
%% `more' the next ones. Crashes with `badarg' on a malformed body.
-spec parser(binary()) -> parser().
parser(Boundary) when is_binary(Boundary) ->
    fun(Data) -> header(farrier_multipart:new(Data), Boundary) end.

-spec header(binary(), binary()) -> step().
header(Buffer, Boundary) ->
    case farrier_multipart:header(Buffer, Boundary) of
        {ok, Headers, Rest} ->
            Named = [{farrier_req_0_header:name(Name), Value} || {Name, Value} <- Headers],
            {headers, Named, fun() -> body(Rest, Boundary) end};
        {more, Rest} ->
            {more, fun(Data) -> header(<<Rest/binary, Data/binary>>, Boundary) end};
        done ->
            eof;
        error ->
            error(badarg)
    end.

-spec body(binary(), binary()) -> step().
body(Buffer, Boundary) ->
    case farrier_multipart:body(Buffer, Boundary) of
        {done, <<>>, Rest} -> end_of_part(Rest, Boundary);
        {done, Data, Rest} -> {body, Data, fun() -> end_of_part(Rest, Boundary) end};
        {more, <<>>, Rest} -> more(Rest, Boundary);
        {more, Data, Rest} -> {body, Data, fun() -> more(Rest, Boundary) end}
    end.

-spec more(binary(), binary()) -> step().
more(Rest, Boundary) ->
    {more, fun(Data) -> body(<<Rest/binary, Data/binary>>, Boundary) end}.

-spec end_of_part(binary(), binary()) -> step().
end_of_part(Rest, Boundary) ->
    {end_of_part, fun() -> header(Rest, Boundary) end}.

%% @doc The type and the parameters of a `Content-Disposition' value, the type and parameter names in lower case (RFC
%% 2183).
-spec content_disposition(binary()) -> {binary(), [{binary(), binary()}]} | {error, badarg}.
content_disposition(Value) ->
    %% A media type has the same parameters.
    case farrier_header:parse(<<"content-type">>, <<"x/", Value/binary>>) of
        {ok, {_, Disposition, Parameters}} -> {Disposition, Parameters};
        error -> {error, badarg}
    end.
