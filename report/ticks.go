package report

import (
	"math"
	"strconv"
	"strings"

	"github.com/energo-ml/energo/ebm/measure"

	"gonum.org/v1/plot"
)

// ticks marks an axis at round numbers.
type ticks struct {
	about int          // how many to aim at
	whole bool         // only at integers
	unit  measure.Unit // of the axis's figure: shares are shown in per cent
	log   bool         // a logarithmic axis
}

// Ticks implements plot.Ticker.
func (t ticks) Ticks(lo, hi float64) []plot.Tick {
	if t.log {
		return t.logTicks(lo, hi)
	}
	step := roundStep((hi - lo) / float64(max(t.about, 1)))
	if t.whole {
		step = math.Max(1, math.Round(step))
	}
	var out []plot.Tick
	for i := math.Ceil(lo/step - 1e-9); i*step <= hi+step*1e-9 && len(out) < 50; i++ {
		out = append(out, plot.Tick{Value: i * step, Label: t.label(i*step, step)})
	}
	return out
}

// logTicks marks the powers of ten, with twice and five times them where there is room.
func (t ticks) logTicks(lo, hi float64) []plot.Tick {
	factors := []float64{1, 2, 5}
	decades := math.Log10(hi / lo)
	if room := float64(max(t.about, 1)); 3*decades > room && decades > 1.1 {
		factors = factors[:1]
	}
	every := math.Max(1, math.Ceil(decades/6))
	var out []plot.Tick
	for e := math.Floor(math.Log10(lo)); e <= math.Log10(hi); e++ {
		if math.Mod(e, every) != 0 {
			continue
		}
		for _, f := range factors {
			if v := f * math.Pow(10, e); v >= lo*(1-1e-9) && v <= hi*(1+1e-9) {
				out = append(out, plot.Tick{Value: v, Label: t.label(v, v)})
			}
		}
	}
	return out
}

// label writes v with the decimals that a step needs.
func (t ticks) label(v, step float64) string {
	if t.unit == measure.Share {
		v, step = v*100, step*100
	}
	a := math.Abs(v)
	if v != 0 && (a >= 1e6 || step < 1e-7) {
		return minus(strings.ReplaceAll(strconv.FormatFloat(v, 'g', 4, 64), "e+", "e"))
	}
	s := strconv.FormatFloat(v, 'f', decimals(step), 64)
	if a < step/2 {
		s = "0"
	}
	if step >= 1 {
		s = thousands(s)
	}
	if t.unit == measure.Share {
		s += " %"
	}
	return minus(s)
}

// decimals is the number of decimals that tells multiples of a round step apart.
func decimals(step float64) int {
	return max(0, -int(math.Floor(math.Log10(step)+1e-9)))
}

// roundStep returns the least of 1, 2, 5 times a power of ten that is not below raw.
func roundStep(raw float64) float64 {
	if !(raw > 0) || math.IsInf(raw, 0) {
		return 1
	}
	p := math.Pow(10, math.Floor(math.Log10(raw)))
	for _, f := range []float64{1, 2, 5} {
		if f*p >= raw*(1-1e-9) {
			return f * p
		}
	}
	return 10 * p
}

// minus puts a true minus sign in place of hyphens.
func minus(s string) string { return strings.ReplaceAll(s, "-", "−") }

// number writes v with three significant digits, or in words where it is not finite.
func number(v float64) string { return measure.Number(v).String() }

// percent writes a fraction as a percentage.
func percent(v float64) string { return measure.Share.Text(v) }

// setting writes a number that somebody chose: as short as it is.
func setting(v float64) string { return minus(strconv.FormatFloat(v, 'g', -1, 64)) }

// count writes n with commas between thousands.
func count(n int) string { return thousands(strconv.Itoa(n)) }

// thousands puts commas into the digits of a whole number.
func thousands(s string) string {
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// plural writes a count with its noun.
func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return count(n) + " " + many
}
