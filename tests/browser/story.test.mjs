// The whole story of two people, each with a browser, at the servers of `make demo`.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

import { openContext, screenshot, useBrowser } from "./browser.mjs";
import { ADMIN, useDemo } from "./servers.mjs";
import { assertTitles, newPerson, Person } from "./todo_page.mjs";

useBrowser();
const demo = useDemo();

test("two people use the page, and each sees only their own todos", async (t) => {
  const ada = await newPerson(t, demo.page, "Ada Lovelace");
  const grace = await newPerson(t, demo.page, "Grace Hopper");
  await ada.page.getByTestId("empty").waitFor();
  await screenshot(ada.page, "empty");

  await ada.add("Buy milk", { priority: "high", due: "2020-02-29" });
  await ada.add("Call Charles");
  await ada.add("Water the plants", { priority: "low", due: "2100-12-24" });
  await grace.add("Find the moth");
  await assertTitles(ada, ["Water the plants", "Call Charles", "Buy milk"]);
  await assertTitles(grace, ["Find the moth"]);

  await ada.todo("Call Charles").check();
  await ada.edit("Buy milk");
  await screenshot(ada.page, "editor");
  await ada.save({ Title: "Buy oat milk", Description: "Two litres", Priority: "normal" });
  await ada.message.getByText("Saved “Buy oat milk”.").waitFor();
  await screenshot(ada.page, "list");

  for (const [label, value, expected] of [
    ["Show", "Done", ["Call Charles"]],
    ["Show", "Open", ["Water the plants", "Buy oat milk"]],
    ["Show", "All", ["Water the plants", "Call Charles", "Buy oat milk"]],
    ["With priority", "Low", ["Water the plants"]],
    ["With priority", "Any", ["Water the plants", "Call Charles", "Buy oat milk"]],
    ["Due", "Overdue", ["Buy oat milk"]],
    ["Due", "Any time", ["Water the plants", "Call Charles", "Buy oat milk"]],
    ["Sort by", "Title", ["Buy oat milk", "Call Charles", "Water the plants"]],
  ]) {
    await ada.filter(label, value);
    await assertTitles(ada, expected);
  }
  await ada.search("LITRES");
  await assertTitles(ada, ["Buy oat milk"]);
  await ada.search("moth"); // this is a todo of Grace
  await ada.page.getByTestId("nothing-found").waitFor();
  await assertTitles(ada, []);
  await screenshot(ada.page, "nothing found");
  await ada.page.getByRole("button", { name: "Clear the filters" }).click();

  await ada.delete("Call Charles");
  await assertTitles(ada, ["Water the plants", "Buy oat milk"]);
  await screenshot(ada.page, "deleted");
  await ada.page.getByRole("button", { name: "Undo" }).click();
  await assertTitles(ada, ["Water the plants", "Call Charles", "Buy oat milk"]);
  await ada.delete("Water the plants");

  await ada.signOut();
  assert.doesNotMatch(await ada.page.locator("#workspace").innerHTML(), /Charles|milk|Lovelace/);
  await screenshot(ada.page, "signed out");
  await grace.page.reload();
  await grace.isIn();
  await assertTitles(grace, ["Find the moth"]);
  await ada.signIn();
  await ada.isIn();
  await assertTitles(ada, ["Call Charles", "Buy oat milk"]);
  await ada.todo("Call Charles").and(ada.page.locator(":checked")).waitFor();
});

test("another person at the same browser sees no data of the first person", async (t) => {
  const ada = await newPerson(t, demo.page, "Ada Lovelace");
  await ada.add("Buy milk");
  await ada.signOut();
  const grace = new Person(ada.page, demo.page, "Grace Hopper");
  await grace.signUp();
  await grace.page.getByTestId("empty").waitFor();
  await assertTitles(grace, []);
  await grace.page.getByText("Grace Hopper").first().waitFor();
  assert.doesNotMatch(await grace.page.content(), /Buy milk|Lovelace/);
});

