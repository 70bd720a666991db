"""The worker's consumer for Celery 5.3, whose own has one slot left after the broker was restarted.

Later releases have the setting `worker_enable_prefetch_count_reduction` for it; see `mwaa_local.celery_defaults`.
"""

from celery.worker import consumer


class Consumer(consumer.Consumer):
    """Fetches as many tasks after a reconnection as before it."""

    def on_connection_error_after_connected(self, exc):
        before = self.initial_prefetch_count
        super().on_connection_error_after_connected(exc)
        self.initial_prefetch_count, self._maximum_prefetch_restored = before, True
