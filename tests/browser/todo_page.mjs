// What people do on the Todo page.

import { randomUUID } from "node:crypto";

import { DESKTOP, openContext } from "./browser.mjs";

const PASSWORD = "correct horse battery staple";

/** A person at the Todo page. */
export class Person {
  /**
   * @param page A page of the browser.
   * @param url  The address of the Todo page.
   * @param name The name of the person.
   */
  constructor(page, url, name) {
    this.page = page;
    this.url = url;
    this.name = name;
    this.email = `${name.toLowerCase().replaceAll(/[^a-z]/g, "")}-${randomUUID()}@example.com`;
    this.list = page.getByRole("list", { name: "Todos" });
    this.form = page.getByRole("form", { name: "Add a todo" });
    this.filters = page.getByRole("search", { name: "Filter the todos" });
    this.editor = page.getByRole("dialog", { name: "Edit the todo" });
    this.conflict = page.getByRole("dialog", { name: "Changed by somebody else" });
    this.banner = page.locator("#banner");
    this.message = page.locator("#toast");
  }

  async signUp() {
    await this.page.goto(this.url);
    await this.page.getByRole("button", { name: "Create an account" }).click();
    await this.page.getByLabel("Name").fill(this.name);
    await this.page.getByLabel("E-mail").fill(this.email);
    await this.page.getByLabel("Password").fill(PASSWORD);
    await this.page.getByRole("button", { name: "Create account" }).click();
    await this.isIn();
  }

  async signIn({ email = this.email, password = PASSWORD } = {}) {
    await this.page.getByLabel("E-mail").fill(email);
    await this.page.getByLabel("Password").fill(password);
    await this.page.getByRole("button", { name: "Sign in", exact: true }).click();
  }

  async signOut() {
    await this.page.getByRole("button", { name: "Sign out" }).click();
    await this.isOut();
  }

  /** Wait until the list is shown. */
  async isIn() {
    await this.page.getByRole("heading", { name: "Your todos" }).waitFor();
    await this.page.locator("#list[aria-busy=false]").waitFor();
  }

  /** Wait until the form for signing in is shown. */
  async isOut() {
    await this.page.getByRole("heading", { name: "Sign in" }).waitFor();
  }

  async add(title, { priority, due } = {}) {
    await this.form.getByLabel("New todo").fill(title);
    if (priority) await this.form.getByLabel("Priority").selectOption(priority);
    if (due) await this.form.getByLabel("Due date").fill(due);
    await this.form.getByRole("button", { name: "Add" }).click();
    await this.todo(title).waitFor();
  }

  /** Create many todos with the API, and not on the page. */
  async create(api, titles) {
    const url = new URL("/api/auth/token", this.url).href;
    const { token } = await (await this.page.request.get(url)).json();
    for (const title of titles) {
      const headers = { Authorization: `Bearer ${token}` };
      const response = await this.page.request.post(`${api}/api/todos`, { headers, data: { title } });
      if (response.status() !== 201) throw new Error(await response.text());
    }
  }

  /** The checkbox of a todo. */
  todo(title) {
    return this.list.getByRole("checkbox", { name: title, exact: true });
  }

  async edit(title) {
    await this.list.getByRole("button", { name: `Edit ${title}`, exact: true }).click();
    await this.editor.waitFor();
  }

  async save(changes) {
    for (const [label, value] of Object.entries(changes)) {
      const field = this.editor.getByLabel(label);
      if (label === "Priority") await field.selectOption(value);
      else await field.fill(value);
    }
    await this.editor.getByRole("button", { name: "Save" }).click();
  }

  async delete(title) {
    await this.list.getByRole("button", { name: `Delete ${title}`, exact: true }).click();
  }

  /** Choose a value of a filter. */
  async filter(label, value) {
    await this.filters.getByLabel(label, { exact: true }).selectOption({ label: value });
  }

  async search(text) {
    await this.filters.getByRole("searchbox", { name: "Search" }).fill(text);
  }

  /** Return the titles in the list, from the first to the last. */
  async titles() {
    await this.page.locator("#list[aria-busy=false]").waitFor();
    return this.list.getByRole("checkbox").evaluateAll((boxes) => boxes.map((box) => box.labels[0]?.textContent));
  }

  /** Press a button of the panel, and return the text of the answer. */
  async sendWith(credential) {
    await this.page.getByRole("button", { name: credential, exact: true }).click();
    const answer = this.page.getByRole("region", { name: "Answer of the API" });
    await answer.waitFor();
    return answer;
  }
}

/**
 * Open the Todo page in a new browser window, and sign up.
 *
 * @param test             The test that needs the person.
 * @param url              The address of the Todo page.
 * @param name             The name of the person.
 * @param options.device   The device, such as `PHONE`.
 * @param options.hasClock Whether `page.clock` can change the time of the device.
 */
export async function newPerson(test, url, name, { device = DESKTOP, hasClock = false } = {}) {
  const context = await openContext(test, device);
  if (hasClock) await context.clock.install();
  const person = new Person(await context.newPage(), url, name);
  await person.signUp();
  return person;
}

/** Collect the statuses of the answers of an address, such as "/api/todos", or to a method. */
export function collectStatuses(page, which) {
  const statuses = [];
  page.on("response", (response) => {
    const method = response.request().method();
    const isWanted = method === which || new URL(response.url()).pathname === which;
    if (isWanted && method !== "OPTIONS") statuses.push(response.status());
  });
  return statuses;
}

/** Wait for a number of milliseconds: only where time itself is what a test is about. */
export function sleep(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Wait until the list has exactly these titles. */
export async function assertTitles(person, expected) {
  const end = Date.now() + 5000;
  let titles;
  do {
    titles = await person.titles();
    if (JSON.stringify(titles) === JSON.stringify(expected)) return;
    await sleep(50);
  } while (Date.now() < end);
  throw new Error(`The list has ${JSON.stringify(titles)}, and not ${JSON.stringify(expected)}.`);
}
