# A bot that ends at its start: no rollout may take a ready replica away for it.
ARG BOT_IMAGE
FROM ${BOT_IMAGE}
ENTRYPOINT ["node", "--eval", "console.error('this image is broken, and so it is meant to be'); process.exit(1)"]
LABEL org.opencontainers.image.version="broken"
