package serve

import (
	"crypto/tls"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"time"
)

// TLS names the files of a server's certificate, in PEM: the certificate with those of its issuers behind it, and its private key.
// Connections are of TLS 1.2 or later.
type TLS struct{ Cert, Key string }

// parse makes a certificate of the texts of its files.
func (t TLS) parse(texts [][]byte) (tls.Certificate, error) {
	if !hasBlock(texts[0], "CERTIFICATE") {
		return tls.Certificate{}, fmt.Errorf("%s: no certificate in PEM", t.Cert)
	}
	if !hasBlock(texts[1], "PRIVATE KEY") {
		return tls.Certificate{}, fmt.Errorf("%s: no private key in PEM that is not encrypted", t.Key)
	}
	c, err := tls.X509KeyPair(texts[0], texts[1])
	if err != nil {
		return c, fmt.Errorf("%s and its key %s: %w", t.Cert, t.Key, err)
	}
	return c, nil
}

// hasBlock tells whether a text has a block of PEM whose type ends in kind.
func hasBlock(text []byte, kind string) bool {
	for {
		block, rest := pem.Decode(text)
		if block == nil {
			return false
		}
		if strings.HasSuffix(block.Type, kind) && block.Type != "ENCRYPTED PRIVATE KEY" {
			return true
		}
		text = rest
	}
}

// openTLS reads the certificate for the first time.
func (s *Server) openTLS(t TLS) (err error) {
	if t.Cert == "" || t.Key == "" {
		return errors.New("serve: TLS has a certificate without a key, or a key without a certificate")
	}
	if s.certificate, err = keep("certificate", []string{t.Cert, t.Key}, t.parse); err != nil {
		return fmt.Errorf("serve: %w", err)
	}
	s.files = append(s.files, s.certificate)
	expires := func() time.Time { return s.certificate.value.Load().Leaf.NotAfter }
	s.metrics.registry.MustRegister(gauge("energo_certificate_expires_timestamp_seconds", "When the certificate of TLS expires, in seconds since 1970.",
		func() float64 { return float64(expires().Unix()) }))
	if time.Now().After(expires()) {
		s.o.Log.Warn("the certificate has expired", "file", t.Cert, "expired", expires())
	}
	return nil
}

// tlsConfig is that of new connections, which have the certificate as it was read last.
func (s *Server) tlsConfig() *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		NextProtos:     []string{version2, "http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return s.certificate.value.Load(), nil },
	}
}
