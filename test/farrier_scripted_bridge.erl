%% A bridge without a transport, for tests of what stands above it: tells the process that calls what it was asked, and hands
%% out a request body piece by piece. The handle is the list of those pieces.
-module(farrier_scripted_bridge).

-export([exchange/1, exchange/2, calls/0]).
-export([inform/3, respond/4, respond_stream/3, respond_chunk/2, respond_end/2, response_state/1, read_body/4]).
-export([await_writable/2, close/2]).

%% Makes this process the server of a request.
exchange(Request) ->
    exchange(Request, []).

exchange(Request, Pieces) ->
    _ = put(scripted_body, Pieces),
    _ = put(scripted_state, none),
    Default = #{
        method => <<"GET">>, version => 'HTTP/1.1', scheme => <<"http">>, host => <<"example.org">>, port => 8080,
        path => <<"/a">>, qs => <<>>, headers => [], peer => {{127, 0, 0, 1}, 4000}, sock => {{127, 0, 0, 1}, 8080},
        body_length => 0, stream_id => 1
    },
    Full = maps:merge(Default, Request),
    farrier_exchange:open(?MODULE, handle, Full),
    Full.

%% What was asked since the last time, the date left out.
calls() ->
    receive
        {scripted, Call} -> [Call | calls()]
    after 0 -> []
    end.

inform(handle, Status, Headers) ->
    case get(scripted_state) of
        none -> tell({inform, Status, Headers});
        _ -> {error, already_sent}
    end.

respond(handle, Status, Headers, Body) ->
    start(done, {respond, Status, undated(Headers), body(Body)}).

respond_stream(handle, Status, Headers) ->
    start(headers, {stream, Status, undated(Headers)}).

start(Next, Call) ->
    case get(scripted_state) of
        none ->
            _ = put(scripted_state, Next),
            tell(Call);
        _ ->
            {error, already_sent}
    end.

respond_chunk(handle, Data) ->
    case get(scripted_chunk) of
        undefined -> tell({chunk, iolist_to_binary(Data)});
        Answer -> Answer
    end.

respond_end(handle, Trailers) ->
    _ = put(scripted_state, done),
    tell({finish, Trailers}).

response_state(handle) ->
    get(scripted_state).

read_body(handle, Ref, Length, Period) ->
    tell({read_body, Length, Period}),
    case get(scripted_body) of
        [] ->
            ok;
        [{Fin, Data} | Pieces] ->
            _ = put(scripted_body, Pieces),
            self() ! {Ref, body, Fin, Data},
            ok
    end.

await_writable(handle, Ref) ->
    self() ! {Ref, writable},
    _ = tell(await_writable),
    wait.

close(handle, _) ->
    tell(close).

tell(Call) ->
    self() ! {scripted, Call},
    ok.

undated(Headers) ->
    [{Name, iolist_to_binary(Value)} || {Name, Value} <- Headers, Name =/= <<"date">>].

body({sendfile, _, _, _} = Body) -> Body;
body(Body) -> iolist_to_binary(Body).
