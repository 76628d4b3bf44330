"""The language only grows, and yesterday's samples stay readable."""

import copy
import json
from pathlib import Path

import jsonschema
import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from schemas.__main__ import FOLDER, rendered
from schemas.asyncapi import json_schemas, payload_models
from schemas.compatibility import breaking_changes
from schemas.fact import Picture
from schemas.gate import Criterion, Share, Threshold
from schemas.message import ReadingsArrived, StartRollout
from schemas.model import Strict, Tolerant, canonical_bytes, digest_of
from schemas.samples import raw_samples

RELEASED = Path(__file__).parent / "released"
SAMPLES = Path(__file__).parent / "samples"
GOLDEN = sorted(SAMPLES.glob("*.json"))


def test_generated_files_are_what_the_models_say() -> None:
    committed = {path.name: path.read_text("utf-8") for path in FOLDER.glob("*.json")}
    assert committed == rendered(), "run `make generate` and commit the difference"


@pytest.mark.parametrize("path", sorted(RELEASED.glob("*.json")), ids=lambda path: path.stem)
def test_a_released_schema_only_grows(path: Path) -> None:
    now = json_schemas().get(path.stem)
    assert now is not None, f"{path.stem} was released and is gone: make a new version beside it"
    assert breaking_changes(json.loads(path.read_text("utf-8")), now) == ()


def test_the_comparison_sees_each_kind_of_break() -> None:
    old = json_schemas()["firstbell.provisioning.identity-tested.v1"]

    def broken(edit: str) -> tuple[str, ...]:
        new = copy.deepcopy(old)
        if edit == "removed":
            del new["properties"]["attempts_count"]
        elif edit == "required":
            new["required"].append("simulated")
        elif edit == "type":
            new["properties"]["single_sign_on"]["type"] = "string"
        elif edit == "bound":
            new["properties"]["attempts_count"]["maximum"] = 10
        elif edit == "enum":
            new["$defs"]["Origin"]["enum"] = ["measured"]
        elif edit == "added":
            new["properties"]["extra_count"] = {"type": "integer", "default": 0}
        return breaking_changes(old, new)

    assert broken("added") == ()
    for edit in ("removed", "required", "type", "bound", "enum"):
        assert broken(edit), edit


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_todays_reader_reads_yesterdays_sample(path: Path) -> None:
    model = payload_models()[path.stem]
    model.model_validate_json(path.read_bytes())
    jsonschema.validate(json.loads(path.read_bytes()), json_schemas()[path.stem])


def test_every_raw_event_has_a_sample_that_is_committed() -> None:
    for sample in raw_samples():
        path = SAMPLES / f"{sample.ce_type}.json"
        assert path.exists(), f"write {path.name} from schemas/samples.py"
        assert json.loads(path.read_text("utf-8")) == json.loads(sample.model_dump_json())


@pytest.mark.parametrize("sample", raw_samples(), ids=lambda sample: type(sample).__name__)
@pytest.mark.parametrize(
    "intruder",
    [{"student_name": "x"}, {"email": "a@b.c"}, {"notes": "late again"}, {"teacher": "Ms. Doe"}],
    ids=["name", "e-mail", "free-text", "person"],
)
def test_a_raw_event_refuses_an_unknown_field(sample: BaseModel, intruder: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="Extra inputs"):
        type(sample).model_validate_json(json.dumps(json.loads(sample.model_dump_json()) | intruder))


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_a_tolerant_reader_reads_tomorrows_sample(path: Path) -> None:
    model = payload_models()[path.stem]
    tomorrow = json.dumps(json.loads(path.read_bytes()) | {"added_tomorrow": 1})
    if issubclass(model, Tolerant):
        model.model_validate_json(tomorrow)
    else:
        assert issubclass(model, Strict)
        with pytest.raises(ValidationError):
            model.model_validate_json(tomorrow)


def test_temporal_messages_ignore_what_tomorrow_adds() -> None:
    for model in (StartRollout, ReadingsArrived):
        assert issubclass(model, Tolerant)


def test_a_model_that_grows_by_a_default_keeps_its_digests() -> None:
    class Grown(Picture):
        later: int = 0

    assert digest_of(Grown()) == digest_of(Picture())
    assert digest_of(Grown(attempt=2)) == digest_of(Picture(attempt=2)) != digest_of(Picture())
    assert digest_of(Grown(later=1)) != digest_of(Picture())


def test_what_kind_alone_tells_apart_has_digests_apart() -> None:
    same = {
        "id": "one", "owner": "principal", "next_step": "do it", "source": "default, not a standard", "lesson": "A01",
        "signal": "net.mbps-per-student", "pass_at": 1.0,
    }  # fmt: skip
    assert digest_of(Threshold.model_validate(same)) != digest_of(Share.model_validate(same))
    assert TypeAdapter(Criterion).validate_json(canonical_bytes(Share.model_validate(same))) == Share.model_validate(
        same
    )
