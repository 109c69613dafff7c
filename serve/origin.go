package serve

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/energo-ml/energo/serve/wire"
)

// ours refuses requests that a page of somebody else's made a browser send: those for a name that
// an attacker's name server gave this address, and changes that come from an origin which is not listed.
func (s *Server) ours(r *http.Request) error {
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = plainHost(host)
	_, err := netip.ParseAddr(strings.Trim(host, "[]"))
	if err != nil && host != "localhost" && !slices.Contains(s.o.Hosts, host) {
		return &wire.Problem{Status: http.StatusMisdirectedRequest, Code: wire.CodeMisdirected, Detail: "this server is not addressed by the name " + strings.ToValidUTF8(host, "?") + "; it answers to localhost, addresses in figures, and the names that it was started with"}
	}
	if n := len(r.Header.Values("Origin")); n > 1 {
		return wire.Forbidden("there are %d Origin headers; browsers send one", n)
	}
	if s.everyOrigin() {
		return nil
	}
	if r.Header.Get("Upgrade") != "" { // browsers ask nobody before they open a WebSocket to another origin
		r = &http.Request{Method: http.MethodPost, Header: r.Header, Host: r.Host, URL: r.URL}
	}
	if err := s.foreign.Check(r); err != nil {
		return wire.Forbidden("a page of another origin must not send this")
	}
	return nil
}

// plainHost makes names of one host equal.
func plainHost(name string) string { return strings.TrimSuffix(strings.ToLower(name), ".") }

// anyOrigin stands for all origins in Options.Origins.
const anyOrigin = "*"

func (s *Server) everyOrigin() bool { return slices.Contains(s.o.Origins, anyOrigin) }

// openOrigins has pages of the listed origins send requests.
func (s *Server) openOrigins() error {
	for _, origin := range s.o.Origins {
		if origin == anyOrigin {
			if s.tokens == nil {
				return fmt.Errorf("serve: origin *: every page that a browser shows could use the server; tokens are needed with it")
			}
			continue
		}
		if !isOrigin(origin) {
			return fmt.Errorf("serve: origin %q, want https://HOST, http://HOST:PORT or alike as browsers send it, in small letters and without a port that is the scheme's own; or *", origin)
		}
		if err := s.foreign.AddTrustedOrigin(origin); err != nil {
			return fmt.Errorf("serve: origin %q: %w", origin, err)
		}
	}
	return nil
}

// isOrigin tells whether a text is an origin as browsers send it.
func isOrigin(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || strings.Contains(u.Host, "*") || u.Scheme+"://"+strings.ToLower(u.Host) != text {
		return false
	}
	own, known := map[string]string{"http": "80", "https": "443"}[u.Scheme]
	return known && u.Port() != own && !strings.HasSuffix(u.Host, ":")
}

// cors tells a browser what pages of a listed origin may send and see. preflight is true where that is the whole answer: h is what the mux
// has for the request, and says which methods the path takes.
func (s *Server) cors(w http.ResponseWriter, r *http.Request, h http.Handler) (preflight bool) {
	if len(s.o.Origins) == 0 {
		return false
	}
	head, origin := w.Header(), r.Header.Get("Origin")
	switch {
	case origin == "":
		return false
	case origin != anyOrigin && slices.Contains(s.o.Origins, origin):
		head.Set("Access-Control-Allow-Origin", origin)
		head.Set("Access-Control-Allow-Credentials", "true")
	case s.everyOrigin():
		head.Set("Access-Control-Allow-Origin", anyOrigin)
	default:
		return false
	}
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		head.Set("Access-Control-Expose-Headers", "Inference-Header-Content-Length, Retry-After, WWW-Authenticate, X-Request-Id")
		return false
	}
	said := &dummy{header: http.Header{}}
	h.ServeHTTP(said, r)
	allow := said.header.Get("Allow")
	if said.status != http.StatusMethodNotAllowed || allow == "" {
		return false // there is nothing at the path
	}
	head.Add("Vary", "Access-Control-Request-Method")
	head.Add("Vary", "Access-Control-Request-Headers")
	head.Set("Access-Control-Allow-Methods", allow)
	if names := r.Header.Get("Access-Control-Request-Headers"); areHeaders(names) {
		head.Set("Access-Control-Allow-Headers", names)
	}
	head.Set("Access-Control-Max-Age", "600")
	w.WriteHeader(http.StatusNoContent)
	return true
}

// areHeaders tells whether a text is a short list of names of headers.
func areHeaders(text string) bool {
	return text != "" && len(text) <= 1024 && !strings.ContainsFunc(text, func(c rune) bool {
		return !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.ContainsRune("-_, ", c))
	})
}
