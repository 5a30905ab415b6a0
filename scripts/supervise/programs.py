"""Keep the three programs running until a signal says otherwise, and then leave nothing of them."""

import asyncio
import contextlib
import logging
import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path

from scripts.supervise.greeting import greet
from scripts.supervise.runtime import Program, Runtime
from store.errors import Refused
from store.prepare import prepare_derived

MISSING = 1.0  # seconds between looks for directories that were deleted
PATIENCE = 5.0  # seconds a program has to end by itself
PAUSES = (0.1, 0.5, 1.0, 2.0, 5.0)  # seconds before each restart of a program that keeps dying
UNDECIDED = 10.0  # seconds after which nginx is started without a policy: then all is closed
BEYOND_RESTART = os.EX_CONFIG  # what a program ends with where only a person can mend it

log = logging.getLogger(__name__)


async def serve(runtime: Runtime) -> int:
    """Run everything; 0 after a signal, or BEYOND_RESTART once a program has ended with that."""
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    indexer, uploader, nginx = runtime.programs()
    policy = runtime.settings.data.policy_in_force
    keepers = [
        asyncio.create_task(_keep_running(indexer, runtime.environment)),
        asyncio.create_task(_keep_running(uploader, runtime.environment)),
        asyncio.create_task(_keep_running(nginx, runtime.environment, after=policy)),
    ]
    others = [
        asyncio.create_task(stopping.wait()),
        asyncio.create_task(greet(runtime.settings)),
        asyncio.create_task(_look_after_derived(runtime)),
    ]
    await asyncio.wait({others[0], *keepers}, return_when=asyncio.FIRST_COMPLETED)
    for task in (*others, *keepers):
        task.cancel()
    ends = await asyncio.gather(*keepers, return_exceptions=True)
    return next((end for end in ends if isinstance(end, int)), 0)


async def _look_after_derived(runtime: Runtime) -> None:
    """Make the directories of what is derived again where they were deleted: the programs may not be able to."""
    data = runtime.settings.data
    while True:
        await asyncio.sleep(MISSING)
        if not (data.site.is_dir() and data.state.is_dir()):
            try:
                prepare_derived(data, owner=runtime.user)
            except Refused as error:
                log.error("%s", error)


async def _keep_running(program: Program, environment: Mapping[str, str], after: Path | None = None) -> int:
    """Run the program, once there is `after`, and again whenever it ends; return what no restart can mend."""
    if after:
        await _wait_for(after)
    deaths = 0
    while True:
        began = time.monotonic()
        code = await _run(program, environment)
        if code == BEYOND_RESTART:
            return code
        deaths = 0 if time.monotonic() - began > 10 else deaths + 1
        pause = PAUSES[min(deaths, len(PAUSES)) - 1] if deaths else PAUSES[0]
        log.warning("%s ended with %s; it starts again in %g s", program.name, code, pause)
        await asyncio.sleep(pause)


async def _wait_for(path: Path) -> None:
    """Until it is there, but no longer than UNDECIDED: nginx asked too early would know no policy."""
    deadline = time.monotonic() + UNDECIDED
    while not path.exists() and time.monotonic() < deadline:
        await asyncio.sleep(0.01)


async def _run(program: Program, environment: Mapping[str, str]) -> int:
    """Run the program until it ends; cancelled, end it."""
    process = await asyncio.create_subprocess_exec(
        *program.command,
        cwd=program.cwd,
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        return await process.wait()
    finally:
        await asyncio.shield(_end(process))


async def _end(process: asyncio.subprocess.Process) -> None:
    """End the program and all it started: its own way first, then by force."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), PATIENCE)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()
