"""Signatures against the examples in AWS's documentation, whose keys and results are public.

Amazon S3 API Reference, "Examples: Signature Calculations in AWS Signature Version 4", "Signature Calculations for the
Authorization Header: Transferring Payload in Multiple Chunks", "… Including Trailing Headers", and "Signing and
authenticating REST requests (AWS signature version 2)".
"""

import calendar
import hashlib
import time

import pytest
from botocore.auth import HmacV1QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from local_aws.access.authenticator import VERIFIED, Authenticator
from local_aws.access.denials import Denied, Reason
from local_aws.access.keys import AccessKey, AccessKeys
from local_aws.http_server import RAW_HEADERS
from local_aws.s3.chunked import Body
from local_aws.s3.errors import S3Error

KEY = AccessKey("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
SIGNED_AT = calendar.timegm((2013, 5, 24, 0, 0, 0))
EMPTY = hashlib.sha256().hexdigest()
BUCKET = {"Host": "examplebucket.s3.amazonaws.com"}
DATE = {"x-amz-date": "20130524T000000Z"}
SCOPE = "20130524/us-east-1/s3/aws4_request"


def authorization(signed, signature, scope=SCOPE):
    credential = f"Credential={KEY.id}/{scope}"
    return {"Authorization": f"AWS4-HMAC-SHA256 {credential},SignedHeaders={signed},Signature={signature}"}


def request(method, target, headers):
    return {
        "REQUEST_METHOD": method,
        "REQUEST_URI": target,
        "PATH_INFO": target.partition("?")[0],
        "QUERY_STRING": target.partition("?")[2],
        "HTTP_AUTHORIZATION": headers.get("Authorization", ""),
        RAW_HEADERS: headers,
    }


def check(environ, now=SIGNED_AT):
    keys = AccessKeys()
    keys.admit(KEY)
    return Authenticator(keys, lambda: now).check(environ)


def denied(environ, now=SIGNED_AT):
    with pytest.raises(Denied) as caught:
        check(environ, now)
    return caught.value.reason


PLAIN = "host;x-amz-content-sha256;x-amz-date"
DIGEST = {"x-amz-content-sha256": EMPTY}
EXAMPLES = {
    "GET Object": request(
        "GET",
        "/test.txt",
        {
            **BUCKET, **DATE, **DIGEST, "Range": "bytes=0-9",
            **authorization(
                "host;range;x-amz-content-sha256;x-amz-date",
                "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
            ),
        },
    ),
    "PUT Object": request(
        "PUT",
        "/test$file.text",
        {
            **BUCKET, **DATE, "Date": "Fri, 24 May 2013 00:00:00 GMT", "x-amz-storage-class": "REDUCED_REDUNDANCY",
            "x-amz-content-sha256": "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
            **authorization(
                "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
                "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
            ),
        },
    ),
    "GET Bucket Lifecycle": request(
        "GET",
        "/?lifecycle",
        {
            **BUCKET, **DATE, **DIGEST,
            **authorization(PLAIN, "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"),
        },
    ),
    "Get Bucket": request(
        "GET",
        "/?max-keys=2&prefix=J",
        {
            **BUCKET, **DATE, **DIGEST,
            **authorization(PLAIN, "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"),
        },
    ),
    "presigned GET": request(
        "GET",
        f"/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={KEY.id}%2F{SCOPE.replace('/', '%2F')}"
        "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
        "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404",
        BUCKET,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_of_aws_are_right(name):
    assert check(EXAMPLES[name]) is KEY


@pytest.mark.parametrize("name", EXAMPLES)
def test_nothing_signed_may_change(name):
    example = EXAMPLES[name]
    path, _, query = example["REQUEST_URI"].partition("?")
    assert denied(example | {"REQUEST_METHOD": "DELETE"}) is Reason.WRONG_SIGNATURE
    assert denied(example | {"REQUEST_URI": f"{path}x?{query}"}) is Reason.WRONG_SIGNATURE
    assert denied(example | {"REQUEST_URI": f"{path}?{query}&acl"}) is Reason.WRONG_SIGNATURE
    headers = example[RAW_HEADERS]
    assert denied(example | {RAW_HEADERS: {**headers, "Host": "other"}}) is Reason.WRONG_SIGNATURE
    assert denied(example | {RAW_HEADERS: {**headers, "x-amz-acl": "public-read"}}) is Reason.FORBIDDEN


def test_the_clock_decides():
    by_header, presigned = EXAMPLES["GET Object"], EXAMPLES["presigned GET"]
    assert check(by_header, SIGNED_AT + 899) is KEY
    assert denied(by_header, SIGNED_AT + 901) is Reason.SKEWED
    assert denied(by_header, SIGNED_AT - 901) is Reason.SKEWED
    assert check(presigned, SIGNED_AT + 86_400) is KEY
    assert denied(presigned, SIGNED_AT + 86_401) is Reason.EXPIRED
    assert denied(presigned, SIGNED_AT - 901) is Reason.EXPIRED


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        ("Expires=86400", "Expires=0", Reason.MALFORMED_QUERY),
        ("Expires=86400", "Expires=604801", Reason.MALFORMED_QUERY),
        ("Expires=86400", "Expires=-1", Reason.MALFORMED_QUERY),
        ("Expires=86400", "Expires=86401", Reason.WRONG_SIGNATURE),
        ("Expires=86400", "Expires=000604800999", Reason.MALFORMED_QUERY),
        ("Expires=86400", "Expires=%D9%A3", Reason.MALFORMED_QUERY),
        ("&X-Amz-Expires=86400", "", Reason.MALFORMED_QUERY),
        ("20130524T000000Z", "20130599T000000Z", Reason.MALFORMED_QUERY),
        ("20130524T000000Z", "now", Reason.MALFORMED_QUERY),
        ("SignedHeaders=host", "SignedHeaders=date", Reason.MALFORMED_QUERY),
        ("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256", Reason.MALFORMED_QUERY),
        ("aws4_request", "aws4", Reason.MALFORMED_QUERY),
        (KEY.id, "AKIAIOSFODNN7EXAMPLO", Reason.UNKNOWN_KEY),
        ("&X-Amz-SignedHeaders", "&X-Amz-Security-Token=t&X-Amz-SignedHeaders", Reason.WRONG_TOKEN),
        ("d404", "d40\u00e9", Reason.WRONG_SIGNATURE),
    ],
)
def test_a_changed_presigned_url_is_refused(before, after, reason):
    example = EXAMPLES["presigned GET"]
    target = example["REQUEST_URI"].replace(before, after)
    assert denied(example | {"REQUEST_URI": target}) is reason


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ("", Reason.UNSIGNED),
        ("Basic dXNlcjpwYXNz", Reason.MALFORMED),
        ("AWS4-HMAC-SHA256", Reason.MALFORMED),
        ("AWS4-HMAC-SHA256 Credential=a/b/c/d/aws4_request", Reason.MALFORMED),
        ("AWS4-HMAC-SHA256 Credential=a, SignedHeaders=host, Signature=0", Reason.MALFORMED),
        ("AWS4-HMAC-SHA256 Credential=//s3/aws4_request, SignedHeaders=, Signature=0", Reason.MALFORMED),
        (f"AWS4-HMAC-SHA256 Credential={KEY.id}/{SCOPE}, SignedHeaders=host, Signature=0", Reason.WRONG_SIGNATURE),
        (f"AWS {KEY.id}:AAAA", Reason.WRONG_SIGNATURE),
        ("AWS nobody:AAAA", Reason.UNKNOWN_KEY),
        ("AWS ", Reason.UNKNOWN_KEY),
        (f"AWS {KEY.id}:AAAA, Credential={KEY.id}/20130524/us-east-1/iam/aws4_request", Reason.MALFORMED),
        (
            f"AWS4-HMAC-SHA256 Credential={KEY.id}/20130524/us-east-1/iam/aws4_request, Credential={KEY.id}/{SCOPE}, "
            "SignedHeaders=host, Signature=0",
            Reason.MALFORMED,
        ),
    ],
)
def test_headers_that_are_no_signature(header, reason):
    assert denied(request("GET", "/b/k", {**BUCKET, **DATE, **DIGEST, "Authorization": header})) is reason


