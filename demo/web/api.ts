// The API layer: copy this file into a Next.js or Vite project, beside a schema.d.ts of your API:
//
//   npx openapi-typescript http://127.0.0.1:8000/openapi.json --output schema.d.ts
//
// This file needs no page and no framework. Its classes keep the JWT in memory, renew the JWT, repeat
// requests that are safe to repeat, and turn every failure into an ApiError.

import createClient from "openapi-fetch";

import type { components, paths } from "./schema.d.ts";

export type Me = components["schemas"]["PrincipalResponse"];
export type NewTodo = components["schemas"]["NewTodo"];
export type Todo = components["schemas"]["TodoResponse"];
export type TodoChanges = components["schemas"]["TodoChanges"];
export type TodoPage = components["schemas"]["TodoPageResponse"];
export type TodoQuery = NonNullable<paths["/api/todos"]["get"]["parameters"]["query"]>;

const RENEW_BEFORE = 60; // seconds before the expiry; a quarter of the lifetime if that is shorter
const RETRIES_MAX = 3;
const RETRY_AFTER_MAX = 30; // seconds

/** An answer that is an error, or no answer at all. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  /** The HTTP status; 0 if there was no answer. */
  readonly status: number;
  /** A code of the API, or "network_error", "issuer_unavailable" or "signed_out". */
  readonly code: string;
  /** Finds the request in the log of the API. */
  readonly requestId: string | undefined;

  constructor(status: number, code: string, message: string, requestId?: string) {
    super(message);
    this.status = status;
    this.code = code;
    this.requestId = requestId;
  }

  /** Whether the session has ended, so that the user has to sign in. */
  get isSignedOut(): boolean {
    return this.code === "signed_out" || this.status === 401;
  }

  /** Make the error of an answer (RFC 9457). A proxy may answer without problem details. */
  static of(response: Response, body: unknown): ApiError {
    const problem = (typeof body === "object" && body !== null ? body : {}) as Problem;
    const fields = (problem.errors ?? []).map((error) => `${error.field}: ${error.detail}.`);
    return new ApiError(
      response.status,
      problem.code ?? `http_${response.status}`,
      [problem.detail ?? `The answer has status ${response.status}.`, ...fields].join(" "),
      problem.request_id ?? response.headers.get("X-Request-ID") ?? undefined,
    );
  }
}

/** Another client has changed the todo (412). */
export class ConflictError extends Error {
  override readonly name = "ConflictError";
  readonly current: Todo;

  constructor(current: Todo) {
    super("Somebody else has changed this todo.");
    this.current = current;
  }
}

/** A JWT, with times of this device's clock in milliseconds. */
export interface Token {
  readonly text: string;
  readonly userId: string;
  readonly renewAt: number;
  readonly expiresAt: number;
  readonly lifetime: number;
}

/**
 * The caller's JWT, in memory only: a malicious script in the page could read localStorage at any
 * later time.
 */
export class Tokens {
  #fetchToken: () => Promise<string>;
  #onChange: (token: Token | undefined) => void;
  #token: Token | undefined;
  #renewal: Promise<Token> | undefined;
  #user = 0; // counts sign-outs, so that a late answer is not taken for the next user's token

  /**
   * @param fetchToken Fetches a new JWT from Better Auth: `GET /api/auth/token`.
   * @param onChange   Is called with every new token.
   */
  constructor(
    fetchToken: () => Promise<string>,
    onChange: (token: Token | undefined) => void = () => {},
  ) {
    this.#fetchToken = fetchToken;
    this.#onChange = onChange;
  }

  /** Return a token that is not about to expire. */
  async current(): Promise<string> {
    const token = this.#token;
    if (token && Date.now() < token.renewAt) return token.text;
    try {
      return (await this.renew()).text;
    } catch (error) {
      // While Better Auth is down, the old token still works until it expires.
      const isDown = error instanceof ApiError && !error.isSignedOut;
      if (isDown && token && Date.now() < token.expiresAt) return token.text;
      throw error;
    }
  }

  /** Fetch a new token. Simultaneous calls share a request. */
  renew(): Promise<Token> {
    this.#renewal ??= this.#fetch(this.#user);
    return this.#renewal;
  }

  /** Forget the token, before another user signs in. */
  clear(): void {
    this.#user += 1;
    this.#token = this.#renewal = undefined;
    this.#onChange(undefined);
  }

