// The panel "Behind the page": the caller, the token, and the answers to valid and invalid tokens.

import { decode, type Me, reach, type TodoApi, type Token, type Tokens } from "./api.ts";
import { describeSeconds } from "./dates.ts";
import { byId, create, whileBusy } from "./dom.ts";
import { announce, details, showToast } from "./messages.ts";

interface Options {
  api: TodoApi;
  tokens: Tokens;
  apiUrl: string;
  handleError: (summary: string | undefined, error: unknown) => void;
  onDeletedAll: () => Promise<void>;
}

type Credential = "valid" | "spoilt" | "expired" | "none";

const WIDE = "(min-width: 68rem)"; // as in style.css: the panel stands beside the list
const EXPLANATIONS: Record<string, string> = {
  "200": "The signature, the issuer, the audience and the times are right.",
  missing_token: "No token, so the challenge has no error. The page has to sign the user in.",
  invalid_token:
    "The signature does not match. The API does not say why it refuses a token: its log has the reason.",
  token_expired:
    "The only reason that a caller learns: the client fetches a new token, and sends the request again.",
  verifier_unavailable:
    "The API has no keys yet. The token is not the cause, so the status is not 401.",
};

export class Panel {
  #options: Options;
  #panel = byId("panel", HTMLElement);
  #toggle = byId("panel-toggle", HTMLButtonElement);
  #countdown = byId("countdown", HTMLSpanElement);
  #lifetime = byId("lifetime", HTMLProgressElement);
  #answer = byId("answer", HTMLDivElement);
  #token: Token | undefined;
  #user = new AbortController(); // ends the request of the user who signs out

