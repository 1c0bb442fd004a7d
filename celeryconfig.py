"""Celery's settings, and nothing else: broker, serializers, queues and routes from workers/, the schedule from beat/.

The broker comes from the running system (LOTUS_HOME/run/runtime.json), or from LOTUS_REDIS_URL and LOTUS_BROKER_URL where a
worker joins from a machine or a container that has no such file. Each value's reason is in docs/architecture.md.
"""

from kombu import Queue

from beat import schedule
from lotus_tasks.bootstrap import runtime
from lotus_tasks.spine.queues import BACKGROUND_PRIORITY
from workers import WORKERS

_runtime = runtime()
_on_redis = _runtime.broker_url.startswith(("redis", "rediss"))

broker_url = _runtime.broker_url
broker_connection_retry_on_startup = True
broker_connection_max_retries = None
broker_connection_timeout = 4.0
broker_transport_options = (
    {
        "global_keyprefix": "lotus:",
        "priority_steps": [0, BACKGROUND_PRIORITY],
        "visibility_timeout": 3600,
        "socket_connect_timeout": 5,
        "socket_keepalive": True,
        "health_check_interval": 25,
        "unacked_restore_interval": 5,
        "unacked_restore_throttle": 1,
    }
    if _on_redis
    else {}
)

task_serializer = "json"
result_serializer = "json"
accept_content = ["json"]
task_ignore_result = True  # results are rows in PostgreSQL; nobody waits on Celery's
task_store_errors_even_if_ignored = False
task_default_queue = "system"
# On Redis an acknowledgement is a second copy of each message, written and deleted: the row in PostgreSQL is that already.
task_queues = [Queue(module, routing_key=module, no_ack=_on_redis) for worker in WORKERS for module in worker.modules]
task_create_missing_queues = False
task_acks_late = False  # the lease in PostgreSQL is the acknowledgement
worker_prefetch_multiplier = 1
worker_disable_prefetch = _on_redis  # what waits keeps its priority, and another worker can have it
worker_hijack_root_logger = False
worker_send_task_events = True
task_send_sent_event = False
worker_cancel_long_running_tasks_on_connection_loss = False
enable_utc = True
timezone = "UTC"
beat_schedule = schedule()
beat_max_loop_interval = 5
