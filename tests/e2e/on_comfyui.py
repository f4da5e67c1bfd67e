"""Whether a real ComfyUI lists what was placed, and takes the workflows that were made runnable.

Run: `python -m tests.e2e.on_comfyui COMFYUI [PYTHON [TRIAL...]]`; PYTHON has ComfyUI's requirements, TRIAL is `demo` or
`templates` (all official ones, as in `test_templates.py`). Needs Linux and a Chromium: ComfyUI's own frontend makes
of each workflow what it sends to be run, and the server validates that; nothing is run. Ends with 1 where product
and ComfyUI differ:

- a placed file is not listed in its folder, or not offered by the very node that needs it;
- ComfyUI refuses a model file that the product does not call missing, or takes one that it does.

What a workflow lacks beside its models (nodes of packs that are not installed, files of the author) is told apart.
"""

import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import msgspec

from comfyfixer.demo.catalogue import catalogue_from_urls
from comfyfixer.demo.graph import Graph
from comfyfixer.demo.hub import Hub
from comfyfixer.demo.sample import PROGRAM, build_installation, sample_catalogue
from tests.e2e.test_templates import same_bytes_under_one_name, templates, url_rows
from tests.support import frontend
from tests.support.nodes_told import MODEL_FILE, NodesTold
from tests.support.product import Product
from tests.support.real_comfyui import Server, copied, version_of

MARK: Final = "listed_here"
"""A file of this name in each models folder tells which inputs list one, whatever their nodes are called."""

FIRST: Final = "<=0.33.0"
UNLIKE_FILES: Final = frozenset({"configs", "diffusers"})
SHAPES: Final = (
    "{}.safetensors",
    "folder/{}.safetensors",
    "two folders/deep er/{} with spaces.safetensors",
    "{}_v1.5.fp8.e4m3fn.safetensors",
    "{} (v1) [fp8] {{x}}.safetensors",
    "it's/{}, a+b=c & d;e@f!.safetensors",
    "100%/{}#1 50%25.safetensors",
    "Größe/{}_日本_😀.safetensors",
    "e\u0301/{}_e\u0301.safetensors",
    "{}.SAFETENSORS",
    "{}.sft",
    "-{}.safetensors",
    "~{}$HOME.safetensors",
    ".{}.safetensors",
    ".hidden/{}.safetensors",
    "{} .safetensors",
    " {}.safetensors",
    "trailing /{}.safetensors",
    "con/{}.safetensors",
    "back\\{}.safetensors",
)


class Found(msgspec.Struct, kw_only=True):
    """What one trial showed."""

    figures: Counter[str] = msgspec.field(default_factory=Counter)
    differences: list[str] = msgspec.field(default_factory=list)
    others: Counter[str] = msgspec.field(default_factory=Counter)

    def count(self, what: str, number: int = 1) -> None:
        """Add to a figure, which is shown even where nothing comes to it."""
        self.figures[what] += number


def installed(folder: Path, comfyui: Path) -> Path:
    """The sample's user with the real program in place of the sample's."""
    root = build_installation(folder)
    for name in PROGRAM:
        if not name.startswith("custom_nodes/"):
            (root / name).unlink()
    copied(comfyui, root)
    return root


def demo(folder: Path, comfyui: Path) -> Product:
    """The sample's workflows, after one `auto`."""
    with Hub(sample_catalogue()) as hub:
        product = Product(folder, hub, root=installed(folder, comfyui))
        done(product, "auto")
    return product


def official(folder: Path, comfyui: Path) -> Product:
    """The official templates, after one `auto`."""
    documents = templates()
    catalogue = same_bytes_under_one_name(catalogue_from_urls(url_rows(documents), size_bytes=4096))
    with Hub(catalogue) as hub:
        product = Product(folder, hub, root=installed(folder, comfyui))
        product.clear_workflows()
        for name, document in documents.items():
            product.save(name, json.dumps(document).encode())
        done(product, "auto")
    return product


def loaders(folder: Path, comfyui: Path) -> Product:
    """Each loader of ComfyUI with names of many shapes, all described by the workflow, after one `auto`."""
    documents = {f"shape {number}.json": loaders_of(shape) for number, shape in enumerate(SHAPES)}
    rows = url_rows({name: json.loads(document) for name, document in documents.items()})
    with Hub(catalogue_from_urls(rows, size_bytes=4096)) as hub:
        product = Product(folder, hub, root=installed(folder, comfyui))
        product.clear_workflows()
        for name, document in documents.items():
            product.save(name, document)
        done(product, "auto")
    return product


