"""Files that people put into `packages/`, by every way they have; watched, and polled."""

import os
import shutil
import subprocess
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.archives import digest, make_sdist, make_wheel
from tests.conftest import Start
from tests.running import Larder, running_in, wait_until

SOON = 1.0  # seconds from the last byte to the page
SLACK = 2.0  # more, for a test machine that has other things to do


@pytest.fixture(scope="module", params=["auto", "poll"])
def larder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Larder]:
    """One for all tests that leave no trace in each other's projects."""
    directory = tmp_path_factory.mktemp("drop")
    with running_in(directory, LARDER_WATCH=request.param) as found:
        yield found


@pytest.mark.parametrize("protocol", [[], ["-O"]], ids=["sftp", "legacy"])
def test_a_file_copied_by_scp_is_listed(larder: Larder, sshd: list[str], tmp_path: Path, protocol: list[str]) -> None:
    name = f"by-scp{len(protocol)}"
    wheel = make_wheel(tmp_path, name, "1.0", {"noise": os.urandom(3 << 20)})
    subprocess.run(["scp", *protocol, *sshd, str(wheel), f"127.0.0.1:{larder.packages}/"], check=True)
    larder.wait_listed(name, wheel, SOON + SLACK)


def test_a_file_copied_by_rsync_is_listed(larder: Larder, sshd: list[str], tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path / "from/nested", "by-rsync", "1.0")
    shell = " ".join(["ssh", *sshd]).replace(" -P ", " -p ")
    subprocess.run(["rsync", "-a", "-e", shell, f"{tmp_path}/from/nested", f"127.0.0.1:{larder.packages}/"], check=True)
    larder.wait_listed("by-rsync", wheel, SOON + SLACK)


def copy(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)


def copy_with_time(source: Path, target: Path) -> None:
    os.utime(source, (1e9, 1e9))
    shutil.copy2(source, target)


def move(source: Path, target: Path) -> None:
    shutil.copyfile(source, source.with_suffix(".copy"))
    source.with_suffix(".copy").rename(target)


def hard_link(source: Path, target: Path) -> None:
    target.hardlink_to(source)


def symbolic_link(source: Path, target: Path) -> None:
    """A relative one: root's programs may not pass the directories above a test's."""
    target.symlink_to(os.path.relpath(source, target.parent))


@pytest.mark.parametrize("way", [copy, copy_with_time, move, hard_link, symbolic_link])
def test_a_file_is_listed_however_it_came(larder: Larder, tmp_path: Path, way: Callable[[Path, Path], None]) -> None:
    name = f"came-by-{way.__name__}".replace("_", "-")
    wheel = make_wheel(larder.data / ".beside", name, "1.0")
    way(wheel, larder.packages / wheel.name)
    entry = larder.wait_listed(name, larder.packages / wheel.name, SOON + SLACK)
    assert larder.get(f"/simple/{name}/{entry['url']}").body == wheel.read_bytes()


def test_a_tree_of_directories_comes_moves_and_goes(larder: Larder, tmp_path: Path) -> None:
    wheels = [make_wheel(tmp_path / f"tree/a/{n}/b c", f"tree-{n}", "1.0") for n in range(3)]
    shutil.copytree(tmp_path / "tree", larder.packages / "tree")
    for number, wheel in enumerate(wheels):
        larder.wait_listed(f"tree-{number}", wheel, SOON + SLACK)
    (larder.packages / "tree").rename(larder.packages / "other")
    wait_until(lambda: "/other/a/1/b%20c/" in larder.detail("tree-1")[wheels[1].name]["url"], SOON + SLACK)
    assert larder.get(f"/packages/other/a/1/b%20c/{wheels[1].name}").body == wheels[1].read_bytes()
    shutil.rmtree(larder.packages / "other")
    for number, wheel in enumerate(wheels):
        larder.wait_gone(f"tree-{number}", wheel.name, SOON + SLACK)
    assert larder.get("/simple/tree-1/").status == 404
    wait_until(lambda: "tree-1" not in larder.get("/simple/").text)


def test_a_directory_moved_away_takes_its_projects_along(larder: Larder, tmp_path: Path) -> None:
    wheel = make_wheel(larder.packages / "here", "moved-away", "1.0")
    larder.wait_listed("moved-away", wheel, SOON + SLACK)
    (larder.packages / "here").rename(tmp_path / "away")
    larder.wait_gone("moved-away", wheel.name, SOON + SLACK)


def test_a_replaced_file_changes_its_digest(larder: Larder, tmp_path: Path) -> None:
    wheel = make_wheel(larder.packages, "replaced", "1.0")
    larder.wait_listed("replaced", wheel, SOON + SLACK)
    other = make_wheel(tmp_path, "replaced", "1.0", {"more.py": b"more"})
    shutil.copyfile(other, wheel)
    larder.wait_listed("replaced", other, SOON + SLACK)


