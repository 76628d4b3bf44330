"""Where a program's waves stand, for `program status`: its own facts folded, and the counts it was told last."""

from dataclasses import asdict, dataclass

from schemas.program import SchoolsMoved, WaveCount, WavePolicy
from schemas.program_fact import ProgramPicture
from services.kit.database import Connection
from workflows.policy.program.wave_words import words


@dataclass(frozen=True, slots=True)
class WaveLine:
    """One wave."""

    number: int
    state: str
    """waiting, open, progressed or aborted."""
    schools: int
    admitted: int
    progressed: int
    failed: int
    silent: int
    left: int


@dataclass(frozen=True, slots=True)
class WaveStatus:
    """A program in waves."""

    policy: str
    waves: tuple[WaveLine, ...]
    without_wave: int
    """Late joiners that have no seat yet."""
    binding: str
    """What keeps the next school out, in words. Empty: nobody waits."""
    line_stopped: str | None
    aborted_districts: tuple[str, ...]

    def tree(self) -> dict[str, object]:
        """What `--json` prints."""
        return asdict(self)


async def wave_status(connection: Connection, program_id: str) -> WaveStatus | None:
    """None: the program has no waves, or is unknown."""
    program = await connection.fetchrow(
        "select waves, picture, sent_moved from program where program_id = $1 and waves is not null", program_id
    )
    if program is None:
        return None
    policy = WavePolicy.model_validate_json(program["waves"])
    picture = ProgramPicture.model_validate_json(program["picture"]) if program["picture"] else ProgramPicture()
    moved = SchoolsMoved.model_validate_json(program["sent_moved"]) if program["sent_moved"] else None
    rows = await connection.fetch(
        """select wave_number, count(*) as schools from rollout where program_id = $1 and status <> 'left'
        and (wave_number is not null or status = 'waiting')
        group by wave_number order by wave_number nulls last""",
        program_id,
    )
    sizes: dict[int | None, int] = {row["wave_number"]: row["schools"] for row in rows}
    numbers = [number for number in sizes if number is not None]
    return WaveStatus(
        policy=f"{policy.name} v{policy.version}",
        waves=tuple(_line(number, sizes[number], picture, moved) for number in numbers),
        without_wave=sizes.get(None, 0),
        binding=words(picture.waits) if picture.waits else "",
        line_stopped=picture.line_stopped,
        aborted_districts=picture.aborted_districts,
    )


def _line(number: int, size: int, picture: ProgramPicture, moved: SchoolsMoved | None) -> WaveLine:
    state = "waiting"
    if number in picture.aborted_waves:
        state = "aborted"
    elif number in picture.progressed:
        state = "progressed"
    elif number in picture.opened:
        state = "open"
    found = moved.waves.get(number, WaveCount()) if moved else WaveCount()
    admitted = picture.admitted.get(number, 0)
    return WaveLine(number, state, size, admitted, found.progressed, found.failed, found.silent, found.left)
