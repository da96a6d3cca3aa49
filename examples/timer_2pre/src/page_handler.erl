-module(page_handler).

-export([init/2]).

init(Req, Opts) ->
    Headers = [{<<"content-type">>, <<"text/html; charset=utf-8">>}],
    {ok, cowboy_req:reply(200, Headers, page(), Req), Opts}.

page() ->
    ["<!DOCTYPE html>\n"
     "<meta charset=\"utf-8\">\n"
     "<title>Timer</title>\n"
     "<h1>Timer</h1>\n"
     "<form><input name=\"ms\" value=\"2000\"> ms <button>Set</button></form>\n"
     "<ul></ul>\n"
     "<script>\n"
     "var socket = new WebSocket('ws://' + location.host + '/timer?first=1000');\n"
     "var log = function (text) {\n"
     "    document.querySelector('ul').appendChild(document.createElement('li')).textContent = text;\n"
     "};\n"
     "socket.onmessage = function (event) { log(event.data); };\n"
     "socket.onclose = function () { log('The connection is closed.'); };\n"
     "document.querySelector('form').onsubmit = function (event) {\n"
     "    event.preventDefault();\n"
     "    socket.send(this.ms.value);\n"
     "};\n"
     "</script>\n"].
