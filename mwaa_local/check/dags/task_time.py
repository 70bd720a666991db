"""How long a task may last on MWAA, and how to say so."""

from __future__ import annotations

# The broker gives a task to a second worker then: SQS' visibility timeout, forced by MWAA
# (aws/amazon-mwaa-docker-images, `python/mwaa/config/celery.py`; MWAA user guide, "Troubleshooting: CloudWatch Logs").
TASK_LIMIT_S = 43_200.0
_UNITS = ((86_400.0, "day"), (3_600.0, "hour"), (60.0, "minute"), (1.0, "second"))


def in_words(seconds: float) -> str:
    """Return a duration in the largest unit of which it is at least one, and in smaller ones where it would be rounded.

    `7 days`, `1.5 hours`, `12 hours 1 minute`.
    """
    size, unit = next((item for item in _UNITS if seconds >= item[0]), _UNITS[-1])
    count = f"{seconds / size:.1f}".removesuffix(".0")
    whole, rest = divmod(seconds, size)
    if rest >= 1 and abs(float(count) * size - seconds) >= 1:
        return f"{in_words(whole * size)} {in_words(rest)}"
    return f"{count} {unit}" if count == "1" else f"{count} {unit}s"
