"""Claim: the net is better than you: than what a person wrote for the same problems, and for what it costs."""

from common.evidence import Subject
from common.program import Figure, Plot

COSTS = ("build_cpu_s", "latency_p50_s", "size_bytes", "own_lines")


def superiority(subject: Subject, *, less: bool) -> list[Figure | Plot]:
    """What the package's results say: `quality`, the headline, and what making and asking each program cost; and of the
    learned one `ahead`, by how much it is better than the best hand-written one, problem by problem.

    Args:
        less: the less of the headline, the better.
    """
    results, found = subject.package.results, []
    of = {(record["program"], record["metric"]): record for record in results["figures"]}
    headline, sign = results["run"]["headline"], -1 if less else 1
    by_hand = [name for name in subject.programs if name != subject.learned]
    best = max(by_hand, key=lambda name: sign * of[name, headline]["value"])
    ahead = of[subject.learned, f"{headline}_minus/{best}"]
    low, high = (sign * ahead[end] for end in (("high", "low") if less else ("low", "high")))
    found += subject.of(subject.learned, [Figure("ahead", sign * ahead["value"], low, high)])
    for name in subject.programs:
        quality = of[name, headline]
        costs = [of[name, metric] for metric in COSTS if (name, metric) in of]
        figures = [Figure("quality", quality["value"], quality["low"], quality["high"])]
        figures += [Figure(cost["metric"], cost["value"], unit=cost["unit"]) for cost in costs]
        found += subject.of(name, figures)
    return found
