"""Which base model a file is of or for, by the marks of each; metadata counts where the tensors are silent."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from comfyfixer.content.examine import examine
from comfyfixer.content.folders import contradiction, described
from comfyfixer.content.kinds import kind_of
from tests.content.files import gguf, safetensors

Shapes = Mapping[str, tuple[int, ...] | None]


def _model(first: str, last: str, marks: Sequence[str], blocks: str, **shapes: tuple[int, ...]) -> dict[str, object]:
    """A diffusion model's names: hundreds of them, from the first layer to the last."""
    names = [first, last, *marks, *(blocks.format(number) for number in range(220))]
    return {**dict.fromkeys(names), **shapes}


def _unet(width: int | None, prefix: str = "model.diffusion_model.") -> dict[str, tuple[int, ...] | None]:
    to_k = f"{prefix}input_blocks.4.1.transformer_blocks.0.attn2.to_k.weight"
    names = ("input_blocks.0.0.weight", "time_embed.0.weight", "out.2.weight")
    blocks = [f"{prefix}output_blocks.{number}.0.in_layers.2.weight" for number in range(220)]
    found: dict[str, tuple[int, ...] | None] = dict.fromkeys([*(prefix + name for name in names), *blocks])
    return {**found, to_k: (640, width) if width else None}


MODELS: dict[str, tuple[str, dict[str, object]]] = {
    "SD1.5": ("diffusion_model", dict(_unet(768))),
    "SD2": ("diffusion_model", dict(_unet(1024))),
    "SDXL": ("diffusion_model", dict(_unet(2048))),
    "SDXL Refiner": ("diffusion_model", dict(_unet(1280))),
    "SD3": (
        "diffusion_model",
        _model(
            "model.diffusion_model.x_embedder.proj.weight",
            "model.diffusion_model.final_layer.linear.weight",
            ["model.diffusion_model.joint_blocks.0.context_block.attn.qkv.weight"],
            "model.diffusion_model.joint_blocks.{}.x_block.attn.qkv.weight",
        ),
    ),
    "Flux": (
        "diffusion_model",
        _model(
            "img_in.weight",
            "final_layer.linear.weight",
            ["double_blocks.0.img_attn.norm.key_norm.scale"],
            "double_blocks.{}.img_attn.qkv.weight",
        ),
    ),
    "Chroma": (
        "diffusion_model",
        _model(
            "img_in.weight",
            "final_layer.linear.weight",
            ["distilled_guidance_layer.norms.0.scale"],
            "double_blocks.{}.img_attn.qkv.weight",
        ),
    ),
    "Wan": (
        "diffusion_model",
        _model("patch_embedding.weight", "head.head.weight", ["head.modulation"], "blocks.{}.cross_attn.k.weight"),
    ),
    "HunyuanVideo": (
        "diffusion_model",
        _model(
            "img_in.proj.weight",
            "final_layer.linear.weight",
            ["txt_in.individual_token_refiner.blocks.0.norm1.weight"],
            "double_blocks.{}.img_attn.qkv.weight",
        ),
    ),
    "LTX-Video": (
        "diffusion_model",
        _model(
            "model.diffusion_model.patchify_proj.weight",
            "model.diffusion_model.proj_out.weight",
            ["model.diffusion_model.adaln_single.emb.timestep_embedder.linear_1.bias"],
            "model.diffusion_model.transformer_blocks.{}.attn1.to_k.weight",
        ),
    ),
    "Qwen-Image": (
        "diffusion_model",
        _model(
            "img_in.weight",
            "proj_out.weight",
            ["txt_norm.weight"],
            "transformer_blocks.{}.img_mlp.net.0.proj.weight",
        ),
    ),
    "Lumina 2": (
        "diffusion_model",
        _model(
            "x_embedder.weight",
            "final_layer.linear.weight",
            ["noise_refiner.0.attention.k_norm.weight"],
            "layers.{}.attention.qkv.weight",
            **{"cap_embedder.1.weight": (2304, 2304)},
        ),
    ),
    "Z-Image": (
        "diffusion_model",
        _model(
            "x_embedder.weight",
            "final_layer.linear.weight",
            ["noise_refiner.0.attention.k_norm.weight"],
            "layers.{}.attention.qkv.weight",
            **{"cap_embedder.1.weight": (3840, 2560)},
        ),
    ),
}


@pytest.mark.parametrize("family", MODELS)
def test_a_whole_model_is_known_for_certain_with_its_family(family: str) -> None:
    kind, shapes = MODELS[family]
    content = kind_of(shapes)  # type: ignore[arg-type]
    assert (content.kind, content.family, content.certain) == (kind, family, True)
    assert described(content) == f"a whole diffusion model ({family})"
    assert contradiction("loras", content)
    assert not contradiction("checkpoints", content)


