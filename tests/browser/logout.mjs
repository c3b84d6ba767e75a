// Signing out, in a real browser: the question, frames of applications, session management, everywhere at once.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createServer } from "node:http";

const challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// The stories. `signet` is the program that runs at `base`; it registers the applications.
export function stories({ base, signet, visitor, accessible, looks }) {
  const cases = {
    "signing out asks, tells applications in frames, and goes on": async () => {
      const app = await application();
      const silent = await application({ silent: true });
      const page = await visitor({ bypassCSP: false });
      await app.signIn(page);
      await silent.signIn(page);
      const back = `${app.origin}/out`;
      const url = `${base}/end_session?client_id=${app.id}&state=a%20%3Cb%3E&post_logout_redirect_uri=${encodeURIComponent(back)}`;
      await page.goto(url);
      const pressed = Date.now();
      await page.click("#logout-confirm");
      await page.waitForURL((at) => at.href.startsWith(back));
      assert.ok(Date.now() - pressed < 5_500, "a frame that never answers holds nobody up");
      assert.equal(new URL(page.url()).searchParams.get("state"), "a <b>");
      const asked = app.asked.find((at) => at.pathname === "/frontchannel_logout");
      assert.ok(asked, "the application was told");
      assert.equal(asked.searchParams.get("iss"), base);
      assert.match(asked.searchParams.get("sid"), /^ses_/);
      assert.deepEqual([...asked.searchParams.keys()].sort(), ["iss", "sid"]);
      assert.ok(silent.asked.some((at) => at.pathname === "/frontchannel_logout"), "so was the other one");
      await page.goto(`${base}/account`);
      await page.waitForSelector("#login-submit");
    },

    "signing out without JavaScript": async () => {
      const app = await application();
      const page = await visitor({ javaScriptEnabled: false });
      await app.signIn(page);
      const back = encodeURIComponent(`${app.origin}/out`);
      await page.goto(`${base}/end_session?client_id=${app.id}&post_logout_redirect_uri=${back}`);
      await page.click("#logout-confirm");
      assert.equal(await page.textContent("h1"), "You are signed out");
      await page.click("#signed-out-back");
      await page.waitForURL(/\/out$/);
      assert.ok(app.asked.some((at) => at.pathname === "/frontchannel_logout"));
    },

    "an application's page finds out that the session has changed": async () => {
      const app = await application();
      const page = await visitor();
      const state = new URL(await app.signIn(page)).searchParams.get("session_state");
      assert.ok(state);
      await page.goto(`${app.origin}/watch`);
      const ask = (message) => page.evaluate((text) => window.ask(text), message);
      assert.equal(await ask(`${app.id} ${state}`), "unchanged");
      assert.equal(await ask(`other ${state}`), "changed");
      for (const wrong of ["", app.id, `${app.id} x`, `${app.id} ${state} x`]) assert.equal(await ask(wrong), "error");
      // Ten thousand questions are answered in the browser alone.
      const requests = [];
      page.on("request", (request) => requests.push(request.url()));
      await page.evaluate((text) => window.flood(text, 10_000), `${app.id} ${state}`);
      assert.deepEqual(requests, []);
      const other = await page.context().newPage();
      await other.goto(`${base}/end_session`);
      await other.click("#logout-confirm");
      assert.equal(await ask(`${app.id} ${state}`), "changed");
      await page.context().clearCookies();
      assert.equal(await ask(`${app.id} ${state}`), "error", "without a cookie nobody can tell");
    },

    "sign out everywhere reaches the other browser": async () => {
      const here = await visitor({ javaScriptEnabled: false });
      const there = await visitor();
      for (const page of [here, there, here]) await account(page);
      assert.equal(await here.locator("[value=sign-out]").count() >= 2, true, "both are listed");
      await here.click("#sign-out-everywhere");
      assert.equal(await here.textContent("h1"), "You are signed out");
      await there.reload();
      await there.waitForSelector("#login-submit");
      await here.goBack();
      await here.waitForLoadState();
      await here.reload();
      await here.waitForSelector("#login-submit");
    },
  };

  for (const [look, options] of Object.entries(looks)) {
    cases[`the account and logout pages for everyone: ${look}`] = async () => {
      const app = await application();
      const page = await visitor({ ...options, bypassCSP: true });
      await app.signIn(page);
      await account(page);
      await accessible(page, "#sign-out-everywhere");
      await page.goto(`${base}/end_session?client_id=${app.id}`);
      await accessible(page, "#logout-confirm");
      await page.click("#logout-confirm");
      await accessible(page, "h1");
    };
  }
  return cases;

  async function account(page) {
    await page.goto(`${base}/account`);
    await page.waitForSelector("#login-submit, #sign-out-everywhere");
    if (await page.locator("#login-submit").count()) {
      await page.fill("#username", "ada@example.test");
      await page.fill("#password", "correct-horse-battery");
      await page.click("#login-submit");
    }
    await page.waitForSelector("#sign-out-everywhere");
  }

  /// An application with a server of its own; `silent` ones never answer when they are told of a logout.
  async function application({ silent = false } = {}) {
    const asked = [];
    const server = createServer((request, response) => {
      const at = new URL(request.url, "http://localhost");
      asked.push(at);
      if (silent && at.pathname === "/frontchannel_logout") return;
      response.setHeader("content-type", "text/html");
      response.end(at.pathname === "/watch" ? watcher : "<!doctype html><title>Application</title>");
    });
    await new Promise((ready) => server.listen(0, "localhost", ready));
    server.unref();
    const origin = `http://localhost:${server.address().port}`;
    const id = `story-${server.address().port}`;
    execFileSync(signet, ["clients", "create", `Story ${id}`, "--id", id, "--public", "--native", "--first-party",
      "--redirect", "http://localhost/callback", "--post-logout-redirect", `${origin}/out`,
      "--frontchannel-logout", `${origin}/frontchannel_logout`, "--dev", "--port", new URL(base).port], { stdio: "pipe" });
    const watcher = `<!doctype html><title>Watching</title><iframe id="op" src="${base}/check_session"></iframe><script>
      const op = document.getElementById("op");
      const loaded = new Promise((done) => { op.onload = done; });
      window.ask = async (message) => {
        await loaded;
        const answer = new Promise((done) => addEventListener("message", (event) => done(event.data), { once: true }));
        op.contentWindow.postMessage(message, ${JSON.stringify(base)});
        return answer;
      };
      window.flood = async (message, times) => { for (let i = 0; i < times; i += 1) await window.ask(message); };
    </script>`;

    /// Signs ada in and redeems the code, as only then the session counts as this application's.
    async function signIn(page) {
      const redirect = `${origin}/callback`;
      const query = new URLSearchParams({ client_id: id, redirect_uri: redirect, response_type: "code", scope: "openid",
        state: "s", code_challenge: challenge, code_challenge_method: "S256" });
      await page.goto(`${base}/authorize?${query}`);
      if (await page.locator("#login-submit").count()) {
        await page.fill("#username", "ada@example.test");
        await page.fill("#password", "correct-horse-battery");
        await page.click("#login-submit");
      }
      await page.waitForURL(/\/callback\?/);
      const arrived = page.url();
      const answer = await fetch(`${base}/token`, { method: "POST", body: new URLSearchParams({
        grant_type: "authorization_code", client_id: id, redirect_uri: redirect,
        code: new URL(arrived).searchParams.get("code"), code_verifier: "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk" }) });
      assert.equal(answer.status, 200);
      return arrived;
    }
    return { id, origin, asked, signIn };
  }
}
