"""The browser modules as one script, and the page as one string."""

from __future__ import annotations

import base64
import gzip
import hashlib
import html
import json
import re
import shutil
from pathlib import Path

import pytest

from triplepoint.page import bundle
from triplepoint.page.assemble import assemble, pack

BROWSER = bundle.BROWSER
MODULES = sorted(BROWSER.glob("*.js"))
UPLOT = bundle.VENDOR / "uplot"
FORBIDDEN = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|createContextualFragment|DOMParser|srcdoc"
    r"|\beval\s*\(|new Function|setTimeout\(\s*[\"'`]|importScripts|XMLHttpRequest|sendBeacon|WebSocket"
)
RELEASED = {
    "uPlot.iife.min.js": "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f",
    "uPlot.min.css": "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04",
}


@pytest.fixture
def modules(tmp_path, monkeypatch):
    """A folder of modules to write into, in the place of ours."""
    monkeypatch.setattr(bundle, "BROWSER", tmp_path)
    bundle.script.cache_clear()
    yield tmp_path
    bundle.script.cache_clear()


def write(folder: Path, **texts: str) -> None:
    for name, text in texts.items():
        (folder / f"{name}.js").write_text(text, encoding="utf-8")


def test_a_module_comes_after_those_it_imports(modules):
    write(
        modules,
        main='import { two as three } from "./b.js";\nthree();\n',
        b='import { one } from "./a.js";\nexport function two() { return one; }\nexport const more = 3;\n',
        a="export const one = 1;\n",
        unused="export const nothing = 0;\n",
    )
    text = bundle.script()
    assert [text.index(f'$modules["{name}"] =') for name in "ab"] == sorted(
        text.index(f'$modules["{name}"] =') for name in "ab"
    )
    assert 'const { two: three } = $modules["b"];' in text
    assert "return Object.freeze({ two, more });" in text
    assert "nothing" not in text
    assert "import" not in text
    assert "export" not in text


def test_a_circle_is_refused_by_name(modules):
    write(
        modules,
        main='import { a } from "./a.js";\n',
        a='import { b } from "./b.js";\n',
        b='import { a } from "./a.js";\n',
    )
    with pytest.raises(ValueError, match="a → b → a"):
        bundle.script()


@pytest.mark.parametrize(
    "line",
    [
        'import all from "./a.js";',
        'import * as all from "./a.js";',
        'import "./a.js";',
        'import { a } from "https://elsewhere.example/a.js";',
        "import { a } from './a.js';",
        "export default function made() {}",
        "export { a };",
        "export let a = 1;",
    ],
)
def test_a_form_that_the_bundle_does_not_know_is_refused(modules, line):
    write(modules, main=f"{line}\n", a="export const a = 1;\n")
    with pytest.raises(ValueError, match="does not know the form"):
        bundle.script()


def test_every_module_is_reached_from_main():
    order: list[str] = []
    bundle._visit("main", order, ())
    assert sorted(order) == [path.stem for path in MODULES]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_no_module_makes_markup_or_code_from_text(path):
    text = path.read_text(encoding="utf-8")
    assert not FORBIDDEN.search(text)
    assert "</script" not in text.lower()
    assert "<!--" not in text
    assert not re.search(r"https?://(?!www\.w3\.org/)", text)


def test_no_style_sheet_asks_for_anything():
    for path in BROWSER.glob("*.css"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"@import|url\((?!\s*[\"']?data:)|</style", text), path.name


def test_the_plotting_library_is_the_one_that_was_released():
    for name, digest in RELEASED.items():
        assert hashlib.sha256((UPLOT / name).read_bytes()).hexdigest() == digest


def test_the_licence_and_the_source_lie_beside_it():
    assert "MIT License" in (UPLOT / "LICENSE").read_text(encoding="utf-8")
    source = (UPLOT / "SOURCE").read_text(encoding="utf-8")
    assert "1.6.32" in source
    assert "MIT" in source
    assert all(f"{digest}  {name}" in source for name, digest in RELEASED.items())


def scripts(page: str) -> list[tuple[str, str]]:
    """[(attributes, text)] of its script elements."""
    return re.findall(r"<script([^>]*)>(.*?)</script>", page, re.DOTALL)


def test_a_report_lets_run_what_is_written_in_it_and_nothing_else():
    page = assemble({"documents": []}, title="x")
    policy = html.unescape(re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1])
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    code = [text for attributes, text in scripts(page) if "id=" not in attributes]
    assert rules["default-src"] == "'none'"
    assert rules["script-src"].split() == [sha(text) for text in code]
    assert rules["style-src"].split() == [sha(re.search(r"<style>(.*?)</style>", page, re.DOTALL)[1])]
    assert "unsafe" not in policy
    assert "http" not in policy
    assert page.index("Content-Security-Policy") < page.index("<style") < page.index("<script")


def sha(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def test_a_live_page_leaves_the_policy_to_the_answer():
    page = assemble(title="x", nonce='a"b')
    assert "Content-Security-Policy" not in page
    assert {attributes for attributes, _ in scripts(page)} == {' nonce="a&quot;b"'}
    assert '<style nonce="a&quot;b">' in page


def test_documents_come_back_and_no_name_in_them_is_markup():
    payload = {"documents": [{"name": "</script><img src=x onerror=alert(1)>", "verdict": "<b>α</b>"}]}
    page = assemble(payload, title="</title><script>alert(2)</script>")
    data = re.search(r'<script type="application/gzip" id="data">([^<]*)</script>', page)[1]
    assert json.loads(gzip.decompress(base64.b64decode(data))) == payload
    assert "onerror" not in page.replace("&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;", "")
    assert "<b>" not in page
    assert "alert(2)" not in re.sub(r"<title>&lt;/title&gt;&lt;script&gt;alert\(2\)[^<]*</title>", "", page)
    assert pack(payload) == pack(payload)


def test_text_in_the_scripts_cannot_end_them():
    page = assemble(title="x", nonce="n")
    assert len(scripts(page)) == page.count("<script") == page.count("</script") == 2


@pytest.mark.slow
def test_the_wheel_holds_browser_and_vendor(tmp_path):
    pip = pytest.importorskip("pip")
    assert pip
    import subprocess
    import sys
    import zipfile

    root = Path(__file__).parents[2]
    for part in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(root / part, tmp_path)
    shutil.copytree(root / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    asked = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", "out", "."]
    subprocess.run(asked, cwd=tmp_path, check=True)
    (wheel,) = (tmp_path / "out").glob("*.whl")
    names = {name.removeprefix("triplepoint/page/") for name in zipfile.ZipFile(wheel).namelist()}
    assert {f"browser/{path.name}" for path in BROWSER.iterdir() if path.suffix in (".js", ".css")} <= names
    assert {f"vendor/uplot/{path.name}" for path in UPLOT.iterdir()} <= names