def loaders_of(shape: str) -> bytes:
    """A graph with one node of each type that loads a model file, whose names have one shape."""
    graph = Graph()
    for node_type, inputs in msgspec.json.decode(
        (resources.files("comfyfixer") / "data" / "model_inputs.json").read_bytes()
    ).items():
        files = {told["widget_index"]: told["folders"][0] for told in inputs.values() if told["since"] == FIRST}
        if not files or UNLIKE_FILES & {*files.values()}:
            continue
        values = {index: shape.format(f"{node_type}_{index}") for index in files}
        models = [described(values[index], models_folder) for index, models_folder in files.items()]
        widgets = (values.get(index) for index in range(max(files) + 1))
        loader = graph.add(node_type, *widgets, outputs=("*",), models=models)
        graph.add("PreviewAny", inputs={"source": (loader, 0)}, outputs=())
    return graph.to_json()


def described(value: str, folder: str) -> dict[str, str]:
    """An entry of `properties.models` for one value."""
    path = value.replace("\\", "/")
    url = f"https://huggingface.co/odd/names/resolve/main/{folder}/{quote(path)}"
    return {"name": path.rpartition("/")[2], "url": url, "directory": folder}


TRIALS: Final = {"demo": demo, "templates": official, "loaders": loaders}


def done(product: Product, *arguments: str) -> None:
    """A command, to its end however long that takes."""
    process = product.start(*arguments, "--json")
    out, said = process.communicate()
    if process.returncode not in (0, 3):
        raise SystemExit(f"{arguments} ended with {process.returncode}: {out[-2000:]} {said[-2000:]}")


def asked(product: Product, python: str) -> Found:
    """The real server about everything that the product said and did."""
    placed = [row for row in product.output("downloads.json") if row["success"]]
    needs = product.output("missing_models.json")
    done(product, "relink", "--yes")
    done(product, "scan")
    verdicts = verdicts_of(product)
    workflows, api = saved_workflows(product)
    found = Found()
    frontend.install(product.root, workflows)
    with Server(product.root, python) as server:
        mark_folders(server, product)
        told = NodesTold(server.get("object_info"), MARK)
        prompts = frontend.prompts(server, product.root, workflows) | api
        compare_lists(server, told, placed, needs, found)
        compare_missing(told, prompts, product, found)
        compare_nodes(told, prompts, product, found)
        give_inputs(product.root, told, prompts)
        validate(server, told, prompts, verdicts, found)
    return found


def mark_folders(server: Server, product: Product) -> None:
    """Put a mark into each folder that ComfyUI has."""
    for name in server.get("models"):
        folder = product.models / name
        folder.mkdir(exist_ok=True)
        (folder / f"{MARK}_{name}.safetensors").touch()


def saved_workflows(product: Product) -> tuple[list[str], dict[str, Any]]:
    """Names of those in the UI form, and the prompts of those in the API form."""
    names, api = [], {}
    for row in product.output("workflows.json"):
        name = name_of(product, row["path"])
        if row["ok"] and row["format"] == "ui":
            names.append(name)
        elif row["ok"]:
            api[name] = {"prompt": json.loads(Path(row["path"]).read_bytes())}
    return names, api


def compare_lists(server: Server, told: NodesTold, placed: list[Any], needs: list[Any], found: Found) -> None:
    """Each placed file in the list of its folder, and in that of each node that needs it."""
    rows = {(row["folder"], row["value"]): row["references"] for row in needs}
    lists = {folder: server.get("models", folder) for folder in {row["folder"] for row in placed}}
    found.count("files placed", len(placed))
    for row in placed:
        name = row["value"].replace("\\", "/")  # said by the product: the node has it with the other slash
        if name in lists[row["folder"]]:
            found.count("of them listed in their folder")
        else:
            found.differences.append(f"not listed: {row['folder']}/{name}")
        for use in rows[row["folder"], row["value"]]:
            choices = told.choices_anywhere(use["node_type"], use["input"])
            found.count("uses of them by nodes")
            if choices is None:
                found.others[f"node whose inputs are not known: {use['node_type']}.{use['input']}"] += 1
            elif name in choices:
                found.count("of them offered by the node")
            else:
                found.differences.append(f"not offered by {use['node_type']}.{use['input']}: {name}")


