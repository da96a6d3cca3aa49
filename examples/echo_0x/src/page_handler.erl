-module(page_handler).
-behaviour(cowboy_http_handler).

-include_lib("cowboy/include/http.hrl").

-export([init/3, handle/2, terminate/2]).

init({tcp, http}, Req, Opts) ->
    {ok, Req, Opts}.

handle(Req = #http_req{raw_path = Path}, State = [not_found]) ->
    Text = [<<"Nothing is at ">>, Path, <<".\n">>],
    {ok, Req2} = cowboy_http_req:reply(404, [{'Content-Type', <<"text/plain">>}], Text, Req),
    {ok, Req2, State};
handle(Req = #http_req{method = 'GET'}, State) ->
    {ok, Req2} = cowboy_http_req:reply(200, [{'Content-Type', <<"text/html; charset=utf-8">>}], page(), Req),
    {ok, Req2, State};
handle(Req, State) ->
    {ok, Req2} = cowboy_http_req:reply(405, [{'Allow', <<"GET">>}], <<>>, Req),
    {ok, Req2, State}.

terminate(_Req, _State) ->
    ok.

page() ->
    ["<!DOCTYPE html>\n"
     "<html>\n"
     "<head><meta charset=\"utf-8\"><title>Echo</title></head>\n"
     "<body>\n"
     "<h1>Echo</h1>\n"
     "<form id=\"form\"><input id=\"text\" autocomplete=\"off\"> <input type=\"submit\" value=\"Send\"></form>\n"
     "<ul id=\"log\"></ul>\n"
     "<script>\n"
     "var log = function (text) {\n"
     "    var item = document.createElement('li');\n"
     "    item.appendChild(document.createTextNode(text));\n"
     "    document.getElementById('log').appendChild(item);\n"
     "};\n"
     "if (!window.WebSocket) window.WebSocket = window.MozWebSocket;\n"
     "if (!window.WebSocket) log('This browser knows no WebSocket.');\n"
     "var socket = new WebSocket('ws://' + window.location.host + '/echo/you');\n"
     "socket.onmessage = function (event) { log(event.data); };\n"
     "socket.onclose = function () { log('The connection is closed.'); };\n"
     "document.getElementById('form').onsubmit = function () {\n"
     "    var text = document.getElementById('text');\n"
     "    socket.send(text.value);\n"
     "    text.value = '';\n"
     "    return false;\n"
     "};\n"
     "</script>\n"
     "</body>\n"
     "</html>\n"].
