// Fake ADS clients: each has a connection of its own, takes all clusters, subscribes to the
// endpoints of each, and ACKs whatever comes. What they receive is read as far as its type, version
// and nonce, so that the machine's time goes to the server that is measured.
//
// Prints JSON lines: "connected" when all are, "received" for each round of endpoints that reached every client, "lost" for
// each stream that ended. Ends with its standard input.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
)

const (
	service   = "/envoy.service.discovery.v3.AggregatedDiscoveryService/"
	clusters  = "type.googleapis.com/envoy.config.cluster.v3.Cluster"
	endpoints = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment"
)

// Field numbers of (Delta)DiscoveryRequest; both responses have type_url at 4 and nonce at 5.
type fields struct{ version, node, names, typeURL, nonce protowire.Number }

type variant struct {
	method string
	fields fields
	delta  bool
}

var variants = map[string]variant{
	"SotW":  {"StreamAggregatedResources", fields{1, 2, 3, 4, 5}, false},
	"Delta": {"DeltaAggregatedResources", fields{0, 1, 3, 2, 6}, true},
}

// raw hands messages through as the bytes that they are.
type raw struct{}

func (raw) Name() string { return "proto" }

func (raw) Marshal(v any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(v.([]byte))}, nil
}

func (raw) Unmarshal(data mem.BufferSlice, v any) error {
	*v.(*[]byte) = data.Materialize()
	return nil
}

func text(out []byte, number protowire.Number, value string) []byte {
	if number == 0 || value == "" {
		return out
	}
	return protowire.AppendString(protowire.AppendTag(out, number, protowire.BytesType), value)
}

type response struct{ version, typeURL, nonce string }

func parse(data []byte) (found response, err error) {
	for len(data) > 0 {
		number, kind, n := protowire.ConsumeTag(data)
		if n < 0 {
			return found, protowire.ParseError(n)
		}
		data = data[n:]
		if n = protowire.ConsumeFieldValue(number, kind, data); n < 0 {
			return found, protowire.ParseError(n)
		}
		if number == 1 || number == 4 || number == 5 {
			value, _ := protowire.ConsumeString(data)
			switch number {
			case 1:
				found.version = value
			case 4:
				found.typeURL = value
			case 5:
				found.nonce = value
			}
		}
		data = data[n:]
	}
	return found, nil
}

// rounds counts how many clients have seen the n-th response with endpoints.
type rounds struct {
	sync.Mutex
	clients int
	open    int
	seen    map[int]int
	first   map[int]int64
}

func (r *rounds) connected() {
	r.Lock()
	defer r.Unlock()
	if r.open++; r.open == r.clients {
		say(map[string]any{"event": "connected", "at": time.Now().UnixNano()})
	}
}

func (r *rounds) saw(round int) {
	now := time.Now().UnixNano()
	r.Lock()
	defer r.Unlock()
	if r.seen[round]++; r.seen[round] == 1 {
		r.first[round] = now
	}
	if r.seen[round] == r.clients {
		say(map[string]any{"event": "received", "round": round, "first": r.first[round], "last": now})
	}
}

var printing sync.Mutex

func say(line map[string]any) {
	printing.Lock()
	defer printing.Unlock()
	_ = json.NewEncoder(os.Stdout).Encode(line)
}

type client struct {
	variant
	id     string
	names  []byte // the subscription to all endpoints, as a part of a request
	rounds *rounds
}

func (c client) run(target string) error {
	channel, err := grpc.NewClient(target,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.ForceCodecV2(raw{}), grpc.MaxCallRecvMsgSize(1<<30)))
	if err != nil {
		return err
	}
	defer channel.Close()
	how := &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}
	stream, err := channel.NewStream(context.Background(), how, service+c.method, grpc.WaitForReady(true))
	if err != nil {
		return err
	}
	c.rounds.connected()
	node := protowire.AppendTag(nil, c.fields.node, protowire.BytesType)
	node = protowire.AppendBytes(node, text(nil, 1, c.id))
	if err := stream.SendMsg(text(node, c.fields.typeURL, clusters)); err != nil {
		return err
	}
	return c.answer(stream)
}

func (c client) answer(stream grpc.ClientStream) error {
	subscribed := false
	for round := 0; ; {
		var data []byte
		if err := stream.RecvMsg(&data); err != nil {
			return err
		}
		got, err := parse(data)
		if err != nil {
			return err
		}
		if err := stream.SendMsg(c.ack(got)); err != nil {
			return err
		}
		if got.typeURL == endpoints {
			c.rounds.saw(round)
			round++
		} else if !subscribed && len(c.names) > 0 {
			subscribed = true
			if err := stream.SendMsg(text(c.names, c.fields.typeURL, endpoints)); err != nil {
				return err
			}
		}
	}
}

func (c client) ack(got response) []byte {
	var out []byte
	if !c.delta && got.typeURL == endpoints {
		out = append(out, c.names...) // a SotW request names all, each time
	}
	out = text(out, c.fields.version, got.version)
	out = text(out, c.fields.typeURL, got.typeURL)
	return text(out, c.fields.nonce, got.nonce)
}

func main() {
	target := flag.String("target", "", "HOST:PORT of the control plane")
	clients := flag.Int("clients", 1, "how many")
	services := flag.Int("services", 1, "how many clusters c0, c1, … there are")
	clustersOnly := flag.Bool("clusters-only", false, "want no endpoints")
	prefix := flag.String("prefix", "node", "what their names begin with")
	name := flag.String("variant", "Delta", "SotW or Delta")
	flag.Parse()
	how := variants[*name]
	var names []byte
	for i := 0; i < *services && !*clustersOnly; i++ {
		names = text(names, how.fields.names, fmt.Sprintf("c%d", i))
	}
	names = names[:len(names):len(names)]
	counted := &rounds{clients: *clients, seen: map[int]int{}, first: map[int]int64{}}
	say(map[string]any{"event": "started", "at": time.Now().UnixNano()})
	for i := range *clients {
		one := client{how, fmt.Sprintf("%s-%d", *prefix, i), names, counted}
		go func() {
			say(map[string]any{"event": "lost", "client": one.id, "why": fmt.Sprint(one.run(*target))})
		}()
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
}
