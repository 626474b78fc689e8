"""Links with which learners begin: Binder, nbgitpuller on a hub, Colab.

    Binder        a machine for each learner who follows the link, for an hour or two; nothing is kept
    nbgitpuller   on a hub: brings the course into the learner's folder, and opens it there
    Colab         one notebook on Google's machines; its first cell installs labkit

Example:
    >>> for link in links("https://github.com/someone/labkit", hub="https://hub.example.org"):
    ...     print(link.what, link.url)
    Binder https://mybinder.org/v2/gh/someone/labkit/main?urlpath=lab%2Ftree%2Fnotebooks%2F00_start.ipynb
    nbgitpuller https://hub.example.org/hub/user-redirect/git-pull?repo=https%3A%2F%2Fgithub.com%2Fsomeone%2Flabkit&branch=main&urlpath=lab%2Ftree%2Flabkit%2Fnotebooks%2F00_start.ipynb
    Colab https://colab.research.google.com/github/someone/labkit/blob/main/notebooks/00_start.ipynb

Source: the documentation of BinderHub (how a repository is named) and of nbgitpuller (the link's parts).
"""  # a link has no good place to break

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import quote, urlencode, urlsplit

from labkit.errors import LabkitError

FIRST = "notebooks/00_start.ipynb"


class Link(NamedTuple):
    """One link.

    Args:
        what: which service.
        url: the link.
        note: what an instructor should know.
    """

    what: str
    url: str
    note: str


def links(
    repository: str, branch: str = "main", hub: str | None = None, notebook: str = FIRST, on_colab: str = FIRST
) -> list[Link]:
    """The links for a repository.

    Args:
        repository: its address, as one would clone it over https.
        branch: or a tag, or a commit.
        hub: the address of a hub that has nbgitpuller; None for no such link.
        notebook: what is opened, as a path in the repository.
        on_colab: what Colab opens: a copy of it, with a cell that installs labkit.

    Raises:
        LabkitError: if an address is none that a learner's browser could follow.
    """
    host, path = _repository(repository)
    name = path.rsplit("/", 1)[-1]
    if host == "github.com":
        where = f"gh/{path}/{quote(branch, safe='')}"
    elif host == "gitlab.com":
        where = f"gl/{quote(path, safe='')}/{quote(branch, safe='')}"
    else:
        where = f"git/{quote(f'https://{host}/{path}', safe='')}/{quote(branch, safe='')}"
    opened = urlencode({"urlpath": f"lab/tree/{notebook}"})
    found = [
        Link(
            "Binder",
            f"https://mybinder.org/v2/{where}?{opened}",
            "At most 100 learners of one repository at once; a machine that idles for ten minutes is gone, with what "
            "was done on it. The first start after a change builds the image: follow the link yourself the day before.",
        )
    ]
    if hub is not None:
        parts = urlencode(
            {"repo": f"https://{host}/{path}", "branch": branch, "urlpath": f"lab/tree/{name}/{notebook}"}
        )
        found.append(
            Link(
                "nbgitpuller",
                f"{_hub(hub)}/hub/user-redirect/git-pull?{parts}",
                "Where a learner and you changed the same cell, the learner's is kept and yours lost: change labkit, "
                "not the notebooks, while a course runs.",
            )
        )
    if host == "github.com":
        found.append(
            Link(
                "Colab",
                f"{colab_link(repository, branch)}/{on_colab}",
                f"Its first cell: {colab_cell(repository, branch)} (--colab FOLDER writes copies of all that have it)",
            )
        )
    return found


def colab_link(repository: str, branch: str = "main", folder: str = "") -> str:
    """Where Colab opens a folder's notebooks; a notebook's name follows after a slash.

    Raises:
        LabkitError: if the repository is not on github.com.

    Example:
        >>> colab_link("https://github.com/someone/labkit", folder="colab")
        'https://colab.research.google.com/github/someone/labkit/blob/main/colab'
    """
    host, path = _repository(repository)
    if host != "github.com":
        raise LabkitError(f"Colab opens notebooks of github.com, and {repository} is elsewhere.")
    place = f"{quote(branch)}/{quote(folder)}".rstrip("/")
    return f"https://colab.research.google.com/github/{path}/blob/{place}"


def colab_cell(repository: str, branch: str = "main") -> str:
    """What the first cell of a notebook on Colab must run.

    Example:
        >>> colab_cell("https://github.com/someone/labkit")
        '%pip install -q "labkit[widgets] @ git+https://github.com/someone/labkit@main"'
    """
    host, path = _repository(repository)
    return f'%pip install -q "labkit[widgets] @ git+https://{host}/{path}@{branch}"'


def _repository(address: str) -> tuple[str, str]:
    """Host and path of a repository."""
    if address.startswith("git@") and ":" in address:
        host, path = address.removeprefix("git@").split(":", 1)
        raise LabkitError(f"{address} needs a key, which learners lack.\n  Try: https://{host}/{path}.")
    parts = urlsplit(address)
    if "@" in parts.netloc:
        raise LabkitError(
            "the address holds a name or a password, and everybody who has the link would have it too.\n"
            f"  Try: https://{parts.netloc.rsplit('@', 1)[-1]}{parts.path}."
        )
    path = parts.path.strip("/").removesuffix(".git")
    if parts.scheme != "https" or not parts.netloc or "/" not in path:
        raise LabkitError(f"{address!r} is no repository's address.\n  Try: https://github.com/someone/labkit.")
    return parts.netloc.lower(), path


def _hub(address: str) -> str:
    parts = urlsplit(address)
    if parts.scheme not in ("https", "http") or not parts.netloc:
        raise LabkitError(f"{address!r} is no hub's address.\n  Try: https://hub.example.org.")
    return address.rstrip("/").removesuffix("/hub")
