"""`labkit doctor`: look the installation over, one line for each thing, in plain words.

Each check below is a function that returns `Check`s: `ok`, `--` (it works, but could be better) or `!!` (it will not
work, or not safely), what was found, and what to do. The exit status is 1 if anything is `!!`.

Which versions are asked for is read from labkit's own package metadata, so it is written once, in `pyproject.toml`.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import importlib.util
import json
import os
import platform
import runpy
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

from packaging.requirements import Requirement
from packaging.version import Version

from labkit import compile_cache
from labkit.datasets import BrokenFileError, mnist

OK, NOTE, WRONG = "ok", "--", "!!"
GIB = 2**30
NEEDED_GIB = 0.6  # the largest notebook (0.7, by `python -m tests.benchmarks binder_limits`), less what is running now
NEEDED_MIB = 100  # of disk: notebooks with their pictures, checkpoints of a small net

# Packages below these versions let the output of a shared notebook run commands or steal the login of a hub.
SECURITY = {"jupyterlab": "4.6.2", "jupyter-server": "2.20", "notebook": "7.5.6", "jupyterhub": "5.5.1"}


@dataclass(frozen=True)
class Check:
    """One line of the report."""

    name: str
    state: str
    found: str
    advice: str = ""


def report(*, as_json: bool = False) -> int:
    """Print all checks; returns the exit status, 1 if something is wrong."""
    results = list(examine())
    wrong = [check for check in results if check.state == WRONG]
    if as_json:
        print(json.dumps({"ok": not wrong, "checks": [asdict(check) for check in results]}, indent=2))
        return 1 if wrong else 0
    width = max(len(check.name) for check in results)
    for check in results:
        print(f"{check.state}  {check.name:<{width}}  {check.found}")
        if check.advice:
            print(f"    {'':<{width}}  Try: {check.advice}")
    print("\nEverything needed works." if not wrong else f"\nTo put right: {', '.join(c.name for c in wrong)}.")
    return 1 if wrong else 0


def examine(checks: Iterable[Callable[[], Iterator[Check]]] = ()) -> Iterator[Check]:
    """Run the checks, or all of them. One that fails to run is itself something wrong, and does not stop the others."""
    everything = packages, security, widgets, devices, memory, disk, processors, data, cache
    for check in checks or everything:
        try:
            yield from check()
        except Exception as error:  # whatever is broken here, the report goes on
            yield Check(check.__name__, WRONG, f"this check itself failed: {type(error).__name__}: {error}")


def packages() -> Iterator[Check]:
    """Python, and every package that labkit or JupyterLab's side of it asks for."""
    yield Check("Python", OK, f"{platform.python_version()} on {platform.system()} {platform.machine()}")
    yield Check("labkit", OK, importlib.metadata.version("labkit"))
    for text in importlib.metadata.requires("labkit") or []:
        requirement = Requirement(text)
        marker = requirement.marker
        for_lab = marker is not None and marker.evaluate({"extra": "lab"})  # the extra `widgets` is part of it
        if requirement.name == "labkit" or (marker is not None and not for_lab):
            continue
        yield _package(requirement, "lab" if for_lab else "")
    yield _package(Requirement("jaxlib"), "")


def _package(requirement: Requirement, extra: str) -> Check:
    version = installed(requirement.name)
    name = requirement.name
    install = f"{sys.executable} -m pip install -U '{name}{requirement.specifier}'"
    if version is None:
        if extra:
            return Check(name, NOTE, "not installed; only `labkit lab` needs it", install)
        return Check(name, WRONG, "not installed", install)
    if not requirement.specifier.contains(version, prereleases=True):
        return Check(name, WRONG, f"{version}, where labkit needs {requirement.specifier}", install)
    return Check(name, OK, version)


