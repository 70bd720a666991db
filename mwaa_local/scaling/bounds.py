"""How many workers there are at least and at most: MWAA's members, and what this machine can hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from mwaa_local.naming import next_names, number_of
from mwaa_local.plan import Plan
from mwaa_local.remarks import NOTE, WARNING, Remark
from mwaa_local.scaling.slots import AUTOSCALE, autoscale_most

if TYPE_CHECKING:  # pure, and asked for by what lives as long as the environment
    from mwaa_local.environment.environment import Environment

WORKER = "worker"
AUTOSCALE_OPTION = "celery.worker_autoscale"
# What a worker takes for itself, and for each task that it runs at the same time as others. One of 3.3.1 took 170
# MiB, and 95 MiB for a task that does nothing (proportional set size): the rest is for what tasks do.
WORKER_BYTES = 300 << 20
SLOT_BYTES = 100 << 20
# The other half is for the rest of the environment and for whatever else runs on the machine.
SHARE_FOR_WORKERS = 0.5


@dataclass(frozen=True)
class Bounds:
    """So many workers at least, and so many at most; where both are the same, nothing is scaled."""

    least: int
    most: int

    @property
    def is_fixed(self) -> bool:
        return self.least >= self.most


def workers_that_fit(memory_bytes: int, slots: int) -> int:
    """Return for how many workers with so many slots a machine has memory; never less than one."""
    return max(1, int(memory_bytes * SHARE_FOR_WORKERS) // (WORKER_BYTES + slots * SLOT_BYTES))


def bounds_of(environment: Environment, memory_bytes: int | None) -> Bounds:
    """Return the bounds on a machine with so much memory; None is a machine that does not say.

    Source: MWAA user guide, "Configuring Amazon MWAA worker automatic scaling": `MinWorkers` and `MaxWorkers`.
    """
    local = environment.local
    if local.workers is not None:
        return Bounds(local.workers, local.workers)
    most = environment.max_workers
    if local.max_workers is not None:
        most = min(most, local.max_workers)
    elif memory_bytes is not None:
        most = min(most, workers_that_fit(memory_bytes, _slots(environment)))
    return Bounds(min(environment.min_workers, most), most)


def _slots(environment: Environment) -> int:
    asked = environment.airflow_configuration_options.get(AUTOSCALE_OPTION, "")
    return autoscale_most({AUTOSCALE: asked}) or environment.environment_class_facts.worker_slots


@dataclass(frozen=True)
class WorkersOfStart:
    """The workers that a start is to have, by name, and those that leave: since when, in epoch seconds."""

    names: tuple[str, ...]
    leaving: Mapping[str, float]

    @classmethod
    def of(cls, bounds: Bounds, running: Plan | None, graceful_at: float | None = None) -> Self:
        """Return those for a start beside what runs, which goes on.

        A start takes none of those that came with the load: they go when they are idle, as long as the number is not
        fixed. With `graceful_at` all leave from then on, and as many others come.
        """
        if running is None:
            return cls(tuple(next_names(WORKER, bounds.least, ())), {})
        here = [item.name for item in running.meant(WORKER) if number_of(item.name)]
        taken = (*here, *running.leaving)
        if graceful_at is not None:
            count = min(max(bounds.least, len(here)), bounds.most)
            leaving = {**running.leaving, **dict.fromkeys(here, graceful_at)}
            return cls(tuple(next_names(WORKER, count, taken)), leaving)
        kept = here[: bounds.least] if bounds.is_fixed else here
        return cls((*kept, *next_names(WORKER, bounds.least - len(kept), taken)), running.leaving)


def bounds_remarks(environment: Environment, memory_bytes: int | None) -> Iterator[Remark]:
    """Yield what this machine makes of the bounds that `mwaa.yaml` has, or MWAA by itself."""
    local, bounds = environment.local, bounds_of(environment, memory_bytes)
    if local.workers is not None:
        if local.max_workers is not None:
            what = "MaxWorkers of Local has no effect beside Workers"
            hint = "remove one of them, under Local in mwaa.yaml"
            yield Remark(WARNING, "environment file", what, "Workers fixes the number.", hint)
        return
    if bounds.most >= environment.max_workers:
        return
    count = "1 worker" if bounds.most == 1 else f"{bounds.most} workers"
    what = f"up to {count} here, on MWAA up to {environment.max_workers}"
    if local.max_workers is not None:
        yield Remark(NOTE, "workers", what, "MaxWorkers of Local caps the number on this machine.")
        return
    # MWAA's own default is nobody's wish.
    severity = WARNING if "max_workers" in environment.model_fields_set else NOTE
    why = f"Half of this machine's memory has room for {bounds.most} of class {environment.environment_class}."
    hint = "set MaxWorkers under Local in mwaa.yaml to allow more, or fewer"
    yield Remark(severity, "workers", what, why, hint)


def scheduler_remarks(environment: Environment) -> Iterator[Remark]:
    """Yield that several schedulers were asked for where Airflow can have only one."""
    if environment.schedulers_here < environment.local.schedulers:
        what = (
            f"one scheduler runs, not {environment.local.schedulers}: Airflow {environment.airflow_version} has no more"
        )
        hint = "remove Schedulers under Local in mwaa.yaml"
        yield Remark(WARNING, "environment file", what, "Several at a time came with Airflow 2.0.", hint)
