"""Civitai's JSON shapes and its derived file names, as the site's API answered in August 2026."""

import re
from typing import Any, Final

from comfyfixer.demo.catalogue import CivitaiFile, CivitaiModel, CivitaiVersion
from comfyfixer.demo.content import autov1_of, autov3_of, crc32_of, sha256_of, size_of

NAME_PART_CHARACTERS: Final = 20
KEEPS_UPLOADED_NAME: Final = {"LORA", "LoCon", "DoRA"}
_MARKS = ("-inpainting", ".instruct-pix2pix")


def shown_name(model: CivitaiModel, version: CivitaiVersion, file: CivitaiFile) -> str:
    """The name that the API shows: made of the model's and the version's name for checkpoint-like files."""
    if file.override_name:
        return file.override_name
    if model.type in KEEPS_UPLOADED_NAME or file.type == "VAE" or not camel(model.name):
        return file.name
    extension = file.name.rpartition(".")[2]
    if model.type == "TextualInversion":
        return f"{version.trained_words[0] if version.trained_words else camel(model.name)}.{extension}"
    mark = next((mark for mark in _MARKS if mark in file.name.lower()), "")
    version_name = re.sub(re.escape(camel(model.name)), "", version.name.replace(mark, ""), flags=re.IGNORECASE)
    stem = f"{camel(model.name)}_{camel(version_name)}"
    if file.type == "Training Data":
        return f"{stem}_trainingData.zip"
    return f"{stem}{mark}.{extension}"


def camel(name: str) -> str:
    """First word in lower case, each further one with a capital, words of capitals kept; cut to 20 characters."""
    words = re.findall(r"[A-Za-z0-9]+", re.sub(r"(?<=\d)\.(?=\d)", "", name))
    if not words:
        return ""
    starts_inside = not name[0].isalnum()
    first = _capital(words[0]) if starts_inside else words[0].lower()
    return (first + "".join(_capital(word) for word in words[1:]))[:NAME_PART_CHARACTERS]


def _capital(word: str) -> str:
    return word if word.isupper() else word.capitalize()


def hashes(file: CivitaiFile) -> dict[str, str]:
    """All hashes in upper case; none while the file is not scanned."""
    if not file.scanned:
        return {}
    sha256 = file.listed_sha256 or sha256_of(file.content)
    found = {
        "AutoV1": autov1_of(file.content),
        "AutoV2": sha256[:10],
        "SHA256": sha256,
        "CRC32": crc32_of(file.content),
    }
    if autov3 := autov3_of(file.content):
        found["AutoV3"] = autov3
    return {name: value.upper() for name, value in found.items()}


def primary_file(version: CivitaiVersion) -> CivitaiFile:
    """The one marked, else the first."""
    return next((file for file in version.files if file.primary), version.files[0])


def metadata(file: CivitaiFile) -> dict[str, str]:
    """What the author said about the file; only what is known."""
    known = {"format": file.format, "size": file.size, "fp": file.fp, "quantType": file.quant_type}
    return {name: value for name, value in known.items() if value is not None}


def download_url(base: str, version: CivitaiVersion, file: CivitaiFile) -> str:
    """The API's own URL: files of equal metadata have the same one."""
    url = f"{base}/api/download/models/{version.id}"
    if file is primary_file(version):
        return url
    marks = {"type": file.type, "format": file.format, "size": file.size, "fp": file.fp}
    return f"{url}?" + "&".join(f"{name}={value}".replace(" ", "%20") for name, value in marks.items() if value)


def file_shape(base: str, model: CivitaiModel, version: CivitaiVersion, file: CivitaiFile) -> dict[str, Any]:
    """One row of `files`."""
    shape = {
        "id": file.id,
        "sizeKB": size_of(file.content) / 1024,
        "name": shown_name(model, version, file),
        "type": file.type,
        "pickleScanResult": file.pickle_scan if file.scanned else "Pending",
        "pickleScanMessage": None,
        "virusScanResult": file.virus_scan if file.scanned else "Pending",
        "virusScanMessage": None,
        "scannedAt": version.published if file.scanned else None,
        "metadata": metadata(file),
        "hashes": hashes(file),
        "downloadUrl": download_url(base, version, file),
    }
    return shape | ({"primary": True} if file is primary_file(version) else {})


