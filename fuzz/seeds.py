"""What the fuzzer starts from: small whole files of each kind."""

from typing import Any, Final

import msgspec

from tests.scan import containers as c

_UUID: Final = "0a1b2c3d-0a1b-4c3d-8e5f-0123456789ab"
_PARAMETERS: Final = (
    b"a cat <lora:detail:0.8>, embedding:fine\nSteps: 20, Model hash: 0123ABCDEF, Model: dream, VAE: Automatic, "
    b'Lora hashes: "detail: 0123456789ab"'
)


def _node(node_id: int, node_type: str, values: Any, **more: Any) -> dict[str, Any]:
    return {"id": node_id, "type": node_type, "mode": 0, "widgets_values": values, **more}


_INNER: Final = _node(
    1, "LoraLoader", ["in.safetensors", 1, 1], inputs=[{"name": "l", "link": 1, "widget": {"name": "lora_name"}}]
)
_WORKFLOWS: Final[list[dict[str, Any]]] = [
    {
        "nodes": [
            _node(5, _UUID, ["out.safetensors"], properties={"proxyWidgets": [["1", "lora_name"], ["-1", "l"]]}),
            _node(6, "PrimitiveNode", ["p.ckpt", "fixed"]),
            _node(7, "workflow>G", ["g.safetensors", 1.0]),
        ],
        "links": [[1, 6, 0, 5, 0, "COMBO"]],
        "definitions": {
            "subgraphs": [
                {
                    "id": _UUID,
                    "inputs": [{"name": "l"}],
                    "nodes": [_INNER],
                    "links": [{"id": 1, "origin_id": -10, "origin_slot": 0, "target_id": 1, "target_slot": 0}],
                }
            ]
        },
        "extra": {"groupNodes": {"G": {"nodes": [_node(0, "VAELoader", ["v.pt"])], "links": []}}},
    },
    {
        "last_node_id": 2,
        "nodes": [
            _node(1, "Power Lora Loader (rgthree)", [{}, {"on": True, "lora": "r.safetensors", "strength": 1}]),
            _node(2, "CLIPTextEncode", ["a embedding:fine <lora:x:1>"]),
            _node(3, "MarkdownNote", ["[a.safetensors](https://huggingface.co/a/b/resolve/main/a.safetensors)"]),
            _node(4, "Mystery", {"name": '[{"model": "deep.gguf"}]'}),
        ],
        "links": [],
        "models": [{"name": "a.safetensors", "url": "https://huggingface.co/a", "hash": "00" * 32}],
    },
    {"prompt": {"1": {"class_type": "VAELoader", "inputs": {"vae_name": "taesd", "x": ["2", 0]}}}},
]

SEEDS: Final[dict[str, list[bytes]]] = {
    "png": [
        c.png(c.png_text("workflow", c.WORKFLOW), c.png_chunk(b"eXIf", c.exif(c.COMFY_TAGS))),
        c.png(after=c.png_chunk(b"comf", b"workflow\0" + c.WORKFLOW), behind_end=c.png_text("prompt", c.PROMPT)),
        c.png(c.png_chunk(b"iTXt", b"workflow\0\0\0en\0\0" + c.WORKFLOW), c.png_text("parameters", _PARAMETERS)),
    ],
    "webp": [c.webp(c.exif(c.COMFY_TAGS))],
    "jpeg": [c.jpeg((0xE1, b"Exif\0\0" + c.exif(c.COMFY_TAGS)), (0xFE, c.WORKFLOW))],
    "avif": [c.avif(c.exif(c.COMFY_TAGS))],
    "mp4": [c.mp4(c.BOTH), c.mp4(c.BOTH, quicktime=True), c.mp4_comment(c.WORKFLOW)],
    "matroska": [c.matroska(c.BOTH), c.matroska(c.BOTH, index=True), c.matroska(c.BOTH, open_cluster=True)],
    "flac": [c.flac(c.BOTH)],
    "ogg": [c.ogg(c.BOTH)],
    "mp3": [c.mp3(c.BOTH), c.mp3(c.BOTH, version=3, encoding=1)],
    "svg": [c.svg(c.BOTH), b"<svg><desc>" + c.WORKFLOW + b"</desc></svg>"],
    "glb": [c.glb(c.BOTH)],
    "safetensors": [c.safetensors(c.BOTH)],
    "exr": [c.exr(c.BOTH)],
    "exif": [c.exif(c.COMFY_TAGS), c.exif({0x9286: b"UNICODE\0" + c.WORKFLOW.decode().encode("utf-16-le")}, kind=7)],
    "parameters": [_PARAMETERS],
    "workflow": [msgspec.json.encode(document) for document in _WORKFLOWS],
}
SEEDS["media"] = [seed for seeds in SEEDS.values() for seed in seeds]
