"""`docker compose up` in a fresh clone, on a real engine, as two different users."""

import json
import os
import re
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest

from tests import elsewhere
from tests.archives import digest, make_wheel
from tests.authority import answering
from tests.running import HERE, PASSWORD, USER, Larder, basic, free_port, run_tool, wait_until

NEEDED = os.environ.get("LARDER_NEED_DOCKER") == "1"
DAEMONS = ("indexer", "nginx", "uploader")
COMPOSE = ("docker", "compose", "--progress", "plain", "--ansi", "never")
AWAY = "mv site/default site/gone && mv state/default state/gone && rm -rf site/gone state/gone state/larder.toml"
DOWN = ("down", "--volumes", "--remove-orphans", "--rmi", "local")


@dataclass
class Stack:
    """A clone of this repository at `clone`, whose containers run as `uid` and serve `larder`."""

    clone: Path
    uid: int
    larder: Larder

    @property
    def project(self) -> str:
        return f"larder-test-{os.getpid()}-{self.larder.port}"

    def compose(self, *arguments: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
        """Run `docker compose ARGUMENTS` in the clone."""
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("LARDER_", "COMPOSE_"))
        }
        environment |= {"LARDER_UID": str(self.uid), "LARDER_GID": str(self.uid), "LARDER_PORT": str(self.larder.port)}
        environment |= {"COMPOSE_PROJECT_NAME": self.project}
        done = run(*COMPOSE, *arguments, cwd=self.clone, env=environment)
        assert not check or done.returncode == 0, done.stdout
        return done

    def inspect(self, service: str) -> dict[str, Any]:
        """All that the engine knows of the service's container."""
        [found] = json.loads(run("docker", "inspect", f"{self.project}-{service}-1").stdout)
        assert isinstance(found, dict)
        return found

    def pid(self, service: str) -> int:
        return int(self.inspect(service)["State"]["Pid"])

    def is_healthy(self, service: str) -> bool:
        state = self.inspect(service)["State"]
        return state["Running"] is True and state["Health"]["Status"] == "healthy"

    def refuses_to_write(self, service: str, path: str) -> bool:
        done = self.compose("exec", "-T", service, "touch", path, check=False)
        return done.returncode != 0 and "Read-only file system" in done.stdout

    def upload(self, wheel: Path, at: str = "", user: str = USER) -> None:
        login = ("--username", user, "--password", PASSWORD, "--non-interactive", "--disable-progress-bar")
        run_tool("-m", "twine", "upload", *login, "--repository-url", f"{self.larder.url}/{at}", str(wheel))


