"""How passwords are checked: once each, beside everything else, and slowly for who guesses."""

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping

import pytest

from uploader.auth import guesses, known, passwords, pool, turns
from uploader.auth.basic import Credentials
from uploader.auth.guesses import Guesses
from uploader.auth.known import Known
from uploader.auth.limits import Guess, Limits, TooManyGuesses, household_of
from uploader.auth.passwords import Passwords, Proof
from uploader.auth.pool import Pool
from uploader.auth.turns import Busy, Turns

SLOW, CHEAP = b"$2y$slow", b"{PLAIN}right"
USERS = {"bob": SLOW, "ann": CHEAP}
HERE, THERE = "192.0.2.1", "192.0.2.2"


class Checks:
    """Stands for `hashes.matches`: what is slow waits until it is let go. The right password is `right`."""

    def __init__(self) -> None:
        self.made: list[tuple[bytes, bytes]] = []
        self.running = self.most = 0
        self.go = threading.Event()
        self.go.set()
        self._lock = threading.Lock()

    def __call__(self, password: bytes, hashed: bytes) -> bool:
        with self._lock:
            self.made.append((password, hashed))
            self.running += 1
            self.most = max(self.most, self.running)
        if hashed != CHEAP:
            assert self.go.wait(10)
        with self._lock:
            self.running -= 1
        return password == b"right"


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> Iterator[Checks]:
    found = Checks()
    monkeypatch.setattr(passwords, "matches", found)
    yield found
    found.go.set()


class Desk:
    """One `Passwords` and all that is asked of it, on a loop of its own."""

    def __init__(self, users: Mapping[str, bytes]) -> None:
        self.users = dict(users)
        self.doubted: list[tuple[str, str]] = []
        self.withheld: list[str] = []
        self.limits = Limits(lambda *where: self.doubted.append(where), self.withheld.append)
        self.passwords = Passwords(self.limits)

    async def ask(self, name: str, password: str, address: str = HERE) -> str | None:
        """The user; "later" or "busy" where nobody looked."""
        try:
            proof = await self.passwords.prove(self.users, Credentials(name.encode(), password.encode()), address)
        except TooManyGuesses:
            return "later"
        except Busy:
            return "busy"
        return None if proof is None else proof.user


def run(work: Callable[[Desk], Coroutine[None, None, None]], users: Mapping[str, bytes] = USERS) -> None:
    """Let `work` have a desk."""

    async def go() -> None:
        desk = Desk(users)
        await work(desk)
        desk.passwords.close()

    asyncio.run(go())


def test_a_password_is_checked_once(checks: Checks) -> None:
    async def work(desk: Desk) -> None:
        for _ in range(100):
            assert await desk.ask("bob", "right") == "bob"
            assert await desk.ask("bob", "wrong") is None
            assert await desk.ask("nobody", "wrong") is None

    run(work)
    assert len(checks.made) == 3


def test_many_at_once_are_one_check(checks: Checks) -> None:
    async def work(desk: Desk) -> None:
        assert await asyncio.gather(*(desk.ask("bob", "right") for _ in range(100))) == ["bob"] * 100

    run(work)
    assert len(checks.made) == 1


def test_what_was_found_holds_for_that_hash_alone(checks: Checks) -> None:
    async def work(desk: Desk) -> None:
        assert await desk.ask("bob", "right") == "bob"
        desk.users["bob"] = b"$2y$another"
        assert await desk.ask("bob", "right") == "bob"
        del desk.users["bob"]
        assert await desk.ask("bob", "right") is None

    run(work)
    assert [hashed for _, hashed in checks.made[:2]] == [SLOW, b"$2y$another"]


def test_an_unknown_user_is_checked_and_slowed_down_as_a_known_one(checks: Checks) -> None:
    """Against the hash of somebody, always the same one for a name; of whom, only this process knows."""

    async def work(desk: Desk) -> None:
        for name in ("bob", "no-1", "no-2", "no-3"):
            address = f"192.0.2.{len(checks.made)}"
            said = [await desk.ask(name, f"wrong {n}", address) for n in range(7)]
            assert said == [None] * 5 + ["later"] * 2
        assert await desk.ask("no-1", "right", "192.0.2.99") is None

    run(work)
    by_name = [{hashed for _, hashed in checks.made[n : n + 5]} for n in range(0, 20, 5)]
    assert all(len(hashes) == 1 for hashes in by_name)