def installed(name: str) -> str | None:
    """The version of a package, or None."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def security() -> Iterator[Check]:
    """Versions with known holes that matter where notebooks or servers are shared."""
    old = {
        name: version
        for name, floor in SECURITY.items()
        if (version := installed(name)) is not None and Version(version) < Version(floor)
    }
    if not old:
        yield Check("security", OK, "no package of Jupyter's here is older than its security fixes")
    for name, version in old.items():
        yield Check(
            f"security of {name}",
            WRONG,
            f"{version} lets a shared notebook or page run commands as you; fixed in {SECURITY[name]}",
            f"{sys.executable} -m pip install -U '{name}>={SECURITY[name]}'",
        )


def widgets() -> Iterator[Check]:
    """Whether the views of labkit_widgets can show themselves: the kernel's side of them, and JupyterLab's."""
    spec = importlib.util.find_spec("labkit_widgets")
    if spec is None or spec.origin is None:
        yield Check("widgets", NOTE, "labkit_widgets is not installed", _INSTALL)
        return
    if (missing := [name for name in ("anywidget", "ipywidgets") if installed(name) is None]) != []:
        yield Check("widgets", NOTE, f"labkit_widgets needs {' and '.join(missing)}", _INSTALL)
        return
    package = Path(spec.origin).parent
    bundle = package / "static" / "widget.js"
    builder = package.parent / "hatch_build.py"  # beside it in a clone, absent in an installed wheel
    state = "current" if bundle.is_file() else "missing"
    if builder.is_file():
        state = runpy.run_path(str(builder))["state"]()
    if state == "missing":
        yield Check("widgets", WRONG, f"their JavaScript was not built: {bundle} is missing", _rebuild(package))
        return
    if state == "outdated":
        yield Check("widgets", NOTE, "their JavaScript is older than its sources", _rebuild(package))
        return
    found = f"ready; {bundle.stat().st_size / 1000:.0f} kB of JavaScript"
    if installed("jupyterlab") is not None and (extension := _extension_missing()) is not None:
        yield Check("widgets", NOTE, f"{found}, but this JupyterLab {extension}", _INSTALL)
        return
    yield Check("widgets", OK, found)


_INSTALL = f"{sys.executable} -m pip install 'labkit[lab]', in the environment that JupyterLab starts from too"


def _rebuild(package: Path) -> str:
    clone = package.parent
    if (clone / "hatch_build.py").is_file():
        return f"{sys.executable} {clone / 'hatch_build.py'}"
    return f"{sys.executable} -m pip install --force-reinstall --no-deps labkit"


def _extension_missing() -> str | None:
    """What JupyterLab's server lacks to show widgets, if it runs in this environment."""
    from jupyter_core.paths import jupyter_path

    folders = [Path(folder) for folder in jupyter_path("labextensions")]
    for name, brings in [("anywidget", "anywidget"), ("@jupyter-widgets/jupyterlab-manager", "jupyterlab_widgets")]:
        if not any((folder / name / "package.json").is_file() for folder in folders):
            return f"has no extension {name}, which the package {brings} brings"
    return None


def devices() -> Iterator[Check]:
    """What JAX will run on."""
    import jax  # here: a broken JAX is then one line of the report

    found = cast(list[Any], jax.devices())
    kinds = {str(device.device_kind) for device in found}
    noun = "device" if len(found) == 1 else "devices"
    yield Check("JAX devices", OK, f"{len(found)} {found[0].platform} {noun} ({', '.join(sorted(kinds))})")


def memory() -> Iterator[Check]:
    """How much memory there is and is free, for this machine and for the container it may be."""
    total, available = _machine_memory()
    limit = _number("/sys/fs/cgroup/memory.max") or _number("/sys/fs/cgroup/memory/memory.limit_in_bytes")
    used = _number("/sys/fs/cgroup/memory.current") or _number("/sys/fs/cgroup/memory/memory.usage_in_bytes") or 0
    used -= _reclaimable()
    if total is None or available is None:
        yield Check("memory", NOTE, "this system does not say how much there is")
        return
    found = f"{available / GIB:.1f} GiB free of {total / GIB:.1f}"
    if limit is not None and limit < total:
        available = min(available, max(limit - used, 0))
        found += f"; this container may use {limit / GIB:.1f}, {available / GIB:.1f} are free"
    if available < NEEDED_GIB * GIB:
        yield Check(
            "memory",
            WRONG,
            f"{found}: a notebook that trains a net needs about {NEEDED_GIB:g} GiB",
            "close other notebooks (Kernel > Shut Down All Kernels) and programs; 'kernel died' means memory ran out",
        )
    else:
        yield Check("memory", OK, found)


