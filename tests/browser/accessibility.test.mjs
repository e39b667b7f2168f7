// Every state of the page, in light and dark, on a computer and on a phone: axe finds nothing, and
// no user has to scroll sideways. The keyboard is enough.

import assert from "node:assert/strict";
import { test } from "node:test";

import { assertAccessible, assertFits, DESKTOP, openContext, PHONE, screenshot, useBrowser } from "./browser.mjs";
import { ADMIN, useDemo } from "./servers.mjs";
import { newPerson, Person } from "./todo_page.mjs";

const LONG = "Write to Charles about the analytical engine, its mill and its store, and ask for the drawings";
const WORD = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft";

useBrowser();
const demo = useDemo();

/** Check a state of a page in light and dark. */
async function check(page, state) {
  await screenshot(page, state);
  await assertAccessible(page, state);
  await assertFits(page, state);
  await page.emulateMedia({ colorScheme: "dark" });
  await screenshot(page, `${state} dark`);
  await assertAccessible(page, `${state}, dark`, ["color-contrast"]);
  await page.emulateMedia({ colorScheme: "light" });
}

/** Answer requests for the list with an error. */
async function refuseLists(page, status, headers, body) {
  await page.route(`${demo.api}/api/todos?**`, (route) =>
    route.fulfill({
      status,
      headers: {
        "Access-Control-Allow-Origin": demo.page,
        "Access-Control-Expose-Headers": "Retry-After, X-Request-ID",
        "Content-Type": "application/problem+json",
        ...headers,
      },
      body: JSON.stringify({ status, request_id: "8b1f0c6d2a3e4f50", ...body }),
    }),
  );
}

for (const [name, device] of Object.entries({ computer: DESKTOP, phone: PHONE })) {
  test(`the forms for signing in and signing up on a ${name}`, async (t) => {
    const page = await (await openContext(t, device)).newPage();
    const ada = new Person(page, demo.page, "Ada Lovelace");
    await page.goto(demo.page);
    await ada.isOut();
    await check(page, `${name} sign in`);
    await ada.signIn({ password: "wrong password" });
    await page.getByRole("alert").getByText(/invalid/i).waitFor();
    await check(page, `${name} wrong password`);
    await page.getByRole("button", { name: "Create an account" }).click();
    await page.getByRole("button", { name: "Create account" }).click();
    await check(page, `${name} sign up without a name`);
  });

  test(`the list, its dialogs and its messages on a ${name}`, async (t) => {
    const ada = await newPerson(t, demo.page, "Ada Lovelace", { device });
    await ada.page.getByTestId("empty").waitFor();
    await check(ada.page, `${name} empty`);
    await ada.form.getByRole("button", { name: "Add" }).click();
    await check(ada.page, `${name} no title`);

    await ada.add(LONG, { due: "2100-12-24" });
    await ada.add(WORD, { priority: "low" });
    await ada.add("Buy milk", { priority: "high", due: "2020-02-29" });
    await ada.add("Water the plants");
    await ada.todo("Water the plants").check();
    await check(ada.page, `${name} list`);
    await ada.edit("Buy milk");
    await check(ada.page, `${name} editor`);
    await ada.save({ Description: `Two litres, ${WORD}` });
    await ada.message.getByText("Saved").waitFor();
    await ada.delete("Water the plants");
    await ada.page.getByRole("button", { name: "Undo" }).hover(); // the message stays
    await check(ada.page, `${name} deleted`);
    await ada.page.getByRole("button", { name: "Undo" }).click();
    await ada.search("zebra");
    await ada.page.getByTestId("nothing-found").waitFor();
    await check(ada.page, `${name} nothing found`);
  });

  test(`an overtaken edit on a ${name}`, async (t) => {
    const ada = await newPerson(t, demo.page, "Ada Lovelace", { device });
    await ada.add("Buy milk");
    const other = new Person(await ada.page.context().newPage(), demo.page, "Ada Lovelace");
    await other.page.goto(demo.page);
    await ada.edit("Buy milk");
    await other.edit("Buy milk");
    await other.save({ Title: `Buy ${WORD}` });
    await other.message.getByText("Saved").waitFor();
    await ada.save({ Title: "Buy bread", "Due date": "2100-12-24" });
    await ada.conflict.waitFor();
    await check(ada.page, `${name} overtaken`);
  });

  test(`the panel on a ${name}`, async (t) => {
    const page = await (await openContext(t, device)).newPage();
    const admin = new Person(page, demo.page, "Admin");
    await page.goto(demo.page);
    await admin.signIn(ADMIN);
    await page.locator("#user-roles").getByText("admin", { exact: true }).waitFor();
    if (device === PHONE) await page.getByRole("button", { name: "Behind the page" }).click();
    await page.getByText("Payload", { exact: true }).click();
    for (const [credential, status] of [["my token", "200"], ["a spoilt token", "401"]]) {
      const answer = await admin.sendWith(credential);
      await answer.getByText(status).first().waitFor();
      await check(page, `${name} ${credential}`);
    }
    await page.getByRole("button", { name: "Delete all my todos" }).click();
    await check(page, `${name} delete all`);
  });

  test(`the states in which the list cannot be shown on a ${name}`, async (t) => {
    const ada = await newPerson(t, demo.page, "Ada Lovelace", { device });
    await ada.add("Buy milk");
    const lists = `${demo.api}/api/todos?**`;

    const busy = { code: "database_unavailable", detail: "The service is temporarily unavailable." };
    await refuseLists(ada.page, 503, { "Retry-After": "30" }, busy);
    await ada.search("milk");
    await ada.banner.getByText("The API is busy.").waitFor();
    await check(ada.page, `${name} busy`);
    await ada.page.unroute(lists);

    await refuseLists(ada.page, 500, {}, { code: "internal_error", detail: "An unexpected error occurred." });
    await ada.page.reload();
    await ada.page.getByTestId("list-error").getByText("8b1f0c6d2a3e4f50").waitFor();
    await check(ada.page, `${name} list error`);
    await ada.page.unroute(lists);

    let answer;
    const answered = new Promise((resolve) => (answer = resolve));
    await ada.page.route(lists, async (route) => {
      await answered;
      await route.continue();
    });
    await ada.page.reload();
    await ada.page.locator(".skeleton").first().waitFor();
    await check(ada.page, `${name} loading`);
    answer();
    await ada.todo("Buy milk").waitFor();

    await ada.page.context().setOffline(true);
    await ada.banner.getByText("You are offline.").waitFor();
    await ada.todo("Buy milk").click();
    await ada.message.getByText("was not changed").waitFor();
    await check(ada.page, `${name} offline`);
  });
}

