// Uses every operation of the API with the generated types. Node runs this file as it is.

import createClient from "openapi-fetch";

import type { components, paths } from "./schema.d.ts";

declare const process: { env: Record<string, string | undefined> };

type Todo = components["schemas"]["TodoResponse"];

const url = process.env["API_URL"] ?? "http://127.0.0.1:8000";
const token = process.env["API_TOKEN"] ?? "";

const client = createClient<paths>({
  baseUrl: url,
  headers: { Authorization: `Bearer ${token}` },
});

function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(message);
}

// Health needs no token.
const anonymous = createClient<paths>({ baseUrl: url });
const live = await anonymous.GET("/health/live");
assert(live.data?.status === "ok", "the process is alive");
const ready = await anonymous.GET("/health/ready");
assert(ready.data?.checks["database"] === "ok", "the database is available");

// An error has a code, and the compiler knows which codes are possible.
const refused = await anonymous.GET("/api/me");
assert(refused.error?.code === "missing_token", "a token is needed");
assert(refused.response.headers.get("WWW-Authenticate") !== null, "401 has a challenge");

const me = await client.GET("/api/me");
assert(me.data !== undefined, "the token is accepted");
assert(me.data.user_id.length > 0, "the caller has an id");

// Only the title is required. A repeated request creates nothing.
const key = crypto.randomUUID();
const create = () =>
  client.POST("/api/todos", {
    params: { header: { "Idempotency-Key": key } },
    body: { title: "Buy milk" },
  });
const created = await create();
assert(created.data !== undefined, "the todo is created");
const repeated = await create();
assert(repeated.data?.id === created.data.id, "the todo is created once");
assert(repeated.response.headers.get("Idempotency-Replayed") === "true", "the answer is replayed");

const listed = await client.GET("/api/todos", {
  params: { query: { limit: 10, completed: false, priority: "normal", sort: "-created_at" } },
});
assert(listed.data !== undefined, "the todos are listed");
const items: Todo[] = listed.data.items;
assert(items.length === 1 && items[0]?.title === "Buy milk", "the list has the todo");
assert(listed.data.next_cursor === null, "the list has one page");

const path = { todo_id: created.data.id };
const read = await client.GET("/api/todos/{todo_id}", { params: { path } });
const etag = read.response.headers.get("ETag");
assert(etag !== null, "the todo has a version");
const unchanged = await client.GET("/api/todos/{todo_id}", {
  params: { path, header: { "If-None-Match": etag } },
});
assert(unchanged.response.status === 304, "the todo has not changed");

const changed = await client.PATCH("/api/todos/{todo_id}", {
  params: { path, header: { "If-Match": etag } },
  body: { completed: true },
});
assert(changed.data?.completed === true, "the todo is changed");
const stale = await client.PATCH("/api/todos/{todo_id}", {
  params: { path, header: { "If-Match": etag } },
  body: { completed: false },
});
assert(stale.error?.code === "precondition_failed", "the todo has changed since it was read");

const removed = await client.DELETE("/api/todos/{todo_id}", { params: { path } });
assert(removed.response.status === 204, "the todo is deleted");
const missing = await client.GET("/api/todos/{todo_id}", { params: { path } });
assert(missing.error?.code === "todo_not_found", "the todo is gone");

// @ts-expect-error: the compiler rejects a code that this route never answers with.
missing.error.code === "todo_limit_reached";

// The export is text: one JSON value on each line. Without the last line, it is incomplete.
await client.POST("/api/todos", { body: { title: "Buy bread" } });
const exported = await client.GET("/api/me/export", { parseAs: "text" });
const lines = exported.data?.trimEnd().split("\n") ?? [];
assert(lines.length === 3 && lines[1]?.includes("Buy bread") === true, "the todo is exported");
assert(lines[2] === '{"end":{"todos":1}}', "the export is complete");

const forgotten = await client.DELETE("/api/me");
assert(forgotten.response.status === 204, "everything is deleted");
const rest = await client.GET("/api/todos");
assert(rest.data?.items.length === 0, "no todo is left");

console.log("All operations work.");
