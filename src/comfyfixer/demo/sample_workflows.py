"""The demo's workflows: one for each kind of case that a real folder of workflows has."""

import json
from typing import Final

from comfyfixer.demo.catalogue import Catalogue
from comfyfixer.demo.content import sha256_of
from comfyfixer.demo.graph import MUTED, Graph, api_prompt

SITE: Final = "https://huggingface.co"
AURORA: Final = "northern-light/aurora-xl"
HARBOR: Final = "harborworks/harbor"


def sample_workflows(catalogue: Catalogue) -> dict[str, bytes]:
    """File name below the workflows folder to its bytes."""
    return {
        "already_runnable.json": _already_runnable(),
        "aurora_text_to_image.json": _aurora(catalogue),
        "broken_download.json": _already_runnable()[:900],
        "copper_valley_portrait.json": _copper_valley(),
        "harbor_api_prompt.json": _harbor_prompt(),
        "harbor_two_stages.json": _harbor_subgraph(),
        "interior_with_depth.json": _ambiguous(),
        "node_package/package.json": json.dumps({"name": "palette", "version": "1.2.0", "scripts": {}}).encode(),
        "river_gated.json": _river(),
        "studio_portrait_from_windows.json": _from_windows(),
        "styles/film_grain.json": _film_grain(),
        "styles/ink_wash.json": _ink_wash(),
        "vanished_meadow.json": _vanished(),
    }


def _declared(repo: str, path: str, directory: str, *, way: str = "resolve", more: str = "") -> dict[str, str]:
    url = f"{SITE}/{repo}/{way}/main/{path}{more}"
    return {"name": path.rpartition("/")[2], "url": url, "directory": directory}


def _with_hash(entry: dict[str, str], catalogue: Catalogue, repo: str) -> dict[str, str]:
    """The same entry with the SHA-256 of the file in the catalogue."""
    files = next(known.files for known in catalogue.huggingface if known.id == repo)
    content = next(file.content for file in files if file.path.endswith(entry["name"]))
    return entry | {"hash": sha256_of(content), "hash_type": "SHA256"}


def _already_runnable() -> bytes:
    graph = Graph()
    loader = graph.add("CheckpointLoaderSimple", "paper_lantern_v1.safetensors")
    vae = graph.add("VAELoader", "paper_lantern_vae.safetensors")
    graph.add_image_branch((loader, 0), (loader, 1), (vae, 0), "a paper lantern in the rain")
    return graph.to_json()


def _aurora(catalogue: Catalogue) -> bytes:
    """Text to image with URL and hash, a renamed repository, and a `/blob/` link."""
    graph = Graph()
    checkpoint = _with_hash(_declared(AURORA, "aurora_xl_v2.safetensors", "checkpoints"), catalogue, AURORA)
    vae = _declared("auroralabs/aurora-xl", "vae/aurora_vae.safetensors", "vae", more="?download=true")
    upscaler = _declared(
        "quietwater/quietwater-upscalers", "4x_quietwater_detail.safetensors", "upscale_models", way="blob"
    )
    loader = graph.add("CheckpointLoaderSimple", "aurora_xl_v2.safetensors", models=[checkpoint])
    decoder = graph.add("VAELoader", "aurora_vae.safetensors", models=[vae])
    image = graph.add_image_branch((loader, 0), (loader, 1), (decoder, 0), "northern lights over a fjord")
    sharper = graph.add("UpscaleModelLoader", "4x_quietwater_detail.safetensors", models=[upscaler])
    large = graph.add("ImageUpscaleWithModel", inputs={"upscale_model": (sharper, 0), "image": image})
    graph.add("SaveImage", "large", inputs={"images": (large, 0)})
    return graph.to_json()


def _copper_valley() -> bytes:
    """A checkpoint under the name that Civitai derives, and a muted branch whose file nobody needs."""
    graph = Graph()
    loader = graph.add("CheckpointLoaderSimple", "copperValley_v40.safetensors")
    graph.add(
        "LoraLoader",
        "forgotten_style_v1.safetensors",
        0.8,
        0.8,
        inputs={"model": (loader, 0), "clip": (loader, 1)},
        mode=MUTED,
    )
    graph.add_image_branch((loader, 0), (loader, 1), (loader, 2), "a portrait in a copper valley")
    return graph.to_json()


def _harbor_subgraph() -> bytes:
    """One definition, two instances, each with a model of its own."""
    graph = Graph()
    folder = "split_files/diffusion_models"
    names = ("harbor_base_fp16.safetensors", "harbor_detail_fp16.safetensors")
    models = [_declared(HARBOR, f"{folder}/{name}", "diffusion_models") for name in names]
    kind = graph.add_loader_subgraph("UNETLoader", "unet_name", names[0], models)
    text = _declared(HARBOR, "split_files/text_encoders/harbor_t5.safetensors", "text_encoders")
    vae = _declared(HARBOR, "split_files/vae/harbor_vae.safetensors", "vae")
    clip = graph.add("CLIPLoader", "harbor_t5.safetensors", "chroma", "default", models=[text])
    decoder = graph.add("VAELoader", "harbor_vae.safetensors", models=[vae])
    for name in names:
        stage = graph.add(kind, name, outputs=("MODEL",))
        graph.add_image_branch((stage, 0), (clip, 0), (decoder, 0), "a harbor at dawn")
    return graph.to_json()


