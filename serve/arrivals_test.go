package serve

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"testing"
	"time"
)

// dialled makes connections to a server of a probe: plain, and by TLS with HTTP/1.1.
func dialled(t *testing.T, l Limits, each func(t *testing.T, dial func() net.Conn)) {
	t.Run("plain", func(t *testing.T) {
		at, _ := serving(t, newProbe(t, Options{Limits: l}))
		each(t, func() net.Conn {
			c, err := net.Dial("tcp", at)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { c.Close() })
			return c
		})
	})
	t.Run("TLS", func(t *testing.T) {
		cert, key := certificate(t, 1, time.Now().Add(time.Hour))
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM([]byte(cert))
		at, _ := serving(t, newProbe(t, Options{Limits: l, TLS: TLS{fileOf(t, "cert.pem", cert), fileOf(t, "key.pem", key)}}))
		each(t, func() net.Conn {
			var c *tls.Conn
			err := errors.New("none")
			for try := 0; err != nil && try < 20; try++ { // the handshake has the time of a header, which is short here
				c, err = tls.Dial("tcp", at, &tls.Config{RootCAs: pool})
			}
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { c.Close() })
			return c
		})
	})
}

const thing = "GET /v1/thing HTTP/1.1\r\nHost: localhost\r\n\r\n"

// status sends a request on a connection.
func status(t *testing.T, c net.Conn, text string) int {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	answer, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, answer.Body)
	answer.Body.Close()
	return answer.StatusCode
}

// A connection that was made long ago, and on which nothing was sent, takes a request: the time for a header counts from its first byte.
func TestUnusedConnection(t *testing.T) {
	t.Parallel()
	l := Limits{Header: 300 * time.Millisecond, Read: 10 * time.Second}
	dialled(t, l, func(t *testing.T, dial func() net.Conn) {
		c := dial()
		time.Sleep(2 * l.Header)
		for range 2 {
			if got := status(t, c, thing); got != http.StatusOK {
				t.Errorf("status %d", got)
			}
			time.Sleep(3 * l.Header / 2)
		}
	})
}

// The time for all of a request counts from its first byte, too.
func TestUnusedConnectionWithBody(t *testing.T) {
	t.Parallel()
	l := Limits{Header: 5 * time.Second, Read: 300 * time.Millisecond}
	dialled(t, l, func(t *testing.T, dial func() net.Conn) {
		c := dial()
		time.Sleep(2 * l.Read)
		if got := status(t, c, "POST /v1/thing HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}"); got != http.StatusOK {
			t.Errorf("status %d", got)
		}
	})
}

// closed is how long a server lets a connection be.
func closed(t *testing.T, c net.Conn) time.Duration {
	t.Helper()
	start := time.Now()
	_ = c.SetReadDeadline(start.Add(10 * time.Second))
	if _, err := io.Copy(io.Discard, c); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal("the connection is not closed")
	}
	return time.Since(start)
}

// A client that sends a header slowly, or nothing, has no connection for long.
func TestSlowHeader(t *testing.T) {
	t.Parallel()
	dialled(t, Limits{Header: 100 * time.Millisecond, Idle: time.Minute}, func(t *testing.T, dial func() net.Conn) {
		c := dial()
		if _, err := io.WriteString(c, "G"); err != nil {
			t.Fatal(err)
		}
		if took := closed(t, c); took > 5*time.Second {
			t.Errorf("a slow header is borne for %v", took)
		}
	})
	dialled(t, Limits{Idle: 100 * time.Millisecond}, func(t *testing.T, dial func() net.Conn) {
		if took := closed(t, dial()); took > 4*time.Second {
			t.Errorf("a connection without a request is kept for %v", took)
		}
	})
}

// A client of TLS that does not shake hands has no connection for long, and one that speaks HTTP is told so.
func TestNoHandshake(t *testing.T) {
	t.Parallel()
	cert, key := certificate(t, 1, time.Now().Add(time.Hour))
	s := newProbe(t, Options{Limits: Limits{Header: 200 * time.Millisecond, Idle: time.Minute}, TLS: TLS{fileOf(t, "cert.pem", cert), fileOf(t, "key.pem", key)}})
	at, _ := serving(t, s)
	for text, want := range map[string]int{"": 0, "\x16\x03": 0, thing: http.StatusBadRequest} {
		c, err := net.Dial("tcp", at)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if want != 0 {
			if got := status(t, c, text); got != want {
				t.Errorf("%q: status %d, want %d", text, got, want)
			}
			continue
		}
		if _, err := io.WriteString(c, text); err != nil {
			t.Fatal(err)
		}
		if took := closed(t, c); took > 5*time.Second {
			t.Errorf("%q: the connection is kept for %v", text, took)
		}
	}
}

// Requests know of their TLS, with either version of HTTP.
func TestRequestKnowsTLS(t *testing.T) {
	cert, key := certificate(t, 1, time.Now().Add(time.Hour))
	s := newProbe(t, Options{TLS: TLS{fileOf(t, "cert.pem", cert), fileOf(t, "key.pem", key)}})
	s.handle(Route{Pattern: "GET /v1/tls", Plain: true, Do: func(w http.ResponseWriter, r *http.Request) error {
		if r.TLS == nil || !r.TLS.HandshakeComplete {
			return errors.New("without TLS")
		}
		return nil
	}})
	at, _ := serving(t, s)
	for _, version := range []int{1, 2} {
		answer, err := client(t, version == 2, cert).Get("https://" + at + "/v1/tls")
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != http.StatusOK || answer.ProtoMajor != version {
			t.Errorf("status %d by HTTP/%d, want HTTP/%d", answer.StatusCode, answer.ProtoMajor, version)
		}
	}
}

// A server that is told to stop does not wait for connections without a request.
func TestStopWithUnusedConnections(t *testing.T) {
	t.Parallel()
	s := newProbe(t, Options{})
	at, stop := serving(t, s)
	unused, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	defer unused.Close()
	used, err := net.Dial("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	defer used.Close()
	if got := status(t, used, thing); got != http.StatusOK {
		t.Fatal(got)
	}
	start := time.Now()
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(start); took > 3*time.Second {
		t.Errorf("it stops after %v", took)
	}
	if took := closed(t, unused); took > time.Second {
		t.Errorf("the connection ends after %v", took)
	}
}