def test_unknown_users_are_as_all_known_ones_are(checks: Checks) -> None:
    found = Known()
    assert {found.pick(f"name-{n}".encode(), 4) for n in range(100)} == {0, 1, 2, 3}
    assert len({Known().pick(b"name", 1000) for _ in range(20)}) > 5


def test_who_guesses_waits_longer_than_who_does_not(checks: Checks) -> None:
    async def work(desk: Desk) -> None:
        assert [await desk.ask("bob", f"guess {n}") for n in range(20)] == [None] * 5 + ["later"] * 15
        assert await desk.ask("bob", "right") == "later"  # or it would tell which guess is right
        assert await desk.ask("bob", "right", THERE) == "bob"
        assert await desk.ask("ann", "right") == "ann"

    run(work)
    assert len(checks.made) == 5 + 2


def test_guesses_that_come_at_once_count_before_they_are_checked(checks: Checks) -> None:
    async def work(desk: Desk) -> None:
        said = await asyncio.gather(*(desk.ask("bob", f"guess {n}") for n in range(50)))
        assert (said.count(None), said.count("later")) == (5, 45)

    run(work)
    assert len(checks.made) == 5


def test_the_same_wrong_password_again_and_again_is_one_guess(checks: Checks) -> None:
    """As a client sends it whose user forgot to tell it the new one."""

    async def work(desk: Desk) -> None:
        assert {await desk.ask("bob", "old") for _ in range(100)} == {None}
        assert await desk.ask("bob", "right") == "bob"

    run(work)


def test_a_right_password_leaves_nothing_to_be_forgiven(checks: Checks) -> None:
    async def work(desk: Desk) -> None:
        for n in range(50):
            desk.users["bob"] = b"$2y$%d" % n
            assert await desk.ask("bob", "right") == "bob"

    run(work)


def test_one_address_makes_the_machine_check_only_so_much(checks: Checks) -> None:
    """Whomever it guesses at; of somebody else's address and of cheap hashes nothing is held against it."""

    async def work(desk: Desk) -> None:
        said = [await desk.ask(f"name-{n}", "x") for n in range(40)]
        assert said == [None] * 30 + ["later"] * 10
        assert await desk.ask("bob", "right") == "later"
        assert await desk.ask("bob", "right", THERE) == "bob"
        assert await desk.ask("bob", "right") == "bob"  # that is no work any more
        desk.users["ann"] = CHEAP
        assert await desk.ask("ann", "right") == "ann"

    run(work, {"bob": SLOW})


def test_few_run_at_once_and_nobody_waits_behind_the_guesses_of_another(checks: Checks) -> None:
    checks.go.clear()

    async def work(desk: Desk) -> None:
        flood = [asyncio.create_task(desk.ask(f"name-{n}", "x", HERE)) for n in range(20)]
        while not checks.running:
            await asyncio.sleep(0.001)
        other = asyncio.create_task(desk.ask("bob", "right", THERE))
        await asyncio.sleep(0.01)
        assert not other.done()
        checks.go.set()
        assert await other == "bob"
        assert len(checks.made) <= 3 + pool.THREADS  # not behind all of the flood
        said = await asyncio.gather(*flood)
        assert said.count("busy") == 20 - turns.OF_ONE

    run(work, {"bob": SLOW})
    assert checks.most <= pool.THREADS


def test_what_was_begun_goes_on_when_nobody_waits_any_more(checks: Checks) -> None:
    checks.go.clear()

    async def work(desk: Desk) -> None:
        first = asyncio.create_task(desk.ask("bob", "right"))
        while not checks.running:
            await asyncio.sleep(0.001)
        second = asyncio.create_task(desk.ask("bob", "right"))
        first.cancel()
        checks.go.set()
        assert await second == "bob"
        with pytest.raises(asyncio.CancelledError):
            await first

    run(work)
    assert len(checks.made) == 1


def test_a_user_who_is_guessed_at_is_withheld_from_nginx_until_it_is_quiet() -> None:
    now, withheld = [0.0], list[str]()
    found = Limits(lambda *_: None, withheld.append, clock=lambda: now[0])
    for n in range(9):
        with found.counted(guess := Guess(f"192.0.2.{n}", b"x", "ann", is_slow=False)):
            guess.was_wrong = True
    assert (withheld, found.withheld()) == ([], frozenset())
    with found.counted(guess := Guess(HERE, b"x", "ann", is_slow=False)):
        guess.was_wrong = True
    with found.counted(Guess(HERE, b"x", "ann", is_slow=False)):
        pass
    assert set(withheld) == set(found.withheld()) == {"ann"}
    now[0] = 50.0
    assert found.withheld() == {"ann"}
    now[0] = 61.0
    assert found.withheld() == frozenset()


