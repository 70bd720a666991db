"""What Linux lets us do so that a component sees MWAA's paths and leaves nothing behind.

Four things, each with a plain answer when the system refuses: a mount namespace in which `/usr/local/airflow` is the
project, a folder that can be written to and stays as it is, a process namespace whose end takes every process in it
along, and a way to run PostgreSQL, which refuses root, without root. Only ctypes is needed, so the supervisor stays
small and nothing depends on util-linux. Fork servers load this file by its path, so it is Python of the oldest release.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

# Flags from linux/sched.h and linux/mount.h.
CLONE_NEWNS = 0x00020000
CLONE_NEWPID = 0x20000000
CLONE_NEWUSER = 0x10000000
MS_RDONLY = 1
MS_NOSUID_NODEV_NOEXEC = 2 | 4 | 8
MS_REMOUNT = 32
MS_NOATIME_NODIRATIME = 1024 | 2048
MS_RELATIME = 1 << 21
MS_BIND = 4096
MS_REC = 16384
MS_PRIVATE = 1 << 18
MNT_DETACH = 2
# From linux/capability.h, linux/prctl.h.
CAP_DAC_OVERRIDE = 1
CAPABILITY_VERSION_3 = 0x20080522
PR_SET_KEEPCAPS = 8
PR_SET_SECUREBITS = 28
SECBIT_NO_SETUID_FIXUP = 4  # linux/securebits.h
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
UPPER_NAME = "upper"  # of an overlay's scratch folder: what was written
OVERLAY_SEPARATORS = ",:\\"  # between options, and between layers (Linux, filesystems/overlayfs.rst); `\\` escapes them
# With these a file's changed mode, or a folder's new name, is a mark that leads to the layer below.
OVERLAY_SHORTCUTS = ("metacopy", "redirect_dir")
OVERLAY_PARAMETERS_DIR = Path("/sys/module/overlay/parameters")  # the kernel's defaults, by option

NOBODY_UID = 65534  # Linux's overflow uid: owns nothing, exists everywhere
MWAA_HOME_DIR = Path("/usr/local/airflow")  # AIRFLOW_HOME on MWAA (amazon-mwaa-docker-images, Dockerfile.base)


@dataclass(frozen=True)
class Layout:
    """Which project folders appear where below the Airflow home, and the folder that is the home itself."""

    home_dir: Path
    folders: Mapping[str, Path]  # name below the home -> project folder; or path of a file -> what is seen as it
    read_only: frozenset[str] = frozenset()  # names of folders that may not be written to


def enter_mwaa_paths(layout: Layout) -> str:
    """Make `/usr/local/airflow` this project for this process and its children; return "" or why it cannot be.

    Tried in a child first: a half-made namespace would be worse than none.
    """
    if sys.platform != "linux":
        return f"{sys.platform} has no mount namespaces"
    problem = _in_child(lambda: _mount_layout(layout))
    if problem:
        return problem
    _mount_layout(layout)
    return ""


def cannot_enter(layout: Layout) -> str:
    """Return why a child of this process could not enter that layout; "" where it could."""
    if sys.platform != "linux":
        return f"{sys.platform} has no mount namespaces"
    return _in_child(lambda: _mount_layout(layout))


def cannot_cover(folder: Path, scratch_dir: Path) -> str:
    """Return why a child of this process could not cover that folder; "" where it could."""
    if sys.platform != "linux":
        return f"{sys.platform} has no overlays"
    options = _overlay_options(folder, scratch_dir)
    return options if isinstance(options, str) else _in_child(lambda: _mount_overlay(folder, options))


def link_mwaa_paths(layout: Layout) -> None:
    """Put symbolic links to the project's folders into the home: the fallback if nothing can be mounted."""
    layout.home_dir.mkdir(parents=True, exist_ok=True)
    for name, folder in layout.folders.items():
        link = layout.home_dir / name
        if link.is_symlink():
            link.unlink()
        elif link.is_dir():
            if any(link.iterdir()):
                continue
            link.rmdir()
        link.symlink_to(folder)


def cover(folder: Path, scratch_dir: Path) -> str:
    """Let this process and its children change `folder` with nobody else seeing it; return "" or why it cannot be.

    What they write goes to `scratch_dir`, which must be on a disk that an overlay can have as its upper layer: another
    overlay, such as a container's own file system, cannot be one.
    """
    if sys.platform != "linux":
        return f"{sys.platform} has no overlays"
    options = _overlay_options(folder, scratch_dir)
    if isinstance(options, str):
        return options
    problem = _in_child(lambda: _mount_overlay(folder, options))
    if problem:
        return problem
    _mount_overlay(folder, options)
    return ""


