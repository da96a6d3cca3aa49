%% Cowlib's name for media types by file extension. See `farrier_mime'.
-module(cow_mimetypes).

-export([all/1, web/1]).

%% @doc The type of a file by the larger table.
-spec all(binary()) -> {binary(), binary(), [{binary(), binary()}]}.
all(Path) -> farrier_mime:all(Path).

%% @doc The type of a file as Cowboy's default has it.
-spec web(binary()) -> {binary(), binary(), [{binary(), binary()}]}.
web(Path) -> farrier_mime:web(Path).
