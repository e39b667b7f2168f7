// A minimal Better Auth server: email and password, and the jwt plugin, which issues the API's tokens.
// With API_URL, the server also serves the Todo page of demo/web.
//
//   npm ci                 installs Better Auth; no package may run install scripts (see .npmrc)
//   node server.mjs        listens on 127.0.0.1, then prints a line of JSON: {"url": …}
//
// Users, sessions and signing keys are kept in memory and are lost when the server stops.
//
//   Environment variable    Meaning (default)
//   HOST                    the address to listen on (127.0.0.1)
//   PORT                    the port; 0 chooses a free port (3000)
//   BETTER_AUTH_URL         the public base URL (http://127.0.0.1:<port>)
//   BETTER_AUTH_SECRET      the secret (random)
//   JWT_ALGORITHM           EdDSA, ES256, ES512, RS256 or PS256 (EdDSA)
//   JWT_EXPIRATION          the lifetime of a token, such as "2s" (15m)
//   JWKS_ROTATION_INTERVAL  the lifetime of a signing key in seconds (no rotation)
//   COOKIE_CACHE            off, compact, jwt, jwe, or jwks: "jwt" signed with the JWKS key (off)
//   COOKIE_CACHE_MAX_AGE    the lifetime of the session cookie in seconds (300)
//   API_URL                 the URL of the API: serve the Todo page, which calls this API, and let
//                           users delete their accounts (no page)
//   ADMIN_PASSWORD          turn on the plugin admin, and create admin@example.com (no admin)
//   BEARER                  on: turn on the plugin bearer, which accepts session tokens (off)
//   ORGANIZATIONS           on: users have organizations, and tokens name the active organization (off)
//   OAUTH_RESOURCE          the URL of an API: turn on the OAuth provider, which issues access tokens
//                           for this API to the clients of other people (off)
//   PRINT_MAIL              on: print the verification mail of each new user as a line of JSON (off)

import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { fstatSync } from "node:fs";
import { createServer } from "node:http";

import { betterAuth } from "better-auth";
import { memoryAdapter } from "better-auth/adapters/memory";
import { toNodeHandler } from "better-auth/node";
import { admin, bearer, jwt, organization } from "better-auth/plugins";

import { createPage } from "./page.mjs";
import { deleteUserData } from "./user_data.mjs";

const { env } = process;
const print = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);

// Bind the socket first. Better Auth needs the base URL for the claims `iss` and `aud` of its tokens,
// and with PORT=0 the port is known only after binding.
const server = createServer();
server.listen(Number(env.PORT ?? 3000), env.HOST ?? "127.0.0.1");
await once(server, "listening");
const baseURL = env.BETTER_AUTH_URL ?? `http://127.0.0.1:${server.address().port}`;

const cookieCache = env.COOKIE_CACHE ?? "off";
const strategies = { off: undefined, compact: "compact", jwt: "jwt", jwe: "jwe", jwks: "jwt" };
if (!(cookieCache in strategies)) {
  throw new Error(`COOKIE_CACHE must be one of ${Object.keys(strategies).join(", ")}`);
}

const organizations = env.ORGANIZATIONS === "on";
const definePayload = ({ user, session }) => ({
  ...user,
  activeOrganizationId: session.activeOrganizationId,
});

// Imported only when needed, because most uses of this server do not need the package.
const oauth = async (resource) => {
  const { oauthProvider } = await import("@better-auth/oauth-provider");
  return oauthProvider({
    loginPage: "/sign-in",
    consentPage: "/consent",
    scopes: ["openid", "offline_access", "todos:read", "todos:write"],
    resources: [resource],
    clientRegistrationDefaultResources: [resource],
    allowDynamicClientRegistration: true,
    allowUnauthenticatedClientRegistration: true,
    clientPrivileges: () => true, // the route that needs it is not served over HTTP
  });
};

const auth = betterAuth({
  baseURL,
  secret: env.BETTER_AUTH_SECRET ?? randomBytes(32).toString("base64url"),
  // The memory adapter does not create tables, so each table is listed here.
  database: memoryAdapter({
    ...{ user: [], session: [], account: [], verification: [], jwks: [] },
    ...{ organization: [], member: [], invitation: [] },
    ...{ oauthClient: [], oauthResource: [], oauthClientResource: [], oauthClientAssertion: [] },
    ...{ oauthConsent: [], oauthAccessToken: [], oauthRefreshToken: [] },
  }),
  emailAndPassword: { enabled: true },
  user: {
    deleteUser: {
      enabled: env.API_URL !== undefined,
      beforeDelete: (user) => deleteUserData(auth, env.API_URL, user.id),
    },
  },
  emailVerification: {
    sendOnSignUp: env.PRINT_MAIL === "on",
    sendVerificationEmail: async ({ user, url, token }) =>
      print({ mail: { to: user.email, url, token } }),
  },
  session: {
    cookieCache: {
      enabled: cookieCache !== "off",
      strategy: strategies[cookieCache],
      maxAge: Number(env.COOKIE_CACHE_MAX_AGE ?? 300),
    },
  },
  plugins: [
    jwt({
      jwt: {
        expirationTime: env.JWT_EXPIRATION ?? "15m",
        definePayload: organizations ? definePayload : undefined,
      },
      jwks: {
        keyPairConfig: { alg: env.JWT_ALGORITHM ?? "EdDSA" },
        rotationInterval: Number(env.JWKS_ROTATION_INTERVAL ?? 0) || undefined,
      },
      sessionCookieCache: cookieCache === "jwks",
    }),
    ...(organizations ? [organization()] : []),
    ...(env.BEARER === "on" ? [bearer()] : []),
    ...(env.ADMIN_PASSWORD ? [admin()] : []),
    ...(env.OAUTH_RESOURCE ? [await oauth(env.OAUTH_RESOURCE)] : []),
  ],
});

if (env.ADMIN_PASSWORD) {
  const account = { email: "admin@example.com", name: "Admin", password: env.ADMIN_PASSWORD };
  await auth.api.createUser({ body: { ...account, role: "admin" } });
}

if (env.OAUTH_RESOURCE) {
  // A client without users (client credentials), which only a signed-in user can create.
  const owner = { email: "owner@example.com", name: "Owner", password: randomBytes(16).toString("hex") };
  const { headers } = await auth.api.signUpEmail({ body: owner, returnHeaders: true });
  const cookie = headers.getSetCookie().map((value) => value.split(";")[0]).join("; ");
  const robot = await auth.api.adminCreateOAuthClient({
    headers: new Headers({ cookie }),
    body: {
      client_name: "Robot",
      grant_types: ["client_credentials"],
      token_endpoint_auth_method: "client_secret_post",
      client_credentials_scopes: ["todos:read"],
    },
  });
  print({ robot: { client_id: robot.client_id, client_secret: robot.client_secret } });
}

const answerAuth = toNodeHandler(auth);
const answerPage = env.API_URL ? createPage({ auth, baseURL, apiURL: env.API_URL }) : answerAuth;
server.on("request", (request, response) => {
  const answer = request.url.startsWith("/api/auth/") ? answerAuth : answerPage;
  answer(request, response);
});
print({ url: baseURL });

// Stop on SIGTERM and SIGINT. Stop also when standard input is a pipe or socket and closes, so that
// the server does not outlive a parent process that crashed.
const stop = () => {
  server.close(() => process.exit(0));
  server.closeAllConnections();
};
process.once("SIGTERM", stop);
process.once("SIGINT", stop);
const stdin = fstatSync(0);
if (stdin.isFIFO() || stdin.isSocket()) {
  process.stdin.once("end", stop).resume();
}
