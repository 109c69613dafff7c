package serve

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"

	"github.com/energo-ml/energo/search/index"
)

// problem is what a client is told of a request that was not done.
type problem struct {
	status int
	Code   string `json:"code"`
	// Field is what of the request was wrong, as "k" or "items[3].vector[7]".
	Field   string `json:"field,omitempty"`
	Message string `json:"message"`
	retry   int    // seconds; 0 is not to
}

func (p *problem) Error() string { return p.Message }

// statusGone is for the metrics: the client hung up before there was an answer.
const statusGone = 499

// Codes of problems.
const (
	codeMalformed   = "malformed"          // 400: not what the media type says
	codeForbidden   = "forbidden"          // 403
	codeAbsent      = "not_found"          // 404
	codeMethod      = "method_not_allowed" // 405
	codeSlow        = "request_timeout"    // 408
	codeTooLarge    = "too_large"          // 413
	codeMedia       = "unsupported_media"  // 415
	codeMisdirected = "misdirected"        // 421
	codeInvalid     = "invalid"            // 422: well formed, but not within what is allowed
	codeBusy        = "too_many_requests"  // 429
	codeInternal    = "internal"           // 500
	codeUnavailable = "unavailable"        // 503
)

func malformed(field, format string, args ...any) *problem {
	return &problem{status: http.StatusBadRequest, Code: codeMalformed, Field: field, Message: fmt.Sprintf(format, args...)}
}

func invalid(field, format string, args ...any) *problem {
	return &problem{status: http.StatusUnprocessableEntity, Code: codeInvalid, Field: field, Message: fmt.Sprintf(format, args...)}
}

func absent(format string, args ...any) *problem {
	return &problem{status: http.StatusNotFound, Code: codeAbsent, Message: fmt.Sprintf(format, args...)}
}

func readOnly() *problem {
	return &problem{status: http.StatusForbidden, Code: codeForbidden, Message: "this server only reads"}
}

// within puts the place of a part of a request, unless it is "", before what is wrong in it.
func within(place string, err error) error {
	p := &problem{}
	if place == "" || !errors.As(err, &p) {
		return err
	}
	inner := *p
	inner.Message = place + ": " + p.Message
	inner.Field = place
	if p.Field != "" {
		inner.Field += "." + p.Field
	}
	return &inner
}

// problemOf says what a client is told of an error. What is not the client's doing is an internal
// error, whose words stay on this side.
func problemOf(err error) *problem {
	p, large := &problem{}, &http.MaxBytesError{}
	switch {
	case errors.As(err, &p):
		return p
	case errors.As(err, &large):
		return &problem{status: http.StatusRequestEntityTooLarge, Code: codeTooLarge, Message: fmt.Sprintf("the body has more than %d bytes, which is what is allowed", large.Limit)}
	case errors.Is(err, index.ErrArgument):
		return invalid("", "%v", err)
	case errors.Is(err, index.ErrReadOnly):
		return readOnly()
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &problem{status: http.StatusRequestTimeout, Code: codeSlow, Message: "the request came too slowly"}
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled), errors.Is(err, errClosed), errors.Is(err, index.ErrClosed):
		return &problem{status: http.StatusServiceUnavailable, Code: codeUnavailable, Message: "the server did not get to the request in time", retry: 2}
	}
	return &problem{status: http.StatusInternalServerError, Code: codeInternal, Message: "the server failed; its log says why"}
}

// tell answers with a problem.
func (p *problem) tell(w http.ResponseWriter) {
	if p.retry > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(p.retry))
	}
	writeJSON(w, p.status, struct {
		Error *problem `json:"error"`
	}{p})
}

// writeJSON answers with a value. A client that has gone does not hear it, which is no error.
func writeJSON(w http.ResponseWriter, status int, v any) {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false) // this is never taken for HTML, and would be six times as long
	if err := e.Encode(v); err != nil {
		panic(err) // values of ours: plain structs of finite numbers
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(text.Bytes())
}
