"""How many trials the workers of one supervisor may still begin, where their number is limited."""

__all__ = ["Permits"]


class Permits:
    """Given out one a trial, by one thread, before its slot is claimed."""

    def __init__(self, trials: int | None = None) -> None:
        self._left = trials  # None: there is no limit

    @property
    def spent(self) -> bool:
        """Whether nothing more may begin."""
        return self._left == 0

    def among(self, places: int) -> int:
        """How many of so many more trials may begin now."""
        return places if self._left is None else min(places, self._left)

    def take(self) -> bool:
        """A permit for one trial; False where there is none left."""
        if self._left == 0:
            return False
        if self._left is not None:
            self._left -= 1
        return True

    def put_back(self) -> None:
        """One that was not used: others had claimed the slot, or the worker ended before it could."""
        if self._left is not None:
            self._left += 1
