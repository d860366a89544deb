# Daily work. The scripts do it; a machine without make runs them directly.
.PHONY: help demo test lint format bench build package
help:    ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | expand -t 10
demo:    ## train and export Fashion-MNIST on an embedded cluster
	@./scripts/demo
build:   ## build everything into build/bin
	@./scripts/bootstrap && ./scripts/build
test:    ## build everything and run every test
	@./scripts/test
lint:    ## format, layers, shell scripts, clang with -Wthread-safety
	@./scripts/lint
format:  ## format the C++ sources
	@./scripts/format
package: ## build the Debian packages into build/packages
	@./scripts/package
bench:   ## benchmarks against their peers
	@./scripts/bench
