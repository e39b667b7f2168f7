// Swagger UI at /docs: the page works without the internet, also behind a path prefix.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { createServer, request } from "node:http";
import { test } from "node:test";

import { assertAccessible, assertFits, openContext, PHONE, screenshot, useBrowser, WCAG } from "./browser.mjs";
import { freePort, startApi, useApi } from "./servers.mjs";

const PREFIX = "/todos";
const SECRET = "known to the tests of the documentation alone";

useBrowser();
const documentation = useApi({ BETTER_AUTH_SECRET: SECRET, DOCS: "on" });

/** Start a proxy that serves the API below the prefix, and removes the prefix from each request. */
async function startProxy(t, url) {
  const proxy = createServer((incoming, response) => {
    if (!incoming.url.startsWith(`${PREFIX}/`)) return response.writeHead(404).end();
    const { method, headers } = incoming;
    const outgoing = request(url + incoming.url.slice(PREFIX.length), { method, headers }, (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    });
    incoming.pipe(outgoing.on("error", () => response.destroy()));
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  t.after(() => proxy.close().closeAllConnections());
  return `http://127.0.0.1:${proxy.address().port}${PREFIX}`;
}

function makeToken() {
  const encode = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const exp = Math.floor(Date.now() / 1000) + 600;
  const input = `${encode({ alg: "HS256" })}.${encode({ sub: "ada", exp })}`;
  return `${input}.${createHmac("sha256", SECRET).update(input).digest("base64url")}`;
}

/** Run the operation that lists todos, and return the answer as the page shows it. */
async function listTodos(page) {
  const operation = page.locator("#operations-todos-list_todos");
  if (!(await operation.locator("button.execute").isVisible())) {
    await operation.locator(".opblock-summary-control").click();
  }
  const answer = page.waitForResponse((response) => new URL(response.url()).pathname.endsWith("/api/todos"));
  await operation.locator("button.execute").click();
  const response = await answer;
  await operation.locator(`.live-responses-table .response-col_status >> text="${response.status()}"`).waitFor();
  return response;
}

async function authorize(page, token) {
  await page.locator(".scheme-container").getByRole("button", { name: "Authorize" }).click();
  const form = page.locator(".modal-ux .auth-container").filter({ hasText: /bearer/i }).first();
  await form.locator("input").fill(token);
  await form.locator("button.authorize").click();
  await page.locator(".modal-ux .btn-done").first().click();
}

async function useDocumentation(t, url, name) {
  const page = await (await openContext(t)).newPage();
  await page.goto(`${url}/docs`);
  await page.locator(".opblock").first().waitFor();
  await screenshot(page, name);

  assert.equal((await listTodos(page)).status(), 401);
  await authorize(page, makeToken());
  const response = await listTodos(page);
  assert.equal(response.status(), 200);
  assert.equal(response.url().split("?")[0], `${url}/api/todos`);
  assert.deepEqual((await response.json()).items, []);
  await page.locator("#operations-todos-list_todos").scrollIntoViewIfNeeded();
  await screenshot(page, `${name} after a request`);
}

test("a person authorizes and lists todos at /docs", async (t) => {
  await useDocumentation(t, documentation.url, "documentation");
});

test("a person authorizes and lists todos at /docs behind a path prefix", async (t) => {
  const { server, url } = await startApi(await freePort(), { ...documentation.env, ROOT_PATH: PREFIX });
  t.after(() => server.stop());
  await useDocumentation(t, await startProxy(t, url), "behind a prefix");
});

test("a documentation page that cannot load says so", async (t) => {
  const page = await (await openContext(t)).newPage();
  await page.emulateMedia({ colorScheme: "dark" });
  await page.goto(`${documentation.url}/docs`);
  await page.locator(".opblock").first().waitFor();
  await screenshot(page, "dark");
  await page.setViewportSize(PHONE.viewport);
  await screenshot(page, "phone");

  await page.route("**/swagger-ui-bundle.js", (route) => route.abort());
  await page.reload();
  await page.getByText("The file swagger-ui-bundle.js did not load.").waitFor();
  await assertFits(page, "not loaded");
  await assertAccessible(page, "not loaded", WCAG); // Swagger UI itself has violations
  await screenshot(page, "not loaded");
});
