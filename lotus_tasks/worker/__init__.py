"""What runs inside a worker process: Celery steps, the relay, the system tasks, slots of slow tools."""
