// The page renews its token, and the person does not notice.

import assert from "node:assert/strict";
import { test } from "node:test";

import { useBrowser } from "./browser.mjs";
import { useDemo } from "./servers.mjs";
import { assertTitles, collectStatuses, newPerson, sleep } from "./todo_page.mjs";

const LIFETIME = 3; // seconds
const TOKEN = "/api/auth/token";

useBrowser();
const demo = useDemo({ JWT_EXPIRATION: `${LIFETIME}s` });

async function assertNothingIsWrong(person) {
  for (const element of [person.banner, person.page.locator("#toast[role=alert]"), person.page.locator("#entrance")]) {
    assert.equal(await element.isVisible(), false);
  }
}

/** Send an expired token instead of a number of valid tokens. */
async function sendExpiredTokens(person, times) {
  const expired = await person.page.evaluate(async () => (await (await fetch("/demo/expired-token")).json()).token);
  await person.page.route(`${demo.api}/api/todos?**`, async (route) => {
    const headers = { ...route.request().headers(), authorization: `Bearer ${expired}` };
    await route.continue({ headers });
  }, { times });
}

test("a token that expires is renewed before its expiry", async (t) => {
  const ada = await newPerson(t, demo.page, "Ada Lovelace");
  const [tokens, answers] = [collectStatuses(ada.page, TOKEN), collectStatuses(ada.page, "/api/todos")];
  await ada.add("Now");
  await sleep(LIFETIME * 800); // less than a lifetime: the page does not wait for a refusal
  await ada.add("Later");
  await assertTitles(ada, ["Later", "Now"]);
  assert.deepEqual(answers, [201, 201]);
  assert.ok(tokens.length >= 1);
  await assertNothingIsWrong(ada);
});

test("an expired token is renewed once for all requests that need it", async (t) => {
  const ada = await newPerson(t, demo.page, "Ada Lovelace");
  await ada.page.getByRole("timer").getByText("Expired").waitFor();
  const [tokens, answers] = [collectStatuses(ada.page, TOKEN), collectStatuses(ada.page, "/api/todos")];
  await ada.page.evaluate(() => {
    document.querySelector("#filter-state").dispatchEvent(new Event("input", { bubbles: true }));
    document.querySelector("[data-credential=valid]").click();
  });
  await ada.page.getByRole("region", { name: "Answer of the API" }).getByText("200").first().waitFor();
  assert.deepEqual([tokens, answers], [[200], [200]]);
  await assertNothingIsWrong(ada);
});

test("a token that the API refuses as expired is renewed once", async (t) => {
  const ada = await newPerson(t, demo.page, "Ada Lovelace");
  await ada.add("Buy milk");
  await sendExpiredTokens(ada, 1);
  const [tokens, answers] = [collectStatuses(ada.page, TOKEN), collectStatuses(ada.page, "/api/todos")];
  await ada.filter("Show", "Open");
  await assertTitles(ada, ["Buy milk"]);
  assert.deepEqual(answers, [401, 200]);
  assert.ok(tokens.length >= 1);
  await assertNothingIsWrong(ada);
});

test("a token that the API always refuses is renewed once, and not for ever", async (t) => {
  const ada = await newPerson(t, demo.page, "Ada Lovelace");
  await sendExpiredTokens(ada, 100);
  const answers = collectStatuses(ada.page, "/api/todos");
  await ada.filter("Show", "Open");
  await ada.isOut();
  await ada.page.getByRole("alert").getByText("Your session has ended").waitFor();
  assert.deepEqual(answers, [401, 401]);
});
