"""Rules on plugins.zip, or the folder that it is made from. Data."""

from __future__ import annotations

from mwaa_local.check.explained.text import RuleText
from mwaa_local.check.plugins.survey import HOW_TO_ZIP
from mwaa_local.finding import ERROR, NOTE, WARNING

_SERIOUS_OR_NOT = (ERROR, WARNING)
_AGAIN = f"Make the zip anew: `{HOW_TO_ZIP}`."
OF_PLUGINS = (
    RuleText(
        "unreadable",
        (ERROR,),
        "the file or folder cannot be read",
        "What cannot be read here cannot be uploaded either.",
        "Correct the path or the permissions.",
    ),
    RuleText(
        "not-a-zip",
        (ERROR,),
        "the file is not a zip, or is cut off",
        "MWAA unpacks plugins.zip and nothing else.",
        _AGAIN,
    ),
    RuleText("encrypted", (ERROR,), "the zip has a password", "MWAA has no password to unpack it with.", _AGAIN),
    RuleText(
        "damaged",
        (ERROR,),
        "a file in the zip cannot be unpacked",
        "MWAA's containers would start without the plugins.",
        _AGAIN,
    ),
    RuleText(
        "unsafe-path",
        (ERROR,),
        "a name leads out of the folder, or other programs read it differently",
        "Programs refuse such names, or put the file elsewhere.",
        "Zip the contents of plugins/ with plain relative names.",
        "../outside.py",
        "operators/inside.py",
    ),
    RuleText(
        "symlink",
        _SERIOUS_OR_NOT,
        "there is a symbolic link; in a zip, an error if it leads out of the folder",
        "A link means something on your machine, and something else, or nothing, in a container.",
        "Put the file where the link is.",
    ),
    RuleText(
        "duplicate",
        (WARNING,),
        "two files in the zip have the same name",
        "One of the two replaces the other when the zip is unpacked.",
        _AGAIN,
    ),
    RuleText(
        "top-folder",
        _SERIOUS_OR_NOT,
        "everything is in one folder `plugins/` in the zip; a warning if modules import `plugins.…`",
        "MWAA unpacks the zip into plugins/, so that modules are in plugins/plugins/, where imports do not find them.",
        _AGAIN,
        "plugins.zip: plugins/my_operator.py",
        "plugins.zip: my_operator.py",
    ),
    RuleText(
        "syntax-error",
        _SERIOUS_OR_NOT,
        "the release's Python cannot compile a file that Airflow loads; a warning if that is not sure",
        "Airflow loads every Python file in plugins/, and goes on without one that it cannot compile.",
        "Correct the line, or exclude the file in plugins/.airflowignore.",
    ),
    RuleText(
        "relative-import",
        _SERIOUS_OR_NOT,
        "a relative import, which fails when Airflow loads the file; an error if it keeps a plugin from registering",
        "Airflow loads each file by itself, as a module without a package.",
        "Import by the name below plugins/.",
        "from .helpers import shout",
        "from my_company.helpers import shout",
    ),
    RuleText(
        "missing-init",
        (WARNING,),
        "a package without `__init__.py`, which another one of its name replaces",
        "Python prefers a package with an __init__.py, wherever on its path that is.",
        "Add an empty __init__.py.",
    ),
    RuleText(
        "shadows-package",
        (WARNING,),
        "a module or folder has the name of a module of Python, the image or Airflow",
        "plugins/ is on Python's path: one of the two hides the other, for all of Airflow.",
        "Rename yours.",
        "plugins/json.py",
        "plugins/company_json.py",
    ),
    RuleText(
        "foreign-binary",
        _SERIOUS_OR_NOT,
        "a library, program or wheel is for another platform or Python; a warning for programs, and for a wheel "
        "beside one that fits",
        "MWAA's containers are x86-64 Linux, with the release's Python.",
        "Take the one for that platform: `mwaa-local package-requirements` collects fitting wheels.",
    ),
    RuleText(
        "wheel-name",
        (WARNING,),
        "pip ignores a wheel because of its name",
        "pip reads package, version and platform from a wheel's name.",
        "Give it the name that its index has for it.",
    ),
    RuleText(
        "too-large",
        (WARNING,),
        "the plugins are larger than MWAA advises",
        "Every container unpacks them when it starts, which takes time and disk.",
        "Leave out what no plugin needs.",
    ),
    RuleText(
        "not-read",
        (NOTE,),
        "a file was not read because of its size or compression",
        "The check reads untrusted files, and so within limits.",
        "Nothing, if you know the file.",
    ),
    RuleText(
        "bytecode",
        (NOTE,),
        "the zip has bytecode, which only takes up space",
        "Python makes its own.",
        "Leave out __pycache__ when you zip.",
    ),
    RuleText(
        "macos-junk",
        (NOTE,),
        "files of macOS, which only take up space",
        "The Finder adds them, and Airflow may take one that ends in .py for a plugin.",
        "Zip on the command line, or leave out __MACOSX and .DS_Store.",
    ),
    RuleText(
        "plugin-not-loaded",
        (ERROR, WARNING, NOTE),
        "the release's Airflow cannot load a file; a warning if only this machine may lack what it needs, a note if "
        "the requirements name what provides it",
        "Airflow goes on without the plugin, in every component, and only a log line says so.",
        "Correct the line that the finding names. Requirements are not installed in this check, and AWS and the "
        "metadata database are not asked.",
        "from .base import BaseThing  # in plugins/things.py",
        "from company.base import BaseThing",
    ),
)
