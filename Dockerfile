# One image for every process. As it is it runs all of them, with everything that they keep in /data;
# compose.yaml and docs/kubernetes.md give each a container of its own.
# docs/containers.md says how this file is tried where no container engine is.

FROM python:3.12-slim-bookworm AS build
WORKDIR /app
COPY install.py ./
COPY requirements requirements
RUN python install.py app sandbox
COPY . .
RUN mkdir -p built/static \
    && DATA_DIR=/tmp/data .venv/bin/python manage.py assets \
    && chmod -R a+rX built

FROM python:3.12-slim-bookworm
# Not pinned: what the distribution has mended since should be in.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends bubblewrap redis-server tini \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 playground \
    && useradd --uid 10001 --gid 10001 --home-dir /data --no-create-home playground \
    && install --directory --owner 10001 --group 10001 --mode 0700 /data
WORKDIR /app
COPY --from=build /app/.venv .venv
COPY --from=build /app/.sandbox-venv .sandbox-venv
COPY . .
COPY --from=build /app/built built
USER 10001:10001
ENV DATA_DIR=/data HOST=0.0.0.0 LOG_FORMAT=json PATH=/app/.venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1
VOLUME /data
EXPOSE 8000
# Of whichever process the container was started with.
HEALTHCHECK --start-period=60s --timeout=15s CMD ["python", "-m", "playground.probe"]
ENTRYPOINT ["tini", "--"]
CMD ["python", "-m", "playground.runner"]
