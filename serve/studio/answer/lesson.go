package answer

import (
	"context"
	"sync"
	"time"

	"github.com/energo-ml/energo/serve/wire"
	"github.com/energo-ml/energo/train/lesson"
)

// LessonsMost is how many lessons there are at a time: the one that has not been used for the longest gives way to another.
const LessonsMost = 16

// lessons are the surfaces that pages train.
type lessons struct {
	mu   sync.Mutex
	held map[string]*heldLesson
}

// heldLesson is a lesson, which one request at a time turns.
type heldLesson struct {
	turning sync.Mutex
	table   *lesson.Table
	used    time.Time // under the lessons' mu
}

// add keeps a lesson by its identifier.
func (l *lessons) add(id string, b *lesson.Table) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held == nil {
		l.held = map[string]*heldLesson{}
	}
	for len(l.held) >= LessonsMost {
		oldest := ""
		for id, h := range l.held {
			if oldest == "" || h.used.Before(l.held[oldest].used) {
				oldest = id
			}
		}
		delete(l.held, oldest)
	}
	l.held[id] = &heldLesson{table: b, used: time.Now()}
}

// get finds a lesson.
func (l *lessons) get(id string) (*heldLesson, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	h, ok := l.held[id]
	if !ok {
		return nil, wire.Absent("there is no lesson %.40q; it was ended, or %d others have been used since", id, LessonsMost)
	}
	h.used = time.Now()
	return h, nil
}

func (l *lessons) remove(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.held, id)
}

func (*Desk) offered(context.Context, *Request) (any, error) { return lesson.Offered(), nil }

func (d *Desk) newLesson(_ context.Context, r *Request) (any, error) {
	var settings lesson.Settings
	if err := wire.Decode(r.Body, settingsOf(&settings)); err != nil {
		return nil, err
	}
	b, err := lesson.NewTable(settings)
	if err != nil {
		return nil, wire.Invalid("", "%v", err)
	}
	id := d.ID()
	d.lessons.add(id, b)
	return map[string]any{"id": id, "settings": b.Settings()}, nil
}

func (d *Desk) turn(ctx context.Context, r *Request) (any, error) {
	var t lesson.Turn
	if err := wire.Decode(r.Body, turnOf(&t)); err != nil {
		return nil, err
	}
	h, err := d.lessons.get(r.Part)
	if err != nil {
		return nil, err
	}
	if !h.turning.TryLock() {
		return nil, wire.Busy("the lesson is being turned by another request")
	}
	defer h.turning.Unlock()
	a, err := h.table.Turn(ctx, &t)
	if err != nil {
		return nil, wire.Invalid("", "%v", err)
	}
	return a, nil
}

func (d *Desk) endLesson(_ context.Context, r *Request) (any, error) {
	d.lessons.remove(r.Part)
	return map[string]any{}, nil
}

// pointMost is how many points, or chains, a request has.
const pointMost = 10000

// pointOf takes a place of the plane.
func pointOf(p *[2]float64) wire.Reader {
	return func(field string, text []byte) error {
		var both []float64
		if err := wire.Elements(&both, len(p), wire.Number)(field, text); err != nil {
			return err
		}
		if len(both) != len(p) {
			return wire.Malformed(field, "%s has %d numbers; a place has two", field, len(both))
		}
		copy(p[:], both)
		return nil
	}
}

func settingsOf(s *lesson.Settings) wire.Reader {
	return wire.Object(map[string]wire.Reader{
		"set": wire.Text(&s.Set), "points": wire.Elements(&s.Points, pointMost, pointOf), "energy": wire.Text(&s.Energy),
		"functional": wire.Text(&s.Functional), "margin": wire.Number(&s.Margin), "beta": wire.Number(&s.Beta), "ball": wire.Number(&s.Ball),
		"objective": wire.Text(&s.Objective), "rate": wire.Number(&s.Rate), "decay": wire.Number(&s.Decay), "batch": wire.Integer(&s.Batch), "seed": Seed(&s.Seed),
	})
}

func chainsOf(c *lesson.Chains) wire.Reader {
	return wire.Object(map[string]wire.Reader{
		"sampler": wire.Text(&c.Sampler), "size": wire.Number(&c.Size), "beta": wire.Number(&c.Beta), "seed": Seed(&c.Seed),
	})
}

// Seed takes a seed that JSON's readers hold without loss.
func Seed(seed *uint64) wire.Reader {
	return func(field string, text []byte) error {
		n := 0
		if err := wire.Integer(&n)(field, text); err != nil {
			return err
		}
		if n < 0 || n > 1<<53 {
			return wire.Invalid(field, "%s is %d; it must be from 0 to %d", field, n, 1<<53)
		}
		*seed = uint64(n)
		return nil
	}
}

func turnOf(t *lesson.Turn) wire.Reader {
	return wire.Object(map[string]wire.Reader{
		"settings": wire.Optional(&t.Settings, settingsOf), "steps": wire.Integer(&t.Steps), "millis": wire.Integer(&t.Millis), "side": wire.Integer(&t.Side),
		"chains": wire.Optional(&t.Chains, chainsOf), "start": wire.Elements(&t.Start, pointMost, pointOf), "stop": wire.Boolean(&t.Stop), "moves": wire.Integer(&t.Moves),
	})
}
