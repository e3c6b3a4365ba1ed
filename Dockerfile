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
# The loader names the libraries, which are often links: what they lead to is taken.
RUN mkdir -p app etc usr/local/bin home/ondemand var/lib/ondemand \
 && tar -xzf /tmp/ondemand-server-*.tgz -C app --strip-components=1 \
 && cp "$(readlink -f "$(command -v node)")" usr/local/bin/node \
 && tar -chf - $(LD_TRACE_LOADED_OBJECTS=1 usr/local/bin/node | grep -o '/[^ ]*') | tar -xf - \
 && echo 'hosts: files dns' >etc/nsswitch.conf \
 && echo 'ondemand:x:65532:65532::/home/ondemand:/sbin/nologin' >etc/passwd \
 && echo 'ondemand:x:65532:' >etc/group \
 && chown -R 65532:65532 home/ondemand var/lib/ondemand

FROM scratch
COPY --from=build /image/ /
# A container's own address is all that others reach it at; what is published, and to whom, is said where it is run.
ENV NODE_ENV=production HOST=0.0.0.0 PORT=5000 HOME=/home/ondemand
USER 65532:65532
WORKDIR /home/ondemand
EXPOSE 5000
# It answers 5 s later at the latest.
HEALTHCHECK --interval=10s --timeout=10s --start-period=30s --retries=3 \
  CMD ["/usr/local/bin/node", "--", "/app/bin/ondemand-server.js", "--health"]
# What Node 20 would take for its own options goes to the server by the `--`.
ENTRYPOINT ["/usr/local/bin/node", "--", "/app/bin/ondemand-server.js"]
