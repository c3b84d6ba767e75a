// An API that accepts access tokens (RFC 9068). Copy `protect` and what it uses into your own service.
import express from "express";
import { createRemoteJWKSet, errors, jwtVerify } from "jose";

const issuer = process.env.ISSUER ?? "http://localhost:8080";
// What this API calls itself: what applications name as `resource` and find in `aud`.
const audience = process.env.AUDIENCE ?? `${issuer}/demo-api`;
// Pinned here, never taken from the token: who may choose the algorithm may choose a weak one.
const algorithm = process.env.ALGORITHM ?? "ES256";
const port = Number(process.env.PORT ?? 3001);

// Keeps the keys for ten minutes. An unknown `kid` reads them again, but not more than once in 30 seconds.
const keys = createRemoteJWKSet(new URL(`${issuer}/.well-known/jwks.json`));

/** Lets a request pass whose access token is good and was granted all of `scopes`; its claims are `request.token`. */
function protect(...scopes) {
  return async (request, response, next) => {
    const [scheme, token, ...more] = (request.get("authorization") ?? "").split(" ");
    // RFC 6750 section 3.1: who has sent no token is told that one is needed, and no error.
    if (scheme.toLowerCase() !== "bearer" || !token || more.length) return refuse(response, 401);
    try {
      request.token = await verify(token);
    } catch (fault) {
      // Nobody's token is at fault when the keys cannot be read.
      if (!isTheTokensFault(fault)) return response.status(503).json({ error: "temporarily_unavailable" });
      return refuse(response, 401, { error: "invalid_token", error_description: fault.message });
    }
    const granted = new Set((request.token.scope ?? "").split(" "));
    if (scopes.every((scope) => granted.has(scope))) return next();
    // A good token that is not good for this: to sign in again would not help.
    refuse(response, 403, { error: "insufficient_scope", scope: scopes.join(" ") });
  };
}

/** The claims of a good access token, RFC 9068 section 4. */
async function verify(token) {
  const { payload } = await jwtVerify(token, keys, {
    algorithms: [algorithm],
    issuer,
    audience,
    // An ID token is signed by the same keys; its `typ` is another.
    typ: "at+jwt",
    requiredClaims: ["exp", "iat", "sub", "client_id", "jti"],
    // How far two clocks may be apart, in seconds.
    clockTolerance: 10,
  });
  return payload;
}

function isTheTokensFault(fault) {
  const ours = [errors.JWKSTimeout, errors.JWKSInvalid];
  return fault instanceof errors.JOSEError && fault.code !== "ERR_JOSE_GENERIC" && !ours.some((kind) => fault instanceof kind);
}

/** RFC 6750 section 3: the challenge says in a header what is wrong. */
function refuse(response, status, members = {}) {
  // What is said of a token may quote it: nothing in it may end the quotes, or the header.
  const plain = (text) => text.replace(/[^ -~]|["\\]/g, "'");
  const challenge = Object.entries({ realm: "orders", ...members }).map(([name, text]) => `${name}="${plain(text)}"`);
  response.status(status).set("WWW-Authenticate", `Bearer ${challenge.join(", ")}`).json(members);
}

const app = express();
app.disable("x-powered-by");
app.get("/me", protect(), (request, response) => response.json({ sub: request.token.sub, scope: request.token.scope ?? "" }));
app.get("/orders", protect("orders:read"), (_request, response) => response.json([{ id: 1, what: "a teapot" }]));

const server = app.listen(port, "127.0.0.1", (fault) => {
  if (fault) throw fault;
  console.log(`listening on http://localhost:${server.address().port}`);
});
