# The binary of a release on a base that has no shell and no package manager:
# the C library, CA certificates and time zones. Nothing is run to build it.
#
#   docker build --build-context binaries=DIRECTORY .
#
# DIRECTORY holds the binaries as linux-amd64/hangar and linux-arm64/hangar.
FROM gcr.io/distroless/cc-debian12
ARG TARGETOS
ARG TARGETARCH
COPY --from=binaries --chmod=0755 ${TARGETOS}-${TARGETARCH}/hangar /usr/local/bin/hangar
# nobody
USER 65534:65534
WORKDIR /tmp
ENTRYPOINT ["/usr/local/bin/hangar"]
