// openid-client registers itself at a running dev server, signs in as what it became, and looks after its registration.
import assert from "node:assert/strict";
import * as oidc from "openid-client";
import { signIn } from "./openid_client.mjs";

const REDIRECT_URI = "http://localhost:47110/callback";

async function register(base, metadata) {
  const options = { execute: [oidc.allowInsecureRequests] };
  const config = await oidc.dynamicClientRegistration(new URL(base), { redirect_uris: [REDIRECT_URI], ...metadata }, undefined, options);
  return { config, client: config.clientMetadata() };
}

async function manage(client, method, body) {
  const headers = { authorization: `Bearer ${client.registration_access_token}`, "content-type": "application/json" };
  return fetch(client.registration_client_uri, { method, headers, body: body && JSON.stringify(body) });
}

export default {
  async "a confidential client registers, signs in and refreshes"({ base }) {
    const { client } = await register(base, {
      client_name: "Registered by openid-client",
      grant_types: ["authorization_code", "refresh_token"],
      token_endpoint_auth_method: "client_secret_basic",
    });
    assert.equal(client.client_secret_expires_at, 0);
    const { config, tokens, claims } = await signIn(base, { id: client.client_id, auth: oidc.ClientSecretBasic(client.client_secret) });
    assert.equal(claims.aud, client.client_id);
    const next = await oidc.refreshTokenGrant(config, tokens.refresh_token);
    assert.ok(next.access_token);
  },

  async "a public client registers and signs in"({ base }) {
    const { client } = await register(base, { token_endpoint_auth_method: "none" });
    assert.equal(client.client_secret, undefined);
    const { claims } = await signIn(base, { id: client.client_id, auth: oidc.None() });
    assert.equal(claims.aud, client.client_id);
  },

  async "what is wrong is refused by the code of RFC 7591"({ base }) {
    for (const [metadata, error] of [
      [{ redirect_uris: ["https://c1.test/cb#fragment"] }, "invalid_redirect_uri"],
      [{ id_token_signed_response_alg: "none" }, "invalid_client_metadata"],
    ]) {
      await assert.rejects(register(base, metadata), (thrown) => {
        assert.equal(thrown.error, error);
        return true;
      });
    }
  },

  async "a registration is read, changed and deleted"({ base }) {
    const { client } = await register(base, {});
    const read = await (await manage(client, "GET")).json();
    assert.equal(read.client_id, client.client_id);
    const { registration_access_token, registration_client_uri, client_id_issued_at, ...metadata } = read;
    const changed = await (await manage(client, "PUT", { ...metadata, client_name: "Another name" })).json();
    assert.equal(changed.client_name, "Another name");
    assert.equal((await manage(client, "GET")).status, 401, "the old token has ended");
    assert.equal((await manage(changed, "DELETE")).status, 204);
    await assert.rejects(signIn(base, { id: client.client_id, auth: oidc.ClientSecretBasic(client.client_secret) }));
  },
};
