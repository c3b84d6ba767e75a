// examples/bff in a real browser: sign in, call the API, outlive the access token, sign out.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { signet } from "../clients/forge.mjs";
import { freePort, running } from "./process.mjs";

const { chromium } = createRequire(new URL("../browser/run.mjs", import.meta.url))("playwright-core");
const server = fileURLToPath(new URL("../../examples/bff/server.mjs", import.meta.url));

async function start(base, more, use) {
  const port = await freePort();
  const origin = `http://localhost:${port}`;
  await running(process.execPath, [server], { ISSUER: base.replace(/\/$/, ""), PORT: String(port), ...more }, async (program) => {
    await program.until(/listening on/);
    const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu"] });
    try {
      const context = await browser.newContext({ locale: "en" });
      context.setDefaultTimeout(15_000);
      await use({ page: await context.newPage(), context, origin, program });
    } finally {
      await browser.close();
    }
  });
}

async function signIn(page, origin) {
  await page.goto(origin);
  await page.click("#login");
  await page.fill("#username", "ada@example.test");
  await page.fill("#password", "correct-horse-battery");
  await page.click("#login-submit");
  await page.click("#consent-allow");
  await page.waitForSelector("#signed-in:not([hidden])");
  assert.match(await page.textContent("#state"), /^Signed in as usr_/);
}

const callApi = async (page) => {
  await page.evaluate(() => { document.getElementById("answer").textContent = ""; });
  await page.click("#call");
  return (await page.waitForFunction(() => document.getElementById("answer").textContent)).jsonValue();
};

export default {
  bff: {
    "signs in, calls the API and signs out, and the page never sees a token": ({ base }) => start(base, {}, async ({ page, context, origin }) => {
      const bodies = [];
      page.on("response", async (answer) => {
        if (answer.url().startsWith(origin)) bodies.push(JSON.stringify(answer.headers()) + await answer.text().catch(() => ""));
      });
      await signIn(page, origin);
      assert.match(await callApi(page), /^200 .*"client_id":"demo-web"/);

      const cookie = (await context.cookies(origin)).find(({ name }) => name === "session");
      assert.deepEqual([cookie.httpOnly, cookie.sameSite, cookie.path], [true, "Strict", "/"]);
      // On this host there is the provider too; its session state is for the scripts of its own frame to read.
      const readable = (await page.evaluate(() => document.cookie)).split("; ").filter((own) => own && !own.startsWith("signet_state="));
      assert.deepEqual(readable, [], "no script reads a cookie");
      assert.ok(bodies.length > 3);
      for (const body of bodies) assert.doesNotMatch(body, /eyJ|sgr_/, "a token came to the browser");

      const header = { cookie: `session=${cookie.value}` };
      const without = await fetch(`${origin}/api`, { headers: header });
      assert.equal(without.status, 403, "no request without the header that other sites cannot send");
      const foreign = await fetch(`${origin}/session`, { method: "DELETE", headers: { ...header, "x-csrf": "1", "sec-fetch-site": "cross-site" } });
      assert.equal(foreign.status, 403, "nor one that the browser says comes from another site");
      assert.match(await callApi(page), /^200 /, "and they have done nothing");

      const left = page.waitForEvent("framenavigated");
      await page.click("#logout");
      await left;
      await page.goto(origin);
      await page.waitForSelector("#login:not([hidden])");
      const after = await fetch(`${origin}/api`, { headers: { ...header, "x-csrf": "1" } });
      assert.equal(after.status, 401, "the session has ended at the server, not in the browser alone");
    }),

    "refreshes a token that is about to end, and ends with its sign-in": ({ base }) => start(base, { REFRESH_BEFORE: "86400" }, async ({ page, origin }) => {
      await signIn(page, origin);
      const first = await callApi(page);
      assert.match(first, /^200 /);
      // Every call finds a token that is nearly over, and each refresh token works once: ten at a time share one.
      const statuses = await page.evaluate(() => Promise.all(Array.from({ length: 10 }, () =>
        fetch("/api", { headers: { "x-csrf": "1" } }).then(({ status }) => status))));
      assert.deepEqual(statuses, Array(10).fill(200));
      assert.equal(signet(base, ["users", "disable", "ada@example.test", "--yes"]).code, 0);
      try {
        assert.match(await callApi(page), /^401 /);
        await page.waitForSelector("#login:not([hidden])");
      } finally {
        assert.equal(signet(base, ["users", "enable", "ada@example.test"]).code, 0);
      }
    }),

    "an answer that this browser did not ask for signs nobody in": ({ base }) => start(base, {}, async ({ origin }) => {
      const answer = await fetch(`${origin}/callback?code=sgc_stolen&state=invented`, { redirect: "manual" });
      assert.equal(answer.status, 303);
      assert.ok(!answer.headers.getSetCookie().some((line) => /^session=[^;]/.test(line)));
    }),
  },
};
