// examples/spa in a real Chromium: SIGNET=target/debug/signet node spa.mjs
// Starts what it needs: dev servers, the example, and between them a network that loses and delays answers.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import http from "node:http";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { accessible, tell, visitor, watched } from "./support.mjs";

const PASSWORD = "correct-horse-battery";
const folder = await mkdtemp(join(tmpdir(), "signet-spa-"));
const children = [];
process.on("exit", () => children.forEach((child) => child.kill("SIGKILL")));

const calm = await installation({});
const hasty = await installation({ SIGNET_TOKENS__ACCESS_TOKEN: "4s" });

await tell({
  "signed in, loaded again, still signed in": async () => {
    const page = await signedIn(calm);
    const stored = () => page.evaluate(() => [document.cookie, { ...localStorage }, { ...sessionStorage }]);
    assert.deepEqual(await stored(), ["", {}, {}], "the access token is in memory only, and no script sees the cookie");
    assert.equal(await page.textContent("#who"), "ada@example.test");
    for (let round = 0; round < 3; round += 1) {
      await page.reload();
      await state(page, "in");
    }
    const [cookie] = (await page.context().cookies()).filter(({ name }) => name === "refresh_token");
    assert.deepEqual([cookie.path, cookie.httpOnly, cookie.sameSite], ["/auth", true, "Strict"]);
    await asks(page, "#call-api", /^200/);
  },

  "a wrong password is said": async () => {
    const page = await open(calm);
    await state(page, "out");
    await page.fill("#password", "wrong");
    await page.click("#sign-in-submit");
    await page.getByText("Name or password is wrong.").waitFor();
    assert.equal(await page.inputValue("#password"), "");
    await signIn(page);
    await state(page, "in");
  },

  "a new token before the old one ends, again and again": async () => {
    const page = await signedIn(hasty);
    const ends = () => page.getAttribute("#expires", "data-at").then(Number);
    const first = await ends();
    let [last, changes] = [first, 0];
    while (changes < 4) {
      await page.waitForFunction((last) => Number(document.getElementById("expires").dataset.at) > last, last);
      last = await ends();
      changes += 1;
      assert.ok(last - Date.now() > 2_000, "replaced in time");
    }
    assert.ok(last - first > 4_000);
    await asks(page, "#call-api", /^200/);
    assert.equal(await page.getAttribute("body", "data-state"), "in");
  },

  "401: another token, and once more": async () => {
    const page = await signedIn(calm);
    const seen = requests(page);
    await asks(page, "#spoil", /^200/);
    assert.deepEqual(seen("GET", "/demo-api").map(({ status }) => status), [401, 200]);
    assert.equal(seen("POST", "/auth/refresh").length, 1);
  },

  "403 is no 401: no other token is asked for": async () => {
    const page = await signedIn(calm);
    const seen = requests(page);
    await asks(page, "#call-nobody", /^403: you are signed in, and may not do this \(insufficient_scope\)/);
    await asks(page, "#call-admin", /^200/);
    assert.equal(seen("POST", "/auth/refresh").length, 0);
    const bob = await signedIn(calm, { email: "bob@example.test" });
    await asks(bob, "#call-admin", /^403/);
    assert.equal(await bob.getAttribute("body", "data-state"), "in");
  },

  "ten tabs at once share one refresh": async () => {
    const first = await signedIn(calm);
    const tabs = await tenTabs(first, calm);
    const counts = tabs.map(requests);
    await pressTogether(tabs, "spoil");
    await Promise.all(tabs.map((tab) => said(tab, /^200/)));
    const refreshes = counts.reduce((sum, seen) => sum + seen("POST", "/auth/refresh").length, 0);
    assert.ok(refreshes >= 1 && refreshes <= 3, `${refreshes} refreshes`);
    await oneFamily(tabs);
  },

  "ten tabs at once that know nothing of each other": async () => {
    const alone = () => {
      delete globalThis.BroadcastChannel;
      Object.defineProperty(Navigator.prototype, "locks", { value: undefined });
    };
    const first = await signedIn(calm, { before: alone });
    const tabs = await tenTabs(first, calm);
    for (let round = 0; round < 5; round += 1) {
      // Some answers come late, so that others overtake them, and the cookie is whose answer comes last.
      calm.network.delay = () => Math.random() * 300;
      const seen = tabs.map(requests);
      await pressTogether(tabs, "spoil");
      await Promise.all(tabs.map((tab) => said(tab, /^200/)));
      calm.network.delay = () => 0;
      assert.ok(seen.every((seen) => seen("POST", "/auth/refresh").length === 1), "each tab asks once");
    }
    await oneFamily(tabs);
  },

  "ten tabs that refresh all the time": async () => {
    const tabs = await tenTabs(await signedIn(hasty), hasty);
    hasty.network.delay = () => Math.random() * 100;
    await tabs[0].waitForTimeout(12_000);
    hasty.network.delay = () => 0;
    for (const tab of tabs) assert.equal(await tab.getAttribute("body", "data-state"), "in");
    await oneFamily(tabs);
  },

  "lost answers log nobody out": async () => {
    const page = await signedIn(calm);
    const before = await refreshToken(page);
    const seen = requests(page);
    // The server has made the next token; the browser never hears of it.
    calm.network.lose = 4;
    await asks(page, "#spoil", /^200/);
    assert.equal(calm.network.lost, 4);
    // Of those some were sent again by the browser itself.
    assert.ok(seen("POST", "/auth/refresh").length >= 2);
    assert.notEqual(await refreshToken(page), before);
    await page.reload();
    await state(page, "in");
    await asks(page, "#call-api", /^200/);
  },

  "a provider that is away for a while logs nobody out": async () => {
    const page = await signedIn(hasty);
    hasty.network.away = true;
    await page.waitForTimeout(6_000);
    assert.equal(await page.getAttribute("body", "data-state"), "in", "the token has ended, the sign-in has not");
    hasty.network.away = false;
    await asks(page, "#call-api", /^200/);
    await page.reload();
    await state(page, "in");
  },

  "signing out, client only: the provider is not told": async () => {
    const page = await signedIn(calm);
    const seen = requests(page);
    await signOut(page, "client");
    assert.equal(seen("POST", "/auth/logout").length, 0);
    await page.click("#try-old");
    await page.getByText("200: the old access token is still accepted.").waitFor();
    await page.reload();
    await state(page, "in");
  },

  "signing out, refresh revocation: the access token lives to its end": async () => {
    const page = await signedIn(calm);
    const other = watched(await page.context().newPage());
    await other.goto(calm.spa);
    await state(other, "in");
    const token = await refreshToken(page);
    await signOut(page, "refresh");
    await state(other, "out");
    assert.equal(await refreshToken(page), undefined);
    await page.click("#try-old");
    await page.getByText("200: the old access token is still accepted.").waitFor();
    await page.reload();
    await state(page, "out");
    // Not even with a copy of the cookie.
    await page.context().addCookies([{ name: "refresh_token", value: token, domain: "localhost", path: "/auth", httpOnly: true, sameSite: "Strict" }]);
    await page.reload();
    await state(page, "out");
  },

  "signing out, immediate: the access token is refused": async () => {
    const page = await signedIn(calm);
    await signOut(page, "immediate");
    await page.click("#try-old");
    await page.getByText("401: invalid_token").waitFor();
    await page.reload();
    await state(page, "out");
  },

  "signing out everywhere reaches the other devices": async () => {
    const [phone, desk] = [await signedIn(calm), await signedIn(calm)];
    await desk.check("#everywhere");
    await signOut(desk, "immediate");
    await asks(phone, "#call-api", /^401/);
    await state(phone, "out");
  },

  "the next person in the same browser": async () => {
    const page = await signedIn(calm);
    await signOut(page, "refresh");
    await signIn(page, "bob@example.test");
    await page.waitForFunction(() => document.getElementById("who").textContent === "bob@example.test");
    await asks(page, "#call-admin", /^403/);
  },

  "another tab signs somebody else in: this one shows and does nothing as the wrong person": async () => {
    const deaf = () => { delete globalThis.BroadcastChannel; };
    for (const before of [undefined, deaf]) {
      const page = await signedIn(calm, { before });
      const other = watched(await page.context().newPage());
      await other.goto(calm.spa);
      await state(other, "in");
      await signOut(other, "client");
      await signIn(other, "bob@example.test");
      if (before) {
        // It has heard of nothing, and its token is refused: what it asks for is not done with Bob's.
        const seen = requests(page);
        await page.click("#call-api");
        await page.getByText("Not done: somebody else is signed in now.").waitFor();
        assert.deepEqual(seen("GET", "/demo-api").map(({ status }) => status), [401]);
      }
      await page.waitForFunction(() => document.getElementById("who").textContent === "bob@example.test");
      await asks(page, "#call-admin", /^403/);
    }
  },

  "for everyone": async () => {
    for (const options of [{ colorScheme: "light" }, { colorScheme: "dark" }, { viewport: { width: 320, height: 640 } }]) {
      const page = await open(calm, { ...options, bypassCSP: true });
      await accessible(page, "[data-state=out]");
      await signIn(page);
      await accessible(page, "[data-state=in]");
      await signOut(page, "refresh");
      await accessible(page, "[data-state=out]");
    }
  },
}, () => rm(folder, { recursive: true, force: true }));


