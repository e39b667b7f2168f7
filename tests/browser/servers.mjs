// Starts the servers of a test. A server stops when its test ends, or when this process ends.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before } from "node:test";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const PYTHON = process.env.PYTHON || join(ROOT, ".venv/bin/python");
const START_TIMEOUT = 60_000; // milliseconds
const PASSWORD = "known to this test alone";

export const ADMIN = { email: "admin@example.com", password: PASSWORD };

const running = new Set();
const folders = [];
process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL");
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1));

/** A child process and its output. */
export class Server {
  output = "";
  #child;

  /**
   * @param command The program and its arguments.
   * @param env     Further environment variables.
   */
  constructor(command, env) {
    const [program, ...args] = command;
    const stdio = ["pipe", "pipe", "pipe"]; // server.mjs ends when its standard input closes
    this.#child = spawn(program, args, { cwd: ROOT, env: { ...process.env, ...env }, stdio });
    running.add(this.#child);
    this.#child.once("exit", () => running.delete(this.#child));
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream.setEncoding("utf8").on("data", (text) => (this.output += text));
    }
  }

  /** Wait until a function returns a value. */
  async started(probe) {
    for (const end = Date.now() + START_TIMEOUT; Date.now() < end; ) {
      const value = await probe();
      if (value) return value;
      if (this.#child.exitCode !== null) break;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await this.stop();
    throw new Error(`${this.#child.spawnargs.join(" ")} did not start:\n${this.output}`);
  }

  /** Wait until the process has ended. Return its exit code. */
  async ended() {
    if (this.#child.exitCode === null) await once(this.#child, "exit");
    return this.#child.exitCode;
  }

  /** Stop the server with SIGTERM, and wait until it has ended. */
  async stop() {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const end = once(this.#child, "exit");
    this.#child.kill();
    await end;
  }
}

/**
 * Run `make demo` for all tests of a file: Better Auth, the page and the API.
 *
 * @param env Environment variables of `demo/server.mjs`.
 * @returns   An object that has the addresses `page` and `api` when the tests run.
 */
export function useDemo(env = {}) {
  const demo = {};
  before(async () => {
    const ports = { PORT: "0", API_PORT: "0" };
    demo.server = new Server([PYTHON, "-m", "demo"], { ADMIN_PASSWORD: PASSWORD, ...ports, ...env });
    [, demo.page, demo.api] = await demo.server.started(() => {
      return /Open +(\S+)\n[^]+The API is at (\S+) [^]+startup complete/.exec(demo.server.output);
    });
  });
  after(() => demo.server?.stop());
  return demo;
}

/**
 * Run the API for all tests of a file, with a database of its own.
 *
 * @param env Settings.
 * @returns   An object that has `url` and `env` when the tests run.
 */
export function useApi(env) {
  const api = {};
  before(async () => {
    api.env = { ...env, DATABASE_URL: await createDatabase() };
    Object.assign(api, await startApi(await freePort(), api.env));
  });
  after(() => api.server?.stop());
  return api;
}

/**
 * Start Better Auth and the page. The caller stops the server.
 *
 * @param port The port, so that a test can start the server there again.
 * @param env  Environment variables of `demo/server.mjs`.
 */
export async function startBetterAuth(port, env) {
  const server = new Server([process.execPath, "demo/server.mjs"], { ...env, PORT: String(port) });
  const [line] = await server.started(() => /^\{"url".+/m.exec(server.output));
  return { server, url: JSON.parse(line).url };
}

/**
 * Start the API as in production. The caller stops the server.
 *
 * @param port The port, so that a test can start the API there again.
 * @param env  Settings.
 */
export async function startApi(port, env) {
  const server = new Server([PYTHON, "-m", "backend", "serve"], { ...env, PORT: String(port) });
  const url = `http://127.0.0.1:${port}`;
  await server.started(async () => (await fetch(`${url}/health/live`).catch(() => undefined))?.ok);
  return { server, url };
}

/** Create a database, and return its URL. */
export async function createDatabase() {
  const folder = mkdtempSync(join(tmpdir(), "browser-test-"));
  folders.push(folder);
  const url = `sqlite:///${join(folder, "todos.db")}`;
  const migration = new Server([PYTHON, "-m", "backend", "migrate"], { DATABASE_URL: url });
  if ((await migration.ended()) !== 0) throw new Error(migration.output);
  return url;
}

/** Return a free port. */
export async function freePort() {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address();
  probe.close();
  await once(probe, "close");
  return port;
}
