package cli

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/energo-ml/energo/serve/bearer"
)

var soak = flag.Duration("soak", time.Hour, "how long TestSoak lasts, with -long")

// attacked is a server of a folder of models and of an index, with a token, beside which clients are bad.
type attacked struct {
	t         *testing.T
	at, host  string
	folder    string
	model     []byte
	web       *http.Client
	asked     atomic.Int64 // good requests
	exchanged atomic.Int64 // models
}

const secret = "secret"

func attack(t *testing.T) *attacked {
	t.Helper()
	dir := t.TempDir()
	a := &attacked{t: t, folder: filepath.Join(dir, "models"), web: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}}}
	var err error
	if a.model, err = os.ReadFile("../../../engine/onnx/testdata/affine.onnx"); err != nil {
		t.Fatal(err)
	}
	tokens := filepath.Join(dir, "tokens")
	line := bearer.Line(bearer.Holder{Name: "all", Scopes: bearer.Scopes()}, secret)
	if err := os.WriteFile(tokens, []byte(line), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(a.folder, 0o777); err != nil {
		t.Fatal(err)
	}
	a.exchange()
	a.at = served(t, append(oneOfEach(t), "--models", a.folder, "--tokens", tokens, "--memory", fmt.Sprint(256<<20))...)
	a.host = strings.TrimPrefix(a.at, "http://")
	t.Cleanup(a.web.CloseIdleConnections)
	for deadline := time.Now().Add(20 * time.Second); a.status("GET", "/readyz", "") != 200; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the server does not become ready")
		}
	}
	return a
}

// exchange replaces the model of the folder by another file of the same content.
func (a *attacked) exchange() {
	part := filepath.Join(a.folder, ".part")
	if err := os.WriteFile(part, a.model, 0o666); err != nil {
		a.t.Error(err)
	}
	if err := os.Rename(part, filepath.Join(a.folder, "live.onnx")); err != nil {
		a.t.Error(err)
	}
	a.exchanged.Add(1)
}

// status is that of a request with the token; 0 is no answer.
func (a *attacked) status(method, path, body string, header ...string) int {
	r, err := http.NewRequest(method, a.at+path, strings.NewReader(body))
	if err != nil {
		a.t.Error(err)
		return 0
	}
	r.Header.Set("Authorization", "Bearer "+secret)
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	answer, err := a.web.Do(r)
	if err != nil {
		return 0
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, answer.Body)
	return answer.StatusCode
}

const (
	good      = `{"inputs":[{"name":"x","shape":[1,3],"datatype":"FP32","data":[1,2,3]}]}`
	inferLive = "/v2/models/live/infer"
	inferName = "/v2/models/affine/infer"
)

// quick sends good requests until the context ends, all of which must be answered: nobody is kept out, and none is lost while models are replaced.
func (a *attacked) quick(ctx context.Context) {
	for ctx.Err() == nil {
		for path, body := range map[string]string{inferLive: good, inferName: good, "/v1/search": `{"vector":[1,0],"k":1}`} {
			if got := a.status("POST", path, body); got != 200 {
				a.t.Errorf("%s: status %d of a good request", path, got)
			}
			a.asked.Add(1)
		}
		time.Sleep(time.Millisecond)
	}
}

// raw sends bytes on a connection of its own, and returns the status of the answer; 0 where there was no answer in time.
func (a *attacked) raw(text string, patience time.Duration) int {
	c, err := net.Dial("tcp", a.host)
	if err != nil {
		return 0
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(c, text); err != nil {
		return 0
	}
	answer, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return 0
	}
	answer.Body.Close()
	return answer.StatusCode
}