test("a long list is loaded page by page, and all of it can be downloaded and deleted", async (t) => {
  const ada = await newPerson(t, demo.page, "Ada Lovelace");
  const titles = Array.from({ length: 45 }, (_, index) => `Chapter ${index + 1}`);
  await ada.create(demo.api, titles);
  await ada.page.reload();
  await ada.isIn();
  assert.equal((await ada.titles()).length, 20);
  for (const count of [40, 45]) {
    await ada.list.getByRole("listitem").last().scrollIntoViewIfNeeded();
    await ada.list.getByRole("listitem").nth(count - 1).waitFor();
  }
  await assertTitles(ada, titles.reverse());

  const download = ada.page.waitForEvent("download");
  await ada.page.getByRole("button", { name: "Download my data" }).click();
  const file = await download;
  assert.equal(file.suggestedFilename(), "export.jsonl");
  const lines = (await readFile(await file.path(), "utf8")).trimEnd().split("\n").map(JSON.parse);
  assert.deepEqual(lines.slice(1, -1).map((line) => line.todo.title), titles.toReversed());
  assert.deepEqual(lines.at(-1), { end: { todos: 45 } });

  await ada.page.getByRole("button", { name: "Delete all my todos" }).click();
  const dialog = ada.page.getByRole("dialog", { name: "Delete all your todos?" });
  await screenshot(ada.page, "delete all");
  await dialog.getByRole("button", { name: "Delete all" }).click();
  await ada.page.getByTestId("empty").waitFor();
  await ada.page.reload();
  await ada.page.getByTestId("empty").waitFor();
});

test("the panel shows how the API answers each kind of token", async (t) => {
  const ada = await newPerson(t, demo.page, "Ada Lovelace");
  await ada.page.getByRole("timer").getByText(/Valid for/).waitFor();
  for (const [credential, ...expected] of [
    ["my token", "200", ada.email],
    ["a spoilt token", "401", "invalid_token"],
    ["an expired token", "401", "token_expired"],
    ["no token", "401", "missing_token"],
  ]) {
    const answer = await ada.sendWith(credential);
    for (const text of expected) await answer.getByText(text).first().waitFor();
    await screenshot(ada.page, credential);
  }
});

test("roles of Better Auth arrive at the API", async (t) => {
  const page = await (await openContext(t)).newPage();
  const admin = new Person(page, demo.page, "Admin");
  await page.goto(demo.page);
  await admin.signIn({ ...ADMIN, password: "not the password" });
  await page.getByRole("alert").getByText(/invalid/i).waitFor();
  await screenshot(page, "wrong password");
  await admin.signIn(ADMIN);
  await page.locator("#user-roles").getByText("admin", { exact: true }).waitFor();
  await screenshot(page, "admin");
});

test("the page says that the device is offline, and recovers", async (t) => {
  const ada = await newPerson(t, demo.page, "Ada Lovelace");
  await ada.add("Buy milk");
  await ada.page.context().setOffline(true);
  await ada.banner.getByText("You are offline.").waitFor();
  await ada.todo("Buy milk").click();
  await ada.message.getByText("“Buy milk” was not changed.").waitFor();
  await screenshot(ada.page, "offline");
  await ada.page.context().setOffline(false);
  await ada.banner.waitFor({ state: "hidden" });
  await assertTitles(ada, ["Buy milk"]);
  await ada.todo("Buy milk").check();
});

test("a session that ends before a deletion is sent leaves no data of the person", async (t) => {
  const ada = await newPerson(t, demo.page, "Ada Lovelace");
  await ada.add("A secret");
  await ada.page.getByRole("button", { name: "Delete A secret" }).click();
  await ada.page.context().clearCookies();
  await ada.page.getByRole("button", { name: "Renew now" }).click();
  await ada.isOut();
  await ada.page.waitForTimeout(300); // the time that a refused deletion needs to come back
  assert.doesNotMatch(await ada.page.content(), /A secret/);
});
