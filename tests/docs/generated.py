"""The tables of AGENT_GUIDE.md that are made from the code: `python tests/docs/generated.py` writes them."""

import re
from pathlib import Path

from comfyfixer.errors import CODES
from comfyfixer.model.event import EVENTS

GUIDE = Path(__file__).parents[2] / "AGENT_GUIDE.md"


def codes_table() -> str:
    """One row per error code."""
    rows = "\n".join(f"| `{code}` | {meaning} |" for code, meaning in CODES.items())
    return f"| code | meaning |\n|---|---|\n{rows}"


def events_table() -> str:
    """One row per event."""
    fields = {action: re.findall(r"{(\w+)}", kind.message) for action, kind in EVENTS.items() if kind.logged}
    rows = "\n".join(
        f"| `{action}` | {EVENTS[action].component} | {', '.join(f'`{name}`' for name in names)} |"
        for action, names in fields.items()
    )
    return f"| action | logger | details |\n|---|---|---|\n{rows}"


def with_tables(text: str) -> str:
    """The guide with its tables made anew."""
    for name, table in (("codes", codes_table()), ("events", events_table())):
        pattern = re.compile(rf"(<!-- begin {name}: [^\n]*-->\n).*?(<!-- end {name} -->)", re.DOTALL)
        text, found = pattern.subn(lambda match, table=table: f"{match[1]}{table}\n{match[2]}", text)  # type: ignore[misc]
        if found != 1:
            raise SystemExit(f"AGENT_GUIDE.md has no place for the table of {name}")
    return text


if __name__ == "__main__":
    GUIDE.write_text(with_tables(GUIDE.read_text("utf-8")), "utf-8")
