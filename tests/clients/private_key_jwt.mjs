// openid-client signs with a key of its own instead of having a secret. Clients are registered with the command line.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SignJWT, exportJWK, generateKeyPair } from "jose";
import * as oidc from "openid-client";
import { signIn } from "./openid_client.mjs";

const REDIRECT_URI = "http://localhost:47110/callback";
const TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/** A key pair, and a client that has registered its public half. */
async function register({ base, signet }, alg, ...flags) {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  const kid = randomUUID();
  const folder = mkdtempSync(join(tmpdir(), "signet-keys-"));
  try {
    const file = join(folder, "jwks.json");
    writeFileSync(file, JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid, alg, use: "sig" }] }));
    const id = `keys-${kid}`;
    const where = ["--dev", "--port", new URL(base).port];
    const create = ["clients", "create", "With keys", "--id", id, "--jwks", file, ...flags, ...where, "-o", "json"];
    const made = JSON.parse(execFileSync(signet, create, { stdio: ["ignore", "pipe", "pipe"] }));
    assert.equal(made.client_id, id);
    assert.equal(made.client_secret, undefined);
    return { id, key: { key: privateKey, kid }, privateKey };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const checks = {
  async "jose signs an assertion, and it works once"(given) {
    const { id, privateKey, key } = await register(given, "ES256", "--service", "--scope", "orders:read");
    const metadata = await (await fetch(new URL("/.well-known/openid-configuration", given.base))).json();
    assert.ok(metadata.token_endpoint_auth_methods_supported.includes("private_key_jwt"));
    assert.ok(metadata.token_endpoint_auth_signing_alg_values_supported.includes("ES256"));
    const assertion = await new SignJWT({})
      .setProtectedHeader({ alg: "ES256", kid: key.kid })
      .setIssuer(id)
      .setSubject(id)
      .setAudience(metadata.token_endpoint)
      .setIssuedAt()
      .setExpirationTime("1m")
      .setJti(randomUUID())
      .sign(privateKey);
    const body = { grant_type: "client_credentials", client_assertion_type: TYPE, client_assertion: assertion };
    const ask = () => fetch(metadata.token_endpoint, { method: "POST", body: new URLSearchParams(body) });
    const answer = await ask();
    assert.equal(answer.status, 200, await answer.clone().text());
    assert.ok((await answer.json()).access_token);
    const again = await ask();
    assert.deepEqual([again.status, (await again.json()).error], [401, "invalid_client"]);
  },
};

for (const alg of ["RS256", "PS256", "ES256", "EdDSA"]) {
  checks[`openid-client signs in, refreshes, introspects and revokes with ${alg}`] = async (given) => {
    const { id, key } = await register(given, alg, "--native", "--redirect", REDIRECT_URI);
    const { config, tokens, claims } = await signIn(given.base, { id, auth: oidc.PrivateKeyJwt(key) });
    assert.ok(claims.sub);
    const next = await oidc.refreshTokenGrant(config, tokens.refresh_token);
    const told = await oidc.tokenIntrospection(config, next.refresh_token);
    assert.equal(told.active, true);
    await oidc.tokenRevocation(config, next.refresh_token);
    await assert.rejects(oidc.refreshTokenGrant(config, next.refresh_token), (thrown) => thrown.error === "invalid_grant");
  };
}

for (const alg of ["RS256", "PS256", "ES256", "EdDSA"]) {
  checks[`openid-client sends a request object signed with ${alg}`] = async (given) => {
    const { id, key } = await register(given, alg, "--native", "--redirect", REDIRECT_URI);
    const claims = JSON.stringify({ id_token: { email: null } });
    const asked = { id, auth: oidc.PrivateKeyJwt(key), key, max_age: "300", claims };
    assert.equal((await signIn(given.base, asked)).claims.email, "ada@example.test");
  };
}

checks["another key is refused"] = async (given) => {
  const { id } = await register(given, "ES256", "--service");
  const { key } = await register(given, "ES256", "--service");
  const execute = [oidc.allowInsecureRequests];
  const config = await oidc.discovery(new URL(given.base), id, undefined, oidc.PrivateKeyJwt(key), { execute });
  await assert.rejects(oidc.clientCredentialsGrant(config), (thrown) => thrown.error === "invalid_client" || thrown.status === 401);
};

export default checks;
