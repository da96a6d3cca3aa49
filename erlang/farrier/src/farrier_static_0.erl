%% @doc Serves files with the options of `cowboy_http_static' of Cowboy 0.6 (and of `cowboy_static' of Cowboy 0.8), by
%% translating them into those of `farrier_static'.
%%
%% `{directory, Dir}' with a path or `{priv_dir, App, Path}', where a path is a string, a binary or a list of
%% segments; the file is named by what `'...'' of the route stands for, or by `{file, Path}'. `{mimetypes, Types}' is
%% a list of `{Extension, [Type]}' or `{fun(Path, Data), Data}'; without it everything is `application/octet-stream'.
%% `{etag, Etag}' is `default' (none), `{attributes, [filepath | filesize | inode | mtime]}' or `{fun(Attributes,
%% Data), Data}'.
-module(farrier_static_0).

-include_lib("kernel/include/file.hrl").

-export([execute/2]).

-export_type([options/0]).

-type path() :: string() | binary() | [binary()].
-type media_type() :: binary() | farrier_mime:media_type().
-type options() :: [
    {directory, path() | {priv_dir, atom(), path()}}
    | {file, path()}
    | {mimetypes, [{binary(), [media_type()]}] | {fun((binary(), term()) -> [media_type()]), term()}}
    | {etag, default | {attributes, [atom()]} | {fun((list(), term()) -> term()), term()}}
].

%% @doc Answers a request with the file that its path and the options name.
-spec execute(farrier_req:req(), options()) -> farrier_req:req().
execute(Req, Opts) ->
    Directory = directory(proplists:get_value(directory, Opts)),
    Extra = [
        {mimetypes, types(proplists:get_value(mimetypes, Opts, []))},
        {etag, etag(proplists:get_value(etag, Opts, default))}
    ],
    case lists:keyfind(file, 1, Opts) of
        {file, File} -> farrier_static:execute(Req, {file, filename:join(Directory, join(File)), Extra});
        false -> farrier_static:execute(Req, {dir, Directory, Extra})
    end.

-spec directory(path() | {priv_dir, atom(), path()}) -> file:name_all().
directory({priv_dir, App, []}) ->
    priv_dir(App);
directory({priv_dir, App, Path}) ->
    filename:join(priv_dir(App), join(Path));
directory(Path) ->
    join(Path).

-spec priv_dir(atom()) -> file:filename().
priv_dir(App) ->
    case code:priv_dir(App) of
        {error, bad_name} -> error({no_priv_directory_of_application, App});
        Dir -> Dir
    end.

-spec join(path()) -> file:name_all().
join([Segment | _] = Segments) when is_binary(Segment) -> filename:join(Segments);
join(Path) -> Path.

-spec types(list() | {fun(), term()}) -> fun((binary()) -> media_type()).
types({Function, Data}) ->
    fun(Path) -> first(Function(Path, Data)) end;
types(Types) ->
    fun(Path) ->
        Extension = farrier_header:lower(filename:extension(Path)),
        case lists:keyfind(Extension, 1, Types) of
            {_, Listed} -> first(Listed);
            false -> first([])
        end
    end.

-spec first([media_type()]) -> media_type().
first([Type | _]) -> Type;
first([]) -> <<"application/octet-stream">>.

-spec etag(term()) -> false | fun((binary(), #file_info{}) -> {strong | weak, binary()} | undefined).
etag(default) ->
    false;
etag({attributes, []}) ->
    false;
etag({attributes, Names}) ->
    fun(Path, Info) ->
        Attributes = attributes(Path, Info),
        Hashes = [integer_to_binary(erlang:phash2(lists:keyfind(Name, 1, Attributes)), 16) || Name <- Names],
        {strong, iolist_to_binary(Hashes)}
    end;
etag({Function, Data}) ->
    fun(Path, Info) -> Function(attributes(Path, Info), Data) end.

-spec attributes(binary(), #file_info{}) -> [{filepath | filesize | inode | mtime, term()}].
attributes(Path, #file_info{size = Size, inode = Inode, mtime = Modified}) ->
    [{filepath, Path}, {filesize, Size}, {inode, Inode}, {mtime, Modified}].
