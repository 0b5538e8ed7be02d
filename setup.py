"""What a built package carries beside the code: the commit that it was built from, and a README for its index.

Everything else about the package is in pyproject.toml.
"""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist

ROOT = Path(__file__).parent
COMMIT = Path("cgro_theory", "commit.txt")
LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")


def git(*words: str) -> str:
    """What git says about this checkout; nothing where there is none, as in an unpacked source distribution."""
    if not (ROOT / ".git").exists():
        return ""
    try:
        return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""


def write_commit(folder: Path) -> None:
    """Put the checkout's commit into ``folder``; a source distribution's own file stays."""
    commit = git("describe", "--always", "--dirty")
    if commit:
        (folder / COMMIT).write_text(commit + "\n", encoding="utf-8")


class BuildWithCommit(build_py):
    """A wheel holds its commit; an editable installation asks the checkout, which moves on."""

    def run(self) -> None:
        """Build, then write the commit."""
        super().run()
        if not self.editable_mode:
            write_commit(Path(self.build_lib))


class SourceWithCommit(sdist):
    """A source distribution is every file of the commit, and the commit's name."""

    def make_release_tree(self, base_dir: str, files: list[str]) -> None:
        """Lay out the distribution's files, those that git knows among them."""
        super().make_release_tree(base_dir, sorted({*files, *git("ls-files").splitlines()}))
        write_commit(Path(base_dir))


def for_an_index(readme: str, source: str | None) -> str:
    """The README with links that lead somewhere outside the repository.

    A relative link becomes absolute where ``source``, the address of the repository's files, is known. Where it is
    not, the link's words stay, with the path in the repository.
    """

    def replaced(found: re.Match[str]) -> str:
        picture, words, target = found.groups()
        if re.match(r"https?://", target):
            return found[0]
        if source is not None:
            return f"{picture}[{words}]({source.rstrip('/')}/{target})"
        path = target.partition("#")[0]
        if picture:
            return f"({words}: figure `{path}` of the repository)"
        return f"`{path}`" if words == path else f"{words} (`{path}`)"

    return LINK.sub(replaced, readme)


if __name__ == "__main__":
    urls = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["urls"]
    setup(
        cmdclass={"build_py": BuildWithCommit, "sdist": SourceWithCommit},
        long_description=for_an_index((ROOT / "README.md").read_text(encoding="utf-8"), urls.get("Files")),
        long_description_content_type="text/markdown",
    )
