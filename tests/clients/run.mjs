// Runs every check of the independent clients against the server at BASE; PYTHON names an interpreter with PyJWT.
import jose from "./jose.mjs";
import openidClient from "./openid_client.mjs";
import pyjwt from "./pyjwt.mjs";
import registration from "./registration.mjs";
import { runAll } from "./runner.mjs";

const given = { base: process.env.BASE ?? "http://localhost:8080", python: process.env.PYTHON ?? "python3" };
await runAll({ "openid-client": openidClient, registration, jose, pyjwt }, given);
