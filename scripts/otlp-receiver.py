"""otlp-receiver.py PORT: an OTLP/HTTP collector for tests, on 127.0.0.1.

Decodes with OpenTelemetry's own protobuf definitions, strictly: an unknown field or a malformed id is 400. Every test
has a collector of its own, by the first part of the path:

  POST /NAME/v1/traces   takes spans, JSON or protobuf
  GET  /NAME/spans       what was taken: [{"resource": {...}, "span": {...}}], ids as hex
  POST /NAME/fail        {"status": 503, "times": 2, "retryAfter": 0, "partial": 3}: answers so, that often; with
                         "partial", takes the spans and says that so many were refused
"""

import base64
import json
import sys
import threading
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as service

IDS = {"traceId": 16, "spanId": 8, "parentSpanId": 8}
lock = threading.Lock()
taken = defaultdict(list)
faults = defaultdict(dict)


def convert_ids(value, convert):
    """OTLP's JSON writes ids as hex, protobuf's own JSON as base64."""
    if isinstance(value, list):
        return [convert_ids(item, convert) for item in value]
    if isinstance(value, dict):
        return {
            key: convert(item, IDS[key]) if key in IDS else convert_ids(item, convert) for key, item in value.items()
        }
    return value


def from_hex(text, length):
    data = bytes.fromhex(text)
    if len(data) != length or text != text.lower():
        raise ValueError(f"'{text}' is no id of {length} bytes")
    return base64.b64encode(data).decode()


def decode(body, media):
    request = service.ExportTraceServiceRequest()
    if media == "application/x-protobuf":
        request.ParseFromString(body)
    elif media == "application/json":
        json_format.ParseDict(convert_ids(json.loads(body), from_hex), request)
    else:
        raise ValueError(f"media type '{media}'")
    return request


def spans(request):
    for group in request.resource_spans:
        resource = {item.key: item.value.string_value for item in group.resource.attributes}
        for scope in group.scope_spans:
            for span in scope.spans:
                document = json_format.MessageToDict(span)
                yield {"resource": resource, "span": convert_ids(document, lambda text, _: base64.b64decode(text).hex())}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, document, headers=()):
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def body(self):
        if "chunked" not in self.headers.get("transfer-encoding", ""):
            return self.rfile.read(int(self.headers.get("content-length") or 0))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def do_GET(self):
        name, _, rest = self.path.strip("/").partition("/")
        if rest != "spans":
            return self.answer(200 if not name else 404, {})
        with lock:
            return self.answer(200, taken[name])

    def do_POST(self):
        name, _, rest = self.path.strip("/").partition("/")
        body = self.body()
        if rest == "fail":
            with lock:
                faults[name] = json.loads(body)
            return self.answer(200, {})
        if rest != "v1/traces":
            return self.answer(404, {})
        with lock:
            fault = dict(faults[name])
            if fault.get("times", 0) > 0:
                faults[name]["times"] -= 1
            else:
                fault = {}
        if fault and "partial" not in fault:
            headers = [("retry-after", str(fault["retryAfter"]))] if "retryAfter" in fault else []
            return self.answer(fault["status"], {}, headers)
        try:
            found = list(spans(decode(body, self.headers.get("content-type", "").split(";")[0])))
        except Exception as error:  # whatever the decoder finds is the client's fault
            return self.answer(400, {"message": str(error)})
        with lock:
            taken[name].extend(found)
        self.answer(200, {"partialSuccess": {"rejectedSpans": str(fault["partial"])}} if fault else {})


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


Server(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
