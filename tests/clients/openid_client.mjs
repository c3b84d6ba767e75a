// openid-client, a certified relying party library, against a running server: no special casing but the one switch
// that the library demands for a plain http issuer.
import assert from "node:assert/strict";
import * as oidc from "openid-client";
import { Browser } from "./browser.mjs";

const SECRET = "dev-secret-do-not-ship";
const REDIRECT_URI = "http://localhost:47110/callback";

async function discover(base, id, auth) {
  return oidc.discovery(new URL(base), id, undefined, auth, { execute: [oidc.allowInsecureRequests] });
}

/** One code flow with PKCE, state and nonce, in an object signed with `key` if there is one; gives all that came of it. */
export async function signIn(base, { id = "demo-web", auth = oidc.ClientSecretBasic(SECRET), browser = new Browser(), key, ...more } = {}) {
  const config = await discover(base, id, auth);
  const verifier = oidc.randomPKCECodeVerifier();
  const [state, nonce] = [oidc.randomState(), oidc.randomNonce()];
  const build = key ? oidc.buildAuthorizationUrlWithJAR : oidc.buildAuthorizationUrl;
  const url = await build(config, {
    redirect_uri: REDIRECT_URI,
    scope: "openid profile email offline_access",
    prompt: "consent",
    code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
    state,
    nonce,
    ...more,
  }, key);
  assert.equal(url.searchParams.has("state"), !key, "in the object, or in the query");
  const callback = await browser.authorize(url, REDIRECT_URI);
  const checks = { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true };
  const tokens = await oidc.authorizationCodeGrant(config, callback, checks);
  return { config, tokens, claims: tokens.claims(), callback, checks, browser };
}

const refusedWith = (error) => (thrown) => {
  assert.equal(thrown.error, error);
  return true;
};

export default {
  async "signs in with code, PKCE, state and nonce; userinfo agrees"({ base }) {
    const { config, tokens, claims } = await signIn(base);
    assert.equal(claims.iss, config.serverMetadata().issuer);
    assert.equal(tokens.token_type.toLowerCase(), "bearer");
    const user = await oidc.fetchUserInfo(config, tokens.access_token, claims.sub);
    assert.equal(user.email, "ada@example.test");
  },

  async "signs in with the secret in the body"({ base }) {
    const { claims } = await signIn(base, { auth: oidc.ClientSecretPost(SECRET) });
    assert.ok(claims.sub);
  },

  async "signs in as a public client"({ base }) {
    const { claims } = await signIn(base, { id: "demo-spa", auth: oidc.None() });
    assert.ok(claims.sub);
  },

  async "a second sign-in of the same browser needs no password"({ base }) {
    const first = await signIn(base);
    const again = await signIn(base, { browser: first.browser, prompt: "none" });
    assert.equal(again.claims.sub, first.claims.sub);
    assert.equal(again.claims.auth_time, first.claims.auth_time);
  },

  async "refreshes, and the old access token's user is the new one's"({ base }) {
    const { config, tokens, claims } = await signIn(base);
    assert.ok(tokens.refresh_token, "no refresh token");
    const next = await oidc.refreshTokenGrant(config, tokens.refresh_token);
    assert.notEqual(next.access_token, tokens.access_token);
    const user = await oidc.fetchUserInfo(config, next.access_token, claims.sub);
    assert.equal(user.sub, claims.sub);
  },

  async "a code works once, and its replay ends what came of it"({ base }) {
    const { config, tokens, callback, checks, claims } = await signIn(base);
    await assert.rejects(oidc.authorizationCodeGrant(config, callback, checks), refusedWith("invalid_grant"));
    await assert.rejects(oidc.refreshTokenGrant(config, tokens.refresh_token), refusedWith("invalid_grant"));
    await assert.rejects(oidc.fetchUserInfo(config, tokens.access_token, claims.sub));
  },

  async "a wrong code verifier is refused"({ base }) {
    const config = await discover(base, "demo-web", oidc.ClientSecretBasic(SECRET));
    const url = oidc.buildAuthorizationUrl(config, {
      redirect_uri: REDIRECT_URI,
      scope: "openid",
      code_challenge: await oidc.calculatePKCECodeChallenge(oidc.randomPKCECodeVerifier()),
      code_challenge_method: "S256",
    });
    const callback = await new Browser().authorize(url, REDIRECT_URI);
    const wrong = { pkceCodeVerifier: oidc.randomPKCECodeVerifier() };
    await assert.rejects(oidc.authorizationCodeGrant(config, callback, wrong), refusedWith("invalid_grant"));
  },

  async "a service gets a token of its own"({ base }) {
    const config = await discover(base, "demo-service", oidc.ClientSecretBasic(SECRET));
    const tokens = await oidc.clientCredentialsGrant(config);
    assert.ok(tokens.access_token);
    assert.equal(tokens.refresh_token, undefined, "RFC 6749 section 4.4.3: a refresh token SHOULD NOT be included");
    assert.equal(tokens.id_token, undefined);
  },

  async "a wrong secret is refused"({ base }) {
    const config = await discover(base, "demo-service", oidc.ClientSecretBasic("not-the-secret"));
    await assert.rejects(oidc.clientCredentialsGrant(config), (thrown) => {
      assert.ok(thrown.error === "invalid_client" || thrown.status === 401, String(thrown));
      return true;
    });
  },
};
