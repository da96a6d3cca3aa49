%% @doc Reads the body of a request of generation 0: whole, in pieces, as a form, or part by part.
%%
%% The transport sends `100 Continue' when the body is first read, and has decoded it: a function for transfer codings
%% is taken and not called.
-module(farrier_req_0_body).

-include("../../cowboy/include/http.hrl").

-export([has_body/1, body_length/1, init_stream/4, stream_body/1, skip_body/1, body/1, body/2, body_qs/1]).
-export([multipart_data/1, multipart_skip/1]).
-export([state_0/1, state_1/1]).

-type req() :: farrier_req_0:req().
-type content_decode() :: fun((binary()) -> {ok, binary()} | {error, atom()}).

%% Milliseconds that a client may take for the next piece.
-define(TIMEOUT, 5000).

-spec has_body(req()) -> {boolean(), req()}.
has_body(#http_req{headers = Headers} = Req) ->
    Has = lists:keymember('Content-Length', 1, Headers) orelse lists:keymember('Transfer-Encoding', 1, Headers),
    {Has, Req}.

%% @doc `undefined' for a body in chunks that has not been read.
-spec body_length(req()) -> {non_neg_integer() | undefined, req()} | {error, badarg}.
body_length(#http_req{headers = Headers} = Req) ->
    case lists:keymember('Transfer-Encoding', 1, Headers) of
        true -> {undefined, Req};
        false -> farrier_req_0:parse_header('Content-Length', Req, 0)
    end.

%% @doc Sets the function that decodes the content, to be called before the body is read.
-spec init_stream(fun(), term(), content_decode(), req()) -> {ok, req()}.
init_stream(TransferDecode, TransferState, ContentDecode, Req) ->
    {ok, Req#http_req{body_state = {stream, TransferDecode, TransferState, ContentDecode}}}.

%% @doc The next piece of the body, as much of it as there is.
-spec stream_body(req()) -> {ok, binary(), req()} | {done, req()} | {error, atom()}.
stream_body(#http_req{body_state = done} = Req) ->
    {done, Req};
stream_body(#http_req{body_state = waiting} = Req0) ->
    case has_body(Req0) of
        {false, Req} ->
            {done, Req#http_req{body_state = done}};
        {true, Req} ->
            stream_body(Req#http_req{body_state = {stream, fun identity/2, 0, fun identity/1}})
    end;
stream_body(#http_req{pid = Pid, body_state = {stream, _, _, Decode}} = Req) ->
    X = farrier_exchange:find(Pid),
    case farrier_exchange:read_body(X, auto, ?TIMEOUT, ?TIMEOUT + 1000) of
        {more, <<>>} -> {error, timeout};
        {more, Data} -> decoded(Decode(Data), read(Data, Req));
        {ok, <<>>} -> {done, complete(Req)};
        {ok, Data} -> decoded(Decode(Data), complete(read(Data, Req)));
        {error, Reason} -> {error, Reason}
    end.

-spec identity(binary()) -> {ok, binary()}.
identity(Data) -> {ok, Data}.

-spec identity(binary(), non_neg_integer()) -> {ok, binary(), non_neg_integer()}.
identity(Data, Read) -> {ok, Data, Read + byte_size(Data)}.

-spec decoded({ok, binary()} | {error, atom()}, req()) -> {ok, binary(), req()} | {error, atom()}.
decoded({ok, Data}, Req) -> {ok, Data, Req};
decoded({error, Reason}, _) -> {error, Reason}.

%% Counts the bytes, unless the handler brought a state of its own.
-spec read(binary(), req()) -> req().
read(Data, #http_req{body_state = {stream, Transfer, Read, Content}} = Req) when is_integer(Read) ->
    Req#http_req{body_state = {stream, Transfer, Read + byte_size(Data), Content}};
read(_, Req) ->
    Req.

%% The length of a body is known once it is read.
-spec complete(req()) -> req().
complete(#http_req{body_state = {stream, _, Read, _}} = Req) when is_integer(Read) ->
    #http_req{headers = Headers, p_headers = Parsed} = Req,
    Length = {'Content-Length', integer_to_binary(Read)},
    Req#http_req{
        body_state = done,
        headers = lists:keystore('Content-Length', 1, lists:keydelete('Transfer-Encoding', 1, Headers), Length),
        p_headers = lists:keydelete('Transfer-Encoding', 1, lists:keydelete('Content-Length', 1, Parsed))
    };
complete(Req) ->
    Req#http_req{body_state = done}.

%% @doc Reads what is left of the body and forgets it.
-spec skip_body(req()) -> {ok, req()} | {error, atom()}.
skip_body(Req0) ->
    case stream_body(Req0) of
        {ok, _, Req} -> skip_body(Req);
        {done, Req} -> {ok, Req};
        {error, Reason} -> {error, Reason}
    end.

-spec body(req()) -> {ok, binary(), req()} | {error, atom()}.
body(Req) ->
    body(infinity, Req).

%% @doc The whole body. One that is longer than `MaxLength' bytes is a `function_clause', as in 0.6.
-spec body(non_neg_integer() | infinity, req()) -> {ok, binary(), req()} | {error, atom()}.
body(MaxLength, Req) ->
    whole(MaxLength, Req, <<>>).

-spec whole(non_neg_integer() | infinity, req(), binary()) -> {ok, binary(), req()} | {error, atom()}.
whole(MaxLength, Req0, Acc) when byte_size(Acc) =< MaxLength ->
    case stream_body(Req0) of
        {ok, Data, Req} -> whole(MaxLength, Req, <<Acc/binary, Data/binary>>);
        {done, Req} -> {ok, Acc, Req};
        {error, Reason} -> {error, Reason}
    end.

%% @doc The pairs of a form. Crashes if the body cannot be read.
-spec body_qs(req()) -> {[{binary(), binary() | true}], req()}.
body_qs(#http_req{urldecode = {Decode, Argument}} = Req0) ->
    {ok, Body, Req} = body(Req0),
    {farrier_url_0:form(Body, fun(Text) -> Decode(Text, Argument) end), Req}.

%%% Multipart

%% @doc What comes next in a multipart body: the headers of a part, a piece of it, its end, the end of the body.
%% Crashes if the body is not multipart.
-spec multipart_data(req()) ->
    {{headers, [{farrier_req_0_header:name(), binary()}]} | {body, binary()} | end_of_part | eof, req()}.
multipart_data(#http_req{body_state = done} = Req) ->
    {eof, Req};
multipart_data(#http_req{body_state = waiting} = Req0) ->
    {{<<"multipart">>, _, Parameters}, Req} = farrier_req_0:parse_header('Content-Type', Req0),
    {_, Boundary} = lists:keyfind(<<"boundary">>, 1, Parameters),
    step({more, farrier_multipart_0:parser(Boundary)}, Req);
multipart_data(#http_req{body_state = {multipart, Body, Next}} = Req) ->
    step(Next(), Req#http_req{body_state = Body}).

-spec step(farrier_multipart_0:step(), req()) ->
    {{headers, [{farrier_req_0_header:name(), binary()}]} | {body, binary()} | end_of_part | eof, req()}.
step({headers, Headers, Next}, Req) ->
    {{headers, Headers}, next(Next, Req)};
step({body, Data, Next}, Req) ->
    {{body, Data}, next(Next, Req)};
step({end_of_part, Next}, Req) ->
    {end_of_part, next(Next, Req)};
step({more, Parser}, Req0) ->
    {ok, Data, Req} = stream_body(Req0),
    step(Parser(Data), Req);
step(eof, Req0) ->
    {ok, Req} = skip_body(Req0),
    {eof, Req}.

%% The state of the body waits behind that of the parser.
-spec next(fun(), req()) -> req().
next(Next, #http_req{body_state = Body} = Req) ->
    Req#http_req{body_state = {multipart, Body, Next}}.

%% @doc Skips to the end of the current part.
-spec multipart_skip(req()) -> {ok, req()}.
multipart_skip(Req0) ->
    case multipart_data(Req0) of
        {end_of_part, Req} -> {ok, Req};
        {eof, Req} -> {ok, Req};
        {_, Req} -> multipart_skip(Req)
    end.

%%% The same state in Cowboy 1

-spec state_1(req()) -> waiting | done | {read, non_neg_integer()}.
state_1(#http_req{body_state = {stream, _, Read, _}}) when is_integer(Read) -> {read, Read};
state_1(#http_req{body_state = {multipart, Body, _}} = Req) -> state_1(Req#http_req{body_state = Body});
state_1(#http_req{body_state = {stream, _, _, _}}) -> {read, 0};
state_1(#http_req{body_state = State}) -> State.

-spec state_0(waiting | done | {read, non_neg_integer()}) ->
    waiting | done | {stream, fun(), non_neg_integer(), fun()}.
state_0({read, Read}) -> {stream, fun identity/2, Read, fun identity/1};
state_0(State) -> State.
