"""Releases copied to another repository, and old ones removed: by commands and over HTTP, on a running Larder."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.archives import digest, make_archive, make_sdist, make_wheel
from tests.attestations import make_attestation, make_provenance
from tests.running import PASSWORD, Answer, Larder, basic, run_tool, running_in, wait_until

ANN, BOB, CAT = basic("ann", PASSWORD), basic("bob", PASSWORD), basic("cat", PASSWORD)
POLICY = """
audit = true
[repositories.default]
download = ["anonymous"]
upload = ["ann"]
delete = ["ann"]
[repositories.team]
download = ["ann", "bob"]
upload = ["ann", "cat"]
[repositories.small]
max_upload = "300 B"
[repositories.loose]
overwrite = true
"""


@pytest.fixture
def larder(tmp_path: Path) -> Iterator[Larder]:
    """ann may do everything, bob read and cat upload in `team`."""
    with running_in(tmp_path) as found:
        for user in ("ann", "bob", "cat"):
            found.add_user(user)
        found.rule(POLICY)
        wait_until(lambda: found.get("/repositories/team/simple/", **ANN).status == 200)
        yield found


def command(larder: Larder, *arguments: str) -> tuple[int, list[str]]:
    """Exit code, and all that is printed."""
    done = run_tool("-m", "uploader.commands", "--data", str(larder.data), *arguments, check=False)
    return done.returncode, [*done.stdout.splitlines(), *done.stderr.splitlines()]


def send(larder: Larder, at: str, login: dict[str, str], **fields: str) -> Answer:
    """A form, as `curl --form` sends it."""
    texts = {":action": fields.pop("action"), **{key.rstrip("_"): text for key, text in fields.items()}}
    parts = (f'--b\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{text}\r\n' for key, text in texts.items())
    headers = {"Content-Type": "multipart/form-data; boundary=b", **login}
    return larder.request("POST", f"{at}/", f"{''.join(parts)}--b--\r\n".encode(), headers)


def copy(larder: Larder, login: dict[str, str], source: str, target: str, release: str = "demo==1.0") -> Answer:
    name, _, version = release.partition("==")
    at = "" if target == "default" else f"/repositories/{target}"
    return send(larder, at, login, action="copy", name=name, version=version, from_=source)


def packages(larder: Larder, repository: str = "default") -> Path:
    return larder.data / "packages" if repository == "default" else larder.data / f"repositories/{repository}/packages"


def listed(larder: Larder, repository: str, project: str) -> dict[str, str]:
    """File name → sha256, as the page says."""
    at = "" if repository == "default" else f"/repositories/{repository}"
    answer = larder.get(f"{at}/simple/{project}/", Accept="application/vnd.pypi.simple.v1+json", **ANN)
    files = answer.json()["files"] if answer.status == 200 else []
    return {file["filename"]: file["hashes"]["sha256"] for file in files}


def put(larder: Larder, *files: Path, repository: str = "default") -> None:
    """Have them there and listed."""
    at = "/" if repository == "default" else f"/repositories/{repository}/"
    for file in files:
        answer = larder.upload(file, at, ANN)
        assert answer.status == 200, answer.text


@pytest.fixture
def release(larder: Larder, tmp_path: Path) -> list[Path]:
    """demo 1.0 in the default repository: a wheel, signed and attested, and an sdist."""
    files = [make_wheel(tmp_path / "dist", "demo", "1.0"), make_sdist(tmp_path / "dist", "demo", "1.0")]
    put(larder, *files, make_wheel(tmp_path / "dist", "demo", "2.0"))
    wheel = packages(larder) / files[0].name
    wheel.with_name(f"{wheel.name}.asc").write_text("a signature")
    provenance = make_provenance(make_attestation(wheel.name, digest(wheel)))
    wheel.with_name(f"{wheel.name}.provenance").write_text(json.dumps(provenance))
    wait_until(lambda: "provenance" in larder.detail("demo")[wheel.name])
    return files


def test_a_release_is_linked_into_another_repository_by_a_command(larder: Larder, release: list[Path]) -> None:
    code, said = command(larder, "copy", "Demo==1", "default", "team")
    assert (code, sorted(said)) == (0, sorted(f"{file.name}: stored" for file in release))
    wait_until(lambda: listed(larder, "team", "demo") == {file.name: digest(file) for file in release})
    for file in release:
        assert (packages(larder, "team") / file.name).samefile(packages(larder) / file.name)
    wheel = release[0].name
    for suffix in (".asc", ".provenance"):
        assert (packages(larder, "team") / f"{wheel}{suffix}").read_bytes() == (
            packages(larder) / f"{wheel}{suffix}"
        ).read_bytes()
    code, said = command(larder, "copy", "demo==1.0", "default", "team")
    assert (code, {line.partition(": ")[2] for line in said}) == (0, {"was here already, with the same bytes"})


def test_a_release_is_copied_over_http_and_listed_by_the_time_of_the_answer(
    larder: Larder, release: list[Path]
) -> None:
    answer = copy(larder, ANN, "default", "team")
    assert (answer.status, answer.text.startswith("demo 1.0 copied from default: ")) == (200, True)
    assert listed(larder, "team", "demo") == {file.name: digest(file) for file in release}
    log = [line for line in larder.log.splitlines() if "stored, from default" in line]
    assert len(log) == 2
    assert all("accepted POST '/repositories/team/' from 127.0.0.1 user 'ann' file 'demo-1.0" in line for line in log)
    audit = [json.loads(line) for line in (larder.data / "log/audit.jsonl").read_text().splitlines()]
    assert {(each["repository"], each["outcome"]) for each in audit if each["file"]} >= {
        ("team", "stored, from default")
    }


@pytest.mark.parametrize(
    ("login", "way", "status"),
    [
        (BOB, ("default", "team"), 403),  # reads in team, and may not upload
        (CAT, ("default", "team"), 200),  # uploads in team, and default is open
        (CAT, ("team", "default"), 403),
        (ANN, ("team", "default"), 404),  # there is no such release, which ann may know
        ({}, ("default", "team"), 401),
        (basic("ann", "wrong"), ("default", "team"), 401),
    ],
)
def test_who_copies_may_upload_there_and_read_here(
    larder: Larder, release: list[Path], login: dict[str, str], way: tuple[str, str], status: int
) -> None:
    before = larder.snapshot() if status != 200 else {}
    assert copy(larder, login, *way).status == status
    if before:
        after = {path: said for path, said in larder.snapshot().items() if not path.startswith("log/")}
        assert after == {path: said for path, said in before.items() if not path.startswith("log/")}


def test_nobody_copies_out_of_what_they_may_not_read(larder: Larder, tmp_path: Path) -> None:
    put(larder, make_wheel(tmp_path, "secret", "1.0"), repository="team")
    assert copy(larder, ANN, "team", "loose", "secret==1.0").status == 200
    larder.rule(POLICY.replace('upload = ["ann"]', 'upload = ["ann", "cat"]'))
    assert copy(larder, CAT, "team", "default", "secret==1.0").status == 403  # cat uploads in team, and reads nothing
    assert not (packages(larder) / "secret-1.0-py3-none-any.whl").exists()


def test_a_token_copies_where_it_may_upload_and_read(larder: Larder, release: list[Path]) -> None:
    there = larder.add_token("there", "--repository", "team", "--upload")
    assert copy(larder, there, "default", "team").status == 200
    assert copy(larder, there, "team", "default").status == 403
    reads = larder.add_token("reads", "--repository", "team", "--download")
    assert copy(larder, reads, "default", "team").status == 403


@pytest.mark.parametrize("by", ["command", "http"])
def test_other_bytes_of_the_same_name_are_refused_with_the_whole_release(
    larder: Larder, release: list[Path], tmp_path: Path, by: str
) -> None:
    other = make_sdist(tmp_path / "other", "demo", "1.0", Summary="another")
    assert digest(other) != digest(release[1])
    put(larder, other, repository="team")
    before = {path.name: path.stat().st_ino for path in packages(larder, "team").iterdir()}
    if by == "http":
        answer = copy(larder, ANN, "default", "team")
        assert (answer.status, "File already exists: 'demo-1.0.tar.gz'" in answer.reason) == (409, True)
    else:
        code, [said] = command(larder, "copy", "demo==1.0", "default", "team")
        assert (code, said) == (
            1,
            "larder: File already exists: 'demo-1.0.tar.gz' with other bytes in 'team'",
        )
    assert {path.name: path.stat().st_ino for path in packages(larder, "team").iterdir()} == before


def test_where_overwriting_is_on_other_bytes_are_replaced_and_the_original_keeps_its_time(
    larder: Larder, release: list[Path], tmp_path: Path
) -> None:
    put(larder, make_sdist(tmp_path / "other", "demo", "1.0", Summary="another"), repository="loose")
    original = packages(larder) / "demo-1.0.tar.gz"
    before = original.stat().st_mtime_ns
    assert copy(larder, ANN, "default", "loose").status == 200
    assert listed(larder, "loose", "demo") == {file.name: digest(file) for file in release}
    assert original.stat().st_mtime_ns == before
    assert not (packages(larder, "loose") / "demo-1.0.tar.gz").samefile(original)


def test_other_bytes_that_were_removed_there_do_not_come_back_as_these(
    larder: Larder, release: list[Path], tmp_path: Path
) -> None:
    larder.rule(POLICY.replace('upload = ["ann", "cat"]', 'upload = ["ann", "cat"]\ndelete = ["ann"]'))
    put(larder, make_sdist(tmp_path / "other", "demo", "1.0", Summary="another"), repository="team")
    assert larder.request("DELETE", "/repositories/team/packages/demo-1.0.tar.gz", headers=ANN).status == 200
    answer = copy(larder, ANN, "default", "team")
    assert (answer.status, "was here with other bytes, and was removed" in answer.text) == (409, True)
    assert listed(larder, "team", "demo") == {}


def test_the_limit_of_the_target_holds(larder: Larder, release: list[Path]) -> None:
    answer = copy(larder, ANN, "default", "small")
    assert (answer.status, "expected at most max_upload = 300 B of 'small'" in answer.text) == (413, True)
    assert list(packages(larder, "small").glob("demo*")) == []


def test_a_closed_project_takes_nothing(larder: Larder, release: list[Path]) -> None:
    (packages(larder, "team") / "demo.status").write_text("archived: done")
    assert "demo is archived and takes no uploads: done" in copy(larder, ANN, "default", "team").text
    assert list(packages(larder, "team").glob("*.whl")) == []


def test_what_is_quarantined_or_yanked_is_not_passed_on(larder: Larder, release: list[Path]) -> None:
    mark = packages(larder) / f"{release[1].name}.yanked"
    mark.write_text("it bites")
    wait_until(lambda: larder.detail("demo")[release[1].name]["yanked"])
    answer = copy(larder, ANN, "default", "team")
    assert (answer.status, "is yanked in 'default'" in answer.text) == (409, True)
    mark.unlink()
    (packages(larder) / "demo.status").write_text("quarantined")
    assert "demo is quarantined in 'default'" in copy(larder, ANN, "default", "team").text
    assert list(packages(larder, "team").glob("demo*")) == []


def test_a_file_that_is_not_what_its_page_says_is_not_passed_on(larder: Larder, release: list[Path]) -> None:
    sdist = packages(larder) / release[1].name
    with larder.without("indexer"):
        content = bytearray(sdist.read_bytes())
        content[4] ^= 1
        with sdist.open("r+b") as file:
            file.write(content)
        answer = copy(larder, ANN, "default", "team")
    assert (answer.status, f"has sha256 {digest(sdist)}; its page says" in answer.text) == (409, True)
    assert list(packages(larder, "team").glob("demo*")) == []


def test_a_file_of_another_owner_or_disk_is_copied_with_its_time(
    larder: Larder, release: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can mount")
    other = packages(larder, "away")
    other.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(other)], check=True)
    try:
        shutil.chown(other, *map(int, (packages(larder).stat().st_uid, packages(larder).stat().st_gid)))
        wait_until(lambda: larder.get("/repositories/away/simple/").status == 200)
        assert copy(larder, ANN, "default", "away").status == 200
        for file in release:
            assert digest(other / file.name) == digest(file)
            assert (other / file.name).stat().st_mtime_ns == (packages(larder) / file.name).stat().st_mtime_ns
    finally:
        larder.stop()
        subprocess.run(["umount", str(other)], check=True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["demo", "default", "team"], "'demo'; expected NAME==VERSION"),
        (["demo==x", "default", "team"], "'x' is not a version as PEP 440 has it"),
        (
            ["demo==1.0", "default", "nowhere"],
            "no repository 'nowhere'; expected one of default, loose, small, team",
        ),
        (["demo==1.0", "team", "team"], "'team' is where it is; expected another repository"),
        (["demo==9.0", "default", "team"], "demo 9.0 is not in the repository 'default'"),
    ],
)
def test_a_copy_that_cannot_be_is_said_in_one_line(
    larder: Larder, release: list[Path], arguments: list[str], said: str
) -> None:
    code, [line] = command(larder, "copy", *arguments)
    assert (code, said in line) == (1, True), line


def fill(larder: Larder, tmp_path: Path) -> list[Path]:
    """Five releases of demo, two of other; all but the last of demo are old, and its second is yanked."""
    files = [make_wheel(tmp_path / "dist", "demo", f"{number}.0") for number in range(1, 6)]
    files += [make_wheel(tmp_path / "dist", "other", f"{number}.0") for number in (1, 2)]
    put(larder, *files)
    for file in files[:4] + files[5:]:
        os.utime(packages(larder) / file.name, (1.6e9, 1.6e9))
    (packages(larder) / f"{files[1].name}.yanked").write_text("it bites")
    wait_until(lambda: larder.detail("demo")[files[1].name]["yanked"])
    wait_until(lambda: larder.detail("other")[files[6].name]["upload-time"].startswith("2020"))
    return files


def test_a_rule_removes_nothing_unless_that_is_said(larder: Larder, tmp_path: Path) -> None:
    fill(larder, tmp_path)
    before = larder.snapshot()
    code, said = command(larder, "prune", "--keep", "1", "--days", "30")
    assert code == 0
    assert [line.partition(" ")[0].partition("-py3")[0] for line in said] == [
        "demo-1.0", "demo-3.0", "demo-4.0", "other-1.0", "4",
    ]  # fmt: skip
    assert said[0].startswith("demo-1.0-py3-none-any.whl (demo 1.0, ")
    assert said[0].endswith(", 2020-09-13)")
    assert said[-1].endswith("would be removed; --for-real removes them")
    assert larder.snapshot() == before


def test_a_rule_is_carried_out_by_a_command(larder: Larder, tmp_path: Path) -> None:
    files = fill(larder, tmp_path)
    code, said = command(
        larder, "prune", "--keep", "2", "--days", "30", "--except", "Other", "--except", "demo==3.0", "--for-real"
    )
    assert (code, len(said), said[-1].endswith(", removed")) == (0, 2, True)
    wait_until(lambda: files[0].name not in listed(larder, "default", "demo"))
    assert len(listed(larder, "default", "demo")) == 4
    assert len(listed(larder, "default", "other")) == 2
    remembered = packages(larder) / ".removed" / files[0].name
    assert remembered.read_text().strip() == digest(files[0])
    path = "/packages/demo-4.0-py3-none-any.whl"  # what root removed is in nobody's way
    assert larder.request("DELETE", path, headers=ANN).status == 200


def test_a_rule_is_carried_out_over_http_by_who_may_delete(larder: Larder, tmp_path: Path) -> None:
    files = fill(larder, tmp_path)
    dry = send(larder, "", ANN, action="prune", keep="2", except_="other demo==3.0")
    assert (dry.status, dry.text.splitlines()[0].startswith(files[0].name)) == (200, True)
    assert files[0].name in listed(larder, "default", "demo")
    for login, status in ((BOB, 403), ({}, 401)):
        assert send(larder, "", login, action="prune", keep="1", for_real="yes").status == status
    assert len(listed(larder, "default", "demo")) == 5
    done = send(
        larder, "", {**ANN, "Accept": "application/json"}, action="prune", keep="2", except_="other", for_real="yes"
    )
    assert [file["path"] for file in done.json()["files"]] == [files[0].name, files[2].name]
    assert done.json()["removed"] is True
    assert set(listed(larder, "default", "demo")) == {files[number].name for number in (1, 3, 4)}
    assert larder.log.count("removed, by a rule") == 2
    again = send(larder, "", ANN, action="prune", keep="2", except_="other", for_real="yes")
    assert again.text == "0 files, 0 B, removed\n"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "keep is ''; expected a whole number from 1"),
        ({"keep": "1", "for_real": "true"}, "for_real is 'true'; expected 'yes' or 'no'"),
        ({"keep": "1", "except_": "a/b"}, "a project name has only letters"),
    ],
)
def test_a_rule_that_cannot_be_is_refused_over_http(larder: Larder, fields: dict[str, str], said: str) -> None:
    answer = send(larder, "", ANN, action="prune", **fields)
    assert (answer.status, said in answer.text) == (400, True), answer.text


def test_bytes_of_the_copy_cannot_be_changed_by_writing_into_the_original(larder: Larder, release: list[Path]) -> None:
    assert copy(larder, ANN, "default", "team").status == 200
    for file in release:
        assert (packages(larder, "team") / file.name).stat().st_mode & 0o777 == 0o444
    assert larder.get(f"/packages/{release[0].name}").body == release[0].read_bytes()


def test_a_link_is_not_passed_on(larder: Larder, release: list[Path], tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("root's")
    secret.chmod(0o600)
    signature = packages(larder) / f"{release[0].name}.asc"
    signature.unlink()
    signature.symlink_to(secret)
    answer = copy(larder, ANN, "default", "team")
    assert answer.status in (409, 503), answer.text
    code, [said] = command(larder, "copy", "demo==1.0", "default", "team")
    assert code == 1, said
    assert list(packages(larder, "team").glob("demo*")) == []


@pytest.mark.parametrize("path", ["/etc/hosts", "../../larder.toml", "a/../../x"])
def test_what_no_indexer_wrote_leads_nowhere(larder: Larder, release: list[Path], path: str) -> None:
    listing = larder.data / "site/default/projects/demo/listing.json"
    with larder.without("indexer"):
        lines = json.loads(listing.read_text())
        for entry in lines.values():
            entry[0] = path
        listing.unlink()
        listing.write_text("{\n" + ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in lines.items()) + "\n}\n")
        assert copy(larder, ANN, "default", "team").status == 404
        assert command(larder, "prune", "--keep", "1", "--for-real")[1][-1].startswith("0 files")


def test_a_memory_that_is_a_link_is_not_written_through(larder: Larder, tmp_path: Path) -> None:
    files = fill(larder, tmp_path)
    victim, memory = tmp_path / "victim", packages(larder) / ".removed"
    victim.write_text("mine")
    memory.mkdir()
    (memory / f".incoming-{files[0].name}").symlink_to(victim)
    command(larder, "prune", "--keep", "1", "--days", "30", "--for-real")
    assert victim.read_text() == "mine"
    assert (memory / files[0].name).read_text().strip() == digest(files[0])


def test_what_is_yanked_counts_as_soon_as_it_is(larder: Larder, release: list[Path], tmp_path: Path) -> None:
    with larder.without("indexer"):
        (packages(larder) / f"{release[1].name}.yanked").write_text("it bites")
        assert "is yanked in 'default'" in copy(larder, ANN, "default", "team").text
        said = command(larder, "prune", "--keep", "1", "--for-real")[1]
    assert said == ["0 files, 0 B, removed"]
    assert (packages(larder) / release[0].name).exists()


def test_all_that_is_excepted_stays_however_often_it_is_said(larder: Larder, tmp_path: Path) -> None:
    put(
        larder, *[make_wheel(tmp_path / "dist", name, version) for name in ("aa", "none") for version in ("1.0", "2.0")]
    )
    body = "".join(
        f'--b\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{text}\r\n'
        for key, text in ((":action", "prune"), ("keep", "1"), ("except", "aa"), ("except", "None"))
    )
    headers = {"Content-Type": "multipart/form-data; boundary=b", **ANN}
    answer = larder.request("POST", "/", f"{body}--b--\r\n".encode(), headers)
    assert answer.text.startswith("0 files"), answer.text


def test_no_other_file_of_the_name_comes_in_its_place(larder: Larder, tmp_path: Path) -> None:
    for directory, summary in (("a", "one"), ("b", "another")):
        make_wheel(packages(larder) / directory, "dup", "1.0", Summary=summary)
        os.chmod(packages(larder) / directory, 0o777)  # noqa: PTH101 - root made it
    put(larder, make_wheel(tmp_path, "dup", "2.0"))
    wait_until(lambda: len(listed(larder, "default", "dup")) == 2)
    answer = send(larder, "", ANN, action="prune", keep="1", for_real="yes")
    assert sorted(line.split()[0] for line in answer.text.splitlines()[:-1]) == [
        "a/dup-1.0-py3-none-any.whl",
        "b/dup-1.0-py3-none-any.whl",
    ]
    assert list(listed(larder, "default", "dup")) == ["dup-2.0-py3-none-any.whl"]
    assert [path for path in packages(larder).glob("*/dup-1.0*.whl") if path.parent.name in "ab"] == []


def test_what_cannot_be_removed_is_said_and_keeps_nothing_else(larder: Larder, tmp_path: Path) -> None:
    make_wheel(packages(larder) / "of-root", "stuck", "1.0")
    put(larder, *[make_wheel(tmp_path / "dist", "stuck", "2.0")])
    put(larder, *[make_wheel(tmp_path / "dist", "unstuck", version) for version in ("1.0", "2.0")])
    os.chmod(packages(larder) / "of-root", 0o555)  # noqa: PTH101
    wait_until(lambda: len(listed(larder, "default", "stuck")) == 2)
    answer = send(larder, "", ANN, action="prune", keep="1", for_real="yes")
    assert answer.status == 503
    assert answer.text.splitlines()[0].startswith("unstuck-1.0")
    assert answer.text.splitlines()[1].startswith("not removed: 'of-root/stuck-1.0")
    assert "not removed, by a rule" in larder.log
    assert len(listed(larder, "default", "stuck")) == 2


def test_a_quarantined_project_is_left_as_it_is(larder: Larder, tmp_path: Path) -> None:
    fill(larder, tmp_path)
    (packages(larder) / "demo.status").write_text("quarantined: for the police")
    code, said = command(larder, "prune", "--keep", "1", "--for-real")
    assert (code, [line.split("-")[0] for line in said[:-1]]) == (0, ["other"])


def test_a_rule_tells_nobody_what_they_may_not_read(larder: Larder, tmp_path: Path) -> None:
    put(larder, make_wheel(tmp_path, "secret", "1.0"), make_wheel(tmp_path, "secret", "2.0"), repository="team")
    deletes = larder.add_token("deletes", "--repository", "team", "--delete")
    answer = send(larder, "/repositories/team", deletes, action="prune", keep="1")
    assert (answer.status, "secret" in answer.text) == (403, False)
    uploads = larder.add_token("uploads", "--repository", "team", "--upload", "--download")
    assert send(larder, "/repositories/team", uploads, action="prune", keep="1", for_real="yes").status == 403
    assert len(listed(larder, "team", "secret")) == 2
    both = larder.add_token("both", "--repository", "team", "--delete", "--download")
    assert "secret-1.0" in send(larder, "/repositories/team", both, action="prune", keep="1").text


def test_a_file_that_fails_after_others_is_said_with_those(larder: Larder, release: list[Path], tmp_path: Path) -> None:
    small = packages(larder, "tiny")
    small.mkdir(parents=True)
    big = make_wheel(tmp_path / "big", "big", "1.0", {"big.bin": os.urandom(300_000)})
    put(larder, make_sdist(tmp_path / "big", "big", "1.0"), big)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(small)], check=False).returncode:
        pytest.skip("only root can mount")
    try:
        shutil.chown(small, *map(int, (packages(larder).stat().st_uid, packages(larder).stat().st_gid)))
        wait_until(lambda: larder.get("/repositories/tiny/simple/").status == 200)
        answer = copy(larder, ANN, "default", "tiny", "big==1.0")
        there = sorted(path.name for path in small.glob("big*"))
        assert answer.status == 507, answer.text
        assert there in (["big-1.0.tar.gz"], [])
        assert ("copied were, before it, big-1.0.tar.gz" in answer.text) == bool(there)
        assert larder.log.count("stored, from default") == len(there)
    finally:
        larder.stop()
        subprocess.run(["umount", str(small)], check=True)


def test_a_slip_in_an_option_or_a_name_removes_nothing(larder: Larder, tmp_path: Path) -> None:
    fill(larder, tmp_path)
    before = {path.name for path in packages(larder).iterdir()}
    for options, said in (
        (["--keep", "1", "--for-rea"], "unrecognized arguments: --for-rea"),
        (["--keep", "1", "--for-real", "--except", "dmo"], "there is no dmo to be kept"),
        (["--keep", "1", "--for-real", "--except", "demo==7.7"], "there is no demo==7.7 to be kept"),
        (["--keep", "1", "--for-real", "--except", "demo=1.0"], "'demo=1.0'; expected NAME, or NAME==VERSION"),
    ):
        code, lines = command(larder, "prune", *options)
        assert (code != 0, said in lines[-1]) == (True, True), lines
    for fields, what in (
        ({"excpet": "demo"}, "prune has no field 'excpet'; expected keep, days, except, for_real"),
        ({"repository": "team"}, "prune has no field 'repository'"),
        ({"except_": "dmo"}, "there is no dmo to be kept"),
    ):
        answer = send(larder, "", ANN, action="prune", keep="1", for_real="yes", **fields)
        assert (answer.status, what in answer.text) == (400, True), answer.text
    assert {path.name for path in packages(larder).iterdir()} == before


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"from_": "defalt"}, "there is no repository 'defalt' to copy from"),
        ({"from_": "team"}, "from 'team' to itself; expected another repository"),
        ({}, "a copy without 'from'; expected name, version, from"),
        ({"from_": "default", "form": "x"}, "copy has no field 'form'; expected name, version, from"),
    ],
)
def test_a_copy_that_cannot_be_is_said_over_http(larder: Larder, fields: dict[str, str], said: str) -> None:
    answer = send(larder, "/repositories/team", ANN, action="copy", name="demo", version="1.0", **fields)
    assert (answer.status in (400, 404), said in answer.text) == (True, True), answer.text


@pytest.mark.parametrize("arguments", [("prune", "--keep", "1"), ("copy", "demo==1.0", "default", "team")])
def test_a_directory_that_is_not_there_or_was_never_served_is_said(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    run = ["-m", "uploader.commands", "--data", str(tmp_path / "data"), *arguments]
    said = run_tool(*run, check=False).stderr
    assert said == f"larder: {tmp_path}/data: there is no such directory; expected the data directory of a Larder\n"
    for repository in ("", "repositories/team"):
        (tmp_path / "data" / repository / "packages").mkdir(parents=True)
    said = run_tool(*run, check=False).stderr
    assert said.endswith("there are no pages of 'default' yet; expected those that Larder makes\n")


def test_a_removal_is_no_error_in_the_log(larder: Larder, tmp_path: Path) -> None:
    fill(larder, tmp_path)
    assert command(larder, "prune", "--keep", "1", "--days", "30", "--for-real")[0] == 0
    wait_until(lambda: len(listed(larder, "default", "demo")) == 2)
    wait_until(lambda: larder.get("/project/demo/4.0/").status != 200, 30)
    assert " ERROR " not in larder.log


def test_of_a_name_that_is_of_several_projects_all_in_its_directory_go(larder: Larder, tmp_path: Path) -> None:
    for directory, content in (("foo-2", b"1"), ("b/foo-2", b"2"), ("foo", b"3")):
        where = packages(larder) / directory
        where.mkdir(parents=True)
        make_archive(where / "foo-2-1.tar.gz", "foo-2-1", {"setup.py": content})
        where.chmod(0o777)
    put(larder, make_wheel(tmp_path, "foo-2", "2"), make_wheel(tmp_path, "foo", "3"))
    wait_until(lambda: len(listed(larder, "default", "foo-2")) == 2 and len(listed(larder, "default", "foo")) == 2)
    answer = send(larder, "", ANN, action="prune", keep="1", for_real="yes", except_="foo")
    assert sorted(line.split()[0] for line in answer.text.splitlines()[:-1]) == [
        "b/foo-2/foo-2-1.tar.gz",
        "foo-2/foo-2-1.tar.gz",
    ]
    assert len(listed(larder, "default", "foo-2")) == 1
    assert len(listed(larder, "default", "foo")) == 2


def test_a_signature_that_cannot_be_stored_is_no_reason_to_copy(
    larder: Larder, release: list[Path], tmp_path: Path
) -> None:
    stuck = packages(larder, "team") / f"{release[0].name}.asc"
    stuck.write_text("old")
    if subprocess.run(["chattr", "+i", str(stuck)], check=False).returncode:
        pytest.skip("this file system has no immutable files")
    try:
        answer = copy(larder, ANN, "default", "team")
    finally:
        subprocess.run(["chattr", "-i", str(stuck)], check=True)
    assert answer.status == 503, answer.text
    assert (packages(larder) / release[0].name).stat().st_mode & 0o222 == 0
    assert copy(larder, ANN, "default", "team").status == 200
    assert list(packages(larder, "team").glob(".incoming-*")) == []


def test_a_sidecar_that_cannot_be_read_is_said_to_be_that(larder: Larder, release: list[Path]) -> None:
    signature = packages(larder) / f"{release[0].name}.asc"
    signature.unlink()
    signature.mkdir()
    said = f"'{signature.name}' in 'default': not a file; expected a file that can be read, and no link"
    assert (copy(larder, ANN, "default", "team").status, copy(larder, ANN, "default", "team").text) == (
        409,
        f"{said}\n",
    )
    assert command(larder, "copy", "demo==1.0", "default", "team") == (1, [f"larder: {said}"])


def test_a_form_that_says_too_much_or_twice_is_refused(larder: Larder) -> None:
    def ask(*fields: tuple[str, str]) -> Answer:
        parts = (f'--b\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{text}\r\n' for key, text in fields)
        headers = {"Content-Type": "multipart/form-data; boundary=b", **ANN}
        return larder.request("POST", "/", f"{''.join(parts)}--b--\r\n".encode(), headers)

    much = ask((":action", "prune"), ("keep", "1"), *[("except", "x" * 3000)] * 1000)
    assert (much.status, "the fields 'except' have more than 64 KiB" in much.text) == (400, True)
    twice = ask((":action", "prune"), ("keep", "9"), ("keep", "1"))
    assert (twice.status, "prune has the field 'keep' twice" in twice.text) == (400, True)
