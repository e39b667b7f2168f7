// The type check must reject this; otherwise it would not notice errors in the pages either.

import { createServerApi } from "@/lib/api-server";

const api = await createServerApi();
const page = await api?.GET("/api/todos");
// @ts-expect-error: todos have a title, not a name.
export const names = page?.data?.items.map((todo) => todo.name);
