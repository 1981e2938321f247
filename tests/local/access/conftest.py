"""Requests as a program or a page would send them, byte for byte."""

import socket
from email.parser import BytesParser
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials


class Raw:
    """Sends requests to a server on this machine."""

    def __init__(self, url):
        self.url, self.port = url, urlsplit(url).port

    def bytes(self, data):
        """Send bytes; return the status, the headers and the body of the answer."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as connection:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        head, _, body = answer.partition(b"\r\n\r\n")
        line, _, lines = head.partition(b"\r\n")
        return SimpleNamespace(status=int(line.split()[1]), headers=BytesParser().parsebytes(lines), body=body)

    def __call__(self, method, target, headers, body=b""):
        """Send a request; a header's value may be a list, and None leaves out `Host`."""
        pairs = {"Host": f"127.0.0.1:{self.port}", "Content-Length": str(len(body)), **headers}
        lines = [f"{method} {target} HTTP/1.1"]
        for name, value in pairs.items():
            lines += [f"{name}: {each}" for each in (value if isinstance(value, list) else [value]) if each is not None]
        return self.bytes("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)

    def signed(self, key, service, method, target, body=b"", **headers):
        """The headers of a signed request."""
        request = AWSRequest(method, self.url + target, headers=headers, data=body)
        signer = S3SigV4Auth if service == "s3" else SigV4Auth
        signer(Credentials(key.id, key.secret, key.token), service, "us-east-1").add_auth(request)
        return dict(request.headers.items())


@pytest.fixture(scope="module")
def raw(bench):
    return Raw(bench.aws.url)