def test_a_removed_file_leaves_the_page_and_a_removed_project_has_none(larder: Larder) -> None:
    wheels = [make_wheel(larder.packages, "removed", version) for version in ("1.0", "2.0")]
    for wheel in wheels:
        larder.wait_listed("removed", wheel, SOON + SLACK)
    metadata = f"/packages/{wheels[0].name}.metadata"
    assert larder.get(metadata).status == 200
    wheels[0].unlink()
    larder.wait_gone("removed", wheels[0].name, SOON + SLACK)
    wait_until(lambda: larder.get(metadata).status == 404)
    wheels[1].unlink()
    wait_until(lambda: larder.get("/simple/removed/").status == 404, SOON + SLACK)


@pytest.fixture(params=["auto", "poll"])
def own_larder(request: pytest.FixtureRequest, start_larder: Start) -> Larder:
    """One to stop, or to take things away from."""
    return start_larder(LARDER_WATCH=request.param)


def test_what_changed_while_nothing_ran_is_found_at_the_start(own_larder: Larder) -> None:
    larder = own_larder
    kept, gone = make_wheel(larder.packages, "kept", "1.0"), make_wheel(larder.packages, "gone", "1.0")
    larder.wait_listed("kept", kept)
    larder.wait_listed("gone", gone)
    larder.stop()
    gone.unlink()
    come = make_wheel(larder.packages / "deep", "come", "1.0")
    larder.start()
    larder.wait_listed("come", come)
    larder.wait_gone("gone", gone.name)
    assert larder.digest("kept", kept.name) == digest(kept)


