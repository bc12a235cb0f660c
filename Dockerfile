# The image of the bot: compiled JavaScript and production dependencies on a plain Node 24, nothing to build with.
# Build: docker build -t algo-trading-bot .      Another base: --build-arg NODE_IMAGE=node:24-alpine
ARG NODE_IMAGE=node:24-bookworm-slim

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

FROM ${NODE_IMAGE} AS runtime
LABEL org.opencontainers.image.title="algo-trading-bot" \
      org.opencontainers.image.description="Algorithmic trading bot for an Alpaca account" \
      org.opencontainers.image.licenses="Apache-2.0"
# npm and yarn are no part of what runs.
RUN rm -rf /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack \
      /usr/local/bin/yarn /usr/local/bin/yarnpkg /opt/yarn-* \
 && mkdir -p /app /data && chown 1000:1000 /data
WORKDIR /app
COPY package.json LICENSE NOTICE ./
COPY --from=dependencies /build/node_modules node_modules
COPY --from=build /build/dist dist
COPY bin/healthcheck.mjs bin/healthcheck.mjs
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
