// Serves the Todo page of demo/web under a strict Content-Security-Policy. There is no build: Node
// strips the types of each .ts file when the browser asks for it.

import { readFile, readdir } from "node:fs/promises";
import { stripTypeScriptTypes } from "node:module";
import { extname } from "node:path";

const FOLDER = new URL("web/", import.meta.url);
const TYPES = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".svg": "image/svg+xml",
  ".ts": "text/javascript; charset=utf-8",
};

// A browser cannot find packages by their names, so each package has its own address.
const PACKAGES = { "openapi-fetch.js": "openapi-fetch" };

/**
 * Return the request handler of the page.
 *
 * @param {object} options
 * @param {object} options.auth     The Better Auth server.
 * @param {string} options.baseURL  The origin of the page and of Better Auth.
 * @param {string} options.apiURL   The URL of the API.
 */
export function createPage({ auth, baseURL, apiURL }) {
  const headers = securityHeaders(apiURL);

  return async (request, response) => {
    const answer = (status, body = "", further = {}) => {
      response.writeHead(status, { ...headers, ...further });
      response.end(request.method === "HEAD" ? undefined : body);
    };
    try {
      if (request.method !== "GET" && request.method !== "HEAD") {
        return answer(405, "", { Allow: "GET, HEAD" });
      }
      // Cookies and CORS work for a single host name, so redirect localhost to 127.0.0.1.
      if (request.headers.host !== new URL(baseURL).host) {
        return answer(307, "", { Location: `${baseURL}/` });
      }
      const name = new URL(request.url, baseURL).pathname.slice(1) || "index.html";
      if (name === "demo/expired-token") {
        const token = await expiredToken(auth, request.headers);
        const type = { "Content-Type": "application/json" };
        return answer(token ? 200 : 401, JSON.stringify({ token }), type);
      }
      const text = await read(name);
      if (text === undefined) return answer(404, "No such file.", { "Content-Type": "text/plain" });
      const body = text.replace("{{API_URL}}", apiURL);
      return answer(200, body, { "Content-Type": TYPES[extname(name)] });
    } catch (error) {
      console.error(error);
      return answer(500);
    }
  };
}

function securityHeaders(apiURL) {
  const policy = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self'",
    "connect-src": `'self' ${new URL(apiURL).origin}`,
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
    "require-trusted-types-for": "'script'",
  };
  return {
    "Content-Security-Policy": Object.entries(policy)
      .map(([directive, value]) => `${directive} ${value}`)
      .join("; "),
    "Cache-Control": "no-cache",
    "Cross-Origin-Opener-Policy": "same-origin",
    // With "no-referrer", the browser would send `Origin: null`, which Better Auth refuses.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
  };
}

/** Return a file in the form for browsers; undefined if there is no such file. */
async function read(name) {
  if (Object.hasOwn(PACKAGES, name)) {
    return readFile(new URL(import.meta.resolve(PACKAGES[name])), "utf8");
  }
  const names = await readdir(FOLDER);
  if (!names.includes(name) || name.endsWith(".d.ts") || !(extname(name) in TYPES))
    return undefined;
  const text = await readFile(new URL(name, FOLDER), "utf8");
  if (!name.endsWith(".ts")) return text;
  return stripTypeScriptTypes(text).replaceAll(
    ' from "openapi-fetch"',
    ' from "/openapi-fetch.js"',
  );
}

/**
 * Sign a token that expired a minute ago, so that the page can show the API's answer.
 * Return undefined if the caller is not signed in.
 */
async function expiredToken(auth, headers) {
  const session = await auth.api.getSession({
    headers: new Headers({ cookie: headers.cookie ?? "" }),
  });
  if (!session) return undefined;
  const now = Math.floor(Date.now() / 1000);
  const payload = { sub: session.user.id, iat: now - 960, exp: now - 60 };
  return (await auth.api.signJWT({ body: { payload } })).token;
}
