"""The browser modules as one script: no build step, no server for modules, and it runs from a file on disk.

Browsers refuse to import modules of `file://`, so each module becomes a function whose exports are a frozen object, in
an order in which imports come first. The modules keep to two forms that make this a matter of lines, and are refused
otherwise: `import { a, b as c } from "./other.js";` and `export` before a function, class or const of the top level.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

BROWSER = Path(__file__).with_name("browser")
VENDOR = Path(__file__).with_name("vendor")
_IMPORT = re.compile(r'^import \{([^}]*)\} from "\./([a-z_]+)\.js";\n', re.MULTILINE)
_EXPORT = re.compile(
    r"^export (?=(?:async )?(?:function\*?|class|const) (?P<name>[A-Za-z_$][\w$]*))", re.MULTILINE
)
_OTHER = re.compile(r"^(?:import|export)\b.*$", re.MULTILINE)


@lru_cache(maxsize=1)
def script(entry: str = "main") -> str:
    """All modules that `entry` needs, in one strict function."""
    order: list[str] = []
    _visit(entry, order, ())
    bodies = "\n".join(_module(name) for name in order)
    return f'(() => {{\n"use strict";\nconst $modules = {{}};\n{bodies}\n}})();\n'


@lru_cache(maxsize=1)
def style() -> str:
    """The style sheets of the plotting library and ours."""
    return "\n".join(
        path.read_text(encoding="utf-8")
        for path in (VENDOR / "uplot" / "uPlot.min.css", *sorted(BROWSER.glob("*.css")))
    )


@lru_cache(maxsize=1)
def library() -> str:
    """uPlot, as its authors publish it."""
    return (VENDOR / "uplot" / "uPlot.iife.min.js").read_text(encoding="utf-8")


def _source(name: str) -> str:
    return (BROWSER / f"{name}.js").read_text(encoding="utf-8")


def _visit(name: str, order: list[str], above: tuple[str, ...]) -> None:
    if name in above:
        raise ValueError(f"browser modules import each other in a circle: {' → '.join((*above, name))}")
    if name in order:
        return
    for found in _IMPORT.finditer(_source(name)):
        _visit(found[2], order, (*above, name))
    order.append(name)


def _module(name: str) -> str:
    text = _source(name)
    exported = [found["name"] for found in _EXPORT.finditer(text)]
    text = _IMPORT.sub(
        lambda found: f'const {{{found[1].replace(" as ", ": ")}}} = $modules["{found[2]}"];\n', text
    )
    text = _EXPORT.sub("", text)
    if odd := _OTHER.search(text):
        raise ValueError(f"{name}.js: the bundle does not know the form {odd[0]!r}")
    return (
        f'$modules["{name}"] = (() => {{\n{text}\nreturn Object.freeze({{ {", ".join(exported)} }});\n}})();'
    )
