"""Runs once in every kernel: Chinese, Japanese and Korean in figures are characters, not boxes.

The tool box has one font for them. As soon as matplotlib is imported, that font stands in for what
the font of a text does not have, whatever style or font the code chooses.
"""

# mypy: disable-error-code="import-not-found,import-untyped"

import dataclasses
import importlib.abc
import importlib.machinery
import importlib.util
import sys
from types import ModuleType
from typing import Any

FONT = "Noto Sans CJK TC"
KNOWN_FONTS = [
    "Arial Unicode MS",
    "Hiragino Sans",
    "Hiragino Sans GB",
    "Heiti SC",
    "Heiti TC",
    "PingFang HK",
    "PingFang SC",
    "PingFang TC",
    "STHeiti",
    "DFKai-SB",
    "FangSong",
    "KaiTi",
    "Microsoft JhengHei",
    "Microsoft YaHei",
    "MingLiU",
    "PMingLiU",
    "SimHei",
    "SimSun",
    "Meiryo",
    "MS Gothic",
    "Yu Gothic",
    "Malgun Gothic",
    "AppleGothic",
    "NanumGothic",
    "IPAexGothic",
    "Noto Sans CJK HK",
    "Noto Sans CJK JP",
    "Noto Sans CJK KR",
    "Noto Sans CJK SC",
    "Noto Sans HK",
    "Noto Sans JP",
    "Noto Sans KR",
    "Noto Sans SC",
    "Noto Sans TC",
    "Source Han Sans CN",
    "Source Han Sans SC",
    "Source Han Sans TC",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
]
"""What code that draws such text asks for: all of these lead to the font that is there."""


def stand_in(font_manager: ModuleType) -> None:
    """Have the font looked into after all others, and under the names of its kind."""
    fonts = font_manager.fontManager
    font = next((one for one in fonts.ttflist if one.name == FONT), None)
    if font is None:
        return
    there = {one.name for one in fonts.ttflist}
    fonts.ttflist += [
        dataclasses.replace(font, name=name) for name in KNOWN_FONTS if name not in there
    ]
    find = fonts._find_fonts_by_props

    def find_with_stand_in(*args: Any, **options: Any) -> list[Any]:
        found: list[Any] = find(*args, **options)
        paths = [getattr(one, "path", one) for one in found]
        return found if font.fname in paths else [*found, font.fname]

    fonts._find_fonts_by_props = find_with_stand_in


class FontsFound(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports matplotlib's list of fonts as ever, and then has the font stand in."""

    def find_spec(
        self, name: str, path: Any = None, target: Any = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name != "matplotlib.font_manager":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.loader is not None:
            self._loader = spec.loader
            spec.loader = self
        return spec

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        stand_in(module)


sys.meta_path.insert(0, FontsFound())
