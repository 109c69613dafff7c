package client

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/energo-ml/energo/search/index"
)

// quick is a client of a handler that waits little between tries.
func quick(t *testing.T, o Options, h http.HandlerFunc) *Client {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	c, err := New(s.URL, o)
	if err != nil {
		t.Fatal(err)
	}
	c.first = time.Millisecond
	return c
}

// TestRetries: what the server says it has not done is asked again, with its whole body, and nothing else is.
func TestRetries(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.png")
	if err := os.WriteFile(path, []byte("picture"), 0o666); err != nil {
		t.Fatal(err)
	}
	file, err := OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		status  int
		after   string
		retries int
		tries   int
	}{
		{429, "0", 0, 5},
		{503, "", 2, 3},
		{503, "", -1, 1},
		{503, "31", 0, 1}, // longer than Wait
		{500, "", 0, 1},
		{502, "", 0, 1},
		{408, "", 0, 1},
		{422, "", 0, 1},
	} {
		tries := 0
		c := quick(t, Options{Retries: tt.retries, Token: "abc"}, func(w http.ResponseWriter, r *http.Request) {
			tries++
			text, err := io.ReadAll(r.Body)
			if err != nil || string(text) != "picture" || r.ContentLength != 7 || r.Header.Get("Authorization") != "Bearer abc" {
				t.Errorf("try %d has the body %q of %d bytes, %v, and the token %q", tries, text, r.ContentLength, err, r.Header.Get("Authorization"))
			}
			if tt.after != "" {
				w.Header().Set("Retry-After", tt.after)
			}
			w.WriteHeader(tt.status)
		})
		_, err := c.Index("x").SearchFile(t.Context(), file, Query{})
		p := (*Error)(nil)
		if !errors.As(err, &p) || p.Status != tt.status || p.Path != "/v1/indexes/x/search" {
			t.Errorf("status %d: the error is %v", tt.status, err)
		}
		if tries != tt.tries {
			t.Errorf("status %d, Retry-After %q: %d tries, want %d", tt.status, tt.after, tries, tt.tries)
		}
	}
}

// TestRetryAfter: the time that the server asks for passes, and then the answer comes.
func TestRetryAfter(t *testing.T) {
	var times []time.Time
	c := quick(t, Options{}, func(w http.ResponseWriter, _ *http.Request) {
		if times = append(times, time.Now()); len(times) == 1 {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		io.WriteString(w, `{"deleted": 3}`)
	})
	n, err := c.Index("").Delete(t.Context(), []string{"a"})
	if n != 3 || err != nil {
		t.Fatal(n, err)
	}
	if d := times[1].Sub(times[0]); d < time.Second {
		t.Errorf("asked again after %v", d)
	}
}

// TestCut: a connection that ends when the request was sent is not tried again.
func TestCut(t *testing.T) {
	var tries atomic.Int64 // nothing is written to the client that would order a plain count before its reading
	c := quick(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
		tries.Add(1)
		conn, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			err = conn.Close()
		}
		if err != nil {
			t.Error(err)
		}
	})
	if err := c.Index("").Add(t.Context(), []NewItem{{Item: index.Item{ID: "a", Vector: []float32{1}}}}); err == nil || tries.Load() != 1 {
		t.Errorf("%d tries, the error is %v", tries.Load(), err)
	}
}

// TestKeptConnectionCut: where the server closes a connection that was kept, what changes nothing is sent again on another, with its whole body. A change is not.
func TestKeptConnectionCut(t *testing.T) {
	for _, change := range []bool{false, true} {
		var tries atomic.Int64
		c := quick(t, Options{HTTP: &http.Client{Transport: &http.Transport{}}}, func(w http.ResponseWriter, r *http.Request) {
			text, err := io.ReadAll(r.Body)
			if err != nil || r.Header["Idempotency-Key"] != nil || r.Method == http.MethodPost && len(text) == 0 {
				t.Errorf("%s %s with %q, %v, %v", r.Method, r.URL, text, r.Header, err)
			}
			if tries.Add(1) != 2 {
				io.WriteString(w, `{"deleted": 1}`)
				return
			}
			conn, _, err := w.(http.Hijacker).Hijack()
			if err == nil {
				err = conn.Close()
			}
			if err != nil {
				t.Error(err)
			}
		})
		ask := func() error {
			if change {
				_, err := c.Index("").Delete(t.Context(), []string{"a"})
				return err
			}
			_, err := c.Index("").Search(t.Context(), Query{Example: Example{ID: "a"}})
			return err
		}
		if err := ask(); err != nil {
			t.Fatal(err)
		}
		if err := ask(); (err != nil) != change {
			t.Errorf("change %v: the error is %v", change, err)
		}
		if got, want := tries.Load(), map[bool]int64{false: 3, true: 2}[change]; got != want {
			t.Errorf("change %v: %d tries, want %d", change, got, want)
		}
	}
}

