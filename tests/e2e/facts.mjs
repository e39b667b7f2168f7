// Prints, as one line of JSON, the answers of Better Auth that docs/questions.md describes.
// Runs in demo/, where Better Auth is installed: node --input-type=module < facts.mjs

import { betterAuth } from "better-auth";
import { memoryAdapter } from "better-auth/adapters/memory";
import { bearer, jwt } from "better-auth/plugins";

const ORIGIN = "http://localhost:3000";
const OLD = "the secret that encrypted the key, 0123456789";
const NEW = "another secret, which never encrypted it, 0123";
const ADA = { name: "Ada", email: "ada@example.com", password: "correct horse" };

const tables = () => ({ user: [], session: [], account: [], verification: [], jwks: [] });

const serve = (database, { secret = OLD, baseURL = ORIGIN, options, ...rest } = {}) => {
  const auth = betterAuth({
    ...{ baseURL, secret, database: memoryAdapter(database), logger: { disabled: true } },
    ...{ emailAndPassword: { enabled: true }, plugins: [jwt(options), bearer()] },
    ...rest,
  });
  return (path, { body, ...headers } = {}) =>
    auth.handler(
      new Request(`${ORIGIN}/api/auth${path}`, {
        method: body ? "POST" : "GET",
        body: body && JSON.stringify(body),
        headers: { "Content-Type": "application/json", Origin: ORIGIN, ...headers },
      }),
    );
};

const signIn = async (ask, path = "/sign-in/email") => {
  const response = await ask(path, { body: ADA });
  const cookie = response.headers.getSetCookie().map((value) => value.split(";")[0]).join("; ");
  return { cookie, bearer: response.headers.get("set-auth-token"), body: await response.json() };
};

const part = (token, index) => JSON.parse(Buffer.from(token.split(".")[index], "base64url"));
const tokenOf = async (response) => (await response.json()).token;
const expireKeys = (database) => {
  for (const key of database.jwks) key.expiresAt = new Date(Date.now() - 1000);
};

const database = tables();
const ask = serve(database);
const { cookie, bearer: sessionToken, body } = await signIn(ask, "/sign-up/email");
const facts = { userId: body.user.id, sessionToken };
const token = await tokenOf(await ask("/token", { cookie }));
facts.header = part(token, 0);
facts.claims = part(token, 1);
facts.tokenByBearer = (await ask("/token", { Authorization: `Bearer ${sessionToken}` })).status;
facts.tokenWithoutSession = (await ask("/token")).status;
facts.tokenByJwt = (await ask("/token", { Authorization: `Bearer ${token}` })).status;
const session = await ask("/get-session", { cookie });
facts.sessionJwt = part(session.headers.get("set-auth-jwt"), 1).sub;
facts.exposedHeaders = session.headers.get("Access-Control-Expose-Headers");

const ignored = serve(database, { options: { algorithm: "HS256", secret: "x" } });
facts.ignoredOption = part(await tokenOf(await ignored("/token", { cookie })), 0).alg;
const hs256 = serve(tables(), { options: { jwks: { keyPairConfig: { alg: "HS256" } } } });
facts.hs256KeyPair = (await hs256("/jwks")).status;

const es256 = serve(database, { options: { jwks: { keyPairConfig: { alg: "ES256" } } } });
facts.algorithmBeforeExpiry = part(await tokenOf(await es256("/token", { cookie })), 0).alg;
expireKeys(database);
facts.algorithmAfterExpiry = part(await tokenOf(await es256("/token", { cookie })), 0).alg;
facts.publishedAlgorithms = (await (await es256("/jwks")).json()).keys.map(({ alg }) => alg);

const rotated = serve(database, { secret: NEW });
const newSession = { cookie: (await signIn(rotated)).cookie };
facts.tokenAfterNewSecret = (await rotated("/token", newSession)).status;
facts.sessionAfterNewSecret = (await rotated("/get-session", newSession)).status;
facts.keysAfterNewSecret = (await rotated("/jwks")).status;
expireKeys(database);
facts.tokenAfterNewKey = (await rotated("/token", newSession)).status;

const { jwks: _, ...withoutJwks } = tables();
const unmigrated = serve(withoutJwks);
const unmigratedSession = { cookie: (await signIn(unmigrated, "/sign-up/email")).cookie };
facts.tokenWithoutTable = (await unmigrated("/token", unmigratedSession)).status;

facts.issuers = [];
for (const baseURL of [`${ORIGIN}/`, `${ORIGIN}/api/auth`, `${ORIGIN}/api/auth/`]) {
  const other = serve(tables(), { baseURL });
  const { cookie } = await signIn(other, "/sign-up/email");
  const { iss, aud } = part(await tokenOf(await other("/token", { cookie })), 1);
  facts.issuers.push(iss, aud);
}

const uuids = serve(tables(), { advanced: { database: { generateId: "uuid" } } });
facts.uuid = (await signIn(uuids, "/sign-up/email")).body.user.id;

console.log(JSON.stringify(facts));
