// The Todo page: signs people in and out, and connects the parts.
//
// The roles and names for tests, which are part of the page's contract:
//   heading      "Sign in" | "Create an account" | "Your todos" | "Behind the page"
//   sign-in      textbox "Name", "E-mail", "Password"; button "Sign in", "Create account";
//                button "Create an account" and "Sign in instead" switch between the two forms
//   header       button "Behind the page" (aria-expanded), "Sign out"
//   new todo     form "Add a todo": textbox "New todo", combobox "Priority", "Due date" (label);
//                button "Add"
//   filters      search "Filter the todos": searchbox "Search"; combobox "Show", "With priority",
//                "Due", "Sort by"; below 42rem, button "Filters" (aria-expanded) shows these four
//   list         list "Todos" (aria-busy while it loads): each listitem has checkbox TITLE, button
//                "Edit TITLE", button "Delete TITLE"; button "Load more"
//   states       data-testid "empty" | "nothing-found" | "list-error" (button "Try again")
//   editor       dialog "Edit the todo": textbox "Title", "Description", combobox "Priority",
//                "Due date"; button "Cancel", "Save"
//   conflict     dialog "Changed by somebody else": button "Keep mine", "Take theirs"
//   deletion     status "Deleted “TITLE”." with button "Undo"
//   panel        complementary "Behind the page": timer; button "Renew now", "my token",
//                "a spoilt token", "an expired token", "no token"; region "Answer of the API";
//                button "Download my data" saves export.jsonl;
//                button "Delete all my todos" -> dialog "Delete all your todos?": "Delete all"
//   messages     alert for errors (with the request id in <code>), and while something is down:
//                "You are offline. …", "The API cannot be reached. …",
//                "Better Auth cannot be reached. …", "The API is busy. …"

import { ApiError, isAborted, TodoApi, Tokens } from "./api.ts";
import * as auth from "./auth.ts";
import { Connection } from "./connection.ts";
import { byId, create, whileBusy } from "./dom.ts";
import { hideToast, showError, silence } from "./messages.ts";
import { Panel } from "./panel.ts";
import { TodoList } from "./todos.ts";

const apiUrl = document.querySelector<HTMLMetaElement>('meta[name="api-url"]')?.content ?? "";

const account = byId("account", HTMLDivElement);
const entrance = byId("entrance", HTMLElement);
const form = byId("entrance-form", HTMLFormElement);
const problem = byId("entrance-error", HTMLParagraphElement);
const name = byId("name", HTMLInputElement);
const email = byId("email", HTMLInputElement);
const password = byId("password", HTMLInputElement);
const submit = byId("entrance-submit", HTMLButtonElement);
const signOutButton = byId("sign-out", HTMLButtonElement);
const userName = byId("user-name", HTMLSpanElement);
const workspace = byId("workspace", HTMLDivElement);

const tokens = new Tokens(auth.fetchToken, (token) => {
  panel.showToken(token);
  if (token && userName.textContent) void showUser(); // a new token may have other roles
});
const api = new TodoApi(apiUrl, tokens);
const connection = new Connection(apiUrl, () => void refresh());
const list = new TodoList(api, handleError);
const panel = new Panel({ api, tokens, apiUrl, handleError, onDeletedAll: () => list.load() });
api.onWait = (seconds) => connection.showBusy(seconds);

let isNew = false; // whether the form creates an account

/**
 * Show an error in the right place: as a lost session, as a lost connection, or as a message.
 * Without a summary, the caller shows the message.
 */
function handleError(summary: string | undefined, error: unknown): void {
  if (isAborted(error)) return; // the user of this request has signed out
  if (error instanceof ApiError && error.isSignedOut) {
    leave("Your session has ended. Sign in again.");
    return;
  }
  if (error instanceof ApiError && error.status === 0) connection.lose(error);
  if (summary) showError(summary, error);
}

async function enter(): Promise<void> {
  entrance.hidden = true;
  workspace.hidden = account.hidden = false;
  list.focusNew();
  await refresh();
}

