"""Whatever is done to a chain is found and its place named; whatever is done to its heads, too."""

import json
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("cryptography")

from schemas.audit import AuditHead
from schemas.model import digest_of
from services.auditor.chain import heads
from services.auditor.chain.heads import BrokenChainError, read_files
from services.auditor.chain.journal import Chains
from services.auditor.chain.keys import PUBLIC_FILE, load_signer, load_verifier
from services.auditor.chain.links import Fault, FaultKind, Link, first_fault, follow
from services.auditor.chain.walk import walk
from services.kit.outcome import PermanentError
from services.kit.settings import Settings
from tests.harness.chains import BEGUN, chain_of, draft, sign, signer_in, tip_of
from tests.harness.scenario import DISTRICT, ELSEWHERE

Tamper = Callable[[list[Link]], list[Link]]
WHOLE = chain_of(9)


def renumbered(links: list[Link]) -> list[Link]:
    """Rows given the numbers of their places, hashes and predecessors left alone."""
    return [
        replace(link, entry=link.entry.model_copy(update={"number": place}))
        for place, link in enumerate(links, start=1)
    ]


def with_entry(links: list[Link], number: int, **changes: object) -> list[Link]:
    link = links[number - 1]
    return [
        *links[: number - 1], replace(link, entry=link.entry.model_copy(update=changes)), *links[number:],
    ]  # fmt: skip


def rehashed(links: list[Link], number: int, **changes: object) -> list[Link]:
    changed = with_entry(links, number, **changes)
    link = changed[number - 1]
    return [*changed[: number - 1], replace(link, hash=digest_of(link.entry)), *changed[number:]]


def edit(links: list[Link]) -> list[Link]:
    return with_entry(links, 4, digest=digest_of(["other"]))


def edit_with_its_hash(links: list[Link]) -> list[Link]:
    return rehashed(links, 4, digest=digest_of(["other"]))


def edit_a_time(links: list[Link]) -> list[Link]:
    return with_entry(links, 9, occurred_at=BEGUN)


def remove(links: list[Link]) -> list[Link]:
    return [*links[:3], *links[4:]]


def remove_and_renumber(links: list[Link]) -> list[Link]:
    return renumbered(remove(links))


def behead(links: list[Link]) -> list[Link]:
    return links[1:]


def swap(links: list[Link]) -> list[Link]:
    return renumbered([*links[:3], links[4], links[3], *links[5:]])


def move_far(links: list[Link]) -> list[Link]:
    return renumbered([*links[:3], links[7], *links[4:7], links[3], *links[8:]])


def insert(links: list[Link]) -> list[Link]:
    """An entry that follows its predecessor as it should; those behind it moved up."""
    return renumbered([*links[:3], follow(DISTRICT, 3, links[2].hash, draft(4, "invented")), *links[3:]])


def insert_anyhow(links: list[Link]) -> list[Link]:
    return renumbered([*links[:3], follow(DISTRICT, 50, digest_of([]), draft(4, "invented")), *links[3:]])


PLANTED: dict[Tamper, tuple[FaultKind, int]] = {
    edit: (FaultKind.EDITED, 4),
    edit_with_its_hash: (FaultKind.EDITED, 4),
    edit_a_time: (FaultKind.EDITED, 9),
    remove: (FaultKind.REMOVED, 4),
    remove_and_renumber: (FaultKind.REMOVED, 4),
    behead: (FaultKind.REMOVED, 1),
    swap: (FaultKind.REORDERED, 4),
    move_far: (FaultKind.REORDERED, 4),
    insert: (FaultKind.INSERTED, 4),
    insert_anyhow: (FaultKind.INSERTED, 4),
}


def test_an_honest_chain_is_whole() -> None:
    assert first_fault(DISTRICT, WHOLE) is None
    assert first_fault(DISTRICT, []) is None


