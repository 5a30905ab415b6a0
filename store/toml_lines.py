"""Where in a TOML text something stands, which the library that reads it does not say."""

import re
import tomllib

_STRING_OR_COMMENT = re.compile(r"\"[^\"\\]*\"|'[^']*'|#")


def line_of(text: str, *keys: str) -> int:
    """The line that assigns the last of the keys, or names it in a table's head, below that of the key before it.

    That of the key before it where none is found, and 1 where there is none at all.
    """
    lines, at = text.splitlines(), 0
    for key in keys:
        word = rf"(?:\"{re.escape(key)}\"|'{re.escape(key)}'|{re.escape(key)})"
        pattern = re.compile(rf"\s*(?:{word}\s*[=.]|\[+[^\]#]*{word}\s*[\].]|[^=#]*\.\s*{word}\s*[=.])")
        at = next((number for number in range(at, len(lines)) if pattern.match(lines[number])), at)
    return at + 1


def find_strings(text: str) -> dict[str, int]:
    """String → the first line that has it; none that is written with escapes."""
    lines: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        for found in _STRING_OR_COMMENT.finditer(line):
            if found[0] == "#":
                break
            lines.setdefault(found[0][1:-1], number)
    return lines


def explain_syntax(text: str, error: tomllib.TOMLDecodeError) -> str:
    """What is wrong, with its line."""
    found = re.search(r"^(.*) \(at (?:line (\d+).*|end of document)\)$", str(error))
    reason, line = (found[1], found[2]) if found else (str(error), None)
    return f"line {line or len(text.rstrip().splitlines()) or 1}: {reason[:200]}; expected TOML"
