"""How a command ends: what passes by itself is 3, what a person must mend is said, a bug is not hidden."""

import asyncpg
import pytest
import typer
from kafka.errors import KafkaTimeoutError, TopicAuthorizationFailedError

from services.kit import kafka, terminal
from services.kit.outcome import PermanentError, TemporaryError
from services.kit.settings import Settings

AWAY = [TemporaryError("away"), ConnectionRefusedError("away"), asyncpg.CannotConnectNowError("away")]
TO_MEND = [asyncpg.UndefinedTableError("none"), asyncpg.InvalidPasswordError("no"), PermanentError("mend")]


def ended(error: Exception) -> None:
    async def work(_settings: Settings) -> None:
        raise error

    terminal.run("attic", work)


@pytest.mark.parametrize("error", AWAY, ids=repr)
def test_a_server_that_is_away_is_3_and_one_line(error: Exception, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as left:
        ended(error)
    assert left.value.exit_code == terminal.AWAY
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert "away" in line


@pytest.mark.parametrize("error", TO_MEND, ids=repr)
def test_what_a_person_must_mend_is_left_to_the_door(error: Exception) -> None:
    with pytest.raises(PermanentError):
        ended(error)


def test_a_bug_is_not_called_an_absence() -> None:
    with pytest.raises(ZeroDivisionError):
        ended(ZeroDivisionError())


@pytest.mark.parametrize(
    ("error", "kind"), [(KafkaTimeoutError(), TemporaryError), (TopicAuthorizationFailedError(), PermanentError)]
)
def test_only_what_passes_by_itself_is_temporary_at_kafka(error: Exception, kind: type[Exception]) -> None:
    with pytest.raises(kind, match="Kafka at"), kafka.answering(Settings()):
        raise error


def test_a_command_that_never_says_no_has_no_1() -> None:
    assert "1 " not in terminal.codes(None)
    assert "1 a row fell" in terminal.codes("a row fell")
