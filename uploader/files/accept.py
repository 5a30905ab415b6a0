"""In which form somebody wants an answer, by `Accept` (RFC 9110, 12.5.1)."""

from collections.abc import Sequence


def choose(accept: str, offered: Sequence[str]) -> str:
    """The media type that is wanted most; the first that is offered where nothing tells them apart."""
    wanted = [_read_range(each) for each in accept.lower().split(",") if each.strip()]
    if not wanted:
        return offered[0]
    return max(offered, key=lambda kind: _weigh(kind, wanted))  # of equal ones max takes the first


def _read_range(text: str) -> tuple[str, float]:
    """A media range, and how much it is wanted."""
    kind, *parameters = (part.strip() for part in text.split(";"))
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return kind, float(parameter[2:])
            except ValueError:
                return kind, 0.0
    return kind, 1.0


def _weigh(kind: str, wanted: Sequence[tuple[str, float]]) -> float:
    """By the most specific range that it is in."""
    weights = dict(wanted)
    ranges = (kind, f"{kind.partition('/')[0]}/*", "*/*")
    return next((weights[each] for each in ranges if each in weights), 0.0)
