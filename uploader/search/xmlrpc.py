"""XML-RPC, as a body is read and an answer written. All of defusedxml is here.

The libraries are imported when the first asks: they take 5 MB, and hardly anybody does.
"""

from typing import Any, NamedTuple

MALFORMED, UNKNOWN_METHOD = -32700, -32601  # fault codes (XML-RPC specification for fault code interoperability)


class Call(NamedTuple):
    """A method, and what it is called with: as anybody may have written it."""

    method: str
    parameters: tuple[Any, ...]


class BadCall(Exception):
    """What is no call that is answered: its code, and why in one line."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def parse_call(body: bytes) -> Call:
    """The call, or BadCall."""
    from xmlrpc.client import Unmarshaller  # noqa: PLC0415

    from defusedxml.xmlrpc import DefusedExpatParser  # noqa: PLC0415

    unmarshaller = Unmarshaller()
    try:
        parser = DefusedExpatParser(unmarshaller, forbid_dtd=True)
        parser.feed(body)
        parser.close()
        return Call(str(unmarshaller.getmethodname()), tuple(unmarshaller.close()))
    except Exception as error:  # a library may raise anything at what is anybody's
        raise BadCall(MALFORMED, f"this is no XML-RPC call: {type(error).__name__}") from error


def render_answer(value: Any) -> bytes:  # noqa: ANN401 - of every kind that there is
    from xmlrpc.client import dumps  # noqa: PLC0415

    return dumps((value,), methodresponse=True).encode()


def render_fault(error: BadCall) -> bytes:
    from xmlrpc.client import Fault, dumps  # noqa: PLC0415

    return dumps(Fault(error.code, printable(str(error)))).encode()


def printable(text: str) -> str:
    """Without what XML cannot hold."""
    return "".join(char for char in text if char.isprintable())
