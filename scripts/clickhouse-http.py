#!/usr/bin/env python3
"""ClickHouse's HTTP interface over the ClickHouse engine in this process (chdb): for tests.

    clickhouse-http.py PORT DATA_FOLDER

Answers /ping, GET and POST with the statement in `query` or in the body, the body as the data of an INSERT,
`database`, `default_format`, `param_…` and settings as query parameters, and errors with a status and
X-ClickHouse-Exception-Code as the server does. One statement at a time; no users: credentials are not looked at.
Binds to 127.0.0.1.
"""
import json
import re
import sys
import threading
import urllib.parse
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from chdb import session

PORT, FOLDER = int(sys.argv[1]), sys.argv[2]
ENGINE = session.Session(FOLDER)
ENGINE_LOCK = threading.Lock()  # the engine takes one statement at a time
BODY_BYTES_MAX = 64 << 20

# Parameters of the protocol itself; every other one is a setting of the statement.
PROTOCOL = {
    "query", "database", "default_format", "query_id", "user", "password", "session_id", "compress", "decompress",
    "wait_end_of_query", "buffer_size", "enable_http_compression", "send_progress_in_http_headers",
}
# ClickHouse's error code -> HTTP status, as its server maps them; others are 500.
STATUS = {
    6: 400, 26: 400, 27: 400, 36: 400, 41: 400, 43: 400, 47: 400, 53: 400, 60: 404, 62: 400, 69: 400, 81: 404,
    117: 400, 159: 408, 202: 503, 497: 403, 516: 403,
}
INSERT = re.compile(r"^\s*INSERT\s+INTO\b", re.I)
FORMAT = re.compile(r"\bFORMAT\s+(\w+)[ \t]*;?[ \t]*\n?", re.I)
SELECTS = re.compile(r"\b(SELECT|VALUES)\b", re.I)


def literal(value):
    if re.fullmatch(r"-?\d+(\.\d+)?", value):
        return value
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def with_settings(statement, settings):
    if not settings:
        return statement
    joined = ", ".join(f"{name} = {literal(value)}" for name, value in settings.items())
    return f"{statement} SETTINGS {joined}"


def execute(parameters, body):
    """Runs one request; returns the answer's bytes."""
    statement = parameters.get("query")
    if statement is None:
        statement, body = body.decode(), b""
    settings = {k: v for k, v in parameters.items() if k not in PROTOCOL and not k.startswith("param_")}
    values = {k[len("param_"):]: v for k, v in parameters.items() if k.startswith("param_")}
    with ENGINE_LOCK:
        database = parameters.get("database", "default")
        ENGINE.query(f"USE `{database.replace('`', '')}`")
        if INSERT.match(statement):
            written = FORMAT.search(statement)
            head = statement[: written.start()] if written else statement
            if not SELECTS.search(head):
                form = written.group(1) if written else parameters.get("default_format", "TabSeparated")
                data = (statement[written.end():].encode() if written else b"") + body
                with ENGINE.send_insert(with_settings(head, settings), form) as insert:
                    if data:
                        insert.append(data)
                    insert.finish()
                return b""
        elif body:
            statement = f"{statement}\n{body.decode()}"
        statement = statement.rstrip().rstrip(";")
        form = parameters.get("default_format", "TabSeparated")
        written = re.search(r"\bFORMAT\s+(\w+)\s*$", statement, re.I)
        if written:
            form, statement = written.group(1), statement[: written.start()]
        if re.match(r"\s*(SELECT|WITH|INSERT|OPTIMIZE)\b", statement, re.I):
            statement = with_settings(statement, settings)
        return ENGINE.query(statement, form, params=values or None).bytes() or b""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def body(self):
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            data = b""
            while True:
                size = int(self.rfile.readline().split(b";")[0], 16)
                data += self.rfile.read(size)
                self.rfile.readline()
                if size == 0:
                    return data
                if len(data) > BODY_BYTES_MAX:
                    raise ValueError("the body is too large")
        size = int(self.headers.get("Content-Length") or 0)
        if size > BODY_BYTES_MAX:
            raise ValueError("the body is too large")
        return self.rfile.read(size)

    def answer(self, status, data, headers=()):
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("X-ClickHouse-Server-Display-Name", "chdb")
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def handle_request(self):
        parts = urllib.parse.urlsplit(self.path)
        if parts.path == "/ping":
            return self.answer(200, b"Ok.\n")
        try:
            parameters = dict(urllib.parse.parse_qsl(parts.query, keep_blank_values=True))
            data = execute(parameters, self.body() if self.command == "POST" else b"")
        except Exception as error:  # whatever the engine throws is the client's answer
            text = str(error)
            found = re.search(r"Code:\s*(\d+)", text)
            code = int(found.group(1)) if found else 1002
            words = text[text.find("Code:"):] if found else text
            return self.answer(STATUS.get(code, 500), (words + "\n").encode(), [("X-ClickHouse-Exception-Code", str(code))])
        self.answer(200, data, [("X-ClickHouse-Query-Id", str(uuid.uuid4())), ("X-ClickHouse-Summary", json.dumps({}))])

    do_GET = do_POST = handle_request


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


Server(("127.0.0.1", PORT), Handler).serve_forever()
