// A backend for a frontend: the tokens stay here, the browser has a cookie that scripts cannot read.
// One process, sessions in memory; with more processes keep them in a database that all can read.
import { randomBytes } from "node:crypto";
import express from "express";
import * as oidc from "openid-client";

const issuer = process.env.ISSUER ?? "http://localhost:8080";
const clientId = process.env.CLIENT_ID ?? "demo-web";
const clientSecret = process.env.CLIENT_SECRET ?? "dev-secret-do-not-ship";
const port = Number(process.env.PORT ?? 3000);
const origin = process.env.ORIGIN ?? `http://localhost:${port}`;
// What the browser may reach through us, with the access token that it never sees.
const api = process.env.API ?? `${issuer}/demo-api`;

// How long before its end an access token is exchanged for a new one, in seconds.
const refreshBefore = Number(process.env.REFRESH_BEFORE ?? 30);

const secure = origin.startsWith("https:");
const redirectUri = `${origin}/callback`;
// `__Host-` makes browsers refuse a cookie that a neighbouring host has planted; it needs https.
const cookies = { session: secure ? "__Host-session" : "session", login: secure ? "__Host-login" : "login" };
/** Sessions and sign-ins that are under way, by random names. */
const sessions = new Map();
const logins = new Map();
const SESSION = 8 * 3_600_000;
const LOGIN = 10 * 60_000;

const provider = await oidc.discovery(new URL(issuer), clientId, {}, oidc.ClientSecretBasic(clientSecret), {
  // Plain http is for a server on this computer.
  execute: issuer.startsWith("http://localhost") ? [oidc.allowInsecureRequests] : [],
});

const app = express();
app.disable("x-powered-by");
app.use((_request, response, next) => {
  response.set({
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
  });
  next();
});

app.get("/login", async (_request, response) => {
  const login = { verifier: oidc.randomPKCECodeVerifier(), state: oidc.randomState(), nonce: oidc.randomNonce() };
  // Lax, because the way back from the provider begins at another site.
  response.cookie(cookies.login, remember(logins, login, LOGIN), cookie("lax", LOGIN));
  response.redirect(303, oidc.buildAuthorizationUrl(provider, {
    redirect_uri: redirectUri,
    scope: "openid profile email offline_access",
    prompt: "consent",
    state: login.state,
    nonce: login.nonce,
    code_challenge: await oidc.calculatePKCECodeChallenge(login.verifier),
    code_challenge_method: "S256",
  }).href);
});

app.get("/callback", async (request, response) => {
  const login = take(logins, read(request, cookies.login));
  response.clearCookie(cookies.login, cookie("lax"));
  if (!login) return response.redirect(303, "/");
  let tokens;
  try {
    // Checks state, iss, nonce and the whole ID token.
    tokens = await oidc.authorizationCodeGrant(provider, new URL(request.originalUrl, origin), {
      pkceCodeVerifier: login.verifier, expectedState: login.state, expectedNonce: login.nonce, idTokenExpected: true,
    });
  } catch (fault) {
    return response.redirect(303, `/?error=${encodeURIComponent(fault.error ?? "sign_in_failed")}`);
  }
  // A new name for a new session: whatever cookie was there before is worth nothing.
  take(sessions, read(request, cookies.session));
  const session = { user: tokens.claims(), idToken: tokens.id_token };
  keep(session, tokens);
  response.cookie(cookies.session, remember(sessions, session, SESSION), cookie("strict", SESSION));
  response.redirect(303, "/");
});

// From here on nothing is answered to a page of another site: a form cannot send this header, and a script of
// another origin may only after a CORS question that we never answer. SameSite=Strict is the second lock.
app.use(["/session", "/api"], (request, response, next) => {
  const site = request.get("sec-fetch-site") ?? "same-origin";
  if (request.get("x-csrf") !== "1" || site !== "same-origin") return response.status(403).json({ error: "cross_site" });
  request.session = sessions.get(read(request, cookies.session))?.value;
  if (!request.session) return response.status(401).json({ error: "signed_out" });
  next();
});

app.get("/session", (request, response) => response.json({ sub: request.session.user.sub }));

app.delete("/session", async (request, response) => {
  const { refreshToken, idToken } = take(sessions, read(request, cookies.session));
  response.clearCookie(cookies.session, cookie("strict"));
  const { revocation_endpoint, end_session_endpoint } = provider.serverMetadata();
  // Our own session has ended already: a provider that does not answer must not keep anybody signed in here.
  if (revocation_endpoint && refreshToken) await oidc.tokenRevocation(provider, refreshToken).catch((fault) => console.error(fault.message));
  // To sign out of the provider too, the page goes there.
  const next = end_session_endpoint ? oidc.buildEndSessionUrl(provider, { id_token_hint: idToken }).href : "/";
  response.json({ next });
});

app.get("/api", async (request, response) => {
  const target = new URL(api + new URL(request.url, origin).search);
  const token = await accessToken(request.session);
  if (!token) {
    take(sessions, read(request, cookies.session));
    return response.status(401).json({ error: "signed_out" });
  }
  const answer = await fetch(target, { headers: { authorization: `Bearer ${token}` }, redirect: "manual", signal: AbortSignal.timeout(10_000) });
  response.status(answer.status).type(answer.headers.get("content-type") ?? "text/plain").send(await answer.text());
});

app.use(express.static(new URL("public", import.meta.url).pathname));
app.use((fault, _request, response, _next) => {
  console.error(fault.message);
  response.status(502).json({ error: "unavailable" });
});

app.listen(port, "127.0.0.1", (fault) => {
  if (fault) throw fault;
  console.log(`listening on ${origin}`);
});

/** A good access token, or nothing when the provider has ended the sign-in. All requests of a session wait for one refresh. */
async function accessToken(session) {
  if (Date.now() < session.expiresAt - refreshBefore * 1000) return session.accessToken;
  if (!session.refreshToken) return undefined;
  session.refreshing ??= oidc.refreshTokenGrant(provider, session.refreshToken)
    .then((tokens) => keep(session, tokens))
    .finally(() => { session.refreshing = undefined; });
  try {
    await session.refreshing;
    return session.accessToken;
  } catch (fault) {
    if (fault.error === "invalid_grant") return undefined;
    throw fault;
  }
}

function keep(session, tokens) {
  session.accessToken = tokens.access_token;
  session.refreshToken = tokens.refresh_token ?? session.refreshToken;
  session.expiresAt = Date.now() + (tokens.expires_in ?? 60) * 1000;
}

function remember(all, value, lifetime) {
  const name = randomBytes(32).toString("base64url");
  all.set(name, { value, timer: setTimeout(() => all.delete(name), lifetime).unref() });
  return name;
}

function take(all, name) {
  const found = all.get(name);
  if (!found) return undefined;
  clearTimeout(found.timer);
  all.delete(name);
  return found.value;
}

function cookie(sameSite, maxAge) {
  return { httpOnly: true, secure, sameSite, path: "/", maxAge };
}

function read(request, name) {
  const pairs = (request.get("cookie") ?? "").split(";").map((pair) => pair.trim().split("="));
  return pairs.find(([known]) => known === name)?.[1];
}
