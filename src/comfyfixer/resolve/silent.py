"""Who gave no answer and why, each reason once: a hub that is down is silent for whoever leads to it. Pure."""

from collections.abc import Iterable, Mapping

from comfyfixer.model.source_names import ADDRESSES, called


def by_reason(unanswered: Mapping[str, str]) -> list[tuple[tuple[str, ...], str]]:
    """Sources of one reason together, with its shortest form; whoever only leads to another stands last.

    Args:
        unanswered: Source to why it gave no answer.
    """
    groups: list[tuple[list[str], str]] = []
    for source, why in sorted(unanswered.items(), key=lambda item: (len(item[1]), item)):
        known = next((names for names, reason in groups if reason and why.startswith(reason)), None)
        if known is None:
            groups.append(([source], why))
        else:
            known.append(source)
    return sorted((tuple(sorted(names, key=lambda name: (name in ADDRESSES, name))), why) for names, why in groups)


def listed(sources: Iterable[str]) -> str:
    """`Civitai, Hugging Face`."""
    return ", ".join(called(source) for source in sources)
