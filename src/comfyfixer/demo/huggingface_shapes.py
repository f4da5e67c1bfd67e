"""Hugging Face's JSON shapes: models, siblings, trees, as the hub answered in 2026."""

import hashlib
from typing import Any

from comfyfixer.demo.catalogue import HuggingFaceRepo, RepoFile
from comfyfixer.demo.content import git_sha1_of, sha256_of, size_of, whole, xet_hash_of


def commit_of(repo: HuggingFaceRepo) -> str:
    """The one commit that all revisions of a repository point to."""
    return hashlib.sha1(f"commit {repo.id}".encode(), usedforsecurity=False).hexdigest()


def pointer(file: RepoFile) -> str:
    """What git holds in place of a large file, and `/raw/` gives."""
    digest, size = sha256_of(file.content), size_of(file.content)
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize {size}\n"


def git_oid(file: RepoFile) -> str:
    """Git's blob id: of the pointer where the file is a large one."""
    if not file.lfs:
        return git_sha1_of(file.content)
    data = pointer(file).encode()
    return hashlib.sha1(f"blob {len(data)}\0".encode() + data, usedforsecurity=False).hexdigest()


def tree_entry(file: RepoFile) -> dict[str, Any]:
    """One row of `tree` and `paths-info`; here the SHA-256 is `lfs.oid`."""
    entry: dict[str, Any] = {
        "type": "file",
        "oid": git_oid(file),
        "size": size_of(file.content),
        "path": file.path,
    }
    if not file.lfs:
        return entry
    lfs = {"oid": sha256_of(file.content), "size": size_of(file.content), "pointerSize": len(pointer(file))}
    return entry | {"lfs": lfs, "xetHash": xet_hash_of(file.content)}


def security(file: RepoFile) -> dict[str, Any]:
    """What `expand` adds to a row."""
    safe = file.security == "safe"
    imports: dict[str, Any] = {"highestSafetyLevel": "innocuous" if safe else "dangerous", "imports": []}
    return {"securityFileStatus": {"status": file.security, "avScan": {"virusFound": False, "virusNames": None},
                                   "pickleImportScan": imports}}  # fmt: skip


def directory_entry(path: str) -> dict[str, Any]:
    """A folder in a tree."""
    return {"type": "directory", "oid": hashlib.sha1(path.encode(), usedforsecurity=False).hexdigest(), "size": 0,
            "path": path}  # fmt: skip


def sibling(file: RepoFile, blobs: bool) -> dict[str, Any]:
    """One row of `siblings`: the name alone, or with `?blobs=true` size and hash (`lfs.sha256` here)."""
    if not blobs:
        return {"rfilename": file.path}
    row = {"rfilename": file.path, "size": size_of(file.content), "blobId": git_oid(file)}
    if not file.lfs:
        return row
    lfs = {"sha256": sha256_of(file.content), "size": size_of(file.content), "pointerSize": len(pointer(file))}
    return row | {"lfs": lfs}


def list_row(repo: HuggingFaceRepo, full: bool) -> dict[str, Any]:
    """One row of `/api/models`; siblings, author and commit only with `full=true`."""
    row: dict[str, Any] = {
        "_id": commit_of(repo)[:24],
        "id": repo.id,
        "modelId": repo.id,
        "private": repo.private,
        "likes": repo.likes,
        "downloads": repo.downloads,
        "tags": list(repo.tags),
        "createdAt": "2026-01-01T00:00:00.000Z",
    }
    if not full:
        return row
    return row | {
        "author": repo.id.partition("/")[0],
        "sha": commit_of(repo),
        "lastModified": "2026-02-01T00:00:00.000Z",
        "gated": repo.gated or False,
        "disabled": repo.disabled,
        "siblings": [sibling(file, blobs=False) for file in repo.files],
    }


def model(repo: HuggingFaceRepo, blobs: bool) -> dict[str, Any]:
    """`/api/models/{id}`: public also where the files are gated."""
    return list_row(repo, full=True) | {
        "siblings": [sibling(file, blobs) for file in repo.files],
        "usedStorage": sum(size_of(file.content) for file in repo.files),
        "cardData": {},
    }


def readme_of(repo: HuggingFaceRepo) -> str:
    """The text that the full-text search reads; empty without a README."""
    found = next((file for file in repo.files if file.path == "README.md"), None)
    return whole(found.content).decode() if found else ""
