"""S3's XML: writes documents from nested pairs, and reads them without their namespace."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from local_aws.s3.errors import S3Error

_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
#: content of an element: text, or its children in order (None is no child)
Content = str | int | bool | Iterable["tuple[str, Content] | None"]
# XML parsers turn a carriage return into a newline; other control characters are not allowed unescaped.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f]")


def _text(value: str | int | bool) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return _CONTROL.sub(lambda found: f"&#x{ord(found[0]):x};", escape(str(value)))


def _render(content: Content) -> str:
    if isinstance(content, str | int):
        return _text(content)
    return "".join(f"<{name}>{_render(inner)}</{name}>" for name, inner in filter(None, content))


def document(root: str, content: Content) -> bytes:
    """`<root xmlns=…>content</root>` with an XML declaration, in UTF-8."""
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<{root} xmlns="{_NAMESPACE}">{_render(content)}</{root}>'
    return text.encode()


def error_document(code: str, message: str, fields: Iterable[tuple[str, str]]) -> bytes:
    """The body of an error response; unlike other documents it has no namespace."""
    content = _render([("Code", code), ("Message", message), *fields])
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<Error>{content}</Error>'.encode()


def parse(body: bytes) -> ElementTree.Element:
    """The root element, with all tags without their namespace; `MalformedXML` if the body is not XML."""
    if b"<!DOCTYPE" in body:  # no S3 document has one, and entities make foreign XML dangerous
        raise S3Error("MalformedXML")
    try:
        root = ElementTree.fromstring(body)  # noqa: S314
    except ElementTree.ParseError as error:
        raise S3Error("MalformedXML", f"The XML that you provided was not well-formed: {error}.") from error
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    return root


def required(element: ElementTree.Element, name: str) -> str:
    """The text of a child; `MalformedXML` if there is no such child."""
    text = element.findtext(name)
    if text is None:
        raise S3Error("MalformedXML", f"<{element.tag}> lacks <{name}>.")
    return text


def timestamp(seconds: float) -> str:
    """ISO 8601 with milliseconds, as in S3's documents."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
