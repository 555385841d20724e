# make run     build, and run the main job: collect, then scan
# make test    install what the tests need, start Elasticsearch and OpenSearch on loopback, run everything, stop them
# make install copy the program to PREFIX/bin    (default /usr/local)
# make check   gofmt, vet, lint
# make fuzz    every fuzz target, FUZZTIME each     (default 2m)
# make soak    the kill -9 loops and the races, long; what speaks with Elasticsearch also with 9.4 (needs Java 21)
# make bench   the big numbers: a million indicators collected; the matcher beside grep, ripgrep, Hyperscan and others; STIX 1 beside python-stix
SHELL    := /bin/bash
GO       ?= go
BIN      := bin/iochunt
CACHE    := .cache
PREFIX   ?= /usr/local
FUZZTIME ?= 2m
SOAK     ?= 200
# What speaks with servers; without them its tests are skipped.
ELASTIC  := ./internal/es/... ./internal/store/elastic/... ./hunt/indices/... ./mappings/...
# What is built here is for machines as new as this one; for any other: make GOAMD64=v1.
export GOAMD64 ?= $(shell scripts/goamd64)

.PHONY: build install run demo test check fuzz soak bench docs clean

build:
	$(GO) build -trimpath -o $(BIN) ./cmd/iochunt

install: build
	install -D -m 0755 $(BIN) $(DESTDIR)$(PREFIX)/bin/iochunt

run: build
	@scripts/run $(BIN)

demo: build
	$(BIN) demo

test: build
	scripts/check
	python=$$(scripts/otx-sdk $(CACHE)/otx-sdk) && taxii=$$(IOCHUNT_TAXII=$(CACHE)/taxii scripts/taxii-servers install) && \
		IOCHUNT_SDK_PYTHON="$$python" IOCHUNT_TAXII="$$taxii" IOCHUNT_TAXII_PYTHON="$$taxii/bin/python" IOCHUNT_STIX_PYTHON="$$taxii/bin/python" \
		scripts/with-servers es8 opensearch secure -- $(GO) test -timeout 30m ./...
	$(GO) test -race -short -timeout 30m ./collect/... ./enrich/... ./hunt/... ./internal/...

check:
	scripts/check

fuzz:
	scripts/fuzz $(FUZZTIME)

soak:
	IOCHUNT_KILLS=$(SOAK) $(GO) test -run Kill -count 1 -timeout 60m -v ./internal/store/local ./cmd/iochunt
	IOCHUNT_KILLS=50 IOCHUNT_NODE_KILLS=50 scripts/with-servers es8 opensearch -- $(GO) test -run 'KillCluster|KillNode' -count 1 -timeout 60m -v ./cmd/iochunt
	scripts/with-servers es8 opensearch secure -- $(GO) test -race -count 1 -timeout 60m $(ELASTIC)
	scripts/with-servers es8 remote -- $(GO) test -count 1 -timeout 20m -run RemoteCluster -v ./hunt/indices
	scripts/with-servers es9 secure9 -- $(GO) test -count 1 -timeout 60m $(ELASTIC)
	IOCHUNT_KILLS=$(SOAK) scripts/with-servers es9 -- $(GO) test -run Kill -count 1 -timeout 60m -v ./internal/store/elastic/... ./hunt/indices/...

bench: build
	scripts/bench

docs:
	$(GO) test ./cmd/iochunt -run TestReference -update

clean:
	rm -rf bin $(CACHE)
