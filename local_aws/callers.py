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


#: the path below which a server may have a page of its own; no bucket has such a name
PAGE_PATH = "/_console/"


def refusal(environ: Mapping[str, Any], port: int) -> str | None:
    """Why the server at `port` must not answer this request; None if it may."""
    if wrong := _wrong_host(environ, port):
        return wrong
    origin = environ.get("HTTP_ORIGIN")
    if origin is not None:
        return f"Requests of web pages are not answered, and this one has the Origin {origin!r}."
    site = str(environ.get("HTTP_SEC_FETCH_SITE", "none")).strip().lower()
    if site != "none" and not (site == "same-origin" and (_plays_an_object(environ) or _opens_an_object(environ))):
        return f"Requests of web pages are not answered, and this one has Sec-Fetch-Site {site!r}."
    if referer := str(environ.get("HTTP_REFERER", "")):
        return f"Requests of web pages are not answered, and this one has the Referer {referer!r}."
    return None


def refusal_at_page(environ: Mapping[str, Any], port: int) -> str | None:
    """Why the server's own page must not answer this request, whose path is below `PAGE_PATH`; None if it may.

    A page of the same origin may ask. An object in S3 that a browser shows is one, too, so this is not enough: the page
    needs a secret that no other page of the origin can have.
    """
    if wrong := _wrong_host(environ, port):
        return wrong
    own = f"http://{str(environ['HTTP_HOST']).lower()}"
    origin = environ.get("HTTP_ORIGIN")
    if origin is not None and origin != own:
        return f"Only the page itself may ask, and this request has the Origin {origin!r}."
    site = str(environ.get("HTTP_SEC_FETCH_SITE", "none")).strip().lower()
    if site not in ("none", "same-origin"):
        return f"Only the page itself may ask, and this request has Sec-Fetch-Site {site!r}."
    referer = str(environ.get("HTTP_REFERER", ""))
    if referer and not referer.startswith(f"{own}/"):
        return f"Only the page itself may ask, and this request has the Referer {referer!r}."
    return None


def is_typed(environ: Mapping[str, Any]) -> bool:
    """Whether the user has typed the server's bare address into a browser."""
    return (
        environ.get("REQUEST_METHOD") == "GET"
        and environ.get("PATH_INFO") == "/"
        and not environ.get("QUERY_STRING")
        and "HTTP_AUTHORIZATION" not in environ
        and environ.get("HTTP_SEC_FETCH_MODE") == "navigate"
        and environ.get("HTTP_SEC_FETCH_DEST") == "document"
    )


def _wrong_host(environ: Mapping[str, Any], port: int) -> str | None:
    host = str(environ.get("HTTP_HOST", ""))
    allowed = {f"{name}:{port}" for name in HOSTS} | (set(HOSTS) if port == 80 else set())
    if host.lower() in allowed:
        return None
    return f"Host {host!r} is not this machine's: only {', '.join(HOSTS)} with port {port} are answered."


def _plays_an_object(environ: Mapping[str, Any]) -> bool:
    """Whether a page that is an object itself plays a video or shows a picture by a presigned address.

    A result page does so. No page can read what it plays, and whoever has made the address had the key.
    """
    return (
        environ.get("REQUEST_METHOD") in ("GET", "HEAD")
        and environ.get("HTTP_SEC_FETCH_MODE") == "no-cors"
        and environ.get("HTTP_SEC_FETCH_DEST") in ("video", "audio", "image")
        and _is_presigned(environ)
    )


def _opens_an_object(environ: Mapping[str, Any]) -> bool:
    """Whether the user has clicked, on a page of this origin, on a presigned address, which a tab of its own shows."""
    return (
        environ.get("REQUEST_METHOD") == "GET"
        and environ.get("HTTP_SEC_FETCH_MODE") == "navigate"
        and environ.get("HTTP_SEC_FETCH_DEST") == "document"
        and environ.get("HTTP_SEC_FETCH_USER") == "?1"
        and _is_presigned(environ)
    )


def _is_presigned(environ: Mapping[str, Any]) -> bool:
    query = parse_qs(str(environ.get("QUERY_STRING", "")))
    return not {"X-Amz-Signature", "Signature"}.isdisjoint(query)