async function open(at, { before, ...options } = {}) {
  const page = await visitor(options);
  if (before) await page.context().addInitScript(before);
  await page.goto(at.spa);
  await page.waitForSelector("body:not([data-state=unknown])", { state: "attached" });
  return page;
}

async function signedIn(at, { email, ...options } = {}) {
  const page = await open(at, options);
  await signIn(page, email);
  return page;
}

async function signIn(page, email = "ada@example.test") {
  await page.fill("#email", email);
  await page.fill("#password", PASSWORD);
  await page.click("#sign-in-submit");
  await state(page, "in");
  await page.waitForFunction(() => document.getElementById("who").textContent.includes("@"));
}

async function signOut(page, level) {
  await page.click(`#out-${level}`);
  await state(page, "out");
  await page.waitForFunction(() => document.getElementById("out-said").textContent !== "");
}

function state(page, expected) {
  return page.waitForSelector(`body[data-state=${expected}]`, { state: "attached" });
}

async function asks(page, button, expected) {
  await page.click(button);
  await said(page, expected);
}

async function said(page, expected) {
  await page.waitForFunction(() => !["", "…"].includes(document.getElementById("said").textContent)
    || document.body.dataset.state === "out");
  if (await page.getAttribute("body", "data-state") === "in") assert.match(await page.textContent("#said"), expected);
  else assert.match("401", expected, "signed out");
}

