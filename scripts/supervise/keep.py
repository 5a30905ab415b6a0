"""Keep programs running until a signal says otherwise, and then leave nothing of them: `python -IS keep.py PLAN`.

It runs for as long as Larder does and does next to nothing, so it imports next to nothing: no package of ours and no
logging. What it is to do was worked out before, and is all in the plan, a JSON object:

    programs   what to run, in this order: name, command, cwd and, where it is to wait for one, the path `after`
    helpers    what to run now and then, to its end: a command, and `when` each of these paths is there, or none is
    environment   of all of them
    directory  what is removed at the end
    quiet      whether warnings are left out of the log
"""

import json
import os
import signal
import sys
import time

PATIENCE = 5.0  # seconds a program has to end by itself
PAUSES = (0.1, 0.5, 1.0, 2.0, 5.0)  # seconds before each restart of a program that keeps dying
STEADY = 10.0  # seconds after which a program is taken for one that does not
UNDECIDED = 10.0  # seconds after which a program is started without what it waits for
LOOK = 1.0  # seconds between looks at what helpers are to be run for
SOON = 0.02  # and between those of a start
BEYOND_RESTART = os.EX_CONFIG  # what a program ends with where only a person can mend it

STOPS = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
SIGNALS = {*STOPS, signal.SIGCHLD}


class Program:
    """One that is to run: `pid` is 0 while it does not, `due` is when it is to be started."""

    def __init__(self, name: str, command: list[str], cwd: str, after: str = "") -> None:
        self.name = name
        self.command = command
        self.cwd = cwd
        self.after = after
        self.pid = 0
        self.began = self.due = time.monotonic()
        self.deaths = 0

    def is_due(self, now: float) -> bool:
        if self.pid or now < self.due:
            return False
        if self.after and (os.path.exists(self.after) or now >= self.due + UNDECIDED):
            self.after = ""  # the first time only
        return not self.after

    def start(self, environment: dict[str, str], now: float) -> None:
        self.began, self.pid = now, start(self.command, self.cwd, environment)

    def note_end(self, now: float) -> float:
        """Have it started again, after the pause that this answers with."""
        self.pid = 0
        self.deaths = 0 if now - self.began > STEADY else self.deaths + 1
        pause = PAUSES[min(self.deaths, len(PAUSES)) - 1] if self.deaths else PAUSES[0]
        self.due = now + pause
        return pause


class Helper:
    """One that is run to its end whenever it is needed: once where something is there, or as often as it is missing."""

    def __init__(self, command: list[str], when: list[str], *, there: bool) -> None:
        self.command = command
        self.when = when
        self.there = there
        self.pid = 0
        self.is_over = False

    def is_due(self) -> bool:
        found = [os.path.exists(path) for path in self.when]
        return not self.pid and not self.is_over and (all(found) if self.there else not all(found))

    def note_end(self) -> None:
        self.pid, self.is_over = 0, self.there


def start(command: list[str], cwd: str, environment: dict[str, str]) -> int:
    """The pid of the command, in a session of its own."""
    pid = os.fork()
    if pid:
        return pid
    try:
        os.setsid()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.chdir(cwd)
        os.execvpe(command[0], command, environment)  # noqa: S606
    except OSError as error:
        os.write(2, f"{command[0]}: {error.strerror}\n".encode())
    finally:
        os._exit(127)


class Keeper:
    """Everything that is kept running."""

    def __init__(self, plan: dict[str, object]) -> None:
        self.programs = [Program(**program) for program in plan["programs"]]  # type: ignore[attr-defined]
        self.helpers = [Helper(**helper) for helper in plan["helpers"]]  # type: ignore[attr-defined]
        self.environment: dict[str, str] = plan["environment"]  # type: ignore[assignment]
        self.quiet = bool(plan["quiet"])

    def run(self) -> int:
        """0 after a signal, or BEYOND_RESTART once a program has ended with that."""
        while True:
            self.start(time.monotonic())
            told = signal.sigtimedwait(SIGNALS, LOOK if all(each.pid for each in self.programs) else SOON)
            if told is not None and told.si_signo in STOPS:
                return 0
            for pid, code in ended():
                if self.note_end(pid, code):
                    return BEYOND_RESTART

    def start(self, now: float) -> None:
        for program in self.programs:
            if program.is_due(now):
                program.start(self.environment, now)
        for helper in self.helpers:
            if helper.is_due():
                helper.pid = start(helper.command, "/", self.environment)

    def note_end(self, pid: int, code: int) -> bool:
        """Whether nothing can be mended by starting again what ended."""
        for helper in self.helpers:
            if helper.pid == pid:
                helper.note_end()
        for program in self.programs:
            if program.pid == pid:
                pause = program.note_end(time.monotonic())
                kill(pid, signal.SIGKILL)
                if code == BEYOND_RESTART:
                    return True
                self.warn(f"{program.name} ended with {code}; it starts again in {pause:g} s")
        return False

    def warn(self, text: str) -> None:
        if not self.quiet:
            now = time.time()
            at = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(now))
            os.write(2, f"{at},{int(now * 1000) % 1000:03d} serve: WARNING {text}\n".encode())

    def end(self) -> None:
        """End all there is: its own way first, then by force, with whatever it started."""
        running = {each.pid for each in self.programs if each.pid} | {each.pid for each in self.helpers if each.pid}
        left = set(running)
        for pid in running:
            os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + PATIENCE
        while left and time.monotonic() < deadline:
            left -= {pid for pid, _ in ended()}
            if left:
                signal.sigtimedwait({signal.SIGCHLD}, 0.05)
        for pid in running:
            kill(pid, signal.SIGKILL)
        while left:
            left.discard(os.wait()[0])


def ended() -> list[tuple[int, int]]:
    """The pids of what has ended, each with its exit code, which is negative for a signal."""
    found: list[tuple[int, int]] = []
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return found
        if not pid:
            return found
        found.append((pid, os.waitstatus_to_exitcode(status)))


def kill(pid: int, number: int) -> None:
    """Send the signal to the program and all that it started, as far as they are there."""
    try:
        os.killpg(pid, number)
    except (ProcessLookupError, PermissionError):
        pass


def remove(directory: str) -> None:
    for path, names, filenames in os.walk(directory, topdown=False):
        for name in (*names, *filenames):
            gone = os.path.join(path, name)
            os.rmdir(gone) if os.path.isdir(gone) and not os.path.islink(gone) else os.unlink(gone)
    os.rmdir(directory)


def main() -> int:
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)  # they are waited for, and lost at no moment
    with open(sys.argv[1], encoding="utf-8") as file:
        plan = json.load(file)
    keeper = Keeper(plan)
    try:
        return keeper.run()
    finally:
        keeper.end()
        remove(plan["directory"])


if __name__ == "__main__":
    sys.exit(main())
