"""Containers as real encoders write them, with texts where ComfyUI and its packs put them."""

import io
from pathlib import Path
from typing import Any

import pytest

from comfyfixer.pipeline.reading.file import Reader
from comfyfixer.scan.knowledge import builtin_knowledge
from tests.scan.containers import COMFY_TAGS, PROMPT, WORKFLOW

Image = pytest.importorskip("PIL.Image")
PngImagePlugin = pytest.importorskip("PIL.PngImagePlugin")
features = pytest.importorskip("PIL.features")
av = pytest.importorskip("av")
flac = pytest.importorskip("mutagen.flac")
id3 = pytest.importorskip("mutagen.id3")
openexr = pytest.importorskip("OpenEXR")
numpy = pytest.importorskip("numpy")
safetensors = pytest.importorskip("safetensors.numpy")

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


def film(path: Path, texts: dict[str, str], codec: str, **options: str) -> None:
    """Two frames, with tags of the whole file as ComfyUI's own video nodes set them."""
    with av.open(str(path), "w", options=options) as container:
        container.metadata.update(texts)
        stream = container.add_stream(codec, rate=8)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        for number in range(2):
            frame = av.VideoFrame(64, 64, "yuv420p")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def sound(path: Path, texts: dict[str, str], codec: str) -> None:
    """A tenth of a second, likewise."""
    with av.open(str(path), "w") as container:
        container.metadata.update(texts)
        stream = container.add_stream(codec, rate=48_000, layout="stereo")
        frame = av.AudioFrame(stream.format.name, "stereo", stream.frame_size or 960)
        frame.sample_rate = 48_000
        frame.pts = 0
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        container.mux(stream.encode(frame))
        container.mux(stream.encode())


TEXTS = {"prompt": PROMPT.decode(), "workflow": WORKFLOW.decode()}
KEYS_OF_OURS = {"movflags": "use_metadata_tags"}
COMMENT = {"comment": '{"prompt": ' + PROMPT.decode() + ', "workflow": ' + WORKFLOW.decode() + "}"}


@pytest.mark.parametrize(
    ("name", "codec", "kind", "texts", "options"),
    [
        ("a.mp4", "libx264", "mp4", TEXTS, KEYS_OF_OURS),
        ("a.mp4", "libx264", "mp4", TEXTS, {"movflags": "use_metadata_tags+faststart"}),
        ("a.mp4", "libx264", "mp4", TEXTS, {"movflags": "use_metadata_tags+frag_keyframe+empty_moov"}),
        ("a.mov", "libx264", "mp4", TEXTS, KEYS_OF_OURS),
        ("a.mp4", "libx264", "mp4", COMMENT, {}),
        ("a.mov", "libx264", "mp4", COMMENT, {}),
        ("a.webm", "libvpx-vp9", "webm", TEXTS, {}),
        ("a.webm", "libvpx-vp9", "webm", COMMENT, {}),
        ("a.webm", "libvpx-vp9", "webm", TEXTS, {"live": "1"}),
        ("a.mkv", "ffv1", "mkv", TEXTS, {}),
    ],
    ids=["mp4", "mp4-index-first", "mp4-in-pieces", "mov", "mp4-comment", "mov-comment", "webm", "webm-comment",
         "webm-live", "mkv"],
)  # fmt: skip
def test_films(
    name: str, codec: str, kind: str, texts: dict[str, str], options: dict[str, str], tmp_path: Path
) -> None:
    film(tmp_path / name, texts, codec, **options)

    assert found((tmp_path / name).read_bytes(), name, tmp_path) == (kind, ["w.safetensors"])


@pytest.mark.parametrize("texts", [TEXTS, COMMENT], ids=["keys", "comment"])
@pytest.mark.parametrize(
    ("name", "codec", "kind"),
    [
        ("a.flac", "flac", "flac"), ("a.mp3", "libmp3lame", "mp3"), ("a.opus", "libopus", "ogg"),
        ("a.ogg", "libopus", "ogg"), ("b.ogg", "flac", "ogg"), ("a.m4a", "aac", "mp4"),
    ],
)  # fmt: skip
def test_sounds(name: str, codec: str, kind: str, texts: dict[str, str], tmp_path: Path) -> None:
    if name == "a.m4a":  # keeps no keys of one's own
        texts = COMMENT
    sound(tmp_path / name, texts, codec)

    assert found((tmp_path / name).read_bytes(), name, tmp_path) == (kind, ["w.safetensors"])


def test_a_film_of_another_program_is_no_workflow(tmp_path: Path) -> None:
    film(tmp_path / "a.mp4", {"title": "holidays", "comment": "by the sea"}, "libx264")

    assert Reader(builtin_knowledge()).read(str(tmp_path / "a.mp4")) is None


def test_tags_written_into_sounds_afterwards(tmp_path: Path) -> None:
    sound(tmp_path / "a.mp3", {}, "libmp3lame")
    tags_of_mp3 = id3.ID3()
    tags_of_mp3.add(id3.TXXX(encoding=id3.Encoding.UTF16, desc="workflow", text=[WORKFLOW.decode()]))
    tags_of_mp3.save(tmp_path / "a.mp3", v2_version=3)
    sound(tmp_path / "a.flac", {}, "flac")
    tags_of_flac = flac.FLAC(tmp_path / "a.flac")
    tags_of_flac["WORKFLOW"] = WORKFLOW.decode()
    tags_of_flac.save()

    assert found((tmp_path / "a.mp3").read_bytes(), "a.mp3", tmp_path) == ("mp3", ["w.safetensors"])
    assert found((tmp_path / "a.flac").read_bytes(), "a.flac", tmp_path) == ("flac", ["w.safetensors"])


@pytest.mark.parametrize(("name", "kind"), [("a.safetensors", "safetensors"), ("a.latent", "latent")])
def test_weights_and_latents(name: str, kind: str, tmp_path: Path) -> None:
    data = safetensors.save({"latent_tensor": numpy.zeros((1, 4, 2, 2), "float32")}, TEXTS)

    assert found(data, name, tmp_path) == (kind, ["w.safetensors"])


def test_exr_attributes(tmp_path: Path) -> None:
    header = {"compression": openexr.ZIP_COMPRESSION, "type": openexr.scanlineimage, **TEXTS}
    pixels = numpy.zeros((8, 8, 3), dtype="float16")
    openexr.File(header, {"RGB": pixels}).write(str(tmp_path / "a.exr"))

    assert found((tmp_path / "a.exr").read_bytes(), "a.exr", tmp_path) == ("exr", ["w.safetensors"])
