package speech

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/coder/websocket"
	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/seq/audio"
	"github.com/energo-ml/energo/seq/ctc"
	"github.com/energo-ml/energo/seq/read"
	"github.com/energo-ml/energo/serve/openai"
	"github.com/energo-ml/energo/serve/shelf"
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
	for name, values := range params {
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

// talk is one side of a WebSocket.
type talk struct {
	c   *websocket.Conn
	ctx context.Context // which does not end with the server's, for last words
}

// send sends a message.
func (t *talk) send(v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	ctx, done := context.WithTimeout(t.ctx, sendTime)
	defer done()
	return t.c.Write(ctx, websocket.MessageText, text)
}

// errClient is for a client that has gone, or closed the connection, which is its own business.
var errClient = errors.New("the client has gone")

// codeOf is the close code of a problem.
func codeOf(p *wire.Problem) websocket.StatusCode {
	switch p.Code {
	case codeSamples:
		return websocket.StatusInvalidFramePayloadData
	case wire.CodeInternal:
		return websocket.StatusInternalError
	case wire.CodeUnavailable:
		return websocket.StatusGoingAway
	}
	status := p.Status
	if status == http.StatusUnprocessableEntity {
		status = http.StatusBadRequest
	}
	return websocket.StatusCode(4000 + status)
}

// fail tells the client what went wrong, and closes.
func (t *talk) fail(s *Service, err error) {
	if errors.Is(err, errClient) || websocket.CloseStatus(err) >= 0 || errors.Is(err, websocket.ErrMessageTooBig) { // it is closed
		return
	}
	p := wire.Of(err)
	if p.Code == wire.CodeInternal {
		s.server.Log().Error("a stream failed", "error", err)
	}
	_ = t.send(failure{"error", openai.Of(p)}) // a client that has gone does not hear it
	_ = t.c.Close(codeOf(p), "")
}

// The messages of a stream.
type (
	ready struct {
		Type    string  `json:"type"`
		Model   string  `json:"model"`
		Rate    int     `json:"rate"`
		Format  string  `json:"format"`
		Silence float64 `json:"silence"`
	}
	heard struct {
		Type    string  `json:"type"`
		Segment int     `json:"segment"`
		Time    float64 `json:"time"`
		Settled string  `json:"settled"`
		Words   []word  `json:"words"`
		Open    string  `json:"open"`
	}
	closed struct {
		Type    string  `json:"type"`
		Segment int     `json:"segment"`
		Start   float64 `json:"start"`
		End     float64 `json:"end"`
		Time    float64 `json:"time"`
		Text    string  `json:"text"`
		Settled string  `json:"settled"`
		Words   []word  `json:"words"`
	}
	finished struct {
		Type     string  `json:"type"`
		Segments int     `json:"segments"`
		Time     float64 `json:"time"`
	}
	failure struct {
		Type  string         `json:"type"`
		Error openai.Failure `json:"error"`
	}
)

// session is a stream that is read.
type session struct {
	*talk
	s    *Service
	q    *streamSettings
	held *shelf.Held[*Model]
	live *read.Live
	rate *audio.Resampler

	samples  []float32 // at the model's rate, scratch
	read     int       // samples, at the client's rate
	segments int
	text     strings.Builder // of the segment, settled
	start    float64         // of the segment's first word
	end      float64         // of its last
	last     string          // what was open when it was told last
}

// prepare makes what reads the stream.
func (o *session) prepare() error {
	m := o.held.Model
	t, err := o.s.transcriber(m, &o.q.decoding, true)
	if err != nil {
		return ofSearch(err)
	}
	if o.live, err = t.Live(o.q.silence); err != nil {
		return wire.Invalid("model", "%v", err)
	}
	own := m.about.Reader.Rate()
	if o.q.rate == 0 {
		o.q.rate = own
	}
	o.rate, err = audio.NewResampler(o.q.rate, own)
	return err
}

// time is how much sound has been read, in seconds.
func (o *session) time() float64 { return float64(o.read) / float64(o.q.rate) }

// run reads sound until it ends, the client goes, or the server is stopped.
func (o *session) run(ctx context.Context) error {
	if err := o.send(ready{"ready", o.held.Name(), o.q.rate, o.q.format, o.q.silence}); err != nil {
		return errClient
	}
	in := newInbox(int(step*float64(o.q.rate)), maxWaiting)
	stop := context.AfterFunc(ctx, func() { in.end(errStopped) })
	defer stop()
	defer in.end(errClient)
	go o.receive(in)
	alive, dead := context.WithCancel(o.ctx)
	defer dead()
	go o.ping(alive)
	for {
		samples, came, why := in.take()
		if len(samples) > 0 {
			o.s.metrics.behind.Observe(time.Since(came).Seconds())
			if o.read += len(samples); o.time() > o.s.o.StreamSeconds {
				why = tooLong("", "the stream has more than %v seconds of sound, which is what is allowed", o.s.o.StreamSeconds)
			}
			if err := o.hear(samples); err != nil {
				return err
			}
		}
		if why == nil {
			continue
		}
		if !errors.Is(why, errEnd) && !errors.Is(why, errStopped) {
			return why
		}
		if err := o.finish(); err != nil {
			return err
		}
		code := websocket.StatusNormalClosure
		if errors.Is(why, errStopped) {
			code = websocket.StatusGoingAway
		}
		_ = o.c.Close(code, "")
		return nil
	}
}

// hear reads samples, and tells what they say.
func (o *session) hear(samples []float32) error {
	o.samples = o.rate.Append(o.samples[:0], samples)
	all, err := o.push(func() ([]read.Segment, error) { return o.live.Push(o.samples) })
	if err != nil {
		return err
	}
	return o.tell(all)
}

// push has a network run on the stream.
func (o *session) push(do func() ([]read.Segment, error)) ([]read.Segment, error) {
	m := o.held.Model
	e, err := m.take(o.ctx)
	if err != nil {
		return nil, err
	}
	defer m.give(e)
	defer o.s.metrics.ran(kindStream, time.Duration(float64(time.Second)*float64(len(o.samples))/float64(m.about.Reader.Rate())))()
	o.live.On(e)
	return do()
}

// finish reads what is left, and tells that all is read.
func (o *session) finish() error {
	o.samples = o.rate.Finish(o.samples[:0])
	all, err := o.push(func() ([]read.Segment, error) {
		closed, err := o.live.Push(o.samples)
		if err != nil {
			return nil, err
		}
		o.samples = o.samples[:0]
		last, err := o.live.Finish()
		return append(closed, last...), err
	})
	if err != nil {
		return err
	}
	for _, s := range all {
		if err := o.close(s); err != nil {
			return err
		}
	}
	if err := o.send(finished{"done", o.segments, o.time()}); err != nil {
		return errClient
	}
	return nil
}

// tell sends the segments that were closed, and what is new in the one that is open.
func (o *session) tell(all []read.Segment) error {
	for _, s := range all {
		if err := o.close(s); err != nil {
			return err
		}
	}
	words := o.live.Words()
	open, err := o.live.Open()
	if err != nil && !errors.Is(err, ctc.ErrNoHypothesis) {
		return err
	}
	settled := o.settle(words)
	rest := o.after(open)
	if settled == "" && rest == o.last {
		return nil
	}
	o.last = rest
	if err := o.send(heard{"text", o.segments, o.time(), settled, wordsOf(words), rest}); err != nil {
		return errClient
	}
	return nil
}

// after is the text of words behind what is settled.
func (o *session) after(words []ctc.Timed) string {
	text := ctc.JoinWords(words)
	if text == "" || o.text.Len() == 0 || words[0].Joined {
		return text
	}
	return " " + text
}

// settle adds words to the text of the segment, and returns their part of it.
func (o *session) settle(words []ctc.Timed) string {
	if len(words) > 0 {
		if o.text.Len() == 0 {
			o.start = words[0].Start
		}
		o.end = words[len(words)-1].End
	}
	settled := o.after(words)
	o.text.WriteString(settled)
	return settled
}

// close tells a segment that was closed, unless it says nothing.
func (o *session) close(s read.Segment) error {
	settled := o.settle(s.Rest)
	if o.text.Len() == 0 {
		return nil
	}
	err := o.send(closed{"segment", o.segments, o.start, o.end, o.time(), o.text.String(), settled, wordsOf(s.Rest)})
	o.segments++
	o.text.Reset()
	o.last = ""
	if err != nil {
		return errClient
	}
	return nil
}
