// Two tabs of one person edit one todo.

import assert from "node:assert/strict";
import { test } from "node:test";

import { screenshot, useBrowser } from "./browser.mjs";
import { useDemo } from "./servers.mjs";
import { assertTitles, collectStatuses, newPerson, Person } from "./todo_page.mjs";

useBrowser();
const demo = useDemo();

/** Open the page in two tabs. */
async function openTabs(t, ...titles) {
  const first = await newPerson(t, demo.page, "Ada Lovelace");
  for (const title of titles) await first.add(title);
  const second = new Person(await first.page.context().newPage(), demo.page, "Ada Lovelace");
  await second.page.goto(demo.page);
  await second.isIn();
  return [first, second];
}

/** Let the second tab overtake an edit of the first. */
async function overtake(t) {
  const [first, second] = await openTabs(t, "Buy milk");
  await first.edit("Buy milk");
  await second.edit("Buy milk");
  await second.save({ Title: "Buy oat milk", Priority: "low" });
  await second.message.getByText("Saved").waitFor();
  const saves = collectStatuses(first.page, "PATCH");
  await first.save({ Title: "Buy bread", Description: "With seeds" });
  await first.conflict.waitFor();
  for (const text of ["Buy bread", "Buy oat milk", "With seeds"]) {
    await first.conflict.getByText(text).waitFor();
  }
  return { first, second, saves };
}

test("an overtaken edit is shown, and the person keeps it", async (t) => {
  const { first, second, saves } = await overtake(t);
  await screenshot(first.page, "overtaken");
  await first.conflict.getByRole("button", { name: "Keep mine" }).click();
  await assertTitles(first, ["Buy bread"]);
  await first.message.getByText("Your changes are saved.").waitFor();
  assert.deepEqual(saves, [412, 200]);
  await second.page.reload();
  await assertTitles(second, ["Buy bread"]);
  await second.list.getByText("With seeds").waitFor();
  await second.list.getByText("Low priority").waitFor(); // the first tab did not change this
});

test("an overtaken edit is shown, and the person takes the other version", async (t) => {
  const { first, second, saves } = await overtake(t);
  await first.conflict.getByRole("button", { name: "Take theirs" }).click();
  await assertTitles(first, ["Buy oat milk"]);
  assert.deepEqual(saves, [412]);
  await second.page.reload();
  await assertTitles(second, ["Buy oat milk"]);
});

test("a todo that another tab has changed is not deleted unseen", async (t) => {
  const [first, second] = await openTabs(t, "Call Charles", "Buy milk");
  await second.edit("Buy milk");
  await second.save({ Title: "Buy oat milk" });
  await second.message.getByText("Saved").waitFor();
  const deletions = collectStatuses(first.page, "DELETE");
  await first.delete("Buy milk");
  await first.delete("Call Charles"); // this makes the first deletion final
  await first.message.getByText("“Buy milk” was not deleted.").waitFor();
  await assertTitles(first, ["Buy oat milk"]);
  await screenshot(first.page, "deletion overtaken");
  assert.equal(deletions.filter((status) => status === 204).length, 1);
});

test("a todo that another tab has deleted cannot be edited", async (t) => {
  const [first, second] = await openTabs(t, "Call Charles", "Buy milk");
  await second.delete("Buy milk");
  const answer = second.page.waitForResponse((response) => response.request().method() === "DELETE");
  await second.delete("Call Charles");
  assert.equal((await answer).status(), 204);
  await first.list.getByRole("button", { name: "Edit Buy milk" }).click();
  await first.message.getByText("It was deleted in the meantime.").waitFor();
  await assertTitles(first, ["Call Charles"]);
  await screenshot(first.page, "deleted in the meantime");
});

test("a deletion becomes final when the person leaves the page", async (t) => {
  const [first, second] = await openTabs(t, "Call Charles", "Buy milk");
  await first.delete("Buy milk");
  await first.page.goto("about:blank");
  await second.page.waitForTimeout(300); // the browser sends the request after the page has gone
  await second.page.reload();
  await assertTitles(second, ["Call Charles"]);
});