def run(
    *command: str, cwd: Path | None = None, env: dict[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    """Run the command; what it says, on either channel, is in `stdout`."""
    return subprocess.run(
        command, cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )


def what_is_missing() -> str:
    """What keeps these tests from running here; nothing where it is empty."""
    if shutil.which("docker") is None:
        return "no docker command on this machine"
    if run("docker", "info").returncode != 0:
        return "no Docker engine answers (`docker info` fails)"
    if run("docker", "compose", "version").returncode != 0:
        return "docker has no compose command"
    return "" if os.geteuid() == 0 else "only root can give a data directory to other users"


@pytest.fixture(scope="module", autouse=True)
def engine() -> None:
    missing = what_is_missing()
    if missing and NEEDED:
        pytest.fail(f"LARDER_NEED_DOCKER=1, but {missing}")
    if missing:
        pytest.skip(f"the containers are not tested: {missing}")


def clone_to(path: Path, uid: int, owner: int) -> Stack:
    """A fresh clone, all of it `owner`'s, with the changes that are not committed yet."""
    listing = subprocess.check_output(["git", "ls-files", "-coz", "--exclude-standard"], cwd=HERE, text=True)
    for name in listing.split("\0"):
        if name and (HERE / name).is_file():
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(HERE / name, path / name)
    for each in (path, *path.rglob("*")):
        os.chown(each, owner, owner)
    return Stack(path, uid, Larder(path / "data", free_port(), path / "log"))


@pytest.fixture(scope="module", params=[1000, 4321], ids=lambda uid: f"as-{uid}")
def stack(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Everything running, with one user who may upload."""
    found = clone_to(tmp_path_factory.mktemp("compose") / "larder", request.param, request.param)
    try:
        found.compose("up", "--detach", "--build")
        found.larder.add_user()
        yield found
    finally:
        found.compose(*DOWN)


def test_all_that_up_starts_is_healthy(stack: Stack) -> None:
    wait_until(lambda: answers(stack), 5)
    wait_until(lambda: all(stack.is_healthy(service) for service in DAEMONS), 20)
    assert stack.inspect("prepare")["State"]["ExitCode"] == 0
    assert not any(stack.inspect(service)["RestartCount"] for service in DAEMONS)


def test_twine_uploads_and_pip_installs(stack: Stack, tmp_path: Path) -> None:
    stack.upload(make_wheel(tmp_path, "uploaded", "1.0"))
    assert (stack.larder.packages / "uploaded-1.0-py3-none-any.whl").stat().st_uid == stack.uid
    assert installed_version(stack, "uploaded", tmp_path / "target") == "1.0"


def test_a_file_dropped_into_the_mounted_directory_is_listed_and_installed(stack: Stack, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, "dropped", "2.0")
    shutil.copy(wheel, stack.larder.packages)
    stack.larder.wait_listed("dropped", wheel, 5)
    assert stack.larder.get(f"/packages/{wheel.name}").body == wheel.read_bytes()
    assert installed_version(stack, "dropped", tmp_path / "target") == "2.0"


def test_twine_and_pip_use_a_repository_of_somebodys_own(stack: Stack, tmp_path: Path) -> None:
    policy = stack.larder.data / "larder.toml"
    policy.write_text('[repositories.team]\ndownload = ["a@b.example"]\nupload = ["a@b.example"]\n')
    stack.larder.add_user("a@b.example")
    wait_until(lambda: stack.larder.get("/repositories/team/simple/").status == 401, 5)
    stack.upload(make_wheel(tmp_path, "teamed", "1.0"), "repositories/team", "a@b.example")
    assert (stack.larder.data / "repositories/team/packages/teamed-1.0-py3-none-any.whl").stat().st_uid == stack.uid
    url = f"http://a%40b.example:{PASSWORD}@127.0.0.1:{stack.larder.port}/repositories/team"
    run_pip("download", url, "--dest", str(tmp_path / "got"), "teamed", below="")
    assert [path.name for path in (tmp_path / "got").iterdir()] == ["teamed-1.0-py3-none-any.whl"]
    policy.write_text(policy.read_text() + "[files.data]\noverwrite = true\n")
    wait_until(lambda: stack.larder.get("/files/data/").status == 200, 5)
    for body, status in ((b"1", 201), (b"2", 204)):
        sent = stack.larder.request("PUT", "/files/data/measured/y1.dat", body, basic("a@b.example", PASSWORD))
        assert (sent.status, stack.larder.get("/files/data/measured/y1.dat").body) == (status, body)
    assert (stack.larder.data / "files/data/measured/y1.dat").stat().st_uid == stack.uid
    shutil.rmtree(stack.larder.data / "repositories/team")
    wait_until(lambda: stack.larder.get("/repositories/team/simple/").status == 404, 5)
    policy.write_text("# open\n")
    wait_until(lambda: stack.larder.get("/health").status == 200, 5)


def installed_version(stack: Stack, project: str, target: Path) -> str:
    run_pip("install", stack.larder.url, "--target", str(target), project)
    script = f"import sys; sys.path.insert(0, {str(target)!r}); import {project}; print({project}.version)"
    return run_tool("-c", script).stdout.strip()


def run_pip(verb: str, url: str, *arguments: str, below: str = "/simple/") -> None:
    """pip, with no index but this one."""
    index = ("--isolated", "--no-cache-dir", "--no-deps", "--index-url", f"{url}{below}")
    run_tool("-m", "pip", verb, *index, *arguments, env={"PIP_CONFIG_FILE": os.devnull})


def test_a_policy_closes_reading_without_a_restart(stack: Stack, tmp_path: Path) -> None:
    wheel = make_wheel(stack.larder.packages, "secret", "1.0")
    stack.larder.wait_listed("secret", wheel, 5)
    policy = stack.larder.data / "larder.toml"
    paths = ("/simple/", "/simple/secret/", f"/packages/{wheel.name}")
    try:
        policy.write_text('[repositories.default]\ndownload = ["authenticated"]\n')
        wait_until(lambda: [stack.larder.get(path).status for path in paths] == [401] * 3, 5)
        for path in paths:
            assert stack.larder.get(path, **basic(USER, PASSWORD)).status == 200
            assert stack.larder.get(path, **basic(USER, "wrong")).status == 401
        run_pip("download", stack.larder.login_url, "--dest", str(tmp_path), "secret")
        assert digest(tmp_path / wheel.name) == digest(wheel)
    finally:
        policy.write_text("# open again\n")  # a file that is gone would change nothing
        wait_until(lambda: stack.larder.get("/simple/").status == 200, 5)


def test_commands_are_given_in_containers(stack: Stack) -> None:
    said = stack.compose("run", "--rm", "-T", "prepare", "larder", "token", "add", "ci", "--download").stdout
    assert "larder-" in said
    assert "ci * download without end" in stack.compose("exec", "-T", "uploader", "larder", "token", "list").stdout
    assert stack.compose("exec", "-T", "uploader", "larder", "check").returncode == 0
    stack.compose("run", "--rm", "-T", "prepare", "larder", "token", "remove", "ci")
    assert (stack.larder.data / "auth/.tokens").read_text() == ""


def test_a_release_is_promoted_and_a_repository_exported_in_containers(stack: Stack, tmp_path: Path) -> None:
    wheel, team = make_wheel(tmp_path, "promoted", "1.0"), stack.larder.data / "repositories/team/packages"
    stack.upload(wheel)
    stack.compose("exec", "-T", "uploader", "mkdir", "-p", "data/repositories/team/packages")
    done = stack.compose("exec", "-T", "uploader", "larder", "copy", "promoted==1.0", "default", "team")
    assert f"{wheel.name}: stored" in done.stdout
    assert (digest(team / wheel.name), (team / wheel.name).stat().st_uid) == (digest(wheel), stack.uid)
    assert "0 files" in stack.compose("exec", "-T", "uploader", "larder", "prune", "--keep", "1").stdout
    public = stack.clone / "public"
    public.mkdir()
    os.chown(public, stack.uid, stack.uid)
    stack.compose(
        "run", "--rm", "--volume", f"{public}:/public", "indexer", "python", "-m", "indexer.export", "/public"
    )
    assert digest(public / "packages" / wheel.name) == digest(wheel)
    assert wheel.name in (public / "simple/promoted/index.html").read_text()
    shutil.rmtree(team.parent)
    wait_until(lambda: stack.larder.get("/health").status == 200, 5)


def test_boards_and_people_have_their_pages_and_all_of_it_can_be_verified(stack: Stack, tmp_path: Path) -> None:
    larder = stack.larder
    wheel = make_wheel(tmp_path, "for-boards", "1.0", {"for_boards/__init__.py": b"x = 1\n"})
    assert larder.upload(wheel, "/", basic(USER, PASSWORD)).status == 200
    wait_until(lambda: larder.get("/project/for-boards/").status == 200, 30)
    wait_until(lambda: "for-boards" in larder.get("/search?q=boards").text, 30)
    found = wait_until(lambda: larder.get("/mip/package/6/for-boards/latest.json"))
    digests = dict(found.json()["hashes"])
    digest_of_one = digests["for_boards/__init__.py"]
    assert larder.get(f"/mip/file/{digest_of_one[:2]}/{digest_of_one}").body == b"x = 1\n"
    (larder.data / "larder.toml").write_text('metrics = ["0.0.0.0/0"]\n')
    wait_until(lambda: "larder_nginx_requests_total" in larder.get("/metrics").text)
    (larder.data / "larder.toml").write_text("# as it was\n")
    wait_until(lambda: larder.get("/metrics").status == 403)
    (larder.packages / "notes.txt").write_text("x")
    done = stack.compose("exec", "-T", "indexer", "larder", "verify", check=False)
    (larder.packages / "notes.txt").unlink()
    lines = [line for line in done.stdout.splitlines() if line.strip()]
    assert (done.returncode, [line.partition(":")[0] for line in lines]) == (1, ["/larder/data/packages/notes.txt"])
    wait_until(lambda: stack.compose("exec", "-T", "indexer", "larder", "verify", check=False).returncode == 0, 60)


def test_a_user_can_be_added_with_docker_alone(stack: Stack) -> None:
    command = ("python", "-m", "uploader.users")
    stack.compose("run", "--rm", "-T", "prepare", "sh", "-c", f"echo {PASSWORD} | {' '.join(command)} add bob --stdin")
    assert "bob" in stack.compose("run", "--rm", "-T", "prepare", *command, "list").stdout.split()
    assert (stack.larder.data / "auth/.htpasswd").stat().st_uid == stack.uid


@pytest.mark.parametrize("service", DAEMONS)
def test_no_process_has_any_privilege(stack: Stack, service: str) -> None:
    facts = dict(line.split(":\t", 1) for line in Path(f"/proc/{stack.pid(service)}/status").read_text().splitlines())
    assert facts["Uid"].split() == facts["Gid"].split() == [str(stack.uid)] * 4
    assert {int(value, 16) for name, value in facts.items() if name.startswith("Cap")} == {0}
    assert facts["NoNewPrivs"] == "1"
    assert stack.inspect(service)["HostConfig"]["ReadonlyRootfs"] is True


def test_only_nginx_is_on_a_network(stack: Stack) -> None:
    published = {service: stack.inspect(service)["HostConfig"]["PortBindings"] or {} for service in DAEMONS}
    assert {service: list(ports) for service, ports in published.items()} == {
        "indexer": [],
        "nginx": ["8089/tcp"],
        "uploader": [],
    }
    assert {stack.inspect(service)["HostConfig"]["NetworkMode"] for service in ("indexer", "uploader")} == {"none"}


@pytest.mark.parametrize(
    ("service", "read", "written"),
    [
        (
            "indexer",
            ("data", "data/packages", "data/repositories", "data/files", "data/upstream", "data/auth"),
            ("site", "state", "run/indexer"),
        ),
        (
            "uploader",
            ("data", "data/auth", "site", "run/indexer"),
            ("data/packages", "data/repositories", "data/files", "data/upstream", "data/log", "run/uploader"),
        ),
        (
            "nginx",
            ("data", "data/packages", "data/repositories", "data/auth", "site", "run/indexer", "run/uploader"),
            (),
        ),
    ],
)
def test_each_program_writes_only_what_is_its_own(
    stack: Stack, service: str, read: tuple[str, ...], written: tuple[str, ...]
) -> None:
    for path in ("/x", "/larder/x", *(f"{name}/.x" for name in read)):
        assert stack.refuses_to_write(service, path), path
    for name in written:
        stack.compose("exec", "-T", service, "sh", "-c", f"touch {name}/.x && rm {name}/.x")


@pytest.mark.parametrize("service", DAEMONS)
def test_nobody_in_a_container_can_open_what_is_closed(stack: Stack, service: str) -> None:
    """Neither the policy nor the users; and what is in force only who decides it."""
    policy = stack.larder.data / "larder.toml"
    policy.touch()
    os.chown(policy, stack.uid, stack.uid)
    for path in ("data/larder.toml", "data/auth/.htpasswd"):
        assert stack.refuses_to_write(service, path), path
        assert stack.compose(
            "exec", "-T", service, "sh", "-c", f"mv data/auth/.htpasswd {path}", check=False
        ).returncode
    if service != "indexer":
        assert stack.refuses_to_write(service, "run/indexer/policy/default/anonymous")


@pytest.mark.parametrize("service", DAEMONS)
def test_a_program_that_is_killed_comes_back(stack: Stack, service: str, tmp_path: Path) -> None:
    before = stack.inspect(service)["RestartCount"]
    os.kill(stack.pid(service), signal.SIGKILL)
    wait_until(lambda: stack.inspect(service)["RestartCount"] > before, 15)
    wait_until(lambda: answers(stack), 15)
    wheel = make_wheel(tmp_path, f"after-{service}", "1.0")
    stack.upload(wheel)
    stack.larder.wait_listed(f"after-{service}", wheel, 5)
    wait_until(lambda: stack.is_healthy(service), 20)


def answers(stack: Stack) -> bool:
    try:
        return stack.larder.get("/health").status == 200
    except OSError:
        return False


def test_what_is_derived_can_be_deleted_and_comes_back(stack: Stack) -> None:
    wheel = make_wheel(stack.larder.packages, "derived", "1.0")
    stack.larder.wait_listed("derived", wheel, 5)
    stack.compose("exec", "-T", "indexer", "sh", "-c", AWAY)
    stack.larder.wait_listed("derived", wheel, 15)
    wait_until(lambda: answers(stack), 15)


def test_packages_deleted_on_the_host_are_gone_and_others_come(stack: Stack) -> None:
    wheel = make_wheel(stack.larder.packages, "short-lived", "1.0")
    stack.larder.wait_listed("short-lived", wheel, 5)
    wheel.unlink()
    stack.larder.wait_gone("short-lived", wheel.name, 5)


def test_stop_is_clean_and_quick_and_start_brings_everything_back(stack: Stack) -> None:
    wheel = make_wheel(stack.larder.packages, "kept", "1.0")
    stack.larder.wait_listed("kept", wheel, 5)
    began = time.monotonic()
    stack.compose("stop")
    assert time.monotonic() - began < 5
    assert {service: stack.inspect(service)["State"]["ExitCode"] for service in DAEMONS} == dict.fromkeys(DAEMONS, 0)
    stack.compose("start")
    wait_until(lambda: answers(stack), 10)
    assert stack.larder.digest("kept", wheel.name) == digest(wheel)


def test_a_restart_leaves_everything_as_it_was(stack: Stack) -> None:
    wheel = make_wheel(stack.larder.packages, "restarted", "1.0")
    stack.larder.wait_listed("restarted", wheel, 5)
    stack.compose("restart")
    wait_until(lambda: answers(stack), 15)
    assert stack.larder.digest("restarted", wheel.name) == digest(wheel)


def test_what_was_closed_while_stopped_is_closed_from_the_first_request_on(stack: Stack) -> None:
    wheel = make_wheel(stack.larder.packages, "secret-too", "1.0")
    stack.larder.wait_listed("secret-too", wheel, 5)
    policy = stack.larder.data / "larder.toml"
    stack.compose("stop")
    policy.write_text('[repositories.default]\ndownload = ["authenticated"]\n')
    try:
        statuses = statuses_while(stack, "start")
        assert 200 not in statuses
        assert 401 in statuses
    finally:
        policy.write_text("# as it was\n")
        wait_until(lambda: stack.larder.get("/simple/").status == 200, 10)


def test_nginx_alone_gives_nothing_away(stack: Stack) -> None:
    """So it is after a reboot, when nothing says who starts first."""
    stack.compose("stop")
    try:
        run("docker", "start", f"{stack.project}-nginx-1")
        wait_until(lambda: reads(stack) == 401, 10)
    finally:
        stack.compose("stop")
        stack.compose("start")
        wait_until(lambda: answers(stack), 15)


def statuses_while(stack: Stack, *command: str) -> list[int]:
    """What somebody without a password is answered while the command runs, and until one with a password reads."""
    statuses: list[int] = []
    done = threading.Event()

    def ask() -> None:
        while not done.is_set():
            statuses.append(reads(stack))

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        stack.compose(*command)
        wait_until(lambda: reads(stack, **basic(USER, PASSWORD)) == 200, 15)
    finally:
        done.set()
        thread.join()
    return statuses


def reads(stack: Stack, **headers: str) -> int:
    try:
        return stack.larder.get("/simple/secret-too/", **headers).status
    except OSError:
        return 0


def test_once_the_uploader_is_let_out_users_are_asked_about_and_projects_found_elsewhere(stack: Stack) -> None:
    """By the file that the README has."""
    [text] = re.findall(r"`compose\.override\.yaml` with `(.*?)`", (HERE / "README.md").read_text(), re.DOTALL)
    override, policy = stack.clone / "compose.override.yaml", stack.larder.data / "larder.toml"
    gateway = run("docker", "network", "inspect", "bridge", "-f", "{{(index .IPAM.Config 0).Gateway}}").stdout.strip()
    override.write_text(text)
    try:
        with answering(gateway) as address:
            policy.write_text("# open\n")
            stack.compose("up", "--detach")
            wait_until(lambda: answers(stack) and stack.larder.get("/simple/").status == 200)
            policy.write_text(f"[repositories.default]\ndownload = ['@team']\n[authentication]\nurl = '{address}'\n")
            wait_until(lambda: stack.larder.get("/simple/").status == 401)
            for password, status in (("s3cret", 200), ("wrong", 401)):
                assert stack.larder.get("/simple/", **basic("from-elsewhere", password)).status == status
        with elsewhere.answering(gateway) as index:
            index.give_project("from-there", index.give_file("from_there-1.0.tar.gz", b"there"))
            policy.write_text(f"[repositories.default]\nupstream = '{index.url}/simple/'\nfallback = 'proxy'\n")
            wait_until(lambda: stack.larder.get("/simple/from-there/").status == 200)
            entry = stack.larder.detail("from-there")["from_there-1.0.tar.gz"]
            assert stack.larder.get(urljoin("/simple/from-there/", entry["url"])).body == b"there"
            [kept] = (stack.larder.data / "upstream").rglob("*-from_there-1.0.tar.gz")
            assert kept.stat().st_uid == stack.uid
    finally:
        override.unlink()
        policy.write_text("# open\n")
        stack.compose("up", "--detach")
        wait_until(lambda: answers(stack))


def test_pages_of_an_earlier_user_are_explained(tmp_path: Path) -> None:
    """The volumes outlive `docker compose down`."""
    stack = clone_to(tmp_path / "larder", uid=1000, owner=1000)
    try:
        stack.compose("up", "--detach", "--build")
        stack.compose("down")
        stack.uid = 4321
        run("chown", "-R", "4321:4321", "./data", cwd=stack.clone)
        assert stack.compose("up", "--detach", check=False).returncode != 0
        said = stack.compose("logs", "prepare").stdout
        assert "cannot write here: it belongs to 1000:1000" in said
        assert "docker compose down --volumes" in said
        stack.compose("down", "--volumes")
        stack.compose("up", "--detach")
        wait_until(lambda: answers(stack), 15)
    finally:
        stack.compose(*DOWN)


def test_a_data_directory_that_cannot_be_written_is_explained(tmp_path: Path) -> None:
    stack = clone_to(tmp_path / "larder", uid=1000, owner=0)
    stack.larder.data.chmod(0o755)
    try:
        stack.compose("build")
        assert stack.compose("up", "--detach", check=False).returncode != 0
        said = stack.compose("logs", "prepare").stdout
        assert "./data: uid 1000 (gid 1000) cannot write here: it belongs to 0:0, mode 0755" in said
        assert "mend it with: sudo chown -R 1000:1000 ./data" in said
        assert [path.name for path in stack.larder.data.iterdir()] == [".gitkeep"]
        run("chown", "-R", "1000:1000", "./data", cwd=stack.clone)
        stack.compose("up", "--detach")
        wait_until(lambda: answers(stack), 15)
    finally:
        stack.compose(*DOWN)
