"""A key server on loopback that responds, or accepts connections and never responds.

    python -m benchmarks.peers.key_server PORT respond|hang

The environment variable `BENCH_KEY_SET` has the key set. Every second response leaves out its last
key, which signs no token, so that every refresh changes the set.
"""

import asyncio
import json
import os
import sys
from itertools import count

_REQUESTS = count()


async def main(port: int, behaviour: str) -> None:
    keys = json.loads(os.environ["BENCH_KEY_SET"])["keys"]

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                if behaviour == "hang":
                    await asyncio.sleep(3600)
                sent_keys = keys if next(_REQUESTS) % 2 else keys[:-1]
                body = json.dumps({"keys": sent_keys}).encode()
                head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", port)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