def _overlay_options(folder: Path, scratch_dir: Path) -> bytes | str:
    """Return the mount's options, or why there are none; the folders that they name are made."""
    layers = {"lowerdir": folder, "upperdir": scratch_dir / UPPER_NAME, "workdir": scratch_dir / "work"}
    for path in layers.values():
        if any(character in str(path) for character in OVERLAY_SEPARATORS):
            return f"an overlay cannot have a layer with such a name: {path}"
    for path in layers.values():
        path.mkdir(parents=True, exist_ok=True)
    # Without root the kernel lets an overlay keep its notes only in attributes of the user, and copies whole files.
    kept = whole_copies() if os.geteuid() == 0 else ["userxattr"]
    return ",".join([*(f"{name}={path}" for name, path in layers.items()), *kept]).encode()


def whole_copies(parameters_dir: Path = OVERLAY_PARAMETERS_DIR) -> list[str]:
    """Return the options with which the upper layer holds all that was changed, not marks that point below.

    Kernels may do otherwise by default; one that cannot do it does not know the option (Linux, overlayfs.rst). Where
    the module is only loaded by the first mount, it is taken for one of today.
    """
    is_loaded = parameters_dir.is_dir()
    return [f"{name}=off" for name in OVERLAY_SHORTCUTS if not is_loaded or (parameters_dir / name).exists()]


def _mount_overlay(folder: Path, options: bytes) -> None:
    _unshare(CLONE_NEWNS)
    _mount("none", "/", None, MS_REC | MS_PRIVATE)
    _mount("overlay", str(folder), "overlay", 0, options)


def _mount_layout(layout: Layout) -> None:
    _unshare(CLONE_NEWNS)
    _mount("none", "/", None, MS_REC | MS_PRIVATE)
    for name in layout.read_only & layout.folders.keys():
        _forbid_writing(layout.folders[name])
    if not MWAA_HOME_DIR.is_dir():
        _make_room_for(MWAA_HOME_DIR, staging=layout.home_dir / ".staging")
    _mount(str(layout.home_dir), str(MWAA_HOME_DIR), None, MS_BIND | MS_REC)
    for name, folder in layout.folders.items():
        target = MWAA_HOME_DIR / name  # for an absolute name that one itself
        if folder.is_file():
            _mount(str(folder), str(target.resolve()), None, MS_BIND)
            continue
        if target.is_symlink():
            target.unlink()
        target.mkdir(exist_ok=True)
        _mount(str(folder), str(target), None, MS_BIND | MS_REC)


def _forbid_writing(folder: Path) -> None:
    """Make a folder read-only, for root too, wherever it is mounted from now on.

    Without root, the kernel lets no other flag of its mount go.
    """
    _mount(str(folder), str(folder), None, MS_BIND | MS_REC)
    has = os.statvfs(folder).f_flag  # its numbers are those of mount(2), but for one (Linux, linux/statfs.h)
    kept = has & (MS_NOSUID_NODEV_NOEXEC | MS_NOATIME_NODIRATIME)
    kept |= MS_RELATIME if has & os.ST_RELATIME else 0
    _mount("none", str(folder), None, MS_REMOUNT | MS_BIND | MS_RDONLY | kept)


def _make_room_for(wanted_dir: Path, staging: Path) -> None:
    """Give `wanted_dir` a mount point without touching the disk: its parent, rebuilt in memory entry by entry."""
    parent = wanted_dir.parent
    staging.mkdir(exist_ok=True)
    _mount(str(parent), str(staging), None, MS_BIND | MS_REC)
    _mount("tmpfs", str(parent), "tmpfs", 0)
    for entry in sorted(staging.iterdir()):
        target = parent / entry.name
        if entry.is_symlink():
            target.symlink_to(os.readlink(entry))  # noqa: PTH115 - a fork server's Python may be 3.7
            continue
        target.mkdir() if entry.is_dir() else target.touch()
        _mount(str(entry), str(target), None, MS_BIND | MS_REC)
    wanted_dir.mkdir()
    _check(_libc().umount2(str(staging).encode(), MNT_DETACH), "umount", str(staging))