def test_a_model_with_its_text_encoder_and_vae_is_a_checkpoint() -> None:
    beside = dict.fromkeys(("first_stage_model.decoder.conv_in.weight", "conditioner.embedders.1.model.ln.weight"))
    content = kind_of({**_unet(None), **beside})
    assert (content.kind, content.family, content.folders) == ("checkpoint", "SDXL", ("checkpoints",))
    assert content.certain


PAIR = ("{}.lora_down.weight", "{}.lora_up.weight", "{}.alpha")
LORAS: dict[str, tuple[str, ...]] = {
    "SDXL": ("lora_te2_text_model_encoder_layers_0_mlp_fc1", "lora_unet_output_blocks_0_1_proj_in"),
    "Flux": ("lora_unet_double_blocks_0_img_attn_qkv", "lora_unet_double_blocks_0_img_mlp_0"),
    "HunyuanVideo": ("lora_unet_double_blocks_0_img_mlp_fc1",),
    "Wan": ("diffusion_model.blocks.0.cross_attn.k", "diffusion_model.blocks.0.ffn.0"),
    "Qwen-Image": ("transformer.transformer_blocks.0.img_mlp.net.0.proj",),
    "SD3": ("lora_unet_joint_blocks_0_context_block_attn_qkv",),
    "LTX-Video": ("diffusion_model.transformer_blocks.0.attn1.to_q",),
    "Lumina 2": ("diffusion_model.layers.0.attention.qkv",),
    "HiDream": ("diffusion_model.double_stream_blocks.0.block.attn1.to_q",),
}


@pytest.mark.parametrize("family", LORAS)
def test_a_lora_is_certain_and_speaks_of_its_base(family: str) -> None:
    content = kind_of(dict.fromkeys(half.format(layer) for layer in LORAS[family] for half in PAIR))
    assert described(content) == f"a LoRA ({family})"
    assert content.certain
    assert contradiction("checkpoints", content)


@pytest.mark.parametrize(("width", "family"), [(768, "SD1.5"), (1024, "SD2"), (2048, "SDXL")])
def test_a_loras_base_is_told_by_the_width_of_its_text_encoder(width: int, family: str) -> None:
    layer = "lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn2_to_k"
    shapes = {f"{layer}.lora_down.weight": (16, width), f"{layer}.lora_up.weight": (320, 16), f"{layer}.alpha": ()}
    assert kind_of(shapes).family == family


@pytest.mark.parametrize(
    "names",
    [
        ("a.hada_w1_a", "a.hada_w1_b", "a.hada_w2_a", "a.hada_w2_b", "a.alpha"),
        ("a.lokr_w1", "a.lokr_w2", "a.alpha"),
        ("a.lora_A", "a.lora_B"),
        ("a_lora.down.weight", "a_lora.up.weight"),
        ("a.lora_A.default.weight", "a.lora_B.default.weight"),
        ("a.lora_down.weight", "a.lora_up.weight", "a.diff", "a.diff_b", "a.reshape_weight"),
    ],
)
def test_every_way_to_write_an_adapter_is_a_lora(names: tuple[str, ...]) -> None:
    content = kind_of(dict.fromkeys(names))
    assert (content.kind, content.certain) == ("lora", True)


def _layers(first: Mapping[str, tuple[int, ...]], more: str) -> Shapes:
    return {**first, **{more.format(number): (1,) for number in range(60)}}


PARTS: dict[str, tuple[str, Shapes]] = {
    "text_encoder (T5-XXL)": (
        "vae",
        _layers(
            {
                "shared.weight": (32_128, 4096),
                "encoder.block.0.layer.0.SelfAttention.k.weight": (4096, 4096),
                "encoder.block.23.layer.1.DenseReluDense.wi_1.weight": (10_240, 4096),
            },
            "encoder.block.{}.layer.0.SelfAttention.q.weight",
        ),
    ),
    "text_encoder (UMT5-XXL)": (
        "loras",
        _layers(
            {
                "shared.weight": (256_384, 4096),
                "encoder.block.0.layer.0.SelfAttention.k.weight": (4096, 4096),
                "encoder.block.23.layer.1.DenseReluDense.wi_1.weight": (10_240, 4096),
            },
            "encoder.block.{}.layer.0.SelfAttention.q.weight",
        ),
    ),
    "text_encoder (CLIP-L)": (
        "upscale_models",
        _layers(
            {
                "text_model.embeddings.token_embedding.weight": (49_408, 768),
                "text_model.encoder.layers.0.mlp.fc1.weight": (3072, 768),
            },
            "text_model.encoder.layers.{}.layer_norm1.bias",
        ),
    ),
    "text_encoder (Qwen3)": (
        "loras",
        _layers(
            {
                "model.embed_tokens.weight": (151_936, 2560),
                "model.layers.0.post_attention_layernorm.weight": (2560,),
                "model.layers.0.self_attn.q_norm.weight": (128,),
            },
            "model.layers.{}.mlp.down_proj.weight",
        ),
    ),
    "vae (Flux and SD3)": (
        "text_encoders",
        _layers(
            {"decoder.conv_in.weight": (512, 16, 3, 3), "decoder.conv_out.weight": (3, 128, 3, 3)},
            "decoder.up.{}.block.0.conv1.weight",
        ),
    ),
    "vae (SD1.5 and SDXL)": (
        "loras",
        _layers(
            {"decoder.conv_in.weight": (512, 4, 3, 3), "decoder.conv_out.weight": (3, 128, 3, 3)},
            "encoder.down.{}.block.0.conv1.weight",
        ),
    ),
    "clip_vision (None)": ("loras", _layers({}, "vision_model.encoder.layers.{}.layer_norm1.weight")),
    "controlnet (SD1.5)": (
        "loras",
        _layers(
            {
                "control_model.zero_convs.0.0.weight": (320, 320, 1, 1),
                "control_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight": (320, 768),
            },
            "control_model.middle_block.{}.weight",
        ),
    ),
    "embedding (None)": ("loras", {"emb_params": (8, 768)}),
}


