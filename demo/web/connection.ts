// Shows which server cannot be reached, and finds out when the server is back.

import type { ApiError } from "./api.ts";
import { setBanner, showToast } from "./messages.ts";

const PROBE_SECONDS = 3;

/** The connection to the API and to Better Auth. */
export class Connection {
  #apiUrl: string;
  #onBack: () => void;
  #lost: string | undefined; // the URL that does not answer
  #timer: ReturnType<typeof setTimeout> | undefined;

  /**
   * @param apiUrl The URL of the API.
   * @param onBack Is called when a lost connection is back.
   */
  constructor(apiUrl: string, onBack: () => void) {
    this.#apiUrl = apiUrl;
    this.#onBack = onBack;
    addEventListener("offline", () => this.#show());
    addEventListener("online", () => void this.#probe());
    if (!navigator.onLine) this.#show();
  }

  /** Show that a server did not answer, and repeat requests until the server answers. */
  lose(error: ApiError): void {
    const isIssuer = error.code === "issuer_unavailable";
    this.#lost = isIssuer ? "/api/auth/ok" : `${this.#apiUrl}/health/live`;
    this.#show();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#probe(), PROBE_SECONDS * 1000);
  }

  /** Show that the API asked the client to wait. */
  showBusy(seconds: number): void {
    if (this.#lost) return;
    setBanner(`The API is busy. The request is sent again in ${seconds} s.`);
    setTimeout(() => this.#show(), seconds * 1000);
  }

  #show(): void {
    if (!navigator.onLine) setBanner("You are offline. Changes cannot be saved.");
    else if (this.#lost?.startsWith("/")) {
      setBanner("Better Auth cannot be reached. This page tries again every few seconds.");
    } else if (this.#lost) {
      setBanner("The API cannot be reached. This page tries again every few seconds.");
    } else setBanner(undefined);
  }

  async #probe(): Promise<void> {
    clearTimeout(this.#timer);
    const isBack = this.#lost === undefined || (await this.#answers(this.#lost));
    if (!isBack) {
      this.#timer = setTimeout(() => void this.#probe(), PROBE_SECONDS * 1000);
      return;
    }
    this.#lost = undefined;
    this.#show();
    if (!navigator.onLine) return;
    showToast("Connected again.");
    this.#onBack();
  }

  async #answers(url: string): Promise<boolean> {
    try {
      return (await fetch(url, { cache: "no-store" })).ok;
    } catch {
      return false;
    }
  }
}
