// The messages of the page: a toast for an event, a banner while a server is down, and a live
// region for screen readers.

import { ApiError } from "./api.ts";
import { byId, create, icon } from "./dom.ts";

const toast = byId("toast", HTMLDivElement);
const banner = byId("banner", HTMLDivElement);
const live = byId("live", HTMLParagraphElement);

const TOAST_SECONDS = 8;

let frame = 0; // the announcement that waits to be shown
let timer: ReturnType<typeof setTimeout> | undefined;
let onGone: (() => void) | undefined;

/** Announce a text to screen readers. */
export function announce(text: string): void {
  live.textContent = "";
  cancelAnimationFrame(frame);
  frame = requestAnimationFrame(() => (live.textContent = text));
}

/** Clear the announcements, before another user signs in. */
export function silence(): void {
  cancelAnimationFrame(frame);
  live.textContent = "";
}

/** Show a message for some seconds: longer while the pointer or the focus is on it. */
export function showToast(text: string, undo?: { onUndo: () => void; onGone: () => void }): void {
  hideToast();
  onGone = undo?.onGone;
  const children: Node[] = [create("p", {}, text)];
  if (undo) {
    const button = create("button", { type: "button", class: "ghost" }, "Undo");
    button.addEventListener("click", () => {
      onGone = undefined;
      hideToast();
      undo.onUndo();
    });
    children.push(button);
  }
  fill("status", ...children);
  timer = setTimeout(hideToast, TOAST_SECONDS * 1000);
}

/** Show an error until the user closes it. */
export function showError(summary: string, error: unknown): void {
  hideToast();
  const close = create(
    "button",
    { type: "button", class: "ghost", "aria-label": "Close" },
    icon("close"),
  );
  close.addEventListener("click", hideToast);
  fill("alert", create("div", {}, create("p", {}, summary), details(error)), close);
}

/** Hide the toast. The action that it offered to undo becomes final. */
export function hideToast(): void {
  clearTimeout(timer);
  const finish = onGone;
  onGone = undefined;
  toast.hidden = true;
  toast.replaceChildren();
  finish?.();
}

/** Show which server is down, or hide the banner. */
export function setBanner(text: string | undefined): void {
  const label = banner.querySelector("p");
  if (label && label.textContent !== (text ?? "")) label.textContent = text ?? "";
  banner.hidden = text === undefined;
}

/** Describe an error, with the request id that finds it in the log of the API. */
export function details(error: unknown): HTMLElement {
  const text = error instanceof Error ? error.message : String(error);
  const paragraph = create("p", { class: "details" }, text);
  if (error instanceof ApiError && error.requestId) {
    paragraph.append(" Request id: ", create("code", {}, error.requestId));
  }
  return paragraph;
}

function fill(role: string, ...children: Node[]): void {
  toast.setAttribute("role", role);
  toast.dataset["kind"] = role;
  toast.hidden = false;
  toast.replaceChildren(...children);
}

for (const event of ["pointerenter", "focusin"]) {
  toast.addEventListener(event, () => clearTimeout(timer));
}
for (const event of ["pointerleave", "focusout"]) {
  toast.addEventListener(event, () => {
    clearTimeout(timer);
    if (toast.dataset["kind"] === "status") timer = setTimeout(hideToast, TOAST_SECONDS * 1000);
  });
}
