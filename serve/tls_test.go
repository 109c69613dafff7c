package serve

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// certificate makes one for 127.0.0.1, and its key, in PEM.
func certificate(t testing.TB, serial int64, expires time.Time) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "energo test"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: expires, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	text, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: text}))
}

// serving runs Serve until the test ends.
func serving(t *testing.T, s *Server) (at string, stop func() error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, l) }()
	stop = sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
	t.Cleanup(func() { _ = stop() })
	return l.Addr().String(), stop
}

// client trusts some certificates.
func client(t testing.TB, version2 bool, certs ...string) *http.Client {
	t.Helper()
	pool := x509.NewCertPool()
	for _, c := range certs {
		pool.AppendCertsFromPEM([]byte(c))
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: version2}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// get sends a request and returns the serial number of the certificate of its connection, and the version of HTTP.
func get(c *http.Client, address string) (serial int64, version int, err error) {
	answer, err := c.Get(address)
	if err != nil {
		return 0, 0, err
	}
	defer answer.Body.Close()
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		return 0, 0, err
	}
	if answer.StatusCode != http.StatusOK {
		return 0, 0, http.ErrNotSupported
	}
	return answer.TLS.PeerCertificates[0].SerialNumber.Int64(), answer.ProtoMajor, nil
}

// A certificate is replaced while requests run: none is lost, connections stay, and new ones have the new certificate.
func TestTLSReload(t *testing.T) {
	later := time.Now().Add(time.Hour)
	cert1, key1 := certificate(t, 1, later)
	cert2, key2 := certificate(t, 2, later)
	o := Options{TLS: TLS{fileOf(t, "cert.pem", cert1), fileOf(t, "key.pem", key1)}}
	s := newProbe(t, o)
	at, stop := serving(t, s)
	address := "https://" + at + "/v1/thing"
	for _, version2 := range []bool{false, true} {
		kept := client(t, version2, cert1)
		serial, version, err := get(kept, address)
		if err != nil || serial != 1 || version != map[bool]int{false: 1, true: 2}[version2] {
			t.Fatalf("certificate %d, HTTP/%d, %v", serial, version, err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		for i := range 4 {
			all.Go(func() {
				c := client(t, version2, cert1, cert2)
				for ctx.Err() == nil {
					if _, _, err := get(c, address); err != nil {
						t.Error(err)
						return
					}
					if i%2 == 0 {
						c.CloseIdleConnections()
					}
				}
			})
		}
		write(t, o.TLS.Cert, cert2)
		if err := s.Reload(); err == nil || !strings.Contains(err.Error(), "cert.pem and its key ") {
			t.Errorf("the key is of the other certificate: %v", err)
		}
		if serial, _, err := get(client(t, version2, cert1), address); serial != 1 {
			t.Errorf("before the key is there, the certificate is %d, %v", serial, err)
		}
		write(t, o.TLS.Key, key2)
		if err := s.Reload(); err != nil {
			t.Error(err)
		}
		if serial, _, err := get(client(t, version2, cert2), address); serial != 2 {
			t.Errorf("new connections have certificate %d, %v", serial, err)
		}
		if serial, _, err := get(kept, address); serial != 1 {
			t.Errorf("the connection did not stay: certificate %d, %v", serial, err)
		}
		cancel()
		all.Wait()
		write(t, o.TLS.Cert, cert1)
		write(t, o.TLS.Key, key1)
		if err := s.Reload(); err != nil {
			t.Error(err)
		}
	}
	old := client(t, false, cert1)
	old.Transport.(*http.Transport).TLSClientConfig.MaxVersion = tls.VersionTLS11
	if _, _, err := get(old, address); err == nil || !strings.Contains(err.Error(), "version") {
		t.Errorf("TLS 1.1: %v", err)
	}
	answer, err := http.Get("http://" + at + "/v1/thing")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusBadRequest {
		t.Errorf("without TLS: %s", answer.Status)
	}
	http.DefaultClient.CloseIdleConnections()
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// A request that is under way when the server is told to stop is finished, over HTTP/2 too.
func TestTLSStop(t *testing.T) {
	cert, key := certificate(t, 1, time.Now().Add(time.Hour))
	s, err := New(t.Context(), Options{TLS: TLS{fileOf(t, "cert.pem", cert), fileOf(t, "key.pem", key)}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	p := &probe{hold: make(chan struct{})}
	s.Mount(p)
	at, stop := serving(t, s)
	answered := make(chan error, 1)
	c := client(t, true, cert)
	go func() {
		_, _, err := get(c, "https://"+at+"/v1/slow")
		answered <- err
	}()
	for len(s.places) == 0 {
		time.Sleep(time.Millisecond)
	}
	stopped := make(chan error, 1)
	go func() { stopped <- stop() }()
	for s.ready.Load() {
		time.Sleep(time.Millisecond)
	}
	close(p.hold)
	if err := <-answered; err != nil {
		t.Error(err)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

// Errors name the file that is wrong.
func TestTLSRefused(t *testing.T) {
	later := time.Now().Add(time.Hour)
	cert, key := certificate(t, 1, later)
	_, other := certificate(t, 2, later)
	garbled := strings.Replace(cert, "M", "N", 1)
	good, goodKey := fileOf(t, "cert.pem", cert), fileOf(t, "key.pem", key)
	for _, c := range []struct{ cert, key, want string }{
		{good, "", "a certificate without a key"},
		{"", goodKey, "a key without a certificate"},
		{good + "x", goodKey, "cert.pemx: no such file"},
		{good, goodKey + "x", "key.pemx: no such file"},
		{goodKey, goodKey, "key.pem: no certificate in PEM"},
		{good, good, "cert.pem: no private key in PEM"},
		{good, fileOf(t, "locked.pem", strings.ReplaceAll(key, "PRIVATE", "ENCRYPTED PRIVATE")), "locked.pem: no private key in PEM that is not encrypted"},
		{fileOf(t, "garbled.pem", garbled), goodKey, "garbled.pem and its key "},
		{good, fileOf(t, "other.pem", other), "other.pem: tls: private key does not match public key"},
		{fileOf(t, "empty.pem", ""), goodKey, "empty.pem: no certificate"},
		{t.TempDir(), goodKey, "not a file"},
	} {
		if _, err := New(t.Context(), Options{TLS: TLS{c.cert, c.key}}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
}

// A certificate that has expired is used, for clients are the ones to judge; the log and the metrics say so.
func TestTLSExpired(t *testing.T) {
	var log bytes.Buffer
	cert, key := certificate(t, 1, time.Unix(1.6e9, 0))
	s := newProbe(t, Options{TLS: TLS{fileOf(t, "cert.pem", cert), fileOf(t, "key.pem", key)}, Log: slog.New(slog.NewTextHandler(&log, nil))})
	if !strings.Contains(log.String(), "the certificate has expired") {
		t.Error(log.String())
	}
	if text := ask(s, "GET /metrics").Body.String(); !strings.Contains(text, "energo_certificate_expires_timestamp_seconds 1.6e+09\n") {
		t.Error(text)
	}
}