  constructor(options: Options) {
    this.#options = options;
    this.#show(matchMedia(WIDE).matches);
    this.#toggle.addEventListener("click", () => {
      this.#show(this.#panel.hidden);
      if (!this.#panel.hidden && !matchMedia(WIDE).matches) this.#panel.scrollIntoView();
    });
    const renew = byId("renew", HTMLButtonElement);
    renew.addEventListener("click", () => void whileBusy(renew, () => this.#renew()));
    for (const button of this.#panel.querySelectorAll<HTMLButtonElement>("[data-credential]")) {
      const credential = button.dataset["credential"] as Credential;
      button.addEventListener("click", () => void whileBusy(button, () => this.#try(credential)));
    }
    const download = byId("download", HTMLButtonElement);
    download.addEventListener("click", () => void whileBusy(download, () => this.#download()));
    this.#confirmDeletion();
    setInterval(() => this.#tick(), 1000);
  }

  /** Show the caller, as the API knows the caller. */
  showMe(me: Me): void {
    const roles =
      me.roles.length === 0
        ? "none"
        : create("span", {}, ...me.roles.map((role) => create("span", { class: "role" }, role)));
    const rows: [string, string | Node][] = [
      ["user_id", create("code", {}, me.user_id)],
      ["name", me.name ?? "not disclosed"],
      ["email", me.email ?? "not disclosed"],
      ["email_verified", me.email_verified ? "yes" : "no"],
      ["roles", roles],
      ["scopes", me.scopes.join(", ") || "none"],
      ["claims", Object.keys(me.claims).length === 0 ? "none" : JSON.stringify(me.claims)],
      ["expires_at", new Date(me.expires_at).toLocaleTimeString("en")],
    ];
    const list = create(
      "dl",
      {},
      ...rows.flatMap(([name, value]) => [create("dt", {}, name), create("dd", {}, value)]),
    );
    const isAdmin = me.roles.includes("admin");
    const note = isAdmin
      ? "You are an admin: Better Auth wrote the role into your token, and the API read it there."
      : "Roles come from the token. Sign in as admin@example.com to see the role admin.";
    byId("me", HTMLDivElement).replaceChildren(list, create("p", { class: "hint" }, note));
  }

  /** Show a new token, or that there is no token. */
  showToken(token: Token | undefined): void {
    this.#token = token;
    const { header, payload } = token
      ? decode(token.text)
      : { header: undefined, payload: undefined };
    byId("token-header", HTMLPreElement).textContent = header
      ? JSON.stringify(header, null, 2)
      : "";
    byId("token-payload", HTMLPreElement).textContent = payload
      ? JSON.stringify(payload, null, 2)
      : "";
    this.#tick();
  }

  /** Forget everything of the user. */
  clear(): void {
    this.#user.abort();
    this.#user = new AbortController();
    this.#answer.hidden = true;
    this.#answer.replaceChildren();
    byId("me", HTMLDivElement).replaceChildren();
  }

  #show(isShown: boolean): void {
    this.#panel.hidden = !isShown;
    this.#toggle.setAttribute("aria-expanded", String(isShown));
  }

  #tick(): void {
    const token = this.#token;
    const left = token ? Math.max(0, token.expiresAt - Date.now()) : 0;
    this.#lifetime.value = token ? left / token.lifetime : 0;
    if (!token) this.#countdown.textContent = "No token yet.";
    else if (left === 0)
      this.#countdown.textContent = "Expired. The next request fetches a new token.";
    else this.#countdown.textContent = `Valid for ${describeSeconds(left / 1000)}`;
  }

  async #renew(): Promise<void> {
    try {
      await this.#options.tokens.renew();
      announce("The token is renewed.");
    } catch (error) {
      this.#options.handleError("The token was not renewed.", error);
    }
  }

  /** Send a request with the chosen token, but not by `TodoApi`, which would renew the token. */
  async #try(credential: Credential): Promise<void> {
    const { signal } = this.#user;
    try {
      const token = await this.#credential(credential);
      const headers: HeadersInit = token ? { Authorization: `Bearer ${token}` } : {};
      const request = new Request(`${this.#options.apiUrl}/api/me`, {
        headers,
        cache: "no-store",
        signal,
      });
      const response = await reach(request, "network_error", "The API cannot be reached.");
      this.#showAnswer(token, response, (await response.json()) as Record<string, unknown>);
    } catch (error) {
      if (signal.aborted) return;
      this.#answer.hidden = false;
      this.#answer.replaceChildren(details(error));
      this.#options.handleError(undefined, error);
    }
  }

  async #credential(credential: Credential): Promise<string | undefined> {
    if (credential === "none") return undefined;
    if (credential === "expired") {
      const request = new Request("/demo/expired-token");
      const response = await reach(request, "issuer_unavailable", "Better Auth cannot be reached.");
      return ((await response.json()) as { token: string }).token;
    }
    const token = await this.#options.tokens.current();
    if (credential === "valid") return token;
    const middle = token.lastIndexOf(".") + 20; // a character of the signature
    return token.slice(0, middle) + (token[middle] === "A" ? "B" : "A") + token.slice(middle + 1);
  }

  #showAnswer(token: string | undefined, response: Response, body: Record<string, unknown>): void {
    const code = typeof body["code"] === "string" ? body["code"] : undefined;
    const shown = token ? `${token.slice(0, 12)}…${token.slice(-6)}` : undefined;
    const request = `GET /api/me${shown ? `\nAuthorization: Bearer ${shown}` : ""}`;
    const headers = ["WWW-Authenticate", "X-Request-ID"]
      .map((name) => [name, response.headers.get(name)])
      .filter(([, value]) => value)
      .map(([name, value]) => `${name}: ${value}`);
    const answer = [
      `${response.status} ${response.statusText}`.trim(),
      ...headers,
      "",
      JSON.stringify(body, null, 2),
    ];
    const explanation = EXPLANATIONS[code ?? String(response.status)];
    this.#answer.hidden = false;
    this.#answer.replaceChildren(
      create(
        "p",
        { class: response.ok ? "status good" : "status bad" },
        create("strong", {}, String(response.status)),
        code ? create("code", {}, code) : "accepted",
      ),
      explanation ? create("p", {}, explanation) : "",
      create("pre", { tabindex: "0", role: "region", "aria-label": "Request" }, request),
      create("pre", { tabindex: "0", role: "region", "aria-label": "Response" }, answer.join("\n")),
    );
    this.#answer.scrollIntoView({ block: "nearest" });
  }

  async #download(): Promise<void> {
    try {
      const file = new Blob([await this.#options.api.exportAll()], { type: "application/jsonl" });
      const href = URL.createObjectURL(file);
      create("a", { href, download: "export.jsonl" }).click();
      URL.revokeObjectURL(href);
    } catch (error) {
      this.#options.handleError("Your data could not be downloaded.", error);
    }
  }

  #confirmDeletion(): void {
    const dialog = byId("confirm", HTMLDialogElement);
    const confirm = byId("confirm-delete", HTMLButtonElement);
    byId("delete-all", HTMLButtonElement).addEventListener("click", () => dialog.showModal());
    byId("confirm-cancel", HTMLButtonElement).addEventListener("click", () => dialog.close());
    confirm.addEventListener(
      "click",
      () =>
        void whileBusy(confirm, async () => {
          try {
            await this.#options.api.removeAll();
            dialog.close();
            await this.#options.onDeletedAll();
            showToast("All your todos are deleted.");
          } catch (error) {
            dialog.close();
            await this.#options.onDeletedAll();
            this.#options.handleError("Your todos were not deleted.", error);
          }
        }),
    );
  }
}
