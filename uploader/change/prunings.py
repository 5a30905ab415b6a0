"""The form that removes old releases: `:action=prune` with `keep`, and `days`, `except` and `for_real` where wanted."""

import asyncio
import contextlib
from collections.abc import Iterable

from aiohttp import web

from store.errors import Refused, shown
from store.policy import Policy
from store.repository import Repository
from store.text import render_size
from uploader.answers import HttpRefusal
from uploader.audit import log_accepted, note_file
from uploader.auth.authorize import Authorization
from uploader.change.changes import Changes
from uploader.change.pruning import Doomed, find_doomed
from uploader.change.rule import NO, YES, Rule, read_rule
from uploader.change.target import Target, find_target
from uploader.upload.form import Form


class Prunings:
    """By whoever has the right to delete. Nothing is removed unless that is said."""

    def __init__(self, authorization: Authorization, changes: Changes) -> None:
        self._authorization = authorization
        self._changes = changes

    async def prune(self, request: web.Request, repository: Repository, policy: Policy, form: Form) -> web.Response:
        """Answers with what went, or would go; a removal when no page lists what went."""
        user = await self._authorization.authorize(request, "delete", repository.name, policy)
        rule, is_real = _read_form(form)
        doomed = await asyncio.to_thread(find_doomed, repository, rule)
        if not is_real:
            return _answer(request, doomed, f"would be removed; {YES!r} as 'for_real' removes them", is_real=False)
        gone: list[tuple[Doomed, Target]] = []
        for each in doomed:
            note_file(request, str(each.path))
            with contextlib.suppress(HttpRefusal):  # somebody else was quicker
                target = find_target(repository, each.path)
                log_accepted(request, user, await self._changes.remove(target), "removed, by a rule")
                gone.append((each, target))
        follows = await self._changes.wait_gone(target for _, target in gone)
        return _answer(request, [each for each, _ in gone], f"removed{follows}", is_real=True)


def _read_form(form: Form) -> tuple[Rule, bool]:
    """The rule, and whether it is to be carried out."""
    rule = read_rule(form.said("keep") or "", form.said("days") or "0", (form.said("except") or "").split())
    for_real = form.said("for_real") or NO
    if for_real not in (YES, NO):
        raise Refused(f"for_real is {shown(for_real)}; expected {YES!r} or {NO!r}")
    return rule, for_real == YES


def _answer(request: web.Request, doomed: Iterable[Doomed], what: str, *, is_real: bool) -> web.Response:
    """A line for each file and one for all; or the same as JSON."""
    files = list(doomed)
    size = sum(each.file.size for each in files)
    if request.headers.get("Accept", "").startswith("application/json"):
        found = [{"path": str(each.path), "project": each.project, "size": each.file.size} for each in files]
        return web.json_response({"removed": is_real, "files": found, "size": size})
    lines = [*map(str, files), f"{len(files)} files, {render_size(size)}, {what}"]
    return web.Response(text="\n".join((*lines, "")))
