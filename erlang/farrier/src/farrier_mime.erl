%% Media types by file extension.
%%
%% `web/1' knows just what Cowboy serves with a type unless told otherwise, so that responses stay the same; `all/1'
%% knows the types of the web at large, after the IANA registry. Extensions are compared in lower case.
-module(farrier_mime).

-export([web/1, all/1]).

-export_type([media_type/0]).

-type media_type() :: {Type :: binary(), Subtype :: binary(), Parameters :: [{binary(), binary()}]}.

%% @doc The type of a file as Cowboy's default has it: `application/octet-stream' for most extensions.
-spec web(file:name_all()) -> media_type().
web(Path) ->
    Extension = extension(Path),
    case is_web(Extension) of
        true -> type(Extension);
        false -> octet_stream()
    end.

%% @doc The type of a file by a larger table.
-spec all(file:name_all()) -> media_type().
all(Path) ->
    type(extension(Path)).

-spec extension(file:name_all()) -> binary().
extension(Path) ->
    case unicode:characters_to_binary(filename:extension(Path)) of
        <<$., Extension/binary>> -> lower(Extension);
        _ -> <<>>
    end.

-spec lower(binary()) -> binary().
lower(Extension) ->
    <<<<(lower_char(Char))>> || <<Char>> <= Extension>>.

-spec lower_char(byte()) -> byte().
lower_char(Char) when Char >= $A, Char =< $Z -> Char + 32;
lower_char(Char) -> Char.

-spec octet_stream() -> media_type().
octet_stream() -> {<<"application">>, <<"octet-stream">>, []}.

-spec is_web(binary()) -> boolean().
is_web(Extension) ->
    lists:member(Extension, [
        <<"css">>, <<"gif">>, <<"htm">>, <<"html">>, <<"ico">>, <<"jpeg">>, <<"jpg">>, <<"js">>, <<"mp3">>,
        <<"mp4">>, <<"ogg">>, <<"ogv">>, <<"png">>, <<"svg">>, <<"wav">>, <<"webm">>
    ]).

-spec type(binary()) -> media_type().
type(Extension) ->
    case
        #{
            <<"7z">> => "application/x-7z-compressed",
            <<"aac">> => "audio/aac",
            <<"appcache">> => "text/cache-manifest",
            <<"apng">> => "image/apng",
            <<"atom">> => "application/atom+xml",
            <<"avi">> => "video/x-msvideo",
            <<"avif">> => "image/avif",
            <<"bmp">> => "image/bmp",
            <<"bz2">> => "application/x-bzip2",
            <<"cjs">> => "application/javascript",
            <<"conf">> => "text/plain",
            <<"css">> => "text/css",
            <<"csv">> => "text/csv",
            <<"cur">> => "image/x-icon",
            <<"deb">> => "application/vnd.debian.binary-package",
            <<"doc">> => "application/msword",
            <<"docx">> => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            <<"eot">> => "application/vnd.ms-fontobject",
            <<"eps">> => "application/postscript",
            <<"epub">> => "application/epub+zip",
            <<"flac">> => "audio/flac",
            <<"geojson">> => "application/geo+json",
            <<"gif">> => "image/gif",
            <<"gz">> => "application/gzip",
            <<"heic">> => "image/heic",
            <<"htm">> => "text/html",
            <<"html">> => "text/html",
            <<"ico">> => "image/x-icon",
            <<"ics">> => "text/calendar",
            <<"jar">> => "application/java-archive",
            <<"jpe">> => "image/jpeg",
            <<"jpeg">> => "image/jpeg",
            <<"jpg">> => "image/jpeg",
            <<"js">> => "application/javascript",
            <<"json">> => "application/json",
            <<"jsonld">> => "application/ld+json",
            <<"jxl">> => "image/jxl",
            <<"log">> => "text/plain",
            <<"m3u8">> => "application/vnd.apple.mpegurl",
            <<"m4a">> => "audio/mp4",
            <<"m4v">> => "video/mp4",
            <<"map">> => "application/json",
            <<"markdown">> => "text/markdown",
            <<"md">> => "text/markdown",
            <<"mid">> => "audio/midi",
            <<"midi">> => "audio/midi",
            <<"mjs">> => "application/javascript",
            <<"mkv">> => "video/x-matroska",
            <<"mov">> => "video/quicktime",
            <<"mp3">> => "audio/mpeg",
            <<"mp4">> => "video/mp4",
            <<"mpd">> => "application/dash+xml",
            <<"mpeg">> => "video/mpeg",
            <<"mpg">> => "video/mpeg",
            <<"odp">> => "application/vnd.oasis.opendocument.presentation",
            <<"ods">> => "application/vnd.oasis.opendocument.spreadsheet",
            <<"odt">> => "application/vnd.oasis.opendocument.text",
            <<"oga">> => "audio/ogg",
            <<"ogg">> => "audio/ogg",
            <<"ogv">> => "video/ogg",
            <<"opus">> => "audio/ogg",
            <<"otf">> => "font/otf",
            <<"pdf">> => "application/pdf",
            <<"png">> => "image/png",
            <<"ppt">> => "application/vnd.ms-powerpoint",
            <<"pptx">> => "application/vnd.openxmlformats-officedocument.presentationml.presentation",
            <<"ps">> => "application/postscript",
            <<"rar">> => "application/vnd.rar",
            <<"rss">> => "application/rss+xml",
            <<"rtf">> => "application/rtf",
            <<"svg">> => "image/svg+xml",
            <<"svgz">> => "image/svg+xml",
            <<"swf">> => "application/x-shockwave-flash",
            <<"tar">> => "application/x-tar",
            <<"text">> => "text/plain",
            <<"tgz">> => "application/gzip",
            <<"tif">> => "image/tiff",
            <<"tiff">> => "image/tiff",
            <<"toml">> => "application/toml",
            <<"ts">> => "video/mp2t",
            <<"tsv">> => "text/tab-separated-values",
            <<"ttf">> => "font/ttf",
            <<"txt">> => "text/plain",
            <<"vcf">> => "text/vcard",
            <<"vtt">> => "text/vtt",
            <<"wasm">> => "application/wasm",
            <<"wav">> => "audio/x-wav",
            <<"weba">> => "audio/webm",
            <<"webm">> => "video/webm",
            <<"webmanifest">> => "application/manifest+json",
            <<"webp">> => "image/webp",
            <<"woff">> => "font/woff",
            <<"woff2">> => "font/woff2",
            <<"xhtml">> => "application/xhtml+xml",
            <<"xls">> => "application/vnd.ms-excel",
            <<"xlsx">> => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            <<"xml">> => "application/xml",
            <<"xsl">> => "application/xslt+xml",
            <<"xslt">> => "application/xslt+xml",
            <<"yaml">> => "application/yaml",
            <<"yml">> => "application/yaml",
            <<"zip">> => "application/zip",
            <<"zst">> => "application/zstd"
        }
    of
        #{Extension := Name} ->
            [Type, Subtype] = binary:split(list_to_binary(Name), <<"/">>),
            {Type, Subtype, []};
        _ ->
            octet_stream()
    end.
