"""Which callers a server on this machine answers: programs on this machine, and no web page.

A page in a browser can send requests to 127.0.0.1, whatever site it is from. Its `fetch` and its forms carry an
`Origin`; its pictures, frames and scripts carry `Sec-Fetch-Site` (Fetch Metadata Request Headers, section 2.4), and in
old browsers at least `Referer`. A page whose site's name resolves to 127.0.0.1 (DNS rebinding) has the site's name in
`Host`. Programs send nothing of that.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

#: the names by which programs call a server on this machine, as they stand in `Host`
HOSTS = ("127.0.0.1", "localhost", "[::1]")


def own_origins(port: int) -> frozenset[str]:
    """The origins of the pages that a server at this port serves itself: none.

    A server with a page of its own would return `http://<host>:<port>` for each of `HOSTS`. It must not serve other
    people's files, such as objects in S3, from the same origin.
    """
    del port
    return frozenset()


def refusal(environ: Mapping[str, Any], port: int) -> str | None:
    """Why the server at `port` must not answer this request; None if it may."""
    host = str(environ.get("HTTP_HOST", ""))
    allowed = {f"{name}:{port}" for name in HOSTS} | (set(HOSTS) if port == 80 else set())
    if host.lower() not in allowed:
        return f"Host {host!r} is not this machine's: only {', '.join(HOSTS)} with port {port} are answered."
    origins = own_origins(port)
    origin = environ.get("HTTP_ORIGIN")
    if origin is not None and origin not in origins:
        return f"Requests of web pages are not answered, and this one has the Origin {origin!r}."
    site = str(environ.get("HTTP_SEC_FETCH_SITE", "none")).strip().lower()
    if site != "none" and not (site == "same-origin" and (origins or _plays_an_object(environ))):
        return f"Requests of web pages are not answered, and this one has Sec-Fetch-Site {site!r}."
    referer = str(environ.get("HTTP_REFERER", ""))
    if referer and not any(referer.startswith(f"{own}/") for own in origins):
        return f"Requests of web pages are not answered, and this one has the Referer {referer!r}."
    return None


def _plays_an_object(environ: Mapping[str, Any]) -> bool:
    """Whether a page that is an object itself plays a video or shows a picture by a presigned address.

    A result page does so. No page can read what it plays, and whoever has made the address had the key.
    """
    query = parse_qs(str(environ.get("QUERY_STRING", "")))
    return (
        environ.get("REQUEST_METHOD") in ("GET", "HEAD")
        and environ.get("HTTP_SEC_FETCH_MODE") == "no-cors"
        and environ.get("HTTP_SEC_FETCH_DEST") in ("video", "audio", "image")
        and not {"X-Amz-Signature", "Signature"}.isdisjoint(query)
    )