@pytest.mark.parametrize("suffix", [".whl", ".tar.gz", ".zip", ".tar.bz2"])
def test_a_half_copied_file_is_never_listed(larder: Larder, tmp_path: Path, suffix: str) -> None:
    name = f"slow{suffix.replace('.', '-')}"
    source = make_wheel(tmp_path, name, "1.0") if suffix == ".whl" else make_sdist(tmp_path, name, "1.0", suffix)
    content = source.read_bytes()
    target = larder.packages / source.name
    with target.open("wb") as file:
        for start in range(0, len(content), len(content) // 4):
            assert larder.digest(name, source.name) is None
            file.write(content[start : start + len(content) // 4])
            file.flush()
            wait_for_a_while(larder, name, source.name)
    larder.wait_listed(name, source, SOON + SLACK)


def wait_for_a_while(larder: Larder, project: str, filename: str) -> None:
    """Long enough for the indexer to have looked at what is there, watched or polled."""
    until = time.monotonic() + 0.8
    wait_until(lambda: larder.digest(project, filename) is not None or time.monotonic() > until)


def test_a_stalled_copy_is_said_to_be_incomplete(larder: Larder, tmp_path: Path) -> None:
    source = make_wheel(tmp_path, "stalled", "1.0")
    target = larder.packages / source.name
    target.write_bytes(source.read_bytes()[:-30])
    wait_until(lambda: "not a whole zip archive" in larder.get("/").text)
    wait_until(lambda: f"rejected '{source.name}'" in larder.log)
    with target.open("ab") as file:
        file.write(source.read_bytes()[-30:])
    larder.wait_listed("stalled", source, SOON + SLACK)
    wait_until(lambda: "not a whole zip archive" not in larder.get("/").text)


def test_what_is_no_distribution_is_rejected_with_its_reason(larder: Larder, tmp_path: Path) -> None:
    (larder.packages / "notes.txt").write_text("hello")
    damaged = bytearray(make_wheel(tmp_path, "damaged", "1.0", {"noise": os.urandom(1000)}).read_bytes())
    damaged[200] ^= 1
    (larder.packages / "damaged-1.0-py3-none-any.whl").write_bytes(damaged)
    (larder.packages / "lost-1.0.tar.gz.yanked").touch()
    make_wheel(larder.packages / "a", "twice", "1.0")
    make_wheel(larder.packages / "b", "twice", "1.0")
    with tarfile.open(larder.packages / "out-1.0.tar.gz", "w:gz") as archive:
        archive.addfile(tarfile.TarInfo("/etc/out"))
    os.mkfifo(larder.packages / "pipe-1.0.tar.gz")
    (larder.packages / "dangling-1.0.tar.gz").symlink_to("nowhere")
    (larder.packages / os.fsdecode(b"caf\xe9-1.0.tar.gz")).touch()
    names = ["notes.txt", "damaged-1.0-py3-none-any.whl", "lost-1.0.tar.gz.yanked", "out-1.0.tar.gz"]
    names += ["b/twice-1.0-py3-none-any.whl", "pipe-1.0.tar.gz", "dangling-1.0.tar.gz", "caf\\udce9-1.0.tar.gz"]
    for name in names:
        wait_until(lambda name=name: f"<dt>{name}</dt>" in larder.get("/").text)  # type: ignore[misc]
        wait_until(lambda name=name: f"rejected '{name}': " in larder.log)  # type: ignore[misc]
    assert list(larder.detail("twice")) == ["twice-1.0-py3-none-any.whl"]
    assert larder.get("/simple/damaged/").status == 404


@pytest.mark.parametrize("name", [".hidden", "x.part", "x.tmp", "x.filepart", "x.swp", "x~", ".git/x-1.0.tar.gz"])
def test_unfinished_and_hidden_names_are_neither_listed_nor_served(larder: Larder, tmp_path: Path, name: str) -> None:
    file = larder.packages / name
    file.parent.mkdir(exist_ok=True)
    shutil.copyfile(make_sdist(tmp_path, "x", "1.0"), file)
    shown = make_sdist(larder.packages, "shown", "1.0")
    larder.wait_listed("shown", shown)
    assert larder.get(f"/packages/{name}").status == 404
    assert larder.get("/simple/x/").status == 404
    assert name not in larder.get("/").text


def test_a_file_beside_yanks_and_its_removal_unyanks(larder: Larder) -> None:
    wheel = make_wheel(larder.packages, "yank", "1.0")
    larder.wait_listed("yank", wheel)
    mark = larder.packages / f"{wheel.name}.yanked"

    def yanked() -> object:
        return larder.detail("yank")[wheel.name]["yanked"]

    mark.write_text('broken <on> "Tuesdays"\n')
    wait_until(lambda: yanked() == 'broken <on> "Tuesdays"', SOON + SLACK)
    assert 'data-yanked="broken &lt;on&gt; &quot;Tuesdays&quot;"' in larder.get("/simple/yank/").text
    mark.write_text("")
    wait_until(lambda: yanked() is True, SOON + SLACK)
    assert 'data-yanked=""' in larder.get("/simple/yank/").text
    mark.unlink()
    wait_until(lambda: yanked() is False, SOON + SLACK)
    assert "data-yanked" not in larder.get("/simple/yank/").text


def test_polling_is_said(start_larder: Start) -> None:
    larder = start_larder(LARDER_WATCH="poll")
    assert "polling" in larder.log
    assert "LARDER_WATCH=poll" in larder.log


def test_a_packages_directory_that_was_replaced_is_watched_again(own_larder: Larder) -> None:
    larder = own_larder
    wheel = make_wheel(larder.packages, "before", "1.0")
    larder.wait_listed("before", wheel)
    larder.packages.rename(larder.data / "old")
    wait_until(lambda: "what was listed stays" in larder.get("/health").text)
    assert larder.digest("before", wheel.name) == digest(larder.data / "old" / wheel.name)
    larder.packages.mkdir()
    larder.wait_gone("before", wheel.name)
    larder.wait_listed("after", make_wheel(larder.packages, "after", "1.0"))


def test_a_changed_time_and_a_changed_mode_are_noticed(larder: Larder, tmp_path: Path) -> None:
    wheel = make_wheel(larder.packages, "touched", "1.0")
    larder.wait_listed("touched", wheel)
    os.utime(wheel, (1.6e9, 1.6e9))
    wait_until(lambda: larder.detail("touched")[wheel.name]["upload-time"] == "2020-09-13T12:26:40.000000Z")


def test_a_multi_file_copy_says_of_every_file_what_is_wrong_with_it_once(larder: Larder, tmp_path: Path) -> None:
    for number in range(20):
        make_wheel(tmp_path / "from", "copied", f"1.{number}", {"noise": os.urandom(20_000)})
        (tmp_path / f"from/notes-{number}.txt").write_text("x")
    subprocess.run(["cp", "-r", str(tmp_path / "from"), str(larder.packages / "copied")], check=True)
    wait_until(lambda: len(larder.detail("copied")) == 20)
    for number in range(20):
        wait_until(lambda number=number: f"rejected 'copied/notes-{number}.txt': " in larder.log)  # type: ignore[misc]
    assert larder.log.count("rejected 'copied/") == 20


def test_a_distribution_elsewhere_in_the_data_directory_is_noticed(larder: Larder) -> None:
    lost = [make_wheel(larder.data, "lost", "1.0"), make_wheel(larder.data / "pacakges", "lost", "2.0")]
    for wheel in lost:
        path = str(wheel.relative_to(larder.data))
        wait_until(lambda path=path: f"{path!r} lies in {larder.data}; expected in" in larder.log)  # type: ignore[misc]
        wait_until(lambda path=path: path in larder.get("/").text)  # type: ignore[misc]
    wait_until(lambda: "lie outside of packages/" in larder.get("/health").text)
    for wheel in lost:
        wheel.unlink()
    wait_until(lambda: larder.get("/health").text == "ok\n")
