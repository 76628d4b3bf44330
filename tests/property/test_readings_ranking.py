"""Whatever the order, the batches and the duplicates, the same statements end in the same picture."""

from hypothesis import given
from hypothesis import strategies as st

from services.kit.outcome import Disposition
from services.readings.ranking import Rank, greatest, settle

Statement = tuple[str, tuple[int, int]]
STATEMENTS = st.lists(st.tuples(st.sampled_from("abc"), st.tuples(st.integers(1, 4), st.integers(0, 2))), max_size=30)


def apply(held: dict[str, Rank], batch: list[Statement]) -> list[Disposition]:
    """As the database does it: the batch's greatest is written where it is greater than what is held."""
    keys, ranks = [key for key, _ in batch], [rank for _, rank in batch]
    best = greatest(keys, ranks)
    won = {key for key, place in best.items() if key not in held or ranks[place] > held[key]}
    settled = settle(keys, ranks, best, won, held)
    held.update({key: ranks[best[key]] for key in won})
    return settled.dispositions


@given(STATEMENTS, st.randoms(use_true_random=False), st.integers(1, 7))
def test_the_picture_does_not_depend_on_order_batches_or_duplicates(
    statements: list[Statement], random: object, size: int
) -> None:
    tidy: dict[str, Rank] = {}
    apply(tidy, sorted(statements))
    untidy = statements * 2
    random.shuffle(untidy)  # type: ignore[attr-defined]
    held: dict[str, Rank] = {}
    for start in range(0, len(untidy), size):
        apply(held, untidy[start : start + size])
    assert held == tidy == {key: max(rank for name, rank in statements if name == key) for key, _ in statements}


@given(STATEMENTS, st.integers(1, 7))
def test_every_statement_gets_the_one_disposition_that_is_true(statements: list[Statement], size: int) -> None:
    held: dict[str, Rank] = {}
    applied: dict[str, list[Rank]] = {}
    for start in range(0, len(statements), size):
        batch = statements[start : start + size]
        before = dict(held)
        dispositions = apply(held, batch)
        assert len(dispositions) == len(batch)
        for (key, rank), disposition in zip(batch, dispositions, strict=True):
            if disposition is Disposition.APPLIED:
                assert held[key] == rank != before.get(key)
                applied.setdefault(key, []).append(rank)
            elif disposition is Disposition.DUPLICATE:
                assert rank == held[key]
            else:
                assert disposition is Disposition.SUPERSEDED
                assert rank < held[key]
    assert all(ranks == sorted(set(ranks)) for ranks in applied.values())


def test_two_contents_under_one_revision_are_counted_as_a_contradiction() -> None:
    keys, ranks = ["a", "a", "a"], [(1, "x"), (1, "y"), (1, "y")]
    settled = settle(keys, ranks, greatest(keys, ranks), {"a"}, {})
    assert settled.dispositions == [Disposition.SUPERSEDED, Disposition.APPLIED, Disposition.DUPLICATE]
    assert settled.contradicted_count == 1
