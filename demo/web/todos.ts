// The list: add, tick, edit, delete, filter, search, and load the next page.

import { ConflictError, isAborted, type Todo, type TodoApi, type TodoQuery } from "./api.ts";
import { endOfDay, fromDateField } from "./dates.ts";
import { byId, create, whileBusy } from "./dom.ts";
import { Editor } from "./editor.ts";
import { createItem } from "./item.ts";
import { hideState, showState } from "./list_state.ts";
import { announce, details, showToast } from "./messages.ts";

const PAGE_SIZE = 20;
const SEARCH_DELAY = 300; // milliseconds without a key press
const SKELETON_DELAY = 200; // milliseconds: faster answers need no placeholder

type HandleError = (summary: string | undefined, error: unknown) => void;

export class TodoList {
  #api: TodoApi;
  #handleError: HandleError;
  #editor: Editor;
  #list = byId("list", HTMLUListElement);
  #more = byId("more", HTMLButtonElement);
  #filters = byId("filters", HTMLFormElement);
  #newForm = byId("new", HTMLFormElement);
  #newTitle = byId("new-title", HTMLInputElement);
  #newError = byId("new-error", HTMLParagraphElement);
  #newKey = crypto.randomUUID() as string; // the Idempotency-Key of the next todo
  #cursor: string | null = null;
  #loading: AbortController | undefined;
  #deleted = new Set<string>(); // ids of todos that are hidden until the API has deleted them
  #deletion: Promise<void> = Promise.resolve();
  #ticking: Promise<void> = Promise.resolve();

