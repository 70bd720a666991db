"""The worker's consumer for Kombu 5.2.4 to 5.3, with which a worker takes nothing more once Redis was restarted.

Why, and which releases have it, is in `mwaa_local.configuration.celery_defaults`.
"""

from celery.worker import consumer


class Consumer(consumer.Consumer):
    """Listens after a reconnection, and fetches as many tasks as before it."""

    def on_connection_error_after_connected(self, exc):
        before = self.initial_prefetch_count
        super().on_connection_error_after_connected(exc)
        self.initial_prefetch_count, self._maximum_prefetch_restored = before, True

    def register_with_event_loop(self, hub):
        super().register_with_event_loop(hub)
        if self.restart_count:  # not at the first start, which is without fault
            self.connection.transport.register_with_event_loop(self.connection.connection, hub)
