# Roster: `make run` starts it, `make test` tests all of it. Both install what is missing first.

.DEFAULT_GOAL := help

# The tools that .ci/set-up installs stand inside the project, before everything else on the path.
export PATH := $(CURDIR)/.tools/bin:$(CURDIR)/end2end/node_modules/.bin:$(PATH)

# The folders are sources too: a file that was deleted changes nothing but its folder.
SITE_SOURCES := $(shell find app frontend style .cargo .ci/build-site.mjs .ci/pack Cargo.toml Cargo.lock)
SOURCES := $(SITE_SOURCES) $(shell find migrations server)
SITE := target/site/.built
BUILT := target/release/.built

.PHONY: help
help: ## Lists these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: build ## Builds what changed and starts Roster; settings are environment variables
	@exec target/release/roster serve

.PHONY: build
build: ## Builds the release binary, target/release/roster
	@.ci/build

$(SITE): $(SITE_SOURCES)
	@.ci/build-site.mjs
	@touch $@

# The binary carries the site. A newer one was made by plain cargo, and may carry an older site.
$(BUILT): $(SITE) $(SOURCES) $(wildcard target/release/roster)
	@cargo build --locked --release --package server --bin roster
	@touch $@

.PHONY: dev
dev: ## Starts Roster in debug and rebuilds it at every change
	@.ci/set-up dev
	cargo leptos watch --split -- serve

.PHONY: test
test: ## Tests everything: style, lints, both databases, size, browser
	@.ci/test

.PHONY: faults
faults: build ## Kills, fills up, cuts off and floods Roster; takes hours
	@.ci/set-up test
	@ROSTER_BINARY=target/release/roster .ci/faults

.PHONY: bench
bench: build ## Measures first loads, pages by Lighthouse, and what operations cost
	@.ci/bench

.PHONY: lint
lint: set-up ## Checks formatting, lints, layers and rules
	cargo fmt --all --check
	cargo clippy -p app -p server -p bench --all-targets -- -D warnings
	cargo clippy -p frontend --target wasm32-unknown-unknown -- -D warnings
	.ci/check-layers
	.ci/check-markup
	.ci/rules --check

.PHONY: fmt
fmt: ## Formats the Rust code
	cargo fmt --all

.PHONY: audit
audit: ## Checks dependencies: licences, bans, sources, advisories
	@.ci/audit

.PHONY: check-api
check-api: ## Holds the REST API against its document, by schemathesis
	cargo build --locked -p app -p server --bin roster
	@.ci/check-api

.PHONY: sbom
sbom: ## Writes the release's bill of materials to target/release
	@.ci/sbom

.PHONY: package
package: build ## Makes a Debian package and an archive of the release
	@.ci/package

.PHONY: mutants
mutants: ## Changes the code and looks for a test that notices; takes hours
	@.ci/mutants

.PHONY: screenshots
screenshots: build ## Writes pictures of every page to end2end/screenshots
	@.ci/set-up test
	cd end2end && npm run --silent screenshots

.PHONY: set-up
set-up: ## Installs what building needs, if it is missing
	@.ci/set-up

.PHONY: clean
clean: ## Deletes what was built; the data of `make run` stays
	rm -rf target end2end/node_modules end2end/bench/node_modules end2end/bench/reports end2end/test-results end2end/screenshots
