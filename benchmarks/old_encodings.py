"""How many texts in encodings of old are read rightly, left alone, and read wrongly: LOTUS, and charset-normalizer.

    python benchmarks/old_encodings.py [--json]

Prints of each
    right    the very text came out
    left     it was refused: the user is told to save the file as UTF-8
    wrong    another text came out, which memory would keep as if it were true
over tests/old_texts.py, each text in each of its language's encodings. charset-normalizer comes with `requests`; it is asked with
the same encodings to choose from.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT), str(PROJECT / "tests")]

from charset_normalizer import from_bytes  # noqa: E402
from old_texts import TEXTS  # noqa: E402

from lotus_tasks.origins import OWN_FILE  # noqa: E402
from lotus_tasks.perception.models import Document, RawSource  # noqa: E402
from lotus_tasks.perception.service.decoding import decode  # noqa: E402
from lotus_tasks.perception.service.old_encodings import ENCODINGS  # noqa: E402
from lotus_tasks.values import utc_now  # noqa: E402


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description="Texts in encodings of old: LOTUS and charset-normalizer.")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    report = {"lotus": count(_by_lotus), "charset_normalizer": count(_by_charset_normalizer)}
    print(json.dumps(report) if options.json else "\n".join(f"{name:<20} {counts}" for name, counts in report.items()))


def texts() -> Iterator[tuple[bytes, str]]:
    """Every text in every encoding that has its characters."""
    for (_, *encodings), sentences in TEXTS.items():
        for encoding in encodings:
            for text in sentences:
                try:
                    content = text.encode(encoding)
                except UnicodeEncodeError:
                    continue
                if not content.isascii():
                    yield content, text


def count(read: Callable[[bytes], str | None]) -> dict[str, int]:
    """Right, left and wrong."""
    found: Counter[str] = Counter()
    for content, text in texts():
        got = read(content)
        found["left" if got is None else "right" if got == text else "wrong"] += 1
    return {name: found[name] for name in ("right", "left", "wrong")}


def _by_lotus(content: bytes) -> str | None:
    found = decode(RawSource(origin=OWN_FILE, source="text.txt", content=content, modified_at=None, read_at=utc_now()))
    return found.text if isinstance(found, Document) else None


def _by_charset_normalizer(content: bytes) -> str | None:
    best = from_bytes(content, cp_isolation=[*ENCODINGS]).best()
    return None if best is None else str(best)


if __name__ == "__main__":
    main()
