# The program alone, in a small image: built in one stage, run in the next as a user that owns nothing but /data.
FROM rust:1-slim-trixie AS build
WORKDIR /pollux
COPY Cargo.toml Cargo.lock ./
COPY migrations migrations
COPY web web
COPY src src
# The targets that the manifest names must exist, and are not built.
COPY benches benches
COPY tests/it/main.rs tests/it/main.rs
RUN cargo build --release --locked --bin pollux --features otel

FROM debian:trixie-slim
RUN useradd --uid 10001 --no-create-home pollux && install --directory --owner=pollux --mode=0700 /data
COPY --from=build /pollux/target/release/pollux /usr/local/bin/pollux
USER pollux
WORKDIR /data
VOLUME /data
ENV HOST=0.0.0.0 PORT=8000 METRICS_HOST=0.0.0.0 DATA_DIR=/data
EXPOSE 8000 9464
STOPSIGNAL SIGTERM
ENTRYPOINT ["pollux"]
CMD ["serve"]