@pytest.mark.parametrize("plant", PLANTED, ids=lambda plant: plant.__name__)
def test_what_was_done_to_a_chain_is_named_with_its_place(plant: Tamper) -> None:
    fault = first_fault(DISTRICT, plant(WHOLE))
    assert fault is not None
    assert (fault.kind, fault.number) == PLANTED[plant]
    assert DISTRICT in str(fault)
    assert f"entry {fault.number}" in str(fault)


def test_a_chain_of_one_district_is_no_chain_of_another() -> None:
    assert first_fault(ELSEWHERE, WHOLE) is not None


# -- heads


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Heads at 3, 6 and 9."""
    signer = signer_in(tmp_path)
    for count in (3, 6, 9):
        sign(tmp_path / "audit" / "heads", signer, WHOLE[:count])
    return tmp_path


def faults_of(home: Path, links: list[Link]) -> list[Fault]:
    folder = home / "audit" / "heads"
    return walk(
        Chains({DISTRICT: links} if links else {}, {}), read_files(folder), load_verifier(Settings(home=home)), BEGUN
    ).faults


def rewritten(links: list[Link], number: int) -> list[Link]:
    """Everything from there on made anew around an edit: whole in itself."""
    made = links[: number - 1]
    for each in links[number - 1 :]:
        entry = each.entry
        changed = entry.model_copy(update={"digest": digest_of(["other"])}) if entry.number == number else entry
        made = [*made, follow(DISTRICT, len(made), made[-1].hash, changed)]
    return made


def test_a_chain_that_grew_agrees_with_its_heads(home: Path) -> None:
    assert faults_of(home, WHOLE) == []
    assert faults_of(home, chain_of(30)) == []


@pytest.mark.parametrize("left", [8, 4, 0])
def test_a_cut_or_restored_chain_is_a_truncation_from_the_first_entry_that_is_gone(home: Path, left: int) -> None:
    (fault,) = faults_of(home, WHOLE[:left])
    assert (fault.kind, fault.number) == (FaultKind.TRUNCATED, left + 1)


def test_a_chain_made_anew_around_an_edit_is_found_between_two_heads(home: Path) -> None:
    forged = rewritten(WHOLE, 5)
    assert first_fault(DISTRICT, forged) is None
    (fault,) = faults_of(home, forged)
    assert (fault.kind, fault.number) == (FaultKind.REWRITTEN, 4)
    assert "entries 4 to 6" in fault.expected


def test_a_head_signed_while_a_chain_is_read_accuses_nobody(home: Path) -> None:
    """The files are read first: a head signed after that speaks of entries that were not read."""
    folder = home / "audit" / "heads"
    files = read_files(folder)
    sign(folder, signer_in(home), chain_of(12))
    walked = walk(Chains({DISTRICT: WHOLE}, {}), files, load_verifier(Settings(home=home)), BEGUN)
    assert walked.faults == []


def test_a_chain_without_heads_is_told_once_it_is_old(tmp_path: Path) -> None:
    signer_in(tmp_path)
    for age, kinds in ((60.0, []), (3600.0, [FaultKind.UNSEALED])):
        chains = Chains({DISTRICT: WHOLE}, {DISTRICT: BEGUN.timestamp() - age})
        walked = walk(chains, read_files(tmp_path / "audit" / "heads"), load_verifier(Settings(home=tmp_path)), BEGUN)
        assert [fault.kind for fault in walked.faults] == kinds


def lines(home: Path) -> list[str]:
    return (home / "audit" / "heads" / f"{DISTRICT}.heads.jsonl").read_text().splitlines()


def write(home: Path, text: list[str]) -> None:
    (home / "audit" / "heads" / f"{DISTRICT}.heads.jsonl").write_text("".join(f"{line}\n" for line in text))


def test_a_head_that_our_key_did_not_sign_is_no_head(home: Path, tmp_path: Path) -> None:
    kept = lines(home)
    for changes in ({"number": 5}, {"signature": "0" * 128}, {"signed_at": "2026-12-01T00:00:00Z"}):
        write(home, [kept[0], json.dumps(json.loads(kept[1]) | changes), kept[2]])
        found = {(fault.kind, fault.number) for fault in faults_of(home, WHOLE)}
        assert (FaultKind.HEAD, 2) in found, changes
    stranger = signer_in(tmp_path / "stranger")
    forged = heads.make_head(stranger, tip_of(WHOLE[:4]), AuditHead.model_validate_json(kept[0]).previous, BEGUN)
    write(home, [forged.model_dump_json()])
    assert FaultKind.HEAD in {fault.kind for fault in faults_of(home, WHOLE[:4])}
    write(home, [*kept, "{"])
    assert (FaultKind.HEAD, 4) in {(fault.kind, fault.number) for fault in faults_of(home, WHOLE)}


def test_a_line_taken_out_of_the_heads_is_missed(home: Path) -> None:
    kept = lines(home)
    write(home, [kept[0], kept[2]])
    assert [(fault.kind, fault.number) for fault in faults_of(home, WHOLE)] == [(FaultKind.HEAD, 2)]


def test_heads_without_the_public_key_prove_nothing(home: Path) -> None:
    (home / "audit" / "heads" / PUBLIC_FILE).unlink()
    assert {fault.kind for fault in faults_of(home, WHOLE)} == {FaultKind.HEAD}


def test_nothing_is_signed_over_a_chain_that_differs_from_its_head() -> None:
    head = AuditHead(
        chain=DISTRICT, number=6, hash=WHOLE[5].hash, signed_at=BEGUN, previous=digest_of([]), key_id=digest_of([])
    )
    heads.agree(head, tip_of(WHOLE), WHOLE[5].hash)
    with pytest.raises(BrokenChainError, match="6 entries"):
        heads.agree(head, tip_of(WHOLE[:4]), None)
    with pytest.raises(BrokenChainError, match="at entry 6"):
        heads.agree(head, tip_of(WHOLE), WHOLE[4].hash)


def test_an_accepted_head_sets_the_earlier_ones_aside_and_the_later_ones_count(home: Path) -> None:
    folder, signer = home / "audit" / "heads", signer_in(home)
    forked = rewritten(WHOLE, 5)[:7]
    sign(folder, signer, forked, accepted_for="restored-from-backup")
    assert faults_of(home, forked) == []
    assert [fault.kind for fault in faults_of(home, forked[:5])] == [FaultKind.TRUNCATED]
    assert [fault.kind for fault in faults_of(home, WHOLE)] == [FaultKind.REWRITTEN]
    assert len(lines(home)) == 4, "the heads set aside stay"


def test_a_head_from_behind_anothers_back_is_not_written(home: Path) -> None:
    folder, signer = home / "audit" / "heads", signer_in(home)
    stale = heads.make_head(signer, tip_of(WHOLE), AuditHead.model_validate_json(lines(home)[1]).previous, BEGUN)
    assert not heads.append(folder, stale)
    assert len(lines(home)) == 3


# -- the key


def test_the_key_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    first = signer_in(tmp_path)
    assert signer_in(tmp_path).public.key_id == first.public.key_id
    file = tmp_path / "audit" / "key.pem"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [each.name for each in file.parent.iterdir() if each.is_file()] == ["key.pem"]
    file.chmod(0o644)
    with pytest.raises(PermanentError, match="chmod 600"):
        load_signer(settings)


def test_a_lost_key_is_told_and_no_other_made_beside_its_heads(home: Path) -> None:
    (home / "audit" / "key.pem").unlink()
    with pytest.raises(PermanentError, match="restore it from its backup"):
        load_signer(Settings(home=home), make=True)


def test_a_key_of_another_kind_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    file.write_text("no key")
    file.chmod(0o600)
    with pytest.raises(PermanentError, match="expected an Ed25519 key"):
        load_signer(Settings(home=tmp_path, audit_key_file=file))
