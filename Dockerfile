# The server as an image of Node, the libraries that Node is linked with, and the packed server: no shell, no package manager.
# docker build --tag ondemand-server .
# A newer Node, or one of a mirror: --build-arg NODE=node:24-bookworm-slim@sha256:…

ARG NODE=node:24-bookworm-slim@sha256:a9f5f7c91a432850b2a8a7797adf5eadb6c733ceed61167806cee7ea7fbc29df

FROM ${NODE} AS build
WORKDIR /src
COPY . .
ENV CI=true DO_NOT_TRACK=1
RUN npx --yes pnpm@10 build \
 && npx --yes pnpm@10 --filter @ondemand/server pack --pack-destination /tmp
WORKDIR /image
# The first line of the command wants an `env`, which there is none of. The loader names the libraries of Node, which are
# often links: what they lead to is taken.
RUN mkdir -p app etc usr/local/bin home/ondemand var/lib/ondemand \
 && tar -xzf /tmp/ondemand-server-*.tgz -C app --strip-components=1 \
 && sed -i '1s|.*|#!/usr/local/bin/node --|' app/bin/ondemand-server.js \
 && ln -s /app/bin/ondemand-server.js usr/local/bin/ondemand-server \
 && cp "$(readlink -f "$(command -v node)")" usr/local/bin/node \
 && tar -chf - $(LD_TRACE_LOADED_OBJECTS=1 usr/local/bin/node | grep -o '/[^ ]*') | tar -xf - \
 && echo 'hosts: files dns' >etc/nsswitch.conf \
 && echo 'ondemand:x:65532:65532::/home/ondemand:/sbin/nologin' >etc/passwd \
 && echo 'ondemand:x:65532:' >etc/group \
 && chown -R 65532:65532 home/ondemand var/lib/ondemand

FROM scratch
COPY --from=build /image/ /
# HOST: a container's own address is all that others reach it at. What is published, and to whom, is said where it is run.
ENV NODE_ENV=production HOST=0.0.0.0 PORT=5000 HOME=/home/ondemand PATH=/usr/local/bin
USER 65532:65532
WORKDIR /home/ondemand
EXPOSE 5000
# It answers within 5 s, and each answer is its exit code, 0 or 1.
HEALTHCHECK --interval=10s --timeout=10s --start-period=30s --retries=3 CMD ["ondemand-server", "--health"]
ENTRYPOINT ["ondemand-server"]