// drip sends a byte of a request's body now and then, until the context ends or the server hangs up.
func (a *attacked) drip(ctx context.Context) {
	c, err := net.Dial("tcp", a.host)
	if err != nil {
		return
	}
	defer c.Close()
	_, err = fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n", inferLive, secret, 1<<20)
	for err == nil && ctx.Err() == nil {
		_, err = io.WriteString(c, " ")
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}

// bad are requests that are refused, with their statuses.
func (a *attacked) bad() {
	head := "POST " + inferLive + " HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + secret + "\r\n"
	for text, want := range map[string]int{
		head + "Content-Length: 5\r\nContent-Length: 6\r\n\r\n{}":                                                              400,
		head + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n":                                                         501,
		head + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n":                                                                  501,
		head + "Content-Length: -1\r\n\r\n":                                                                                    400,
		head + "Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n":                                                      400,
		head + " folded: x\r\nContent-Length: 2\r\n\r\n{}":                                                                     400,
		head + "X: " + strings.Repeat("a", 64<<10) + "\r\n\r\n":                                                                431,
		"GET /v2/models/../../etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n":                                                  404,
		"GET /v2 HTTP/1.1\r\nHost: evil.example\r\nAuthorization: Bearer " + secret + "\r\n\r\n":                               421,
		"GET /v2 HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n":                                                       400,
		"GET /v2 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + secret + "x\r\n\r\n":                                 401,
		"GET /v2 HTTP/1.1\r\nHost: localhost\r\nCookie: energo=AAAA\r\n\r\n":                                                   401,
		head + "Origin: https://evil.example\r\nContent-Length: 2\r\n\r\n{}":                                                   403,
		"GET /v1/info HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nOrigin: https://evil.example\r\n\r\n":               403,
		"POST /v1/session HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}":        401,
		head + "Content-Type: application/json\r\nContent-Length: 2000000\r\n\r\n" + strings.Repeat("[", 2_000_000):            400,
		head + "Content-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x00":         415,
		head + "Content-Type: application/json\r\nContent-Length: 99999999999\r\n\r\n{}":                                       413,
		head + "Inference-Header-Content-Length: 18446744073709551615\r\nContent-Length: 2\r\n\r\n{}":                          400,
		"GET /v2/models/" + strings.Repeat("a", 8000) + " HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer secret\r\n\r\n": 404,
	} {
		if got := a.raw(text, 10*time.Second); got != want {
			a.t.Errorf("%.200q: status %d, want %d", text, got, want)
		}
	}
	for _, name := range []string{"..", "%2e%2e", "..%2flive", "%2e%2e%2f%2e%2e%2fetc%2fpasswd", "live%00", ".part", "live/../live", "%ff", "a%2fb"} {
		if got := a.status("GET", "/v2/models/"+name, ""); got != 404 && got != 400 {
			a.t.Errorf("the model %s: status %d", name, got)
		}
	}
	bomb := `{"inputs":[{"name":"x","shape":[1000000000000,3],"datatype":"FP32","data":[1]}]}`
	if got := a.status("POST", inferLive, bomb); got != 400 {
		a.t.Errorf("a shape of 3·10¹² elements: status %d", got)
	}
}

// figure is one of the metrics.
func (a *attacked) figure(name string) float64 {
	r, _ := http.NewRequest("GET", a.at+"/metrics", http.NoBody)
	r.Header.Set("Authorization", "Bearer "+secret)
	answer, err := a.web.Do(r)
	if err != nil {
		a.t.Error(err)
		return 0
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(answer.Body)
	m := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(name) + ` (\S+)$`).FindSubmatch(text)
	if m == nil {
		a.t.Errorf("there is no %s", name)
		return 0
	}
	x, err := strconv.ParseFloat(string(m[1]), 64)
	if err != nil {
		a.t.Error(err)
	}
	return x
}

// under has bad clients at work for a time, while models are replaced, beside good ones.
func (a *attacked) under(d time.Duration) {
	ctx, stop := context.WithTimeout(a.t.Context(), d)
	defer stop()
	var all sync.WaitGroup
	for range 200 {
		all.Go(func() { a.drip(ctx) })
	}
	for range 4 {
		all.Go(func() { a.quick(ctx) })
	}
	all.Go(func() {
		for ctx.Err() == nil {
			a.exchange()
			select {
			case <-ctx.Done():
			case <-time.After(2 * time.Second): // which is long enough to settle
			}
		}
	})
	for first := true; first || ctx.Err() == nil; first = false {
		a.bad()
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
	all.Wait()
}

// settled is the number of goroutines once the requests have ended, which is want or less if that comes within ten seconds.
func (a *attacked) settled(want float64) (n float64) {
	a.web.CloseIdleConnections()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		if n = a.figure("go_goroutines"); n <= want {
			break
		}
	}
	return n
}

// atRest is the number of goroutines once it stays the same for a second.
func (a *attacked) atRest() (n float64) {
	a.web.CloseIdleConnections()
	for same := 0; same < 5; time.Sleep(200 * time.Millisecond) {
		now := a.figure("go_goroutines")
		if same++; now != n {
			n, same = now, 0
		}
	}
	return n
}

// Clients that send slowly, nonsense, bombs, wrong names and tokens keep nobody out, and models are replaced meanwhile without a lost request.
func TestAttacks(t *testing.T) {
	t.Parallel()
	a := attack(t)
	before := a.atRest()
	a.under(3 * time.Second)
	if n := a.settled(before + 4); n > before+4 {
		t.Errorf("%v goroutines after the attacks, %v before", n, before)
	}
	if held := a.figure("energo_http_held_bytes"); held > 1<<20 {
		t.Errorf("%v bytes are held after the attacks", held)
	}
	if loads := a.figure(`energo_model_loads_total{result="success"}`); loads < 4 { // three at the start
		t.Errorf("%v models were loaded; none was replaced meanwhile", loads)
	}
	t.Logf("%d good requests, %d exchanges", a.asked.Load(), a.exchanged.Load())
}

// Over a long time, memory stays as it is and no goroutine is left.
func TestSoak(t *testing.T) {
	if !*long {
		t.Skip("it takes -soak, an hour; -long has it run")
	}
	a := attack(t)
	a.under(min(*soak/10, time.Minute))
	goroutines, memory := a.atRest(), a.figure("go_memstats_heap_inuse_bytes")
	a.under(*soak)
	after := a.settled(goroutines)
	if after > goroutines+4 {
		t.Errorf("%v goroutines, %v before", after, goroutines)
	}
	if now := a.figure("go_memstats_heap_inuse_bytes"); now > 2*memory+64<<20 {
		t.Errorf("the heap has %v bytes, %v before", now, memory)
	}
	t.Logf("%d good requests, %d exchanges; %v goroutines of %v, heap %v of %v, resident %v", a.asked.Load(), a.exchanged.Load(), after, goroutines,
		a.figure("go_memstats_heap_inuse_bytes"), memory, a.figure("process_resident_memory_bytes"))
}
