"""Records the histories that CI replays: `python -m tests.replay.record [--home FOLDER] [SCENE...]`.

Run it against a stack that is up, when a change of the workflow is meant to change its commands and no school
pins the old ones. The old files are replaced; look at the difference before you commit it.
"""

import argparse
import asyncio
import sys
from pathlib import Path

from services.bridge import temporal
from services.kit.settings import load_settings
from tests.replay.program_scene import NAME as PROGRAM
from tests.replay.program_scene import play_program
from tests.replay.scenes import SCENES, play

HISTORIES = Path(__file__).parent / "histories"
ROOT = Path(__file__).parents[2]


async def record(home: str | None, names: list[str]) -> None:
    settings = load_settings({"home": home})
    await temporal.register_search_attributes(settings)
    client = await temporal.connect(settings)
    for name in names:
        histories = await (play_program(client) if name == PROGRAM else play(client, name))
        for old in HISTORIES.glob(f"{name}-[0-9].json"):
            old.unlink()
        for number, history in enumerate(histories, 1):
            text = history.to_json().replace(f"{ROOT}/", "")  # a failure's stack names files of this machine
            (HISTORIES / f"{name}-{number}.json").write_text(text + "\n", "utf-8")
        sys.stderr.write(f"{name}: {len(histories)} runs, {sum(len(h.events) for h in histories)} events\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", help="state folder of a stack that is up")
    parser.add_argument("scenes", nargs="*", help="which scenes; none: all")
    given = parser.parse_args()
    asyncio.run(record(given.home, given.scenes or [*SCENES, PROGRAM]))
    sys.stderr.flush()
    import os

    os._exit(0)  # Temporal's threads sometimes abort the interpreter's exit


if __name__ == "__main__":
    main()