/** Presses a button in all tabs at one moment. */
async function pressTogether(tabs, id) {
  const press = ([id, moment]) => new Promise((done) => {
    const button = document.getElementById(id);
    setTimeout(() => done(button.click()), moment - Date.now());
  });
  const moment = Date.now() + 1_500;
  await Promise.all(tabs.map((tab) => tab.evaluate(press, [id, moment])));
}

async function tenTabs(first, at) {
  const tabs = [first];
  for (let number = 1; number < 10; number += 1) {
    const tab = watched(await first.context().newPage());
    await tab.goto(at.spa);
    await state(tab, "in");
    tabs.push(tab);
  }
  return tabs;
}

/** All tabs descend from one sign-in, and the cookie that the browser has now goes on. */
async function oneFamily(tabs) {
  const grants = new Set();
  for (const tab of tabs) {
    const [request] = await Promise.all([
      tab.waitForRequest((request) => request.url().endsWith("/demo-api") && request.method() === "GET"),
      asks(tab, "#call-api", /^200/),
    ]);
    const [, claims] = (await request.headerValue("authorization")).split(".");
    grants.add(JSON.parse(Buffer.from(claims, "base64url")).grant_id);
  }
  assert.equal(grants.size, 1, "one family");
  for (let round = 0; round < 2; round += 1) {
    await tabs[0].reload();
    await state(tabs[0], "in");
  }
}

