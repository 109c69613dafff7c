package report

import (
	"fmt"
	"math"

	"github.com/energo-ml/energo/ebm/measure"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// robust returns the range that pictures of the sorted values show: all of them,
// unless a few lie so far out that the rest would be a line. Out is how many are left out.
func robust(sorted ...[]float64) (b bounds, out int) {
	all, core := empty(), empty()
	for _, v := range sorted {
		if len(v) > 0 {
			all = all.with(v[0], v[len(v)-1])
			core = core.with(quantile(v, 0.005), quantile(v, 0.995))
		}
	}
	if all.isPoint() || core.isPoint() || all.width() <= 2.5*core.width() {
		return all, 0
	}
	b = bounds{max(all.lo, core.lo-0.25*core.width()), min(all.hi, core.hi+0.25*core.width())}
	for _, v := range sorted {
		for _, x := range v {
			if !b.has(x) {
				out++
			}
		}
	}
	return b, out
}

// A histogram counts values in bins of equal width.
type histogram struct {
	lo, step float64
	counts   []int
	of       int // values whose shares are drawn; 0: their numbers are
}

// bins returns a histogram's bins over b with edges at multiples of the step from zero.
func bins(b bounds, step float64) histogram {
	lo := math.Floor(b.lo/step) * step
	n := int(math.Floor((b.hi-lo)/step+1e-9)) + 1
	return histogram{lo: lo, step: step, counts: make([]int, min(max(n, 1), 500))}
}

// add counts the values that lie in the bins. Values on an edge belong to the bin above it.
func (h *histogram) add(values []float64) {
	for _, v := range values {
		if i := math.Floor((v-h.lo)/h.step + 1e-9); i >= 0 && i < float64(len(h.counts)) {
			h.counts[int(i)]++
		}
	}
}

func (h *histogram) edge(i int) float64 { return h.lo + float64(i)*h.step }

// peak is the first of the bins with the most values.
func (h *histogram) peak() int {
	peak := 0
	for i, c := range h.counts {
		if c > h.counts[peak] {
			peak = i
		}
	}
	return peak
}

// height is how high a bin is drawn.
func (h *histogram) height(i int) float64 {
	if h.of > 0 {
		return float64(h.counts[i]) / float64(h.of)
	}
	return float64(h.counts[i])
}

// binWidth chooses a round width that gives some fifty bins over b, twenty for few values.
func binWidth(b bounds, n int) float64 {
	want := math.Min(54, math.Max(20, 3*math.Cbrt(float64(n))))
	return roundStep(0.7 * b.wide().width() / want)
}

// areas draws the bins as columns without gaps, each in the shade that its middle gets.
func (h *histogram) areas(of func(mid float64) shade) plot.Plotter {
	return layer(func(c draw.Canvas, x, y func(float64) vg.Length) {
		for i := 0; i < len(h.counts); {
			j, s := i, of(h.edge(i)+h.step/2)
			var p []vg.Point
			p = append(p, vg.Point{X: x(h.edge(i)), Y: y(0)})
			for ; j < len(h.counts) && of(h.edge(j)+h.step/2) == s; j++ {
				top := y(h.height(j))
				p = append(p, vg.Point{X: x(h.edge(j)), Y: top}, vg.Point{X: x(h.edge(j + 1)), Y: top})
			}
			p = append(p, vg.Point{X: x(h.edge(j)), Y: y(0)})
			c.FillPolygon(s, c.ClipPolygonXY(p))
			i = j
		}
	})
}

// outline draws the top line of the bins.
func (h *histogram) outline(hu hue) plot.Plotter {
	p := []xy{{h.edge(0), 0}}
	for i := range h.counts {
		p = append(p, xy{h.edge(i), h.height(i)}, xy{h.edge(i + 1), h.height(i)})
	}
	p = append(p, xy{h.edge(len(h.counts)), 0})
	return line(p, pen(hu, 1.3))
}

// span is the range of the bins.
func (h *histogram) span() bounds { return bounds{h.edge(0), h.edge(len(h.counts))} }

// leftOut says in a picture's subtitle what it does not show.
func leftOut(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("; %s beyond the axis", count(n))
}

// overlap draws how the values of two kinds are spread, one over the other: their numbers or, with shares, what part of
// its kind each bin has. The words are the caller's.
func overlap(b bounds, step float64, right, wrong []float64, shares bool, label string, marks ...plot.Plotter) *figure {
	hr, hw := bins(b, step), bins(b, step)
	hr.add(right)
	hw.add(wrong)
	if shares {
		hr.of, hw.of = len(right), len(wrong)
	}
	p := hr.axes(hr.span(), max(hr.height(hr.peak()), hw.height(hw.peak())), label)
	p.Add(hw.areas(func(float64) shade { return offending.alpha(0.30) }), hr.areas(func(float64) shade { return correct.alpha(0.30) }),
		hw.outline(offending), hr.outline(correct))
	p.Add(marks...)
	return &figure{width: panelWidth, height: panelHeight, paint: drawInto(p)}
}

// axes returns axes for a histogram that is up to most high.
func (h *histogram) axes(x bounds, most float64, label string) *plot.Plot {
	marker := ticks{about: 5, unit: measure.Share}
	if h.of == 0 {
		marker, most = ticks{about: 5, whole: true}, max(most, 1)
	}
	p := axes(x, bounds{0, most * 1.06}, label)
	p.Y.Tick.Marker = marker
	return p
}

// energyHistogram draws how the energies of correct and most offending answers are spread.
func energyHistogram(s *Surface, least float64) *figure {
	good, bad := sortedFinite(s.Correct), sortedFinite(s.Offending)
	if len(good)+len(bad) == 0 {
		return nil
	}
	b, out := robust(good, bad)
	b = b.atLeast(least)
	f := overlap(b, binWidth(b, s.N), good, bad, false, "energy")
	f.name, f.title, f.unit = "energy_histogram", "Energies of the test set", "test samples a bin"+leftOut(out)
	f.legend = []key{{"correct answer E⁺", correct, swatch}, {"most offending E⁻", offending, swatch}}
	f.how = "The less the two overlap, the surer the model. Where one covers the other, it cannot tell right from wrong."
	f.alt = fmt.Sprintf("Histograms of the energies: correct answers have a median of %s, most offending ones of %s.", number(quantile(good, 0.5)), number(quantile(bad, 0.5)))
	return f
}

// gapHistogram draws how the gaps are spread, split at zero and at the margin.
func gapHistogram(s *Surface, margin float64, has bool, least float64) *figure {
	gaps := sortedFinite(s.Gap)
	if len(gaps) == 0 {
		return nil
	}
	b, out := robust(gaps)
	b = b.with(0)
	if has {
		b = b.with(margin)
	}
	b = b.atLeast(least)
	step := binWidth(b, len(gaps))
	if has && margin > 0 {
		// Edges at the margin, too, so that every bin has one colour by right. A margin
		// far smaller than a bin stays inside one.
		if k := math.Round(margin / step); k >= 1 {
			step = margin / k
		}
	}
	all, wrong := bins(b, step), bins(b, step)
	all.add(gaps)
	for i, g := range s.Gap {
		if finite(g) && s.Predicted[i] != s.Labels[i] {
			wrong.add([]float64{g})
		}
	}
	x := all.span()
	x.lo = math.Min(x.lo, -step)
	p := all.axes(x, all.height(all.peak()), "gap: most offending energy − correct energy")
	// Wrong ones go over all: in the bin of the ties there are both.
	p.Add(all.areas(func(mid float64) shade {
		if has && mid < margin {
			return correct.alpha(0.35)
		}
		return correct.alpha(0.75)
	}), wrong.areas(func(float64) shade { return paper.solid() }),
		wrong.areas(func(float64) shade { return offending.alpha(0.80) }), plumb(0, "", pen(ink, 1.2)))
	f := &figure{
		name: "gap_histogram", title: "Gaps of the test set", unit: "test samples a bin" + leftOut(out),
		width: panelWidth, height: panelHeight, paint: drawInto(p),
		legend: []key{{"wrong", offending, swatch}, {"right", correct, swatch}},
		how:    "Left of the line at zero the wrong answer has the lower energy: an error. The farther right, the safer.",
		alt:    fmt.Sprintf("Histogram of the gaps: median %s, 5 %% below %s.", number(quantile(gaps, 0.5)), number(quantile(gaps, 0.05))),
	}
	if has && margin > 0 {
		p.Add(plumb(margin, "m", dashed(ink, 1.2)))
		f.legend = append(f.legend, key{"margin m = " + setting(margin), ink, dashes})
		f.how = "Left of the line at zero the wrong answer has the lower energy: an error. Pale blue is right, but by less than the margin m that the functional asks for."
	}
	return f
}

// plumb draws a vertical line over the whole height at x.
func plumb(at float64, word string, s draw.LineStyle) plot.Plotter {
	return layer(func(c draw.Canvas, x, _ func(float64) vg.Length) {
		v := x(at)
		if !c.ContainsX(v) {
			return
		}
		c.StrokeLine2(s, v, c.Min.Y, v, c.Max.Y)
		if word != "" {
			write(c, v+4, c.Max.Y-textSize+2, word, style{size: textSize, hue: ink})
		}
	})
}