  async #fetch(user: number): Promise<Token> {
    try {
      const token = readToken(await this.#fetchToken());
      // Tabs share their cookies: another user may have signed in in another tab.
      const isOther = this.#token !== undefined && this.#token.userId !== token.userId;
      if (isOther || user !== this.#user) {
        throw new ApiError(401, "signed_out", "Somebody else has signed in.");
      }
      this.#token = token;
      this.#onChange(token);
      return token;
    } finally {
      if (user === this.#user) this.#renewal = undefined;
    }
  }
}

/** The Todo API. */
export class TodoApi {
  /** Is called before the client waits and sends a request again. */
  onWait: (seconds: number, error: ApiError) => void = () => {};

  #tokens: Tokens;
  #client;
  #etags = new Map<string, { updatedAt: string; etag: string }>();
  #user = new AbortController(); // ends the requests of the user who signs out

  constructor(baseUrl: string, tokens: Tokens) {
    this.#tokens = tokens;
    this.#client = createClient<paths>({ baseUrl, fetch: (request) => this.#sendForUser(request) });
  }

  /**
   * Forget everything of the user, before another user signs in. Calls that have no answer yet
   * throw an AbortError: otherwise they could be repeated with the token of the next user.
   */
  forget(): void {
    this.#user.abort();
    this.#user = new AbortController();
    this.#etags.clear();
  }

  /** Return the caller, as the API knows the caller. */
  async me(): Promise<Me> {
    return (await unwrap(this.#client.GET("/api/me"))).data;
  }

  /** Return a page of the caller's todos. */
  async list(query: TodoQuery, signal?: AbortSignal): Promise<TodoPage> {
    const call = this.#client.GET("/api/todos", { params: { query }, signal: signal ?? null });
    return (await unwrap(call)).data;
  }

  /** Return the newest version of a todo. */
  async read(id: string): Promise<Todo> {
    const params = { path: { todo_id: id } };
    return this.#remember(await unwrap(this.#client.GET("/api/todos/{todo_id}", { params })));
  }

  /**
   * Create a todo.
   *
   * @param body A todo.
   * @param key  Names this creation, for example `crypto.randomUUID()`. Send the same key again if
   *             there was no answer: the API creates the todo only once.
   */
  async create(body: NewTodo, key: string): Promise<Todo> {
    const params = { header: { "Idempotency-Key": key } };
    return this.#remember(await unwrap(this.#client.POST("/api/todos", { params, body })));
  }

  /**
   * Change a todo.
   *
   * @param todo    The version that the user has seen.
   * @param changes The changed members; all others stay.
   * @throws ConflictError Another client has changed the todo since then.
   */
  async change(todo: Todo, changes: TodoChanges): Promise<Todo> {
    const params = {
      path: { todo_id: todo.id },
      header: { "If-Match": await this.etagOf(todo) },
    };
    const call = this.#client.PATCH("/api/todos/{todo_id}", { params, body: changes });
    return this.#remember(await this.#orConflict(todo, unwrap(call)));
  }

  /** Complete or reopen a todo, in any version: no other member changes, so no If-Match is sent. */
  async tick(id: string, completed: boolean): Promise<Todo> {
    const params = { path: { todo_id: id } };
    const call = this.#client.PATCH("/api/todos/{todo_id}", { params, body: { completed } });
    return this.#remember(await unwrap(call));
  }

  /**
   * Delete a todo.
   *
   * @param todo The version that the user has seen.
   * @throws ConflictError Another client has changed the todo since then.
   */
  async remove(todo: Todo): Promise<void> {
    try {
      const params = {
        path: { todo_id: todo.id },
        header: { "If-Match": await this.etagOf(todo) },
      };
      const call = this.#client.DELETE("/api/todos/{todo_id}", { params, keepalive: true });
      await this.#orConflict(todo, unwrap(call));
    } catch (error) {
      if (error instanceof ApiError && error.code === "todo_not_found") return; // gone already
      throw error;
    }
  }

  /** Delete everything that the API stores for the caller. */
  async removeAll(): Promise<void> {
    await unwrap(this.#client.DELETE("/api/me"));
    this.#etags.clear();
  }

  /**
   * Return everything that the API stores for the caller, as JSON Lines.
   *
   * @throws ApiError The export broke off.
   */
  async exportAll(): Promise<string> {
    const call = this.#client.GET("/api/me/export", { parseAs: "text" });
    // The server closes the connection if it cannot continue, so the client cannot read the text.
    const { data } = await unwrap(call).catch((error: unknown) => {
      if (error instanceof TypeError) throw incomplete();
      throw error;
    });
    if (!/\n\{"end":.*\}\n$/.test(data)) throw incomplete();
    return data;
  }

  /**
   * Return the ETag of a version. Lists have no ETags, so the client may have to read the todo.
   *
   * @throws ConflictError The todo has another version now.
   */
  async etagOf(todo: Todo): Promise<string> {
    let known = this.#etags.get(todo.id);
    if (known?.updatedAt !== todo.updated_at) {
      const current = await this.read(todo.id);
      if (current.updated_at !== todo.updated_at) throw new ConflictError(current);
      known = this.#etags.get(todo.id);
    }
    return known?.etag ?? "";
  }

  #remember({ data, response }: { data: Todo; response: Response }): Todo {
    const etag = response.headers.get("ETag");
    if (etag) this.#etags.set(data.id, { updatedAt: data.updated_at, etag });
    return data;
  }

  async #orConflict<T>(todo: Todo, call: Promise<T>): Promise<T> {
    try {
      return await call;
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== "precondition_failed") throw error;
      throw new ConflictError(await this.read(todo.id));
    }
  }

