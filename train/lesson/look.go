package lesson

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"

	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/ebm/surface"
	"github.com/energo-ml/energo/train"
)

// View is a surface as it is, and what the loss does to it.
type View struct {
	Step   int            `json:"step"`
	Loss   measure.Number `json:"loss"` // of the last step's batch; NaN before the first
	X      []float64      `json:"x"`
	Y      []float64      `json:"y"`
	Energy Floats         `json:"energy"` // [len(X), len(Y)]
	Data   [][2]float64   `json:"data"`
	// Lowest is the answer of least energy to each of Data's inputs; of a density, draws.
	Lowest [][2]float64 `json:"lowest"`
	// Correct and Other are E⁺ of each of Data and E⁻ of the most offending answer to it; of a density, energies of data and of draws.
	Correct Floats `json:"correct"`
	Other   Floats `json:"other"`
	// Push is ∂L/∂E where it is not 0, L the mean over Data: down where it is above 0. Score matching, and noise contrast, have none that is of places.
	Push []Push `json:"push"`

	Spread  measure.Number `json:"spread"` // standard deviation of the energy over the answers
	Error   measure.Figure `json:"error"`  // of the answers inferred, squared; of a density, its divergence from the truth where that is known
	Fault   string         `json:"fault,omitempty"`
	Verdict string         `json:"verdict"`
}

// Push is ∂L/∂E at a place.
type Push struct {
	At    [2]float64     `json:"at"`
	Slope measure.Number `json:"slope"` // above 0 pushes E down
}

// Floats are numbers whose JSON is a string: base64 of little-endian float32.
type Floats []float32

// MarshalJSON implements json.Marshaler.
func (f Floats) MarshalJSON() ([]byte, error) {
	b := make([]byte, 0, 4*len(f))
	for _, v := range f {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return json.Marshal(base64.StdEncoding.EncodeToString(b))
}

// The sides of a look's grid, and how many inputs, or points of a density, it shows.
const (
	minSide = 2
	maxSide = 512
	inputs  = 41
	shown   = 400
)

// Look evaluates the surface at side × side places. It does not change what Step does later.
func (l *Lesson) Look(side int) (*View, error) {
	if side < minSide || side > maxSide {
		return nil, fmt.Errorf("lesson: side is %d; it must be from %d to %d", side, minSide, maxSide)
	}
	v := &View{Step: l.steps, Loss: measure.Number(l.loss)}
	v.X, v.Y = l.s.axes(side)
	if l.answers != nil {
		return v, l.lookAnswers(v)
	}
	l.lookPlane(v)
	return v, nil
}

// Energies are the energies of places of the plane.
func (l *Lesson) Energies(places [][2]float64) []float64 {
	if l.answers != nil {
		var x, y []float64
		for _, p := range places {
			x, y = append(x, p[0]), append(y, p[1])
		}
		return l.answers.At(x, y)
	}
	e := make([]float64, len(places))
	l.slopes.Energies(e, nil, flat(places))
	return e
}

// flat are the coordinates one behind the other.
func flat(places [][2]float64) []float32 {
	y := make([]float32, 0, 2*len(places))
	for _, p := range places {
		y = append(y, float32(p[0]), float32(p[1]))
	}
	return y
}

// lookAnswers fills in a view of answers.
func (l *Lesson) lookAnswers(v *View) error {
	v.Energy = surface.Single(l.answers.Look(v.X, v.Y).Energies)
	var x, right []float64
	for _, p := range l.pairs() {
		x, right = append(x, p[0]), append(right, p[1])
		v.Data = append(v.Data, p)
	}
	g := l.answers.Look(x, surface.Axis(201, AnswersFrom, AnswersTo))
	stats := l.answers.Stats(g, right)
	var errors []float64
	for i, y := range g.Inferred() {
		v.Lowest = append(v.Lowest, [2]float64{x[i], y})
		v.Correct, v.Other = append(v.Correct, float32(stats[i].Correct)), append(v.Other, float32(stats[i].Offending))
		errors = append(errors, (y-right[i])*(y-right[i]))
	}
	if err := l.push(v, x, right); err != nil {
		return err
	}
	squared := measure.Quantity{Key: "squared_error", Name: "Squared error", Note: "of the answer with the least energy, mean over the inputs"}
	constant := measure.Deviation(right)
	l.judge(v, stats, squared.Of(measure.Mean(errors)), constant*constant)
	return nil
}

// pairs are inputs with their right answers.
func (l *Lesson) pairs() [][2]float64 {
	if l.s.Set == pairs {
		return l.s.Points[:min(len(l.s.Points), shown)]
	}
	all := make([][2]float64, inputs)
	for i, x := range surface.Axis(inputs, -1, 1) {
		all[i] = [2]float64{x, x * x}
	}
	return all
}

// leastShare of what is pushed up for an input is shown at one of several answers.
const leastShare = 0.001

// push is what the functional pushes at the right answers and at those that its statistic is of.
func (l *Lesson) push(v *View, x, right []float64) error {
	p, err := l.answers.Pushes(l.functional, x, right)
	if err != nil {
		return err
	}
	add := func(i int, at, slope float64) {
		if slope != 0 {
			v.Push = append(v.Push, Push{[2]float64{x[i], at}, measure.Number(slope)})
		}
	}
	each := len(p.Rivals) / len(x)
	for i, down := range p.Down {
		add(i, right[i], down)
		rivals, ups, whole := p.Rivals[i*each:(i+1)*each], p.Up[i*each:(i+1)*each], 0.0
		for _, up := range ups {
			whole += up
		}
		for j, up := range ups {
			if math.Abs(up) >= leastShare*math.Abs(whole) {
				add(i, rivals[j], up)
			}
		}
	}
	return nil
}

// judge says whether the surface has collapsed.
func (l *Lesson) judge(v *View, stats []functional.LabelStats, err measure.Figure, chance float64) {
	subject := train.Subject{Functional: l.functional, Margin: l.s.Margin, Terms: train.AnswerTerms("inputs", l.s.Margin), Scale: measure.Number(l.scale)}
	if l.answers != nil {
		subject.Architecture = l.answers.Surface.String()
	} else {
		subject.Loss, subject.Architecture = l.s.Objective, "an energy over the plane"
	}
	e := train.Diagnose(stats, subject, err, chance)
	v.Spread, v.Error, v.Verdict = e.Diagnosis.Spread, err, e.Diagnosis.Verdict
	if e.Diagnosis.Collapsed {
		v.Fault = e.Diagnosis.Why
	}
}
