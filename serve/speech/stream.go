package speech

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/coder/websocket"
	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/serve/wire"
)

// Bounds of streams.
const (
	maxMessage  = 256 << 10        // bytes of a message
	maxWaiting  = 1 << 16          // samples that wait to be read; while there are as many, none are received
	maxSettings = 1 << 16          // of one of JSON
	step        = 0.1              // seconds of sound that the network is run on at least, but at the end
	sendTime    = 10 * time.Second // for a client to take a message
)

// rates are those that samples may have, besides the model's own.
var rates = []int{8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 96000}

// streamSettings are what a stream is to be.
type streamSettings struct {
	fields
	decoding
	name    string
	rate    int
	format  string
	silence float64
}

func newStreamSettings() *streamSettings {
	q := &streamSettings{format: formatS16, silence: 0.8}
	q.decoding.delay = 1
	q.known = append([]field{
		{"model", &q.name},
		{"rate", &q.rate},
		{"format", &q.format},
		{"silence", &q.silence},
		{"delay", &q.delay},
	}, q.decoding.fields()...)
	return q
}

// checkStream refuses settings that are out of range or have no effect.
func (s *Service) checkStream(q *streamSettings) error {
	switch {
	case q.present["rate"] && !slices.Contains(rates, q.rate):
		return wire.Invalid("rate", "rate is %d; it must be one of %v, or left out for the model's own", q.rate, rates)
	case q.format != formatS16 && q.format != formatF32:
		return wire.Invalid("format", "format is %q; it must be %s or %s", excerpt.Of(q.format), formatS16, formatF32)
	case !(q.silence >= 0.1 && q.silence <= 60):
		return wire.Invalid("silence", "silence is %v; it must be from 0.1 to 60 seconds", q.silence)
	case !(q.delay >= 0.1 && q.delay <= 30):
		return wire.Invalid("delay", "delay is %v; it must be from 0.1 to 30 seconds", q.delay)
	}
	if err := s.check(&q.decoding, &q.fields); err != nil {
		return err
	}
	return q.refuseVoid(needed{"delay", q.searches(), "the best class of each frame is settled at once; beam, language_model or hot_words ask for a search"})
}

// stream answers sound while it comes.
func (s *Service) stream(w http.ResponseWriter, r *http.Request) error {
	if !upgrades(r) {
		w.Header().Set("Connection", "Upgrade")
		w.Header().Set("Upgrade", "websocket")
		return &wire.Problem{Status: http.StatusUpgradeRequired, Code: wire.CodeMalformed, Detail: "this is a WebSocket, of version 13; the request does not ask for one"}
	}
	q := newStreamSettings()
	params, err := wire.Params(r)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(params)) {
		values := params[name]
		for _, v := range values {
			if err := q.add(name, v, s.o.HotWords); err != nil {
				return err
			}
		}
	}
	var one *session
	if len(params) > 0 { // a problem is an answer of HTTP, as for other requests
		if one, err = s.session(q); err != nil {
			return err
		}
		defer one.held.Done()
	}
	// The frame has checked the origin.
	c, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true, CompressionMode: websocket.CompressionDisabled})
	if err != nil {
		s.server.Log().Debug("no WebSocket", "error", err)
		return nil // it is answered
	}
	defer c.CloseNow()
	s.metrics.streams.Inc()
	defer s.metrics.streams.Dec()
	talk := &talk{c: c, ctx: context.WithoutCancel(r.Context())}
	if one == nil {
		if one, err = s.agreed(r.Context(), talk, q); err != nil {
			talk.fail(s, err)
			return nil
		}
		defer one.held.Done()
	}
	one.talk = talk
	if err := one.run(r.Context()); err != nil {
		talk.fail(s, err)
	}
	return nil
}

// upgrades tells whether a request asks for a WebSocket.
func upgrades(r *http.Request) bool {
	has := func(name, want string) bool {
		for _, v := range r.Header.Values(name) {
			for part := range strings.SplitSeq(v, ",") {
				if strings.EqualFold(strings.TrimSpace(part), want) {
					return true
				}
			}
		}
		return false
	}
	return has("Connection", "Upgrade") && has("Upgrade", "websocket") && has("Sec-WebSocket-Version", "13") && len(r.Header.Values("Sec-WebSocket-Key")) == 1
}

// agreed reads the settings of a stream from its first message.
func (s *Service) agreed(ctx context.Context, t *talk, q *streamSettings) (*session, error) {
	t.c.SetReadLimit(maxSettings)
	patience, done := context.WithTimeout(ctx, s.server.Limits().Read)
	defer done()
	kind, text, err := t.c.Read(patience)
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, wire.Unavailable("the server is being stopped")
	case err != nil:
		return nil, err
	case kind != websocket.MessageText:
		return nil, wire.Malformed("", "the first message is of samples; it must be the settings, a JSON object, unless they are in the address")
	}
	if err := q.object(text, s.o.HotWords); err != nil {
		return nil, err
	}
	return s.session(q)
}

// session prepares a stream. Whoever asks gives the model back.
func (s *Service) session(q *streamSettings) (*session, error) {
	if err := s.checkStream(q); err != nil {
		return nil, err
	}
	held, err := s.take(q.name)
	if err != nil {
		return nil, err
	}
	one := &session{s: s, q: q, held: held}
	if err := one.prepare(); err != nil {
		held.Done()
		return nil, err
	}
	return one, nil
}
