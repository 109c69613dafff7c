package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"time"
)

// ask sends a request and reads the answer, which is JSON, into out.
func (c *Client) ask(ctx context.Context, method, path string, b *body, out any) error {
	answer, err := c.send(ctx, method, path, b)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err == nil {
		err = json.Unmarshal(text, out)
	}
	if err != nil {
		return fmt.Errorf("client: the answer to %s %s cannot be read: %w", method, answer.Request.URL.Path, err)
	}
	return nil
}

// post sends a value as JSON.
func (c *Client) post(ctx context.Context, path string, in, out any) error {
	b, err := jsonBody(in)
	if err != nil {
		return err
	}
	return c.ask(ctx, http.MethodPost, path, &b, out)
}

// change is post for a request that changes something.
func (c *Client) change(ctx context.Context, path string, in, out any) error {
	b, err := jsonBody(in)
	if err != nil {
		return err
	}
	b.change = true
	return c.ask(ctx, http.MethodPost, path, &b, out)
}

// copy sends a request, and writes the answer.
func (c *Client) copy(ctx context.Context, w io.Writer, path string, b *body) error {
	answer, err := c.send(ctx, http.MethodPost, path, b)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if _, err := io.Copy(w, answer.Body); err != nil {
		return fmt.Errorf("client: the answer to POST %s: %w", answer.Request.URL.Path, err)
	}
	return nil
}

// send sends a request until it is done, refused for good, or was tried often enough. A nil body sends none. The path is percent-encoded.
func (c *Client) send(ctx context.Context, method, path string, b *body) (answer *http.Response, err error) {
	err = c.retry(ctx, func() error {
		answer, err = c.once(ctx, method, path, b)
		return err
	})
	return answer, err
}

// retry does something again while it is known not to have been done.
func (c *Client) retry(ctx context.Context, do func() error) error {
	for try := 1; ; try++ {
		err := do()
		if err == nil {
			return nil
		}
		wait, again := c.pause(err, try)
		if !again {
			return err
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return errors.Join(context.Cause(ctx), err)
		}
	}
}

// pause says how long to wait before a request that failed is sent again, if it may be.
func (c *Client) pause(err error, try int) (wait time.Duration, again bool) {
	if try == c.tries || !undone(err) {
		return 0, false
	}
	wait = c.first << min(try-1, 16)
	if p := (*Error)(nil); errors.As(err, &p) {
		if p.RetryAfter > c.wait {
			return 0, false
		}
		wait = max(wait, p.RetryAfter)
	}
	wait += time.Duration(rand.Int64N(int64(wait)/4 + 1)) // clients that were refused together do not come back together
	return min(wait, c.wait), true
}

// undone tells whether a request is known not to have been done: the server said so, or there was no connection to send it on.
func undone(err error) bool {
	if p := (*Error)(nil); errors.As(err, &p) {
		return p.Status == http.StatusTooManyRequests || p.Status == http.StatusServiceUnavailable
	}
	op := (*net.OpError)(nil)
	return errors.As(err, &op) && op.Op == "dial" && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded)
}

// once sends a request. A status other than 2xx is an Error.
func (c *Client) once(ctx context.Context, method, path string, b *body) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, c.base+path, nil)
	if err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	c.sign(r.Header)
	r.Header.Set("Accept", "*/*")
	if b != nil {
		if err := b.put(r); err != nil {
			return nil, err
		}
	}
	answer, err := c.http.Do(r)
	if err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	if answer.StatusCode/100 != 2 {
		defer answer.Body.Close()
		return nil, problemOf(r, answer)
	}
	return answer, nil
}

// sign puts the token into a request's header.
func (c *Client) sign(h http.Header) {
	if c.token != "" {
		h.Set("Authorization", "Bearer "+c.token)
	}
}

// put makes b the body of a request.
func (b *body) put(r *http.Request) error {
	content, err := b.Open()
	if err != nil {
		return err
	}
	r.Body, r.ContentLength, r.GetBody = content, b.Size, func() (io.ReadCloser, error) { return b.Open() }
	if b.Size == 0 { // else it would count as not known
		content.Close()
		r.Body = http.NoBody
	}
	if !b.change { // without a value it is not sent: it has net/http send the request on another connection where the server closed this one meanwhile
		r.Header["Idempotency-Key"] = nil
	}
	r.Header.Set("Content-Type", b.kind)
	for name, value := range b.header {
		r.Header.Set(name, value)
	}
	return nil
}
