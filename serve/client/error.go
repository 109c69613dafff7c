package client

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/energo-ml/energo/internal/excerpt"
)

// Error is what a server says of a request that it did not do.
type Error struct {
	Method, Path string        // of the request
	Status       int           // of HTTP
	Code         string        // the kind of problem, for programs: "invalid", "not_found"; "" where the server does not say
	Field        string        // what of the request is wrong, as "k" or "items[3].vector[7]"; "" is all of it
	Detail       string        // for people
	RetryAfter   time.Duration // after which the same request may succeed; 0 where the server does not say
}

func (e *Error) Error() string {
	return fmt.Sprintf("the server answers %s %s with %d: %s", e.Method, e.Path, e.Status, e.Detail)
}

// maxProblem bounds the bytes of a refusal that are read.
const maxProblem = 1 << 20

// problemOf reads a refusal: application/problem+json (RFC 9457), OpenAI's {"error": {…}}, or the {"error": "…"} of the Open Inference Protocol. Other
// texts, as those of a proxy, are quoted.
func problemOf(r *http.Request, answer *http.Response) *Error {
	e := &Error{Method: r.Method, Path: r.URL.Path, Status: answer.StatusCode, RetryAfter: retryAfter(answer.Header)}
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxProblem))
	var p struct {
		Detail, Code, Field string
		Error               json.RawMessage
	}
	if err == nil && json.Unmarshal(text, &p) == nil {
		e.Detail, e.Code, e.Field = p.Detail, p.Code, p.Field
		var openAI struct{ Message, Param, Code string }
		if json.Unmarshal(p.Error, &openAI) == nil {
			e.Detail, e.Code, e.Field = openAI.Message, openAI.Code, openAI.Param
		} else if json.Unmarshal(p.Error, &e.Detail) != nil && e.Detail == "" {
			e.Detail = excerpt.Of(text)
		}
	} else {
		e.Detail = excerpt.Of(text)
	}
	if e.Detail == "" {
		e.Detail = http.StatusText(e.Status)
	}
	return e
}

// retryAfter is the time that the header Retry-After asks for, in seconds or as a date; 0 where it asks for none.
func retryAfter(h http.Header) time.Duration {
	text := h.Get("Retry-After")
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(time.Until(at), 0)
	}
	return 0
}