def version_shape(base: str, model: CivitaiModel, version: CivitaiVersion, index: int) -> dict[str, Any]:
    """One row of `modelVersions` in a list or a model."""
    archived = model.mode == "Archived"
    listed = () if archived or version.access == "early-access" else version.files
    shape: dict[str, Any] = {
        "id": version.id,
        "index": index,
        "name": version.name,
        "baseModel": version.base_model,
        "baseModelType": "Standard",
        "publishedAt": version.published,
        "flags": 0,
        "availability": "Public",
        "nsfwLevel": model.level,
        "description": None,
        "trainedWords": list(version.trained_words),
        "vaeId": None,
        "paidAccess": {"permanent": False, "endsAt": None} if version.access == "early-access" else None,
        "stats": {"downloadCount": model.downloads, "thumbsUpCount": 1, "thumbsDownCount": 0},
        "supportsGeneration": False,
        "files": [file_shape(base, model, version, file) | {"overrideName": file.override_name} for file in listed],
        "images": images(base, version),
    }
    return shape if archived else shape | {"downloadUrl": f"{base}/api/download/models/{version.id}"}


def model_shape(base: str, model: CivitaiModel) -> dict[str, Any]:
    """One item of a list; `/models/:id` drops what is null or empty (`without_empty`)."""
    shape: dict[str, Any] = {
        "id": model.id,
        "name": model.name,
        "description": f"<p>{model.name}</p>",
        "allowNoCredit": True,
        "allowCommercialUse": ["Image"],
        "allowDerivatives": True,
        "allowDifferentLicense": True,
        "type": model.type,
        "minor": False,
        "sfwOnly": False,
        "poi": False,
        "nsfw": model.level >= 4,
        "nsfwLevel": model.level,
        "availability": "Public",
        "userId": model.user_id,
        "baseModels": sorted({version.base_model for version in model.versions}),
        "cosmetic": None,
        "supportsGeneration": False,
        "stats": {"downloadCount": model.downloads, "thumbsUpCount": 1, "thumbsDownCount": 0, "commentCount": 0},
        "creator": {"username": model.creator, "image": None},
        "tags": list(model.tags),
        "modelVersions": [version_shape(base, model, version, at) for at, version in enumerate(model.versions)],
    }
    return shape | ({"mode": model.mode} if model.mode else {})


def single_version_shape(base: str, model: CivitaiModel, version: CivitaiVersion) -> dict[str, Any]:
    """`/model-versions/:id` and `by-hash`: other keys than in a list, no `overrideName`, no `quantType`."""
    files = [file_shape(base, model, version, file) for file in version.files if model.mode != "Archived"]
    for file in files:
        file["metadata"].pop("quantType", None)
        file.setdefault("primary", False)
    about = {"name": model.name, "type": model.type, "nsfw": model.level >= 4, "poi": False}
    return {
        "id": version.id,
        "modelId": model.id,
        "name": version.name,
        "nsfwLevel": model.level,
        "createdAt": version.published,
        "updatedAt": version.published,
        "status": "Published",
        "publishedAt": version.published,
        "trainedWords": list(version.trained_words),
        "baseModel": version.base_model,
        "baseModelType": None,
        "description": None,
        "uploadType": "Created",
        "usageControl": "Generation" if version.access == "disabled" else "Download",
        "paidAccess": {"permanent": False, "endsAt": None} if version.access == "early-access" else None,
        "air": f"urn:air:sdxl:{model.type.lower()}:civitai:{model.id}@{version.id}",
        "stats": {"downloadCount": model.downloads, "thumbsUpCount": 1},
        "model": about | ({"mode": model.mode} if model.mode else {}),
        "files": files,
        "images": images(base, version),
        "downloadUrl": f"{base}/api/download/models/{version.id}",
    }


def images(base: str, version: CivitaiVersion) -> list[dict[str, Any]]:
    """The previews, with their levels."""
    return [
        {"url": f"{base}/images/{version.id}/{number}", "nsfwLevel": level, "type": "image", "width": 1, "height": 1}
        for number, (_, level) in enumerate(version.images)
    ]


def without_empty(value: Any) -> Any:
    """A copy without keys whose value is null or empty, all the way down."""
    if isinstance(value, list):
        return [without_empty(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {name: without_empty(item) for name, item in value.items() if item not in (None, [], {}, "")}
