"""What the documents have from the code: `python tests/docs/generated.py` writes it into them.

AGENT_GUIDE.md's tables of error codes and events, README.md's terminal output of the demo.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from comfyfixer.errors import CODES
from comfyfixer.model.event import EVENTS

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "AGENT_GUIDE.md"
README = ROOT / "README.md"


def codes_table() -> str:
    """One row per error code."""
    rows = "\n".join(f"| `{code}` | {meaning} |" for code, meaning in CODES.items())
    return f"| code | meaning |\n|---|---|\n{rows}"


def events_table() -> str:
    """One row per event."""
    fields = {
        action: [*re.findall(r"{(\w+)}", kind.message), *kind.more] for action, kind in EVENTS.items() if kind.logged
    }
    rows = "\n".join(
        f"| `{action}` | {EVENTS[action].component} | {', '.join(f'`{name}`' for name in names)} |"
        for action, names in fields.items()
    )
    return f"| action | logger | details |\n|---|---|---|\n{rows}"


def demo_output(folder: Path) -> str:
    """What `comfyfixer demo` prints in an empty folder, as if that were `/home/you`."""
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "SYSTEMROOT", "TEMP", "LANG")}
    done = subprocess.run(
        [sys.executable, "-m", "comfyfixer", "demo", "--quiet"],
        cwd=folder,
        env={**kept, "HOME": str(folder), "PYTHONIOENCODING": "utf-8", "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
    )
    printed = done.stdout.replace(str(folder), "/home/you")
    return re.sub(r"http://127\.0\.0\.1:\d+", "http://127.0.0.1:PORT", printed).strip()


def guide_with_tables(text: str) -> str:
    """The guide with its tables made anew."""
    for name, table in (("codes", codes_table()), ("events", events_table())):
        head, mark, rest = text.partition(f"<!-- begin {name}: written by tests/docs/generated.py -->\n")
        end = f"<!-- end {name} -->"
        text = f"{head}{mark}{table}\n{end}{rest.partition(end)[2]}"
    return text


def readme_with_output(text: str, output: str) -> str:
    """The README with the demo's terminal output made anew."""
    block = re.compile(r"(```console\n\$ comfyfixer demo\n).*?(```\n)", re.DOTALL)
    return block.sub(lambda match: f"{match[1]}{output}\n{match[2]}", text)


if __name__ == "__main__":
    GUIDE.write_text(guide_with_tables(GUIDE.read_text("utf-8")), "utf-8")
    with tempfile.TemporaryDirectory() as place:
        output = demo_output(Path(place).resolve())
    README.write_text(readme_with_output(README.read_text("utf-8"), output), "utf-8")
