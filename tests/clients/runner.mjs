// Runs named checks one after the other and says how each went. Used by the suites that drive a running server.
export async function runAll(suites, given) {
  const only = process.argv[2];
  const counts = { passed: 0, failed: 0 };
  for (const [suite, checks] of Object.entries(suites)) {
    for (const [name, check] of Object.entries(checks)) {
      if (only && !`${suite}: ${name}`.includes(only)) continue;
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
}
