package studio

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/jobs"
	"github.com/energo-ml/energo/serve"
	"github.com/energo-ml/energo/serve/studio/answer"
	"github.com/energo-ml/energo/serve/wire"
)

// Bounds of chains.
const (
	chainsHeld   = 8       // sets of chains at a time: that which has not been used for the longest gives way to another
	chainsMost   = 64      // of a set
	chainPixels  = 1 << 20 // of a set's pictures together
	chainSteps   = 1000000 // that chains make
	frameSteps   = 1000    // between two frames
	frameEvery   = time.Second / 30
	movingWait   = 2 * time.Second
	paceMost     = 100 // times training's
	labelsSummed = -1
)

// chains are those that pages have begun.
type chains struct {
	mu   sync.Mutex
	held map[string]*heldChains
}

// heldChains are chains of a run, which one answer at a time moves.
type heldChains struct {
	moving chan struct{} // one for the answer that moves them
	model  *model[*jobs.PictureEnergy]
	it     *jobs.PictureChains
	used   time.Time // under the chains' mu

	mu   sync.Mutex
	pace pace
}

// pace is how chains move.
type pace struct{ times, temperature float64 }

// check refuses a pace for an energy.
func (p pace) check(e *jobs.PictureEnergy) error {
	switch {
	case !(p.times > 0 && p.times <= paceMost):
		return wire.Invalid("step", "step is %v; it must be above 0 and at most %d times that of training", p.times, paceMost)
	case e.Binary && p.times != 1:
		return wire.Invalid("step", "step is %v, and has no effect: the run's chains move by Gibbs sweeps", p.times)
	case !(p.temperature >= 0 && p.temperature <= paceMost):
		return wire.Invalid("temperature", "temperature is %v; it must be from 0 to %d", p.temperature, paceMost)
	case e.Binary && p.temperature < 0.01:
		return wire.Invalid("temperature", "temperature is %v; Gibbs sweeps need one from 0.01", p.temperature)
	}
	return nil
}

// paceOf are the readers of a pace.
func paceOf(p *pace, more map[string]wire.Reader) wire.Reader {
	p.times, p.temperature = 1, 1
	known := map[string]wire.Reader{"step": wire.Number(&p.times), "temperature": wire.Number(&p.temperature)}
	maps.Copy(known, more)
	return wire.Object(known)
}

// add keeps chains, and returns their identifier.
func (c *chains) add(h *heldChains) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held == nil {
		c.held = map[string]*heldChains{}
	}
	for len(c.held) >= chainsHeld {
		oldest := ""
		for id, other := range c.held {
			if oldest == "" || other.used.Before(c.held[oldest].used) {
				oldest = id
			}
		}
		delete(c.held, oldest)
	}
	id := rand.Text()
	h.used = time.Now()
	c.held[id] = h
	return id
}

func (c *chains) get(id string) (*heldChains, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	h, ok := c.held[id]
	if !ok {
		return nil, wire.Absent("there are no chains %.40q; they were ended, or %d others have been used since", id, chainsHeld)
	}
	h.used = time.Now()
	return h, nil
}

func (c *chains) remove(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.held, id)
}

func (s *service) newChains(w http.ResponseWriter, r *http.Request) error {
	var name string
	var file []byte
	var seed uint64
	var how pace
	n, label := 1, labelsSummed
	err := read(r, paceOf(&how, map[string]wire.Reader{
		"run": wire.Text(&name), "image": wire.Picture(&file), "label": wire.Integer(&label), "chains": wire.Integer(&n), "seed": answer.Seed(&seed),
	}))
	if err != nil {
		return err
	}
	dir, d, err := s.drawableAt("run", name)
	if err != nil {
		return err
	}
	if !d.Draws {
		return wire.Invalid("run", "run is %q, a run of %s; no chains move down the energy of another system's network", name, d.Job)
	}
	m, err := s.drawing.energies.get(r.Context(), dir)
	if err != nil {
		return opened(r.Context(), "run", err)
	}
	m.using.Lock()
	defer m.using.Unlock()
	e := m.it
	if n < 1 || n > chainsMost || n*e.W*e.H > chainPixels {
		return wire.Invalid("chains", "chains is %d; it must be from 1 to %d", n, min(chainsMost, max(1, chainPixels/(e.W*e.H))))
	}
	if label < labelsSummed || label >= len(e.Labels) {
		return wire.Invalid("label", "label is %d; it must be from %d to %d", label, labelsSummed, len(e.Labels)-1)
	}
	if err := how.check(e); err != nil {
		return err
	}
	h := &heldChains{moving: make(chan struct{}, 1), model: m, pace: how}
	var start []float32
	if file != nil {
		if start, err = s.pixels(r.Context(), e, file); err != nil {
			return err
		}
	}
	if h.it, err = e.Chains(n, start, label, seed); err != nil {
		return wire.Invalid("run", "chains cannot begin: %v", err)
	}
	wire.WriteJSON(w, http.StatusOK, map[string]any{
		"id": s.drawing.chains.add(h), "width": e.W, "height": e.H, "labels": e.Labels, "binary": e.Binary, "classifier": e.Classifier, "frame": h.frame(0),
	})
	return nil
}

