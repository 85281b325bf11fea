"""The child process that serves a local model: `python -m bdp.llm.serve`, started by `bdp.llm.child` only.

It reads one line of JSON from its input (so that the key is in no list of processes), loads the model, prints one line
of JSON with its address, and serves on loopback until its input ends, which it does when its parent is gone, however
that came about.
"""

from __future__ import annotations

import json
import os
import select
import sys
from typing import Any

_LOOK_SECONDS = 2.0


def main() -> None:
    """Serve one model."""
    parent = os.getppid()
    told = json.loads(sys.stdin.buffer.readline())
    server = _started(told)
    print(json.dumps({"url": server.listening_address}), flush=True)  # noqa: T201 - this line is the protocol
    while os.getppid() == parent:
        # Somebody else may have inherited the other end, so the parent is looked for as well.
        ready, _, _ = select.select([sys.stdin.buffer], [], [], _LOOK_SECONDS)
        if ready and not os.read(0, 1):
            break
    os._exit(0)  # the threads of the server know no end


def _started(told: dict[str, Any]) -> Any:
    from xllamacpp import CommonParams, Server  # type: ignore[import-untyped]  # it has no types

    params = CommonParams()
    params.model.path = told["file"]
    params.model_alias = {told["alias"]}
    params.n_ctx = told["context"]
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = told["threads"]
    params.api_keys = [told["key"]]
    params.hostnames = ["127.0.0.1"]
    params.n_threads_http = 4
    params.cache_ram_mib = 0  # else it keeps up to 8 GiB of old prompts
    params.ui = params.endpoint_slots = params.endpoint_props = False
    params.verbosity = -1
    return Server(params)


if __name__ == "__main__":
    main()
