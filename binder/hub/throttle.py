"""The log-in with a shared password, slowed down for whoever guesses. Also in a room: this file needs JupyterHub alone.

JupyterHub itself checks as many passwords as arrive: twenty wrong ones in 0.3 s. Here each address has 30 wrong tries,
and one more every second; of these a name has 5 at that address, and one more every ten seconds. Who has none left is
told how long to wait, and the password is not looked at. A learner who mistypes does not notice, and who guesses ada's
password from elsewhere does not lock ada out.

    c.JupyterHub.authenticator_class = "throttle.SharedPasswordAuthenticator"   # this folder being on sys.path
    c.SharedPasswordAuthenticator.proxies = 2                                   # one that ends TLS, and JupyterHub's

For another way to log in, the same class with another base: `class Mine(Throttle, OtherAuthenticator): pass`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Hashable
from typing import Any

from jupyterhub.authenticators.shared import SharedPasswordAuthenticator as _SharedPassword
from tornado.web import HTTPError
from traitlets import HasTraits, Integer


class Tries:
    """Wrong tries that are left, of anybody: `most` at once, and one more every `seconds`.

    Args:
        most: how many.
        seconds: until one comes back.
        now: a clock.
    """

    def __init__(self, most: int, seconds: float, now: Callable[[], float] = time.monotonic) -> None:
        self.most, self.seconds, self.now = most, seconds, now
        self._all_back: dict[Hashable, float] = {}  # when all tries are there again

    def wait(self, who: Hashable) -> float:
        """Seconds until there is one; 0 if there is."""
        return max(self._all_back.get(who, 0.0) - self.now() - (self.most - 1) * self.seconds, 0.0)

    def take(self, who: Hashable) -> None:
        """One less."""
        if len(self._all_back) > 10_000:  # many names: forget those who have all of theirs
            self._all_back = {key: at for key, at in self._all_back.items() if at > self.now()}
        self._all_back[who] = max(self._all_back.get(who, 0.0), self.now()) + self.seconds

    def give_back(self, who: Hashable) -> None:
        """One more: it was not wrong."""
        self._all_back[who] -= self.seconds


class Throttle(HasTraits):
    """An authenticator's other half: it refuses to look at a password where too many were wrong."""

    proxies = Integer(1, config=True, help="How many proxies a visitor passes; JupyterHub's own is one.")

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._at_address, self._of_name = Tries(30, 1.0), Tries(5, 10.0)

    async def authenticate(self, handler: Any, data: dict[str, str]) -> Any:
        """As the other half does, if there is a try left."""
        address, name = self._address(handler.request), self.normalize_username(data.get("username", ""))[:64]
        left = ((self._at_address, address), (self._of_name, (address, name)))
        wait = math.ceil(max(tries.wait(who) for tries, who in left))
        if wait:
            self.log.warning("Too many wrong passwords from %s, now for %r", address, name)
            raise HTTPError(429, f"Too many wrong passwords. Try again in {wait} seconds.")
        for tries, who in left:  # before it is looked at, so that trying many at the same time gains nothing
            tries.take(who)
        found = await super().authenticate(handler, data)
        if found:
            for tries, who in left:
                tries.give_back(who)
        return found

    def _address(self, request: Any) -> str:
        # What the outermost of our proxies saw. Not `request.remote_ip`, which believes the visitor's own X-Real-Ip.
        seen = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",") if part.strip()]
        return seen[-self.proxies] if 0 < self.proxies <= len(seen) else request.remote_ip


class SharedPasswordAuthenticator(Throttle, _SharedPassword):
    """JupyterHub's, with the same settings."""