func (s *service) changeChains(w http.ResponseWriter, r *http.Request) error {
	var how pace
	if err := read(r, paceOf(&how, nil)); err != nil {
		return err
	}
	h, err := s.drawing.chains.get(r.PathValue("id"))
	if err != nil {
		return err
	}
	if err := how.check(h.model.it); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.pace = how
	wire.WriteJSON(w, http.StatusOK, map[string]any{})
	return nil
}

func (s *service) endChains(w http.ResponseWriter, r *http.Request) error {
	s.drawing.chains.remove(r.PathValue("id"))
	wire.WriteJSON(w, http.StatusOK, map[string]any{})
	return nil
}

// frame is what chains have come to.
type frame struct {
	Step     int              `json:"step"`
	Energies []measure.Number `json:"energies"`
	Pictures []byte           `json:"pictures"`         // [chains, height, width]
	Stayed   int              `json:"stayed,omitempty"` // chains where something was not finite
}

func (h *heldChains) frame(stayed int) frame {
	f := frame{Step: h.it.Steps, Pictures: bytesOf(h.it.Pictures), Stayed: stayed}
	for _, e := range h.it.Energies {
		f.Energies = append(f.Energies, measure.Number(e))
	}
	return f
}

// move moves the chains on by a frame.
func (h *heldChains) move(ctx context.Context, steps int) (frame, error) {
	h.mu.Lock()
	how := h.pace
	h.mu.Unlock()
	h.model.using.Lock()
	defer h.model.using.Unlock()
	stayed, err := h.it.Move(ctx, steps, how.times, how.temperature)
	return h.frame(stayed), err
}

// within reads a parameter that is an integer from 1 to most.
func within(params url.Values, name string, most int) (int, error) {
	n, err := strconv.Atoi(params.Get(name))
	if err != nil || n < 1 || n > most {
		return 0, wire.Invalid(name, "%s is %q; it must be from 1 to %d", name, params.Get(name), most)
	}
	return n, nil
}

func (s *service) chainFrames(w http.ResponseWriter, r *http.Request) error {
	params, err := wire.Params(r)
	if err == nil {
		err = wire.Known(params, []string{"until", "every"}, nil)
	}
	if err != nil {
		return err
	}
	until, err := within(params, "until", chainSteps)
	if err != nil {
		return err
	}
	every, err := within(params, "every", frameSteps)
	if err != nil {
		return err
	}
	h, err := s.drawing.chains.get(r.PathValue("id"))
	if err != nil {
		return err
	}
	select {
	case h.moving <- struct{}{}:
		defer func() { <-h.moving }()
	case <-r.Context().Done():
		return r.Context().Err()
	case <-time.After(movingWait): // a page that continues comes before the end of its last stream is seen
		return wire.Busy("the chains are being moved by another request")
	}
	events := s.Events(w, r)
	defer events.Close()
	if err := h.stream(r.Context(), events, until, every); err != nil && r.Context().Err() == nil {
		return s.lost(err)
	}
	return nil
}

// stream sends the frames of chains up to a step.
func (h *heldChains) stream(ctx context.Context, events *serve.Events, until, every int) error {
	due := time.NewTicker(frameEvery)
	defer due.Stop()
	for h.it.Steps < until {
		f, err := h.move(ctx, min(every, until-h.it.Steps))
		if err == nil {
			err = send(events, "frame", f)
		}
		if err != nil {
			return err
		}
		select {
		case <-due.C: // more frames than are seen would only be work
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return send(events, "done", map[string]int{"step": h.it.Steps})
}

// send sends a value as an event.
func send(events *serve.Events, name string, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return events.Send(name, "", text)
}
