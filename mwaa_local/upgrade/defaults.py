"""Which options of Airflow have another default after a move: Airflow's own, and those that MWAA sets. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from mwaa_local.check.known_options import KnownOptions
from mwaa_local.release import Release


@dataclass(frozen=True)
class ChangedDefault:
    """An option with another default. A value is None where that Airflow has no such option."""

    option: str
    before: str | None
    after: str | None

    @property
    def is_of_both(self) -> bool:
        """Whether both have the option."""
        return self.before is not None and self.after is not None


def changed_defaults(
    source: Release, of_source: KnownOptions, target: Release, of_target: KnownOptions
) -> tuple[ChangedDefault, ...]:
    """Return the options with another default, by name; not those that MWAA forces."""
    before, after = _effective(source, of_source), _effective(target, of_target)
    forced = source.forced_options.keys() | target.forced_options.keys()
    names = sorted((before.keys() | after.keys()) - forced)
    found = (ChangedDefault(name, before.get(name), after.get(name)) for name in names)
    return tuple(item for item in found if item.before != item.after)


def _effective(release: Release, known: KnownOptions) -> dict[str, str]:
    """Return the defaults with MWAA's in the place of Airflow's; without those that depend on the environment class."""
    own = {**known.defaults, **release.default_options}
    return {name: value for name, value in own.items() if name not in release.class_options}
