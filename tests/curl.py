"""A stand-in for curl, with the options that the pages use, for machines without curl."""

import argparse
import sys
import urllib.request
from http.client import HTTPResponse
from http.cookiejar import MozillaCookieJar
from pathlib import Path
from typing import Any

parser = argparse.ArgumentParser()
parser.add_argument("url")
parser.add_argument("-s", action="store_true", help="no progress bar, which this program never has")
parser.add_argument("-i", action="store_true", help="print the head of the response too")
parser.add_argument("-H", action="append", default=[], help="a header of the request")
parser.add_argument("-d", help="the body of a POST")
parser.add_argument("-b", help="the file with the cookies to send")
parser.add_argument("-c", help="the file to write cookies to")
parser.add_argument("-D", help="the file to write the head of the response to")


class AnyStatus(urllib.request.HTTPErrorProcessor):
    """Returns responses with error statuses, as curl does."""

    def http_response(self, _request: urllib.request.Request, response: HTTPResponse) -> Any:
        """Return the response as it is."""
        return response


def main() -> None:
    """Send the request of the command line, and print the response."""
    options = parser.parse_args()
    jar = MozillaCookieJar()
    if options.b:
        jar.load(options.b, ignore_discard=True)
    headers = dict(header.split(": ", 1) for header in options.H)
    body = None if options.d is None else options.d.encode()
    request = urllib.request.Request(options.url, body, headers)  # noqa: S310 - the URL of a page
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(jar), AnyStatus
    )
    with opener.open(request) as response:
        status = f"HTTP/1.1 {response.status} {response.reason}"
        head = "\n".join([status, *(f"{name}: {value}" for name, value in response.getheaders())])
        text = response.read().decode()
    if options.D:
        Path(options.D).write_text(f"{head}\n\n", "utf-8")
    if options.c:
        jar.save(options.c, ignore_discard=True)
    sys.stdout.write(f"{head}\n\n{text}" if options.i else text)


if __name__ == "__main__":
    main()
