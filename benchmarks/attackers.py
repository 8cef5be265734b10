"""The process of those who attack: as many connections as they are told, each calling without a pause.

It reads where, what and over how many connections as a line of JSON, says that it is ready, and goes on until the next
line; then it tells how often it was answered with each status, 0 for no answer."""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Sequence
from itertools import cycle
from urllib.parse import urlsplit

READY = "ready"


async def _attack() -> None:
    endpoint, texts, connections = json.loads(sys.stdin.readline())
    requests = [text.encode("latin-1") for text in texts]
    statuses: Counter[int] = Counter()
    attacking = [asyncio.create_task(_attacker(endpoint, requests, each, statuses)) for each in range(connections)]
    print(READY, flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    for task in attacking:
        task.cancel()
    await asyncio.gather(*attacking, return_exceptions=True)
    print(json.dumps(statuses), flush=True)


async def _attacker(endpoint: str, requests: Sequence[bytes], number: int, statuses: Counter[int]) -> None:
    place = urlsplit(endpoint)
    first = number * len(requests) // 97 % len(requests)
    coming = cycle([*requests[first:], *requests[:first]])
    while True:
        reader, writer = await asyncio.open_connection(place.hostname, place.port)
        try:
            while True:
                writer.write(next(coming))
                await writer.drain()
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                await reader.readexactly(int(head.partition(b"content-length:")[2].split(b"\r\n", 1)[0]))
                statuses[int(head.split(b" ", 2)[1])] += 1
        except (OSError, asyncio.IncompleteReadError):
            statuses[0] += 1
        finally:
            writer.close()


if __name__ == "__main__":
    asyncio.run(_attack())
