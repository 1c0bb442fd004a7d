"""The embedder: the published vectors, whatever a text is batched with."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lotus_tasks.errors import Permanent
from lotus_tasks.local.home import PROJECT
from lotus_tasks.memory.adapters import minilm
from lotus_tasks.memory.adapters.minilm import MiniLMEmbedder
from lotus_tasks.memory.adapters.minilm_archive import ensure_archive
from lotus_tasks.memory.adapters.minilm_graph import ensure_graph
from lotus_tasks.memory.ports import EmbedderUnavailable


@pytest.fixture(scope="module")
def embedder(tmp_path_factory) -> MiniLMEmbedder:
    return MiniLMEmbedder(tmp_path_factory.mktemp("models"), allow_download=False)


def test_hello_world_embeds_to_the_published_vector(embedder):
    (found,) = embedder.embed(["hello world"])
    assert found.vector[:5] == pytest.approx([-0.0345, 0.0310, 0.0067, 0.0261, -0.0394], abs=1e-2)
    assert np.linalg.norm(found.vector) == pytest.approx(1.0, abs=1e-5)


def test_an_older_layout_of_the_weights_goes_when_a_new_one_is_built(tmp_path):
    older = tmp_path / "all-minilm-l6-v2-2"
    older.mkdir()
    (older / "model.data").write_bytes(b"weights")
    MiniLMEmbedder(tmp_path, allow_download=False).embed(["hello"])
    assert [folder.name for folder in tmp_path.iterdir()] == ["all-minilm-l6-v2-3"]


def test_a_text_embeds_the_same_alone_and_in_any_company(embedder):
    texts = ["short", "a somewhat longer sentence about boats", "word " * 400, ""]
    together = embedder.embed(texts)
    for text, one in zip(texts, together, strict=True):
        alone = embedder.embed([text])[0]
        assert np.allclose(one.vector, alone.vector, atol=1e-5)
        assert len(one.tokens) == len(alone.tokens)


def test_content_tokens_leave_their_sign_bits(embedder):
    (found,) = embedder.embed(["The boat is in the harbour."])
    assert len(found.tokens) == 2 * 48
    query = embedder.embed_query("Where is the boat?")
    assert query.words == ["boat"]
    assert np.linalg.norm(query.tokens, axis=1) == pytest.approx([1.0], abs=1e-5)


def test_the_graph_is_the_one_that_the_package_onnx_writes(embedder):
    """The digest is that of what onnx 1.23 wrote; a new layout needs a new GRAPH_VERSION and digest."""
    embedder.embed(["make it"])
    (graph,) = embedder._models.glob("*/model.onnx")
    assert graph.parent.name.endswith("-3")
    digest = "bfe43248898e95601a79f0144b2f059286c71ac39a78a7010d31df6d67b3058a"
    assert hashlib.sha256(graph.read_bytes()).hexdigest() == digest


def test_no_texts_need_no_model(tmp_path):
    assert MiniLMEmbedder(tmp_path, allow_download=False).embed([]) == []


def test_without_weights_it_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(minilm, "_WHEEL", "no_such_wheel")
    with pytest.raises(EmbedderUnavailable, match="start_lotus"):
        MiniLMEmbedder(tmp_path, allow_download=False).embed(["x"])


def test_other_weights_are_refused_and_leave_nothing(tmp_path):
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(b"not the weights")
    with pytest.raises(Permanent, match="not the published"):
        ensure_graph(weights, weights, tmp_path / "models")
    assert not (tmp_path / "models").exists()


def test_an_archive_with_another_hash_is_thrown_away(tmp_path, monkeypatch):
    import httpx

    content = b"something else"
    transport = httpx.MockTransport(lambda _request: httpx.Response(200, content=content))
    client = httpx.Client(transport=transport)
    monkeypatch.setattr(httpx, "stream", lambda method, url, **_: client.stream(method, url))
    with pytest.raises(Permanent, match=hashlib.sha256(content).hexdigest()[:12]):
        ensure_archive(tmp_path / "models", url="http://127.0.0.1/onnx.tar.gz")
    assert list((tmp_path / "models").iterdir()) == []
    client.close()


EMBED = """
import os, sys
from pathlib import Path
from lotus_tasks.memory.adapters.minilm import MiniLMEmbedder
MiniLMEmbedder(Path(sys.argv[1]), allow_download=False).embed(["hello"])
"""


def test_embedding_writes_nothing_beside_its_models(tmp_path: Path) -> None:
    """The runtime's usage telemetry kept a device id and a store of events under ~/.cache, from its import on."""
    home, models, temporary = (tmp_path / name for name in ("home", "models", "tmp"))
    for folder in (home, models, temporary):
        folder.mkdir()
    places = {"HOME": str(home), "XDG_CACHE_HOME": str(home / "cache"), "TMPDIR": str(temporary)}
    command = [sys.executable, "-c", EMBED, str(models)]
    subprocess.run(command, cwd=PROJECT, env={"PATH": os.defpath, **places}, check=True)
    assert [path for folder in (home, temporary) for path in folder.rglob("*")] == []
    assert list(models.iterdir())
