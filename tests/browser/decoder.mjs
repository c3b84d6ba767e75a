// /tools/jwt with real tokens: the page and `signet tokens inspect` say the same of each, word for word, and no byte of
// a token leaves the browser. What goes to the server is seen on the wire, by a proxy between the two.
import assert from "node:assert/strict";
import { damaged, forge, serviceToken, signet } from "../clients/forge.mjs";
import { signIn } from "../clients/openid_client.mjs";
import net from "node:net";

const FIELDS = ["issuer", "audience", "scope"];

export function decoderCases({ base, visitor, accessible }) {
  const issuer = base.replace(/\/$/, "");
  const api = `${issuer}/demo-api`;

  /** Name, token, what the API expects, the problem and the status. */
  async function tokens() {
    const now = Math.floor(Date.now() / 1000);
    const hand = await forge(base);
    const rsa = await forge(base, "RS256");
    const { tokens: person } = await signIn(base);
    const body = (changes, expected = { audience: api }) => [hand.token({ body: changes }), expected];
    const head = (changes, expected = { audience: api }) => [hand.token({ head: changes }), expected];
    return [
      ["good", hand.good, { audience: api }, null, 200],
      ["good for any audience", hand.good, {}, null, 200],
      ["good for the scope", hand.good, { audience: api, scope: "orders:read" }, null, 200],
      ["with its scheme", `Bearer ${hand.good}`, { audience: api }, null, 200],
      ["with its scheme in small letters", `bearer  ${hand.good}`, { audience: api }, null, 200],
      ["wrapped", `Bearer\n${hand.good.replace(/.{64}/g, "$&\r\n  ")}\n`, { audience: api }, null, 200],
      ["for a person", person.access_token, { audience: api }, null, 200],
      ["one of many audiences", ...body({ aud: ["https://other.test", api] }), null, 200],
      ["the clock of the signer a little ahead", ...body({ iat: now + 30 }), null, 200],
      ["wrong aud", hand.good, { audience: "https://other.test" }, "audience", 401],
      ["aud with a slash", hand.good, { audience: `${api}/` }, "audience", 401],
      ["one of many audiences with a slash", ...body({ aud: ["https://other.test", `${api}/`] }), "audience", 401],
      ["no aud", ...body({ aud: undefined }), "claims", 401],
      ["wrong iss", ...body({ iss: "https://other.test" }), "issuer", 401],
      ["iss with a slash", ...body({ iss: `${issuer}/` }), "issuer", 401],
      ["an API that trusts with a slash", hand.good, { audience: api, issuer: `${issuer}/` }, "issuer", 401],
      ["an API that trusts https", hand.good, { audience: api, issuer: issuer.replace("http", "https") }, "issuer", 401],
      ["an API that trusts an address", hand.good, { audience: api, issuer: issuer.replace("localhost", "127.0.0.1") }, "issuer", 401],
      ["an API that trusts capitals", hand.good, { audience: api, issuer: issuer.toUpperCase() }, "issuer", 401],
      ["unknown kid", ...head({ kid: "2020-01-01-es256-a" }), "unknown_key", 401],
      ["no kid", ...head({ kid: undefined }), "malformed", 401],
      ["alg none", hand.none(), { audience: api }, "algorithm", 401],
      ["HS256 with the public key", hand.hs256(), { audience: api }, "algorithm", 401],
      ["a key of another algorithm", ...head({ kid: rsa.kid }), "algorithm", 401],
      ["changed", damaged(hand.good), { audience: api }, "signature", 401],
      ["critical extension", ...head({ crit: ["x"], x: 1 }), "malformed", 401],
      ["not valid yet", ...body({ nbf: now + 300 }), "not_yet", 401],
      ["expired", ...body({ iat: now - 900, exp: now - 300 }), "expired", 401],
      ["no exp", ...body({ exp: undefined }), "claims", 401],
      ["exp as text", ...body({ exp: String(now + 300) }), "claims", 401],
      ["no client", ...body({ client_id: undefined }), "claims", 401],
      ["an ID token", person.id_token, { audience: "demo-web" }, "id_token", 401],
      ["a logout token", ...head({ typ: "logout+jwt" }), "type", 401],
      ["no typ", ...head({ typ: undefined }), "type", 401],
      ["a refresh token", person.refresh_token, { audience: api }, "opaque", 401],
      ["an authorization code", "sgc_abcdefghijklmnopqrstuvwxyz", { audience: api }, "opaque", 401],
      ["rubbish", "rubbish", { audience: api }, "malformed", 401],
      ["half a token", hand.good.slice(0, hand.good.lastIndexOf(".")), { audience: api }, "malformed", 401],
      ["an array", `${btoa("[1]").replaceAll("=", "")}.${hand.good.split(".").slice(1).join(".")}`, { audience: api }, "malformed", 401],
      ["a member twice", written(hand.good, 1, (claims) => claims.replace("{", `{"sub":"x",`)), { audience: api }, "malformed", 401],
      ["a member twice in the header", written(hand.good, 0, (head) => head.replace("{", `{"\\u0061lg":"none",`)), { audience: api }, "malformed", 401],
      ["a name twice, in two objects", ...body({ act: { sub: "x" }, x: [{ sub: "\"sub\":" }, { sub: "}" }] }), null, 200],
      ["a NUL", ...body({ x: "\0" }), "malformed", 401],
      ["deep", ...body({ x: JSON.parse("[".repeat(15) + "]".repeat(15)) }), null, 200],
      ["too deep", ...body({ x: JSON.parse("[".repeat(16) + "]".repeat(16)) }), "malformed", 401],
      ["a list of algorithms", written(hand.good, 0, (head) => head.replace(/"alg":"(\w+)"/, `"alg":["$1"]`)), { audience: api }, "algorithm", 401],
      ["too long", "a".repeat(17_000), { audience: api }, "malformed", 401],
      ["without the scope", await serviceToken(base, { scope: "orders:write" }), { audience: api, scope: "orders:write orders:read" }, "scope", 403],
    ];
  }

  const cases = {
    "decoder: says of every token what the command says": async () => {
      const page = await visitor();
      await page.goto(`${base}/tools/jwt`);
      for (const [name, token, expected, problem, status] of await tokens()) {
        for (const field of FIELDS) await page.fill(`#${field}`, expected[field] ?? (field === "issuer" ? issuer : ""));
        const seen = await said(page, token);
        const options = FIELDS.flatMap((field) => (expected[field] ? [`--${field}`, expected[field]] : []));
        const command = signet(base, ["tokens", "inspect", "-", "-o", "json", ...options], token);
        const told = JSON.parse(command.out);
        assert.deepEqual([seen.problem || null, Number(seen.status)], [problem, status], `${name}: ${seen.reason}`);
        assert.deepEqual([told.problem, told.status, command.code], [problem, status, problem ? 1 : 0], `${name}: ${command.err}`);
        if (problem) {
          assert.equal(seen.reason, told.message, name);
          assert.ok(command.err.includes(`${seen.answer} ${seen.reason}`), `${name}: ${seen.answer} ${command.err}`);
        }
      }
    },

    "decoder: checks every algorithm that we sign with": async () => {
      const page = await visitor();
      const published = await (await fetch(`${base}/.well-known/jwks.json`)).json();
      for (const algorithm of new Set(published.keys.map(({ alg }) => alg))) {
        const hand = await forge(base, algorithm);
        // Afresh, because the page looks for a new key no more than once in two seconds.
        await page.goto(`${base}/tools/jwt`);
        const seen = await said(page, hand.token());
        if (seen.problem === "unchecked") assert.ok(seen.reason.includes(algorithm), "a browser that cannot says so");
        else assert.deepEqual([seen.status, seen.verified], ["200", "true"], `${algorithm}: ${seen.reason}`);
        assert.notEqual((await said(page, damaged(hand.token()))).status, "200", algorithm);
      }
    },

    "decoder: no request carries a token or a part of it": async () => {
      const wire = await proxy(base);
      try {
        const page = await visitor();
        const foreign = [];
        page.on("request", (request) => { if (!request.url().startsWith(wire.base)) foreign.push(request.url()); });
        page.on("websocket", (socket) => foreign.push(socket.url()));
        const all = await tokens();
        const good = all[0][1];
        await page.goto(`${wire.base}/tools/jwt#${good}`);
        await page.waitForSelector("#verdict[data-status='200']");
        assert.equal(page.url(), `${wire.base}/tools/jwt`, "the token stays in the address bar");
        assert.equal(await page.inputValue("#token"), good);
        await page.goto(`${wire.base}/tools/jwt#access_token=${good}&token_type=Bearer`);
        await page.waitForFunction((token) => document.getElementById("token").value === token, good);
        assert.equal(page.url(), `${wire.base}/tools/jwt`);
        for (const [, token] of all) await said(page, token);
        await page.click("#token");
        await page.keyboard.press("Enter");
        await page.reload();
        await page.waitForSelector("#token");
        assert.equal(await page.inputValue("#token"), "", "nor does the page remember it");
        assert.equal(await page.evaluate(() => localStorage.length + sessionStorage.length + document.cookie.length), 0);

        assert.deepEqual(foreign, []);
        const sent = wire.sent();
        const asked = new Set([...sent.matchAll(/^(\w+ \S+) HTTP\/1\.1\r$/gm)].map(([, line]) => line.replace(/\.[0-9a-f]{8}\./, ".")));
        assert.deepEqual([...asked].sort(), ["GET /.well-known/jwks.json", "GET /assets/decoder.js", "GET /assets/logo.svg",
          "GET /assets/signet.css", "GET /assets/token.js", "GET /tools/jwt"]);
        for (const [name, token] of all) {
          for (const piece of token.split(/[. ]/).filter((piece) => piece.length > 10)) {
            for (const bit of [piece, piece.slice(0, 16), piece.slice(-16)]) assert.ok(!sent.includes(bit), `${name} was sent`);
          }
        }
      } finally {
        wire.close();
      }
    },

    "decoder: times as people read them, and a token that ends while one looks": async () => {
      const page = await visitor({ locale: "de", timezoneId: "Europe/Berlin" });
      const hand = await forge(base);
      await page.goto(`${base}/tools/jwt`);
      const now = Math.floor(Date.now() / 1000);
      const seen = await said(page, hand.token({ body: { exp: now + 3 } }));
      assert.equal(seen.answer, "Eine API antwortet 200:");
      const row = await page.locator("#decoded tr", { hasText: "exp" }).textContent();
      const local = new Date((now + 3) * 1000).toLocaleString("de", { timeZone: "Europe/Berlin" });
      assert.ok(row.includes(local) && /in \d Sekunden|in 1 Sekunde|jetzt/.test(row), row);
      await page.waitForSelector("#verdict[data-problem=expired]");
      assert.match(await page.textContent("#reason"), /^Es ist abgelaufen um \d{4}-/);
    },

    "decoder: without JavaScript it says why, and what to do": async () => {
      const page = await visitor({ javaScriptEnabled: false });
      await page.goto(`${base}/tools/jwt`);
      assert.ok(await page.locator("noscript p").isVisible());
      assert.match(await page.textContent("noscript p"), /needs JavaScript: a token is like a password/);
      assert.equal(await page.textContent("noscript code"), "signet tokens inspect -");
      assert.equal(await page.locator("#token").isVisible(), false, "nothing can be pasted");
    },

    "decoder: the playground leads there": async () => {
      const page = await visitor();
      await page.goto(`${base}/playground`);
      await page.click("text=token decoder");
      await page.waitForURL(`${base}/tools/jwt`);
      await page.goto(`${base}/playground/start`);
      await page.fill("#username", "ada@example.test");
      await page.fill("#password", "correct-horse-battery");
      await page.click("#login-submit");
      await page.click("#consent-allow");
      await page.waitForSelector("#access-token-verified[data-verified=true]");
      await page.click("#access-token-decoder");
      await page.waitForSelector("#verdict[data-status='200']");
      assert.equal(page.url(), `${base}/tools/jwt`);
    },
  };

  for (const [look, options] of Object.entries({
    light: { colorScheme: "light" }, dark: { colorScheme: "dark" }, "320 px": { viewport: { width: 320, height: 640 } },
    "forced colours": { forcedColors: "active" },
  })) {
    cases[`decoder: for everyone: ${look}`] = async () => {
      const page = await visitor({ ...options, bypassCSP: true });
      await page.goto(`${base}/tools/jwt`);
      await accessible(page, "#token");
      const good = await serviceToken(base);
      for (const token of [good, damaged(good), "sgr_abcdefghijkl"]) {
        await said(page, token);
        await accessible(page, "#verdict");
      }
    };
  }
  return cases;
}

