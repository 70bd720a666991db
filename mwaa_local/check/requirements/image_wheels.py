"""The packages of MWAA's image as wheels without content, for files that let pip look at no index.

pip finds those packages installed. uv, which resolves for an image that is not here, has to find them somewhere: with
`--no-index` in the file, among these. They name no dependencies, since the image has all of those, too.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

from mwaa_local.release import Release

WHEEL = "Wheel-Version: 1.0\nGenerator: mwaa-local\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def write_image_wheels(folder: Path, release: Release) -> None:
    """Write a wheel for each package of the release's image into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, version in {**release.packages.unlisted, **release.packages.base}.items():
        stem = f"{name.replace('-', '_')}-{version}"
        with zipfile.ZipFile(folder / f"{stem}-py3-none-any.whl", "w") as wheel:
            wheel.writestr(f"{stem}.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
            wheel.writestr(f"{stem}.dist-info/WHEEL", WHEEL)
            wheel.writestr(f"{stem}.dist-info/RECORD", "")
