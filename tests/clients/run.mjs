// Runs every check of the independent clients against the dev server at BASE; SIGNET is its program, PYTHON an
// interpreter with PyJWT.
import jose from "./jose.mjs";
import openidClient from "./openid_client.mjs";
import privateKeyJwt from "./private_key_jwt.mjs";
import pyjwt from "./pyjwt.mjs";
import registration from "./registration.mjs";
import { runAll } from "./runner.mjs";

const given = { base: process.env.BASE ?? "http://localhost:8080", python: process.env.PYTHON ?? "python3", signet: process.env.SIGNET };
await runAll({ "openid-client": openidClient, private_key_jwt: privateKeyJwt, registration, jose, pyjwt }, given);
