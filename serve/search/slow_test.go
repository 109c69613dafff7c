package search

import (
	"fmt"
	"image"
	"image/color"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience is how long serve lets clients be slow where there is no room.
const patience = time.Second

const question = `{"vector":[1,2,3,4]}`

// slowly sends the beginning of a search of which the head says how long its body is, and then, if it drips, a space now
// and then until it is hung up on. The answer's first line comes when there is one.
func slowly(t *testing.T, at, head, begin string, drips bool) <-chan string {
	t.Helper()
	c, err := net.Dial("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	line := make(chan string, 1)
	go func() {
		answer := make([]byte, 64)
		n, _ := io.ReadFull(c, answer)
		first, _, _ := strings.Cut(string(answer[:n]), "\r\n")
		line <- first
	}()
	go func() {
		_, err := io.WriteString(c, "POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"+head+"\r\n\r\n"+begin)
		for err == nil && drips {
			time.Sleep(50 * time.Millisecond)
			_, err = io.WriteString(c, "1\r\n \r\n")
		}
	}()
	return line
}

// Clients that send slowly, or not at all, keep nobody out: neither by their number nor by what they announce.
func TestSlowBesideQuick(t *testing.T) {
	o := options(fixture())
	o.Limits.Requests, o.Limits.Stop = 8, 100*time.Millisecond
	at, stop := listening(t, o)
	for i := range 200 {
		switch i % 4 {
		case 0:
			slowly(t, at, fmt.Sprint("Content-Length: ", 16<<20), `{"vec`, false)
		case 1:
			slowly(t, at, "Content-Length: 100", "", false)
		case 2:
			slowly(t, at, "Transfer-Encoding: chunked", "2\r\n {\r\n", true)
		case 3:
			slowly(t, at, fmt.Sprint("Content-Length: ", 16<<20), strings.Repeat(" ", 100<<10), false)
		}
	}
	quick := func(n int) {
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				for range n {
					if r := send(t, "POST", "http://"+at+"/v1/search", "application/json", []byte(question)); r.status != http.StatusOK {
						t.Errorf("beside slow clients: %v", r)
						return
					}
				}
			})
		}
		all.Wait()
	}
	quick(50)
	time.Sleep(300 * time.Millisecond)
	quick(50)
	_ = stop() // which cuts them off
}

// Clients that fill the memory and stop keep small requests out never, and large ones for as long as they may be slow.
func TestFullRoom(t *testing.T) {
	o := options(fixture())
	o.Limits.Body, o.Limits.Memory, o.Limits.Stop = 1<<20, 32<<20, time.Second
	at, stop := listening(t, o)
	const large = 900 << 10
	ask := func(size int) reply {
		return send(t, "POST", "http://"+at+"/v1/search", "application/json", []byte(question+strings.Repeat(" ", size)))
	}
	var lines []<-chan string
	for range 40 {
		lines = append(lines, slowly(t, at, fmt.Sprint("Content-Length: ", 1<<20), strings.Repeat(" ", large), false))
	}
	count := map[string]int{}
	for begun := time.Now(); time.Since(begun) < patience+time.Second; time.Sleep(50 * time.Millisecond) {
		if r := ask(0); r.status != http.StatusOK {
			t.Fatalf("a small request: %v", r)
		}
	}
	for range 10 {
		if r := ask(large); r.status != http.StatusOK {
			t.Fatalf("a large request: %v", r)
		}
	}
	_ = stop()
	for _, line := range lines {
		count[<-line]++
	}
	if count["HTTP/1.1 429 Too Many Requests"] == 0 || count["HTTP/1.1 408 Request Timeout"] == 0 {
		t.Errorf("of 40 slow clients are told: %v", count)
	}
}

// Clients that do not take their answers keep nobody out.
func TestSlowReaders(t *testing.T) {
	x := fixture()
	for i := range x.items {
		x.items[i].Label = strings.Repeat("long ", 800_000)
	}
	o := options(x)
	o.Limits.Requests, o.Limits.Stop = 2, time.Second
	at, stop := listening(t, o)
	for range 6 {
		c, err := net.Dial("tcp", at)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if err := c.(*net.TCPConn).SetReadBuffer(4096); err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Fprintf(c, "POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(question), question); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(c, make([]byte, 100)); err != nil { // the answer has begun
			t.Fatal(err)
		}
	}
	for range 10 {
		if r := send(t, "GET", "http://"+at+"/v1/info", "", nil); r.status != http.StatusOK {
			t.Errorf("beside slow readers: %v", r)
		}
	}
	_ = stop()
}

// TestUploadMemory: sixty pictures at once, of many pixels each in a small file, take what all requests may hold.
func TestUploadMemory(t *testing.T) {
	o := options(fixture())
	o.Limits.Memory, o.Limits.Body, o.Limits.Answer = 96<<20, 1<<20, 5*time.Minute
	_, at := start(t, o)
	large := image.NewNRGBA64(image.Rect(0, 0, 1500, 1000)) // 12 MB in memory
	large.SetNRGBA64(1, 1, color.NRGBA64{65535, 0, 0, 65535})
	file := pngOf(t, large)
	large = nil
	runtime.GC()
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	ended, most := make(chan struct{}), make(chan uint64)
	go func() {
		var m runtime.MemStats
		peak := uint64(0)
		for {
			select {
			case <-ended:
				most <- peak
				return
			case <-time.After(5 * time.Millisecond):
				runtime.ReadMemStats(&m)
				peak = max(peak, m.HeapAlloc)
			}
		}
	}()
	var all sync.WaitGroup
	for range 60 {
		all.Go(func() {
			if r := send(t, "POST", at+"/v1/search", "image/png", file); r.status != http.StatusOK {
				t.Error(r)
			}
		})
	}
	all.Wait()
	close(ended)
	if grown := int64(<-most) - int64(before.HeapAlloc); grown > o.Limits.Memory {
		t.Errorf("60 pictures take %d MiB, %d are allowed", grown>>20, o.Limits.Memory>>20)
	} else {
		t.Logf("60 pictures of %d KiB take %d MiB", len(file)>>10, grown>>20)
	}
}
