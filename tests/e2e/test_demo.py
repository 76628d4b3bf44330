"""`make demo` keeps its promises, names none that it missed, and leaves nothing running."""

import os
import re
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

pytestmark = [pytest.mark.stack, pytest.mark.timeout(900)]


def play(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """`firstbell demo WORDS --stop`, in a folder of its own."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FIRSTBELL_")}
    return subprocess.run(
        [str(Path(sys.executable).parent / "firstbell"), "demo", *words, "--stop"],
        cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=800,
    )  # fmt: skip


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[subprocess.CompletedProcess[str], Path]:
    folder = tmp_path_factory.mktemp("demo")
    return play(folder, "--seed", "7"), folder


def test_a_states_schools_walk_every_gate_in_one_wave(tmp_path: Path) -> None:
    done = play(tmp_path, "--act", "state", "--schools", "12")
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    (walked,) = re.findall(r"(\d+) schools walked every gate", done.stdout)
    (opened,) = re.findall(r"gates opened without evidence: 0 of (\d+) checked", done.stdout)
    assert int(opened) == 4 * int(walked) > 0


def test_what_people_time_and_guards_do_is_shown_and_each_explained(tmp_path: Path) -> None:
    done = play(tmp_path, "--act", "people")
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    text = done.stdout
    for shown in (
        "next opening", "lapsed: status-worsened", "received by district-technology", "waived", "frozen", "phase-regressed",
        "waits for wave 2", "trainer-days",
    ):  # fmt: skip
        assert shown in text, shown
    assert "missed:" not in text


def test_the_demo_ends_well(told: tuple[subprocess.CompletedProcess[str], Path]) -> None:
    done, _ = told
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert "missed:" not in done.stdout


def test_the_last_screen_adds_up(told: tuple[subprocess.CompletedProcess[str], Path]) -> None:
    text = told[0].stdout
    (total,) = re.findall(r"(\d+) charter sign-offs", text)[:1]
    groups = re.findall(r"^ +(\d+) (?:reached scale|held by|held for|asked and|waiting for)", text, re.MULTILINE)
    assert len(groups) == 5
    assert sum(int(group) for group in groups) == int(total) // 4, "four signatures a school"
    (opened,) = re.findall(r"gates opened without evidence: 0 of (\d+) checked", text)
    assert int(opened) > int(total) // 4


def test_nothing_real_is_named_without_the_mark(told: tuple[subprocess.CompletedProcess[str], Path]) -> None:
    text = told[0].stdout
    assert "SIMULATED" in text
    report = (told[1] / ".firstbell" / "demo" / "report.html").read_text("utf-8")
    assert "SIMULATED" in report
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", report), "self-contained"


def test_the_demo_leaves_no_process(told: tuple[subprocess.CompletedProcess[str], Path]) -> None:
    place = str(told[1])
    left = []
    for process in psutil.process_iter(["pid", "cmdline"]):
        if any(place in word for word in process.info["cmdline"] or ()):
            left.append(process.info)
    assert left == []