  constructor(api: TodoApi, handleError: HandleError) {
    this.#api = api;
    this.#handleError = handleError;
    this.#editor = new Editor(api, {
      onChanged: (todo) => this.#replace(todo),
      onGone: (todo) => this.#remove(todo.id),
      handleError,
    });
    this.#listen();
  }

  /** Load the first page for the current filters. */
  async load(): Promise<void> {
    this.#loading?.abort();
    const loading = (this.#loading = new AbortController());
    this.#list.setAttribute("aria-busy", "true");
    this.#more.hidden = true;
    const skeleton = setTimeout(() => this.#showSkeleton(), SKELETON_DELAY);
    try {
      const page = await this.#api.list(this.#query(), loading.signal);
      this.#fill(page.items);
      this.#setCursor(page.next_cursor);
      this.#showState();
      announce(page.items.length === 0 ? "No todos." : `${page.items.length} todos loaded.`);
    } catch (error) {
      if (loading.signal.aborted) return;
      this.#list.replaceChildren();
      this.#showLoadError(error);
      this.#handleError(undefined, error);
    } finally {
      clearTimeout(skeleton);
      if (this.#loading === loading) this.#list.setAttribute("aria-busy", "false");
    }
  }

  /** Forget everything of the user. */
  clear(): void {
    this.#loading?.abort();
    this.#deleted.clear();
    this.#newKey = crypto.randomUUID();
    this.#list.replaceChildren();
    this.#filters.reset();
    this.#newForm.reset();
    this.#newError.hidden = true;
    hideState();
    this.#setCursor(null);
  }

  focusNew(): void {
    this.#newTitle.focus();
  }

  /** Wait until the last deletion has been sent. */
  finished(): Promise<void> {
    return this.#deletion;
  }

  #listen(): void {
    const submit = byId("new-submit", HTMLButtonElement);
    this.#newForm.addEventListener("submit", (event) => {
      event.preventDefault();
      void whileBusy(submit, () => this.#add());
    });
    this.#newForm.addEventListener("input", () => {
      this.#newKey = crypto.randomUUID(); // other content is another todo
      this.#showNewError(undefined);
    });

    let delay: ReturnType<typeof setTimeout> | undefined;
    this.#filters.addEventListener("submit", (event) => event.preventDefault());
    this.#filters.addEventListener("input", (event) => {
      clearTimeout(delay);
      const isSearch = event.target instanceof HTMLInputElement;
      delay = setTimeout(() => void this.load(), isSearch ? SEARCH_DELAY : 0);
    });

    const toggle = byId("filters-toggle", HTMLButtonElement);
    toggle.addEventListener("click", () => {
      toggle.setAttribute("aria-expanded", String(toggle.getAttribute("aria-expanded") !== "true"));
    });

    this.#more.addEventListener("click", () => void this.#loadMore());
    new IntersectionObserver(
      (entries) => {
        if (entries.some((entry) => entry.isIntersecting)) void this.#loadMore();
      },
      { rootMargin: "200px" },
    ).observe(this.#more);
  }

  #query(cursor?: string): TodoQuery {
    const fields = new FormData(this.#filters);
    const text = (name: string): string => String(fields.get(name) ?? "").trim();
    const due = { overdue: new Date().toISOString(), today: endOfDay(0), week: endOfDay(7) };
    const query: TodoQuery = {
      limit: PAGE_SIZE,
      sort: text("sort") as NonNullable<TodoQuery["sort"]>,
    };
    if (text("q")) query.q = text("q");
    if (text("state")) query.completed = text("state") === "done";
    if (text("priority")) query.priority = text("priority") as Todo["priority"];
    if (text("due")) query.due_before = due[text("due") as keyof typeof due];
    if (text("due") === "overdue") query.completed = false;
    if (cursor) query.cursor = cursor;
    return query;
  }

  async #loadMore(): Promise<void> {
    const cursor = this.#cursor;
    const loading = this.#loading;
    if (!cursor || !loading || loading.signal.aborted) return;
    await whileBusy(this.#more, async () => {
      try {
        const page = await this.#api.list(this.#query(cursor), loading.signal);
        const known = new Set([...this.#list.children].map((item) => item.id));
        const items = this.#items(page.items).filter((item) => !known.has(item.id));
        const hadFocus = document.activeElement === this.#more;
        this.#list.append(...items);
        this.#setCursor(page.next_cursor);
        if (hadFocus) items[0]?.querySelector("input")?.focus();
        announce(`${items.length} more todos loaded.`);
      } catch (error) {
        if (!loading.signal.aborted) this.#handleError("More todos could not be loaded.", error);
      }
    });
  }

  #setCursor(cursor: string | null): void {
    this.#cursor = cursor;
    this.#more.hidden = cursor === null;
  }

  async #add(): Promise<void> {
    const fields = new FormData(this.#newForm);
    const title = String(fields.get("title")).trim();
    if (!title) return this.#showNewError("Enter a title.");
    const body = {
      title,
      priority: String(fields.get("priority")) as Todo["priority"],
      due_at: fromDateField(String(fields.get("due"))),
    };
    try {
      const todo = await this.#api.create(body, this.#newKey);
      this.#newKey = crypto.randomUUID();
      this.#newForm.reset();
      this.#newTitle.focus();
      const isPlain = !this.#isFiltered() && this.#query().sort === "-created_at";
      if (!isPlain) {
        await this.load();
        const isShown = document.getElementById(todo.id) !== null;
        showToast(
          `Added “${title}”.${isShown ? "" : " It is further down, or hidden by the filters."}`,
        );
        return;
      }
      document.getElementById(todo.id)?.remove();
      this.#list.prepend(this.#item(todo));
      this.#showState();
      announce(`Added “${title}”.`);
    } catch (error) {
      this.#handleError("The todo was not added. Press Add to try again.", error);
    }
  }

  #showNewError(text: string | undefined): void {
    this.#newError.hidden = text === undefined;
    this.#newError.textContent = text ?? "";
    if (text) {
      this.#newTitle.setAttribute("aria-invalid", "true");
      this.#newTitle.focus();
    } else this.#newTitle.removeAttribute("aria-invalid");
  }

  #item(todo: Todo): HTMLLIElement {
    return createItem(todo, {
      onTick: (checkbox) => void (this.#ticking = this.#tick(todo, checkbox)),
      onEdit: (button) => void whileBusy(button, () => this.#edit(todo)),
      onDelete: () => this.#delete(todo),
    });
  }

  /** Return the items of todos, without those that the user has deleted. */
  #items(todos: readonly Todo[]): HTMLLIElement[] {
    return todos.filter((todo) => !this.#deleted.has(todo.id)).map((todo) => this.#item(todo));
  }

  #fill(todos: readonly Todo[]): void {
    this.#keepFocus(() => this.#list.replaceChildren(...this.#items(todos)));
  }

  /** Show the new version of a todo. */
  #replace(todo: Todo): void {
    this.#keepFocus(() => document.getElementById(todo.id)?.replaceWith(this.#item(todo)));
  }

  /** Replace items, and set the focus to the control that had it before. */
  #keepFocus(replace: () => void): void {
    const controls = "input, button";
    const focused = document.activeElement;
    const item = this.#list.contains(focused) ? focused?.closest("li") : undefined;
    const position = item ? [...item.querySelectorAll(controls)].indexOf(focused as Element) : -1;
    replace();
    if (!item) return;
    document.getElementById(item.id)?.querySelectorAll<HTMLElement>(controls)[position]?.focus();
  }

  #remove(id: string): void {
    const item = document.getElementById(id);
    if (!item) return;
    const hadFocus =
      item.contains(document.activeElement) || document.activeElement === document.body;
    const next = item.nextElementSibling ?? item.previousElementSibling;
    item.remove();
    this.#showState();
    if (!hadFocus) return;
    const target =
      next?.querySelector<HTMLElement>("input") ?? byId("todos-title", HTMLHeadingElement);
    target.focus();
  }

  async #edit(todo: Todo): Promise<void> {
    await this.#ticking; // otherwise the own tick may overtake the edit
    await this.#editor.open(todo);
  }

  async #tick(todo: Todo, checkbox: HTMLInputElement): Promise<void> {
    const completed = checkbox.checked;
    checkbox.closest("li")?.classList.toggle("done", completed);
    try {
      this.#replace(await this.#api.tick(todo.id, completed));
    } catch (error) {
      checkbox.checked = !completed;
      checkbox.closest("li")?.classList.toggle("done", !completed);
      this.#handleError(`“${todo.title}” was not changed.`, error);
    }
  }

  /** Hide a todo, and delete it when the user can no longer undo that. */
  #delete(todo: Todo): void {
    const previous = document.getElementById(todo.id)?.previousElementSibling;
    this.#deleted.add(todo.id);
    this.#remove(todo.id);
    const restore = (current: Todo): HTMLLIElement => {
      this.#deleted.delete(todo.id);
      const item = this.#item(current);
      if (previous?.isConnected) previous.after(item);
      else this.#list.prepend(item);
      this.#showState();
      return item;
    };
    const send = async (): Promise<void> => {
      try {
        await this.#api.remove(todo);
        this.#deleted.delete(todo.id);
      } catch (error) {
        if (isAborted(error)) return; // the list is that of the next user
        restore(error instanceof ConflictError ? error.current : todo);
        this.#handleError(`“${todo.title}” was not deleted.`, error);
      }
    };
    let isFinal = false; // a page that the browser keeps and shows again gets `pagehide` before the toast goes
    const finish = (): void => {
      removeEventListener("pagehide", finish);
      if (!isFinal) this.#deletion = send();
      isFinal = true;
    };
    addEventListener("pagehide", finish);
    // With the ETag in memory, the request leaves in time if the user closes the page.
    void this.#api.etagOf(todo).catch(() => undefined);
    showToast(`Deleted “${todo.title}”.`, {
      onUndo: () => {
        removeEventListener("pagehide", finish);
        restore(todo).querySelector("input")?.focus();
        announce(`“${todo.title}” is back.`);
      },
      onGone: finish,
    });
  }

  #isFiltered(): boolean {
    const query = this.#query();
    return [query.q, query.completed, query.priority, query.due_before].some(
      (value) => value !== undefined,
    );
  }

  #showSkeleton(): void {
    if (this.#list.childElementCount > 0) return;
    hideState();
    const rows = [1, 2, 3].map(() => create("li", { class: "skeleton", "aria-hidden": "true" }));
    this.#list.replaceChildren(...rows);
  }

  /** Show why the list is empty, if the list is empty. */
  #showState(): void {
    const isEmpty = this.#list.childElementCount === 0 && this.#cursor === null;
    if (!isEmpty) return hideState();
    if (!this.#isFiltered())
      return showState("empty", create("p", {}, "Add your first todo above."));
    const reset = create("button", { type: "button", class: "secondary" }, "Clear the filters");
    reset.addEventListener("click", () => {
      this.#filters.reset();
      void this.load();
      byId("search", HTMLInputElement).focus();
    });
    showState("nothing-found", create("p", {}, "No todo matches the filters."), reset);
  }

  #showLoadError(error: unknown): void {
    const retry = create("button", { type: "button", class: "secondary" }, "Try again");
    retry.addEventListener("click", () => void whileBusy(retry, () => this.load()));
    showState("list-error", details(error), retry);
  }
}
