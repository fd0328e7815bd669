// A control plane on go-control-plane's snapshot cache, for comparison: one group of nodes, with
// clusters c0, c1, … and the endpoints of each.
//
// Commands come as lines on standard input: "serve" serves them from now on where that waited
// (-late), "change" gives one cluster another endpoint, "usage" asks for the processor time and
// memory so far. Answers are JSON lines; it ends with its input.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	cluster "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpoint "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/envoyproxy/go-control-plane/pkg/cache/types"
	"github.com/envoyproxy/go-control-plane/pkg/cache/v3"
	"github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"github.com/envoyproxy/go-control-plane/pkg/server/v3"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/durationpb"
)

const group = "all"

type oneGroup struct{}

func (oneGroup) ID(*core.Node) string { return group }

func address(port uint32) *core.Address {
	specifier := &core.SocketAddress_PortValue{PortValue: port}
	socket := &core.SocketAddress{Address: "127.0.0.1", PortSpecifier: specifier}
	return &core.Address{Address: &core.Address_SocketAddress{SocketAddress: socket}}
}

func clusterOf(name string) types.Resource {
	ads := &core.ConfigSource{
		ResourceApiVersion:    core.ApiVersion_V3,
		ConfigSourceSpecifier: &core.ConfigSource_Ads{Ads: &core.AggregatedConfigSource{}},
	}
	return &cluster.Cluster{
		Name:                 name,
		ConnectTimeout:       durationpb.New(time.Second),
		ClusterDiscoveryType: &cluster.Cluster_Type{Type: cluster.Cluster_EDS},
		EdsClusterConfig:     &cluster.Cluster_EdsClusterConfig{EdsConfig: ads},
	}
}

func endpointsOf(name string, ports ...uint32) types.Resource {
	var hosts []*endpoint.LbEndpoint
	for _, port := range ports {
		of := &endpoint.LbEndpoint_Endpoint{Endpoint: &endpoint.Endpoint{Address: address(port)}}
		hosts = append(hosts, &endpoint.LbEndpoint{HostIdentifier: of})
	}
	locality := []*endpoint.LocalityLbEndpoints{{LbEndpoints: hosts}}
	return &endpoint.ClusterLoadAssignment{ClusterName: name, Endpoints: locality}
}

// acks knows who has ACKed what since the last change, and prints when that is everybody.
type acks struct {
	sync.Mutex
	clients      int
	clustersOnly bool
	settled      bool
	opened       int
	clusters     map[int64]bool
	endpoints    map[int64]bool
}

func (a *acks) open() {
	a.Lock()
	defer a.Unlock()
	if a.opened++; a.opened == a.clients {
		say(map[string]any{"event": "opened", "at": time.Now().UnixNano()})
	}
}

func (a *acks) answered(stream int64, typeURL, nonce string) {
	if nonce == "" {
		return
	}
	a.Lock()
	defer a.Unlock()
	if typeURL == resource.ClusterType {
		a.clusters[stream] = true
	} else if a.endpoints != nil {
		a.endpoints[stream] = true
	}
	if len(a.clusters) < a.clients || (len(a.endpoints) < a.clients && !a.clustersOnly) {
		return
	}
	a.endpoints = nil
	event := "acked"
	if !a.settled {
		event = "settled"
	}
	a.settled = true
	say(map[string]any{"event": event, "at": time.Now().UnixNano(), "opened": a.opened,
		"cpu_ms": cpu()})
}

func (a *acks) again() {
	a.Lock()
	defer a.Unlock()
	a.endpoints = map[int64]bool{}
}

func cpu() float64 {
	var used syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &used)
	return float64(used.Utime.Nano()+used.Stime.Nano()) / 1e6
}

// memory reads what is resident now (VmRSS) or the most that ever was (VmHWM).
func memory(field string) (kib int) {
	status, _ := os.ReadFile("/proc/self/status")
	_, after, _ := strings.Cut(string(status), field+":")
	_, _ = fmt.Sscan(after, &kib)
	return kib
}

var printing sync.Mutex

func say(line map[string]any) {
	printing.Lock()
	defer printing.Unlock()
	_ = json.NewEncoder(os.Stdout).Encode(line)
}

func callbacks(counted *acks) server.CallbackFuncs {
	return server.CallbackFuncs{
		StreamOpenFunc: func(context.Context, int64, string) error {
			counted.open()
			return nil
		},
		DeltaStreamOpenFunc: func(context.Context, int64, string) error {
			counted.open()
			return nil
		},
		StreamRequestFunc: func(stream int64, request *discovery.DiscoveryRequest) error {
			counted.answered(stream, request.TypeUrl, request.ResponseNonce)
			return nil
		},
		StreamDeltaRequestFunc: func(stream int64, request *discovery.DeltaDiscoveryRequest) error {
			counted.answered(stream, request.TypeUrl, request.ResponseNonce)
			return nil
		},
	}
}

// plane serves the resources; a change replaces the endpoints of c0.
type plane struct {
	snapshots          cache.SnapshotCache
	clusters, assigned []types.Resource
	version            int
}

// serve sets a new snapshot. Types have versions of their own, so a change of endpoints sends no
// clusters.
func (p *plane) serve(event string) {
	before, began := cpu(), time.Now().UnixNano()
	p.version++
	made := &cache.Snapshot{}
	made.Resources[types.Cluster] = cache.NewResources("1", p.clusters)
	made.Resources[types.Endpoint] = cache.NewResources(fmt.Sprint(p.version), p.assigned)
	if err := p.snapshots.SetSnapshot(context.Background(), group, made); err != nil {
		panic(err)
	}
	say(map[string]any{"event": event, "began": began, "set": time.Now().UnixNano(),
		"cpu_ms": before})
}

func main() {
	clients := flag.Int("clients", 1, "how many are expected")
	services := flag.Int("services", 1, "how many clusters, each with its endpoints")
	clustersOnly := flag.Bool("clusters-only", false, "nobody wants endpoints")
	late := flag.Bool("late", false, "nothing is served before the command to")
	flag.Parse()
	counted := &acks{clients: *clients, clustersOnly: *clustersOnly,
		clusters: map[int64]bool{}, endpoints: map[int64]bool{}}
	it := &plane{snapshots: cache.NewSnapshotCache(true, oneGroup{}, nil)}
	for i := range *services {
		name := fmt.Sprintf("c%d", i)
		it.clusters = append(it.clusters, clusterOf(name))
		it.assigned = append(it.assigned, endpointsOf(name, 80, 81))
	}
	if !*late {
		it.serve("served")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	serving := grpc.NewServer(grpc.MaxRecvMsgSize(1 << 30))
	ads := server.NewServer(context.Background(), it.snapshots, callbacks(counted))
	discovery.RegisterAggregatedDiscoveryServiceServer(serving, ads)
	go func() { _ = serving.Serve(listener) }()
	say(map[string]any{"event": "listening", "port": listener.Addr().(*net.TCPAddr).Port,
		"cpu_ms": cpu(), "rss_kib": memory("VmRSS")})
	obey(it, counted)
}

func obey(it *plane, counted *acks) {
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		switch lines.Text() {
		case "serve":
			it.serve("served")
		case "change":
			counted.again()
			it.assigned[0] = endpointsOf("c0", 80, uint32(1000+it.version))
			it.serve("changed")
		case "usage":
			say(map[string]any{"event": "usage", "cpu_ms": cpu(),
				"rss_kib": memory("VmRSS"), "peak_kib": memory("VmHWM")})
		}
	}
}
