"""Wait until the execution API answers, to which a task of Airflow 3 reports before anything else.

A worker starts faster than the web server. What waits in the queue since the last stop would be taken at once, and fail
unrun: the web server accepts connections some time before it answers them, and a task gives up after some seconds.
"""

import http.client
import sys
import time
from urllib.request import ProxyHandler, build_opener

WAIT_S = (
    240.0  # less than a component has to become ready (mwaa_local/plan.py), so that it is not the worker that fails
)
ANSWER_TIMEOUT_S = 10.0  # the first request has the web server build the API, which takes seconds
PAUSE_S = 1.0  # less often than `up` asks whether the web server is ready, for which the first request makes it wait


def wait_until_it_answers(url, is_wanted_still, wait_s=WAIT_S):
    """Return whether the API at this address answered in time. `is_wanted_still` is called meanwhile, and may raise."""
    # The address is this machine's or a container's beside us; no proxy knows it.
    opener = build_opener(ProxyHandler({}))
    deadline = time.time() + wait_s
    while time.time() < deadline:
        is_wanted_still()
        try:
            with opener.open(url.rstrip("/") + "/health", timeout=ANSWER_TIMEOUT_S) as answer:
                if answer.getcode() == 200:
                    return True
        except (OSError, http.client.HTTPException):  # refused, not in time, 503: it is not there yet
            time.sleep(PAUSE_S)
    sys.stderr.write("mwaa-local: %s did not answer within %d s; taking tasks anyway\n" % (url, wait_s))
    return False
