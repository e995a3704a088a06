"""The least that an HTTP server can do with a body: read it and answer 202. `python -m tests.bench.echo PORT`."""

import asyncio
import sys
from typing import Any

import uvicorn
import uvloop

BATCH_ANSWER = b'{"results":[' + b",".join([b'{"status":202}'] * 50) + b"]}"


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Reads the body to its end and answers as intake would."""
    if scope["type"] != "http":
        return
    more = True
    while more:
        more = (await receive()).get("more_body", False)
    batch = scope["path"].endswith(":batch")
    body = BATCH_ANSWER if batch else b'{"status":202}'
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 207 if batch else 202, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def main(port: int) -> None:
    """Serves until it is ended."""
    config = uvicorn.Config(echo, port=port, http="httptools", loop="none", lifespan="off", log_level="warning")
    await uvicorn.Server(config).serve()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(int(sys.argv[1])))
