"""The verbs of the Makefile, and what somebody without Python 3.11 is told."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def make(*words, folder=ROOT):
    # These tests run under make themselves: what it tells a make below it is not for this one.
    environment = {
        name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")
    }
    return subprocess.run(["make", *words], cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_help_explains_every_verb():
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    (phony,) = re.findall(r"^\.PHONY: (.*)$", text, re.MULTILINE)

    explained = [line.split()[1] for line in make("help").stdout.splitlines()]

    assert sorted(phony.split()) == sorted(explained)


@pytest.mark.parametrize(("python", "said"), [("", "Python 3.11 was not found"), ("/bin/false", "is not Python 3.11")])
def test_without_the_right_python_one_line_says_what_to_do(tmp_path, python, said):
    for name in ("Makefile", "requirements.txt", "requirements-dev.txt", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)

    answer = make("install", f"PYTHON={python}", folder=tmp_path)

    assert answer.returncode != 0
    first, *rest = answer.stderr.strip().splitlines()
    assert said in first
    assert "make PYTHON=" in first
    assert all(line.startswith("make: ***") for line in rest)
    assert not (tmp_path / ".venv").exists()


def test_the_build_server_calls_lint_and_test():
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")

    assert script.startswith("#!/bin/sh\n")
    assert script.rstrip().endswith("make lint test")
    assert subprocess.run(["sh", "-n", ROOT / ".ci" / "run"], check=False).returncode == 0
