package speech

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/coder/websocket"
	"github.com/energo-ml/energo/seq/audio"
	"github.com/energo-ml/energo/seq/ctc"
	"github.com/energo-ml/energo/seq/read"
	"github.com/energo-ml/energo/serve/shelf"
	"github.com/energo-ml/energo/serve/wire"
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
