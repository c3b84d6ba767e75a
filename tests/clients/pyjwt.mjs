// PyJWT's PyJWKClient verifies the tokens; they go to it on standard input, never on a command line.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { signIn } from "./openid_client.mjs";

export default {
  async "PyJWT verifies ID token and access token"({ base, python }) {
    const { config, tokens } = await signIn(base);
    const { issuer, jwks_uri } = config.serverMetadata();
    const script = fileURLToPath(new URL("pyjwt_check.py", import.meta.url));
    const child = spawn(python, [script], { stdio: ["pipe", "inherit", "inherit"], timeout: 60_000 });
    child.stdin.end(JSON.stringify({ issuer, jwks_uri, client_id: "demo-web", id_token: tokens.id_token, access_token: tokens.access_token }));
    const code = await new Promise((resolve, reject) => child.on("error", reject).on("close", resolve));
    assert.equal(code, 0, "pyjwt_check.py failed");
  },
};
