# Two images: `python` runs uploader and indexer, `nginx` serves. Both work as any user, on a read-only root.
# In each, /larder is where nginx.conf wants to be started: data/ is the data directory, run/ holds the socket.

FROM debian:trixie-slim AS base
RUN apt-get update \
 && apt-get install -y --no-install-recommends python3 \
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
COPY --from=packages /opt/venv /opt/venv
COPY store /opt/larder/store
COPY uploader /opt/larder/uploader
COPY indexer /opt/larder/indexer
RUN python -m compileall -q /opt/larder && mkdir -p /larder/data /larder/run
WORKDIR /larder

FROM debian:trixie-slim AS nginx
RUN apt-get update \
 && apt-get install -y --no-install-recommends nginx-light \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/apt /var/log/dpkg.log \
 && mkdir -p /larder/data /larder/run && install -d -m 1777 /larder/tmp \
 && echo 'listen 8089;' > /larder/listen.conf
COPY nginx/nginx.conf /larder/
WORKDIR /larder
CMD ["nginx", "-p", "/larder", "-c", "/larder/nginx.conf", "-e", "stderr", "-g", "daemon off;"]
