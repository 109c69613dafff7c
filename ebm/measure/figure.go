package measure

import (
	"strconv"
	"strings"
)

// A Unit is what a figure counts in, as files name it. It alone decides how the figure is
// written and how its axis is marked.
type Unit string

// The units.
const (
	Plain Unit = ""      // a number without a unit, such as an energy or a distance
	Share Unit = "share" // a fraction, which people read in per cent; some may be above 1
	Nat   Unit = "nat"   // logarithms of probabilities to the base e
	Count Unit = "count" // of things, which is written in full
)

// Text writes a value of the unit: "1.20 %", "205 nat", "0.0123". What is not finite is in words.
func (u Unit) Text(v float64) string {
	switch {
	case u == Share && Finite(v):
		return minus(strconv.FormatFloat(100*v, 'f', 2, 64)) + " %"
	case u == Count && Finite(v):
		return minus(strconv.FormatFloat(v, 'f', -1, 64))
	case u == Plain || u == Share || !Finite(v):
		return Number(v).String()
	}
	return Number(v).String() + " " + string(u)
}

// PlusMinus writes a mean with its standard deviation, where there is one: "1.20 ± 0.10 %".
func (u Unit) PlusMinus(mean, deviation float64) string {
	if !Finite(mean) || !Finite(deviation) {
		return u.Text(mean)
	}
	value, unit, _ := strings.Cut(u.Text(mean), " ")
	off, _, _ := strings.Cut(u.Text(deviation), " ")
	if value += " ± " + off; unit != "" {
		value += " " + unit
	}
	return value
}

// A Quantity says what a number is of.
type Quantity struct {
	Key  string `json:"key"`  // names it in files: letters, digits and underscores
	Name string `json:"name"` // names it for people: "Test error"
	Unit Unit   `json:"unit"`
	Note string `json:"note,omitempty"` // follows the value: "of samples wrong"
}

// Of returns a figure of the quantity.
func (q Quantity) Of(v float64) Figure { return Figure{q, Number(v)} }

// Axis says under a picture's title what its values are.
func (q Quantity) Axis() string {
	switch {
	case q.Unit == Plain || q.Unit == Share && q.Note != "":
		return q.Note
	case q.Unit == Share:
		return "per cent"
	case q.Note == "":
		return string(q.Unit)
	}
	return string(q.Unit) + " " + q.Note
}

// A Figure is a number with what it is of. Whatever prints or draws it asks the figure for
// its text, and never chooses a unit itself.
type Figure struct {
	Quantity
	Value Number `json:"value"`
}

// Text writes the value with its unit.
func (f Figure) Text() string { return f.Unit.Text(float64(f.Value)) }
