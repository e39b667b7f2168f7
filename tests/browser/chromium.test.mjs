// The browser starts, and reaches nothing but this machine.

import assert from "node:assert/strict";
import { test } from "node:test";

import { launch } from "./chromium.mjs";

test("the browser finds no other machine", async (t) => {
  const browser = await launch();
  t.after(() => browser.close());
  const page = await browser.newPage();
  await assert.rejects(page.goto("https://example.com/"), /ERR_NAME_NOT_RESOLVED/);
});
