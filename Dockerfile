# Two images: `python` runs uploader and indexer, `nginx` serves. Both work as any user, on a read-only root.
# In each, /larder is where nginx.conf wants to be started: data/ is the data directory, site/ holds the pages, run/
# what the programs say to each other. Volumes take their mode from the directories here: any user may write there.

FROM debian:trixie-slim AS base
RUN apt-get update \
 && apt-get install -y --no-install-recommends python3 ca-certificates \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/apt /var/log/dpkg.log

# What is locked, and nothing else; pip stays behind.
FROM base AS packages
RUN apt-get update && apt-get install -y --no-install-recommends python3-venv
COPY requirements.lock .
RUN python3 -m venv /opt/venv \
 && /opt/venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.lock \
 && /opt/venv/bin/pip uninstall --yes --quiet pip

FROM base AS python
ENV PATH=/opt/venv/bin:$PATH PYTHONPATH=/opt/larder PYTHONSAFEPATH=1 PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
# As scripts/serve has it: what threads and large buffers took goes back to the system, and less is taken.
ENV MALLOC_ARENA_MAX=2 MALLOC_TRIM_THRESHOLD_=1048576 MALLOC_MMAP_THRESHOLD_=4194304 FROZENLIST_NO_EXTENSIONS=1
ENV LARDER_DATA=/larder/data LARDER_SITE=/larder/site LARDER_STATE=/larder/state LARDER_RUN=/larder/run
COPY --from=packages /opt/venv /opt/venv
COPY store /opt/larder/store
COPY uploader /opt/larder/uploader
COPY indexer /opt/larder/indexer
RUN python -m compileall -q /opt/larder \
 && printf '#!/bin/sh\nexec python -m uploader.commands "$@"\n' >/usr/local/bin/larder && chmod 755 /usr/local/bin/larder \
 && mkdir -p /larder/data && install -d -m 777 /larder/site /larder/state /larder/run/indexer /larder/run/uploader
WORKDIR /larder

FROM debian:trixie-slim AS nginx
RUN apt-get update \
 && apt-get install -y --no-install-recommends nginx-light libnginx-mod-http-set-misc \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/apt /var/log/dpkg.log \
 && mkdir -p /larder/data && install -d -m 777 /larder/site /larder/run/indexer /larder/run/uploader \
 && install -d -m 1777 /larder/tmp \
 && echo 'listen 8089;' >/larder/listen.conf \
 && printf '%s\n' 'upstream uploader { server unix:/larder/run/uploader/uploader.sock; }' \
        'map "" $in_force { default /larder/run/indexer/policy; }' \
        'map "" $admitted { default /larder/run/uploader; }' >/larder/local.conf
COPY nginx/nginx.conf nginx/start /larder/
WORKDIR /larder
CMD ["/larder/start"]
