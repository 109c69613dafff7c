package wire

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"strconv"
)

// Problem is what a client is told of a request that was not done, in the form of RFC 9457.
type Problem struct {
	Status int    // of HTTP
	Code   Code   // the kind of problem, for programs
	Field  string // what of the request was wrong, as "k" or "items[3].vector[7]"; "" is all of it
	Detail string // for people
	Retry  int    // seconds after which the same request may succeed; 0 is not to send it again
	// More are further members of the answer, which RFC 9457 allows, by names that the problem does not have itself; nil for most.
	More map[string]any
}

func (p *Problem) Error() string { return p.Detail }

// Code is a kind of problem.
type Code string

// The codes, and the status that each comes with.
const (
	CodeMalformed    Code = "malformed"            // 400: not what the media type says
	CodeUnauthorized Code = "unauthorized"         // 401: no token, or one that is not known
	CodeForbidden    Code = "forbidden"            // 403
	CodeScope        Code = "insufficient_scope"   // 403: not with this token
	CodeAbsent       Code = "not_found"            // 404
	CodeMethod       Code = "method_not_allowed"   // 405
	CodeSlow         Code = "request_timeout"      // 408
	CodeTooLarge     Code = "too_large"            // 413
	CodeMedia        Code = "unsupported_media"    // 415
	CodeMisdirected  Code = "misdirected"          // 421
	CodeInvalid      Code = "invalid"              // 422: well formed, but not within what is allowed
	CodeBusy         Code = "too_many_requests"    // 429
	CodeInternal     Code = "internal"             // 500
	CodeUnavailable  Code = "unavailable"          // 503
	CodeWarming      Code = "warming_up"           // 503: the model will be ready by itself
	CodeFull         Code = "insufficient_storage" // 507
)

// Malformed is a request that is not what its media type says.
func Malformed(field, format string, args ...any) *Problem {
	return &Problem{Status: http.StatusBadRequest, Code: CodeMalformed, Field: field, Detail: fmt.Sprintf(format, args...)}
}

// Invalid is a request that is well formed, but not within what is allowed.
func Invalid(field, format string, args ...any) *Problem {
	return &Problem{Status: http.StatusUnprocessableEntity, Code: CodeInvalid, Field: field, Detail: fmt.Sprintf(format, args...)}
}

// Absent is a request for what is not there.
func Absent(format string, args ...any) *Problem {
	return &Problem{Status: http.StatusNotFound, Code: CodeAbsent, Detail: fmt.Sprintf(format, args...)}
}

// Forbidden is a request that this server does not do.
func Forbidden(format string, args ...any) *Problem {
	return &Problem{Status: http.StatusForbidden, Code: CodeForbidden, Detail: fmt.Sprintf(format, args...)}
}

// Busy is a request that may be sent again in a second.
func Busy(why string) *Problem {
	return &Problem{Status: http.StatusTooManyRequests, Code: CodeBusy, Detail: why, Retry: 1}
}

// Unavailable is a request that may be sent again when the server is ready.
func Unavailable(why string) *Problem {
	return &Problem{Status: http.StatusServiceUnavailable, Code: CodeUnavailable, Detail: why, Retry: 2}
}

// Warming is a request for a model that is not ready yet.
func Warming(why string) *Problem {
	return &Problem{Status: http.StatusServiceUnavailable, Code: CodeWarming, Detail: why, Retry: 2}
}

// Within puts the place of a part of a request, unless it is "", before what is wrong in it.
func Within(place string, err error) error {
	p := &Problem{}
	if place == "" || !errors.As(err, &p) {
		return err
	}
	inner := *p
	inner.Detail = place + ": " + p.Detail
	inner.Field = place
	if p.Field != "" {
		inner.Field += "." + p.Field
	}
	return &inner
}

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
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false) // this is never taken for HTML, and would be six times as long
	if err := e.Encode(v); err != nil {
		panic(err) // values of ours: plain structs of finite numbers
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(text.Bytes())
}
