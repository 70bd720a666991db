"""The worker's consumers. Why, and which releases have one, is in `mwaa_local.configuration.celery_defaults`."""

from celery.utils.log import get_logger
from celery.worker import consumer, state
from kombu import Connection, pools

from mwaa_support.execution_api import wait_until_it_answers

logger = get_logger(__name__)


class ConsumerWithoutConnections(consumer.Consumer):
    """Begins with no connection to the broker that its processes would inherit, and end with.

    Airflow asks on connections of Celery's pools whether a worker of its name runs already. Whoever closes one of them
    awaits Redis' answer to the last question: once only, though every process that is forked has it to close.
    """

    def __init__(self, *args, **kwargs):
        """Be made before the first process is forked, as all parts of a worker are (celery/bootsteps.py)."""
        super().__init__(*args, **kwargs)
        pool = self.app.pool
        for connection in [*pool._dirty, *pool._resource.queue]:
            if isinstance(connection, Connection):  # else it is still to be made
                for channel in connection.transport.channels:
                    channel._in_poll = None  # Airflow 3 has forked one process before, which may have read the answer
        pools.reset()
        self.app._pool = self.app.amqp._producer_pool = None  # made anew when they are wanted


class PatientConsumer(consumer.Consumer):
    """Takes its first task when the execution API answers."""

    has_waited = False

    def update_strategies(self):
        """Wait before the queue is asked for anything; broker and other workers are found already.

        That is where Celery calls this (celery/worker/consumer/tasks.py), again after it has lost the broker.
        """
        if not self.has_waited:
            from airflow.configuration import conf

            self.has_waited = True
            # " ready." is the sign that `up` waits for (mwaa_local/plan.py). The API answers later than the web server.
            logger.info("%s is ready. It takes tasks when the execution API answers.", self.hostname)
            wait_until_it_answers(conf.get("core", "execution_api_server_url"), state.maybe_shutdown)
        super().update_strategies()


class PatientConsumerWithoutConnections(ConsumerWithoutConnections, PatientConsumer):
    """For releases whose workers inherit connections and whose tasks need the execution API."""


class Consumer(consumer.Consumer):
    """For Kombu 5.2.4 to 5.3, with which a worker takes nothing more once Redis was restarted.

    Listens after a reconnection, and fetches as many tasks as before it.
    """

    def on_connection_error_after_connected(self, exc):
        before = self.initial_prefetch_count
        super().on_connection_error_after_connected(exc)
        self.initial_prefetch_count, self._maximum_prefetch_restored = before, True

    def register_with_event_loop(self, hub):
        super().register_with_event_loop(hub)
        if self.restart_count:  # not at the first start, which is without fault
            self.connection.transport.register_with_event_loop(self.connection.connection, hub)
