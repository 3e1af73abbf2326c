# make run    build and run the whole system on embedded defaults    make run ARGS='--for 30s'
# make test   install, start servers, run all tests, stop them       make test-full for the long drills
# make simulate  whole jobs under crashes and faults that seeds choose    SEEDS=100000 for a night; planted mistakes: make simulate-planted
# make sanitize  the simulator with the address sanitizer compiled in    SEEDS=300
# make fuzz   broken input for everything that reads bytes from outside    SECONDS=3600 SEED=7
# make soak HOURS=8  the whole system for so long, with a fault every five minutes (docs/drills.md)
# make format  Swift sources, by .swift-format
# make test-outside  use Weir as a package from outside    make bench  the figures of the README
.PHONY: run build test test-full test-outside soak simulate simulate-planted sanitize fuzz bench format setup clean

run: build
	@exec .build/release/weir up $(ARGS)

build: setup
	@swift build -c release --product weir

setup:
	@scripts/setup

test: setup
	@scripts/test

test-full: setup
	@WEIR_TEST_DRILLS=full scripts/test
	@scripts/simulate planted
	@scripts/sanitize
	@scripts/test-outside init
	@scripts/check-deploy
	@scripts/check-flink-cli

test-outside: setup
	@scripts/test-outside

soak: build
	@scripts/soak $(or $(HOURS),1) $(ARGS)

simulate: setup
	@scripts/simulate $(or $(SEEDS),1000) $(or $(FIRST),1)

simulate-planted: setup
	@scripts/simulate planted

sanitize: setup
	@scripts/sanitize $(or $(SEEDS),300) $(or $(FIRST),1)

fuzz: setup
	@scripts/fuzz $(or $(SECONDS),60) $(SEED)

bench: setup
	@swift build -c release --product weir-bench
	@scripts/servers install kafka
	@env $$(scripts/servers env) .build/release/weir-bench $(ARGS)

format:
	@swift format --in-place --recursive Package.swift Sources Tests Examples Benchmarks

clean:
	@rm -rf .build .backing
