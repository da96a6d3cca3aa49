%% Serves files: the REST handler behind `cowboy_static' of every generation.
%%
%% Methods, negotiation, preconditions and ranges are `farrier_rest''s; what is here finds the file and says what it is.
%% Byte ranges came with Cowboy 2.6, so generations before 2 do not know them, nor charsets.
%%
%% Options are `{file, Path}', `{dir, Path}', `{priv_file, App, Path}' or `{priv_dir, App, Path}', each optionally with
%% a list of `{etag, false}', `{etag, Module, Function}', `{mimetypes, Type}', `{mimetypes, Module, Function}',
%% `{charset, Name}' and `{charset, Module, Function}'.
-module(farrier_static).

-include_lib("kernel/include/file.hrl").

-export([execute/2, state/2]).
%% Called by REST.
-export([rest_init/2, malformed_request/2, forbidden/2, content_types_provided/2, charsets_provided/2]).
-export([ranges_provided/2, resource_exists/2, generate_etag/2, last_modified/2, get_file/2]).

-export_type([options/0, extra/0, state/0]).

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

%% As in Cowboy 2; `error' for a path that would leave the directory.
-type state() :: {Path :: binary(), {direct, #file_info{}} | {error, atom()}, [extra()]} | error.

%%% Entry points

%% @doc Answers a request with the file that its path and the route's options name.
-spec execute(Req, options()) -> Req when Req :: farrier_req:req().
execute(Req, Opts) when is_map(Req) ->
    {ok, Replied, _} = farrier_rest:upgrade(2, Req, #{}, ?MODULE, state(Req, Opts)),
    Replied;
execute(Req, Opts) ->
    {ok, Replied, _} = farrier_rest:upgrade(farrier_req:generation(Req), Req, [], ?MODULE, Opts),
    Replied.

%% @doc The state of the handler: which file is asked for, and what it is now.
-spec state(farrier_req:req(), options()) -> state().
state(Req, Opts) ->
    case path(Opts, path_info(farrier_req:generation(Req), Req)) of
        {malformed, _} -> error;
        {Path, Extra} -> {Path, file_info(Path), Extra}
    end.

-spec path_info(farrier_handler:generation(), farrier_req:req()) -> [binary()] | undefined.
path_info(2, Req) ->
    maps:get(path_info, Req, undefined);
path_info(Generation, Req) ->
    {PathInfo, _} = farrier_req_1:path_info(record(Generation, Req)),
    PathInfo.

-spec record(0 | 1 | '2pre', farrier_req:req()) -> farrier_req_1:req().
record(0, Req) -> farrier_req_0:to_1(Req);
record(1, Req) -> Req;
record('2pre', Req) -> farrier_req_2pre:to_1(Req).

-spec file_info(binary()) -> {direct, #file_info{}} | {error, atom()}.
file_info(Path) ->
    case file:read_file_info(Path, [raw, {time, universal}]) of
        {ok, Info} -> {direct, Info};
        {error, Reason} -> {error, Reason}
    end.

%%% REST

%% @doc Before generation 2.
-spec rest_init(Req, options()) -> {ok, Req, state()} when Req :: farrier_req:req().
rest_init(Req, Opts) ->
    {ok, Req, state(Req, Opts)}.

-spec malformed_request(Req, state()) -> {boolean(), Req, state()}.
malformed_request(Req, State) ->
    {State =:= error, Req, State}.

-spec forbidden(Req, state()) -> {boolean(), Req, state()}.
forbidden(Req, {_, {direct, #file_info{type = directory}}, _} = State) ->
    {true, Req, State};
forbidden(Req, {_, {direct, #file_info{access = Access}}, _} = State) ->
    {Access =:= none orelse Access =:= write, Req, State};
forbidden(Req, State) ->
    {false, Req, State}.

-spec content_types_provided(Req, state()) -> {[{farrier_mime:media_type(), get_file}], Req, state()}.
content_types_provided(Req, {Path, _, Extra} = State) ->
    {[{provided_type(Path, Extra), get_file}], Req, State}.

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

-spec charsets_provided(Req, state()) -> {[binary()], Req, state()} | no_call.
charsets_provided(Req, {Path, _, Extra} = State) when is_map(Req) ->
    case lists:keyfind(charset, 1, Extra) of
        false -> no_call;
        {charset, Module, Function} -> {[Module:Function(Path)], Req, State};
        {charset, Charset} -> {[Charset], Req, State}
    end;
charsets_provided(_, _) ->
    no_call.

-spec ranges_provided(Req, state()) -> {[{binary(), auto}], Req, state()}.
ranges_provided(Req, State) ->
    {[{<<"bytes">>, auto}], Req, State}.

-spec resource_exists(Req, state()) -> {boolean(), Req, state()}.
resource_exists(Req, {_, {direct, #file_info{type = regular}}, _} = State) ->
    {true, Req, State};
resource_exists(Req, State) ->
    {false, Req, State}.

-spec generate_etag(Req, state()) -> {{strong | weak, binary()} | undefined, Req, state()}.
generate_etag(Req, {Path, {direct, Info}, Extra} = State) ->
    {etag(Path, Info, Extra), Req, State}.

-spec etag(binary(), #file_info{}, [extra()]) -> {strong | weak, binary()} | undefined.
etag(Path, #file_info{size = Size, mtime = Modified} = Info, Extra) ->
    case lists:keyfind(etag, 1, Extra) of
        false -> {strong, integer_to_binary(erlang:phash2({Size, Modified}, 16#ffffffff))};
        {etag, false} -> undefined;
        {etag, Function} -> Function(Path, Info);
        {etag, Module, Function} -> Module:Function(Path, Size, Modified)
    end.

-spec last_modified(Req, state()) -> {calendar:datetime(), Req, state()}.
last_modified(Req, {_, {direct, #file_info{mtime = Modified}}, _} = State) ->
    {Modified, Req, State}.

%% @doc Before generation 2 a fun sends the file.
-spec get_file(Req, state()) -> {Body :: term(), Req, state()} when Req :: farrier_req:req().
get_file(Req, {Path, {direct, #file_info{size = Size}}, _} = State) ->
    {file(farrier_req:generation(Req), Path, Size, Req), Req, State}.

-spec file(farrier_handler:generation(), binary(), non_neg_integer(), farrier_req:req()) -> term().
file(2, Path, Size, _) ->
    {sendfile, 0, Size, Path};
file(_, _, 0, _) ->
    <<>>;
file(0, Path, Size, Req) ->
    {ok, _, Socket} = farrier_req_0:transport(Req),
    {stream, Size, fun() -> farrier_transport:sendfile(Socket, Path, 0, Size) end};
file(_, Path, Size, _) ->
    {stream, Size, fun(Socket, Transport) -> Transport:sendfile(Socket, Path, 0, Size) end}.

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

%% The path below a directory, unless its segments try to leave it. A separator inside a segment was escaped in the
%% request: a handler of its own for that name might be behind another route.
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
