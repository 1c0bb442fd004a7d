"""docs/configuration.md says of every setting what settings.py says."""

from __future__ import annotations

import re

from lotus_tasks.settings import PROJECT, Settings

ROW = re.compile(r"^\| `([A-Z_]+)` \| (?:`([^`]*)`|not set) \| (.+) \| (.+) \|$", re.MULTILINE)


def expected(field: str) -> tuple[str, str, str, str]:
    info = Settings.model_fields[field]
    default = ",".join(info.default) if isinstance(info.default, tuple) else info.default
    if isinstance(default, float) and default.is_integer():
        default = int(default)
    extra = info.json_schema_extra
    assert isinstance(extra, dict)
    return field.upper(), "" if default is None else str(default), str(info.description), str(extra["allowed"])


def test_every_setting_is_on_the_page_once_with_its_default_meaning_and_values():
    rows = ROW.findall((PROJECT / "docs" / "configuration.md").read_text(encoding="utf-8"))
    assert sorted(rows) == sorted(expected(field) for field in Settings.model_fields)
