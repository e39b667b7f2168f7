"""The errors of fetching and reading a key set."""

from enum import Enum


class FetchErrorKind(Enum):
    """The kinds of failure; the advice of `explain` and `doctor` depends on them."""

    UNREACHABLE = "unreachable"  # no connection, or a URL that cannot be requested
    TIMEOUT = "timeout"
    CERTIFICATE = "certificate"  # the TLS certificate is not trusted
    TLS = "tls"  # any other TLS failure
    NOT_HTTP = "not_http"  # the response breaks the HTTP protocol
    REDIRECT = "redirect"
    STATUS = "status"  # neither 200 nor a redirect
    COMPRESSED = "compressed"  # the request accepts no compressed response
    TOO_LARGE = "too_large"
    NOT_A_KEY_SET = "not_a_key_set"
    NOT_METADATA = "not_metadata"  # not the metadata of the OpenID Connect issuer
    NO_USABLE_KEY = "no_usable_key"
    EMPTY = "empty"  # a key set without keys
    UNEXPECTED = "unexpected"  # an exception that the fetch does not handle


class FetchError(Exception):
    """The key set could not be fetched or read. The message does not quote the response.

    Attributes:
        kind: The kind of failure.
        status: The status code of the response, if `kind` is `STATUS` or `REDIRECT`.
        retry_after: Seconds that the issuer asks clients to wait; None without such a request.
    """

    def __init__(
        self,
        message: str,
        *,
        kind: FetchErrorKind,
        status: int | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.status = status
        self.retry_after = retry_after
