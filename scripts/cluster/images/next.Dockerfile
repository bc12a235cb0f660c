# The bot as it is under another version: what a rollout is tested with.
ARG BOT_IMAGE
FROM ${BOT_IMAGE}
LABEL org.opencontainers.image.version="next"
