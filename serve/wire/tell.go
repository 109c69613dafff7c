//go:build !js

package wire

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"strconv"
)

// Of says what a client is told of an error. What is not the client's doing is an internal error, whose words stay
// on this side.
func Of(err error) *Problem {
	p, large := &Problem{}, &http.MaxBytesError{}
	switch {
	case errors.As(err, &p):
		return p
	case errors.As(err, &large):
		return &Problem{Status: http.StatusRequestEntityTooLarge, Code: CodeTooLarge, Detail: fmt.Sprintf("the body has more than %d bytes, which is what is allowed", large.Limit)}
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &Problem{Status: http.StatusRequestTimeout, Code: CodeSlow, Detail: "the request came too slowly"}
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return Unavailable("the server did not get to the request in time")
	}
	return &Problem{Status: http.StatusInternalServerError, Code: CodeInternal, Detail: "the server failed; its log says why"}
}

// problemBody is a problem as RFC 9457 has it. Its type is about:blank: the title is the status's, and code says more.
type problemBody struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	Code   Code   `json:"code"`
	Field  string `json:"field,omitempty"`
}

// problemType is the media type of problems.
const problemType = "application/problem+json"

// Tell answers with a problem.
func (p *Problem) Tell(w http.ResponseWriter) {
	if p.Retry > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(p.Retry))
	}
	body := problemBody{"about:blank", http.StatusText(p.Status), p.Status, p.Detail, p.Code, p.Field}
	if p.More == nil {
		writeJSON(w, p.Status, problemType, body)
		return
	}
	all := map[string]any{"type": body.Type, "title": body.Title, "status": body.Status, "detail": body.Detail, "code": body.Code}
	if p.Field != "" {
		all["field"] = p.Field
	}
	maps.Copy(all, p.More)
	writeJSON(w, p.Status, problemType, all)
}

// WriteJSON answers with a value, which must be one that JSON can have. A client that has gone does not hear it,
// which is no error.
func WriteJSON(w http.ResponseWriter, status int, v any) { writeJSON(w, status, "application/json", v) }

func writeJSON(w http.ResponseWriter, status int, kind string, v any) {
	text := Encode(v)
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(text)
}
