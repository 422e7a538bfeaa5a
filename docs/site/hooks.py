"""Hooks of mkdocs: generated pages, recorded traces, and links that work both on GitHub and on the site."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

sys.path.insert(0, str(Path(__file__).parent))
from rule_pages import link_pages, pages

from resnet_lint import HOMEPAGE

_ROOT = Path(__file__).parents[2]
_TRACED = {
    "pipeline": "fixtures/f5_pipeline/fixed.py",
    "pipeline_broken": "fixtures/f5_pipeline/model.py",
    "block": "fixtures/f4_stride/fixed.py",
    "block_broken": "fixtures/f4_stride/model.py",
}
_COPIED = {"changelog.md": "CHANGELOG.md", "contributing.md": "CONTRIBUTING.md", "security.md": "SECURITY.md"}
_PAGE = re.compile(rf"\]\({re.escape(HOMEPAGE)}/blob/v[\d.]+/docs/([\w-]+\.md)")
_REPOSITORY = re.compile(r"\]\((?:\.\./)?((?:docs/)?[\w/.-]+)(#[\w-]+)?\)")


def on_config(config: Any) -> Any:
    """Add the pages of the rules to the navigation."""
    [rules] = [section["Rules"] for section in config["nav"] if "Rules" in section]
    rules += [name for name in pages() if name not in rules]
    return config


def on_files(files: Files, config: Any) -> Files:
    """Add the rule pages, the pages at the root of the repository, and the traces."""
    texts: dict[str, str | bytes] = {**pages()}
    texts |= {name: (_ROOT / source).read_text(encoding="utf-8") for name, source in _COPIED.items()}
    texts |= {
        f"traces/{name}.{form}": _trace(source, form) for name, source in _TRACED.items() for form in ("html", "svg")
    }
    for name, text in texts.items():
        files.append(File.generated(config, name, content=text))
    return files


def _trace(source: str, form: str) -> str:
    command = [sys.executable, "-m", "resnet_lint", "trace", source, "--format", form, "--shapes", "nchw"]
    done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=False)
    if done.returncode > 1:
        raise RuntimeError(done.stderr)
    return done.stdout


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Turn links to pages of this version on GitHub, and from the root of the repository, into links of the site."""
    markdown = link_pages(_PAGE.sub(r"](\1", markdown)).replace("](../", f"]({HOMEPAGE}/blob/main/")
    if page.file.src_uri in _COPIED:
        return _REPOSITORY.sub(lambda link: f"]({_on_site(link[1])}{link[2] or ''})", markdown)
    return markdown


def on_post_page(output: str, **_: Any) -> str:
    """Name the search dialog of the theme."""
    return output.replace('role="dialog"', 'role="dialog" aria-label="Search"')


def on_post_template(output_content: str, **_: Any) -> str:
    """The same on the page for a missing page."""
    return on_post_page(output_content)


def _on_site(target: str) -> str:
    """A link from the root of the repository as one from the site, or to the file on GitHub."""
    names = {source: name for name, source in _COPIED.items()}
    if target in names:
        return names[target]
    if target.startswith("docs/") and target.endswith(".md"):
        return target.removeprefix("docs/")
    return f"{HOMEPAGE}/blob/main/{target}"
