package client

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Options of a client. The zero value is one without a token.
type Options struct {
	Token string       // bearer token; "" sends none
	HTTP  *http.Client // nil is http.DefaultClient
	// Retries is how often a request is sent again at most; 0 is 4, and a number below 0 is never.
	Retries int
	// Wait is the longest time between two tries, 0 is 30 s. A server that asks for more gets no second request.
	Wait time.Duration
}

// Client asks one server. Its methods may be used at once.
type Client struct {
	base  string // without a slash at its end
	token string
	http  *http.Client
	tries int
	wait  time.Duration
	first time.Duration // before the second try
}

// New makes a client of the server at an address, such as https://models.example.org or http://127.0.0.1:8080/energo.
// Errors: an address that is not one of http or https, or that has a user, a query or a fragment; a token that a header cannot hold; a Wait below 0.
func New(server string, o Options) (*Client, error) {
	u, err := url.Parse(server)
	switch {
	case err != nil:
		return nil, errors.New("client: the server's address cannot be read; it must be as http://HOST:PORT") // the error may hold a password
	case u.User != nil:
		return nil, errors.New("client: the server's address has a user; a token is an option of its own")
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "":
		return nil, fmt.Errorf("client: the server is %q; it must be as http://HOST:PORT or https://HOST", server)
	case strings.ContainsFunc(o.Token, func(r rune) bool { return r <= ' ' || r > '~' }):
		return nil, errors.New("client: the token has a space, a line's end or a character beyond ASCII")
	case o.Wait < 0:
		return nil, fmt.Errorf("client: Wait is %v; it must be above 0, or 0 for its default", o.Wait)
	}
	return &Client{
		base: strings.TrimRight(u.String(), "/"), token: o.Token,
		http:  cmp.Or(o.HTTP, http.DefaultClient),
		tries: 1 + max(cmp.Or(o.Retries, 4), 0),
		wait:  cmp.Or(o.Wait, 30*time.Second), first: 100 * time.Millisecond,
	}, nil
}
