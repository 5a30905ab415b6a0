"""`scripts/larder`: what is wrong is said without starting anything, and nothing is changed."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from store.data import Data
from tests.running import HERE, run_tool


def larder(root: Path, *arguments: str, stdin: str = "") -> tuple[int, str]:
    """Exit code and output, of both channels."""
    command = [sys.executable, "-P", "-m", "uploader.commands", "--data", str(root), *arguments]
    environment = {"PYTHONPATH": str(HERE), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        command, input=stdin, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    return done.returncode, done.stdout


@pytest.fixture
def data(tmp_path: Path) -> Data:
    found = Data.at(tmp_path / "data", tmp_path / "run")
    found.htpasswd.parent.mkdir(parents=True)
    return found


def test_where_all_is_well_nothing_is_said_and_nothing_made(data: Data) -> None:
    assert larder(data.root, "check") == (0, "")
    assert [path.name for path in data.root.rglob("*")] == ["auth"]


def test_all_that_is_wrong_is_said_with_its_line(data: Data) -> None:
    data.htpasswd.write_text("ann:{SSHA}x\nbob\n# a comment\n\ncarl:plain\n")
    data.policy.write_text('[repositories.default]\nupload = ["dave", "@core", 5]\noverwrite = "yes"\n')
    code, said = larder(data.root, "check")
    assert code == 2
    lines = said.splitlines()
    assert lines[0].startswith(f"{data.htpasswd}, lines 1, 2, 5: no user and hash as htpasswd writes them")
    assert lines[1].startswith(f"{data.policy}, line 2: upload = ['dave', '@core', 5]; expected a list of user names")
    assert lines[2].startswith(f"{data.policy}, line 3: overwrite = 'yes'; expected true or false; what cannot be")
    assert lines[3] == f"{data.policy}, line 2: there is no group '@core'; expected one below [groups] (a warning)"
    assert lines[4].startswith(f"{data.policy}, line 2: there is no user 'dave'; expected one of .htpasswd")
    assert len(lines) == 5


def test_a_policy_that_would_be_refused_is_said(data: Data) -> None:
    for text, reason in (("download = [", "line 1: "), ("[repo]", "line 1: 'repo' is no key; expected")):
        data.policy.write_text(text)
        code, said = larder(data.root, "check")
        assert (code, said.startswith(f"{data.policy}, {reason}")) == (2, True), said
        assert said.endswith("it would not be put in force\n")
    data.policy.unlink()
    data.policy.mkdir()
    assert larder(data.root, "check") == (2, f"{data.policy}, it is no file; it would not be put in force\n")


def test_a_directory_that_is_none_is_said(data: Data) -> None:
    typo = data.root / "typo"
    said = f"{typo}: there is no such directory; expected the data directory of a Larder\n"
    assert larder(typo, "check") == (2, said)
    data.policy.write_text(" \n")
    assert larder(data.root, "check") == (2, f"{data.policy}, it is empty; it would not be put in force\n")


def test_a_warning_alone_is_no_failure(data: Data) -> None:
    data.policy.write_text('[repositories.default]\nupload = ["ann"]\n')
    code, said = larder(data.root, "check")
    assert (code, said.count("\n"), said.endswith("(a warning)\n")) == (0, 1, True)


def test_users_are_kept_as_by_scripts_user(data: Data) -> None:
    (data.root / "packages").mkdir()
    assert larder(data.root, "user", "add", "ann", "--stdin", stdin="correct-horse\n") == (0, "")
    assert larder(data.root, "user", "list") == (0, "ann\n")
    assert larder(data.root, "user", "remove", "bob")[0] == 1
    assert larder(data.root, "user", "remove", "ann") == (0, "")
    assert data.htpasswd.read_text() == ""


@pytest.mark.parametrize("arguments", [(), ("nothing",), ("check", "x"), ("user",), ("user", "add")])
def test_what_it_does_not_know_it_explains(data: Data, arguments: tuple[str, ...]) -> None:
    code, said = larder(data.root, *arguments)
    assert (code, "usage: larder" in said) == (2, True)
    assert larder(data.root, *arguments, "--help")[0] == 0 or "x" in arguments or "nothing" in arguments


def test_commands_at_once_take_nothing_from_each_other(data: Data) -> None:
    (data.root / "packages").mkdir()
    with ThreadPoolExecutor(8) as pool:
        names = [f"t{number}" for number in range(12)]
        codes = list(pool.map(lambda name: larder(data.root, "token", "add", name, "--upload")[0], names))
    assert codes == [0] * 12
    assert len(larder(data.root, "token", "list")[1].splitlines()) == 12


@pytest.mark.parametrize("typed", ["larder ", "scripts/larder ", "/srv/larder/scripts/larder "])
def test_bash_completes_the_commands_under_every_name_they_have(data: Data, typed: str) -> None:
    code, script = larder(data.root, "completion", "bash")
    assert code == 0
    assert complete(script, typed) == ["check", "completion", "copy", "prune", "token", "user", "verify"]
    assert complete(script, f"{typed}user ") == ["add", "list", "remove"]
    assert complete(script, f"{typed}token add ci --") == [
        "--days",
        "--delete",
        "--download",
        "--files",
        "--help",
        "--repository",
        "--upload",
    ]


def complete(script: str, typed: str) -> list[str]:
    """What bash offers at the end of what was typed, by the function that it would take."""
    name, *words = typed.split(" ")
    asked = f"""
COMP_WORDS=({name} {" ".join(f"'{word}'" for word in words)}) COMP_CWORD={len(words)}
spec=$(complete -p {name.rpartition("/")[2]}) && spec=${{spec##*-F }}
"${{spec%% *}}" && printf '%s\\n' "${{COMPREPLY[@]}}"
"""
    said = subprocess.run(["bash", "-c", script + asked], capture_output=True, text=True, check=True)
    return sorted(word.strip() for word in said.stdout.splitlines())


def test_zsh_takes_it_as_the_readme_has_it(data: Data) -> None:
    code, script = larder(data.root, "completion", "zsh")
    asked = 'autoload -U compinit && compinit -D && eval "$1" && print -r -- "$_comps[larder]"'
    said = subprocess.run(["zsh", "-fc", asked, "zsh", script], capture_output=True, text=True, check=True)
    assert (code, said.stdout, said.stderr) == (0, "_shtab_larder\n", "")


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh"])
def test_what_a_shell_needs_is_printed_whole(data: Data, shell: str) -> None:
    code, script = larder(data.root, "completion", shell)
    assert (code, "larder" in script, "token" in script) == (0, True, True)


def test_a_command_that_cannot_be_run_is_a_warning(data: Data) -> None:
    data.policy.write_text("[authentication]\ncommand = ['/nonexistent/who']\n")
    said = f"{data.policy}, [authentication]: /nonexistent/who is no program that can be run (a warning)\n"
    assert larder(data.root, "check") == (0, said)


def test_a_directory_that_is_called_as_nothing_can_be_is_said(tmp_path: Path) -> None:
    for path in ("repositories/Bad_Repo/packages", "files/Bad Store", "files/data", "repositories/team", "files/.x"):
        (tmp_path / "data" / path).mkdir(parents=True)
    (tmp_path / "data/auth").mkdir()
    said = run_tool("-m", "uploader.commands", "--data", str(tmp_path / "data"), "check").stdout
    assert "'Bad_Repo' is no name of a repository, so it is not served; expected up to 64 lower-case letters" in said
    assert "'Bad Store' is no name of a file store, so it is not served" in said
    assert said.count("is not served") == 2
