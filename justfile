# Everything one does here, by name. `just` alone lists it.

_list:
    @just --list --unsorted

# Every check a change must pass
check:
    .ci/run

# The whole suite; PostgreSQL's half runs where it answers
test *ARGS:
    cargo test {{ARGS}}

# Start the server: no key and no account needed
run *ARGS:
    cargo run --release -- {{ARGS}}

# The numbers
bench *ARGS:
    cargo bench {{ARGS}}

# The promises, under load and kill -9
proof:
    POLLUX_PROOF=full cargo test --release --test it -- --nocapture --test-threads=1 crash:: quota:: signin::races:: signin::refresh_races:: passwords::races:: passwords::flood:: passwords::secrecy:: sms::pumping:: billing::histories:: billing::lost:: billing::crash:: streams::cuts:: streams::kills:: footprint:: fuzz::

# Several processes through kills, outages and faults of the network; `just chaos full` as before a release
chaos SIZE="quick":
    POLLUX_PROOF={{SIZE}} cargo test {{ if SIZE == "full" { "--release" } else { "" } }} --test it -- --nocapture --test-threads=1 chaos::

# The page in a real browser, with its figures; `.ci/axe` brings in what checks its accessibility
page *ARGS:
    cargo test --test it browser:: -- --nocapture --test-threads=2 {{ARGS}}

# The running server against its document; further words go to the tool
schema *ARGS:
    .ci/schema {{ARGS}}

# The Postman collection against the running server; further words go to Newman
collection *ARGS:
    .ci/postman {{ARGS}}

# Fuzz one target of fuzz/ until it is stopped; needs a nightly compiler and cargo-fuzz
fuzz TARGET *ARGS:
    cargo +nightly fuzz run {{TARGET}} {{ARGS}}

# Write the API's description to a file
openapi:
    cargo run --quiet -- openapi > openapi.json

fmt:
    cargo fmt

# The code's own documentation
doc:
    cargo doc --no-deps --open