async function refreshToken(page) {
  return (await page.context().cookies()).find(({ name }) => name === "refresh_token")?.value;
}

/** What a page asks for from now on, preflights aside. */
function requests(page) {
  const seen = [];
  page.on("request", (request) => seen.push({ request, method: request.method(), path: new URL(request.url()).pathname }));
  page.on("response", (response) => {
    const entry = seen.find(({ request }) => request === response.request());
    if (entry) entry.status = response.status();
  });
  return (method, path) => seen.filter((entry) => entry.method === method && entry.path === path);
}

/** A dev server, the example for it, and a network between them. */
async function installation(environment) {
  const port = await freePort();
  const server = start(process.env.SIGNET, ["serve", "--dev", "--port", String(port)], {
    XDG_RUNTIME_DIR: folder, SIGNET_LIMITS__LOGIN_PER_ADDRESS: "1000 per 15m", ...environment,
  });
  await ready(server, port);
  const network = await lossy(port);
  const script = fileURLToPath(new URL("../../examples/spa/server.mjs", import.meta.url));
  const example = start(process.execPath, [script, "--port", "0", "--issuer", `http://localhost:${network.port}`], {});
  const spa = await new Promise((said) => example.stdout.once("data", (line) => said(String(line).trim())));
  return { spa, network };
}

function start(program, options, environment) {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("SIGNET")));
  const child = spawn(program, options, { cwd: folder, env: { ...env, ...environment }, stdio: ["ignore", "pipe", "pipe"] });
  child.log = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => { child.log += text; });
  children.push(child);
  return child;
}

async function ready(server, port) {
  for (let attempt = 0; attempt < 300; attempt += 1) {
    const answer = await fetch(`http://localhost:${port}/health/ready`).catch(() => null);
    if (answer?.ok) return;
    assert.equal(server.exitCode, null, server.log);
    await new Promise((done) => setTimeout(done, 100));
  }
  assert.fail(`the server did not become ready:\n${server.log}`);
}

/** Two free ports side by side: the admin listener takes the second. */
async function freePort() {
  const listen = (port) => new Promise((done) => {
    const socket = createServer().once("error", () => done(null)).listen(port, "127.0.0.1", () => done(socket));
  });
  for (;;) {
    const first = await listen(0);
    const { port } = first.address();
    const second = await listen(port + 1);
    await Promise.all([first, second].map((socket) => socket && new Promise((done) => socket.close(done))));
    if (second) return port;
  }
}

/** Passes requests on to `port`. Loses the next `lose` answers of /auth/refresh after the server has given them. */
function lossy(port) {
  const network = { lose: 0, lost: 0, away: false, delay: () => 0 };
  const proxy = http.createServer((request, response) => {
    if (network.away) return request.socket.destroy();
    const { method, url: path, headers } = request;
    const onward = http.request({ host: "localhost", port, method, path, headers }, (answer) => {
      const refresh = method === "POST" && path === "/auth/refresh";
      if (refresh && network.lose > 0) {
        network.lose -= 1;
        network.lost += 1;
        answer.resume();
        return request.socket.destroy();
      }
      setTimeout(() => {
        response.writeHead(answer.statusCode, answer.rawHeaders);
        answer.pipe(response);
      }, refresh ? network.delay() : 0);
    });
    onward.on("error", () => request.socket.destroy());
    request.pipe(onward);
  });
  return new Promise((done) => proxy.listen(0, "127.0.0.1", () => {
    proxy.unref();
    network.port = proxy.address().port;
    done(network);
  }));
}