def test_guesses_nobody_looks_at_count_for_nginx_which_may_have(checks: Checks) -> None:
    async def work(desk: Desk) -> None:
        for n in range(12):
            await desk.ask("ann", f"guess {n}")
        assert set(desk.withheld) == set(desk.limits.withheld()) == {"ann"}

    run(work)


def test_among_wrong_ones_a_right_password_may_be_a_lucky_guess(checks: Checks) -> None:
    """It lets in, but opens no way past the next check; from elsewhere it does."""

    async def work(desk: Desk) -> None:
        right = Credentials(b"bob", b"right")
        for address, is_among_guesses in ((HERE, False), (HERE, True), (THERE, False)):
            proof = await desk.passwords.prove(desk.users, right, address)
            assert proof == Proof("bob", SLOW, address, is_among_guesses)
            await desk.ask("bob", f"wrong {address}", HERE)
        assert set(desk.doubted) == {(HERE, "bob")}

    run(work)


def test_guesses_are_forgiven_one_by_one() -> None:
    found = Guesses(burst=3, pause=10.0)
    for _ in range(3):
        assert found.wait("x", 100.0) == 0
        found.count("x", 100.0)
    assert found.wait("x", 100.0) == 10.0
    assert found.wait("x", 109.0) == 1.0
    assert found.wait("x", 110.0) == 0
    found.count("x", 110.0)
    assert found.wait("x", 110.0) == 10.0
    assert not found.is_quiet("x", 139.0)
    assert found.is_quiet("x", 140.0)
    assert found.wait("y", 110.0) == 0


def test_however_often_somebody_guesses_the_wait_has_an_end() -> None:
    found = Guesses(burst=3, pause=10.0)
    for _ in range(1000):
        found.count("x", 0.0)
    assert found.wait("x", 0.0) == 10.0
    assert found.is_quiet("x", 30.0)


def test_memory_is_bounded_and_who_guesses_most_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guesses, "MOST", 100)
    found = Guesses(burst=3, pause=10.0)
    for _ in range(3):
        found.count("x", 0.0)
    for n in range(1000):
        found.count(n, 0.0)
        assert len(found._forgiven) <= 100
    assert found.wait("x", 0.0) == 10.0
    monkeypatch.setattr(known, "RIGHT", 10)
    monkeypatch.setattr(known, "WRONG", 5)
    memory = Known()
    digests = [memory.digest(Credentials(b"a", b"%d" % n), b"h") for n in range(30)]
    for digest in digests[:20]:
        memory.remember(digest, was_right=True)
    assert memory.recall(digests[10]) is True
    for digest in digests[20:]:
        memory.remember(digest, was_right=False)
    assert [memory.recall(digest) for digest in digests] == [None] * 10 + [True] * 10 + [None] * 5 + [False] * 5


def test_what_is_remembered_tells_no_password_and_parts_cannot_be_shifted() -> None:
    memory = Known()
    digest = memory.digest(Credentials(b"ann", b"password"), b"hash")
    assert len(digest) == 32
    assert digest != Known().digest(Credentials(b"ann", b"password"), b"hash")
    assert digest != memory.digest(Credentials(b"annp", b"assword"), b"hash")
    assert digest != memory.digest(Credentials(b"ann", b"passwordh"), b"ash")


@pytest.mark.parametrize(
    ("address", "household"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("-", "-"),
    ],
)
def test_addresses_that_can_be_had_as_easily_are_one(address: str, household: str) -> None:
    assert household_of(address) == household


def test_threads_for_passwords_let_all_else_go_first() -> None:
    found = Pool()

    async def work() -> None:
        def nice() -> bool:
            return os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) >= pool.NICENESS

        assert await found.run(HERE, nice)

    asyncio.run(work())
    found.close()


def test_nothing_is_left_of_who_waited() -> None:
    found = Turns()

    async def have(address: str) -> None:
        async with found.turn(address):
            await asyncio.sleep(0)

    async def work() -> None:
        await asyncio.gather(*(have(f"192.0.2.{n % 3}") for n in range(20)))

    asyncio.run(work())
    assert (found._waiting.total(), found._turns) == (0, {})
