%% Serves files: `cowboy_static' of both generations.
%%
%% Cowboy's own is a REST handler; this one takes the same decisions in the same order: method, path, access, media type,
%% charset, existence, preconditions (RFC 7232), range (RFC 7233). Each step either answers or passes the
%% request on. Byte ranges came with Cowboy 2.6, so generation 1 does not know them.
%%
%% Options are `{file, Path}', `{dir, Path}', `{priv_file, App, Path}' or `{priv_dir, App, Path}', each optionally with a list of
%% `{etag, false}', `{etag, Module, Function}', `{mimetypes, Type}', `{mimetypes, Module, Function}', `{charset, Name}' and
%% `{charset, Module, Function}'.
-module(farrier_static).

-include_lib("kernel/include/file.hrl").

-export([execute/2]).

-export_type([options/0, extra/0]).

-type extra() ::
    {etag, false}
    | {etag, module(), atom()}
    | {etag, fun((binary(), #file_info{}) -> {strong | weak, binary()} | undefined)}
    | {mimetypes, binary() | farrier_mime:media_type()}
    | {mimetypes, fun((binary()) -> binary() | farrier_mime:media_type())}
    | {mimetypes, module(), atom()}
    | {charset, binary()}
    | {charset, module(), atom()}.
-type options() ::
    {file | dir, file:name_all()}
    | {file | dir, file:name_all(), [extra()]}
    | {priv_file | priv_dir, atom(), file:name_all()}
    | {priv_file | priv_dir, atom(), file:name_all(), [extra()]}.

-record(static, {
    generation :: 1 | 2,
    method :: binary(),
    headers :: #{binary() => binary()},
    path :: binary() | malformed,
    extra :: [extra()],
    info :: #file_info{} | none,
    %% What the steps have found out so far.
    type :: farrier_mime:media_type() | undefined,
    charset :: binary() | undefined,
    etag :: {strong | weak, binary()} | undefined
}).

-type piece() :: {Offset :: non_neg_integer(), Length :: non_neg_integer()}.
-type body() ::
    iodata()
    | {sendfile, non_neg_integer(), non_neg_integer(), binary()}
    | {multipart, Boundary :: binary(), Type :: iodata(), Size :: non_neg_integer(), [piece()], binary()}.
-type response() :: {Status :: pos_integer(), #{binary() => iodata()}, body()}.

%%% Entry points

%% @doc Answers a request with the file that its path and the route's options name.
-spec execute(Req, options()) -> Req when Req :: map() | tuple().
execute(Req, Opts) when is_map(Req) ->
    PathInfo = maps:get(path_info, Req, undefined),
    send_2(answer(new(2, maps:get(method, Req), maps:get(headers, Req), PathInfo, Opts)), Req);
execute(Req, Opts) ->
    Record = farrier_req:convert(1, Req),
    {Method, _} = farrier_req_1:method(Record),
    {Headers, _} = farrier_req_1:headers(Record),
    {PathInfo, _} = farrier_req_1:path_info(Record),
    Answered = send_1(answer(new(1, Method, maps:from_list(Headers), PathInfo, Opts)), Record),
    farrier_req:convert(farrier_req:generation(Req), Answered).

-spec new(1 | 2, binary(), #{binary() => binary()}, [binary()] | undefined, options()) -> #static{}.
new(Generation, Method, Headers, PathInfo, Opts) ->
    {Path, Extra} = path(Opts, PathInfo),
    #static{
        generation = Generation,
        method = Method,
        headers = Headers,
        path = Path,
        extra = Extra,
        info = file_info(Path)
    }.

-spec send_2(response(), map()) -> map().
send_2({Status, Headers, {multipart, _, _, _, _, _} = Body}, Req) ->
    Streamed = farrier_req_2:stream_reply(Status, Headers, Req),
    ok = send_parts(Body, Streamed),
    Streamed;
send_2({Status, Headers, Body}, Req) ->
    farrier_req_2:reply(Status, Headers, Body, Req).

-spec send_1(response(), tuple()) -> tuple().
send_1({Status, Headers, {sendfile, Offset, Length, Path}}, Req) ->
    %% Generation 1 has a file sent by a function.
    Send = fun(Socket, Transport) -> Transport:sendfile(Socket, Path, Offset, Length) end,
    reply_1(Status, Headers, {Length, Send}, Req);
send_1({Status, Headers, Body}, Req) ->
    reply_1(Status, Headers, Body, Req).

-spec reply_1(pos_integer(), #{binary() => iodata()}, any(), tuple()) -> tuple().
reply_1(Status, Headers, Body, Req) ->
    {ok, Replied} = farrier_req_1:reply(Status, maps:to_list(Headers), Body, Req),
    Replied.

%%% Paths

-spec path(options(), [binary()] | undefined) -> {binary() | malformed, [extra()]}.
path({Kind, App, Path}, PathInfo) when Kind =:= priv_file; Kind =:= priv_dir ->
    path({Kind, App, Path, []}, PathInfo);
path({priv_file, App, Path, Extra}, PathInfo) ->
    path({file, priv(App, Path), Extra}, PathInfo);
path({priv_dir, App, Path, Extra}, PathInfo) ->
    path({dir, priv(App, Path), Extra}, PathInfo);
path({Kind, Path}, PathInfo) ->
    path({Kind, Path, []}, PathInfo);
path({file, Path, Extra}, _) ->
    {absolute(Path), Extra};
path({dir, Path, Extra}, PathInfo) when is_list(PathInfo) ->
    {within(absolute(Path), PathInfo), Extra};
path({dir, _, _} = Opts, undefined) ->
    error({static_directory_needs_a_route_that_ends_in, "[...]", Opts}).

-spec priv(atom(), file:name_all()) -> binary().
priv(App, Path) ->
    case code:priv_dir(App) of
        {error, bad_name} -> error({no_priv_directory_of_application, App});
        Dir -> join([native(Dir), native(Path)])
    end.

-spec absolute(file:name_all()) -> binary().
absolute(Path) ->
    resolve(filename:absname(native(Path))).

-spec native(file:name_all()) -> binary().
native(Path) when is_binary(Path) ->
    Path;
native(Path) ->
    case unicode:characters_to_binary(Path, unicode, file:native_name_encoding()) of
        Native when is_binary(Native) -> Native;
        _ -> error({bad_path, Path})
    end.

-spec join([binary()]) -> binary().
join(Names) ->
    Path = filename:join(Names),
    true = is_binary(Path),
    Path.

%% The path below a directory, unless its segments try to leave it. A separator inside a segment was escaped in the request: a
%% handler of its own for that name might be behind another route.
-spec within(binary(), [binary()]) -> binary() | malformed.
within(Dir, Segments) ->
    case lists:any(fun has_separator/1, Segments) of
        true -> malformed;
        false -> below(Dir, resolve(join([Dir | Segments])))
    end.

-spec has_separator(binary()) -> boolean().
has_separator(Segment) ->
    binary:match(Segment, [<<"/">>, <<"\\">>, <<0>>]) =/= nomatch.

-spec below(binary(), binary()) -> binary() | malformed.
below(Dir, Path) ->
    Size = byte_size(Dir),
    case Path of
        Dir -> Path;
        <<Dir:Size/binary, $/, _/binary>> -> Path;
        <<Dir:Size/binary, _/binary>> when Dir =:= <<"/">> -> Path;
        _ -> malformed
    end.

%% Removes dot segments; symbolic links are followed, as in Cowboy.
-spec resolve(binary()) -> binary().
resolve(Path) ->
    [Root | Segments] = filename:split(Path),
    join([Root | lists:reverse(lists:foldl(fun resolve/2, [], Segments))]).

-spec resolve(binary(), [binary()]) -> [binary()].
resolve(<<".">>, Segments) -> Segments;
resolve(<<"..">>, []) -> [];
resolve(<<"..">>, [_ | Segments]) -> Segments;
resolve(Segment, Segments) -> [Segment | Segments].

-spec file_info(binary() | malformed) -> #file_info{} | none.
file_info(malformed) ->
    none;
file_info(Path) ->
    case file:read_file_info(Path, [raw, {time, universal}]) of
        {ok, Info} -> Info;
        {error, _} -> none
    end.

%%% Decisions

-define(ALLOW, #{<<"allow">> => <<"HEAD, GET, OPTIONS">>}).

-spec answer(#static{}) -> response().
answer(#static{method = Method, path = Path, info = Info} = S) ->
    IsKnown = is_known(Method),
    IsServed = is_served(Method),
    IsForbidden = is_forbidden(Info),
    if
        not IsKnown -> {501, #{}, <<>>};
        not IsServed -> {405, ?ALLOW, <<>>};
        Path =:= malformed -> {400, #{}, <<>>};
        IsForbidden -> {403, #{}, <<>>};
        Method =:= <<"OPTIONS">> -> {200, ?ALLOW, <<>>};
        true -> media_type(S)
    end.

-spec is_known(binary()) -> boolean().
is_known(Method) ->
    is_served(Method) orelse lists:member(Method, [<<"POST">>, <<"PUT">>, <<"PATCH">>, <<"DELETE">>]).

-spec is_served(binary()) -> boolean().
is_served(Method) ->
    lists:member(Method, [<<"GET">>, <<"HEAD">>, <<"OPTIONS">>]).

-spec is_forbidden(#file_info{} | none) -> boolean().
is_forbidden(#file_info{type = directory}) -> true;
is_forbidden(#file_info{access = Access}) -> Access =:= none orelse Access =:= write;
is_forbidden(none) -> false.

%% RFC 7231 5.3.2. Weights are not looked at, because there is only one type to give.
-spec media_type(#static{}) -> response().
media_type(#static{path = Path, extra = Extra} = S) ->
    Type = provided_type(Path, Extra),
    case parsed(<<"accept">>, S) of
        absent -> charset(S#static{type = Type});
        error -> {400, #{}, <<>>};
        {ok, Ranges} ->
            case lists:any(fun({Range, _, _}) -> is_accepted(Range, Type) end, Ranges) of
                true -> charset(S#static{type = Type});
                false -> {406, #{}, <<>>}
            end
    end.

-spec provided_type(binary(), [extra()]) -> farrier_mime:media_type().
provided_type(Path, Extra) ->
    case lists:keyfind(mimetypes, 1, Extra) of
        false -> farrier_mime:web(Path);
        {mimetypes, Module, Function} -> as_type(mimetype(Module, Function, Path));
        {mimetypes, Function} when is_function(Function, 1) -> as_type(Function(Path));
        {mimetypes, Type} -> as_type(Type)
    end.

%% `{mimetypes, cow_mimetypes, all}' is what projects write for the larger table, be there a cowlib or not.
-spec mimetype(module(), atom(), binary()) -> binary() | farrier_mime:media_type().
mimetype(cow_mimetypes, Function, Path) when Function =:= all; Function =:= web ->
    case code:ensure_loaded(cow_mimetypes) of
        {module, _} -> cow_mimetypes:Function(Path);
        {error, _} -> farrier_mime:Function(Path)
    end;
