// Deletes the data of a user in the API, before Better Auth deletes the account.

import { APIError } from "better-auth/api";

const LIFETIME = 60; // seconds, of the token that deletes

/**
 * Delete everything that the API stores for a user.
 *
 * @param {object} auth    The Better Auth server, with the plugin jwt.
 * @param {string} apiURL  The URL of the API.
 * @param {string} userId  The user.
 * @throws {APIError} The API did not confirm the deletion. Better Auth then keeps the account.
 */
export async function deleteUserData(auth, apiURL, userId) {
  const now = Math.floor(Date.now() / 1000);
  const payload = { sub: userId, scope: "todos:write", iat: now, exp: now + LIFETIME };
  const { token } = await auth.api.signJWT({ body: { payload } });
  const answer = await fetch(`${apiURL}/api/me`, {
    method: "DELETE",
    headers: { Authorization: `Bearer ${token}` },
    signal: AbortSignal.timeout(LIFETIME * 1000),
  }).catch((error) => ({ status: 0, statusText: error.message }));
  if (answer.status !== 204) {
    console.error(`DELETE ${apiURL}/api/me: ${answer.status} ${answer.statusText}`);
    throw new APIError("SERVICE_UNAVAILABLE", {
      message: "Your data cannot be deleted now. Your account stays. Try again later.",
    });
  }
}
