// The dialog that edits a todo, and the dialog that resolves a conflict with another edit.

import { ApiError, ConflictError, type Todo, type TodoApi, type TodoChanges } from "./api.ts";
import { describeDay, fromDateField, toDateField } from "./dates.ts";
import { byId, create, whileBusy } from "./dom.ts";
import { details, showToast } from "./messages.ts";

interface Listeners {
  onChanged: (todo: Todo) => void;
  onGone: (todo: Todo) => void;
  handleError: (summary: string | undefined, error: unknown) => void;
}

const PRIORITIES = { low: "Low", normal: "Normal", high: "High" };
const FIELDS = {
  title: "Title",
  description: "Description",
  priority: "Priority",
  due_at: "Due date",
  completed: "Done",
};

export class Editor {
  #api: TodoApi;
  #listeners: Listeners;
  #dialog = byId("editor", HTMLDialogElement);
  #form = byId("editor-form", HTMLFormElement);
  #problem = byId("editor-error", HTMLParagraphElement);
  #save = byId("editor-save", HTMLButtonElement);
  #title = byId("edit-title", HTMLInputElement);
  #description = byId("edit-description", HTMLTextAreaElement);
  #priority = byId("edit-priority", HTMLSelectElement);
  #due = byId("edit-due", HTMLInputElement);
  #todo: Todo | undefined;

  constructor(api: TodoApi, listeners: Listeners) {
    this.#api = api;
    this.#listeners = listeners;
    byId("editor-cancel", HTMLButtonElement).addEventListener("click", () => this.#dialog.close());
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      void whileBusy(this.#save, () => this.#submit());
    });
  }

  /** Read the newest version of a todo, and edit that version. */
  async open(todo: Todo): Promise<void> {
    try {
      this.#todo = await this.#api.read(todo.id);
    } catch (error) {
      this.#fail(todo, `“${todo.title}” cannot be edited.`, error);
      return;
    }
    this.#listeners.onChanged(this.#todo);
    this.#title.value = this.#todo.title;
    this.#description.value = this.#todo.description ?? "";
    this.#priority.value = this.#todo.priority;
    this.#due.value = toDateField(this.#todo.due_at);
    this.#showProblem();
    this.#dialog.showModal();
    this.#title.focus();
  }

  async #submit(): Promise<void> {
    const todo = this.#todo;
    if (!todo) return;
    if (!this.#title.value.trim()) return this.#showProblem("Enter a title.");
    const changes = this.#changes(todo);
    if (Object.keys(changes).length === 0) return this.#dialog.close();
    try {
      const changed = await this.#api.change(todo, changes);
      this.#dialog.close();
      this.#listeners.onChanged(changed);
      showToast(`Saved “${changed.title}”.`);
    } catch (error) {
      if (error instanceof ConflictError) {
        this.#dialog.close();
        await this.#resolve(todo, error.current, changes);
        return;
      }
      if (isMissing(error) || (error instanceof ApiError && error.isSignedOut)) {
        this.#dialog.close();
        this.#fail(todo, `“${todo.title}” was not saved.`, error);
        return;
      }
      this.#showProblem(details(error)); // the dialog stays open: nothing that was typed is lost
      this.#listeners.handleError(undefined, error);
    }
  }

  /** Return the members that differ from the version that was opened. */
  #changes(todo: Todo): TodoChanges {
    const changes: TodoChanges = {};
    const description = this.#description.value.trim() || null;
    if (this.#title.value.trim() !== todo.title) changes.title = this.#title.value.trim();
    if (description !== todo.description) changes.description = description;
    if (this.#priority.value !== todo.priority)
      changes.priority = this.#priority.value as Todo["priority"];
    if (this.#due.value !== toDateField(todo.due_at))
      changes.due_at = fromDateField(this.#due.value);
    return changes;
  }

  /**
   * Let the user choose between the stored version and the refused changes, and save the choice.
   *
   * @param base    The version before both changes.
   * @param current The stored version.
   * @param changes The refused changes.
   */
  async #resolve(base: Todo, current: Todo, changes: TodoChanges): Promise<void> {
    for (;;) {
      if ((await chooseVersion(base, current, changes)) === "theirs") {
        this.#listeners.onChanged(current);
        showToast("Their version is kept.");
        return;
      }
      try {
        const changed = await this.#api.change(current, changes);
        this.#listeners.onChanged(changed);
        showToast("Your changes are saved.");
        return;
      } catch (error) {
        if (!(error instanceof ConflictError)) {
          this.#fail(current, `“${current.title}” was not saved.`, error);
          return;
        }
        current = error.current; // another edit came first again
      }
    }
  }

  #fail(todo: Todo, summary: string, error: unknown): void {
    this.#listeners.handleError(
      summary,
      isMissing(error) ? new Error("It was deleted in the meantime.") : error,
    );
    if (isMissing(error)) this.#listeners.onGone(todo);
  }

  #showProblem(problem?: string | Node): void {
    this.#problem.hidden = problem === undefined;
    this.#problem.replaceChildren(problem ?? "");
    this.#title.toggleAttribute("aria-invalid", false);
    if (typeof problem !== "string") return;
    this.#title.setAttribute("aria-invalid", "true");
    this.#title.focus();
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof ApiError && error.code === "todo_not_found";
}

/** Ask which version to keep. Escape keeps the version that is stored already. */
function chooseVersion(
  base: Todo,
  current: Todo,
  changes: TodoChanges,
): Promise<"mine" | "theirs"> {
  const dialog = byId("conflict", HTMLDialogElement);
  const mine: Todo = { ...current, ...(changes as Partial<Todo>) };
  const names = (Object.keys(FIELDS) as (keyof typeof FIELDS)[]).filter(
    (name) => name === "title" || name in changes || base[name] !== current[name],
  );
  const head = create(
    "tr",
    {},
    create("th", { scope: "col" }, "Field"),
    create("th", { scope: "col" }, "Mine"),
    create("th", { scope: "col" }, "Theirs"),
  );
  const rows = names.map((name) => {
    const [left, right] = [describe(mine, name), describe(current, name)];
    return create(
      "tr",
      { class: left === right ? undefined : "differs" },
      create("th", { scope: "row" }, FIELDS[name]),
      create("td", {}, left),
      create("td", {}, right),
    );
  });
  const table = create("table", {}, create("thead", {}, head), create("tbody", {}, ...rows));
  byId("conflict-table", HTMLDivElement).replaceChildren(table);

  return new Promise((resolve) => {
    const buttons = [
      ["conflict-mine", "mine"],
      ["conflict-theirs", "theirs"],
    ] as const;
    dialog.returnValue = "theirs";
    for (const [id, choice] of buttons)
      byId(id, HTMLButtonElement).onclick = () => dialog.close(choice);
    dialog.addEventListener(
      "close",
      () => resolve(dialog.returnValue === "mine" ? "mine" : "theirs"),
      { once: true },
    );
    dialog.showModal();
    byId("conflict-title", HTMLHeadingElement).focus();
  });
}

function describe(todo: Todo, name: keyof typeof FIELDS): string {
  if (name === "due_at") return todo.due_at ? describeDay(todo.due_at) : "none";
  if (name === "completed") return todo.completed ? "yes" : "no";
  if (name === "priority") return PRIORITIES[todo.priority];
  return todo[name] || "none";
}
