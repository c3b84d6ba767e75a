// Signs whatever a test wants with a key that a running dev server has published: one of our own is imported.
// PROGRAMS is the folder of the signet program; XDG_RUNTIME_DIR is the server's, so that the command finds its database.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { constants, createHmac, generateKeyPairSync, sign } from "node:crypto";

const SECRET = "dev-secret-do-not-ship";
const RSA = { modulusLength: 2048 };
const ALGORITHMS = {
  ES256: ["ec", { namedCurve: "P-256" }, "sha256", { dsaEncoding: "ieee-p1363" }],
  RS256: ["rsa", RSA, "sha256", {}],
  PS256: ["rsa", RSA, "sha256", { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }],
  EdDSA: ["ed25519", {}, null, {}],
};

/** Runs a command of the server's administrator; tokens go to it on standard input. */
export function signet(base, args, input = "") {
  const program = `${process.env.PROGRAMS ?? "target/debug"}/signet`;
  const all = [...args, "--dev", "--port", new URL(base).port];
  const ended = spawnSync(program, all, { input, encoding: "utf8", timeout: 60_000 });
  if (ended.error) throw ended.error;
  return { code: ended.status, out: ended.stdout, err: ended.stderr };
}

/** A token for demo-service, by client credentials. */
export async function serviceToken(base, fields = {}) {
  const answer = await fetch(new URL("/token", base), {
    method: "POST",
    headers: { authorization: `Basic ${btoa(`demo-service:${SECRET}`)}` },
    body: new URLSearchParams({ grant_type: "client_credentials", ...fields }),
  });
  assert.equal(answer.status, 200, await answer.clone().text());
  return (await answer.json()).access_token;
}

const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
const read = (token, index) => JSON.parse(Buffer.from(token.split(".")[index], "base64url"));
export const kidOf = (token) => read(token, 0).kid;

/** Asks again until it is so; servers notice within a second what a command has changed. */
async function until(what, isIt) {
  for (let tries = 0; tries < 100; tries += 1) {
    const found = await isIt();
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.fail(`waited in vain for ${what}`);
}

/** Lets the next ES256 key sign, and gives a token of it. */
export async function rotate(base) {
  const before = kidOf(await serviceToken(base));
  const { code, err } = signet(base, ["keys", "rotate", "--now", "--alg", "ES256"]);
  assert.equal(code, 0, err);
  return until("a token of the next key", async () => {
    const token = await serviceToken(base);
    return kidOf(token) !== before && token;
  });
}

/** A hand that signs for the server, and a good token of its service to be changed. */
export async function forge(base, algorithm = "ES256") {
  const [type, options, digest, how] = ALGORITHMS[algorithm];
  const { privateKey, publicKey } = generateKeyPairSync(type, options);
  const imported = signet(base, ["keys", "import", "-", "--alg", algorithm], privateKey.export({ type: "pkcs8", format: "pem" }));
  assert.equal(imported.code, 0, imported.err);
  const kid = imported.out.trim();
  await until("the imported key in the JWKS", async () => {
    const { keys } = await (await fetch(new URL("/.well-known/jwks.json", base))).json();
    return keys.some((key) => key.kid === kid);
  });
  const good = await serviceToken(base);
  const [head, body] = [{ ...read(good, 0), alg: algorithm, kid }, read(good, 1)];
  const signed = (input) => `${input}.${sign(digest, Buffer.from(input), { key: privateKey, ...how }).toString("base64url")}`;
  return {
    kid,
    good,
    /** What differs from the good token is all that has to be said; `undefined` takes a member away. */
    token: (changes = {}) => signed(`${part({ ...head, ...changes.head })}.${part({ ...body, ...changes.body })}`),
    /** RFC 8725 section 2.1: the public key, which everybody has, taken for a shared secret. */
    hs256: () => {
      const input = `${part({ ...head, alg: "HS256" })}.${part(body)}`;
      return `${input}.${createHmac("sha256", publicKey.export({ type: "spki", format: "pem" })).update(input).digest("base64url")}`;
    },
    none: () => `${part({ ...head, alg: "none" })}.${part(body)}.`,
  };
}

/** The token with its signature changed. */
export const damaged = (token) => `${token.slice(0, -6)}${token.endsWith("AAAA") ? "BB" : "AA"}${token.slice(-4)}`;