mimetype(Module, Function, Path) ->
    Module:Function(Path).

-spec as_type(binary() | farrier_mime:media_type()) -> farrier_mime:media_type().
as_type({_, _, _} = Type) ->
    Type;
as_type(Type) ->
    {ok, Parsed} = farrier_header:parse(<<"content-type">>, Type),
    Parsed.

-spec is_accepted(farrier_mime:media_type(), farrier_mime:media_type()) -> boolean().
is_accepted({<<"*">>, <<"*">>, Parameters}, {_, _, Parameters}) -> true;
is_accepted({Type, <<"*">>, Parameters}, {Type, _, Parameters}) -> true;
is_accepted(Range, Type) -> Range =:= Type.

%% RFC 7231 5.3.3.
-spec charset(#static{}) -> response().
charset(#static{path = Path, extra = Extra} = S) ->
    case lists:keyfind(charset, 1, Extra) of
        false -> existence(S);
        {charset, Module, Function} -> charset(Module:Function(Path), S);
        {charset, Charset} -> charset(Charset, S)
    end.

-spec charset(binary(), #static{}) -> response().
charset(Charset, S) ->
    case parsed(<<"accept-charset">>, S) of
        absent -> existence(S#static{charset = Charset});
        error -> malformed(<<"accept-charset">>, S);
        {ok, Ranges} ->
            case lists:any(fun(Range) -> names_charset(Range, Charset) end, Ranges) of
                true -> existence(S#static{charset = Charset});
                false -> {406, #{}, <<>>}
            end
    end.

-spec names_charset({binary(), farrier_header:quality()}, binary()) -> boolean().
names_charset({_, 0}, _) -> false;
names_charset({Name, _}, Charset) -> Name =:= Charset orelse Name =:= <<"*">>.

-spec existence(#static{}) -> response().
existence(#static{info = #file_info{type = regular} = Info, path = Path, extra = Extra} = S) ->
    if_match(S#static{etag = etag(Path, Info, Extra)});
existence(#static{headers = #{<<"if-match">> := _}} = S) ->
    {412, accept_ranges(S), <<>>};
existence(S) ->
    {404, accept_ranges(S), <<>>}.

-spec etag(binary(), #file_info{}, [extra()]) -> {strong | weak, binary()} | undefined.
etag(Path, #file_info{size = Size, mtime = Modified} = Info, Extra) ->
    case lists:keyfind(etag, 1, Extra) of
        false -> {strong, integer_to_binary(erlang:phash2({Size, Modified}, 16#ffffffff))};
        {etag, false} -> undefined;
        {etag, Function} -> Function(Path, Info);
        {etag, Module, Function} -> Module:Function(Path, Size, Modified)
    end.

%%% Preconditions: RFC 7232 6, in the order that it asks for

-spec if_match(#static{}) -> response().
if_match(#static{etag = Etag} = S) ->
    case parsed(<<"if-match">>, S) of
        absent -> if_unmodified_since(S);
        error -> malformed(<<"if-match">>, S);
        {ok, '*'} -> if_none_match(S);
        {ok, Tags} ->
            case is_strong(Etag) andalso lists:member(Etag, Tags) of
                true -> if_none_match(S);
                false -> {412, accept_ranges(S), <<>>}
            end
    end.

-spec is_strong({strong | weak, binary()} | undefined) -> boolean().
is_strong({strong, _}) -> true;
is_strong(_) -> false.

%% A date that cannot be read is as good as none (RFC 7232 3.4).
-spec if_unmodified_since(#static{}) -> response().
if_unmodified_since(#static{info = #file_info{mtime = Modified}} = S) ->
    case parsed(<<"if-unmodified-since">>, S) of
        {ok, Date} when Modified > Date -> {412, accept_ranges(S), <<>>};
        _ -> if_none_match(S)
    end.

%% Without an entity tag there is nothing to compare; Cowboy calls that a failed precondition.
-spec if_none_match(#static{}) -> response().
if_none_match(#static{etag = Etag} = S) ->
    case parsed(<<"if-none-match">>, S) of
        absent -> if_modified_since(S);
        error -> malformed(<<"if-none-match">>, S);
        {ok, '*'} -> not_modified(S);
        {ok, _} when Etag =:= undefined -> {412, accept_ranges(S), <<>>};
        {ok, Tags} ->
            case lists:keymember(element(2, Etag), 2, Tags) of
                true -> not_modified(S);
                false -> content(S)
            end
    end.

%% A date in the future is not valid (RFC 7232 3.3).
-spec if_modified_since(#static{}) -> response().
if_modified_since(#static{info = #file_info{mtime = Modified}} = S) ->
    Now = erlang:universaltime(),
    case parsed(<<"if-modified-since">>, S) of
        {ok, Date} when Date =< Now, Modified =< Date -> not_modified(S);
        _ -> content(S)
    end.

-spec not_modified(#static{}) -> response().
not_modified(S) ->
    {304, maps:merge(accept_ranges(S), etag_header(S)), <<>>}.

%% As `parse_header' of the generation fails.
-spec malformed(binary(), #static{}) -> response().
malformed(_, #static{generation = 1}) -> {400, #{}, <<>>};
malformed(Name, #static{generation = 2}) -> exit({request_error, {header, Name}, 'Malformed header.'}).

%%% Content

-spec content(#static{}) -> response().
content(#static{headers = #{<<"range">> := _}, generation = 2} = S) ->
    case is_range_current(S) of
        true -> range(parsed(<<"range">>, S), S);
        false -> whole(S)
    end;
content(S) ->
    whole(S).

%% RFC 7233 3.2: a range of something else is worth nothing.
-spec is_range_current(#static{}) -> boolean().
is_range_current(#static{etag = Etag} = S) ->
    case parsed(<<"if-range">>, S) of
        absent -> true;
        {ok, Validator} -> is_strong(Etag) andalso Validator =:= Etag;
        error -> false
    end.

-spec whole(#static{}) -> response().
whole(#static{path = Path, info = #file_info{size = Size}} = S) ->
    {200, content_headers(S), file(Path, 0, Size)}.

-spec file(binary(), non_neg_integer(), non_neg_integer()) ->
    <<>> | {sendfile, non_neg_integer(), pos_integer(), binary()}.
file(_, _, 0) -> <<>>;
file(Path, Offset, Length) -> {sendfile, Offset, Length, Path}.

%% Ranges that overlap so much that together they exceed the file are not granted (RFC 7233 6.1).
-spec range({ok, any()} | error, #static{}) -> response().
range(error, S) ->
    unsatisfiable(#{}, S);
range({ok, {bytes, Ranges}}, #static{path = Path, info = #file_info{size = Size}} = S) ->
    Pieces = [piece(Range, Size) || Range <- Ranges],
    case {Pieces, lists:member(unsatisfiable, Pieces)} of
        {[{Offset, Length}], false} ->
            Range = #{<<"content-range">> => content_range(Offset, Length, Size)},
            {206, maps:merge(content_headers(S), Range), {sendfile, Offset, Length, Path}};
        {[_ | _], false} ->
            pieces(Pieces, lists:sum([Length || {_, Length} <- Pieces]), S);
        _ ->
            unsatisfiable(#{<<"content-range">> => [<<"bytes */">>, integer_to_binary(Size)]}, S)
    end;
range({ok, _OtherUnit}, S) ->
    whole(S).

-spec unsatisfiable(#{binary() => iodata()}, #static{}) -> response().
unsatisfiable(Headers, S) ->
    {416, maps:merge(maps:remove(<<"content-type">>, content_headers(S)), Headers), <<>>}.

%% As in Cowboy, a range must lie within the file as a whole.
-spec piece({non_neg_integer(), non_neg_integer() | infinity} | integer(), non_neg_integer()) ->
    piece() | unsatisfiable.
piece({First, infinity}, Size) when First < Size -> {First, Size - First};
piece({First, Last}, Size) when is_integer(Last), First =< Last, Last < Size ->
    {First, Last - First + 1};
piece(Last, Size) when is_integer(Last), Last < 0, -Last =< Size -> {Size + Last, -Last};
piece(_, _) -> unsatisfiable.

-spec content_range(non_neg_integer(), pos_integer(), non_neg_integer()) -> io_lib:chars().
content_range(Offset, Length, Size) ->
    io_lib:format("bytes ~b-~b/~b", [Offset, Offset + Length - 1, Size]).

-spec pieces([piece()], non_neg_integer(), #static{}) -> response().
pieces(_, Total, #static{info = #file_info{size = Size}} = S) when Total > Size ->
    whole(S);
pieces(Pieces, _, #static{path = Path, info = #file_info{size = Size}} = S) ->
    Boundary = boundary(),
    #{<<"content-type">> := Type} = Headers = content_headers(S),
    {206,
        Headers#{<<"content-type">> := [<<"multipart/byteranges; boundary=">>, Boundary]},
        {multipart, Boundary, Type, Size, Pieces, Path}}.

%% 64 characters that may stand in a boundary (RFC 2046 5.1.1), too many to occur in the file by chance.
-spec boundary() -> binary().
boundary() ->
    Base64 = base64:encode(crypto:strong_rand_bytes(48)),
    binary:replace(binary:replace(Base64, <<"+">>, <<"-">>, [global]), <<"/">>, <<"_">>, [global]).

-spec send_parts(body(), map()) -> ok.
send_parts({multipart, Boundary, Type, Size, Pieces, Path}, Req) ->
    Separators = [<<>> | lists:duplicate(length(Pieces) - 1, <<"\r\n">>)],
    lists:foreach(
        fun({Separator, {Offset, Length}}) ->
            Head = [Separator, <<"--">>, Boundary, <<"\r\ncontent-type: ">>, Type,
                <<"\r\ncontent-range: ">>, content_range(Offset, Length, Size), <<"\r\n\r\n">>],
            ok = farrier_req_2:stream_body(Head, nofin, Req),
            ok = farrier_req_2:stream_body({sendfile, Offset, Length, Path}, nofin, Req)
        end,
        lists:zip(Separators, Pieces)
    ),
    farrier_req_2:stream_body([<<"\r\n--">>, Boundary, <<"--">>], fin, Req).

%%% Headers

-spec content_headers(#static{}) -> #{binary() => iodata()}.
content_headers(#static{info = #file_info{mtime = Modified}} = S) ->
    maps:merge(maps:merge(accept_ranges(S), etag_header(S)), #{
        <<"content-type">> => content_type(S),
        <<"last-modified">> => farrier_clock:rfc1123(Modified)
    }).

-spec accept_ranges(#static{}) -> #{binary() => iodata()}.
accept_ranges(#static{generation = 1}) -> #{};
accept_ranges(#static{generation = 2}) -> #{<<"accept-ranges">> => <<"bytes">>}.

-spec etag_header(#static{}) -> #{binary() => iodata()}.
etag_header(#static{etag = undefined}) -> #{};
etag_header(#static{etag = {strong, Tag}}) -> #{<<"etag">> => [$", Tag, $"]};
etag_header(#static{etag = {weak, Tag}}) -> #{<<"etag">> => [<<"W/\"">>, Tag, $"]}.

-spec content_type(#static{}) -> iolist().
content_type(#static{type = {Type, Subtype, Parameters}, charset = Charset}) ->
    [Type, $/, Subtype, [[$;, Name, $=, Value] || {Name, Value} <- Parameters], charset_parameter(Type, Charset)].

-spec charset_parameter(binary(), binary() | undefined) -> iodata().
charset_parameter(<<"text">>, Charset) when is_binary(Charset) -> [<<"; charset=">>, Charset];
charset_parameter(_, _) -> <<>>.

-spec parsed(binary(), #static{}) -> absent | {ok, any()} | error | unknown.
parsed(Name, #static{headers = Headers}) ->
    case Headers of
        #{Name := Value} -> farrier_header:parse(Name, Value);
        _ -> absent
    end.