def compare_missing(told: NodesTold, prompts: dict[str, Any], product: Product, found: Found) -> None:
    """What the nodes' own lists refuse, against what the product calls missing after it placed files.

    Not in workflows with nodes that ComfyUI does not know: the frontend gives values of a subgraph to the wrong inputs
    where it does not know how many a node has.
    """
    known = {name: sent["prompt"] for name, sent in prompts.items() if told.knows_all(sent.get("prompt", {"": {}}))}
    found.count("workflows of which ComfyUI knows all nodes", len(known))
    refused = {
        (name, node_id, value): (node_type, field, value in choices)
        for name, prompt in known.items()
        for node_id, node_type, field, value, choices in told.model_inputs(prompt)
    }
    missing = set(uses(product, known))
    absent = {use for use, (_, _, is_there) in refused.items() if not is_there}
    found.count("model files in what the frontend sends for them", len(refused))
    found.count("of them taken", len(refused) - len(absent))
    found.count("of them refused, and called missing", len(absent & missing))
    unsaid = sorted(absent - missing)
    found.differences += [f"refused, and not called missing: {use} {refused[use][:2]}" for use in unsaid]
    found.differences += [f"called missing, and not refused: {use}" for use in sorted(missing - absent)]


def compare_nodes(told: NodesTold, prompts: dict[str, Any], product: Product, found: Found) -> None:
    """Which workflows have a node that ComfyUI does not know; what the frontend sends no longer tells its type."""
    strange = {name for name, sent in prompts.items() if not told.knows_all(sent.get("prompt", {}))}
    rows = {name_of(product, row["path"]): row["missing_nodes"] for row in product.output("workflows.json")}
    missing = {name for name, types in rows.items() if types and "prompt" in prompts[name]}
    found.count("workflows with nodes that ComfyUI does not know", len(strange))
    found.count("of them called so", len(strange & missing))
    found.differences += [
        f"has unknown nodes, and none is called missing: {name}" for name in sorted(strange - missing)
    ]
    found.differences += [f"ComfyUI knows all nodes of {name}, not {rows[name]}" for name in sorted(missing - strange)]


def uses(product: Product, known: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Workflow, node and value of what the product calls missing in these."""
    for row in product.output("missing_models.json"):
        for use in row["references"]:
            name = name_of(product, use["path"])
            if use["active"] and name in known:
                yield name, use["node_id"], row["value"]


def verdicts_of(product: Product) -> dict[str, str]:
    """Each workflow's, as `comfyfixer workflows` tells it."""
    rows = product.json("workflows").data["workflows"]
    return {name_of(product, row["path"]): row["verdict"] for row in rows}


def name_of(product: Product, path: str) -> str:
    """A saved workflow's name as the frontend knows it."""
    return Path(path).relative_to(product.workflows).as_posix()


def give_inputs(root: Path, told: NodesTold, prompts: dict[str, Any]) -> None:
    """The author's pictures, films and sounds, which nobody else has: empty files of their names."""
    for sent in prompts.values():
        for value in told.uploads(sent.get("prompt", {})):
            path = root / "input" / value
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()


def validate(server: Server, told: NodesTold, prompts: dict[str, Any], verdicts: dict[str, str], found: Found) -> None:
    """What the server says of each prompt, beside what the product says of the workflow."""
    for name, sent in prompts.items():
        verdict = verdicts[name]
        if "error" in sent:
            found.count(f"{verdict}, and the frontend can't open it: {sent['error']}")
            continue
        _, answer = server.post("prompt", value={"prompt": sent["prompt"]})
        reasons = set(told.reasons(sent["prompt"], answer))
        about_models = sorted(reason for reason in reasons if reason.startswith(MODEL_FILE))
        if not reasons:
            found.count(f"{verdict}, and valid")
        elif about_models:
            found.count(f"{verdict}, and not valid for want of a model file")
        else:
            found.count(f"{verdict}, and not valid for what is no model file")
            found.others.update(reasons)
        if verdict == "runnable":
            found.differences += [f"runnable, and refused: {name}: {reason}" for reason in about_models]


def main() -> int:
    """Hold the trials that are named, else all."""
    comfyui = Path(sys.argv[1]).resolve()
    python = sys.argv[2] if len(sys.argv) > 2 else sys.executable
    differ = False
    for name in sys.argv[3:] or TRIALS:
        with tempfile.TemporaryDirectory(prefix="on-comfyui-") as folder:
            found = asked(TRIALS[name](Path(folder).resolve(), comfyui), python)
        print(f"{name} on ComfyUI {version_of(comfyui)}")
        print("\n".join(f"  {count:6} {what}" for what, count in found.figures.items()))
        print("\n".join(f"  {count:6} x {what}" for what, count in found.others.most_common()))
        print("\n".join(f"  DIFFERENCE {line}" for line in found.differences) or "  no difference", flush=True)
        differ = differ or bool(found.differences)
    return int(differ)


if __name__ == "__main__":
    sys.exit(main())
