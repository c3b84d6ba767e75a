"""An application that knows nothing of OpenID Connect: it shows the headers that it is sent. `app.py [PORT]`"""
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Headers(BaseHTTPRequestHandler):
    def do_GET(self):
        body = f"{self.command} {self.path}\n{self.headers}".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


port = int(sys.argv[1]) if len(sys.argv) > 1 else 3004
print(f"http://127.0.0.1:{port}, on this machine alone; Ctrl-C ends it", flush=True)
try:
    ThreadingHTTPServer(("127.0.0.1", port), Headers).serve_forever()
except KeyboardInterrupt:
    pass
