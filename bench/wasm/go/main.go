// Requests through a module in the host of the Go SDK: prints the µs of the best round.
//
//	go run . FILTER.wasm ROUNDS COUNT
package main

import (
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm/proxytest"
	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm/types"
)

var (
	request = [][2]string{
		{":method", "GET"}, {":path", "/"}, {":authority", "a"}, {":scheme", "http"},
		{"user-agent", "curl"}, {"accept", "*/*"}, {"authorization", "Bearer abc"},
	}
	response = [][2]string{{":status", "200"}}
)

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func main() {
	wasm, err := os.ReadFile(os.Args[1])
	must(err)
	rounds, err := strconv.Atoi(os.Args[2])
	must(err)
	count, err := strconv.Atoi(os.Args[3])
	must(err)
	vm, err := proxytest.NewWasmVMContext(wasm)
	must(err)
	defer vm.Close()
	host, reset := proxytest.NewHostEmulator(proxytest.NewEmulatorOption().WithVMContext(vm))
	defer reset()
	if host.StartVM() != types.OnVMStartStatusOK || host.StartPlugin() != types.OnPluginStartStatusOK {
		must(fmt.Errorf("the plugin does not start"))
	}
	best := time.Duration(1 << 62)
	for range rounds {
		started := time.Now()
		for range count {
			id := host.InitializeHttpContext()
			host.CallOnRequestHeaders(id, request, true)
			host.CallOnResponseHeaders(id, response, true)
			host.CompleteHttpContext(id)
		}
		best = min(best, time.Since(started)/time.Duration(count))
	}
	fmt.Printf("%.3f\n", float64(best.Nanoseconds())/1000)
}
