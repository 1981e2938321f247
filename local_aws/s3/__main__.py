"""S3 alone: `python -m local_aws.s3 FOLDER [--port PORT]` prints its address and serves until it is ended."""

from __future__ import annotations

import argparse
from pathlib import Path

from local_aws.http_server import http_server
from local_aws.s3 import S3App


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m local_aws.s3", description=__doc__)
    parser.add_argument("folder", type=Path, help="folder for the objects; created if it does not exist")
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; default: a free one")
    arguments = parser.parse_args()
    server = http_server(S3App(arguments.folder), port=arguments.port)
    print(f"http://127.0.0.1:{server.port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
