package wire

import (
	"errors"
	"fmt"
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
	return &Problem{Status: 400, Code: CodeMalformed, Field: field, Detail: fmt.Sprintf(format, args...)}
}

// Invalid is a request that is well formed, but not within what is allowed.
func Invalid(field, format string, args ...any) *Problem {
	return &Problem{Status: 422, Code: CodeInvalid, Field: field, Detail: fmt.Sprintf(format, args...)}
}

// Absent is a request for what is not there.
func Absent(format string, args ...any) *Problem {
	return &Problem{Status: 404, Code: CodeAbsent, Detail: fmt.Sprintf(format, args...)}
}

// Forbidden is a request that this server does not do.
func Forbidden(format string, args ...any) *Problem {
	return &Problem{Status: 403, Code: CodeForbidden, Detail: fmt.Sprintf(format, args...)}
}

// Busy is a request that may be sent again in a second.
func Busy(why string) *Problem {
	return &Problem{Status: 429, Code: CodeBusy, Detail: why, Retry: 1}
}

// Unavailable is a request that may be sent again when the server is ready.
func Unavailable(why string) *Problem {
	return &Problem{Status: 503, Code: CodeUnavailable, Detail: why, Retry: 2}
}

// Warming is a request for a model that is not ready yet.
func Warming(why string) *Problem {
	return &Problem{Status: 503, Code: CodeWarming, Detail: why, Retry: 2}
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
