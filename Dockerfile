# One image for every LOTUS process; docker-compose.yml says which one a container runs.
FROM python:3.13-slim

ENV PYTHONUNBUFFERED=1 \
    MALLOC_ARENA_MAX=2 \
    LOTUS_HOME=/var/lib/lotus

RUN useradd --create-home --uid 10001 lotus \
 && install --directory --owner=lotus --mode=0700 /var/lib/lotus

WORKDIR /opt/lotus
# The packages first: they change less often than the code.
COPY requirements/lotus.lock requirements/
RUN pip install --no-cache-dir --no-deps --require-hashes --root-user-action=ignore -r requirements/lotus.lock

COPY manage.py nucleus.py celeryconfig.py ./
COPY beat/ beat/
COPY workers/ workers/
COPY lotus_tasks/ lotus_tasks/

USER lotus
VOLUME /var/lib/lotus
CMD ["python", "manage.py", "--help"]
