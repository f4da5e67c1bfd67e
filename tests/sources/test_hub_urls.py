"""What addresses out of workflows mean."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comfyfixer.sources.hub_urls import (
    CivitaiModel,
    CivitaiVersion,
    GitHubFile,
    HubPlace,
    HuggingFaceFile,
    HuggingFaceRepository,
    OwnHosts,
    PlainUrl,
    understand,
)

OWN = OwnHosts(huggingface="http://127.0.0.1:7001", civitai="http://127.0.0.1:7002/civitai")


def _file(repo: str, path: str, revision: str = "main") -> HuggingFaceFile:
    return HuggingFaceFile(repo_id=repo, revision=revision, path=path)


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("https://huggingface.co/a/b/resolve/main/c.safetensors", _file("a/b", "c.safetensors")),
        ("https://huggingface.co/a/b/resolve/main/d/c.pt?download=true", _file("a/b", "d/c.pt")),
        ("https://huggingface.co/a/b/blob/main/x%20y.safetensors", _file("a/b", "x y.safetensors")),
        ("http://hf.co/a/b/raw/v1.0/c.bin#L3", _file("a/b", "c.bin", "v1.0")),
        ("https://huggingface.co/a/b/resolve/refs%2Fpr%2F4/c.pt", _file("a/b", "c.pt", "refs/pr/4")),
        ("https://huggingface.co/a/b/resolve/refs/pr/4/d/c.pt", _file("a/b", "d/c.pt", "refs/pr/4")),
        ("https://huggingface.co/a/b/blob/refs/convert/x/c.pt", _file("a/b", "c.pt", "refs/convert/x")),
        ("https://huggingface.co/a/b/resolve/refs/pr/4", HuggingFaceRepository(repo_id="a/b", revision="refs/pr/4")),
        ("https://huggingface.co/a/b/tree/fp16", HuggingFaceRepository(repo_id="a/b", revision="fp16")),
        ("https://huggingface.co/a/b/tree/fp16/vae", HuggingFaceRepository(repo_id="a/b", revision="fp16")),
        ("https://huggingface.co/a/b/tree/refs/pr/4/vae", HuggingFaceRepository(repo_id="a/b", revision="refs/pr/4")),
        ("https://huggingface.co/a/b/tree/refs%2Fpr%2F4", HuggingFaceRepository(repo_id="a/b", revision="refs/pr/4")),
        ("https://huggingface.co/gpt2/resolve/main/model.safetensors", _file("gpt2", "model.safetensors")),
        ("https://hf-mirror.com/a/b/resolve/main/c.pt", _file("a/b", "c.pt")),
        ("http://127.0.0.1:7001/a/b/resolve/main/c.pt", _file("a/b", "c.pt")),
        ("hf://a/b/d/c.pt", _file("a/b", "d/c.pt")),
        ("hf://models/a/b@dev/c.pt", _file("a/b", "c.pt", "dev")),
        ("https://huggingface.co/datasets/a/b/resolve/main/c.onnx", _file("datasets/a/b", "c.onnx")),
        ("https://huggingface.co/a/b", HuggingFaceRepository(repo_id="a/b", revision="main")),
        ("https://huggingface.co/a/b/tree/main/vae", HuggingFaceRepository(repo_id="a/b", revision="main")),
        ("https://huggingface.co/docs/hub", None),
        ("https://huggingface.co/models?search=x", None),
        ("https://huggingface.co/Comfy-Org", None),
        ("https://huggingface.co/a/b/resolve/main/../../etc/passwd", None),
        ("https://huggingface.co/a/b/resolve/main/%2e%2e/c.pt", None),
        ("https://huggingface.co/a/b/resolve/main/d%2F..%2Fc.pt", None),
        ("https://huggingface.co/../b/resolve/main/c.pt", None),
        ("https://civitai.com/models/12/name?modelVersionId=34", CivitaiVersion(version_id=34)),
        ("https://civitai.red/models/12", CivitaiModel(model_id=12)),
        ("https://www.civitai.com/api/v1/models/12", CivitaiModel(model_id=12)),
        ("https://civitai.com/api/v1/model-versions/34", CivitaiVersion(version_id=34)),
        ("https://civitai.green/api/download/models/34", CivitaiVersion(version_id=34, gives_file=True)),
        (
            "https://civitai.com/api/download/models/34?type=Model&format=SafeTensor&fileId=56&token=s3cret",
            CivitaiVersion(version_id=34, file_id=56, wants={"type": "Model", "format": "SafeTensor"}, gives_file=True),
        ),
        ("http://127.0.0.1:7002/civitai/api/download/models/34", CivitaiVersion(version_id=34, gives_file=True)),
        ("https://civitai.com/api/download/models/../../x", None),
        ("https://civitai.com/models/99999999999999999999", None),
        ("https://civitai.com/user/someone", None),
        ("urn:air:sdxl:checkpoint:civitai:101055@128078", CivitaiVersion(version_id=128078)),
        ("air:flux1:lora:civitai:1@2+3.safetensors", CivitaiVersion(version_id=2, file_id=3)),
        ("https://github.com/a/b/releases/download/v1/x.pth", GitHubFile(path="/a/b/releases/download/v1/x.pth")),
        ("https://github.com/a/b/blob/main/x.pth", GitHubFile(path="/a/b/raw/main/x.pth")),
        ("https://b2.civitai.com/file/x", PlainUrl(url="https://b2.civitai.com/file/x")),
        ("https://huggingface.co.evil.example/a/b", PlainUrl(url="https://huggingface.co.evil.example/a/b")),
        ("https://huggingface.co:444/a/b", PlainUrl(url="https://huggingface.co:444/a/b")),
        ("https://huggingface.co@evil.example/a/b", PlainUrl(url="https://huggingface.co@evil.example/a/b")),
        ("ftp://huggingface.co/a/b/resolve/main/c.pt", None),
        ("javascript:alert(1)", None),
        ("https://[::1", None),
        ("https://huggingface.co\\@evil.example/", None),
        ("", None),
        ("x" * 5000, None),
    ],
)
def test_an_address_means(url: str, place: HubPlace | None) -> None:
    assert understand(url, OWN) == place


@given(
    st.sampled_from(
        ["", "hf://", "air:a:b:civitai:", "https://huggingface.co/", "https://civitai.com/", "https://github.com/"]
    ),
    st.text(max_size=200),
)
def test_no_text_breaks_the_reading_and_no_path_leaves_its_repository(start: str, text: str) -> None:
    place = understand(start + text, OWN)
    if isinstance(place, HuggingFaceFile):
        parts = place.path.split("/")
        assert not {"", ".", ".."} & set(parts)
        assert "\\" not in place.path
        assert not {".", ".."} & set(place.revision.split("/"))
