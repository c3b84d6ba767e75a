// jose verifies what we sign, with nothing but the addresses in our discovery document.
import assert from "node:assert/strict";
import { createRemoteJWKSet, decodeProtectedHeader, errors, jwtVerify } from "jose";
import { signIn } from "./openid_client.mjs";

async function keysOf(base) {
  const answer = await fetch(new URL("/.well-known/openid-configuration", base));
  assert.equal(answer.status, 200);
  const metadata = await answer.json();
  return { metadata, keys: createRemoteJWKSet(new URL(metadata.jwks_uri)) };
}

/** The token with one bit of its signature turned. */
function forged(token) {
  const [head, body, signature] = token.split(".");
  const bytes = Buffer.from(signature, "base64url");
  bytes[10] ^= 1;
  return [head, body, bytes.toString("base64url")].join(".");
}

export default {
  async "verifies the ID token"({ base }) {
    const { metadata, keys } = await keysOf(base);
    const { tokens } = await signIn(base);
    const { protectedHeader, payload } = await jwtVerify(tokens.id_token, keys, {
      issuer: metadata.issuer,
      audience: "demo-web",
      algorithms: metadata.id_token_signing_alg_values_supported,
      requiredClaims: ["sub", "exp", "iat", "auth_time"],
    });
    assert.ok(protectedHeader.kid);
    assert.ok(payload.exp > payload.iat);
  },

  async "verifies the access token as RFC 9068 wants it"({ base }) {
    const { metadata, keys } = await keysOf(base);
    const { tokens, claims } = await signIn(base);
    const { payload } = await jwtVerify(tokens.access_token, keys, {
      issuer: metadata.issuer,
      typ: "at+jwt",
      requiredClaims: ["sub", "aud", "exp", "iat", "jti", "client_id"],
    });
    assert.equal(payload.client_id, "demo-web");
    assert.equal(payload.sub, claims.sub);
    assert.ok(payload.exp - payload.iat <= 600, "an access token lives 10 minutes at most");
  },

  async "finds every token's key in the JWKS, with its algorithm, and no private member"({ base }) {
    const { metadata } = await keysOf(base);
    const { keys } = await (await fetch(metadata.jwks_uri)).json();
    const { tokens } = await signIn(base);
    for (const token of [tokens.id_token, tokens.access_token]) {
      const { kid, alg } = decodeProtectedHeader(token);
      assert.equal(keys.find((key) => key.kid === kid)?.alg, alg);
    }
    for (const key of keys) {
      for (const secret of ["d", "p", "q", "dp", "dq", "qi", "k"]) assert.equal(key[secret], undefined);
      assert.equal(key.use, "sig");
    }
  },

  async "refuses a forged signature, another audience and an ID token used as an access token"({ base }) {
    const { metadata, keys } = await keysOf(base);
    const { tokens } = await signIn(base);
    const issuer = metadata.issuer;
    await assert.rejects(jwtVerify(forged(tokens.id_token), keys, { issuer }), errors.JWSSignatureVerificationFailed);
    await assert.rejects(jwtVerify(tokens.id_token, keys, { issuer, audience: "someone-else" }), errors.JWTClaimValidationFailed);
    await assert.rejects(jwtVerify(tokens.id_token, keys, { issuer, typ: "at+jwt" }), errors.JWTClaimValidationFailed);
  },
};
