#!/usr/bin/env python3
"""Receives the webhooks of rewardd and checks that they come from it: to run as it is, or to copy from.

    REWARDD_SECRET=... python3 webhook-receiver.py [PORT]

Each message that is taken is printed as a line of JSON. Put a proxy with TLS before it for other machines.
"""

import hashlib
import hmac
import http.server
import json
import os
import sys
import time

SECRET = os.environ["REWARDD_SECRET"].encode()
TOLERANCE_SECONDS = 300
LONGEST_BODY = 1024 * 1024
taken = set()  # ids of deliveries; a real receiver keeps them where a restart does not lose them


def is_genuine(headers, body):
    """Whether who knows the secret has sent this, not long ago."""
    timestamp = headers.get("X-Rewardd-Timestamp", "").encode()
    expected = "sha256=" + hmac.new(SECRET, timestamp + b"." + body, hashlib.sha256).hexdigest()
    # compare_digest takes the same time wherever the two differ, so that nobody can guess sign by sign.
    if not hmac.compare_digest(expected.encode(), headers.get("X-Rewardd-Signature", "").encode()):
        return False
    # Only now: what is not signed is not even read.
    return abs(time.time() - int(timestamp)) <= TOLERANCE_SECONDS


class Receiver(http.server.BaseHTTPRequestHandler):
    timeout = 10  # seconds that a sender may be silent

    def do_POST(self):
        length = int(self.headers.get("Content-Length", 0))
        if length > LONGEST_BODY:
            return self.answer(413, "too long")
        body = self.rfile.read(length)
        if not is_genuine(self.headers, body):
            return self.answer(401, "the signature does not hold, or is old")
        message = json.loads(body)
        # A message can come twice, where the answer to the first one was lost.
        if message["id"] in taken:
            return self.answer(200, "taken before")
        print(json.dumps(message), flush=True)
        taken.add(message["id"])  # after the work is done: better twice than never
        return self.answer(200, "taken")

    def answer(self, status, text):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Says nothing of each request."""


if __name__ == "__main__":
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8080
    with http.server.ThreadingHTTPServer(("127.0.0.1", port), Receiver) as server:
        print(f"listening on http://127.0.0.1:{server.server_port}/", file=sys.stderr, flush=True)
        server.serve_forever()
