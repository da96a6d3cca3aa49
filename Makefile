# farrier's tasks. Each works as the first command on a fresh clone; `make deps` comes along with each.
.DEFAULT_GOAL := build
.NOTPARALLEL:
.PHONY: help deps build demo test check bench microbench budgets conformance clean

help: ## Show this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1|\2/p' Makefile | column -t -s '|'

deps: ## Install what this machine lacks: Erlang/OTP, rebar3, test clients (apt-get as root or by sudo)
	@scripts/deps check
	@scripts/deps test

build: ## Compile everything: _build/default/lib/{farrier,cowboy,ranch} and priv/farrier_nif.so and priv/farrier_port
	@scripts/deps build
	@rebar3 compile

demo: build ## Serve the demo page; the URL is printed (DEMO_PORT sets the port)
	@scripts/demo

test: ## Run all tests: cargo test, EUnit, Common Test, instruction budgets
	@scripts/deps test
	@rebar3 compile
	@scripts/test

check: ## Run formatters, linters, xref and dialyzer
	@scripts/deps check
	@scripts/check

bench: build ## Measure against Cowboy and bare Rust servers (QUICK=1: a short run)
	@scripts/bench

microbench: build ## Time the native part's hot paths one by one, and the terms that the NIF builds
	@scripts/microbench

budgets: ## Count the hot paths' instructions anew and record them as what they may take
	@scripts/deps test
	@scripts/budgets renew

conformance: build ## Run the Autobahn testsuite on clear and TLS listeners; writes _build/conformance/report/index.html
	@scripts/deps test
	@scripts/conformance

fuzz: ## Search for input that breaks a parser (FUZZ_SECONDS for each, default 600)
	@scripts/deps test
	@scripts/fuzz

clean: ## Delete all that was built (also test clients and PLT)
	rm -rf _build target priv
