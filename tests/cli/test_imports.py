"""What a command does not need it does not load: start-up is what people and agents wait for."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.product import Product

HEAVY = {
    *("asyncio", "concurrent.futures", "ctypes", "email", "http", "logging", "rapidfuzz", "rich"),
    *("sqlite3", "ssl", "urllib3", "yaml"),
}
PROGRAM = """
import sys
before = set(sys.modules)
from comfyfixer.cli.main import main
try:
    main()
except SystemExit as ended:
    code = ended.code
print(code, *sorted(set(sys.modules) - before), file=sys.stderr)
"""


@pytest.fixture
def product(tmp_path: Path) -> Product:
    """An installation without a workflow."""
    product = Product(tmp_path)
    product.clear_workflows()
    return product


def loaded(product: Product, *arguments: str) -> set[str]:
    """The modules that a command loads in a new process; it has to end with 0."""
    words = [sys.executable, "-c", PROGRAM, *arguments, "--quiet"]
    ran = subprocess.run(words, cwd=product.workdir, env=product.environment(), capture_output=True, text=True)
    code, *modules = ran.stderr.split()
    assert code == "0", ran.stderr
    return set(modules)


@pytest.mark.parametrize(
    "arguments", ["--help", "--version", "scan --help", "status", "status --json", "scan", "inspect"]
)
def test_no_heavy_library_is_loaded_before_it_is_used(product: Product, arguments: str) -> None:
    modules = loaded(product, *arguments.split())

    assert "comfyfixer.cli.main" in modules
    assert sorted(modules & HEAVY) == []


def test_help_and_status_load_no_room_that_works(product: Product) -> None:
    for arguments in (("--help",), ("status",)):
        modules = loaded(product, *arguments)
        rooms = {
            f"comfyfixer.{room}" for room in ("scan", "inventory", "sources", "download", "net", "resolve", "demo")
        }
        assert sorted(modules & rooms) == []
