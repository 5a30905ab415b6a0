"""A raw REPL on standard input and output, as boards have one and MicroPython for computers has none.

https://docs.micropython.org/en/latest/reference/repl.html#raw-mode-and-raw-paste-mode
"""

import io
import sys

RAW, FRIENDLY, CANCEL, RUN, PASTE = b"\x01", b"\x02", b"\x03", b"\x04", b"\x05"  # control-A to E
GREETINGS = {RAW: b"raw REPL; CTRL-B to exit\r\n>", FRIENDLY: b"\r\n>>> ", CANCEL: b""}

names = {"__name__": "__main__"}
keys, screen = sys.stdin.buffer, sys.stdout.buffer


def run(code: bytes) -> None:
    """What it prints, and then what it raises."""
    screen.write(b"OK")
    raised = io.StringIO()
    try:
        exec(code, names)
    except BaseException as error:
        sys.print_exception(error, raised)  # type: ignore[attr-defined]  # MicroPython's own
    screen.write(RUN + raised.getvalue().encode() + RUN + b">")


def serve() -> None:
    """Take keys until there are no more."""
    code = b""
    while key := keys.read(1):
        if key in GREETINGS:
            screen.write(GREETINGS[key])
        elif key == PASTE:
            keys.read(2)  # raw-paste mode is asked for: it is not understood
            screen.write(b"R\x00")
        elif key == RUN:
            run(code)
        code = code + key if key > PASTE else b""


serve()
