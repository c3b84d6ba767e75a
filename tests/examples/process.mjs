// Starts an example for one test and ends it, by its id, with it.
import { spawn } from "node:child_process";
import net from "node:net";

/** A port that is free at this moment. */
export function freePort() {
  return new Promise((resolve, reject) => {
    const server = net.createServer().on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** Runs a program until `use` is done; `said` is all that it has printed so far, `until` waits for a pattern in it. */
export async function running(program, args, environment, use) {
  const child = spawn(program, args, { env: { ...process.env, ...environment }, stdio: ["ignore", "pipe", "pipe"] });
  // The exit code, or why there is none.
  const ended = new Promise((resolve) => child.on("error", (fault) => resolve(fault.message)).on("close", resolve));
  const run = { said: "", ended };
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => { run.said += text; });
  run.until = async (pattern) => {
    for (let tries = 0; tries < 600; tries += 1) {
      const found = run.said.match(pattern);
      if (found) return found;
      if (child.exitCode !== null || child.pid === undefined) break;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`${program} did not say ${pattern}:\n${run.said}`);
  };
  try {
    return await use(run);
  } finally {
    child.kill("SIGKILL");
    await ended;
  }
}
