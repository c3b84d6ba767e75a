// The three resource servers of examples/, each against tokens of a running server: one thing wrong at a time.
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { damaged, forge, kidOf, rotate, serviceToken } from "../clients/forge.mjs";
import { signIn } from "../clients/openid_client.mjs";
import { freePort, running } from "./process.mjs";

const file = (path) => fileURLToPath(new URL(`../../examples/resource-server/${path}`, import.meta.url));
const servers = {
  rust: ({ programs }) => [`${programs}/examples/resource_server`, []],
  node: () => [process.execPath, [file("node/server.mjs")]],
  python: ({ python }) => [python, [file("python/server.py")]],
};

const suites = {};
for (const [name, program] of Object.entries(servers)) {
  suites[`resource-server/${name}`] = {
    "answers 200, 401 and 403 as it must, and survives a rotation": (given) => check(given, program(given)),
    "accuses no token when the keys cannot be read": (given) => withoutKeys(given, program(given)),
  };
}
export default suites;

async function check({ base }, [program, args]) {
  const hand = await forge(base);
  const now = Math.floor(Date.now() / 1000);
  const issuer = base.replace(/\/$/, "");
  const port = await freePort();
  await running(program, args, { ISSUER: issuer, PORT: String(port) }, async (server) => {
    await server.until(/listening on|running on/);
    const ask = (path, token) => call(port, path, token);

    const good = await ask("/me", hand.good);
    assert.equal(good.status, 200, await good.clone().text());
    assert.equal((await good.json()).sub, "demo-service");
    assert.equal((await ask("/orders", hand.good)).status, 200);
    assert.equal((await ask("/me", hand.token())).status, 200, "what the forge signs is good, so only the difference tells");
    assert.equal((await ask("/me", hand.token({ body: { aud: ["https://other.test", `${issuer}/demo-api`] } }))).status, 200);

    const bare = await ask("/me");
    assert.equal(bare.status, 401);
    assert.match(bare.headers.get("www-authenticate"), /^Bearer realm="orders"$/, "no token, no error (RFC 6750 section 3.1)");

    const { tokens } = await signIn(base);
    const bad = {
      "expired": hand.token({ body: { iat: now - 900, exp: now - 300 } }),
      "not valid yet": hand.token({ body: { nbf: now + 300 } }),
      "wrong aud": hand.token({ body: { aud: "https://other.test" } }),
      "no aud": hand.token({ body: { aud: undefined } }),
      "wrong iss": hand.token({ body: { iss: "https://other.test" } }),
      "iss with a slash": hand.token({ body: { iss: `${issuer}/` } }),
      "no exp": hand.token({ body: { exp: undefined } }),
      "an ID token": tokens.id_token,
      "an ID token's typ": hand.token({ head: { typ: "JWT" } }),
      "a refresh token": tokens.refresh_token,
      "alg none": hand.none(),
      "HS256 with the public key": hand.hs256(),
      "unknown kid": hand.token({ head: { kid: "2020-01-01-es256-a" } }),
      "no kid": hand.token({ head: { kid: undefined } }),
      "a kid that would end the header": hand.token({ head: { kid: "x\"\r\nSet-Cookie: a=b" } }),
      "critical extension": hand.token({ head: { crit: ["x"], x: 1 } }),
      "changed": damaged(hand.good),
      "rubbish": "rubbish",
    };
    for (const [what, token] of Object.entries(bad)) {
      const answer = await ask("/me", token);
      assert.equal(answer.status, 401, `${what}: ${await answer.text()}`);
      assert.match(answer.headers.get("www-authenticate"), /^Bearer .*error="invalid_token"/, what);
      assert.equal(answer.headers.get("set-cookie"), null, what);
    }

    const narrow = await serviceToken(base, { scope: "orders:write" });
    assert.equal((await ask("/me", narrow)).status, 200);
    const refused = await ask("/orders", narrow);
    assert.equal(refused.status, 403);
    assert.match(refused.headers.get("www-authenticate"), /error="insufficient_scope".*scope="orders:read"/);

    // The next key has been published all along: nobody has to read the keys again, and old tokens live on.
    const fresh = await rotate(base);
    assert.equal(kidOf(fresh), hand.kid);
    assert.equal((await ask("/orders", fresh)).status, 200, "a token of the next key");
    assert.equal((await ask("/orders", hand.good)).status, 200, "a token of the last key");
    assert.ok(!server.said.includes(hand.good.split(".")[2]), "no token in the log");
  });
}

async function withoutKeys({ base }, [program, args]) {
  const token = await serviceToken(base);
  const [port, nobody] = [await freePort(), await freePort()];
  await running(program, args, { ISSUER: `http://localhost:${nobody}`, PORT: String(port) }, async (server) => {
    await server.until(/listening on|running on/);
    const answer = await call(port, "/me", token);
    assert.equal(answer.status, 503, await answer.text());
    assert.equal(answer.headers.get("www-authenticate"), null, "to sign in again would not help");
    assert.equal((await call(port, "/me")).status, 401);
  });
}

function call(port, path, token) {
  return fetch(`http://127.0.0.1:${port}${path}`, token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } });
}
