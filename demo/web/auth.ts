// The routes of Better Auth that the page calls, without its client library. A project
// with a bundler uses `createAuthClient({ plugins: [jwtClient()] })` of better-auth/client instead.

import { ApiError, reach } from "./api.ts";

/** Whether this browser has a session. */
export async function hasSession(): Promise<boolean> {
  return (await call("GET", "get-session")) !== null;
}

export async function signUp(name: string, email: string, password: string): Promise<void> {
  await call("POST", "sign-up/email", { name, email, password });
}

export async function signIn(email: string, password: string): Promise<void> {
  await call("POST", "sign-in/email", { email, password });
}

export async function signOut(): Promise<void> {
  await call("POST", "sign-out", {});
}

/** Fetch a new JWT for the API. */
export async function fetchToken(): Promise<string> {
  try {
    return ((await call("GET", "token")) as { token: string }).token;
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 401) throw error;
    throw new ApiError(401, "signed_out", "Your session has ended. Sign in again.");
  }
}

async function call(method: string, route: string, body?: object): Promise<unknown> {
  const request = new Request(`/api/auth/${route}`, {
    method,
    headers: body ? { "Content-Type": "application/json" } : {},
    body: body ? JSON.stringify(body) : null,
  });
  const response = await reach(
    request,
    "issuer_unavailable",
    "Better Auth cannot be reached, so users can neither sign in nor get a new token.",
  );
  const answer: unknown = await response.json().catch(() => null);
  if (response.ok) return answer;
  const { code, message } = (answer ?? {}) as { code?: string; message?: string };
  throw new ApiError(
    response.status,
    code ?? `http_${response.status}`,
    message ?? `Better Auth answered with status ${response.status}.`,
  );
}
