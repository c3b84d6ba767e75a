// Serves the files of public/ and nothing else. Node.js alone; no package is needed.
//   node server.mjs [--port 5173] [--issuer http://localhost:8080] [--client demo-spa]
import { createReadStream } from "node:fs";
import { readdir } from "node:fs/promises";
import { createServer } from "node:http";
import { extname } from "node:path";
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: {
    port: { type: "string", default: "5173" },
    issuer: { type: "string", default: "http://localhost:8080" },
    client: { type: "string", default: "demo-spa" },
  },
});
const types = { ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8" };
const folder = new URL("public/", import.meta.url);
// Only these names are served, whatever a path says.
const files = new Set(await readdir(folder));

const headers = {
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  // The page runs its own scripts, talks to the provider and to itself, and is shown in nobody's frame.
  "content-security-policy": [
    "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src data:", `connect-src 'self' ${new URL(values.issuer).origin}`,
    "form-action 'none'", "base-uri 'none'", "frame-ancestors 'none'",
  ].join("; "),
};

const server = createServer((request, response) => {
  const { pathname } = new URL(request.url, "http://localhost");
  const name = pathname === "/" ? "index.html" : pathname.slice(1);
  if (request.method !== "GET") {
    response.writeHead(405, { ...headers, allow: "GET" }).end();
  } else if (name === "config.json") {
    response.writeHead(200, { ...headers, "content-type": "application/json" });
    response.end(JSON.stringify({ issuer: values.issuer, clientId: values.client }));
  } else if (files.has(name)) {
    response.writeHead(200, { ...headers, "content-type": types[extname(name)] });
    createReadStream(new URL(name, folder)).pipe(response);
  } else {
    response.writeHead(404, headers).end();
  }
});

// Loopback only, and the name that the cookie is for: http://127.0.0.1 is another site than http://localhost.
server.listen(Number(values.port), "127.0.0.1", () => console.log(`http://localhost:${server.address().port}`));
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(0));
