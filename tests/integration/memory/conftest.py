"""Memory's tasks on real services, run in the test's process."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.integration.inprocess import Workers, workers_in_process


@pytest.fixture
def workers(services) -> Iterator[Workers]:
    with workers_in_process(services) as workers:
        yield workers
        from lotus_tasks.memory.tasks.parts import parts

        parts().lexicon.close()
        parts().index.close()


@pytest.fixture
def tell(workers: Workers) -> Callable[..., str]:
    """Remember a text and return the memory's id; what follows has run when it returns."""

    def tell(text: str, **more) -> str:
        row = workers.run("memory.remember", text=text, **more)
        assert row["status"] == "succeeded", row["error"]
        return row["result"]["memory_ids"][0]

    return tell


@pytest.fixture
def recall(workers: Workers) -> Callable[..., list[str]]:
    """The texts that a recall finds, best first."""

    def recall(query: str, k: int = 5, **filters) -> list[str]:
        row = workers.run("memory.recall", query=query, k=k, filters=filters)
        assert row["status"] == "succeeded", row["error"]
        assert row["result"]["degraded"] == []
        return [found["text"] for found in row["result"]["memories"]]

    return recall


@pytest.fixture
def parts(workers: Workers):
    """Memory's parts in this process. Imported here: the Celery app reads the services' endpoints when it is imported."""
    from lotus_tasks.memory.tasks.parts import parts

    return parts()


@pytest.fixture
def check_health(workers: Workers):
    """The module's health check."""
    from lotus_tasks.memory.tasks.upkeep import check_health

    return check_health