@pytest.mark.parametrize("told", PARTS)
def test_parts_are_told_and_contradict_the_folders_that_nobody_loads_them_from(told: str) -> None:
    folder, shapes = PARTS[told]
    content = kind_of(shapes)
    assert f"{content.kind} ({content.family})" == told
    assert content.certain
    assert contradiction(folder, content)
    assert not contradiction(content.folders[0], content)
    assert not contradiction("my_own_folder", content)


def test_some_loaders_read_parts_from_checkpoints_so_nothing_is_said_against_them_there() -> None:
    for told, (_, shapes) in PARTS.items():
        assert told.startswith("embedding") or not contradiction("checkpoints", kind_of(shapes))


# --- what metadata claims ---


@pytest.mark.parametrize(
    ("claims", "told"),
    [
        ({"modelspec.architecture": "stable-diffusion-xl-v1-base/lora"}, "a LoRA (SDXL)"),
        ({"modelspec.architecture": "flux-1-dev/lora"}, "a LoRA (Flux)"),
        ({"modelspec.architecture": "stable-diffusion-v1/textual-inversion"}, "an embedding (SD1.5)"),
        ({"ss_network_module": "networks.lora", "ss_base_model_version": "sd_v1"}, "a LoRA (SD1.5)"),
        ({"ss_network_module": "lycoris.kohya", "ss_base_model_version": "sdxl_base_v1-0"}, "a LoRA (SDXL)"),
        ({"modelspec.architecture": "unheard-of"}, None),
        ({}, None),
    ],
)
def test_metadata_tells_what_tensors_do_not_and_is_never_certain(claims: dict[str, str], told: str | None) -> None:
    content = kind_of({"strange": (1,)}, claims)
    assert described(content) == told
    assert not content.certain


def test_metadata_names_the_family_and_the_tensors_keep_the_last_word(tmp_path: Path) -> None:
    claims = {"modelspec.architecture": "stable-diffusion-xl-v1-base", "ss_base_model_version": "flux1"}
    path = tmp_path / "x.safetensors"
    path.write_bytes(safetensors(["a.lora_up.weight", "a.lora_down.weight"], claims))
    content = examine(str(path))
    assert (described(content), content.told_by) == ("a LoRA (SDXL)", "the names of its tensors")
    path.write_bytes(safetensors(["lora_unet_double_blocks_0_img_mlp_0.lora_A", "x.lora_B"], claims))
    assert described(examine(str(path))) == "a LoRA (Flux)"


@pytest.mark.parametrize(
    ("architecture", "told", "folder"),
    [
        ("flux", "a whole diffusion model (Flux)", "diffusion_models"),
        ("qwen_image", "a whole diffusion model (Qwen-Image)", "diffusion_models"),
        ("wan", "a whole diffusion model (Wan)", "diffusion_models"),
        ("t5encoder", "a text encoder (T5)", "text_encoders"),
        ("qwen2vl", "a text encoder (Qwen2.5)", "text_encoders"),
    ],
)
def test_a_gguf_file_names_its_architecture(tmp_path: Path, architecture: str, told: str, folder: str) -> None:
    path = tmp_path / "x.gguf"
    path.write_bytes(gguf({"general.architecture": architecture}, {f"blk.{number}.w": (1,) for number in range(60)}))
    content = examine(str(path))
    assert (described(content), content.folders, content.certain) == (told, (folder,), True)


def test_an_unknown_architecture_is_told_by_its_tensors(tmp_path: Path) -> None:
    path = tmp_path / "x.gguf"
    path.write_bytes(gguf({"general.architecture": "pig"}, {"head.modulation": (1,), "blocks.0.cross_attn.k.w": (1,)}))
    assert described(examine(str(path))) == "a whole diffusion model (Wan)"
