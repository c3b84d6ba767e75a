// Drives a real Chromium against a running server: BASE=http://localhost:8080 node run.mjs
// The server is `signet serve --dev`. Every case is a story with its own browser profile.
import assert from "node:assert/strict";
import { decoderCases } from "./decoder.mjs";
import { behindNginx } from "./gateway.mjs";
import { accessible, tell, visitor, watched } from "./support.mjs";

const base = process.env.BASE ?? "http://localhost:8080";

const cases = {
  "from the playground to two verified tokens": async () => {
    const page = await visitor();
    await page.goto(`${base}/playground`);
    await page.click("#playground-start");
    await signIn(page);
    await page.click("#consent-allow");
    await page.waitForSelector("#id-token-verified[data-verified=true]");
    await page.waitForSelector("#access-token-verified[data-verified=true]");
    assert.equal(await page.locator("#playground [data-ok=false]").count(), 0, "every check of the claims holds");
    assert.equal((await page.textContent("#id-token")).split(".").length, 3);
    for (const button of ["#call-userinfo", "#call-demo-api", "#refresh"]) {
      await page.click(button);
      await page.waitForSelector("#call-status[data-verified=true]");
    }
    await page.goBack();
    assert.equal(await page.locator("#error-title").count(), 0, "the back button leads to no dead end");
  },

  "without JavaScript up to the answer": async () => {
    const page = await visitor({ javaScriptEnabled: false });
    await consentPage(page);
    await page.click("#consent-allow");
    await page.waitForURL(/\/callback\?/);
    assert.match(await page.textContent("#token-curl"), /grant_type=authorization_code/);
  },

  "with the keyboard alone": async () => {
    const page = await visitor();
    await page.goto(`${base}/playground`);
    await tabTo(page, "playground-start");
    await page.keyboard.press("Enter");
    await page.waitForSelector("#login-submit");
    await page.locator("#password").fill("");
    await page.locator("#username").focus();
    await page.keyboard.press("Tab");
    await page.keyboard.type("correct-horse-battery");
    await page.keyboard.press("Enter");
    await page.waitForSelector("#consent-allow");
    await tabTo(page, "consent-allow");
    await page.keyboard.press("Space");
    await page.waitForSelector("#id-token-verified[data-verified=true]");
  },

  "a wrong password is said, focused and harmless": async () => {
    const page = await visitor();
    await loginPage(page);
    await page.fill("#password", "wrong");
    await page.click("#login-submit");
    const alert = page.locator("[role=alert]");
    await alert.waitFor();
    assert.ok(await alert.evaluate((node) => node === document.activeElement), "the alert has the focus");
    assert.equal(await page.inputValue("#username"), "ada@example.test");
    assert.equal(await page.inputValue("#password"), "");
    await page.fill("#password", "correct-horse-battery");
    await page.click("#login-submit");
    await page.waitForSelector("#consent-allow");
  },

  "a page behind nginx, and out again": async () => {
    if (!process.env.SIGNET) {
      console.log("not run: browser behind nginx: SIGNET does not name the program");
      return;
    }
    const gateway = await behindNginx(base, process.env.SIGNET);
    try {
      const page = await visitor();
      await page.goto(`${gateway.url}/deep?x=1`);
      await page.waitForSelector("#login-submit");
      assert.equal(new URL(page.url()).origin, base);
      await page.fill("#username", "ada@example.test");
      await page.fill("#password", "correct-horse-battery");
      await page.click("#login-submit");
      await page.waitForURL(`${gateway.url}/deep?x=1`);
      assert.match(await page.textContent("#user"), /^usr_/);
      assert.equal(await page.textContent("#roles"), "admin");
      assert.doesNotMatch(await page.textContent("#cookie"), /signet_(session|browser|device)/);
      await page.goto(`${base}/end_session`);
      await page.click("#logout-confirm");
      await page.goto(`${gateway.url}/deep`);
      await page.waitForSelector("#login-submit");
    } finally {
      await gateway.close();
    }
  },

  "refusing goes back to the app": async () => {
    const page = await visitor();
    await consentPage(page);
    await page.click("#consent-deny");
    await page.waitForSelector("#callback-error");
    assert.equal(await page.textContent("#callback-error"), "access_denied");
  },

  "two tabs, two attempts, each ends in its own": async () => {
    const one = await visitor();
    await loginPage(one);
    const two = watched(await one.context().newPage());
    await loginPage(two);
    for (const page of [one, two]) {
      if (await page.locator("#login-submit").count()) await signIn(page);
      if (await page.locator("#consent-allow").count()) await page.click("#consent-allow");
      await page.waitForSelector("#id-token-verified[data-verified=true]");
    }
  },

  "the back button, then once more": async () => {
    const page = await visitor();
    await consentPage(page);
    await page.goBack();
    await page.waitForLoadState();
    if (await page.locator("#login-submit").count()) await signIn(page);
    if (await page.locator("#consent-allow").count()) await page.click("#consent-allow");
    await page.waitForURL(/\/(callback|playground)/);
  },

  "cookies cleared midway start the sign-in again": async () => {
    const page = await visitor();
    await loginPage(page);
    await page.context().clearCookies();
    await page.fill("#password", "correct-horse-battery");
    await page.click("#login-submit");
    await page.waitForSelector("#login-submit, a[href]");
    assert.equal(await page.locator("h1").count(), 1, "a page of ours, not a dead end");
  },

  "the login page fits into one round trip": async () => {
    const page = await visitor();
    const session = await page.context().newCDPSession(page);
    await session.send("Network.enable");
    let bytes = 0;
    await page.goto(`${base}/playground`);
    await page.waitForLoadState("networkidle");
    session.on("Network.loadingFinished", (event) => { bytes += event.encodedDataLength; });
    await session.send("Network.setCacheDisabled", { cacheDisabled: true });
    await page.click("#playground-start");
    await page.waitForSelector("#login-submit");
    await page.waitForLoadState("networkidle");
    assert.ok(bytes > 0 && bytes < 14 * 1024, `${bytes} bytes`);
  },
};

