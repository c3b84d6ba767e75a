// Starts every example against the server at BASE and drives it.
// PYTHON has FastAPI and PyJWT; PROGRAMS is the folder in which cargo has left signet and the Rust examples.
import { runAll } from "../clients/runner.mjs";
import bff from "./bff.mjs";
import native from "./native.mjs";
import resourceServers from "./resource_servers.mjs";

const given = {
  base: process.env.BASE ?? "http://localhost:8080",
  programs: process.env.PROGRAMS ?? "target/debug",
  python: process.env.PYTHON ?? "python3",
};
await runAll({ ...resourceServers, ...bff, ...native }, given);
