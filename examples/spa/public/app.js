// The page around session.js: who is signed in, what an API says, and three ways to sign out.
import { Session, SignedOut, SomebodyElse } from "./session.js";

const at = (id) => document.getElementById(id);
const { issuer, clientId } = await (await fetch("/config.json")).json();

let spoilNext = false;
let kept = null;

/** `fetch`, except that the next call of an API goes out with a token that is not good: to see what happens then. */
function send(url, options) {
  if (spoilNext && options.headers?.get?.("authorization")) {
    spoilNext = false;
    options.headers.set("authorization", "Bearer spoiled");
  }
  return fetch(url, options);
}

const session = new Session({ issuer, clientId, send });
session.addEventListener("change", show);

at("sign-in").addEventListener("submit", async (event) => {
  event.preventDefault();
  const password = at("password");
  const { error, retryAfter } = await session.login(at("email").value, password.value).catch(() => ({ error: "unreachable" }));
  password.value = "";
  const words = {
    invalid_credentials: "Name or password is wrong.",
    unreachable: `${issuer} does not answer.`,
  };
  if (error) say("sign-in-error", words[error] ?? (retryAfter ? `Too many at once. Try again in ${retryAfter} s.` : error));
  else say("sign-in-error", "");
});

const calls = {
  "call-api": "/demo-api",
  "call-admin": "/demo-api?role=admin",
  "call-nobody": "/demo-api?role=nobody",
};
for (const [button, path] of Object.entries(calls)) at(button).addEventListener("click", () => call(path));
at("spoil").addEventListener("click", () => {
  spoilNext = true;
  return call("/demo-api");
});

for (const level of ["client", "refresh", "immediate"]) {
  at(`out-${level}`).addEventListener("click", async () => {
    kept = session.accessToken;
    try {
      await session.logout(level, { everywhere: at("everywhere").checked });
      say("out-said", {
        client: "Client only: this tab has forgotten its token. The provider knows nothing of it: load the page again and you are signed in again.",
        refresh: "Refresh revocation: nothing more is issued. The access token that was out is good until it expires.",
        immediate: "Immediate: the access token that was out is refused too.",
      }[level]);
    } catch {
      say("out-said", "Not signed out: the provider does not answer.");
    }
  });
}

// A page of yours would not keep the old token. This one does, to show what it is still good for.
at("try-old").addEventListener("click", async () => {
  const answer = await fetch(`${issuer}/demo-api`, { headers: { authorization: `Bearer ${kept}` } });
  say("old-said", answer.ok ? `${answer.status}: the old access token is still accepted.` : `${answer.status}: ${reason(answer)}`);
});

/** What the API says, in words: who you are is one question, what you may do is another. */
async function call(path) {
  say("said", "…");
  try {
    const answer = await session.fetch(`${issuer}${path}`);
    at("said").dataset.status = answer.status;
    if (answer.ok) say("said", `200: welcome, ${(await answer.json()).sub}.`);
    else if (answer.status === 403) say("said", `403: you are signed in, and may not do this (${reason(answer)}).`);
    else say("said", `${answer.status}: ${reason(answer)}`);
  } catch (fault) {
    at("said").dataset.status = fault instanceof SignedOut ? 401 : 0;
    say("said", fault instanceof SomebodyElse ? "Not done: somebody else is signed in now."
      : fault instanceof SignedOut ? "401: sign in first." : "No answer. Try again.");
  }
}

function reason(answer) {
  return /error="([^"]*)"/.exec(answer.headers.get("www-authenticate") ?? "")?.[1] ?? answer.statusText;
}

/** Whose name is shown. */
let shown = null;

async function show() {
  const { signedIn, subject } = session;
  document.body.dataset.state = signedIn ? "in" : "out";
  at("signed-out").hidden = signedIn;
  at("signed-in").hidden = !signedIn;
  at("old").hidden = signedIn || !kept;
  if (!signedIn) {
    shown = null;
    say("said", "");
    say("old-said", "");
    return;
  }
  say("out-said", "");
  at("expires").textContent = new Date(session.expiresAt).toLocaleTimeString();
  at("expires").dataset.at = session.expiresAt;
  if (shown !== subject) {
    // Nothing of the person before stays on the page.
    say("said", "");
    say("who", "…");
    shown = subject;
    const answer = await session.fetch(`${issuer}/userinfo`).catch(() => null);
    const who = answer?.ok ? (await answer.json()).email : "somebody";
    if (shown === subject) say("who", who);
  }
}

function say(id, text) {
  at(id).textContent = text;
}

// Whoever was signed in when this tab was closed or loaded again still is: the cookie says so.
await session.refresh().catch(() => say("sign-in-error", `${issuer} does not answer.`));
show();
