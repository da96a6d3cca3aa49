%% @doc Negotiates compression: permessage-deflate (RFC 7692 7.1) and x-webkit-deflate-frame.
%%
%% Which offers are taken, and the words and the order of the answer, are those of Cowboy 2.18.
-module(farrier_extensions).

-export([negotiate/2, negotiate_1/1, compress/2]).

-export_type([offer/0, compression/0]).

%% One element of a parsed `sec-websocket-extensions'.
-type offer() :: {binary(), [binary() | {binary(), binary()}]}.
%% What the bridge is told (docs/bridge.md).
-type compression() :: map().
-type answer() :: none | {Header :: binary(), compression()}.

-export_type([answer/0]).

-define(S_TAKEOVER, <<"server_no_context_takeover">>).
-define(C_TAKEOVER, <<"client_no_context_takeover">>).
-define(S_BITS, <<"server_max_window_bits">>).
-define(C_BITS, <<"client_max_window_bits">>).

%% @doc Takes the first offer that can be taken: the value of the response's header, and what the bridge has to know.
%%
%% `Options' is the map `deflate_opts' of a handler of Cowboy 2: `level' (0 to 9, `none', `default', `best_speed',
%% `best_compression'; default `best_compression'), `mem_level' (1 to 9; 8), `strategy' (`default', `filtered',
%% `huffman_only', `rle'), `server_context_takeover' and `client_context_takeover' (`takeover' or `no_takeover'),
%% `server_max_window_bits' and `client_max_window_bits' (8 to 15; 15). Of farrier's own: `threshold' (0 bytes), below
%% which messages are sent as they are.
-spec negotiate([offer()], map()) -> answer().
negotiate([{<<"permessage-deflate">>, Parameters} | Offers], Options) ->
    case permessage_deflate(lists:usort(Parameters), length(Parameters), Options) of
        none -> negotiate(Offers, Options);
        Answer -> Answer
    end;
negotiate([{<<"x-webkit-deflate-frame">>, _} | _], Options) ->
    webkit(Options);
negotiate([_ | Offers], Options) ->
    negotiate(Offers, Options);
negotiate([], _) ->
    none.

%% @doc As Cowboy 1, which knows x-webkit-deflate-frame only, and only without parameters.
-spec negotiate_1([offer()]) -> answer().
negotiate_1([{<<"x-webkit-deflate-frame">>, []} | _]) -> webkit(#{});
negotiate_1([_ | Offers]) -> negotiate_1(Offers);
negotiate_1([]) -> none.

%% @doc The header of the 101 and the options of the bridge, with what was negotiated.
-spec compress(answer(), map()) -> {none | binary(), map()}.
compress(none, Options) -> {none, Options};
compress({Header, Compression}, Options) -> {Header, Options#{compress => Compression}}.

-spec webkit(map()) -> answer().
webkit(Options) ->
    {<<"x-webkit-deflate-frame">>, (compressor(Options))#{per_frame => true}}.

%% A parameter given twice spoils the offer, and so does a smaller window for the client that it has not offered.
-spec permessage_deflate([term()], non_neg_integer(), map()) -> answer().
permessage_deflate(Parameters, Given, Options) ->
    Compression = compressor(Options),
    case length(Parameters) =:= Given andalso accept(Parameters, Compression, takeovers(Options)) of
        {Accepted, Answer} -> bounded(Parameters, Accepted, Answer);
        _ -> none
    end.

-spec takeovers(map()) -> [binary()].
takeovers(Options) ->
    [?C_TAKEOVER || maps:get(client_context_takeover, Options, takeover) =:= no_takeover] ++
        [?S_TAKEOVER || maps:get(server_context_takeover, Options, takeover) =:= no_takeover].

%% Each accepted parameter is answered in front of those before it.
-spec accept([term()], compression(), [binary()]) -> {compression(), [iodata()]} | none.
accept([?S_TAKEOVER | Rest], #{server_context_takeover := false} = C, Answer) ->
    accept(Rest, C, Answer);
accept([?S_TAKEOVER | Rest], C, Answer) ->
    accept(Rest, C#{server_context_takeover := false}, [?S_TAKEOVER | Answer]);
accept([?C_TAKEOVER | Rest], #{client_context_takeover := false} = C, Answer) ->
    accept(Rest, C, Answer);
accept([?C_TAKEOVER | Rest], C, Answer) ->
    accept(Rest, C#{client_context_takeover := false}, [?C_TAKEOVER | Answer]);
accept([?C_BITS | Rest], #{client_max_window_bits := Most} = C, Answer) ->
    accept(Rest, C, [bits(?C_BITS, Most) | Answer]);
accept([{?C_BITS, Value} | Rest], #{client_max_window_bits := Most} = C, Answer) ->
    case window_bits(Value) of
        error -> none;
        Bits -> accept(Rest, C#{client_max_window_bits := min(Bits, Most)}, [bits(?C_BITS, min(Bits, Most)) | Answer])
    end;
accept([{?S_BITS, Value} | Rest], #{server_max_window_bits := Most} = C, Answer) ->
    case window_bits(Value) of
        error -> none;
        Bits -> accept(Rest, C#{server_max_window_bits := min(Bits, Most)}, [bits(?S_BITS, min(Bits, Most)) | Answer])
    end;
accept([], C, Answer) ->
    {C, Answer};
accept(_, _, _) ->
    none.

-spec bounded([term()], compression(), [iodata()]) -> answer().
bounded(Parameters, #{server_max_window_bits := ServerBits, client_max_window_bits := ClientBits} = C, Answer) ->
    case {offers(?C_BITS, Parameters), offers(?S_BITS, Parameters)} of
        {false, _} when ClientBits < 15 -> none;
        {_, false} when ServerBits < 15 -> {header([bits(?S_BITS, ServerBits) | Answer]), C};
        _ -> {header(Answer), C}
    end.

-spec offers(binary(), [term()]) -> boolean().
offers(Name, Parameters) ->
    lists:member(Name, Parameters) orelse lists:keymember(Name, 1, [P || P <- Parameters, is_tuple(P)]).

-spec header([iodata()]) -> binary().
header(Answer) ->
    iolist_to_binary([<<"permessage-deflate">> | [[<<"; ">>, Parameter] || Parameter <- Answer]]).

-spec bits(binary(), 8..15) -> iodata().
bits(Name, Bits) ->
    [Name, $=, integer_to_binary(Bits)].

-spec window_bits(binary()) -> 8..15 | error.
window_bits(<<Digit>>) when Digit =:= $8; Digit =:= $9 -> Digit - $0;
window_bits(<<$1, Digit>>) when Digit >= $0, Digit =< $5 -> 10 + Digit - $0;
window_bits(_) -> error.

-spec compressor(map()) -> compression().
compressor(Options) ->
    #{
        level => level(maps:get(level, Options, best_compression)),
        mem_level => maps:get(mem_level, Options, 8),
        strategy => maps:get(strategy, Options, default),
        server_context_takeover => maps:get(server_context_takeover, Options, takeover) =/= no_takeover,
        client_context_takeover => maps:get(client_context_takeover, Options, takeover) =/= no_takeover,
        server_max_window_bits => maps:get(server_max_window_bits, Options, 15),
        client_max_window_bits => maps:get(client_max_window_bits, Options, 15),
        threshold => maps:get(threshold, Options, 0)
    }.

-spec level(term()) -> term().
level(none) -> 0;
level(best_speed) -> 1;
level(default) -> 6;
level(best_compression) -> 9;
level(Level) -> Level.
