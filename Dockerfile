# Builds the bridge and packs it with the few libraries it links. The result runs as any user, on a read-only root.
FROM swift:6.3-bookworm AS build
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libcurl4-openssl-dev pkg-config \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY Package.swift ./
COPY Sources ./Sources
COPY Tests ./Tests
RUN swift build --configuration release --product portolan --static-swift-stdlib \
    && install -D --strip .build/release/portolan /out/portolan

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates libcurl4 \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /out/portolan /usr/local/bin/portolan
USER 65532:65532
EXPOSE 5353/udp 5353/tcp 8053/tcp
ENTRYPOINT ["/usr/local/bin/portolan"]
CMD ["run", "--config", "/etc/portolan/portolan.yaml"]
