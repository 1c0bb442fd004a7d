"""``python -m tests.modelserver --port 0``: prints ``{"url": …}`` on one line, then serves until it is told to stop."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading

from tests.modelserver.server import ModelServer


def main() -> None:
    """Serve."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.modelserver", description="A model server that follows a script."
    )
    parser.add_argument("--port", type=int, default=0, help="0: any free port")
    parser.add_argument("--reply", help="what it answers")
    parser.add_argument("--token-delay", type=float, default=0.0, help="seconds between two tokens")
    parser.add_argument("--first-token-delay", type=float, default=0.0, help="seconds before the first token")
    options = parser.parse_args()
    server = ModelServer(options.port)
    changes = {"token_delay_s": options.token_delay, "first_token_delay_s": options.first_token_delay}
    server.stage.direct(changes | ({"reply": options.reply} if options.reply else {}))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
    print(json.dumps({"url": server.url}), flush=True)
    server.serve_forever(poll_interval=0.1)
    server.server_close()
    sys.exit(0)


if __name__ == "__main__":
    main()
