# Debian's PostgreSQL laid out as docker.io/library/postgres is: user postgres 999, PG_MAJOR, its programs in PATH, no cluster
# made by the package.
ARG DEBIAN_IMAGE
FROM ${DEBIAN_IMAGE}
ENV PG_MAJOR=15
RUN groupadd --system --gid 999 postgres \
 && useradd --system --uid 999 --gid postgres --home-dir /var/lib/postgresql --shell /bin/bash postgres \
 && apt-get update \
 && apt-get install --yes --no-install-recommends postgresql-common \
 && sed -i 's/^#*create_main_cluster.*/create_main_cluster = false/' /etc/postgresql-common/createcluster.conf \
 && apt-get install --yes --no-install-recommends "postgresql-$PG_MAJOR" \
 && apt-get clean \
 && rm -rf /var/lib/apt/lists/*
ENV PATH=$PATH:/usr/lib/postgresql/$PG_MAJOR/bin
ENV PGDATA=/var/lib/postgresql/data
VOLUME ["/var/lib/postgresql/data"]
EXPOSE 5432
CMD ["postgres"]
