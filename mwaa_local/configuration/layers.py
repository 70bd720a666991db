"""The layers that may set a variable, and what one of them has set: with or without effect.

Not for which of them wins: `merge`.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from mwaa_local.masking import is_secret, mask


class Layer(enum.StrEnum):
    """Who may set a variable, weakest first.

    Source: `setup_environment_variables` in amazon-mwaa-docker-images (the same from 2.9.2 to 3.3.1). Class defaults
    reach MWAA's containers on a way that is not public; the two local layers are ours.
    """

    CONTAINER = "container"
    IMAGE_DEFAULT = "image-default"
    CLASS_DEFAULT = "class-default"
    LOCAL_DEFAULT = "local-default"
    STARTUP_SCRIPT = "startup-script"
    OPTION = "option"
    PROTECTED = "protected"
    ESSENTIAL = "essential"
    LOCAL_ESSENTIAL = "local-essential"

    @property
    def rule(self) -> str:
        """Why this layer's value stands where it does, in a sentence for people."""
        return _RULES[self]

    @property
    def said(self) -> str:
        """The layer in the words of a message: "the startup script", "AirflowConfigurationOptions"."""
        return {Layer.STARTUP_SCRIPT: "the startup script", Layer.OPTION: "AirflowConfigurationOptions"}.get(
            self, f"the {self.value} layer"
        )


USER_LAYERS = (Layer.STARTUP_SCRIPT, Layer.OPTION)
# What comes from a person or a machine is taken as it is, braces and all.
LAYERS_WITHOUT_PLACEHOLDERS = (Layer.CONTAINER, Layer.STARTUP_SCRIPT, Layer.OPTION, Layer.PROTECTED)
_RULES = {
    Layer.CONTAINER: "It comes with the container; every other layer overrides it unless the name is protected.",
    Layer.IMAGE_DEFAULT: "MWAA's image sets this default; startup script and configuration options may change it.",
    Layer.CLASS_DEFAULT: "MWAA derives this default from the environment class; a configuration option may change it.",
    Layer.LOCAL_DEFAULT: (
        "mwaa-local sets this default to suit one machine (docs/differences.md); a configuration option may change it,"
        " and `Intervals: mwaa` under `Local` in mwaa.yaml brings back MWAA's intervals."
    ),
    Layer.STARTUP_SCRIPT: "The startup script exported it; that overrides defaults, but not configuration options.",
    Layer.OPTION: "An Airflow configuration option overrides every default and the startup script.",
    Layer.PROTECTED: "MWAA protects this name: after startup script and options it gets the container's value back.",
    Layer.ESSENTIAL: "MWAA forces this value last; neither startup script nor configuration options can change it.",
    Layer.LOCAL_ESSENTIAL: "mwaa-local forces this value, because it must fit this machine (docs/differences.md).",
}


@dataclass(frozen=True)
class EnvVar:
    """One environment variable and who set it."""

    name: str
    value: str
    source: Layer
    secret: bool

    def masked(self) -> str:
        """Return the value as it may be shown: `***` for a secret; of a URL the scheme and the host stay."""
        return mask(self.value) if self.secret else self.value


@dataclass(frozen=True)
class Overruled:
    """A value that somebody set and that has no effect, because of `winner`.

    `part` is what of it has none, where the rest is merged into the winner's value. `fix` is an edit.
    """

    name: str
    value: str
    source: Layer
    winner: EnvVar
    reason: str
    part: str = ""
    fix: str = "remove it"

    def said(self, name: str) -> str:
        """Return what has no effect in words, under a name that the user knows."""
        return f"{self.part} in {name}" if self.part else name

    def masked(self) -> str:
        return EnvVar(self.name, self.value, self.source, is_secret(self.name, self.value)).masked()
