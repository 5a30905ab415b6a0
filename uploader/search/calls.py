"""The methods that are answered by XML-RPC, as PyPI has or had them: for `pip search`, and for mirrors. Pure."""

from collections.abc import Callable, Sequence
from typing import Any

from store.searched import Searched
from uploader.search.ranking import Subject, find
from uploader.search.xmlrpc import MALFORMED, UNKNOWN_METHOD, BadCall, Call, printable

MOST = (1 << 31) - 1  # as far as integers go


def answer_call(call: Call, subjects: Sequence[Subject]) -> object:
    """What it answers; BadCall where there is no such method, or it is not called so."""
    method = _METHODS.get(call.method)
    if method is None:
        raise BadCall(UNKNOWN_METHOD, f"{call.method[:100]!r} is not answered here; expected {', '.join(_METHODS)}")
    try:
        return method(call.parameters, subjects)
    except (TypeError, ValueError, RecursionError) as error:  # of values that nobody expects
        raise BadCall(MALFORMED, f"{call.method} is not called so: {type(error).__name__}") from error


def _search(parameters: Sequence[Any], subjects: Sequence[Subject]) -> object:
    """Words are looked for in all fields, whichever they are to be found in."""
    fields = parameters[0] if parameters else None
    if not isinstance(fields, dict):
        raise BadCall(MALFORMED, "no words to search for; expected a struct of fields with words")
    words = [word for found in fields.values() for word in (found if isinstance(found, list) else [found])]
    fits = all if "and" in parameters[1:] else any
    texts = dict.fromkeys(str(word) for word in words if isinstance(word, str | int | float))
    return [_describe(project) for project in find(texts, subjects, fits)]


def _describe(project: Searched) -> dict[str, str]:
    return {"name": project.name, "version": project.version, "summary": printable(project.summary)}


def _list_packages_with_serial(_: Sequence[Any], subjects: Sequence[Subject]) -> object:
    return {subject.project.name: min(subject.project.serial, MOST) for subject in subjects}


def _changelog_since_serial(parameters: Sequence[Any], subjects: Sequence[Subject]) -> object:
    """Of each project only its last change; those of the same second again, for some may have come after it."""
    since = parameters[0] if parameters else None
    if not isinstance(since, int):
        raise BadCall(MALFORMED, "no serial; expected an integer")
    changed = (subject.project for subject in subjects if subject.project.serial >= since)
    return [
        [project.name, project.version, serial, "new release", serial]
        for project in changed
        for serial in [min(project.serial, MOST)]
    ]


_METHODS: dict[str, Callable[[Sequence[Any], Sequence[Subject]], object]] = {
    "search": _search,
    "list_packages_with_serial": _list_packages_with_serial,
    "changelog_since_serial": _changelog_since_serial,
}
