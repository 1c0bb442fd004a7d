"""The HTTP server: routes, keys and models checked as vendors do, streams with faults, and the control API."""

from __future__ import annotations

import dataclasses
import json
import re
import select
import socket
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from tests.modelserver.script import Call, Fault, Reply, Stage, count_tokens
from tests.modelserver.shapes import SHAPES
from tests.modelserver.wires import (
    AnthropicWire,
    GoogleWire,
    OllamaWire,
    OpenAIWire,
    Wire,
    embed,
    openai_too_long,
    tool_tokens,
)

OPENAI = OpenAIWire()
OLLAMA = OllamaWire()
ANTHROPIC = AnthropicWire()
GOOGLE = GoogleWire()
_GENERATE = re.compile(r"^/v1(?:beta)?/models/[^/]+:(?:stream)?[gG]enerateContent$")
_MOVED = "/moved"
"""Before a path: where a redirect within the server leads."""
_PIECE = 23
"""Bytes of a shape that are sent at a time."""
_FOREVER_S = 3600.0
_PAGE = b"<html><body>Please log in to the network.</body></html>"


class ClientGoneError(Exception):
    """The client closed its connection before the reply was whole."""


class ConnectionDroppedError(Exception):
    """The script drops the connection."""


class ModelServer(ThreadingHTTPServer):
    """Serves every wire on one port."""

    daemon_threads = True
    request_queue_size = 256
    allow_reuse_address = True

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.stage = Stage()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that leaves is no news."""

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: ModelServer

    def log_message(self, *args: Any) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        self._route()

    def do_POST(self) -> None:
        self._route()

    def _route(self) -> None:
        path = urlsplit(self.path).path
        length = int(self.headers.get("content-length") or 0)
        raw = self.rfile.read(length) if length else b""
        try:
            body = json.loads(raw) if raw else {}
        except ValueError:
            self._json(400, {"error": "the body is no JSON"})
            return
        try:
            if path.startswith("/control/"):
                self._control(path, body)
            else:
                self._vendor(path, body)
        except (ClientGoneError, ConnectionDroppedError, BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def _control(self, path: str, body: Any) -> None:
        stage = self.server.stage
        try:
            match path:
                case "/control/script":
                    stage.direct(body)
                case "/control/fault":
                    stage.add_fault(Fault(**body))
                case "/control/faults/clear":
                    stage.clear_faults()
                case "/control/reset":
                    stage.reset()
                case "/control/calls":
                    self._json(200, [dataclasses.asdict(call) for call in stage.calls])
                    return
                case "/control/requests":
                    self._json(200, stage.requests)
                    return
                case _:
                    self._json(404, {"error": f"no {path}"})
                    return
        except (ValueError, TypeError) as error:
            self._json(400, {"error": str(error)})
            return
        self._json(200, {})

    def _vendor(self, path: str, body: dict[str, Any]) -> None:
        stage = self.server.stage
        stage.saw(self.command, path, self._headers())
        if stage.script.redirect_to and not path.startswith(_MOVED):
            self._send(
                stage.script.redirect_status, b"", "text/plain", {"Location": f"{stage.script.redirect_to}{self.path}"}
            )
            return
        if stage.script.instead:
            self._send(stage.script.instead_status, stage.script.instead.encode(), stage.script.instead_type)
            return
        answers: dict[str, Callable[[str, dict[str, Any]], None]] = {
            "/": lambda *_: self._send(200, b"Ollama is running", "text/plain; charset=utf-8"),
            "/api/version": lambda *_: self._json(200, {"version": "0.12.6"}),
            "/api/tags": lambda *_: self._json(200, OLLAMA.tags(self.server.stage.script)),
            "/api/show": self._show,
            "/api/embed": self._embed,
            "/api/pull": self._pull,
            "/api/chat": lambda *_: self._converse(OLLAMA, path, body),
            "/v1/models": self._list_models,
            "/props": self._props,
            "/v1/messages": lambda *_: self._converse(ANTHROPIC, path, body),
            "/v1beta/models": self._list_models,
            "/v1/embeddings": self._embed,
            "/v1/chat/completions": lambda *_: self._converse(OPENAI, path, body),
        }
        path = path.removeprefix(_MOVED)
        answer = answers.get(path)
        if _GENERATE.match(path):
            self._converse(GOOGLE, path, body)
        elif answer is None:
            message = f"Invalid URL ({self.command} {path})"
            self._json(404, {"error": {"message": message, "type": "invalid_request_error"}})
        else:
            answer(path, body)

    def _show(self, path: str, body: dict[str, Any]) -> None:
        name = body.get("model") or body.get("name") or ""
        if self._knows(name):
            self._json(200, OLLAMA.show(name, self.server.stage.script))
        else:
            self._json(*OLLAMA.unknown_model(name))

    def _embed(self, path: str, body: dict[str, Any]) -> None:
        texts = body.get("input") or []
        vectors = [embed(text) for text in ([texts] if isinstance(texts, str) else texts)]
        if path == "/api/embed":
            self._json(200, {"model": body.get("model"), "embeddings": vectors, "prompt_eval_count": len(vectors)})
            return
        data = [{"object": "embedding", "index": index, "embedding": vector} for index, vector in enumerate(vectors)]
        usage = {"prompt_tokens": 0, "total_tokens": 0}
        self._json(200, {"object": "list", "data": data, "model": body.get("model"), "usage": usage})

    def _pull(self, path: str, body: dict[str, Any]) -> None:
        self._begin_stream("application/x-ndjson")
        for line in OLLAMA.pull(body.get("model") or body.get("name") or ""):
            self._chunk(line)
        self._end_stream()

    def _list_models(self, path: str, body: dict[str, Any]) -> None:
        script = self.server.stage.script
        wire: Wire = OPENAI
        if "x-goog-api-key" in self._headers():  # three vendors share the path
            wire, document = GOOGLE, GOOGLE.models(script)
        elif "anthropic-version" in self._headers():
            wire, document = ANTHROPIC, ANTHROPIC.models(script)
        else:
            document = OPENAI.models(script)
        if self._has_key(wire):
            self._json(200, document)
        else:
            self._json(*wire.wrong_key())

    def _props(self, path: str, body: dict[str, Any]) -> None:
        script = self.server.stage.script
        if script.context_told == "props":
            self._json(200, {"default_generation_settings": {"n_ctx": script.context_tokens}, "total_slots": 1})
        else:
            self._json(404, {"error": {"code": 404, "message": "File Not Found", "type": "not_found_error"}})

    def _converse(self, wire: Wire, path: str, body: dict[str, Any]) -> None:
        stage, script = self.server.stage, self.server.stage.script
        model = wire.model(path, body)
        prompt, last = wire.prompt(body)
        call = stage.open(wire.name, path, body, self._headers(), self.client_address[1])
        fault = stage.next_fault()
        call.fault = fault.kind if fault else ""
        try:
            if not self._has_key(wire):
                call.status = 401
                self._json(*wire.wrong_key())
            elif not self._knows(model):
                call.status = 404
                self._json(*wire.unknown_model(model))
            elif (tokens := count_tokens(prompt) + tool_tokens(body)) > script.context_tokens:
                call.status = 400
                call.status, document = (
                    openai_too_long(script.context_words, tokens, script.context_tokens)
                    if wire is OPENAI
                    else wire.too_long(tokens, script.context_tokens)
                )
                self._json(call.status, document)
            elif fault is not None and fault.kind == "status":
                call.status = fault.status
                message = fault.message or f"the scripted server fails with {fault.status}"
                self._json(fault.status, wire.error(fault.status, message), headers=fault.headers)
            elif fault is not None and fault.kind == "hang":
                self._wait(_FOREVER_S)
            elif fault is not None and fault.kind == "shape":
                self._shape(wire, fault)
            elif fault is not None and fault.kind == "html":
                self._send(200, _PAGE, "text/html")
            else:
                reply = stage.reply_to(prompt, last, json.dumps(body))
                self._play(wire, body, call, fault, reply)
        except (ClientGoneError, BrokenPipeError, ConnectionResetError):
            call.disconnected_at = time.time()
            self.close_connection = True
        finally:
            call.finished_at = time.time()

    def _play(self, wire: Wire, body: dict[str, Any], call: Call, fault: Fault | None, reply: Reply) -> None:
        script = self.server.stage.script
        model = wire.model(call.path, body)
        kind = fault.kind if fault else ""
        if kind == "empty":
            reply = dataclasses.replace(reply, tokens=(), tool_calls=(), stop_reason="stop", output_tokens=0)
        elif kind == "garbled_tool_call":
            reply = dataclasses.replace(
                reply,
                tokens=(),
                tool_calls=({"name": "search", "arguments": '{"query": "bo'},),
                stop_reason="tool_calls",
            )
        self._wait(script.first_token_delay_s)
        if not wire.wants_stream(call.path, body):
            self._wait(script.token_delay_s * len(reply.tokens))
            self._json(200, wire.whole(body, model, reply, script))
            return
        self._begin_stream(wire.content_type)
        if kind == "hang_after_headers":
            self._wait(_FOREVER_S)
        stops_at = (
            fault.after_tokens
            if fault and kind in {"stall", "cut", "end_early", "garbage", "error_in_stream"}
            else None
        )
        for event, is_token in wire.stream(body, model, reply, script):
            if is_token:
                if stops_at is not None and call.tokens_sent >= stops_at:
                    break
                if call.tokens_sent:
                    self._wait(script.token_delay_s)
                call.tokens_sent += 1
                call.first_token_at = call.first_token_at or time.time()
            self._chunk(event)
        if stops_at is not None:
            self._break_off(wire, kind)
        self._end_stream()

    def _shape(self, wire: Wire, fault: Fault) -> None:
        """Any piece of a stream may end within a line, a document, or a character."""
        if fault.whole:
            self._send(200, SHAPES[fault.shape].whole[wire.name], "application/json")
            return
        body = SHAPES[fault.shape].stream[wire.name]
        self._begin_stream(wire.content_type)
        for start in range(0, len(body), _PIECE):
            self._chunk(body[start : start + _PIECE])
        self._end_stream()

    def _break_off(self, wire: Wire, kind: str) -> None:
        match kind:
            case "stall":
                self._wait(_FOREVER_S)
            case "cut":
                self.connection.shutdown(socket.SHUT_RDWR)
                raise ConnectionDroppedError
            case "garbage":
                self._chunk(wire.garbage())
            case "error_in_stream":
                self._chunk(wire.error_event("the model runner stopped unexpectedly"))

    def _has_key(self, wire: Wire) -> bool:
        wanted = self.server.stage.script.api_key
        return not wanted or wire.key(self._headers()) == wanted

    def _knows(self, model: str) -> bool:
        script = self.server.stage.script
        return script.any_model or model in script.models or f"{model}:latest" in script.models

    def _headers(self) -> dict[str, str]:
        return {name.lower(): value for name, value in self.headers.items()}

    def _wait(self, seconds: float) -> None:
        """Wait, unless the client leaves. Raises ClientGoneError."""
        if seconds <= 0:
            return
        readable, _, _ = select.select([self.connection], [], [], seconds)
        if readable and not self.connection.recv(1, socket.MSG_PEEK):
            raise ClientGoneError

    def _json(self, status: int, document: Any, headers: dict[str, str] | None = None) -> None:
        self._send(status, json.dumps(document).encode(), "application/json", headers)

    def _send(self, status: int, content: bytes, content_type: str, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(content)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def _begin_stream(self, content_type: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Transfer-Encoding", "chunked")
        self.send_header("Cache-Control", "no-cache")
        self.end_headers()

    def _chunk(self, content: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(content), content))

    def _end_stream(self) -> None:
        self.wfile.write(b"0\r\n\r\n")
