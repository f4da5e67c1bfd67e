"""The command over workflows that name what a simulated world has, and what is to be said of its answers."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from comfyfixer.demo.graph import Graph
from comfyfixer.demo.hub import Hub, Recorded
from tests.simulation.world import Wanted, World
from tests.support.product import Product

LOADERS: Final = {
    "checkpoints": ("CheckpointLoaderSimple", ("MODEL", "CLIP", "VAE")),
    "diffusion_models": ("UNETLoader", ("MODEL",)),
    "loras": ("LoraLoaderModelOnly", ("MODEL",)),
    "vae": ("VAELoader", ("VAE",)),
    "controlnet": ("ControlNetLoader", ("CONTROL_NET",)),
    "upscale_models": ("UpscaleModelLoader", ("UPSCALE_MODEL",)),
    "text_encoders": ("CLIPLoader", ("CLIP",)),
    "clip_vision": ("CLIPVisionLoader", ("CLIP_VISION",)),
    "style_models": ("StyleModelLoader", ("STYLE_MODEL",)),
    "model_patches": ("ModelPatchLoader", ("MODEL_PATCH",)),
    "audio_encoders": ("AudioEncoderLoader", ("AUDIO_ENCODER",)),
    "latent_upscale_models": ("LatentUpscaleModelLoader", ("LATENT_UPSCALE_MODEL",)),
    "geometry_estimation": ("LoadMoGeModel", ("MOGE_MODEL",)),
    "frame_interpolation": ("FrameInterpolationModelLoader", ("FRAME_INTERPOLATION_MODEL",)),
    "optical_flow": ("OpticalFlowLoader", ("OPTICAL_FLOW",)),
}
_MORE_WIDGETS: Final = {"UNETLoader": ("default",), "LoraLoaderModelOnly": (1.0,), "CLIPLoader": ("wan", "default")}
PER_WORKFLOW: Final = 25


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """What one trial showed.

    Attributes:
        wrong: Accepted, and not the file that was meant.
        missed: Could be proven, and was not accepted: name and the reason that was given.
        not_first: Was not accepted, can be found, and something else stands first.
        repeated: Requests that were sent more than once.
    """

    wanted: int
    accepted: int
    provable: int
    proven: int
    rest: int
    first: int
    requests: int
    seconds: float
    wrong: tuple[str, ...]
    missed: tuple[str, ...]
    not_first: tuple[str, ...]
    repeated: tuple[str, ...]

    @property
    def per_model(self) -> float:
        return self.requests / max(self.wanted, 1)


def workflows(wanted: Sequence[Wanted]) -> Iterator[bytes]:
    """Graphs that load the files, some in each."""
    for start in range(0, len(wanted), PER_WORKFLOW):
        graph = Graph()
        for one in wanted[start : start + PER_WORKFLOW]:
            loader, outputs = LOADERS[one.folder]
            graph.add(loader, one.value, *_MORE_WIDGETS.get(loader, ()), outputs=outputs, models=_said(one))
        yield graph.to_json()


def _said(one: Wanted) -> list[dict[str, str]]:
    """What the node says about its file beside the name."""
    said = {"name": one.filename, "directory": one.folder}
    if one.url:
        said["url"] = one.url
    if one.told == "sha256" and one.truth:
        said |= {"hash": one.truth, "hash_type": "SHA256"}
    if one.told == "autov2" and one.truth:
        said |= {"hash": one.truth[:10], "hash_type": "AutoV2"}
    return [said] if len(said) > 2 else []


def tried(world: World, folder: Path, hub: Hub | None = None) -> tuple[Figures, Product, int]:
    """Scan and resolve, then resolve once more; the product stays for a look at its files.

    Args:
        hub: One that runs already and has the world; None: one of its own.

    Returns:
        The figures of the first run, and how many requests the second one sent.
    """
    if hub is None:
        with Hub(world.catalogue) as own:
            return tried(world, folder, own)
    product = Product(folder, hub)
    product.clear_workflows()
    for number, document in enumerate(workflows(world.wanted)):
        product.save(f"{number:03}.json", document)
    _done(product, "scan")
    started = time.monotonic()
    _done(product, "resolve")
    figures = measured(world, product, hub.requests, time.monotonic() - started)
    _done(product, "resolve")
    return figures, product, len(hub.requests) - figures.requests


def _done(product: Product, *arguments: str) -> None:
    """A command, to its end however long that takes."""
    process = product.start(*arguments, "--json")
    out, said = process.communicate()
    if process.returncode not in (0, 3):
        raise RuntimeError(f"{arguments} ended with {process.returncode}: {out[-2000:]} {said[-2000:]}")


def measured(world: World, product: Product, requests: Sequence[Recorded], seconds: float) -> Figures:
    rows = {(row["folder"], row["filename"]): row for row in product.output("resolutions.json")}
    pairs = [(one, rows[one.folder, one.filename]) for one in world.wanted]
    accepted = [pair for pair in pairs if pair[1]["decision"] == "accepted"]
    provable = [pair for pair in pairs if pair[0].provable]
    rest = [pair for pair in pairs if pair[1]["decision"] != "accepted" and pair[0].findable and pair[0].truth]
    sent = Counter(f"{one.method} {one.path}?{one.query}" for one in requests if one.method == "GET")
    return Figures(
        wanted=len(pairs),
        accepted=len(accepted),
        provable=len(provable),
        proven=sum(row["decision"] == "accepted" for _, row in provable),
        rest=len(rest),
        first=sum(_first(row) == one.truth for one, row in rest),
        requests=len(requests),
        seconds=seconds,
        wrong=tuple(one.filename for one, row in accepted if _first(row) != one.truth),
        missed=tuple(_said_of(one, row) for one, row in provable if row["decision"] != "accepted"),
        not_first=tuple(_said_of(one, row) for one, row in rest if _first(row) != one.truth),
        repeated=tuple(text for text, count in sent.items() if count > 1),
    )


def _first(row: Any) -> str | None:
    return next((candidate["hashes"].get("sha256") for candidate in row["candidates"]), None)


def _said_of(one: Wanted, row: Any) -> str:
    shown = ", ".join(candidate["filename"] for candidate in row["candidates"])
    return f"{one.filename} ({one.told}): {row['decision']}, {row['because']} [{shown}]"
