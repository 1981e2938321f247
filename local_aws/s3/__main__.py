"""S3 alone: `python -m local_aws.s3 FOLDER [--port PORT]` prints its address and key, and serves until it is ended.

The access key is that of the variables AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or else a random one.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from local_aws.access.authenticator import Authenticator
from local_aws.access.keys import AccessKey, AccessKeys
from local_aws.http_server import http_server
from local_aws.s3 import S3App


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m local_aws.s3", description=__doc__)
    parser.add_argument("folder", type=Path, help="folder for the objects; created if it does not exist")
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; default: a free one")
    arguments = parser.parse_args()
    keys = AccessKeys()
    key = _given_key(keys) or keys.issue()
    server = http_server(Authenticator(keys).guard(S3App(arguments.folder)), port=arguments.port)
    print(f"http://127.0.0.1:{server.port}", flush=True)
    print(*(f"{name}={value}" for name, value in key.environment.items()), sep="\n", flush=True)
    server.serve_forever()


def _given_key(keys: AccessKeys) -> AccessKey | None:
    """The key that this process's environment names, if it names one."""
    key_id, secret = os.environ.get("AWS_ACCESS_KEY_ID"), os.environ.get("AWS_SECRET_ACCESS_KEY")
    return keys.admit(AccessKey(key_id, secret)) if key_id and secret else None


if __name__ == "__main__":
    main()
