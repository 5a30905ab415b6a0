"""Every recipe is what the linters of its kind approve of; and each linter finds a mistake that is planted."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.clients.environments import find_client
from tests.recipes.running import RECIPES, read_recipe, run

SCRIPTS = sorted(path.name for path in RECIPES.iterdir() if not path.suffix)
GITHUB = sorted(path.name for path in RECIPES.glob("github-*.yml"))
GITLAB = sorted(path.name for path in RECIPES.glob("gitlab-*.yml"))
SHELLCHECK = ["shellcheck", "--shell=sh"]
LINTERS: dict[str, tuple[list[str], list[str]]] = {
    "shellcheck": (SHELLCHECK, SCRIPTS),
    "jactionlint": (["jactionlint", "--profile", "correctness", "--no-hints", "--oneline"], GITHUB),
    "zizmor": (["zizmor", "--offline", "--no-progress", "--strict-collection"], GITHUB),
    "github-schema": (["check-jsonschema", "--builtin-schema", "vendor.github-workflows"], GITHUB),
    "gitlab-schema": (
        ["check-jsonschema", "--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci"],
        GITLAB,
    ),
}
PLANTED = [
    ("shellcheck", "bucket", '"$from/packages" "$to', '$from/packages "$to'),
    ("jactionlint", "github-pages.yml", "needs: build", "needs: biuld"),
    ("jactionlint", "github-pages.yml", "steps.pages.outputs", "steps.page.outputs"),
    ("jactionlint", "github-ci.yml", "python -m venv fresh", "if python -m venv fresh"),
    ("zizmor", "github-pages.yml", "persist-credentials: false", "lfs: false"),
    ("zizmor", "github-pages.yml", "@d6db90164ac5ed86f2b6aed7e0febac5b3c0c03e # v4.0.5", "@v4"),
    ("zizmor", "github-pages.yml", '"$GITHUB_REF_NAME"', "${{ github.ref_name }}"),
    ("zizmor", "github-ci.yml", "permissions: {}", "permissions: write-all"),
    ("github-schema", "github-ci.yml", "runs-on", "run-on"),
    ("gitlab-schema", "gitlab-ci.yml", "  script:", "  scripts:"),
]


def lint(linter: str, file: Path, home: Path) -> str:
    """What it has to say; empty where it approves."""
    command, _ = LINTERS[linter]
    programs = find_client("zizmor", "linters").parent
    done = run([*command, file], home, {"PATH": f"{programs}:{os.environ['PATH']}"})
    return done.stdout if done.returncode else ""


def check_lines(lines: list[str]) -> str:
    done = subprocess.run([*SHELLCHECK, "-"], input="\n".join(lines), capture_output=True, text=True, check=False)
    return done.stdout


@pytest.mark.parametrize(("linter", "name"), [(linter, name) for linter in LINTERS for name in LINTERS[linter][1]])
def test_a_recipe_is_approved_of(linter: str, name: str, tmp_path: Path) -> None:
    assert lint(linter, RECIPES / name, tmp_path) == ""


@pytest.mark.parametrize(("linter", "name", "right", "wrong"), PLANTED)
def test_a_mistake_is_found(linter: str, name: str, right: str, wrong: str, tmp_path: Path) -> None:
    text = (RECIPES / name).read_text()
    assert right in text
    (tmp_path / name).write_text(text.replace(right, wrong))
    assert lint(linter, tmp_path / name, tmp_path / "home") != ""


@pytest.mark.parametrize("name", GITLAB)
def test_the_lines_of_a_gitlab_job_are_right(name: str) -> None:
    recipe = read_recipe(name)
    jobs = [job for job in recipe.values() if isinstance(job, dict) and "script" in job]
    assert len(jobs) == 2
    assert [check_lines(job["script"]) for job in jobs] == ["", ""]
    assert {job["stage"] for job in jobs} == set(recipe["stages"])
    assert "SC2086" in check_lines(["uv publish --publish-url $LARDER/"])


@pytest.mark.parametrize("path", sorted(RECIPES.iterdir()), ids=lambda path: path.name)
def test_a_recipe_says_first_what_it_is_for(path: Path) -> None:
    lines = path.read_text().splitlines()
    assert lines[0] == "#!/bin/sh" if path.name in SCRIPTS else lines[0].startswith("# ")
    assert lines[1].startswith("#")
    assert path.name in (*SCRIPTS, *GITHUB, *GITLAB)
    assert os.access(path, os.X_OK) == (path.name in SCRIPTS)
    assert max(map(len, lines)) <= 120
