"""Containers as a real encoder writes them, with texts where ComfyUI and its packs put them."""

import io
from pathlib import Path
from typing import Any

import pytest

from comfyfixer.pipeline.reading import Reader
from comfyfixer.scan.knowledge import builtin_knowledge
from tests.scan.containers import COMFY_TAGS, PROMPT, WORKFLOW

Image = pytest.importorskip("PIL.Image")
PngImagePlugin = pytest.importorskip("PIL.PngImagePlugin")
features = pytest.importorskip("PIL.features")

NOISE = bytes(range(256)) * 48
USER_COMMENT, EXIF_PART = 0x9286, 0x8769


def picture() -> Any:
    return Image.frombytes("RGB", (64, 64), NOISE)


def saved(kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    picture().save(file, kind, **options)
    return file.getvalue()


def tags(entries: dict[int, Any]) -> Any:
    exif = Image.Exif()
    for tag, value in entries.items():
        exif[tag] = value
    return exif


def comfy_tags() -> Any:
    """As ComfyUI writes them: `workflow:` and `prompt:` in the tags of camera maker and model."""
    return tags({tag: text.rstrip(b"\0").decode() for tag, text in COMFY_TAGS.items()})


def found(data: bytes, name: str, folder: Path) -> tuple[str, list[str]]:
    path = folder / name
    path.write_bytes(data)
    workflow = Reader(builtin_knowledge()).read(str(path))
    assert workflow is not None
    assert workflow.ok, workflow.error
    return workflow.format, [model.value for model in workflow.models]


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "packed"])
@pytest.mark.parametrize("how", ["add_text", "add_itxt"])
def test_png_texts(how: str, packed: bool, tmp_path: Path) -> None:
    info = PngImagePlugin.PngInfo()
    options: dict[str, Any] = {"zip": packed}
    getattr(info, how)("prompt", PROMPT.decode(), **options)
    getattr(info, how)("workflow", WORKFLOW.decode(), **options)

    assert found(saved("PNG", pnginfo=info), "a.png", tmp_path) == ("png", ["w.safetensors"])


def test_png_texts_of_an_animation(tmp_path: Path) -> None:
    info = PngImagePlugin.PngInfo()
    info.add(b"comf", b"workflow\0" + WORKFLOW, after_idat=True)
    frames = saved("PNG", pnginfo=info, save_all=True, append_images=[picture().rotate(90)], duration=100)

    assert found(frames, "a.png", tmp_path) == ("png", ["w.safetensors"])


def test_png_exif(tmp_path: Path) -> None:
    assert found(saved("PNG", exif=comfy_tags()), "a.png", tmp_path) == ("png", ["w.safetensors"])


def test_a_prompt_alone_with_letters_of_all_kinds(tmp_path: Path) -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("prompt", PROMPT.decode().replace("p.safetensors", "żółw 龍.safetensors"))

    assert found(saved("PNG", pnginfo=info), "a.png", tmp_path) == ("png", ["żółw 龍.safetensors"])


@pytest.mark.parametrize("options", [{}, {"lossless": True}, {"save_all": True}], ids=["lossy", "lossless", "animated"])
def test_webp_exif(options: dict[str, Any], tmp_path: Path) -> None:
    if options.get("save_all"):
        options = {**options, "append_images": [picture().rotate(90)], "duration": 100}

    assert found(saved("WEBP", exif=comfy_tags(), **options), "a.webp", tmp_path) == ("webp", ["w.safetensors"])


@pytest.mark.parametrize("progressive", [False, True])
def test_jpeg_exif_and_comment(progressive: bool, tmp_path: Path) -> None:
    options = {"progressive": progressive, "quality": 80}
    by_tags = saved("JPEG", exif=comfy_tags(), **options)
    by_comment = saved("JPEG", comment=WORKFLOW, **options)

    assert found(by_tags, "a.jpg", tmp_path) == ("jpeg", ["w.safetensors"])
    assert found(by_comment, "b.jpeg", tmp_path) == ("jpeg", ["w.safetensors"])


@pytest.mark.parametrize("encoding", ["utf-16-be", "utf-16-le"])
def test_a_user_s_comment_in_the_inner_part_of_exif(encoding: str, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif.get_ifd(EXIF_PART)[USER_COMMENT] = b"UNICODE\0" + WORKFLOW.decode().encode(encoding)

    assert found(saved("JPEG", exif=exif), "a.jpg", tmp_path) == ("jpeg", ["w.safetensors"])


@pytest.mark.skipif(not features.check("avif"), reason="this Pillow has no AVIF encoder")
def test_avif_exif(tmp_path: Path) -> None:
    assert found(saved("AVIF", exif=comfy_tags()), "a.avif", tmp_path) == ("avif", ["w.safetensors"])


@pytest.mark.parametrize(("kind", "name"), [("PNG", "a.png"), ("WEBP", "a.webp"), ("JPEG", "a.jpg")])
def test_a_picture_of_another_program_is_no_workflow(kind: str, name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(saved(kind, exif=tags({0x010F: "Canon", 0x0110: "EOS 5D"})))

    assert Reader(builtin_knowledge()).read(str(path)) is None
