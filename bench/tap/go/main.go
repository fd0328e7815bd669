// Sends requests to an Envoy as fast as it answers, and answers what it passes on.
//
//	main serve PORT BYTES              an upstream that answers each request with so many bytes
//	main load PORT CONNECTIONS SECONDS BYTES
//	main pace PORT CONNECTIONS SECONDS BYTES RATE
//
// All speak just enough HTTP/1.1 to cost little beside an Envoy. load prints one line of JSON. pace
// sends RATE requests a second, whatever the answers take, each to a path of its own, /r/NUMBER, and
// prints a line for each at the end: its number, when it was answered, in µs since 1970, and how
// many µs that took.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"
)

func number(at int) int {
	value, err := strconv.Atoi(os.Args[at])
	if err != nil {
		fmt.Fprintln(os.Stderr, "expected a number:", os.Args[at])
		os.Exit(2)
	}
	return value
}

func body(size int) string {
	return `{"text": "` + strings.Repeat("x", max(0, size-12)) + `"}`
}

// message reads one message and answers the length of its body.
func message(reader *bufio.Reader) (int, error) {
	length := 0
	for {
		line, err := reader.ReadSlice('\n')
		if err != nil {
			return 0, err
		}
		if len(line) <= 2 {
			break
		}
		if len(line) > 16 && strings.EqualFold(string(line[:15]), "content-length:") {
			length, err = strconv.Atoi(strings.TrimSpace(string(line[15:])))
			if err != nil {
				return 0, err
			}
		}
	}
	_, err := io.CopyN(io.Discard, reader, int64(length))
	return length, err
}

func serve(port, size int) {
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	text := body(size)
	answer := []byte(fmt.Sprintf("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s", len(text), text))
	if input, err := os.Stdin.Stat(); err == nil && input.Mode()&os.ModeCharDevice == 0 {
		go func() { _, _ = io.Copy(io.Discard, os.Stdin); os.Exit(0) }() // ends with whoever started it
	}
	for {
		connection, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer connection.Close()
			reader := bufio.NewReaderSize(connection, 64<<10)
			for {
				if _, err := message(reader); err != nil {
					return
				}
				if _, err := connection.Write(answer); err != nil {
					return
				}
			}
		}()
	}
}

func post(path string, size int) []byte {
	text := body(size)
	return []byte(fmt.Sprintf("POST %s HTTP/1.1\r\nhost: reviews\r\nuser-agent: bench\r\naccept: */*\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s", path, len(text), text))
}

func load(port, connections, seconds, size int) {
	request := post("/reviews/1", size)
	end := time.Now().Add(time.Duration(seconds) * time.Second)
	all := make([][]float64, connections)
	var group sync.WaitGroup
	for at := range all {
		group.Add(1)
		go func(at int) {
			defer group.Done()
			connection, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
			if err != nil {
				return
			}
			defer connection.Close()
			reader := bufio.NewReaderSize(connection, 64<<10)
			for time.Now().Before(end) {
				started := time.Now()
				if _, err := connection.Write(request); err != nil {
					return
				}
				if _, err := message(reader); err != nil {
					return
				}
				all[at] = append(all[at], float64(time.Since(started).Microseconds())/1000)
			}
		}(at)
	}
	group.Wait()
	var took []float64
	for _, each := range all {
		took = append(took, each...)
	}
	sort.Float64s(took)
	if len(took) == 0 {
		fmt.Fprintln(os.Stderr, "no request was answered")
		os.Exit(1)
	}
	_ = json.NewEncoder(os.Stdout).Encode(map[string]float64{
		"requests": float64(len(took)),
		"rate":     float64(len(took)) / float64(seconds),
		"p50_ms":   took[len(took)/2],
		"p99_ms":   took[len(took)*99/100],
	})
}

// answered is what pace tells of one request, in µs.
type answered struct{ number, at, took int64 }

func pace(port, connections, seconds, size, rate int) {
	numbers := make(chan int, connections)
	all := make([][]answered, connections)
	var group sync.WaitGroup
	for at := range all {
		group.Add(1)
		go func(at int) {
			defer group.Done()
			connection, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
			if err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			defer connection.Close()
			reader := bufio.NewReaderSize(connection, 64<<10)
			for number := range numbers {
				started := time.Now()
				if _, err := connection.Write(post(fmt.Sprintf("/r/%d", number), size)); err != nil {
					return
				}
				if _, err := message(reader); err != nil {
					return
				}
				now := time.Now()
				all[at] = append(all[at], answered{int64(number), now.UnixMicro(), now.Sub(started).Microseconds()})
			}
		}(at)
	}
	started := time.Now()
	for number := 0; number < rate*seconds; number++ {
		time.Sleep(time.Until(started.Add(time.Duration(number) * time.Second / time.Duration(rate))))
		numbers <- number
	}
	close(numbers)
	group.Wait()
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for _, each := range all {
		for _, one := range each {
			fmt.Fprintln(out, one.number, one.at, one.took)
		}
	}
}

func main() {
	switch {
	case len(os.Args) == 4 && os.Args[1] == "serve":
		serve(number(2), number(3))
	case len(os.Args) == 6 && os.Args[1] == "load":
		load(number(2), number(3), number(4), number(5))
	case len(os.Args) == 7 && os.Args[1] == "pace":
		pace(number(2), number(3), number(4), number(5), number(6))
	default:
		fmt.Fprintln(os.Stderr, "usage: main serve PORT BYTES | load PORT CONNECTIONS SECONDS BYTES | pace PORT CONNECTIONS SECONDS BYTES RATE")
		os.Exit(2)
	}
}
