"""The browser's modules apart from the page, as the bundle makes them."""

from __future__ import annotations

from typing import Any

from triplepoint.page import bundle


def expose(page: Any, *names: str) -> None:
    """`modules.NAME` in the page, each with what it exports, for these modules and those they import."""
    order: list[str] = []
    for name in names:
        bundle._visit(name, order, ())
    bodies = "\n".join(bundle._module(name) for name in order)
    page.add_script_tag(
        content=f'(() => {{\n"use strict";\nconst $modules = {{}};\n{bodies}\nwindow.modules = $modules;\n}})();'
    )
