// Runs every check of the independent clients against the server at BASE; PYTHON names an interpreter with PyJWT.
import jose from "./jose.mjs";
import openidClient from "./openid_client.mjs";
import pyjwt from "./pyjwt.mjs";

const given = { base: process.env.BASE ?? "http://localhost:8080", python: process.env.PYTHON ?? "python3" };
const suites = { "openid-client": openidClient, jose, pyjwt };
const counts = { passed: 0, failed: 0 };

for (const [suite, checks] of Object.entries(suites)) {
  for (const [name, check] of Object.entries(checks)) {
    try {
      await check(given);
      counts.passed += 1;
      console.log(`ok      ${suite}: ${name}`);
    } catch (thrown) {
      counts.failed += 1;
      const cause = thrown.cause ? ` (${thrown.cause.error_description ?? thrown.cause.message ?? thrown.cause})` : "";
      console.log(`FAILED  ${suite}: ${name}\n        ${thrown.stack ?? thrown}${cause}`);
    }
  }
}

console.log(`${counts.passed} passed, ${counts.failed} failed`);
process.exitCode = counts.failed > 0 ? 1 : 0;
