# One set of flags for build and test: SQLite is compiled once.
GO      ?= go
FLAGS   :=
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -X main.version=$(VERSION)
TOOL    := $(GO) tool -modfile=lint/go.mod

.PHONY: help build test setup race lint fmt bench drill demo fuzz

help: ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 12

build: ## build bin/relanced
	$(GO) build $(FLAGS) -ldflags '$(LDFLAGS)' -o bin/relanced ./cmd/relanced

demo: build ## watch the whole product at work, nothing to configure
	bin/relanced demo

setup: ## install what the tests need: Dovecot, Exim, PostgreSQL, MariaDB (Debian, root or sudo)
	./lint/setup

test: setup ## install what the tests need, then run them all
	$(GO) test $(FLAGS) -timeout 15m ./...

race: ## the tests under the race detector
	$(GO) test $(FLAGS) -race -timeout 30m ./...

lint: ## vet, the linters, the direction of imports
	$(GO) vet $(FLAGS) ./...
	$(TOOL) golangci-lint run ./...

fmt: ## format
	$(TOOL) gofumpt -w -extra -modpath relanced $$(git ls-files '*.go')

bench: ## all benchmarks with their baselines, as ratios in one table
	./lint/bench

drill: ## the drills at a small size; DRILL=full for all of it
	RELANCED_DRILL=$${DRILL:-small} $(GO) test $(FLAGS) -count=1 -timeout 60m -run 'Drill' -v ./...

fuzz: ## every fuzz target for a few seconds
	./lint/fuzz
