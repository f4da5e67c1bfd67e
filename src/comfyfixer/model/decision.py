"""What is to be done about one missing model."""

import msgspec

from comfyfixer.model.candidate import Candidate


class Fetch(msgspec.Struct, frozen=True, kw_only=True, tag="accepted"):
    """Identity is proven: fetch the first candidate; the others are the same bytes elsewhere."""

    candidates: tuple[Candidate, ...]
    because: str


class Ask(msgspec.Struct, frozen=True, kw_only=True, tag="review"):
    """Nothing is proven: a person or agent has to choose, best candidate first.

    Attributes:
        unanswered: True where the only doubt is what a silent source would have said.
    """

    candidates: tuple[Candidate, ...]
    because: str
    unanswered: bool = False


class Unresolvable(msgspec.Struct, frozen=True, kw_only=True, tag="not_found"):
    """No candidate at all.

    Attributes:
        unanswered: True where a source gave no answer, so that asking again may help.
    """

    because: str
    unanswered: bool = False


Decision = Fetch | Ask | Unresolvable
