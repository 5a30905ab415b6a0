"""Recipes run as they stand: scripts by their name, and the lines of a CI recipe as its service runs them."""

import functools
import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.clients.environments import DISTURBING, find_client, run_client
from tests.running import HERE

RECIPES = HERE / "recipes"
PYPROJECT = """
[project]
name = "{name}"
version = "{version}"
description = "Made for a test"
requires-python = ">=3.11"

[build-system]
requires = ["flit_core"]
build-backend = "flit_core.buildapi"
"""
_READ = "import json, sys, ruamel.yaml as y; json.dump(y.YAML(typ='safe').load(sys.stdin), sys.stdout)"
_OTHERS = (*DISTURBING, "GH_", "GITHUB_", "AWS_", "RCLONE_", "RSYNC_", "CI", "GIT_")


def run(
    command: list[str | Path], home: Path, environment: Mapping[str, str] | None = None, cwd: Path | None = None
) -> "subprocess.CompletedProcess[str]":
    """With a home of its own and nothing of the test's environment that would reach the program."""
    return run_client(command, home, cwd, environment, _OTHERS)


def on_path(client: str) -> dict[str, str]:
    """An environment in which `python` is that of a client's, and its programs are found first."""
    return {"PATH": f"{find_client('python', client).parent}:{os.environ['PATH']}"}


@functools.cache
def read_recipe(name: str) -> Any:
    """What a YAML file says."""
    python = find_client("python", "linters")
    said = subprocess.check_output([python, "-c", _READ], input=(RECIPES / name).read_bytes())
    return json.loads(said)


def fill_in(text: str, known: Mapping[str, str]) -> str:
    """With each `${{ expression }}` replaced by what is known of it."""
    return re.sub(r"\$\{\{ (.+?) \}\}", lambda found: known[found[1]], text)


def steps_on_github(name: str, job: str, known: Mapping[str, str]) -> Iterator[tuple[str, dict[str, str]]]:
    """The lines of each step that runs something, and what is in its environment."""
    of_job = read_recipe(name)["jobs"][job]
    for step in of_job["steps"]:
        if "run" in step:
            said = {**of_job.get("env", {}), **step.get("env", {})}
            yield step["run"], {key: fill_in(value, known) for key, value in said.items()}


def run_on_github(
    name: str, job: str, where: Path, known: Mapping[str, str], environment: Mapping[str, str]
) -> "subprocess.CompletedProcess[str]":
    """Its steps one after the other, until one fails; the last one that ran. What `environment` has is in force."""
    for lines, said in steps_on_github(name, job, known):
        done = run(["bash", "-e", "-c", lines], where.parent / "home", {**said, **environment}, where)
        if done.returncode:
            break
    return done


def run_on_gitlab(
    name: str, job: str, where: Path, environment: Mapping[str, str]
) -> "subprocess.CompletedProcess[str]":
    """All its lines in one shell, which ends with the first that fails."""
    recipe = read_recipe(name)
    lines = [*recipe["default"]["before_script"], *recipe[job]["script"]]
    return run(["sh", "-e", "-c", "\n".join(lines)], where.parent / "home", environment, where)


def make_project(directory: Path, name: str, version: str) -> None:
    """A clone of a project, to be built; its only commit is of a moment that is long ago."""
    directory.mkdir(parents=True)
    (directory / "pyproject.toml").write_text(PYPROJECT.format(name=name, version=version))
    (directory / f"{name}.py").write_text(f'"""Made for a test."""\n\nversion = "{version}"\n')
    who = ["-c", "user.name=Ann", "-c", "user.email=ann@example.org"]
    when = {"GIT_AUTHOR_DATE": "2024-01-02T03:04:05Z", "GIT_COMMITTER_DATE": "2024-01-02T03:04:05Z"}
    for command in (["init", "-q"], ["add", "."], [*who, "commit", "-q", "-m", "All of it"]):
        done = run(["git", *command], directory.parent / "home", when, directory)
        assert done.returncode == 0, done.stdout