const looks = {
  light: { colorScheme: "light" },
  dark: { colorScheme: "dark" },
  "320 px": { viewport: { width: 320, height: 640 } },
  "forced colours": { forcedColors: "active" },
};
for (const [look, options] of Object.entries(looks)) {
  cases[`every page for everyone: ${look}`] = async () => {
    // axe runs inside the page, which our policy forbids to any script but ours.
    const page = await visitor({ ...options, bypassCSP: true });
    await page.goto(`${base}/authorize?client_id=nobody`);
    await accessible(page, "#error-title");
    await page.goto(`${base}/playground`);
    await accessible(page, "#playground-start");
    await page.click("#playground-start");
    await accessible(page, "#login-submit");
    await page.fill("#password", "wrong");
    await page.click("#login-submit");
    await accessible(page, "[role=alert]");
    await signIn(page);
    await accessible(page, "#consent-allow");
    await page.click("#consent-allow");
    await accessible(page, "#access-token-verified[data-verified=true]");
  };
}

Object.assign(cases, decoderCases({ base, visitor, accessible }));

await tell(cases);


async function loginPage(page) {
  await page.goto(`${base}/playground`);
  await page.click("#playground-start");
  await page.waitForSelector("#login-submit, #consent-allow, #id-token");
}

async function consentPage(page) {
  await loginPage(page);
  await signIn(page);
}

async function signIn(page) {
  await page.waitForSelector("#login-submit");
  await page.fill("#username", "ada@example.test");
  await page.fill("#password", "correct-horse-battery");
  await page.click("#login-submit");
  await page.waitForSelector("#consent-allow, #token-curl");
}

async function tabTo(page, id) {
  for (let presses = 0; presses < 40; presses += 1) {
    if (await page.evaluate(() => document.activeElement?.id) === id) return;
    await page.keyboard.press("Tab");
  }
  assert.fail(`the keyboard does not reach #${id}`);
}