def _machine_memory() -> tuple[int | None, int | None]:
    """Bytes in the machine and bytes available to a new program; None where the system does not say."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()
        kib = {name: int(rest.split()[0]) for name, rest in (line.split(":", 1) for line in lines)}
        return kib["MemTotal"] * 1024, kib["MemAvailable"] * 1024
    except (OSError, KeyError):
        pass
    try:  # macOS knows the total only
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return None, None
    return total, total


def _reclaimable() -> int:
    """Bytes of files that a container keeps in memory and gives up when others need the room."""
    for path in ("/sys/fs/cgroup/memory.stat", "/sys/fs/cgroup/memory/memory.stat"):
        with contextlib.suppress(OSError, ValueError):
            lines = Path(path).read_text(encoding="utf-8").splitlines()
            found = {name: int(value) for name, value in (line.split() for line in lines)}
            return found.get("total_inactive_file", found.get("inactive_file", 0))
    return 0


def _number(path: str) -> int | None:
    """The number that a file of the kernel holds; None if there is no such file or it says `max`."""
    try:
        return int(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def disk() -> Iterator[Check]:
    """Whether notebooks can be saved in the current folder, and checkpoints beside them."""
    free = shutil.disk_usage(".").free
    found = f"{free / GIB:.1f} GiB free here" if free >= GIB else f"{free / 2**20:.0f} MiB free here"
    if not os.access(".", os.W_OK):
        yield Check("disk", WRONG, "nothing can be saved in this folder: it may only be read", "open a copy elsewhere")
    elif free < NEEDED_MIB * 2**20:
        yield Check("disk", WRONG, f"{found}: soon nothing can be saved", "delete what you do not need")
    else:
        yield Check("disk", OK, found)


def processors() -> Iterator[Check]:
    """How many processors there are and how many of them this process may use."""
    count = os.cpu_count() or 1
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else count
    share = _cpu_quota()
    if share is None or share >= usable:
        yield Check("processors", OK, f"{usable} of {count}" if usable < count else f"{count}")
        return
    found = f"{count}, of which this container may use {share:g}"
    if os.environ.get("NPROC"):
        yield Check("processors", OK, f"{found}; NPROC={os.environ['NPROC']} tells XLA")
    else:
        # XLA sizes its thread pools by the machine, not by the container's share.
        yield Check("processors", NOTE, found, f"export NPROC={max(2, round(share))} before starting JupyterLab")


def _cpu_quota() -> float | None:
    """How many processors' time the container may use, or None if it is not limited."""
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="utf-8").split()
        return None if quota == "max" else int(quota) / int(period)
    except (OSError, ValueError):
        pass
    quota_us = _number("/sys/fs/cgroup/cpu/cpu.cfs_quota_us")
    period_us = _number("/sys/fs/cgroup/cpu/cpu.cfs_period_us")
    return quota_us / period_us if quota_us and quota_us > 0 and period_us else None


def data() -> Iterator[Check]:
    """Whether MNIST is here, and whole."""
    where = mnist.find()
    if where is None:
        yield Check("MNIST", NOTE, "not here; the notebooks use scikit-learn's digits instead", "labkit data mnist")
        return
    try:
        mnist.load(where, download=False)
    except BrokenFileError as error:
        first, *_ = str(error).splitlines()
        yield Check("MNIST", WRONG, first, f"delete that file in {where}, then: labkit data mnist")
    else:
        yield Check("MNIST", OK, str(where))


# Compile something small; say whether JAX found it compiled already.
PROBE = """
import jax, jax.numpy as jnp
hits = []
jax.monitoring.register_event_listener(lambda event, **_: hits.append(event) if event.endswith("/cache_hits") else None)
jax.jit(lambda x: jnp.tanh(x @ x).sum())(jnp.ones((7, 7))).block_until_ready()
print("hit" if hits else "miss")
"""


def cache() -> Iterator[Check]:
    """Whether code compiled by one notebook is found by the next."""
    if os.environ.get("LABKIT_NO_CACHE"):
        yield Check("compile cache", NOTE, "switched off by LABKIT_NO_CACHE", "unset LABKIT_NO_CACHE")
        return
    given = os.environ.get("JAX_COMPILATION_CACHE_DIR")
    path = Path(given) if given else compile_cache.folder()
    if not given and (reason := compile_cache.why_not_private(path)):
        yield Check("compile cache", NOTE, f"off: {reason}", f"delete or give back {path.parent}")
        return
    environment = os.environ | compile_cache.environment()
    # The first process may have to compile and write; the second must find it.
    if "hit" in (_probe(environment), _probe(environment)):
        size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
        yield Check("compile cache", OK, f"works: {path} ({size / 1e6:.1f} MB)")
    else:
        yield Check(
            "compile cache",
            NOTE,
            "JAX does not find again what it compiled; everything works, first runs are slower",
            f"delete {path}; if that does not help, LABKIT_NO_CACHE=1 switches it off",
        )


def _probe(environment: dict[str, str]) -> str:
    # -P: a learner's random.py in the current folder is not taken for Python's.
    done = subprocess.run(
        [sys.executable, "-P", "-c", PROBE], env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    return done.stdout.strip()
