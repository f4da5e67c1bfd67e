"""An embedded hub with the sample's files, and a user with the sample's installation."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from comfyfixer.demo.hub import Hub
from comfyfixer.demo.sample import sample_catalogue
from tests.support.product import Product


@pytest.fixture
def hub() -> Iterator[Hub]:
    """A hub of its own for each test: its record and its faults are the test's."""
    with Hub(sample_catalogue()) as running:
        yield running


@pytest.fixture
def product(tmp_path: Path, hub: Hub) -> Product:
    """The sample installation, and the hub as every end point."""
    return Product(tmp_path, hub)