def test_the_payload_has_to_be_named():
    headers = {**BUCKET, **DATE, **authorization(PLAIN, "0" * 64)}
    assert denied(request("PUT", "/b/k", headers)) is Reason.NO_DIGEST
    assert denied(request("PUT", "/b/k", {**headers, "x-amz-content-sha256": "anything"})) is Reason.NO_DIGEST


def test_a_role_needs_its_token():
    keys = AccessKeys()
    role = keys.of_role("arn:aws:iam::123456789012:role/r")
    assert keys.of_role(role.role) is role
    assert role.id.startswith("ASIA")
    assert role.environment["AWS_SESSION_TOKEN"] == role.token
    assert role.secret not in repr(role)
    assert role.token not in repr(role)


# ------------------------------------------------------------ version 2
EXAMPLE_V2 = request(
    "GET",
    "/awsexamplebucket1/photos/puppy.jpg",
    {
        "Host": "awsexamplebucket1.us-west-1.s3.amazonaws.com",
        "Date": "Tue, 27 Mar 2007 19:36:42 +0000",
        "Authorization": f"AWS {KEY.id}:qgk2+6Sv9/oM7G3qLEjTH1a1l1g=",
    },
)


def test_version_2_is_verified_too():
    sent = calendar.timegm(time.strptime("2007-03-27 19:36:42", "%Y-%m-%d %H:%M:%S"))
    assert check(EXAMPLE_V2, sent) is KEY
    assert denied(EXAMPLE_V2, sent + 901) is Reason.SKEWED
    assert denied(EXAMPLE_V2 | {"REQUEST_METHOD": "PUT"}, sent) is Reason.WRONG_SIGNATURE


