// examples/native signs somebody in: it prints the address, a browser goes there and brings the answer back.
import assert from "node:assert/strict";
import { Browser } from "../clients/browser.mjs";
import { running } from "./process.mjs";

const start = ({ base, programs }, use) =>
  running(`${programs}/examples/native`, ["--print"], { ISSUER: base.replace(/\/$/, "") }, async (program) => {
    const url = new URL((await program.until(/^(http:\S+authorize\?\S+)$/m))[1]);
    const redirect = url.searchParams.get("redirect_uri");
    assert.match(redirect, /^http:\/\/127\.0\.0\.1:\d+\/callback$/);
    assert.equal(url.searchParams.get("code_challenge_method"), "S256");
    return use(program, url, redirect);
  });

export default {
  native: {
    "signs in through the browser": (given) => start(given, async (program, url, redirect) => {
      const browser = new Browser();
      assert.equal((await browser.request(new URL("/favicon.ico", redirect))).status, 404, "anybody may knock");
      const page = await browser.request(await browser.authorize(url, redirect));
      assert.deepEqual([page.status, page.text], [200, "You may close this page."]);
      assert.equal(await program.ended, 0, program.said);
      assert.match(program.said, /Signed in as ada@example\.test/);
    }),

    "does not take an answer to another question": (given) => start(given, async (program, _url, redirect) => {
      await fetch(`${redirect}?code=sgc_stolen&state=invented`);
      assert.notEqual(await program.ended, 0);
      assert.match(program.said, /belongs to another sign-in/);
    }),

    "says so when somebody refuses": (given) => start(given, async (program, url, redirect) => {
      const issuer = new URL(url).origin;
      await fetch(`${redirect}?error=access_denied&state=${url.searchParams.get("state")}&iss=${encodeURIComponent(issuer)}`);
      assert.notEqual(await program.ended, 0);
      assert.match(program.said, /access_denied/);
    }),
  },
};
