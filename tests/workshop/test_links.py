"""Links that learners follow."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from labkit.cli import main
from labkit.errors import LabkitError
from labkit.workshop.links import links


@pytest.mark.parametrize(
    ("repository", "binder"),
    [
        ("https://github.com/someone/labkit", "/v2/gh/someone/labkit/v1%2Fx"),
        ("https://GitHub.com/someone/labkit.git", "/v2/gh/someone/labkit/v1%2Fx"),
        ("https://gitlab.com/group/sub/labkit/", "/v2/gl/group%2Fsub%2Flabkit/v1%2Fx"),
        ("https://git.school.edu/x/labkit", "/v2/git/https%3A%2F%2Fgit.school.edu%2Fx%2Flabkit/v1%2Fx"),
    ],
)
def test_binder_knows_where_a_repository_is(repository, binder):
    """As BinderHub's documentation names the providers gh, gl and git."""
    url = urlsplit(links(repository, "v1/x")[0].url)
    assert (url.netloc, url.path) == ("mybinder.org", binder)
    assert parse_qs(url.query) == {"urlpath": ["lab/tree/notebooks/00_start.ipynb"]}


def test_nbgitpuller_gets_repository_branch_and_path():
    """As the parts are when the hub decodes them."""
    found = {
        link.what: link.url for link in links("https://github.com/a/labkit", "b&c", "https://hub.example.org/hub/")
    }
    url = urlsplit(found["nbgitpuller"])
    assert url.path == "/hub/user-redirect/git-pull"
    assert parse_qs(url.query) == {
        "repo": ["https://github.com/a/labkit"],
        "branch": ["b&c"],
        "urlpath": ["lab/tree/labkit/notebooks/00_start.ipynb"],
    }


def test_only_github_is_on_colab():
    """Colab opens notebooks from there alone."""
    assert "Colab" in [link.what for link in links("https://github.com/a/labkit")]
    assert "Colab" not in [link.what for link in links("https://gitlab.com/a/labkit")]


@pytest.mark.parametrize(
    ("repository", "message"),
    [
        ("git@github.com:a/labkit.git", "needs a key, which learners lack"),
        ("https://me:secret@github.com/a/labkit", "holds a name or a password"),
        ("http://github.com/a/labkit", "is no repository's address"),
        ("github.com/a/labkit", "is no repository's address"),
        ("https://github.com/labkit", "is no repository's address"),
        ("", "is no repository's address"),
    ],
)
def test_what_learners_could_not_follow(repository, message):
    """It is refused, and no secret gets into a message."""
    with pytest.raises(LabkitError, match=message) as caught:
        links(repository)
    assert "secret" not in "".join([str(caught.value), *caught.value.__notes__])


def test_the_command_prints_each_link_on_a_line_of_its_own(capsys):
    """It can be copied."""
    assert main(["links", "https://github.com/a/labkit", "--hub", "https://hub.example.org"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if not line.startswith(" ")] == ["Binder", "nbgitpuller", "Colab"]
    assert sum(line.strip().startswith("https://") for line in lines) == 3
    assert main(["links", "https://github.com/a/labkit", "--hub", "hub"]) == 1
    assert "Try: https://hub.example.org" in capsys.readouterr().err
