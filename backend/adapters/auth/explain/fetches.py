"""What to do about a key set that cannot be had."""

import re
from typing import Final

_FETCHES: Final[tuple[tuple[str, str], ...]] = (
    (
        "status 404",
        (
            "Nothing is there. If Better Auth has another base path, put it into BETTER_AUTH_URL"
            " (https://app.example.com/its/path); if not, turn its plugin `jwt` on."
        ),
    ),
    (
        "status 3",
        (
            "It redirects, which is never followed. Set BETTER_AUTH_URL (or AUTH_JWKS_URL) to where"
            " it leads: https instead of http, with or without www."
        ),
    ),
    (
        "status 40[13]",
        (
            "The key set is public, but something in front of it asks for a login. Let this path"
            " through, or set AUTH_JWKS_URL to an address behind it."
        ),
    ),
    ("status 429", "It asks too often for Better Auth's rate limit. Wait, or raise that limit."),
    ("status 5", "Better Auth fails, or the proxy in front of it. See their logs."),
    (
        "not a key set|compressed|more than",
        (
            "Something else answers there, such as a web page. Set BETTER_AUTH_URL to Better Auth's"
            " own base URL, with its base path if that is not /api/auth."
        ),
    ),
    (
        "no usable key",
        (
            "Let Better Auth make keys of EdDSA, ES256, ES512, RS256 or PS256 (plugin `jwt`,"
            " `jwks.keyPairConfig.alg`), or see whether BETTER_AUTH_URL is Better Auth's."
        ),
    ),
    (
        "answer in HTTP|ReadError|WRONG_VERSION_NUMBER|record layer",
        (
            "What answers there does not speak HTTP; or one side speaks HTTPS and the other does"
            " not. Mend the scheme and the port of BETTER_AUTH_URL."
        ),
    ),
    (
        "no whole answer",
        "It is too slow, or a firewall is between. Set BETTER_AUTH_URL to one near.",
    ),
    (
        "(?i)certificate|ssl",
        "Its TLS certificate is not good here. Mend it, or set SSL_CERT_FILE to the authority's.",
    ),
    (
        "",
        (
            "Start Better Auth, or mend BETTER_AUTH_URL (or AUTH_JWKS_URL): its host or port is"
            " wrong, or cannot be reached from here (HTTP_PROXY and HTTPS_PROXY are followed)."
        ),
    ),
)


def of_fetch(problem: str) -> str:
    """Return what to do about a key set that cannot be had.

    Args:
        problem: What went wrong, as a `FetchError` says.
    """
    return next(remedy for sign, remedy in _FETCHES if re.search(sign, problem))