test("the keyboard alone signs up, adds, ticks, edits, deletes and undoes", async (t) => {
  const page = await (await openContext(t)).newPage();
  const ada = new Person(page, demo.page, "Ada Lovelace");
  const { keyboard } = page;
  await page.goto(demo.page);
  await ada.isOut();
  await goTo(page, "Create an account");
  await keyboard.press("Enter");
  for (const text of [ada.name, ada.email, "correct horse battery staple"]) {
    await keyboard.type(text);
    await keyboard.press("Tab");
  }
  await keyboard.press("Enter");
  await ada.isIn();

  await keyboard.type("Buy milk"); // the focus is in the field for a new todo
  await keyboard.press("Enter");
  await ada.todo("Buy milk").waitFor();
  await keyboard.type("Call Charles");
  await keyboard.press("Enter");
  await ada.todo("Call Charles").waitFor();

  await goTo(page, "Buy milk");
  await keyboard.press("Space");
  await page.locator("li.done").getByText("Buy milk").waitFor();
  await focused(page, "Buy milk"); // a new version of the todo does not take the focus away

  await goTo(page, "Edit Buy milk");
  await keyboard.press("Enter");
  await ada.editor.waitFor();
  await keyboard.press("ControlOrMeta+A");
  await keyboard.type("Buy oat milk");
  await keyboard.press("Enter");
  await ada.editor.waitFor({ state: "hidden" });
  await focused(page, "Edit Buy oat milk");

  await goTo(page, "Delete Buy oat milk");
  await keyboard.press("Enter");
  await goTo(page, "Undo");
  await keyboard.press("Enter");
  await focused(page, "Buy oat milk");
});

/** Press Tab until the focus is on the control with this name. */
async function goTo(page, name) {
  for (let presses = 0; presses < 60; presses += 1) {
    await page.keyboard.press("Tab");
    if ((await nameOfFocus(page)) === name) return;
  }
  assert.fail(`Tab does not reach ${name}.`);
}

/** Wait until the focus is on the control with this name. */
async function focused(page, name) {
  for (let tries = 0; tries < 40; tries += 1) {
    if ((await nameOfFocus(page)) === name) return;
    await page.waitForTimeout(50);
  }
  assert.fail(`The focus is on ${await nameOfFocus(page)}, and not on ${name}.`);
}

function nameOfFocus(page) {
  return page.evaluate(() => {
    const element = document.activeElement;
    return element.ariaLabel ?? element.labels?.[0]?.textContent ?? element.textContent.trim();
  });
}
