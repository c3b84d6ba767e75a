// An API that verifies tokens with jose for as long as its standard input lasts: a line of JSON in, a line out. The
// first line says where the keys are and, if need be, for how many seconds they are kept.
import { createInterface } from "node:readline";
import { createRemoteJWKSet, jwtVerify } from "jose";

let given;
let keys;
for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line);
  if (!given) {
    given = asked;
    const times = given.cache ? { cacheMaxAge: given.cache * 1000, cooldownDuration: given.cooldown * 1000 } : {};
    keys = createRemoteJWKSet(new URL(given.jwks_uri), times);
    continue;
  }
  try {
    const { protectedHeader } = await jwtVerify(asked.token, keys, { issuer: given.issuer, audience: asked.audience });
    console.log(JSON.stringify({ kid: protectedHeader.kid }));
  } catch (thrown) {
    console.log(JSON.stringify({ error: `${thrown.code}: ${thrown.message}` }));
  }
}
