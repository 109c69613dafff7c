package studio

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/energo-ml/energo/serve"
	"github.com/energo-ml/energo/serve/openapi"
	"github.com/energo-ml/energo/serve/wire"
	"github.com/energo-ml/energo/train/lesson"
)

// lessonMost is how many lessons there are at a time: the one that has not been used for the longest gives way to another.
const lessonMost = 16

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

// add keeps a lesson, and returns its identifier.
func (l *lessons) add(b *lesson.Table) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held == nil {
		l.held = map[string]*heldLesson{}
	}
	for len(l.held) >= lessonMost {
		oldest := ""
		for id, h := range l.held {
			if oldest == "" || h.used.Before(l.held[oldest].used) {
				oldest = id
			}
		}
		delete(l.held, oldest)
	}
	id := rand.Text()
	l.held[id] = &heldLesson{table: b, used: time.Now()}
	return id
}

// get finds a lesson.
func (l *lessons) get(id string) (*heldLesson, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	h, ok := l.held[id]
	if !ok {
		return nil, wire.Absent("there is no lesson %.40q; it was ended, or %d others have been used since", id, lessonMost)
	}
	h.used = time.Now()
	return h, nil
}

func (l *lessons) remove(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.held, id)
}

// lesson are the routes of the view that trains.
func (s *service) lesson() []serve.Route {
	object := openapi.Content{"application/json": {"type": "object"}}
	id := []openapi.Parameter{{Name: "id", In: "path", Description: "The lesson's.", Schema: openapi.Text()}}
	answer := func(text string) map[int]openapi.Answer {
		return map[int]openapi.Answer{200: {Description: text, Content: object}}
	}
	return []serve.Route{
		{Pattern: "GET /v1/studio/lessons", Do: s.offered, Doc: openapi.Operation{
			ID: "lessonChoices", Summary: "What lessons can be", Answers: answer("Sets, energies, functionals, objectives, samplers and their defaults."),
		}},
		{Pattern: "POST /v1/studio/lessons", Do: s.newLesson, Doc: openapi.Operation{
			ID: "newLesson", Summary: "A surface to be trained", Body: object, Answers: answer("Its identifier."),
			Description: fmt.Sprintf("At most %d are kept: another then ends the one that has not been used for the longest.", lessonMost),
		}},
		{Pattern: "POST /v1/studio/lessons/{id}", Do: s.turn, Doc: openapi.Operation{
			ID: "turnLesson", Summary: "Change settings, train, move chains, and look", Parameters: id, Body: object,
			Answers: answer("Where training and chains are, and the surface where it was asked for."), Refusals: []int{404},
		}},
		{Pattern: "DELETE /v1/studio/lessons/{id}", Do: s.endLesson, Doc: openapi.Operation{
			ID: "endLesson", Summary: "End a lesson", Parameters: id, Answers: answer("It is ended, or was."),
		}},
	}
}

func (s *service) offered(w http.ResponseWriter, _ *http.Request) error {
	wire.WriteJSON(w, http.StatusOK, lesson.Offered())
	return nil
}

// read reads a JSON body.
func read(r *http.Request, into wire.Reader) error {
	b, err := wire.Read(r)
	if err != nil {
		return err
	}
	if b.JSON == nil {
		return wire.Media("the content type is %.80q; it must be application/json", r.Header.Get("Content-Type"))
	}
	return wire.Decode(b.JSON, into)
}

func (s *service) newLesson(w http.ResponseWriter, r *http.Request) error {
	var settings lesson.Settings
	if err := read(r, settingsOf(&settings)); err != nil {
		return err
	}
	b, err := lesson.NewTable(settings)
	if err != nil {
		return wire.Invalid("", "%v", err)
	}
	wire.WriteJSON(w, http.StatusOK, map[string]any{"id": s.lessons.add(b), "settings": b.Settings()})
	return nil
}

func (s *service) turn(w http.ResponseWriter, r *http.Request) error {
	var t lesson.Turn
	if err := read(r, turnOf(&t)); err != nil {
		return err
	}
	h, err := s.lessons.get(r.PathValue("id"))
	if err != nil {
		return err
	}
	if !h.turning.TryLock() {
		return wire.Busy("the lesson is being turned by another request")
	}
	defer h.turning.Unlock()
	a, err := h.table.Turn(r.Context(), &t)
	if err != nil {
		return wire.Invalid("", "%v", err)
	}
	wire.WriteJSON(w, http.StatusOK, a)
	return nil
}

func (s *service) endLesson(w http.ResponseWriter, r *http.Request) error {
	s.lessons.remove(r.PathValue("id"))
	wire.WriteJSON(w, http.StatusOK, map[string]any{})
	return nil
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
		"objective": wire.Text(&s.Objective), "rate": wire.Number(&s.Rate), "decay": wire.Number(&s.Decay), "batch": wire.Integer(&s.Batch), "seed": seedOf(&s.Seed),
	})
}

func chainsOf(c *lesson.Chains) wire.Reader {
	return wire.Object(map[string]wire.Reader{
		"sampler": wire.Text(&c.Sampler), "size": wire.Number(&c.Size), "beta": wire.Number(&c.Beta), "seed": seedOf(&c.Seed),
	})
}

// seedOf takes a seed that JSON's readers hold without loss.
func seedOf(seed *uint64) wire.Reader {
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
