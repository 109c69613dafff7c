package weaviate

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// Bounds of a request.
const (
	attempts    = 6
	firstPause  = 100 * time.Millisecond // it doubles
	longestWait = 10 * time.Second       // of those a server may ask for
	oneAttempt  = 60 * time.Second
	maxResponse = 256 << 20 // bytes
)

// keyVariable is the environment variable of the key.
const keyVariable = "WEAVIATE_API_KEY"

// client sends requests to the nodes of a cluster.
type client struct {
	hosts []string
	first atomic.Uint32 // place of the host that is asked first: one that answered
	key   string
	http  *http.Client
	pause time.Duration // before the second round of the hosts
}

func newClient(a *location) *client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = searchesAtOnce
	return &client{
		hosts: a.hosts, key: os.Getenv(keyVariable), pause: firstPause,
		http: &http.Client{
			Transport: transport,
			// The key would go with them.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// statusError is an answer of a server that refuses.
type statusError struct {
	code    int
	after   time.Duration // that the server asks to wait
	message string
}

func (e *statusError) Error() string {
	return fmt.Sprintf("weaviate: the server answers %d %s: %s", e.code, http.StatusText(e.code), e.message)
}

func isStatus(err error, code int) bool {
	s := (*statusError)(nil)
	return errors.As(err, &s) && s.code == code
}

// passing tells whether an error may be gone at the next attempt.
func passing(err error) bool {
	if s := (*statusError)(nil); errors.As(err, &s) {
		return s.code == http.StatusTooManyRequests || s.code >= 500
	}
	return !errors.Is(err, errTooLong) && !errors.Is(err, context.DeadlineExceeded) // the server is still at it
}

// do sends a request that may be sent again, up to six times: to the next host where one does not
// answer, refuses for now (429) or fails (5xx), and after a pause once all have been asked.
func (c *client) do(ctx context.Context, method, path string, header http.Header, body []byte) ([]byte, error) {
	pause := c.pause
	for i := 0; ; i++ {
		first := c.first.Load()
		out, err := c.send(ctx, c.hosts[int(first)%len(c.hosts)], method, path, header, body)
		if err == nil || ctx.Err() != nil || !passing(err) {
			return out, err
		}
		if i+1 == attempts {
			return nil, fmt.Errorf("%w (%d attempts)", err, attempts)
		}
		c.first.CompareAndSwap(first, (first+1)%uint32(len(c.hosts)))
		if (i+1)%len(c.hosts) != 0 {
			continue
		}
		wait := pause
		if s := (*statusError)(nil); errors.As(err, &s) {
			wait = max(wait, s.after)
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("weaviate: %w; before, %w", ctx.Err(), err)
		case <-time.After(wait):
		}
		pause *= 2
	}
}

// once sends a request that must not be sent twice.
func (c *client) once(ctx context.Context, method, path string, header http.Header, body []byte) ([]byte, error) {
	return c.send(ctx, c.hosts[int(c.first.Load())%len(c.hosts)], method, path, header, body)
}

// send is one attempt.
func (c *client) send(ctx context.Context, host, method, path string, header http.Header, body []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, oneAttempt)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, host+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("weaviate: %w", err)
	}
	for name, values := range header {
		req.Header[name] = values
	}
	req.Header.Set("Content-Type", "application/json")
	if c.key != "" {
		req.Header.Set("Authorization", "Bearer "+c.key)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("weaviate: %w", err)
	}
	defer resp.Body.Close()
	out, err := readBody(resp.Body, maxResponse)
	if err != nil {
		return nil, fmt.Errorf("weaviate: %s: %w", host, err)
	}
	if resp.StatusCode/100 != 2 {
		return nil, &statusError{resp.StatusCode, retryAfter(resp.Header), c.hide(message(out))}
	}
	return out, nil
}

var errTooLong = errors.New("the answer is too long")

// readBody reads an answer of at most limit bytes.
func readBody(r io.Reader, limit int64) ([]byte, error) {
	out, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(out)) > limit {
		err = fmt.Errorf("%w: more than %d MiB", errTooLong, limit>>20)
	}
	return out, err
}

// retryAfter is how long a server asks to wait, within reason.
func retryAfter(h http.Header) time.Duration {
	seconds, err := strconv.Atoi(h.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return 0
	}
	return min(time.Duration(min(seconds, 3600))*time.Second, longestWait)
}

// hide takes the key out of what a server says.
func (c *client) hide(s string) string {
	if c.key == "" {
		return s
	}
	return strings.ReplaceAll(s, c.key, "…")
}

// serverErrors is how Weaviate says what is wrong.
type serverErrors struct {
	Error   []serverError `json:"error"`
	Message string        `json:"message"`
}

type serverError struct {
	Message string `json:"message"`
}

// message finds a server's words in an answer that may be anything.
func message(body []byte) string {
	var e serverErrors
	if json.Unmarshal(body, &e) == nil {
		if s := cmp.Or(joined(e.Error), e.Message); s != "" {
			return s
		}
	}
	const most = 300
	if len(body) > most {
		body = append(body[:most:most], "…"...)
	}
	return strings.ToValidUTF8(strings.TrimSpace(string(body)), "")
}

func joined(errs []serverError) string {
	var all []string
	for _, e := range errs {
		all = append(all, e.Message)
	}
	return strings.Join(all, "; ")
}

// graphQL asks a question and decodes the data of the answer into out.
func (c *client) graphQL(ctx context.Context, question string, out any) error {
	body, err := json.Marshal(struct {
		Query string `json:"query"`
	}{question})
	if err != nil {
		return fmt.Errorf("weaviate: %w", err)
	}
	answer, err := c.do(ctx, http.MethodPost, "/v1/graphql", nil, body)
	if err != nil {
		return err
	}
	var result struct {
		Data   json.RawMessage `json:"data"`
		Errors []serverError   `json:"errors"`
	}
	if err := json.Unmarshal(answer, &result); err != nil {
		return fmt.Errorf("weaviate: the server's answer: %w", err)
	}
	if len(result.Errors) > 0 {
		return fmt.Errorf("weaviate: the server says: %s", c.hide(joined(result.Errors)))
	}
	if err := json.Unmarshal(result.Data, out); err != nil {
		return fmt.Errorf("weaviate: the server's answer: %w", err)
	}
	return nil
}
