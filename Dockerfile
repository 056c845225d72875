# The whole stack in one container: docker compose up, or see compose.yaml for the flags it needs.
# The tests do not build this image, since they have to run where no container engine is.

FROM python:3.12-slim-bookworm AS build
WORKDIR /app
COPY install.py ./
COPY requirements requirements
RUN python install.py app sandbox

FROM python:3.12-slim-bookworm
RUN apt-get update \
    && apt-get install --yes --no-install-recommends bubblewrap redis-server tini \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /data --create-home playground
WORKDIR /app
COPY --from=build /app/.venv .venv
COPY --from=build /app/.sandbox-venv .sandbox-venv
COPY . .
USER playground
ENV DATA_DIR=/data HOST=0.0.0.0 LOG_FORMAT=json PATH=/app/.venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1
VOLUME /data
EXPOSE 8000
HEALTHCHECK --start-period=60s CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=5)"]
ENTRYPOINT ["tini", "--"]
CMD ["python", "-m", "playground.runner"]
