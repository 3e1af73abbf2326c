# make run    build and run the whole system on embedded defaults    make run ARGS='--for 30s'
# make test   install, start servers, run all tests, stop them       make test-full for the long drills
# make test-outside  use Weir as a package from outside    make bench  the figures of the README
.PHONY: run build test test-full test-outside bench setup clean

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

test-outside: setup
	@scripts/test-outside

bench: setup
	@swift build -c release --product weir-bench
	@scripts/servers install kafka
	@env $$(scripts/servers env) .build/release/weir-bench $(ARGS)

clean:
	@rm -rf .build .backing
