"use strict";

// Browsers do not let pages set a Cookie header. So "Authorize" with a cookie sets the cookie.
// A session cookie of the user is sent in any case: it needs no "Authorize".
function cookieOf({ schema, name, value }) {
  if (schema?.get("in") !== "cookie") return null;
  const secure = schema.get("name").startsWith("__Secure-") ? "; Secure" : "";
  return { name: schema.get("name"), value, attributes: `; SameSite=Strict${secure}`, scheme: name };
}

const CookieAuthorization = () => {
  const cookies = new Map(); // the cookies that this page has set, by security scheme
  return {
    statePlugins: {
      auth: {
        wrapActions: {
          authorize: (authorize) => (payload) => {
            for (const cookie of Object.values(payload).map(cookieOf)) {
              if (!cookie) continue;
              document.cookie = `${cookie.name}=${cookie.value}${cookie.attributes}`;
              cookies.set(cookie.scheme, cookie);
            }
            return authorize(payload);
          },
          logout: (logout) => (schemes) => {
            for (const { name, attributes } of schemes.map((scheme) => cookies.get(scheme)).filter(Boolean)) {
              document.cookie = `${name}=; Max-Age=0${attributes}`;
            }
            return logout(schemes);
          },
        },
      },
    },
  };
};

function start() {
  SwaggerUIBundle({
    url: "openapi.json",
    dom_id: "#documentation",
    presets: [SwaggerUIBundle.presets.apis],
    plugins: [CookieAuthorization],
    layout: "BaseLayout",
    deepLinking: true,
    displayRequestDuration: true,
    showExtensions: true,
    tryItOutEnabled: true,
    validatorUrl: null, // the default sends the address of the document to another server
  });
}

const dark = matchMedia("(prefers-color-scheme: dark)");
const useColors = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", useColors);
useColors();

if (typeof SwaggerUIBundle === "undefined") {
  document.getElementById("reason").textContent = "The file swagger-ui-bundle.js did not load.";
  document.getElementById("notice").classList.remove("late");
} else {
  start();
}
