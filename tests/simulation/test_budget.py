"""What a run may ask at most, through the command: what is left open is asked for by the next one."""

import json
from pathlib import Path

from comfyfixer.demo.hub import Hub
from comfyfixer.demo.sample import sample_catalogue
from tests.support.product import Product


def test_a_run_that_may_ask_no_more_leaves_items_open_and_the_next_asks_on(tmp_path: Path) -> None:
    with Hub(sample_catalogue()) as hub:
        product = Product(tmp_path, hub)
        (product.workdir / "config.json").write_text(json.dumps({"search": {"max_requests": 6}}))
        product.run("scan")
        ran = product.json("resolve")
        asked = len([request for request in hub.requests if request.role in ("civitai", "huggingface")])
        open_rows = [row for row in product.output("resolutions.json") if row["answer_pending"]]
        assert ran.code in (3, 4)
        assert asked <= 6
        assert open_rows
        assert "hub-budget" in ran.codes
        (product.workdir / "config.json").write_text("{}")
        product.json("resolve")
        assert [row for row in product.output("resolutions.json") if row["answer_pending"]] == []