// TestRefused: a server that comes up meanwhile is reached, and the wait ends with the context.
func TestRefused(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	c, err := New("http://"+address, Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := c.Index("").Info(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the error is %v", err)
	}
	up := make(chan *http.Server, 1)
	go func() {
		time.Sleep(50 * time.Millisecond)
		l, err := net.Listen("tcp", address)
		if err != nil {
			t.Error(err)
			close(up)
			return
		}
		s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"index": {"dim": 4}}`) })}
		up <- s
		s.Serve(l)
	}()
	info, err := c.Index("").Info(t.Context())
	if err != nil || info.Dim != 4 {
		t.Errorf("%v, %v", info, err)
	}
	if s := <-up; s != nil {
		s.Close()
	}
}

// TestErrors: refusals in all forms that servers have.
func TestErrors(t *testing.T) {
	long := strings.Repeat("x", 1000)
	for text, want := range map[string]Error{
		`{"type":"about:blank","title":"T","status":422,"detail":"k is 0","code":"invalid","field":"k"}`:              {Detail: "k is 0", Code: "invalid", Field: "k"},
		`{"error":{"message":"there is no model","type":"invalid_request_error","param":"model","code":"not_found"}}`: {Detail: "there is no model", Code: "not_found", Field: "model"},
		`{"error":{"message":"too many","type":"rate_limit_error","param":null,"code":"too_many_requests"}}`:          {Detail: "too many", Code: "too_many_requests"},
		`{"error":"the model has no input \"z\""}`:                                                                    {Detail: `the model has no input "z"`},
		`<html>`:        {Detail: "<html>"},
		``:              {Detail: "Unprocessable Entity"},
		`["a"]`:         {Detail: `["a"]`},
		`{"error":[1]}`: {Detail: `{"error":[1]}`},
	} {
		c := quick(t, Options{}, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(422)
			io.WriteString(w, text)
		})
		_, err := c.Index("").Get(t.Context(), "a/b")
		want.Method, want.Path, want.Status = "GET", "/v1/items/a/b", 422
		if p := (*Error)(nil); !errors.As(err, &p) || *p != want {
			t.Errorf("%s is %+v, want %+v", text, err, want)
		}
	}
	c := quick(t, Options{}, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(502)
		io.WriteString(w, long)
	})
	if _, err := c.Index("").Info(t.Context()); err == nil || len(err.Error()) > 600 {
		t.Errorf("the error is %v", err)
	}
}

// TestAnswers: what is not the answer that was asked for is an error.
func TestAnswers(t *testing.T) {
	c := quick(t, Options{}, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{}`) })
	x := c.Index("")
	if err := x.Add(t.Context(), []NewItem{{Item: index.Item{ID: "a"}}}); err == nil || !strings.Contains(err.Error(), "added 0 of 1") {
		t.Errorf("the error is %v", err)
	}
	if _, err := x.SearchBatch(t.Context(), []Query{{}}); err == nil || !strings.Contains(err.Error(), "1 searches with 0 results") {
		t.Errorf("the error is %v", err)
	}
	if _, err := c.Infer(t.Context(), "m", nil); err == nil || !strings.Contains(err.Error(), lengthHeader) {
		t.Errorf("the error is %v", err)
	}
	c = quick(t, Options{}, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"items": `) })
	for _, err := range c.Index("").List(t.Context(), index.Filter{}, false) {
		if err == nil || !strings.Contains(err.Error(), "cannot be read") {
			t.Errorf("the error is %v", err)
		}
	}
}

// TestNew refuses addresses and tokens by what is wrong in them, and shows no password.
func TestNew(t *testing.T) {
	for _, tt := range []struct{ address, token, want string }{
		{"localhost:80", "", "http://HOST:PORT"},
		{"ftp://a", "", "http://HOST:PORT"},
		{"http://", "", "http://HOST:PORT"},
		{"http://a/?b=c", "", "http://HOST:PORT"},
		{"http://u:secret@a", "", "a user"},
		{"http://u:secret@a:b", "", "cannot be read"},
		{"http://a", "b c", "the token"},
		{"http://a", "é", "the token"},
	} {
		_, err := New(tt.address, Options{Token: tt.token})
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: the error is %v, want %q", tt.address, err, tt.want)
		}
	}
	if _, err := New("http://a", Options{Wait: -1}); err == nil {
		t.Error("a Wait below 0 is taken")
	}
	if _, err := OpenFile(t.TempDir()); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("the error is %v", err)
	}
}

// FuzzAnswers: no answer of a server makes the client panic, or a tensor of the wrong size.
func FuzzAnswers(f *testing.F) {
	f.Add("2", []byte("{}"))
	f.Add("92", []byte(`{"outputs":[{"name":"y","datatype":"FP32","shape":[1],"parameters":{"binary_data_size":4}}]}abcd`))
	f.Add("88", []byte(`{"outputs":[{"name":"y","datatype":"FP32","shape":[-1],"parameters":{"binary_data_size":-4}}]}`))
	f.Fuzz(func(t *testing.T, length string, text []byte) {
		all, err := inferred(length, text)
		for _, o := range all {
			if err == nil && len(o.Raw) != volume(o.Shape)*widths[o.Datatype] {
				t.Errorf("%d bytes of %v", len(o.Raw), o.Shape)
			}
		}
	})
}