/** Load the content of the page, after signing in and when a connection is back. */
async function refresh(): Promise<void> {
  if (!workspace.hidden) await Promise.all([list.load(), showUser()]);
}

async function showUser(): Promise<void> {
  try {
    const me = await api.me();
    userName.textContent = me.name ?? me.email ?? me.user_id;
    const roles = me.roles.map((role) => create("span", { class: "role" }, role));
    byId("user-roles", HTMLSpanElement).replaceChildren(...roles);
    panel.showMe(me);
  } catch (error) {
    const isLost = error instanceof ApiError && error.status === 0; // the banner says so
    handleError(isLost ? undefined : "Your account could not be loaded.", error);
  }
}

/** Show the form for signing in, and forget everything of the user. */
function leave(message?: string): void {
  userName.textContent = "";
  hideToast();
  api.forget();
  tokens.clear();
  list.clear();
  panel.clear();
  silence();
  document
    .querySelectorAll("dialog[open]")
    .forEach((dialog) => (dialog as HTMLDialogElement).close());
  workspace.hidden = account.hidden = true;
  entrance.hidden = false;
  password.value = "";
  showForm(false);
  showProblem(message);
  email.focus();
}

function showForm(creates: boolean): void {
  isNew = creates;
  const title = creates ? "Create an account" : "Sign in";
  byId("entrance-title", HTMLHeadingElement).textContent = title;
  submit.textContent = creates ? "Create account" : "Sign in";
  byId("name-field", HTMLDivElement).hidden = !creates;
  byId("password-hint", HTMLParagraphElement).hidden = !creates;
  byId("switch-question", HTMLSpanElement).textContent = creates ? "Have an account?" : "New here?";
  byId("switch", HTMLButtonElement).textContent = creates ? "Sign in instead" : "Create an account";
  password.autocomplete = creates ? "new-password" : "current-password";
  showProblem(undefined);
}

function showProblem(message: string | undefined, field?: HTMLInputElement): void {
  problem.hidden = message === undefined;
  problem.textContent = message ?? "";
  for (const input of [name, email, password]) {
    input.toggleAttribute("aria-invalid", input === field);
    if (input === field) input.setAttribute("aria-invalid", "true");
  }
  field?.focus();
}

/** Return the problem with the form, and the invalid field. */
function findProblem(): [string, HTMLInputElement] | undefined {
  if (isNew && !name.value.trim()) return ["Enter your name.", name];
  if (!email.validity.valid) return ["Enter an e-mail address, such as ada@example.com.", email];
  if (password.value.length < (isNew ? 8 : 1)) {
    return [
      isNew ? "Choose a password of at least 8 characters." : "Enter your password.",
      password,
    ];
  }
  return undefined;
}

async function submitForm(): Promise<void> {
  const found = findProblem();
  if (found) return showProblem(...found);
  showProblem(undefined);
  try {
    if (isNew) await auth.signUp(name.value.trim(), email.value, password.value);
    else await auth.signIn(email.value, password.value);
  } catch (error) {
    return showProblem(error instanceof Error ? error.message : String(error));
  }
  form.reset();
  await enter();
}

async function signOut(): Promise<void> {
  hideToast(); // a deletion that could be undone becomes final
  await list.finished();
  try {
    await auth.signOut();
  } catch (error) {
    return handleError("You are still signed in.", error);
  }
  leave();
}

async function start(): Promise<void> {
  let isSignedIn = false;
  let message: string | undefined;
  try {
    isSignedIn = await auth.hasSession();
  } catch (error) {
    message = error instanceof Error ? error.message : String(error);
  }
  byId("starting", HTMLParagraphElement).hidden = true;
  if (isSignedIn) await enter();
  else leave(message);
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  void whileBusy(submit, submitForm);
});
byId("switch", HTMLButtonElement).addEventListener("click", () => {
  showForm(!isNew);
  (isNew ? name : email).focus();
});
signOutButton.addEventListener("click", () => void whileBusy(signOutButton, signOut));

void start();