def own_process_namespace() -> str:
    """Put this process's *next* child into a process namespace of its own; return "" or why it cannot be.

    The first child becomes process 1 there: when it ends, however it ends, the kernel kills all the others.
    """
    if sys.platform != "linux":
        return f"{sys.platform} has no process namespaces"
    problem = _in_child(_try_process_namespace)
    if problem:
        return problem
    _unshare(CLONE_NEWNS | CLONE_NEWPID)
    return ""


def _try_process_namespace() -> None:
    _unshare(CLONE_NEWNS | CLONE_NEWPID)
    pid = os.fork()
    if pid == 0:
        try:
            mount_own_proc()
        except OSError:
            os._exit(1)
        os._exit(0)
    if os.waitpid(pid, 0)[1] != 0:
        raise OSError("a new /proc may not be mounted here")


def mount_own_proc() -> None:
    """As process 1 of a new namespace: make /proc show that namespace."""
    _mount("none", "/", None, MS_REC | MS_PRIVATE)
    _mount("proc", "/proc", "proc", MS_NOSUID_NODEV_NOEXEC)


def _unshare(flags: int) -> None:
    """Leave the namespaces named by `flags`; without root, through a user namespace that keeps this user's ids."""
    if os.geteuid() == 0:
        _check(_libc().unshare(flags), "unshare")
        return
    uid, gid = os.geteuid(), os.getegid()
    _check(_libc().unshare(flags | CLONE_NEWUSER), "unshare")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
    Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")


def unprivileged_argv(argv: Sequence[str]) -> list[str]:
    """Return the command that runs `argv` without root: itself for an ordinary user, else through this file."""
    return list(argv) if os.geteuid() != 0 else [sys.executable, "-I", __file__, *argv]


def become_unprivileged() -> None:
    """Stop being root but keep access to files whatever their owner, so that data may lie in root's folders.

    Two ways, since containers often allow only one: another uid with the one capability that passes file modes, or a
    user namespace in which root bears another number. Raises OSError when neither is allowed.
    """
    if os.geteuid() != 0:
        return
    problem = _in_child(_become_nobody)
    if not problem:
        _become_nobody()
        return
    _check(_libc().unshare(CLONE_NEWUSER), "unshare")
    Path("/proc/self/uid_map").write_text(f"{NOBODY_UID} 0 1")


def unprivileged_owner() -> int | None:
    """Return the uid that must own the data of an unprivileged component, or None where no change is needed."""
    if os.geteuid() != 0 or _in_child(_become_nobody):
        return None
    return NOBODY_UID


def _become_nobody() -> None:
    libc = _libc()
    _check(libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0), "prctl")
    # Otherwise access(2) forgets the capability, and PostgreSQL, which looks for its programs by it, finds none in a
    # folder that is private to root (Linux, fs/open.c). Where a container forbids it, such a folder does not serve.
    libc.prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0)
    os.setgroups([])
    os.setgid(NOBODY_UID)
    os.setuid(NOBODY_UID)
    mask = 1 << CAP_DAC_OVERRIDE
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    data = (ctypes.c_uint32 * 6)(mask, mask, mask, 0, 0, 0)  # effective, permitted, inheritable; upper words empty
    _check(libc.capset(header, data), "capset")
    _check(libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_OVERRIDE, 0, 0), "prctl")


def _in_child(action: Callable[[], None]) -> str:
    """Do `action` in a forked child; return "" when it worked, else the error's text."""
    read_fd, write_fd = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(read_fd)
        try:
            action()
        except OSError as error:
            os.write(write_fd, (str(error) or "refused").encode())
        finally:
            os._exit(0)
    os.close(write_fd)
    with os.fdopen(read_fd, "rb") as pipe:
        problem = pipe.read().decode()
    os.waitpid(pid, 0)
    return problem


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _mount(source: str, target: str, kind: str | None, flags: int, options: bytes | None = None) -> None:
    result = _libc().mount(source.encode(), target.encode(), kind.encode() if kind else None, flags, options)
    _check(result, "mount", target)


def _check(result: int, what: str, path: str = "") -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}", path or None)


def main(argv: Sequence[str]) -> None:
    """`python isolation.py COMMAND…`: run it without root."""
    become_unprivileged()
    os.execv(argv[0], list(argv))


if __name__ == "__main__":
    main(sys.argv[1:])
