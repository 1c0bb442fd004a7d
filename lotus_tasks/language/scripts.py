"""Which scripts put no space between words."""

from __future__ import annotations

from typing import Final

UNSPACED: Final = (
    r"\u0e00-\u0eff"  # Thai, Lao
    r"\u1000-\u109f"  # Burmese
    r"\u1780-\u17ff"  # Khmer
    r"\u3040-\u30ff"  # Hiragana, Katakana
    r"\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Han with its extensions
)
"""The letters of such scripts, as what stands between the brackets of a regular expression. Hangul has spaces."""
