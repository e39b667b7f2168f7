// A minimal Better Auth server that every release since 1.0 can run. A release ignores the options
// that it does not know. Reads the same environment variables as demo/server.mjs, and prints {"url": …}.

import { once } from "node:events";
import { createServer } from "node:http";

import { betterAuth } from "better-auth";
import { memoryAdapter } from "better-auth/adapters/memory";
import { toNodeHandler } from "better-auth/node";
import { jwt } from "better-auth/plugins";

const { BETTER_AUTH_SECRET, COOKIE_CACHE, JWT_ALGORITHM, OAUTH_RESOURCE, PORT } = process.env;

const server = createServer();
server.listen(Number(PORT), "127.0.0.1");
await once(server, "listening");
const baseURL = `http://127.0.0.1:${server.address().port}`;

const plugins = [
  jwt({
    jwks: { keyPairConfig: { alg: JWT_ALGORITHM, extractable: true } }, // 1.2 cannot do without
    sessionCookieCache: COOKIE_CACHE === "jwks", // since 1.7
  }),
];
if (OAUTH_RESOURCE) {
  const { oauthProvider } = await import("@better-auth/oauth-provider");
  plugins.push(
    oauthProvider({
      loginPage: "/sign-in",
      consentPage: "/consent",
      scopes: ["openid", "todos:read"],
      validAudiences: [OAUTH_RESOURCE], // until 1.6
      resources: [OAUTH_RESOURCE], // since 1.7
      clientRegistrationDefaultResources: [OAUTH_RESOURCE], // since 1.7
      allowDynamicClientRegistration: true,
      allowUnauthenticatedClientRegistration: true,
    }),
  );
}

const auth = betterAuth({
  baseURL,
  secret: BETTER_AUTH_SECRET,
  database: memoryAdapter({
    ...{ user: [], session: [], account: [], verification: [], jwks: [] },
    ...{ oauthClient: [], oauthResource: [], oauthClientResource: [], oauthClientAssertion: [] },
    ...{ oauthConsent: [], oauthAccessToken: [], oauthRefreshToken: [] },
  }),
  emailAndPassword: { enabled: true },
  session: {
    storeSessionInDatabase: true, // the OAuth provider of 1.4 asks for it
    cookieCache: {
      enabled: COOKIE_CACHE !== "off",
      strategy: COOKIE_CACHE === "jwks" ? "jwt" : COOKIE_CACHE, // since 1.4
      maxAge: 300,
    },
  },
  plugins,
});

const answer = toNodeHandler(auth);
server.on("request", async (request, response) => {
  if (OAUTH_RESOURCE && request.url.endsWith("/.well-known/openid-configuration")) {
    response.end(JSON.stringify(await auth.api.getOpenIdConfig())); // until 1.6, only so
  } else {
    answer(request, response);
  }
});
console.log(JSON.stringify({ url: baseURL }));
process.stdin.once("end", () => process.exit()).resume(); // the tests have ended
