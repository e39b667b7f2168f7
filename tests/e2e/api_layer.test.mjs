// The API layer of the page when the user changes: no request of one user may go out with the
// token of the next user, and no answer for one user may reach the page of the next user.

import assert from "node:assert/strict";
import { test } from "node:test";

import { TodoApi, Tokens } from "../../demo/web/api.ts";

const ID = "0198c0de-0000-7000-8000-000000000000";
const TODO = { id: ID, title: "Ada's secret", updated_at: "2026-01-01T00:00:00Z" };

function tokenOf(sub) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part({ alg: "none" })}.${part({ sub, iat: 0, exp: 900 })}.`;
}

function answer(status, body, headers = {}) {
  return new Response(JSON.stringify(body), {
    status,
    headers: { "Content-Type": "application/json", ...headers },
  });
}

/** Make a client. The test answers each request by hand. */
function makeClient() {
  const requests = [];
  globalThis.fetch = (request) =>
    new Promise((resolve, reject) => {
      if (request.signal.aborted) return reject(request.signal.reason);
      request.signal.addEventListener("abort", () => reject(request.signal.reason));
      const user = request.headers.get("Authorization")?.slice("Bearer ".length);
      requests.push({ user, method: request.method, answer: resolve });
    });
  const issuer = { user: "ada", answers: Promise.resolve() };
  const tokens = new Tokens(async () => {
    const { user } = issuer;
    await issuer.answers;
    return tokenOf(user);
  });
  const api = new TodoApi("http://api.invalid", tokens);
  const change = (user) => {
    api.forget();
    tokens.clear();
    issuer.user = user;
  };
  return { api, tokens, requests, issuer, change };
}

function pause() {
  return new Promise((resolve) => setTimeout(resolve, 5));
}

/** Wait until the page sends the request with this index. */
async function sent(requests, index = 0) {
  const deadline = Date.now() + 10_000;
  while (requests.length <= index) {
    assert.ok(Date.now() < deadline, `request ${index} was not sent`);
    await pause();
  }
  return requests[index];
}

const isAborted = { name: "AbortError" };

test("a request that waits is not sent for the next user", async () => {
  const { api, requests, change } = makeClient();
  const created = api.create({ title: TODO.title }, "key");
  created.catch(() => undefined);
  (await sent(requests)).answer(answer(503, {}, { "Retry-After": "0" }));
  (await sent(requests, 1)).answer(answer(401, { code: "token_expired" }));
  change("ben");
  await assert.rejects(created, isAborted);
  await pause();
  assert.deepEqual(
    requests.filter(({ user }) => user === tokenOf("ben")),
    [],
  );
});

test("a late answer does not reach the next user", async () => {
  const { api, requests, change } = makeClient();
  const me = api.me();
  me.catch(() => undefined);
  const first = await sent(requests);
  change("ben");
  first.answer(answer(200, { user_id: "ada" }));
  await assert.rejects(me, isAborted);
  const next = api.me();
  const second = await sent(requests, 1);
  second.answer(answer(200, { user_id: "ben" }));
  assert.equal((await next).user_id, "ben");
  assert.equal(second.user, tokenOf("ben"));
});

test("a late token does not end the session of the next user", async () => {
  const { api, tokens, issuer, change } = makeClient();
  let release;
  issuer.answers = new Promise((resolve) => (release = resolve));
  const me = api.me();
  me.catch(() => undefined);
  await pause();
  change("ben");
  issuer.answers = Promise.resolve();
  assert.equal(await tokens.current(), tokenOf("ben"));
  release();
  await assert.rejects(me, isAborted); // not "signed_out"
});

test("a deletion that starts with the sign-out is not sent for the next user", async () => {
  const { api, requests, change } = makeClient();
  const removed = api.remove(TODO);
  removed.catch(() => undefined);
  change("ben");
  await assert.rejects(removed, isAborted);
  assert.deepEqual(requests, []);
});

test("the versions that a user has seen are forgotten", async () => {
  const { api, requests, change } = makeClient();
  const read = api.read(ID);
  (await sent(requests)).answer(answer(200, TODO, { ETag: '"1"' }));
  await read;
  change("ben");
  void api.etagOf(TODO).catch(() => undefined);
  await sent(requests, 1);
});
