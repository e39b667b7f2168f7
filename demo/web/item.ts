// A todo in the list.

import type { Todo } from "./api.ts";
import { describeDue } from "./dates.ts";
import { create, icon } from "./dom.ts";

interface Listeners {
  onTick: (checkbox: HTMLInputElement) => void;
  onEdit: (button: HTMLButtonElement) => void;
  onDelete: () => void;
}

const PRIORITIES = { low: "Low priority", normal: "Normal priority", high: "High priority" };

/** Create the list item of a todo. Its id is the id of the todo. */
export function createItem(todo: Todo, listeners: Listeners): HTMLLIElement {
  const checkbox = create("input", { type: "checkbox", id: `tick-${todo.id}` });
  checkbox.checked = todo.completed;
  checkbox.addEventListener("change", () => listeners.onTick(checkbox));
  const edit = tool("edit", `Edit ${todo.title}`, () => listeners.onEdit(edit));
  const remove = tool("delete", `Delete ${todo.title}`, listeners.onDelete);
  const text = create("div", { class: "text" }, create("label", { for: checkbox.id }, todo.title));
  if (todo.description) text.append(create("p", { class: "description" }, todo.description));
  const marks = marksOf(todo);
  if (marks.length > 0) text.append(create("p", { class: "marks" }, ...marks));
  const tools = create("div", { class: "tools" }, edit, remove);
  const classes = todo.completed ? "todo done" : "todo";
  return create("li", { id: todo.id, class: classes }, checkbox, text, tools);
}

function tool(symbol: string, name: string, onClick: () => void): HTMLButtonElement {
  const attributes = { type: "button", class: "ghost", "aria-label": name };
  const button = create("button", attributes, icon(symbol));
  button.addEventListener("click", onClick);
  return button;
}

/** Return the badges of a todo: a priority that is not normal, and a due date. */
function marksOf(todo: Todo): HTMLElement[] {
  const marks = [];
  if (todo.priority !== "normal")
    marks.push(mark(todo.priority, "flag", PRIORITIES[todo.priority]));
  if (todo.due_at) {
    const { text, isLate } = describeDue(todo.due_at, todo.completed);
    marks.push(mark(isLate ? "late" : "", "calendar", text));
  }
  return marks;
}

function mark(kind: string, symbol: string, text: string): HTMLElement {
  return create("span", { class: `mark ${kind}` }, icon(symbol), create("span", {}, text));
}