@pytest.mark.parametrize("token", [None, "t/+="])
@pytest.mark.parametrize("query", ["", "?versionId=a%2Fb&response-content-disposition=a%3B%20filename%3D%22%25%22"])
def test_presigned_urls_of_version_2(query, token):
    """boto3 still makes them for us-east-1."""
    sent = AWSRequest("GET", f"http://127.0.0.1:1/b/a%20%C3%A9{query}")
    HmacV1QueryAuth(Credentials(KEY.id, KEY.secret, token), expires=60).add_auth(sent)
    target, now = sent.url.removeprefix("http://127.0.0.1:1"), time.time()
    keys, key = AccessKeys(), AccessKey(KEY.id, KEY.secret, token)
    keys.admit(key)

    def check(target, now=now):
        return Authenticator(keys, lambda: now).check(request("GET", target, {"Host": "127.0.0.1:1"}))

    assert check(target) is key
    for changed, at in ((target.replace("/a", "/b"), now), (target, now + 61)):
        with pytest.raises(Denied):
            check(changed, at)


# ------------------------------------------------------------ chunks
class Stream:
    def __init__(self, data):
        self.data = data

    def read(self, size):
        taken, self.data = self.data[:size], self.data[size:]
        return taken

    def readline(self, size):
        return self.read(min(size, self.data.find(b"\n") + 1 or len(self.data)))


STORAGE = {"x-amz-storage-class": "REDUCED_REDUNDANCY", "Host": "s3.amazonaws.com", "Content-Encoding": "aws-chunked"}
CHUNKED = request(
    "PUT",
    "/examplebucket/chunkObject.txt",
    {
        **STORAGE, **DATE, "x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "x-amz-decoded-content-length": "66560", "Content-Length": "66824",
        **authorization(
            "content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length"
            ";x-amz-storage-class",
            "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
        ),
    },
)  # fmt: skip
CHUNKS = (
    b"10000;chunk-signature=ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648\r\n" + b"a" * 65536 +
    b"\r\n400;chunk-signature=0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497\r\n" + b"a" * 1024 +
    b"\r\n0;chunk-signature=b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9\r\n\r\n"
)  # fmt: skip
TRAILING = request(
    "PUT",
    "/examplebucket/chunkObject.txt",
    {
        **STORAGE, **DATE, "x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
        "x-amz-decoded-content-length": "66560", "x-amz-trailer": "x-amz-checksum-crc32c",
        **authorization(
            "content-encoding;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class"
            ";x-amz-trailer",
            "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e",
        ),
    },
)  # fmt: skip
TRAILING_CHUNKS = (
    b"10000;chunk-signature=b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2\r\n" + b"a" * 65536 +
    b"\r\n400;chunk-signature=1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7\r\n" + b"a" * 1024 +
    b"\r\n0;chunk-signature=2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992\r\n"
    b"x-amz-checksum-crc32c:sOO8/Q==%sx-amz-trailer-signature:"
    b"d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n\r\n"
)  # fmt: skip


def read(example, body):
    check(example)
    headers = {name.lower(): value for name, value in example[RAW_HEADERS].items()}
    headers["content-length"] = str(len(body))
    payload = Body(Stream(body), headers, terminated=False, signer=example[VERIFIED])
    return b"".join(payload), payload.trailers


def test_each_chunk_is_verified():
    assert len(CHUNKS) == 66824
    assert read(CHUNKED, CHUNKS) == (b"a" * 66560, {})


@pytest.mark.parametrize("separator", [b"\n\r\n", b"\r\n"], ids=["as documented", "as SDKs send it"])
def test_trailing_headers_are_verified(separator):
    trailers = {"x-amz-checksum-crc32c": "sOO8/Q=="}
    assert read(TRAILING, TRAILING_CHUNKS % separator) == (b"a" * 66560, trailers)


@pytest.mark.parametrize(
    ("example", "chunks", "before", "after"),
    [
        (CHUNKED, CHUNKS, b"a\r\n400;", b"b\r\n400;"),
        (CHUNKED, CHUNKS, b"a\r\n0;", b"b\r\n0;"),
        (CHUNKED, CHUNKS, b"b6c6", b"b6c7"),
        (CHUNKED, CHUNKS, b";chunk-signature=0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497", b""),
        (TRAILING, TRAILING_CHUNKS % b"\r\n", b"sOO8", b"sOO9"),
        (TRAILING, TRAILING_CHUNKS % b"\r\n", b"d81f", b"d81e"),
        (TRAILING, TRAILING_CHUNKS % b"\r\n", b"x-amz-trailer-signature:", b"x-other:"),
    ],
)
def test_a_changed_chunk_is_refused(example, chunks, before, after):
    assert before in chunks
    with pytest.raises(S3Error, match="SignatureDoesNotMatch"):
        read(example, chunks.replace(before, after))


@pytest.mark.parametrize("head", [b"-5\r\n", b"1_0\r\n", b"+1\r\n", b" 1\r\n", b"0x1\r\n", b"1" * 30 + b"\r\n"])
def test_a_chunk_has_a_size(head):
    headers = {"x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "content-length": "100"}
    with pytest.raises(S3Error, match="InvalidRequest"):
        b"".join(Body(Stream(head + b"a" * 100), headers, terminated=False))
