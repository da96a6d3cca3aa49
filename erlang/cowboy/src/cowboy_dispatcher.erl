%% Splits hosts and paths and matches them against the dispatch lists of Cowboy 0. See `farrier_dispatch_0' for their
%% rules.
-module(cowboy_dispatcher).

-export([split_host/1, split_path/1, split_path/2, match/3]).

-export_type([bindings/0, tokens/0, dispatch_rules/0]).

-type bindings() :: farrier_dispatch_0:bindings().
-type tokens() :: farrier_dispatch_0:tokens().
-type dispatch_rules() :: farrier_dispatch_0:rules().

%% @doc The labels of a host, the host without its port, and the port. Raises `badarg' for a port that is no number.
-spec split_host(binary()) -> {tokens(), binary(), undefined | non_neg_integer()}.
split_host(Host) ->
    farrier_url_0:split_host(Host).

%% @doc The segments of a path, the path as it came, and the query string.
-spec split_path(binary()) -> {tokens(), binary(), binary()}.
split_path(Path) ->
    split_path(Path, fun(Segment) -> farrier_url_0:decode(Segment, crash) end).

%% @doc The same with a function that decodes each segment.
-spec split_path(binary(), fun((binary()) -> binary())) -> {tokens(), binary(), binary()}.
split_path(Path, Decode) ->
    farrier_url_0:split_path(Path, Decode).

%% @doc The handler for a host and a path, with its options, the bindings, and what `'...'' stood for.
-spec match(tokens(), tokens() | '*', dispatch_rules()) ->
    {ok, module(), any(), bindings(), tokens() | undefined, tokens() | undefined}
    | {error, notfound, host | path}.
match(Host, Path, Rules) ->
    farrier_dispatch_0:match(Host, Path, Rules).
