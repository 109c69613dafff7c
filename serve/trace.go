package serve

import (
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"strings"
)

// Trace is the place of a request in a trace of several systems, as W3C's Trace Context has it.
type Trace struct {
	ID     string // 32 hexadecimal digits; empty where the client sent none
	Parent string // 16, what the client was doing
	Span   string // 16, what this server does for the request
	Flags  string // 2: 01 where the client records the trace
	State  string // of the systems on the way, as it was sent
}

// Traceparent is what stands in the traceparent header of requests that this server sends for this one; empty without a trace.
func (t Trace) Traceparent() string {
	if t.ID == "" {
		return ""
	}
	return "00-" + t.ID + "-" + t.Span + "-" + t.Flags
}

const (
	traceSize = len("00-") + 32 + len("-") + 16 + len("-00")
	// maxTrace is how many bytes are read of a traceparent of a later version, which may have more behind, and of a state.
	maxTrace = 512
)

// traceOf reads the trace of a request's headers. One that is not as it should be is not taken.
func traceOf(head http.Header) (t Trace) {
	sent := head.Values("Traceparent")
	if len(sent) != 1 || len(sent[0]) < traceSize || len(sent[0]) > maxTrace {
		return t
	}
	text := sent[0]
	version, id, parent, flags, rest := text[:2], text[3:35], text[36:52], text[53:55], text[55:]
	switch {
	case text[2] != '-' || text[35] != '-' || text[52] != '-':
	case !isHex(version) || !isHex(id) || !isHex(parent) || !isHex(flags):
	case version == "ff" || version == "00" && rest != "" || rest != "" && rest[0] != '-':
	case strings.Trim(id, "0") == "" || strings.Trim(parent, "0") == "":
	default:
		t = Trace{ID: id, Parent: parent, Span: randomHex(8), Flags: recorded(flags)}
		if state := strings.Join(head.Values("Tracestate"), ","); len(state) <= maxTrace && isPrintable(state) {
			t.State = state
		}
	}
	return t
}

// recorded leaves of flags the one that version 00 has.
func recorded(flags string) string {
	b, _ := hex.DecodeString(flags)
	return hex.EncodeToString([]byte{b[0] & 1})
}

func isHex(text string) bool {
	return !strings.ContainsFunc(text, func(c rune) bool { return !('0' <= c && c <= '9' || 'a' <= c && c <= 'f') })
}

func isPrintable(text string) bool {
	return !strings.ContainsFunc(text, func(c rune) bool { return c < ' ' || c > '~' })
}

// randomHex is a number of n bytes.
func randomHex(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // which never fails
	return hex.EncodeToString(b)
}
