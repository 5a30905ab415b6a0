"""The form that removes old releases: `:action=prune` with `keep`, and `days`, `except` and `for_real` where wanted."""

import asyncio
import time
from typing import NamedTuple

from aiohttp import web

from store.errors import Refused, shown
from store.repository import Repository
from store.text import render_size
from uploader.answers import HttpRefusal
from uploader.audit import log_accepted, log_refused, note_file
from uploader.auth.authorize import Authorization
from uploader.change.changes import Changes
from uploader.change.pruning import Doomed, Pruning
from uploader.change.rule import NO, YES, Rule, read_rule
from uploader.change.target import Target, find_target
from uploader.rules import Rules
from uploader.upload.form import Form

UNSTORED = 503  # where something could not be removed


class Outcome(NamedTuple):
    """What was removed, or would be; and by path why something was not."""

    doomed: list[Doomed]
    targets: list[Target]
    failed: dict[str, str]


class Prunings:
    """By whoever has the right to delete, and to read, for it is said what there is. Only what is said is done."""

    def __init__(self, rules: Rules, authorization: Authorization, changes: Changes) -> None:
        self._rules = rules
        self._authorization = authorization
        self._changes = changes

    async def prune(self, request: web.Request, repository: Repository, form: Form) -> web.Response:
        """Answers with what went, or would go; a removal when no page lists what went."""
        policy = self._rules.of(repository.name)
        user = await self._authorization.authorize(request, "delete", repository.name, policy)
        await self._authorization.authorize(request, "download", repository.name, policy)
        rule, is_real = _read_form(form)
        pruning = await asyncio.to_thread(Pruning, repository, rule, time.time())
        if not is_real:
            outcome = Outcome(await asyncio.to_thread(pruning.find_all), [], {})
            return _answer(request, outcome, f"would be removed; {YES!r} as 'for_real' removes them", is_real=False)
        outcome = Outcome([], [], {})
        for project in pruning.projects:
            for doomed in await asyncio.to_thread(pruning.find, project):
                if await asyncio.to_thread(pruning.is_doomed, doomed):
                    await self._remove(request, user, repository, doomed, outcome)
        return _answer(request, outcome, f"removed{await self._changes.wait_gone(outcome.targets)}", is_real=True)

    async def _remove(
        self, request: web.Request, user: str | None, repository: Repository, doomed: Doomed, outcome: Outcome
    ) -> None:
        note_file(request, str(doomed.path))
        try:
            target = find_target(repository, doomed.path)
            digest = await self._changes.remove(target)
        except (HttpRefusal, OSError) as error:
            if isinstance(error, HttpRefusal) and error.status == 404:
                return  # somebody else was quicker
            reason = str(error) if isinstance(error, HttpRefusal) else error.strerror or str(error)
            outcome.failed[str(doomed.path)] = reason
            log_refused(request, UNSTORED, f"not removed, by a rule: {reason}")
        else:
            log_accepted(request, user, digest, "removed, by a rule")
            outcome.doomed.append(doomed)
            outcome.targets.append(target)


def _read_form(form: Form) -> tuple[Rule, bool]:
    """The rule, and whether it is to be carried out."""
    form.check_fields("keep", "days", "except", "for_real")
    rule = read_rule(form.text("keep"), form.text("days") or "0", form.text("except").split())
    for_real = form.text("for_real") or NO
    if for_real not in (YES, NO):
        raise Refused(f"for_real is {shown(for_real)}; expected {YES!r} or {NO!r}")
    return rule, for_real == YES


def _answer(request: web.Request, outcome: Outcome, what: str, *, is_real: bool) -> web.Response:
    """A line for each file and one for all; or the same as JSON."""
    size, status = sum(each.file.size for each in outcome.doomed), UNSTORED if outcome.failed else 200
    summary = f"{len(outcome.doomed)} files, {render_size(size)}, {what}"
    if request.headers.get("Accept", "").startswith("application/json"):
        files = [{"path": str(each.path), "project": each.project, "size": each.file.size} for each in outcome.doomed]
        document = {"removed": is_real, "files": files, "size": size, "failed": outcome.failed, "message": summary}
        return web.json_response(document, status=status)
    failed = (f"not removed: {shown(path)}: {reason}" for path, reason in outcome.failed.items())
    return web.Response(text="\n".join((*map(str, outcome.doomed), *failed, summary, "")), status=status)
