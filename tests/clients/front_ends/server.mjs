// Runs the code of the pages in Node: Better Auth, and what Next.js and a mobile app would call.
//
//   /api/auth/…       Better Auth
//   /api/open-todos   the route handler of docs/nextjs.md
//   /token            the token of another service, of docs/nextjs.md
//   /mobile           creates a todo as docs/react-native.md does; the cookie is that of SecureStore

import { createServer } from "node:http";
import { registerHooks } from "node:module";

import { betterAuth } from "better-auth";
import { memoryAdapter } from "better-auth/adapters/memory";
import { toNodeHandler } from "better-auth/node";
import { jwt } from "better-auth/plugins";

const { API_URL, BETTER_AUTH_URL, BETTER_AUTH_SECRET, PORT } = process.env;

globalThis.auth = betterAuth({
  baseURL: BETTER_AUTH_URL,
  secret: BETTER_AUTH_SECRET,
  database: memoryAdapter({ user: [], session: [], account: [], verification: [], jwks: [] }),
  emailAndPassword: { enabled: true },
  plugins: [jwt()],
});

const modules = {
  "server-only": "",
  "next/headers": "export const headers = async () => globalThis.requestHeaders;",
  "@/lib/auth": "export const auth = globalThis.auth;",
  "./auth-client":
    "export const BASE_URL = process.env.BETTER_AUTH_URL;" +
    'export const authClient = { getCookie: () => globalThis.requestHeaders.get("cookie") };',
};

registerHooks({
  resolve(specifier, context, next) {
    if (specifier in modules) {
      const url = `data:text/javascript,${encodeURIComponent(modules[specifier])}`;
      return { url, shortCircuit: true };
    }
    if (specifier.startsWith("@/")) return next(`${import.meta.dirname}/next${specifier.slice(1)}.ts`);
    return next(/^\.\/[\w-]+$/.test(specifier) ? `${specifier}.ts` : specifier, context);
  },
});

const { GET } = await import("./next/app/api/open-todos/route.ts");
const { fetchToken } = await import("./next/lib/token.ts");
const { createTodo } = await import("./mobile/lib/create-todo.ts");

const routes = {
  "/api/open-todos": GET,
  "/token": async () => Response.json({ token: await fetchToken() }),
  "/mobile": () => createTodo(API_URL, "Buy milk"),
};
const handler = toNodeHandler(globalThis.auth);

const server = createServer(async (request, response) => {
  const route = routes[request.url];
  if (!route) return handler(request, response);
  globalThis.requestHeaders = new Headers(request.headers);
  const answer = await route();
  response.writeHead(answer.status, { "Content-Type": "application/json" });
  response.end(await answer.text());
});
server.listen(Number(PORT), "127.0.0.1");

process.stdin.once("end", () => process.exit(0)).resume();
