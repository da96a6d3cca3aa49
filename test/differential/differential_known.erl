%% @doc Where the two are meant to differ, one by one.
%%
%% A known difference says what farrier shows instead of what the oracle showed; where the oracle runs into a defect of
%% its own, whatever farrier shows is taken for granted. Each has a name, under which it is
%% counted, and a reason: a release later than 2.8.0 that farrier imitates, or a row of docs/differences.md.
-module(differential_known).

-export([expected/3]).

-type seen() :: #{how := closed | reset | timeout, wire := [term()], callbacks := [term()], exits := [term()], init_exits := [term()]}.
-type rule() :: fun((map(), Oracle :: seen(), Farrier :: seen()) -> seen()).

%% The oracle's result as farrier is to show it, and the names of the differences that came into play.
-spec expected(map(), seen(), seen()) -> {seen(), [atom()]}.
expected(Case, Oracle, Farrier) ->
    lists:foldl(fun({Name, Rule}, {Seen, Names}) ->
        case Rule(Case, Seen, Farrier) of
            Seen -> {Seen, Names};
            Other -> {Other, [Name | Names]}
        end
    end, {Oracle, []}, rules()).

-spec rules() -> [{atom(), rule()}].
rules() ->
    [{cookies_have_no_version_from_2_10, fun cookies/3},
     {filtered_req_has_streamid_from_2_14, fun streamid/3},
     {streamed_replies_to_head_have_no_coding, fun head/3},
     {empty_compressed_frames_from_2_13, fun empty_compressed/3},
     {corrupt_compressed_fragments, fun compressed_fragments/3},
     {corrupt_compression_is_1002_from_2_13, fun corrupt/3},
     {close_within_a_character, fun within_a_character/3},
     {disconnect_is_seen_while_passive, fun passive/3},
     {first_of_several_bad_terms, fun several_bad/3},
     {reset_destroys_what_was_sent, fun destroyed/3}].

%% Before 2.13 the process died of it without a close frame.
-spec corrupt(map(), seen(), seen()) -> seen().
corrupt(#{kind := websocket}, #{wire := Wire, exits := [{Died, '<stack>'}]} = Seen, #{callbacks := Callbacks} = Farrier)
    when Died =:= data_error; Died =:= buf_error; Died =:= badarg ->
    case extension(Wire) andalso ended(Callbacks) =:= {error, badframe} of
        true -> Farrier;
        false -> Seen
    end;
corrupt(_, Seen, _) -> Seen.

%% The close frame's reason is a text of its own (RFC 6455 5.5.1).
-spec within_a_character(map(), seen(), seen()) -> seen().
within_a_character(_, #{callbacks := Callbacks} = Seen, #{callbacks := Own} = Farrier) ->
    case {ended(Callbacks), ended(Own)} of
        {{error, badencoding}, {remote, _, _}} -> Farrier;
        {none, remote} -> Farrier;
        _ -> Seen
    end.

%% After `{active, false}' Cowboy sees the end of the connection only by its own idle timeout.
-spec passive(map(), seen(), seen()) -> seen().
passive(_, #{wire := Wire, callbacks := Callbacks} = Seen, #{wire := Sent, callbacks := Own} = Farrier) ->
    case {ended(Callbacks), ended(Own), Sent ++ [{frame, 16#88, <<1000:16>>}]} of
        {timeout, {error, closed}, Wire} -> Farrier;
        _ -> Seen
    end.

%% Neither sends anything: the terms of a list are looked at in another order.
-spec several_bad(map(), seen(), seen()) -> seen().
several_bad(_, #{exits := [{{badmatch, false}, '<stack>'}]} = Seen, #{exits := [{function_clause, '<stack>'}] = Exits}) ->
    Seen#{exits := Exits};
several_bad(_, Seen, _) -> Seen.

-spec ended([term()]) -> term().
ended(Callbacks) ->
    case [Reason || {websocket, {terminate, Reason, _, _}} <- Callbacks] of
        [Reason] -> Reason;
        _ -> none
    end.

%% Cowboy closes at once, and what the client still sends makes the kernel reset the connection.
-spec destroyed(map(), seen(), seen()) -> seen().
destroyed(_, #{how := reset, wire := Wire} = Seen, #{wire := Sent}) ->
    Whole = case Wire of [] -> []; _ -> case lists:last(Wire) of {bytes, _} -> lists:droplast(Wire); _ -> Wire end end,
    case lists:prefix(Whole, Sent) of
        true -> Seen#{wire := Sent};
        false -> Seen
    end;
destroyed(_, Seen, _) -> Seen.

%% A control frame's payload within a compressed message goes through the inflater, and RSV1 where it must not be crashes it.
-spec compressed_fragments(map(), seen(), seen()) -> seen().
compressed_fragments(#{kind := websocket, frames := Frames}, #{wire := Wire} = Seen, Farrier) ->
    case extension(Wire) andalso fragile(Frames) of
        true -> Farrier;
        false -> Seen
    end;
compressed_fragments(_, Seen, _) -> Seen.

-spec extension([term()]) -> boolean().
extension(Wire) -> lists:any(fun({response, _, Fields, _}) -> lists:keymember(<<"sec-websocket-extensions">>, 1, Fields); (_) -> false end, Wire).

-spec fragile(iodata()) -> boolean().
fragile(Frames) when is_list(Frames) -> lists:any(fun fragile/1, Frames);
fragile(<<Fin:1, 1:1, _:2, Opcode:4, _/binary>>) -> Fin =:= 0 orelse Opcode =:= 0 orelse Opcode > 2;
fragile(_) -> false.

-spec head(map(), seen(), seen()) -> seen().
head(_, #{wire := Wire} = Seen, _) ->
    Seen#{wire := [case Part of
        {response, Status, Fields, none} -> {response, Status, lists:keydelete(<<"transfer-encoding">>, 1, Fields), none};
        _ -> Part
    end || Part <- Wire]}.

-spec cookies(map(), seen(), seen()) -> seen().
cookies(_, #{wire := Wire} = Seen, _) ->
    Seen#{wire := [case Part of
        {response, Status, Fields, Body} ->
            {response, Status, [{N, case N of <<"set-cookie">> -> binary:replace(V, <<"; Version=1">>, <<>>); _ -> V end} || {N, V} <- Fields], Body};
        _ -> Part
    end || Part <- Wire]}.

-spec empty_compressed(map(), seen(), seen()) -> seen().
empty_compressed(_, #{wire := Wire} = Seen, _) ->
    Seen#{wire := [case Part of {compressed_empty, Bits} -> {compressed, Bits, <<>>}; _ -> Part end || Part <- Wire]}.

-spec streamid(map(), seen(), seen()) -> seen().
streamid(_, #{callbacks := Callbacks} = Seen, _) ->
    Seen#{callbacks := [case Event of
        {websocket, {terminate, Reason, [host, method, path, peer, port, qs, scheme, version], S}} ->
            {websocket, {terminate, Reason, [host, method, path, peer, port, qs, scheme, streamid, version], S}};
        _ -> Event
    end || Event <- Callbacks]}.
