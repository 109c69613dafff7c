package search

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/energo-ml/energo/search/index"
)

// listening runs Serve itself; stop ends it and returns its error.
func listening(t *testing.T, o testOptions) (at string, stop func() error) {
	t.Helper()
	s, err := newServer(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		http.DefaultClient.CloseIdleConnections()
	})
	return l.Addr().String(), func() error {
		cancel()
		return <-ended
	}
}

// dial sends the beginning of a request and returns what comes back until the server hangs up.
func dial(t *testing.T, at, text string) chan string {
	t.Helper()
	c, err := net.Dial("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	all := make(chan string, 1)
	go func() {
		defer c.Close()
		answer, _ := io.ReadAll(bufio.NewReader(c))
		all <- string(answer)
	}()
	return all
}

// Requests that do not come to their end are ended, and others are answered meanwhile.
func TestSlowClients(t *testing.T) {
	o := options(fixture())
	o.Limits.Header, o.Limits.Read, o.Limits.Idle = 100*time.Millisecond, 200*time.Millisecond, 200*time.Millisecond
	at, stop := listening(t, o)
	const head = "POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n"
	begun := time.Now()
	for _, c := range []struct {
		answers chan string
		want    string
	}{
		{dial(t, at, "POST /v1/search HTTP/1.1\r\nHost: loc"), ""},
		{dial(t, at, head+"\r\n{\"vec"), "408 "},
		{dial(t, at, strings.Replace(head, "json", "octet-stream", 1)+"\r\n\x89PNG"), "408 "},
		{dial(t, at, ""), ""},
		{dial(t, at, "GET / HTTP/1.1\r\nHost: localhost\r\nX: "+strings.Repeat("x", 1<<20)), "431 "},
		{dial(t, at, "\x16\x03\x01\x02\x00\x01\x00\x01"), "400 "},
		{dial(t, at, head+"Content-Length: 3\r\n\r\n{}"), "400 "},
		{dial(t, at, "GET /healthz HTTP/1.1\r\n\r\n"), "400 "},
		{dial(t, at, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"), "200 "},
	} {
		if r := send(t, "POST", "http://"+at+"/v1/search", "application/json", []byte(`{"vector":[1,2,3,4]}`)); r.status != 200 {
			t.Errorf("meanwhile: %v", r)
		}
		if got := <-c.answers; !strings.Contains(strings.SplitN(got, "\r\n", 2)[0], c.want) {
			t.Errorf("the answer is %q, want %s", got, c.want)
		}
	}
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// Bodies that are wrong, or that never come, are the client's doing.
func TestBrokenBodies(t *testing.T) {
	var log lines
	o := options(fixture())
	o.Log = slog.New(slog.NewTextHandler(&log, nil))
	at, stop := listening(t, o)
	const head = "POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
	for _, kind := range []string{"application/json", "image/png", "multipart/form-data; boundary=b"} {
		got := <-dial(t, at, head+kind+"\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}zzz\r\n")
		if !strings.HasPrefix(got, "HTTP/1.1 400 ") || !strings.Contains(got, `"code":"malformed"`) {
			t.Errorf("%s: %q", kind, got)
		}
		c, err := net.Dial("tcp", at)
		if err == nil {
			_, err = io.WriteString(c, head+kind+"\r\nContent-Length: 100\r\n\r\n{")
		}
		if err != nil {
			t.Fatal(err)
		}
		for !strings.Contains(send(t, "GET", "http://"+at+"/metrics", "", nil).text, "requests_waiting 1\n") {
			time.Sleep(time.Millisecond)
		}
		_ = c.(*net.TCPConn).SetLinger(0) // a reset
		c.Close()
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	if text := log.String(); strings.Contains(text, "ERROR") {
		t.Error(text)
	}
}

// lines is a log.
type lines struct {
	mu sync.Mutex
	strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Builder.Write(p)
}

// What is under way is finished when the server is stopped.
func TestStop(t *testing.T) {
	x := fixture()
	x.hold = make(chan struct{})
	at, stop := listening(t, options(x))
	answers := make(chan reply)
	for range 5 {
		go func() {
			answers <- send(t, "POST", "http://"+at+"/v1/search", "application/json", []byte(`{"vector":[1,2,3,4]}`))
		}()
	}
	for !strings.Contains(send(t, "GET", "http://"+at+"/metrics", "", nil).text, "in_flight 5\n") {
		time.Sleep(time.Millisecond)
	}
	ended := make(chan error)
	go func() { ended <- stop() }()
	for {
		c, err := net.Dial("tcp", at)
		if err != nil {
			break
		}
		c.Close()
		time.Sleep(time.Millisecond)
	}
	close(x.hold)
	for range 5 {
		(<-answers).hits(t)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// What takes too long when the server is stopped is cut off, and that is told.
func TestStopCuts(t *testing.T) {
	x := fixture()
	x.hold = make(chan struct{})
	o := options(x)
	o.Limits.Stop = 20 * time.Millisecond
	at, stop := listening(t, o)
	gone := make(chan error)
	go func() {
		r, err := http.Post("http://"+at+"/v1/search", "application/json", strings.NewReader(`{"vector":[1,2,3,4]}`))
		if err == nil {
			r.Body.Close()
			if r.StatusCode == http.StatusOK {
				err = fmt.Errorf("status %d", r.StatusCode)
			} else {
				err = nil
			}
			gone <- err
			return
		}
		gone <- nil
	}()
	for !strings.Contains(send(t, "GET", "http://"+at+"/metrics", "", nil).text, "in_flight 1\n") {
		time.Sleep(time.Millisecond)
	}
	time.AfterFunc(200*time.Millisecond, func() { close(x.hold) }) // the work itself cannot be cut
	if err := stop(); err == nil || !strings.Contains(err.Error(), "cut off") {
		t.Errorf("error %v", err)
	}
	if err := <-gone; err != nil {
		t.Error(err)
	}
}

// patient is an index whose searches last until they are cut.
type patient struct {
	*plain
	begun chan struct{}
}

func (x patient) Search(ctx context.Context, _ []index.Query) ([][]index.Hit, error) {
	x.begun <- struct{}{}
	<-ctx.Done()
	return nil, ctx.Err()
}

// Work of the index is cut with the requests that it is for.
func TestStopCutsWork(t *testing.T) {
	x := patient{fixture(), make(chan struct{}, 9)}
	o := options(x)
	o.Limits.Stop, o.Limits.Answer = 20*time.Millisecond, time.Hour
	at, stop := listening(t, o)
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		if r, err := http.Post("http://"+at+"/v1/search", "application/json", strings.NewReader(`{"vector":[1,2,3,4]}`)); err == nil {
			r.Body.Close()
		}
	}()
	<-x.begun
	begun := time.Now()
	if err := stop(); err == nil || !strings.Contains(err.Error(), "cut off") {
		t.Errorf("error %v", err)
	}
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
	<-gone
}
