"""Builds small workflow files in ComfyUI's own UI form (0.4) and API form."""

import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Final

MUTED: Final = 2
Output = tuple[int, int]
"""Node id and output slot."""

OUTPUTS: Final[dict[str, tuple[str, ...]]] = {
    "CLIPTextEncode": ("CONDITIONING",),
    "CLIPLoader": ("CLIP",),
    "CheckpointLoaderSimple": ("MODEL", "CLIP", "VAE"),
    "ControlNetApplyAdvanced": ("CONDITIONING", "CONDITIONING"),
    "ControlNetLoader": ("CONTROL_NET",),
    "DualCLIPLoader": ("CLIP",),
    "EmptyLatentImage": ("LATENT",),
    "FilmGrainLoader": ("FILM_GRAIN",),
    "FilmGrainApply": ("IMAGE",),
    "ImageUpscaleWithModel": ("IMAGE",),
    "KSampler": ("LATENT",),
    "LoadImage": ("IMAGE", "MASK"),
    "LoraLoader": ("MODEL", "CLIP"),
    "PaletteLoraLoader": ("MODEL",),
    "SaveImage": (),
    "UNETLoader": ("MODEL",),
    "UpscaleModelLoader": ("UPSCALE_MODEL",),
    "VAEDecode": ("IMAGE",),
    "VAELoader": ("VAE",),
}


class Graph:
    """A workflow that is being written, node by node."""

    def __init__(self) -> None:
        self._nodes: list[dict[str, Any]] = []
        self._links: list[list[Any]] = []
        self._subgraphs: list[dict[str, Any]] = []

    def add(
        self,
        node_type: str,
        *widgets: Any,
        inputs: Mapping[str, Output] | None = None,
        outputs: Sequence[str] | None = None,
        models: Sequence[Mapping[str, str]] = (),
        mode: int = 0,
        pack: str | None = "comfy-core",
        version: str = "0.33.0",
    ) -> int:
        """Append a node.

        Args:
            inputs: Socket name to the output that feeds it.
            outputs: Types; None: those of a known class.
            models: For `properties.models`.
            pack: Its `cnr_id`; None: the node does not say whose it is, as in files of older versions.
        """
        number = len(self._nodes) + 1
        sockets = [
            self._linked(number, slot, name, source) for slot, (name, source) in enumerate((inputs or {}).items())
        ]
        types = OUTPUTS[node_type] if outputs is None else outputs
        origin = {"cnr_id": pack, "ver": version} if pack else {}
        properties: dict[str, Any] = {"Node name for S&R": node_type, **origin}
        self._nodes.append(
            {
                "id": number,
                "type": node_type,
                "pos": [300 * (number % 5), 260 * (number // 5)],
                "size": [270, 120],
                "flags": {},
                "order": number - 1,
                "mode": mode,
                "inputs": sockets,
                "outputs": [{"name": name, "type": name, "links": []} for name in types],
                "properties": properties | ({"models": list(models)} if models else {}),
                "widgets_values": list(widgets),
            }
        )
        return number

    def add_loader_subgraph(self, loader: str, widget: str, value: str, models: Sequence[Mapping[str, str]]) -> str:
        """Define a subgraph of one loader whose file is promoted to the outside; gives the instances' type."""
        identity = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{loader} {value}"))
        kind = OUTPUTS[loader][0]
        socket = {"name": widget, "type": "COMBO", "widget": {"name": widget}, "link": 1}
        inner = {
            "id": 1,
            "type": loader,
            "pos": [0, 0],
            "size": [270, 82],
            "flags": {},
            "order": 0,
            "mode": 0,
            "inputs": [socket],
            "outputs": [{"name": kind, "type": kind, "links": [2]}],
            "properties": {"cnr_id": "comfy-core", "ver": "0.33.0", "models": list(models)},
            "widgets_values": [value, "default"],
        }
        links = [
            {"id": 1, "origin_id": -10, "origin_slot": 0, "target_id": 1, "target_slot": 0, "type": "COMBO"},
            {"id": 2, "origin_id": 1, "origin_slot": 0, "target_id": -20, "target_slot": 0, "type": kind},
        ]
        self._subgraphs.append(
            {
                "id": identity,
                "version": 1,
                "state": {"lastGroupId": 0, "lastNodeId": 1, "lastLinkId": 2, "lastRerouteId": 0},
                "revision": 0,
                "config": {},
                "name": "Load a model",
                "inputNode": {"id": -10, "bounding": [-200, 0, 120, 60]},
                "outputNode": {"id": -20, "bounding": [400, 0, 120, 60]},
                "inputs": [{"id": f"{identity}-in", "name": widget, "type": "COMBO", "linkIds": [1]}],
                "outputs": [{"id": f"{identity}-out", "name": kind, "type": kind, "linkIds": [2]}],
                "widgets": [],
                "nodes": [inner],
                "groups": [],
                "links": links,
                "extra": {},
            }
        )
        return identity

    def add_image_branch(self, model: Output, clip: Output, vae: Output, prompt: str) -> Output:
        """Prompts, sampler, decoder; gives the image."""
        positive = self.add("CLIPTextEncode", prompt, inputs={"clip": clip})
        negative = self.add("CLIPTextEncode", "blurry, watermark", inputs={"clip": clip})
        return self.add_sampling(model, (positive, 0), (negative, 0), vae)

    def add_sampling(self, model: Output, positive: Output, negative: Output, vae: Output) -> Output:
        """Latent, sampler, decoder, and the node that saves; gives the image."""
        latent = self.add("EmptyLatentImage", 1024, 1024, 1)
        fed = {"model": model, "positive": positive, "negative": negative, "latent_image": (latent, 0)}
        sampler = self.add("KSampler", 7, "randomize", 20, 6.5, "euler", "normal", 1.0, inputs=fed)
        image = self.add("VAEDecode", inputs={"samples": (sampler, 0), "vae": vae})
        self.add("SaveImage", "ComfyUI", inputs={"images": (image, 0)})
        return image, 0

    def to_json(self) -> bytes:
        """The file as the frontend saves it."""
        whole: dict[str, Any] = {
            "id": str(uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(self._nodes))),
            "revision": 0,
            "last_node_id": len(self._nodes),
            "last_link_id": len(self._links),
            "nodes": self._nodes,
            "links": self._links,
            "groups": [],
            "config": {},
            "extra": {"ds": {"scale": 1, "offset": [0, 0]}, "frontendVersion": "1.58.1"},
            "version": 0.4,
        }
        if self._subgraphs:
            whole["definitions"] = {"subgraphs": self._subgraphs}
        return json.dumps(whole, indent=2).encode()

    def _linked(self, number: int, slot: int, name: str, source: Output) -> dict[str, Any]:
        origin = self._nodes[source[0] - 1]["outputs"][source[1]]
        link = len(self._links) + 1
        self._links.append([link, source[0], source[1], number, slot, origin["type"]])
        origin["links"].append(link)
        return {"name": name, "type": origin["type"], "link": link}


def api_prompt(nodes: Mapping[str, tuple[str, Mapping[str, Any]]]) -> bytes:
    """The API form: id to class and inputs; a list of two is a link."""
    rows = {
        number: {"class_type": node_type, "inputs": dict(inputs), "_meta": {"title": node_type}}
        for number, (node_type, inputs) in nodes.items()
    }
    return json.dumps(rows, indent=2).encode()
