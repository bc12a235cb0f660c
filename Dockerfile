# The image of the bot and of the simulator: compiled JavaScript, production dependencies and the two clients that operators
# need, on a plain Node 24 of Debian. Nothing to build with is in it.
# Build: docker build --tag algo-trading-bot .      The same file builds with podman and buildah (--format docker).
# NODE_IMAGE names another base; it must be Debian's, with apt.
ARG NODE_IMAGE=docker.io/library/node:24-bookworm-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY scripts/build.ts scripts/build.ts
COPY src src
RUN node scripts/build.ts

FROM ${NODE_IMAGE} AS dependencies
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
# The image has its Node: the one that npm would bring along is an optional dependency.
RUN npm ci --omit=dev --omit=optional --ignore-scripts

# psql alone, for its package brings Perl along.
FROM ${NODE_IMAGE} AS clients
RUN apt-get update \
 && apt-get install --yes --no-install-recommends postgresql-client \
 && mkdir /clients \
 && cp /usr/lib/postgresql/*/bin/psql /clients/

FROM ${NODE_IMAGE} AS runtime
# libpq5 and libreadline8 are what psql loads. npm and yarn are no part of what runs.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates libpq5 libreadline8 redis-tools \
 && apt-get clean \
 && rm -rf /var/lib/apt/lists/* /var/log/apt /var/log/dpkg.log /var/log/alternatives.log \
      /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack \
      /usr/local/bin/yarn /usr/local/bin/yarnpkg /opt/yarn-* \
 && mkdir -p /app /data \
 && chown 1000:1000 /data \
 && ln -s /app/bin/algo-trading-bot.mjs /usr/local/bin/algo-trading-bot
WORKDIR /app
COPY --from=clients /clients/psql /usr/bin/psql
# First in PATH: they know the mounted secrets and start the programs of the same name.
COPY deploy/images/bot/redis-cli deploy/images/bot/psql /usr/local/bin/
COPY package.json LICENSE NOTICE ./
COPY --from=dependencies /build/node_modules node_modules
COPY bin bin
COPY --from=build /build/dist dist
# The root may be mounted read-only: everything that is written goes to /data or /tmp.
# Most of the memory that the container allows is no JavaScript heap: buffers, code, workers.
ENV NODE_ENV=production \
    NODE_OPTIONS=--max-old-space-size-percentage=45 \
    DATA_DIR=/data
USER 1000
VOLUME ["/data"]
EXPOSE 8000 8001 9090
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 CMD ["node", "bin/healthcheck.mjs"]
ENTRYPOINT ["node", "dist/main.js"]
CMD ["start"]
# Version, revision and time are labels that the builder gives: buildah 1.28 keeps those that a cached layer got from arguments.
LABEL org.opencontainers.image.title="algo-trading-bot" \
      org.opencontainers.image.description="Algorithmic trading bot for an Alpaca account" \
      org.opencontainers.image.licenses="Apache-2.0"
