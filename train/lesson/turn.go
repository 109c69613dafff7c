package lesson

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/ebm/measure"
)

// Turn is what a page asks of a lesson at a time; all of it may be left out.
type Turn struct {
	Settings *Settings `json:"settings,omitempty"` // to train with from now on
	Steps    int       `json:"steps,omitempty"`    // to train
	// Millis ends training, and Moves, after that number of milliseconds, before all steps are done; 0 does all.
	Millis int `json:"millis,omitempty"`
	Side   int `json:"side,omitempty"` // of a look; 0 does not look

	Chains *Chains      `json:"chains,omitempty"` // to move chains by from now on
	Start  [][2]float64 `json:"start,omitempty"`  // to start chains, which takes the place of those there are
	Stop   bool         `json:"stop,omitempty"`   // to end the chains
	Moves  int          `json:"moves,omitempty"`  // of the chains
}

// Turned is the answer to a Turn.
type Turned struct {
	Step   int            `json:"step"`
	Loss   measure.Number `json:"loss"`
	View   *View          `json:"view,omitempty"`
	Places [][2]float64   `json:"places"` // of the chains
	// Accepted is the share of the chains' proposals that were, NaN where there was none.
	Accepted measure.Number `json:"accepted"`
	Fault    string         `json:"fault,omitempty"` // why training ended: it diverged
}

// The most that a turn asks.
const (
	maxSteps  = 10000
	maxMillis = 10000
)

// Table is a lesson with chains, as a page has it.
type Table struct {
	lesson *Lesson
	chains Chains
	swarm  *Swarm
	fault  string
}

// NewTable makes a lesson.
func NewTable(s Settings) (*Table, error) {
	l, err := New(s)
	return &Table{lesson: l, chains: Chains{Sampler: "langevin", Size: 0.01, Beta: 1, Seed: s.Seed}}, err
}

// Settings are the lesson's.
func (b *Table) Settings() Settings { return b.lesson.Settings() }

// Turn does what is asked. Errors are of what is asked; that training diverges is in the answer. When ctx ends, training and moving do.
func (b *Table) Turn(ctx context.Context, t *Turn) (*Turned, error) {
	if t.Steps < 0 || t.Steps > maxSteps || t.Moves < 0 || t.Moves > maxSteps {
		return nil, fmt.Errorf("lesson: steps and moves are %d and %d; each must be from 0 to %d", t.Steps, t.Moves, maxSteps)
	}
	if t.Millis < 0 || t.Millis > maxMillis {
		return nil, fmt.Errorf("lesson: millis is %d; it must be from 0 to %d", t.Millis, maxMillis)
	}
	if t.Settings != nil {
		if err := b.lesson.Change(*t.Settings); err != nil {
			return nil, err
		}
	}
	if err := b.start(t); err != nil {
		return nil, err
	}
	began := time.Now()
	over := func() bool { // looks at the clock itself: in a browser no timer of a context fires while this computes
		return ctx.Err() != nil || t.Millis > 0 && time.Since(began) >= time.Duration(t.Millis)*time.Millisecond
	}
	a := &Turned{Accepted: measure.Number(math.NaN()), Places: [][2]float64{}}
	for range t.Steps {
		if b.fault != "" || over() {
			break
		}
		if err := b.lesson.Step(1); err != nil {
			b.fault = err.Error()
		}
	}
	b.move(over, t.Moves, a)
	a.Step, a.Loss, a.Fault = b.lesson.Steps(), measure.Number(b.lesson.loss), b.fault
	var err error
	if t.Side != 0 {
		a.View, err = b.lesson.Look(t.Side)
	}
	return a, err
}

// start starts, changes or ends the chains.
func (b *Table) start(t *Turn) error {
	if t.Stop {
		b.swarm = nil
	}
	c := b.chains
	if t.Chains != nil {
		c = *t.Chains
	}
	switch {
	case len(t.Start) > 0:
		w, err := NewSwarm(b.lesson, c, t.Start)
		if err != nil {
			return err
		}
		b.swarm = w
	case t.Chains == nil:
		return nil
	case b.swarm != nil:
		if err := b.swarm.Change(c); err != nil {
			return err
		}
	default:
		if _, err := NewSwarm(b.lesson, c, [][2]float64{{0, 0}}); err != nil {
			return err
		}
	}
	b.chains = c
	return nil
}

// move moves the chains.
func (b *Table) move(over func() bool, n int, a *Turned) {
	if b.swarm == nil {
		return
	}
	accepted, moved := 0.0, 0
	for range n {
		if moved > 0 && over() {
			break
		}
		accepted += b.swarm.Step(1)
		moved++
	}
	if moved > 0 {
		a.Accepted = measure.Number(accepted / float64(moved))
	}
	a.Places = b.swarm.Places()
}

// Choices are what Settings and Chains may be, for a page that offers them.
type Choices struct {
	Answers     []string            `json:"answers"`   // sets of answers
	Densities   []string            `json:"densities"` // sets of densities
	Energies    []string            `json:"energies"`
	Functionals []Choice            `json:"functionals"`
	Objectives  []string            `json:"objectives"`
	Samplers    []string            `json:"samplers"`
	Default     map[string]Settings `json:"default"` // by set
}

// Choice is a functional.
type Choice struct {
	Name    string   `json:"name"`
	Formula string   `json:"formula"`
	Takes   Settings `json:"takes"` // at their defaults, those that it takes above 0
}

// Offered are all choices.
func Offered() *Choices {
	c := &Choices{Energies: Architectures(), Objectives: Objectives(), Samplers: Samplers(), Default: map[string]Settings{}}
	for _, set := range Sets() {
		s := Default(set)
		c.Default[set] = s
		if s.answers() {
			c.Answers = append(c.Answers, set)
		} else {
			c.Densities = append(c.Densities, set)
		}
	}
	for _, e := range functional.Catalogue() {
		if slices.Contains(Functionals(), e.Name) {
			c.Functionals = append(c.Functionals, Choice{e.Name, e.Formula, Default(parabola).With(e.Name)})
		}
	}
	return c
}
