// A page behind a real nginx, with the very file that `signet proxy-config` prints.
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const listening = (server) => new Promise((ready) => server.listen(0, "127.0.0.1", () => ready(server.address().port)));

const freePort = async () => {
  const server = createServer();
  const port = await listening(server);
  await new Promise((closed) => server.close(closed));
  return port;
};

const answers = (port) => new Promise((answer) => {
  const socket = connect(port, "127.0.0.1", () => { socket.destroy(); answer(true); }).on("error", () => answer(false));
});

// `signet` is the program; nginx is found in PATH. The page shows what it was told.
export async function behindNginx(base, signet) {
  const page = createServer((request, response) => {
    response.setHeader("Content-Type", "text/html");
    response.end(`<!doctype html><title>Behind</title><p id="user">${request.headers["x-user-id"] ?? ""}</p>
      <p id="roles">${request.headers["x-user-roles"] ?? ""}</p><p id="cookie">${request.headers.cookie ?? ""}</p>`);
  });
  const upstream = await listening(page);
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), "signet-nginx-"));
  const options = ["--issuer", base, "--upstream", `http://127.0.0.1:${upstream}`, "--app", `http://localhost:${port}`];
  writeFileSync(join(folder, "app.conf"), execFileSync(signet, ["proxy-config", "nginx", ...options], { cwd: folder }));
  const paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((kind) => `${kind}_temp_path ${folder}/${kind};`);
  writeFileSync(join(folder, "nginx.conf"), `daemon off; master_process off; pid ${folder}/pid; events {}
    http { access_log off; ${paths.join(" ")} include app.conf; }`);
  const nginx = spawn("nginx", ["-e", "stderr", "-p", folder, "-c", join(folder, "nginx.conf")], { stdio: "ignore" });
  const ended = new Promise((end) => { nginx.on("exit", end); nginx.on("error", end); });
  for (let tries = 0; !(await answers(port)); tries += 1) {
    if (tries > 100) throw new Error("nginx does not listen");
    await new Promise((soon) => { setTimeout(soon, 50); });
  }
  return {
    url: `http://localhost:${port}`,
    async close() {
      nginx.kill("SIGKILL");
      await ended;
      page.close();
      rmSync(folder, { recursive: true });
    },
  };
}