  async #sendForUser(original: Request): Promise<Response> {
    const signal = AbortSignal.any([original.signal, this.#user.signal]);
    try {
      return await this.#send(new Request(original, { signal }));
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    }
  }

  /** Send a request with a token. Renew the token once, and respect Retry-After. */
  async #send(request: Request): Promise<Response> {
    let token = await this.#tokens.current();
    let isRenewed = false;
    for (let retries = 0; ;) {
      const attempt = request.clone();
      attempt.headers.set("Authorization", `Bearer ${token}`);
      const response = await reach(attempt, "network_error", "The API cannot be reached.");
      if (response.ok || response.status === 304) return response;
      const error = ApiError.of(
        response,
        await response
          .clone()
          .json()
          .catch(() => undefined),
      );
      if (error.code === "token_expired" && !isRenewed) {
        isRenewed = true;
        token = (await this.#tokens.renew()).text;
        continue;
      }
      const seconds = retryAfter(response);
      if (seconds === undefined || retries === RETRIES_MAX || !isRepeatable(request)) {
        return response;
      }
      retries += 1;
      this.onWait(seconds, error);
      await sleep(seconds, request.signal);
    }
  }
}

/** Whether a call was cancelled because its answer is not needed any more. */
export function isAborted(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}

/**
 * Send a request.
 *
 * @throws ApiError There is no answer. The error has the `code` and the `message`.
 */
export async function reach(request: Request, code: string, message: string): Promise<Response> {
  try {
    return await fetch(request);
  } catch (error) {
    if (request.signal.aborted) throw error;
    throw new ApiError(0, code, message);
  }
}

/** Read the claims of a JWT, without verification: the API verifies tokens. */
export function decode(token: string): { header: unknown; payload: Record<string, unknown> } {
  const [header = "", payload = ""] = token.split(".");
  return { header: decodePart(header), payload: decodePart(payload) as Record<string, unknown> };
}

interface Problem {
  code?: string;
  detail?: string;
  request_id?: string;
  errors?: { field: string; detail: string }[];
}

function decodePart(part: string): unknown {
  const binary = atob(part.replaceAll("-", "+").replaceAll("_", "/"));
  const bytes = Uint8Array.from(binary, (character) => character.charCodeAt(0));
  return JSON.parse(new TextDecoder().decode(bytes));
}

/** The lifetime counts from now: `exp` is a time of the issuer's clock, which may differ. */
function readToken(text: string): Token {
  const { exp, iat, sub } = decode(text).payload;
  const lifetime = (Number(exp) - Number(iat)) * 1000;
  const expiresAt = Date.now() + lifetime;
  const renewAt = expiresAt - Math.min(RENEW_BEFORE * 1000, lifetime / 4);
  return { text, userId: String(sub), renewAt, expiresAt, lifetime };
}

function retryAfter(response: Response): number | undefined {
  const text = response.headers.get("Retry-After") ?? "";
  if (!/^\d+$/.test(text)) return undefined;
  return Number(text) <= RETRY_AFTER_MAX ? Number(text) : undefined;
}

function isRepeatable(request: Request): boolean {
  return request.method !== "POST" || request.headers.has("Idempotency-Key");
}

function sleep(seconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", stop);
      resolve();
    }, seconds * 1000);
    signal.addEventListener("abort", stop, { once: true });
  });
}

function incomplete(): ApiError {
  return new ApiError(0, "network_error", "The export broke off.");
}

/** Return the data of an answer, or throw its error. */
async function unwrap<T>(
  call: Promise<{ data?: T; error?: unknown; response: Response }>,
): Promise<{ data: T; response: Response }> {
  const { data, error, response } = await call;
  if (!response.ok) throw ApiError.of(response, error);
  return { data: data as T, response };
}