def _harbor_prompt() -> bytes:
    """The API form knows no URLs: its LoRA is found by its exact name alone."""
    return api_prompt(
        {
            "1": ("UNETLoader", {"unet_name": "harbor_base_fp16.safetensors", "weight_dtype": "default"}),
            "2": ("CLIPLoader", {"clip_name": "harbor_t5.safetensors", "type": "chroma"}),
            "3": ("VAELoader", {"vae_name": "harbor_vae.safetensors"}),
            "4": ("CLIPTextEncode", {"text": "a harbor in fog", "clip": ["2", 0]}),
            "5": ("EmptyLatentImage", {"width": 1024, "height": 1024, "batch_size": 1}),
            "6": (
                "KSampler",
                {
                    "model": ["9", 0], "positive": ["4", 0], "negative": ["4", 0], "latent_image": ["5", 0],
                    "seed": 7, "steps": 20, "cfg": 1.0, "sampler_name": "euler", "scheduler": "simple", "denoise": 1.0,
                },
            ),
            "7": ("VAEDecode", {"samples": ["6", 0], "vae": ["3", 0]}),
            "8": ("SaveImage", {"images": ["7", 0], "filename_prefix": "harbor"}),
            "9": (
                "LoraLoaderModelOnly",
                {"model": ["1", 0], "lora_name": "harbor_rain_v1.safetensors", "strength_model": 0.8},
            ),
        }
    )  # fmt: skip


def _ambiguous() -> bytes:
    """A LoRA whose name two different files carry, and a name that identifies nothing."""
    graph = Graph()
    loader = graph.add("CheckpointLoaderSimple", "paper_lantern_v1.safetensors")
    styled = graph.add(
        "LoraLoader", "soft_lighting.safetensors", 0.7, 0.7, inputs={"model": (loader, 0), "clip": (loader, 1)}
    )
    positive = graph.add("CLIPTextEncode", "a bright room", inputs={"clip": (styled, 1)})
    negative = graph.add("CLIPTextEncode", "dark", inputs={"clip": (styled, 1)})
    control = graph.add("ControlNetLoader", "diffusion_pytorch_model.safetensors")
    picture = graph.add("LoadImage", "room.png", "image")
    guided = graph.add(
        "ControlNetApplyAdvanced",
        0.8,
        0.0,
        1.0,
        inputs={
            "positive": (positive, 0),
            "negative": (negative, 0),
            "control_net": (control, 0),
            "image": (picture, 0),
        },
    )
    graph.add_sampling((styled, 0), (guided, 0), (guided, 1), (loader, 2))
    return graph.to_json()


def _river() -> bytes:
    """Its licence has to be accepted on the model's page first."""
    graph = Graph()
    model = _declared("tideway/river-dev", "river_dev.safetensors", "diffusion_models")
    text = _declared(HARBOR, "split_files/text_encoders/harbor_t5.safetensors", "text_encoders")
    loader = graph.add("UNETLoader", "river_dev.safetensors", "default", models=[model])
    clip = graph.add("CLIPLoader", "harbor_t5.safetensors", "chroma", "default", models=[text])
    vae = graph.add("VAELoader", "harbor_vae.safetensors")
    graph.add_image_branch((loader, 0), (clip, 0), (vae, 0), "a river from above")
    return graph.to_json()


def _from_windows() -> bytes:
    """The file is here, under the other separator."""
    graph = Graph()
    loader = graph.add("CheckpointLoaderSimple", "paper_lantern_v1.safetensors")
    fed = {"model": (loader, 0), "clip": (loader, 1)}
    styled = graph.add("LoraLoader", "portraits\\studio_portrait_v1.safetensors", 1.0, 1.0, inputs=fed)
    graph.add_image_branch((styled, 0), (styled, 1), (loader, 2), "a studio portrait")
    return graph.to_json()


def _film_grain() -> bytes:
    """Two custom nodes whose pack is not installed, one of which does not say whose it is; nothing tells where a file
    of theirs belongs.
    """
    graph = Graph()
    pack, version = "comfyui-film-grain", "0.4.1"
    loader = graph.add("CheckpointLoaderSimple", "paper_lantern_v1.safetensors")
    image = graph.add_image_branch((loader, 0), (loader, 1), (loader, 2), "a street, 400 ISO")
    grain = graph.add("FilmGrainLoader", "film_grain_400.safetensors", pack=pack, version=version)
    fed = {"image": image, "grain": (grain, 0)}
    grainy = graph.add("FilmGrainApply", 0.4, inputs=fed, pack=None)
    graph.add("SaveImage", "grain", inputs={"images": (grainy, 0)})
    return graph.to_json()


def _ink_wash() -> bytes:
    """LoRAs that only Civitai has, one through a node of an installed pack; the best known are hidden as not PG."""
    graph = Graph()
    loader = graph.add("CheckpointLoaderSimple", "aurora_xl_v2.safetensors")
    fed = {"model": (loader, 0), "clip": (loader, 1)}
    styled = graph.add("LoraLoader", "ink_wash_landscape_v3.safetensors", 0.9, 0.9, inputs=fed)
    coloured = graph.add(
        "PaletteLoraLoader",
        "autumn_palette_v1.1.safetensors",
        1.0,
        inputs={"model": (styled, 0)},
        pack="comfyui-palette-tools",
        version="1.2.0",
    )
    graph.add_image_branch((coloured, 0), (styled, 1), (loader, 2), "mountains in ink wash")
    return graph.to_json()


def _vanished() -> bytes:
    """Nobody has this file any more."""
    graph = Graph()
    loader = graph.add("CheckpointLoaderSimple", "vanished_meadow_xl.safetensors")
    graph.add_image_branch((loader, 0), (loader, 1), (loader, 2), "a meadow")
    return graph.to_json()
