// The message in place of an empty list.

import { byId, create, icon } from "./dom.ts";

const element = byId("list-state", HTMLDivElement);

const KINDS = {
  empty: { symbol: "check", title: "Nothing to do" },
  "nothing-found": { symbol: "search", title: "Nothing found" },
  "list-error": { symbol: "close", title: "Your todos could not be loaded" },
};

/** Show why the list is empty. */
export function showState(kind: keyof typeof KINDS, ...children: Node[]): void {
  const { symbol, title } = KINDS[kind];
  element.dataset["testid"] = element.dataset["kind"] = kind;
  element.replaceChildren(icon(symbol), create("h2", {}, title), ...children);
  element.hidden = false;
}

/** Hide the message, because the list is not empty. */
export function hideState(): void {
  element.hidden = true;
}