/** A token with one part written otherwise. */
function written(token, index, edit) {
  const parts = token.split(".");
  parts[index] = Buffer.from(edit(Buffer.from(parts[index], "base64url").toString())).toString("base64url");
  return parts.join(".");
}

/** What the page says of a token. */
async function said(page, token) {
  await page.evaluate(() => { document.getElementById("verdict").dataset.status = "old"; });
  await page.fill("#token", "");
  await page.fill("#token", token);
  await page.waitForSelector("#seen:not([hidden]) #verdict:not([data-status=old])");
  return page.evaluate(() => {
    const { status, problem } = document.getElementById("verdict").dataset;
    const text = (id) => document.getElementById(id).textContent;
    return { status, problem, answer: text("answer"), reason: text("reason"), verified: document.getElementById("signature").dataset.verified };
  });
}

/** Passes everything on to the server, and keeps what the browser sends. */
async function proxy(base) {
  const { hostname, port } = new URL(base);
  const parts = [];
  const sockets = new Set();
  const server = net.createServer((browser) => {
    const onward = net.connect(port, hostname);
    for (const socket of [browser, onward]) sockets.add(socket.on("error", () => browser.destroy()));
    browser.on("data", (part) => parts.push(part)).pipe(onward).pipe(browser);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    base: `http://localhost:${server.address().port}`,
    sent: () => Buffer.concat(parts).toString("latin1"),
    close: () => { server.close(); for (const socket of sockets) socket.destroy(); },
  };
}
