package speech

import (
	"context"
	"encoding/binary"
	"errors"
	"math"
	"net/http"
	"sync"
	"time"

	"github.com/coder/websocket"
	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/serve/wire"
)

// The formats of samples, little-endian.
const (
	formatS16 = "s16le"
	formatF32 = "f32le"
)

// Why a stream ends.
var (
	errEnd     = errors.New("the client has sent all")
	errStopped = errors.New("the server is being stopped")
)

// codeSamples is the kind of problem of samples that are not of their format.
const codeSamples wire.Code = "invalid_samples"

func badSamples(format string, args ...any) error {
	p := wire.Malformed("", format, args...)
	p.Code = codeSamples
	return p
}

// samplesOf reads the samples of a message.
func samplesOf(dst []float32, format string, b []byte) ([]float32, error) {
	if format == formatS16 {
		if len(b)%2 != 0 {
			return dst, badSamples("a message of samples has %d bytes; it must be a multiple of 2", len(b))
		}
		for i := 0; i < len(b); i += 2 {
			dst = append(dst, float32(int16(binary.LittleEndian.Uint16(b[i:])))/(1<<15))
		}
		return dst, nil
	}
	if len(b)%4 != 0 {
		return dst, badSamples("a message of samples has %d bytes; it must be a multiple of 4", len(b))
	}
	for i := 0; i < len(b); i += 4 {
		v := math.Float32frombits(binary.LittleEndian.Uint32(b[i:]))
		if v-v != 0 {
			return dst, badSamples("sample %d of a message is %v; it must be finite", i/4, v)
		}
		dst = append(dst, v)
	}
	return dst, nil
}

// inbox holds the samples that have come and are not read yet. Where there are too many, whoever adds waits.
type inbox struct {
	least, most int // samples that are taken, but at the end; and that are held

	mu      sync.Mutex
	changed sync.Cond
	samples []float32
	spare   []float32 // the memory of those taken last
	came    time.Time // the first of them
	why     error     // no more will come
}

func newInbox(least, most int) *inbox {
	b := &inbox{least: max(least, 1), most: most}
	b.changed.L = &b.mu
	return b
}

// add adds samples of a message, once there is room; ok is false once the inbox has ended.
func (b *inbox) add(format string, message []byte) (ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for len(b.samples) >= b.most && b.why == nil {
		b.changed.Wait()
	}
	if b.why != nil {
		return false
	}
	if len(b.samples) == 0 {
		b.came = time.Now()
	}
	var err error
	if b.samples, err = samplesOf(b.samples, format, message); err != nil {
		b.why = err
	}
	b.changed.Broadcast()
	return err == nil
}

// end says that no more will come, and why; what was said first stays.
func (b *inbox) end(why error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.why == nil {
		b.why = why
	}
	b.changed.Broadcast()
}

// take waits for enough samples, or the end, and takes all there are. They are good until the next call.
func (b *inbox) take() (samples []float32, came time.Time, why error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for len(b.samples) < b.least && b.why == nil {
		b.changed.Wait()
	}
	samples, came = b.samples, b.came
	b.samples, b.spare = b.spare[:0], b.samples
	b.changed.Broadcast()
	return samples, came, b.why
}

// receive puts what the client sends into the inbox, until it ends.
func (o *session) receive(in *inbox) {
	o.c.SetReadLimit(maxMessage)
	idle := o.s.server.Limits().Idle
	late := time.AfterFunc(idle, func() {
		in.end(&wire.Problem{Status: http.StatusRequestTimeout, Code: wire.CodeSlow, Detail: "nothing has come for " + idle.String()})
	})
	defer late.Stop()
	for {
		kind, message, err := o.c.Read(o.ctx)
		if err != nil {
			in.end(errClient)
			return
		}
		late.Stop()
		if kind == websocket.MessageText {
			in.end(control(message))
			continue // so that pings, and the client's closing, are heard
		}
		if !in.add(o.q.format, message) {
			continue
		}
		late.Reset(idle)
	}
}

// control is why a stream ends by a message of text.
func control(message []byte) error {
	if len(message) > maxSettings {
		return wire.Malformed("", "a message of text has %d bytes; at most %d are allowed", len(message), maxSettings)
	}
	kind := ""
	if err := wire.Decode(message, wire.Object(map[string]wire.Reader{"type": wire.Text(&kind)})); err != nil {
		return err
	}
	if kind != "end" {
		return wire.Invalid("type", "the type of a message is %q; it must be end", excerpt.Of(kind))
	}
	return errEnd
}

// ping has proxies keep a connection over which nothing is sent.
func (o *session) ping(alive context.Context) {
	tick := time.NewTicker(o.s.server.Limits().Ping)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-alive.Done():
			return
		}
		ctx, done := context.WithTimeout(alive, sendTime)
		_ = o.c.Ping(ctx) // the reader notices a client that has gone
		done()
	}
}
