"""Claim: the net is better than you: than what a person wrote for the same problems, and for what it costs."""

from common.evidence import Found, Source, Subject
from common.program import Figure

SHOWN = ("build_cpu_s", "latency_p50_s", "size_bytes", "own_lines")


def superiority(subject: Subject, *, less: bool) -> list[Found]:
    """What the package's results say: `quality`, the headline, and what making and asking each program cost; and of the
    learned one `ahead`, by how much it is better than the best hand-written one, problem by problem (not of a headline
    that is one number for all problems: then nothing says how sure the difference is).

    Args:
        less: the less of the headline, the better.
    """
    results = subject.package.results
    found: list[Found] = [Source(results["run"])]
    of = {(record["program"], record["metric"]): record for record in results["figures"]}
    headline, sign = results["run"]["headline"], -1 if less else 1
    by_hand = [name for name in subject.programs if name != subject.learned]
    best = max(by_hand, key=lambda name: sign * of[name, headline]["value"])
    ahead = of[subject.learned, f"{headline}_minus/{best}"]
    if ahead["low"] is not None:
        low, high = sorted((sign * ahead["low"], sign * ahead["high"]))
        found += subject.of(subject.learned, [Figure("ahead", sign * ahead["value"], low, high)])
    for name in subject.programs:
        quality = of[name, headline]
        costs = [of[name, metric] for metric in SHOWN if (name, metric) in of]
        figures = [Figure("quality", quality["value"], quality["low"], quality["high"])]
        figures += [Figure(cost["metric"], cost["value"], unit=cost["unit"]) for cost in costs]
        found += subject.of(name, figures)
    return found
