// What all browser stories need: a Chromium, visitors who notice every fault of a page, and somebody who tells the stories.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const axe = createRequire(import.meta.url).resolve("axe-core");
const flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync"];
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: flags });
let current = [];

/** Tells each story, or those with the first argument in their names, and ends the process. */
export async function tell(cases, after = async () => {}) {
  const only = process.argv[2];
  let [passed, failed] = [0, 0];
  for (const [name, story] of Object.entries(cases)) {
    if (only && !name.includes(only)) continue;
    const faults = [];
    current = faults;
    try {
      await story();
      assert.deepEqual(faults, [], "nothing refused by the policy, no error in a script");
      passed += 1;
      console.log(`ok   ${name}`);
    } catch (fault) {
      failed += 1;
      console.log(`FAIL ${name}\n     ${fault.message.split("\n").slice(0, 8).join("\n     ")}`);
    }
    for (const context of browser.contexts()) await context.close();
  }
  await browser.close();
  await after();
  console.log(`${passed} passed, ${failed} failed`);
  process.exit(failed ? 1 : 0);
}

/** Somebody with a browser profile of their own. */
export async function visitor(options = {}) {
  const context = await browser.newContext({ locale: "en", ...options });
  context.setDefaultTimeout(15_000);
  return watched(await context.newPage());
}

/** Every error of a script, and everything that the policy refuses, is a fault of the story. */
export function watched(page) {
  const faults = current;
  page.on("pageerror", (fault) => faults.push(fault.message));
  page.on("console", (message) => {
    if (/Content.Security.Policy|Refused to/.test(message.text())) faults.push(message.text());
  });
  return page;
}

/** Runs axe where `selector` is there. The page must have been opened with `bypassCSP`. */
export async function accessible(page, selector) {
  await page.waitForSelector(selector, { state: "attached" });
  await page.addScriptTag({ path: axe });
  const { violations } = await page.evaluate(() => window.axe.run(document, {
    runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
  }));
  const found = violations.map((violation) => `${violation.id}: ${violation.nodes[0].html}`);
  assert.deepEqual(found, [], `axe at ${page.url()}`);
  const sideways = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.ok(sideways <= 0, `scrolls sideways by ${sideways} px at ${page.url()}`);
}
