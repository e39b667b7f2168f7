// People with a browser: each test gets contexts of its own, and the checks that hold for every test.

import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { after, before } from "node:test";
import { fileURLToPath } from "node:url";

import { launch } from "./chromium.mjs";

export const DESKTOP = { viewport: { width: 1280, height: 900 } };
export const PHONE = { viewport: { width: 360, height: 740 }, hasTouch: true };

// The rules of axe for WCAG 2.2 AA, without those for good practice.
export const WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];

const PROGRAM = basename(process.argv.at(-1), ".test.mjs");
const SCREENSHOTS = join(fileURLToPath(new URL("../../.screenshots/", import.meta.url)), PROGRAM);
const AXE = new URL("node_modules/axe-core/axe.min.js", import.meta.url);
const TIMEOUT = 30_000; // milliseconds

let browser;

/** Start one browser for all tests of a file. */
export function useBrowser() {
  before(async () => {
    rmSync(SCREENSHOTS, { recursive: true, force: true });
    browser = await launch();
  });
  after(() => browser?.close());
}

/**
 * Open a browser window of a person. Its cookies belong to that person.
 *
 * When the test ends, this checks that the pages had no script errors, obeyed their
 * Content-Security-Policy, and sent no request to another machine.
 */
export async function openContext(test, options = {}) {
  const context = await browser.newContext({ ...DESKTOP, reducedMotion: "reduce", ...options });
  context.setDefaultTimeout(TIMEOUT);
  const problems = [];
  context.on("weberror", (event) => problems.push(event.error().stack));
  context.on("console", (message) => {
    if (/Content.Security.Policy|violates|TrustedHTML/i.test(message.text())) problems.push(message.text());
  });
  context.on("request", (request) => {
    const { protocol, hostname } = new URL(request.url());
    const isLocal = hostname === "127.0.0.1" || ["about:", "blob:", "data:"].includes(protocol);
    if (!isLocal) problems.push(`A request to ${request.url()}`);
  });
  test.after(async () => {
    if (test.error) await keepLastScreens(test, context);
    await context.close();
    assert.deepEqual(problems, []);
  });
  return context;
}

/** Keep a picture of a page in a folder of this program. */
export async function screenshot(page, name, options = {}) {
  await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`), ...options }); // makes the folder
}

/**
 * Check that axe finds no violation of WCAG 2.2 AA or of good practice.
 *
 * @param page  A page.
 * @param state Names the state of the page, for the message of a failure.
 * @param rules The rules to check, or tags of rules; without this list, all rules.
 */
export async function assertAccessible(page, state, rules) {
  if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(await readFile(AXE, "utf8"));
  const violations = await page.evaluate(async (runOnly) => {
    const options = { resultTypes: ["violations"], ...(runOnly ? { runOnly } : {}) };
    const { violations: found } = await window.axe.run(document, options);
    return found.map(({ id, nodes }) => [id, ...nodes.map((node) => `${node.html} ${node.failureSummary}`)]);
  }, rules);
  assert.deepEqual(violations, [], state);
}

/** Check that the page does not scroll sideways. */
export async function assertFits(page, state) {
  const [content, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(content <= window, `${state}: ${content} px of content in a window of ${window} px`);
}

async function keepLastScreens(test, context) {
  for (const [number, page] of context.pages().entries()) {
    const name = `failed ${test.name.replaceAll("/", " ")} ${number + 1}`;
    await screenshot(page, name).catch(() => undefined);
  }
}
