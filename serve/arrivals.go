package serve

import (
	"crypto/tls"
	"io"
	"net"
	"sync"
	"time"
)

// arrivals is a listener that gives connections once the first byte of a request has come on them. Until then a connection may wait as long as
// between two requests. Without it the time for a header would count from when the connection was made. Clients keep connections that they
// made and did not need (net/http's dials for a request, and sends it on another connection if that is free first), and would lose the request that they send on
// one just when it ends.
type arrivals struct {
	net.Listener
	secure       *tls.Config // nil without TLS
	header, idle time.Duration

	begun chan arrival
	over  chan struct{} // closed with the listener
	all   sync.WaitGroup

	mu      sync.Mutex
	waiting map[net.Conn]struct{} // that were not given; nil once the listener is closed
}

// arrival is what Accept returns.
type arrival struct {
	c   net.Conn
	err error
}

// newArrivals takes connections from a listener until it is closed.
func newArrivals(l net.Listener, secure *tls.Config, limits Limits) *arrivals {
	a := &arrivals{
		Listener: l, secure: secure, header: limits.Header, idle: limits.Idle,
		begun: make(chan arrival), over: make(chan struct{}), waiting: map[net.Conn]struct{}{},
	}
	a.all.Go(a.take)
	return a
}

func (a *arrivals) take() {
	for {
		c, err := a.Listener.Accept()
		switch {
		case err != nil && !a.give(nil, err): // the server waits after an error that may pass
			return
		case err == nil && a.keep(c):
			a.all.Go(func() { a.begin(c) })
		}
	}
}

// keep remembers a connection, to be closed with the listener.
func (a *arrivals) keep(c net.Conn) (ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.waiting == nil {
		c.Close()
		return false
	}
	a.waiting[c] = struct{}{}
	return true
}

// give has Accept return; ok is false once the listener is closed.
func (a *arrivals) give(c net.Conn, err error) (ok bool) {
	select {
	case a.begun <- arrival{c, err}:
		return true
	case <-a.over:
		return false
	}
}

// begin gives a connection once a request begins on it.
func (a *arrivals) begin(c net.Conn) {
	one, err := a.first(c)
	if err != nil || !a.give(one, nil) {
		c.Close()
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.waiting, c)
}

// version2 is HTTP/2 as TLS names it. Its clients send at once, and the server has a time of its own for those that ask nothing.
const version2 = "h2"

// first waits for the first byte of a request. Where a handshake of TLS fails the connection is returned: the server finds and tells the same error.
func (a *arrivals) first(c net.Conn) (net.Conn, error) {
	if a.secure == nil {
		one := &begun{Conn: c}
		return one, one.wait(a.idle)
	}
	t := tls.Server(c, a.secure)
	_ = c.SetDeadline(time.Now().Add(a.header))
	if t.Handshake() != nil || t.ConnectionState().NegotiatedProtocol == version2 {
		return t, nil
	}
	_ = c.SetDeadline(time.Time{})
	one := &begunTLS{begun{Conn: t}}
	return one, one.wait(a.idle)
}

// Accept returns a connection on which a request has begun.
func (a *arrivals) Accept() (net.Conn, error) {
	select {
	case one := <-a.begun:
		return one.c, one.err
	case <-a.over:
		return nil, net.ErrClosed
	}
}

// Close takes no more connections, and closes those on which no request has begun.
func (a *arrivals) Close() error {
	err := a.Listener.Close()
	a.mu.Lock()
	for c := range a.waiting {
		c.Close()
	}
	a.waiting = nil
	a.mu.Unlock()
	close(a.over)
	a.all.Wait()
	return err
}

// begun is a connection whose first byte was read.
type begun struct {
	net.Conn
	next []byte // that comes next
}

// wait reads the first byte.
func (c *begun) wait(most time.Duration) error {
	_ = c.SetReadDeadline(time.Now().Add(most))
	c.next = make([]byte, 1)
	_, err := io.ReadFull(c.Conn, c.next)
	_ = c.SetReadDeadline(time.Time{})
	return err
}

func (c *begun) Read(p []byte) (int, error) {
	if len(c.next) == 0 {
		return c.Conn.Read(p)
	}
	n := copy(p, c.next)
	c.next = c.next[n:]
	return n, nil
}

// CloseWrite has a client read the end of an answer before its connection is closed.
func (c *begun) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// begunTLS is one of TLS, which requests know of.
type begunTLS struct{ begun }

// ConnectionState is that of net/http's requests.
func (c *begunTLS) ConnectionState() tls.ConnectionState { return c.Conn.(*tls.Conn).ConnectionState() }
