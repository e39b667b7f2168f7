// A minimal Better Auth server: e-mail and password, and the jwt plugin that issues our API's tokens.
//
//   node server.mjs        prints one line of JSON, {"url": …}, once it listens on 127.0.0.1
//
// Everything lives in memory: users, sessions and signing keys are gone when it stops. Environment:
//
//   PORT                    3000; 0 takes a free port
//   BETTER_AUTH_URL         the public base URL; http://127.0.0.1:<port> unless set
//   BETTER_AUTH_SECRET      a random one unless set
//   JWT_ALGORITHM           EdDSA (the default), ES256, ES512, RS256 or PS256
//   JWT_EXPIRATION          a time span such as "15m" (the default) or "2s"
//   JWKS_ROTATION_INTERVAL  seconds after which a new key signs; unset: never
//   COOKIE_CACHE            off (the default), compact, jwt, jwe, or jwks: "jwt" signed by the JWKS key
//   COOKIE_CACHE_MAX_AGE    seconds for which that cookie is good; 300 unless set
//   PRINT_MAIL              "on" mails every new user a link to verify the address, as a line of JSON here

import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { fstatSync } from "node:fs";
import { createServer } from "node:http";

import { betterAuth } from "better-auth";
import { memoryAdapter } from "better-auth/adapters/memory";
import { toNodeHandler } from "better-auth/node";
import { jwt } from "better-auth/plugins";

const { env } = process;
const print = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);

// Bind first: the base URL goes into every token (`iss`, `aud`), so it must be known before
// Better Auth is built, and with PORT=0 only the socket knows it.
const server = createServer();
server.listen(Number(env.PORT ?? 3000), "127.0.0.1");
await once(server, "listening");
const baseURL = env.BETTER_AUTH_URL ?? `http://127.0.0.1:${server.address().port}`;

const cookieCache = env.COOKIE_CACHE ?? "off";
const strategies = { off: undefined, compact: "compact", jwt: "jwt", jwe: "jwe", jwks: "jwt" };
if (!(cookieCache in strategies)) {
  throw new Error(`COOKIE_CACHE must be one of ${Object.keys(strategies).join(", ")}`);
}

const auth = betterAuth({
  baseURL,
  secret: env.BETTER_AUTH_SECRET ?? randomBytes(32).toString("base64url"),
  // The memory adapter creates no tables: each must be here, empty.
  database: memoryAdapter({ user: [], session: [], account: [], verification: [], jwks: [] }),
  emailAndPassword: { enabled: true },
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
      jwt: { expirationTime: env.JWT_EXPIRATION ?? "15m" },
      jwks: {
        keyPairConfig: { alg: env.JWT_ALGORITHM ?? "EdDSA" },
        rotationInterval: Number(env.JWKS_ROTATION_INTERVAL ?? 0) || undefined,
      },
      sessionCookieCache: cookieCache === "jwks",
    }),
  ],
});

server.on("request", toNodeHandler(auth));
print({ url: baseURL });

// Stop when asked to, and when whoever holds the other end of our standard input is gone: a
// parent that crashed leaves no server behind. A terminal or /dev/null is nobody's other end.
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
