// Package sweep trains one job with many settings and ranks what came of them.
//
// A Sweep is a space of settings, the trials that a search takes from it, and a folder. Each trial is a run folder of its own
// within that, so that all that works on runs works on trials. A trial that was stopped resumes where it stopped, and what
// is done is never done again.
//
// Searches: grid takes all combinations; random draws trials independently [bergstra2012]; halving draws them likewise, trains
// all for a few epochs and continues the best ones (successive halving [jamieson2016]).
package sweep

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/job/option"
)

// Scales of an axis.
const (
	List = "list" // the values that are named
	Lin  = "lin"  // all numbers between two, evenly
	Log  = "log"  // … evenly by their logarithms
	Int  = "int"  // all whole numbers between two, evenly
)

// An Axis is a setting and the values that are tried.
type Axis struct {
	Name   string   `json:"name"`
	Scale  string   `json:"scale"`
	Values []string `json:"values,omitempty"` // of a list
	From   float64  `json:"from"`             // of a range
	To     float64  `json:"to"`               // of a range, included

	Whole bool `json:"whole"` // values of a range are whole numbers
}

// ParseAxis reads the values of a setting: "A,B,C", or a range as "lin:A..B", "log:A..B" or "int:A..B". o is the setting, of which
// the value is lost.
//
// Values of lin and log are rounded where the setting is a whole number. A text is taken apart at its commas; one with a
// comma, a list and a matrix can only be fixed.
//
// Errors: a value that the setting does not allow; one that comes twice; a range of a setting that is no number, or whose ends are not
// in order; for log, an end of 0 or less.
func ParseAxis(o *option.Option, text string) (Axis, error) {
	scale, ends, isRange := strings.Cut(text, ":")
	if isRange && slices.Contains([]string{Lin, Log, Int}, scale) {
		return parseRange(o, scale, ends)
	}
	a := Axis{Name: o.Name, Scale: List}
	for _, value := range strings.Split(text, ",") {
		canonical, err := allowed(o, value)
		if err != nil {
			return a, err
		}
		if slices.Contains(a.Values, canonical) {
			return a, fmt.Errorf("%s names %s twice", o.Name, excerpt.Of(canonical))
		}
		a.Values = append(a.Values, canonical)
	}
	return a, nil
}

// parseRange reads the ends of a range.
func parseRange(o *option.Option, scale, ends string) (a Axis, err error) {
	number, whole := o.Number()
	if !number {
		return a, fmt.Errorf("%s is %q; a range is of numbers, and %s is a %s", o.Name, excerpt.Of(scale+":"+ends), o.Name, o.Type())
	}
	a = Axis{Name: o.Name, Scale: scale, Whole: whole || scale == Int}
	from, to, _ := strings.Cut(ends, "..")
	a.From, err = strconv.ParseFloat(from, 64)
	if err == nil {
		a.To, err = strconv.ParseFloat(to, 64)
	}
	switch {
	case err != nil, !(a.From < a.To), math.IsInf(a.To-a.From, 0):
		return a, fmt.Errorf("%s is %q; a range must be two numbers in order, such as %s:1..10", o.Name, excerpt.Of(scale+":"+ends), scale)
	case scale == Log && a.From <= 0:
		return a, fmt.Errorf("%s is %q; the ends of log must be above 0", o.Name, excerpt.Of(scale+":"+ends))
	case a.Whole && (a.From != math.Trunc(a.From) || a.To != math.Trunc(a.To) || math.Abs(a.From) > 1<<53 || math.Abs(a.To) > 1<<53):
		return a, fmt.Errorf("%s is %q; the ends must be whole numbers", o.Name, excerpt.Of(scale+":"+ends))
	}
	for _, end := range []float64{a.From, a.To} {
		if _, err := allowed(o, a.text(end)); err != nil {
			return a, err
		}
	}
	return a, nil
}

// allowed sets an option to a value and returns the value as the option writes it.
func allowed(o *option.Option, value string) (string, error) {
	if err := o.Set(value); err != nil {
		return "", fmt.Errorf("%s: %q is no %s", o.Name, excerpt.Of(value), o.Type())
	}
	one := option.List{*o}
	if err := one.Check(); err != nil {
		return "", err
	}
	if err := one.Locate(); err != nil {
		return "", err
	}
	if meaning := o.ZeroMeans(); meaning != "" && (o.String() == "0" || o.String() == "") {
		return "", fmt.Errorf("%s is %q; it must be above 0; where it is left out, it is %s", o.Name, excerpt.Of(value), meaning)
	}
	return o.String(), nil
}

// text writes a value of a range.
func (a *Axis) text(v float64) string {
	if a.Whole {
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

// at is the value at a place of a range, from 0 to 1. Between the ends it has five significant digits.
func (a *Axis) at(place float64) string {
	var v float64
	switch {
	case place <= 0:
		v = a.From
	case place >= 1:
		v = a.To
	case a.Scale == Log:
		v = math.Exp(float64(math.Log(a.From)*(1-place)) + float64(math.Log(a.To)*place))
	default:
		v = float64(a.From*(1-place)) + float64(a.To*place)
	}
	if a.Whole {
		v = math.Round(v)
	} else if place > 0 && place < 1 {
		v, _ = strconv.ParseFloat(strconv.FormatFloat(v, 'g', 5, 64), 64)
	}
	return a.text(min(max(v, a.From), a.To))
}

// Grid returns the values of a list, or a number of points of a range, ends included; of whole numbers those that differ.
func (a *Axis) Grid(points int) (values []string) {
	if a.Scale == List {
		return a.Values
	}
	if a.Whole {
		points = int(min(float64(points), a.To-a.From+1))
	}
	for i := range points {
		if v := a.at(float64(i) / float64(points-1)); len(values) == 0 || values[len(values)-1] != v {
			values = append(values, v)
		}
	}
	return values
}

// Draw draws a value.
func (a *Axis) Draw(rng *rand.Rand) string {
	switch {
	case a.Scale == List:
		return a.Values[rng.IntN(len(a.Values))]
	case a.Scale == Int:
		return a.text(a.From + float64(rng.Uint64N(uint64(a.To-a.From)+1)))
	}
	for { // a place within the range
		if u := rng.Float64(); u > 0 {
			return a.at(u)
		}
	}
}

// Text is the axis as ParseAxis reads it.
func (a *Axis) Text() string {
	if a.Scale == List {
		return strings.Join(a.Values, ",")
	}
	return fmt.Sprintf("%s:%s..%s", a.Scale, a.text(a.From), a.text(a.To))
}
