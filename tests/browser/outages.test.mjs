// Better Auth or the API stops, and the page says so and recovers.

import assert from "node:assert/strict";
import { before, test } from "node:test";

import { screenshot, useBrowser } from "./browser.mjs";
import { createDatabase, freePort, startApi, startBetterAuth } from "./servers.mjs";
import { assertTitles, newPerson, Person } from "./todo_page.mjs";

let database;
useBrowser();
before(async () => (database = await createDatabase()));

/** Start Better Auth and the API as two programs that a test can stop. */
async function startServers(t) {
  const stopAtEnd = (started) => {
    t.after(() => started.server.stop());
    return started;
  };
  const [apiPort, port] = [await freePort(), await freePort()];
  const apiUrl = `http://127.0.0.1:${apiPort}`;
  const startIssuer = async () => stopAtEnd(await startBetterAuth(port, { API_URL: apiUrl }));
  const issuer = await startIssuer();
  const env = { BETTER_AUTH_URL: issuer.url, CORS_ORIGINS: issuer.url, DATABASE_URL: database };
  const startBackend = async () => stopAtEnd(await startApi(apiPort, env));
  return { issuer, startIssuer, api: await startBackend(), startBackend };
}

test("the page works while Better Auth is down, and then says what is wrong", async (t) => {
  const { issuer, startIssuer } = await startServers(t);
  const ada = await newPerson(t, issuer.url, "Ada Lovelace", { hasClock: true });
  await issuer.server.stop();
  await ada.add("Works without Better Auth");
  await ada.todo("Works without Better Auth").check();
  assert.equal(await ada.banner.isVisible(), false);

  await ada.page.clock.fastForward("20:00"); // the token has expired on this device
  await ada.page.getByRole("timer").getByText("Expired").waitFor();
  await ada.form.getByLabel("New todo").fill("Needs a new token");
  await ada.form.getByRole("button", { name: "Add" }).click();
  await ada.banner.getByText("Better Auth cannot be reached.").waitFor();
  await ada.message.getByText("was not added").waitFor();
  await screenshot(ada.page, "Better Auth is down");
  await assertTitles(ada, ["Works without Better Auth"]);
  assert.equal(await ada.form.getByLabel("New todo").inputValue(), "Needs a new token");

  await startIssuer(); // it has lost all sessions, which are in memory
  await ada.isOut();
  await ada.page.getByRole("alert").getByText("Your session has ended").waitFor();
  assert.equal(await ada.banner.isVisible(), false);
  await screenshot(ada.page, "the session has ended");
});

test("the page says that the API is down, and recovers when it returns", async (t) => {
  const { issuer, api, startBackend } = await startServers(t);
  const ada = await newPerson(t, issuer.url, "Ada Lovelace");
  await ada.add("Buy milk");
  const late = new Person(await ada.page.context().newPage(), issuer.url, "Ada Lovelace");

  await api.server.stop();
  await ada.todo("Buy milk").click();
  await ada.banner.getByText("The API cannot be reached.").waitFor();
  await ada.message.getByText("“Buy milk” was not changed.").waitFor();
  assert.equal(await ada.todo("Buy milk").isChecked(), false);
  await screenshot(ada.page, "the API is down");
  await late.page.goto(issuer.url);
  await late.page.getByTestId("list-error").waitFor();
  await screenshot(late.page, "opened while the API is down");

  await startBackend();
  for (const { banner } of [ada, late]) await banner.waitFor({ state: "hidden" });
  await assertTitles(late, ["Buy milk"]);
  await ada.todo("Buy milk").check();
  await ada.page.locator("li.done").waitFor();
  await screenshot(ada.page, "the API is back");
});
