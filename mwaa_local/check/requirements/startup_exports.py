"""What the startup script exports, as the check of requirements uses it: on MWAA it runs before pip does.

It is run only where that can matter, and once for all that ask. Not for the run itself (`startup.trial`), nor for what
pip's variables mean (`requirements.pip_settings`).
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mwaa_local.isolation import MWAA_HOME_DIR
from mwaa_local.masking import Mask, secrets_of_variables
from mwaa_local.requirements import pip_settings
from mwaa_local.startup.trial import Trial

# What a program that is run here must not get from the script, which names places of its own home, and uv's settings,
# which pip on MWAA knows nothing of.
_NOT_FOR_COMMANDS = ("UV_", "PYTHON", "VIRTUAL_ENV", "CONDA", "PIP_CONFIG_FILE")
_OF_THIS_MACHINE = frozenset(("HOME", "TMPDIR", "PWD", "SHELL", "USER"))


@dataclass(frozen=True)
class Exported:
    """What the script left behind. `problem` is why that is not known, in a few words; "" where it is.

    `home_dir` is the Airflow home in which it ran, on disk as long as the check is.
    """

    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    home_dir: Path | None = None
    problem: str = ""

    @classmethod
    def of(cls, trial: Trial) -> Exported:
        """Return what a run left; nothing where MWAA's container would not have started."""
        if trial.failure is not None:
            place = f" at line {trial.line}" if trial.line else ""
            return cls(problem=f"it fails{place}")
        kept = {name: trial.exported[name] for name in trial.kept if name in trial.exported}
        return cls(kept, trial.state.home_dir)

    @property
    def settings(self) -> dict[str, str]:
        """pip's own settings, by the long name of the option."""
        return pip_settings.settings_of(self.variables, self.home_dir)

    @property
    def lines(self) -> list[str]:
        """The lines of a requirements file that say the same as these settings; they may hold secrets."""
        return pip_settings.option_lines(self.settings)

    def for_commands(self, home_map: Mapping[str, Path]) -> dict[str, str]:
        """Return the variables as pip and builds get them here, without those that `lines` says.

        `home_map` says what stands for paths of MWAA's home.
        """
        places = {**home_map, **({str(MWAA_HOME_DIR): self.home_dir} if self.home_dir else {})}
        own = pip_settings.without_lines(self.variables)
        return {
            name: _placed(value, places)
            for name, value in own.items()
            if not name.startswith(_NOT_FOR_COMMANDS) and name not in _OF_THIS_MACHINE
        }

    @property
    def mask(self) -> Mask:
        """What replaces the secrets among them, and in addresses of pip's, by stars."""
        named = {**self.variables, **{f"PIP_{name}": value for name, value in self.settings.items()}}
        values = {f"{name} {number}": one for name, text in named.items() for number, one in enumerate(text.split())}
        return Mask([*secrets_of_variables(named), *secrets_of_variables(values)])


@dataclass
class StartupScript:
    """The project's script, "" for none, and how it is run; its run is asked for at most once."""

    text: str = ""
    path: str = ""  # as the user knows it
    run: Callable[[], Exported] = Exported
    _exported: Exported | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def exported(self) -> Exported:
        """Run the script, or wait for its run."""
        with self._lock:
            if self._exported is None:
                self._exported = self.run()
            return self._exported

    def for_pip(self, unknown_variables: Collection[str]) -> Exported:
        """Return what it exports if that can matter to pip; `unknown_variables` are those that the file names."""
        matters = bool(self.text) and (bool(unknown_variables) or pip_settings.may_concern_pip(self.text))
        return self.exported() if matters else Exported()

    def for_builds(self) -> Exported:
        """Return what it exports if that can matter to a build."""
        return self.exported() if pip_settings.may_concern_builds(self.text) else Exported()


def _placed(value: str, places: Mapping[str, Path]) -> str:
    """Return a value with paths of this machine in the place of MWAA's, wherever they are in it."""
    for name in sorted(places, key=len, reverse=True):
        value = value.replace(f"{name}/", f"{places[name]}/")
    return value


def names_variable(script: str, name: str) -> bool:
    """Whether a script has that name in it, in a place where a comment cannot be."""
    return any(re.search(rf"\b{re.escape(name)}\b", pip_settings.code_of(line)) for line in script.splitlines())
