"""LOTUS_EMBEDDER=none: recall goes by words alone, because the user wants it so."""

from __future__ import annotations

from collections.abc import Sequence

from lotus_tasks.memory.ports import EmbedderUnavailable, Embedding, QueryEmbedding


class NoEmbedder:
    """Implements the port ``Embedder`` by having none."""

    model = "none"
    dimensions = 384

    def embed(self, texts: Sequence[str]) -> Sequence[Embedding]:  # noqa: ARG002 - the port's signature
        """Always raises EmbedderUnavailable."""
        raise EmbedderUnavailable("no embedder is configured (LOTUS_EMBEDDER=none): recall goes by words")

    def embed_query(self, text: str) -> QueryEmbedding:  # noqa: ARG002 - the port's signature
        """Always raises EmbedderUnavailable."""
        raise EmbedderUnavailable("no embedder is configured (LOTUS_EMBEDDER=none): recall goes by words")
