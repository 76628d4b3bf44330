"""Limits in words for people. Called by `program plan` and `program status`; nothing computes with the sentences."""

from collections.abc import Sequence

from schemas.program import UNITS, Binding, Inadmissible, Limit, Wave

_CAUSES = {
    "not-open": "it is closed, or not open yet",
    "demand-unknown": "the directory does not know its size, so nobody knows how much of {resource} it takes",
    "demand-too-great": "by itself it asks {asked} of {resource}, more than there is",
}


def amount(thousandths: int) -> str:
    """1500 -> 1.5: as people write it."""
    return f"{thousandths / UNITS:.3f}".rstrip("0").rstrip(".")


def binding_words(each: Binding) -> str:
    """One limit with its figures."""
    match each.limit:
        case Limit.GROWTH:
            return f"growth ({each.used} of at most {each.capacity} schools)"
        case Limit.CONCURRENCY:
            return f"concurrency ({each.used} of at most {each.capacity} schools under way)"
        case Limit.RESOURCE:
            used, capacity, asked = amount(each.used), amount(each.capacity), amount(each.asked)
            return f"{each.name} ({used} of {capacity} {each.unit} used, the next school asks {asked})"
        case Limit.FAIRNESS:
            return "fairness (a school earlier in the order would fit, but its district is ahead of one that waits)"
        case Limit.LIST_END:
            return "the list ends"
        case Limit.PROGRESS:
            return (
                f"progress ({each.used} of {each.capacity} schools of an earlier wave are there, {each.asked} needed)"
            )
        case Limit.FREEZE:
            return f"a freeze (until {each.until})"
        case Limit.LINE_STOPPED:
            return "the line is stopped (`firstbell program resume`)"


def words(binding: Sequence[Binding]) -> str:
    """Everything that binds, in one line; of nothing: nothing."""
    return "; ".join(binding_words(each) for each in binding) or "nothing"


def doubled_words(wave: Wave) -> str:
    """What would change if a binding resource were doubled. Empty: no resource binds."""
    size = len(wave.seats)
    return "; ".join(
        f"twice as much {name}: {count} schools instead of {size}"
        if count != size
        else f"twice as much {name}: no change, something else binds"
        for name, count in sorted(wave.if_doubled.items())
    )


def refused_words(each: Inadmissible) -> str:
    """Why a school is in no wave."""
    return _CAUSES[each.cause].format(resource=each.resource, asked=amount(each.asked or 0))
