%% @doc The demo's way in: starts the node's one application, says where the page is,
%% and knows the routes.
-module(farrier_demo).

-export([main/0]).
-export([routes/0]).
-export([url/1]).

%% @doc Starts the demo, prints its URL in one line and returns; the node stays up.
%% Prints why and halts with status 1 if it cannot start.
-spec main() -> ok.
main() ->
    case application:ensure_all_started(farrier_demo, permanent) of
        {ok, _Started} ->
            {ok, Port} = application:get_env(farrier_demo, listening_port),
            io:format("farrier demo: open ~ts in a browser (Ctrl-C ends it)~n", [url(Port)]);
        {error, Reason} ->
            io:format(standard_error, "farrier demo: cannot start: ~tp~n", [Reason]),
            halt(1)
    end.

%% @doc The page's address. The listener is bound to the loopback interface only.
-spec url(inet:port_number()) -> string().
url(Port) ->
    "http://127.0.0.1:" ++ integer_to_list(Port) ++ "/".

%% @doc Routes as `cowboy_router:compile/1' takes them: three WebSocket handlers of two generations,
%% their sources, the node's facts, and the page.
-spec routes() -> [{'_', [{string(), module(), term()}]}].
routes() ->
    Sources = filename:join([code:lib_dir(farrier_demo), "src", "handlers"]),
    [{'_', [
        {"/ws/chat", chat_handler, []},
        {"/ws/timer", timer_handler, []},
        {"/ws/echo", echo_handler, []},
        {"/facts", farrier_demo_facts, []},
        {"/source/[...]", cowboy_static, {dir, Sources, [{mimetypes, {<<"text">>, <<"plain">>, []}}]}},
        {"/", cowboy_static, {priv_file, farrier_demo, "www/index.html"}},
        {"/[...]", cowboy_static, {priv_dir, farrier_demo, "www"}}
    ]}].
