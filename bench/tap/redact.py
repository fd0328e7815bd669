"""What redaction costs one exchange: µs, the best of several rounds.

    .venv/bin/python bench/tap/redact.py [--rounds N]

Each exchange has 23 header fields and a JSON body of 2 KiB each way. The limits are what the hub's
15,000 exchanges a second leave for it.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from mesh_traffic import Body, Exchange, Headers, Request, Response, replace
from tap.redact import Redactor, Rules

NUMBER = 2_000  # exchanges in one round
LIMITS = {"no secret": 15.0, "bearer token and one secret in JSON": 40.0}  # µs


def exchange() -> Exchange:
    asked = {
        "user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        "accept": "application/json, text/plain, */*",
        "accept-language": "en-GB,en;q=0.5",
        "content-type": "application/json",
        "content-length": "2048",
        "x-forwarded-proto": "http",
        "x-forwarded-for": "10.1.2.3",
        "x-request-id": "5b1f2a7e-1a4b-4c5d-9e8f-0a1b2c3d4e5f",
        "x-envoy-expected-rq-timeout-ms": "15000",
        "x-envoy-attempt-count": "1",
        "x-b3-traceid": "463ac35c9f6413ad48485a3953bb6124",
        "x-b3-spanid": "a2fb4a1d1a96d312",
        "x-b3-sampled": "1",
        "end-user": "jason",
    }
    answered = {
        "content-type": "application/json; charset=utf-8",
        "content-length": "2048",
        "date": "Thu, 01 Jan 2026 00:00:00 GMT",
        "server": "envoy",
        "vary": "Accept-Encoding",
        "etag": 'W/"5f2-18c2"',
        "cache-control": "private, max-age=0",
        "x-envoy-upstream-service-time": "3",
        "x-frame-options": "DENY",
    }
    body = Body(document(), size=2048)
    request = Request("POST", "/reviews/1?page=2", "reviews", "http", Headers.of(asked), body)
    return Exchange("1", "web", request, Response(200, Headers.of(answered), body))


def document(**more: str) -> bytes:
    """A list of products as JSON of 2 KiB, with ``more`` before it."""
    items: list[dict[str, object]] = []
    data = b""
    while len(data) < 1900:
        number = len(items)
        items.append(
            {
                "id": number,
                "sku": f"SKU-{number:06}",
                "name": f"product {number}, of which there are many",
                "price": number * 1.25,
                "created": 1767225600000 + number,
                "tags": ["red", "blue"],
            }
        )
        data = json.dumps({**more, "items": items}).encode()
    return data.ljust(2048)


def scenarios() -> dict[str, Exchange]:
    plain = exchange()
    fields = plain.request.headers
    bearer = fields.removed("x-b3-sampled").added("authorization", "Bearer s3cr3t-t0ken-of-jason")
    secret = Body(document(access_token="eb2c1f0e77aa"), size=2048)
    assert plain.response is not None
    with_bearer = replace(plain, request=replace(plain.request, headers=bearer))
    zipped = plain.response.headers.added("content-encoding", "gzip")
    packed = Body(gzip.compress(plain.response.body.data))
    return {
        "no secret": plain,
        "bearer token": with_bearer,
        "bearer token and one secret in JSON": replace(
            with_bearer, response=replace(plain.response, body=secret)
        ),
        "no secret, response in gzip": replace(
            plain, response=replace(plain.response, headers=zipped, body=packed)
        ),
    }


def measured(redact: Redactor, one: Exchange, rounds: int) -> float:
    best = float("inf")
    for _ in range(rounds):
        begun = time.process_time()  # others use this machine as well
        for _ in range(NUMBER):
            redact(one)
        best = min(best, time.process_time() - begun)
    return best / NUMBER * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    began = time.perf_counter()
    redact = Redactor()
    redact(exchange())
    print(f"{(time.perf_counter() - began) * 1e3:8.1f} ms  made, and the first exchange")
    for name, one in scenarios().items():
        limit = f"   limit {LIMITS[name]:.0f}" if name in LIMITS else ""
        print(f"{measured(redact, one, rounds):8.1f} µs  {name}{limit}")
    with_paths = Redactor(Rules(paths=("$.user.ssn", "user.cards[*].number")))
    print(f"{measured(with_paths, exchange(), rounds):8.1f} µs  no secret, two JSON paths")


if __name__ == "__main__":
    main()
