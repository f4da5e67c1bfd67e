"""How resolve does among over a thousand real names and their confusable neighbours, on hubs of this machine.

    python -m benchmarks.simulation [--seed 5] [--names 300 | --templates] [--why]

Prints, and compares with what is promised: wrong files accepted (0), what can be proven and is accepted (95 %), the
right file first among the candidates of the rest (97 %), requests per missing model (4), requests that were sent
twice (0), requests of a second run (0).
"""

import argparse
import sys
import tempfile
from pathlib import Path

from tests.simulation.trial import Figures, tried
from tests.simulation.world import build, templates_alone


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--names", type=int, help="so many wanted files instead of all")
    parser.add_argument("--templates", action="store_true", help="only the official templates' files, by name alone")
    parser.add_argument("--why", action="store_true", help="list what was wrong, missed or not first")
    options = parser.parse_args()
    world = templates_alone() if options.templates else build(options.seed, options.names)
    repos, pages = len(world.catalogue.huggingface), len(world.catalogue.civitai)
    print(f"seed {options.seed}: {len(world.wanted)} wanted, {repos} repositories, {pages} pages")
    with tempfile.TemporaryDirectory() as folder:
        figures, _, again = tried(world, Path(folder))
    rows = lines(figures, again, by_search_alone=options.templates)
    for good, text in rows:
        print(f"{'ok  ' if good else 'MISS'} {text}")
    if options.why:
        print(*figures.wrong, *figures.missed, *figures.not_first, *figures.repeated, sep="\n")
    return 0 if all(good for good, _ in rows) else 1


def lines(figures: Figures, again: int, *, by_search_alone: bool) -> list[tuple[bool, str]]:
    """Whether a promise is kept, and the figure."""
    proven = figures.proven / max(figures.provable, 1)
    first = figures.first / max(figures.rest, 1)
    found = (figures.accepted + figures.first) / figures.wanted
    return [
        (not figures.wrong, f"wrong accepted         {len(figures.wrong)} of {figures.accepted} accepted"),
        (proven >= 0.95, f"proven                 {proven:.1%} of {figures.provable} that can be"),
        (found >= 0.9, f"found by search alone  {found:.1%} of {figures.wanted}")
        if by_search_alone
        else (first >= 0.97, f"right one first        {first:.1%} of {figures.rest} others that can be found"),
        (
            figures.per_model <= 4,
            f"requests per model     {figures.per_model:.2f} ({figures.requests} in {figures.seconds:.1f} s)",
        ),
        (not figures.repeated, f"requests sent twice    {len(figures.repeated)}"),
        (again == 0, f"requests of a 2nd run  {again}"),
    ]


if __name__ == "__main__":
    sys.exit(main())
