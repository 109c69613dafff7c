package report

import (
	"fmt"
	"math"
	"slices"
	"unicode"
	"unicode/utf8"

	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/train"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// curves returns the pictures of how the training went; those that the events do not
// hold are left out.
func curves(r *Run) []*figure {
	t := newClock(r)
	all := []*figure{
		lossCurve(r, t), errorCurve(r, t), energyCurve(r, t), gapCurve(r, t),
		stepCurve(r, t, "gradient", "Gradient norm", "before clipping", gapHue,
			"How long the gradient is over all weights. Spikes are steps at which training was close to running away.",
			func(s train.Step) float64 { return s.GradNorm }),
		rateCurve(r, t),
	}
	all = slices.DeleteFunc(all, func(f *figure) bool { return f == nil })
	for _, f := range all {
		f.width, f.height = panelWidth, panelHeight
	}
	return all
}

// A clock turns steps into epochs, the unit of all training curves.
type clock struct {
	perEpoch float64 // steps an epoch; 1 where that is unknown
	label    string
	end      float64
}

func newClock(r *Run) clock {
	t := clock{perEpoch: 1, label: "step"}
	switch {
	case r.Start != nil && r.Start.Epochs > 0 && r.Start.Steps >= r.Start.Epochs:
		t.perEpoch, t.label = float64(r.Start.Steps)/float64(r.Start.Epochs), "epoch"
	case len(r.Epochs) > 0 && r.Epochs[0].Epoch > 0 && r.Epochs[0].Step > 0:
		t.perEpoch, t.label = float64(r.Epochs[0].Step)/float64(r.Epochs[0].Epoch), "epoch"
	}
	for _, s := range r.Steps {
		t.end = max(t.end, t.at(s.Step))
	}
	for _, e := range r.Epochs {
		t.end = max(t.end, t.at(e.Step))
	}
	return t
}

func (t clock) at(step int) float64 { return float64(step) / t.perEpoch }

// plot returns axes over the training time.
func (t clock) plot(y bounds) *plot.Plot {
	p := axes(bounds{0, max(t.end, 1e-3)}, y, t.label)
	p.X.Tick.Marker = ticks{about: 7, whole: t.end >= 2}
	return p
}

// epochs returns a value of each epoch over the training time, and the values' range.
func (t clock) epochs(r *Run, value func(train.Epoch) float64) (all []xy, y bounds) {
	y = empty()
	for _, e := range r.Epochs {
		p := xy{t.at(e.Step), value(e)}
		all, y = append(all, p), y.with(p.y)
	}
	return all, y
}

// drawInto returns a figure's paint function for a plot.
func drawInto(p *plot.Plot) func(draw.Canvas) { return func(c draw.Canvas) { p.Draw(c) } }

// A trend is a noisy series cut into pieces of equal length: for each, its middle,
// mean, and what 90 % of its values lie between.
type trend struct{ x, mean, lo, hi []float64 }

// pieces returns how many values of a trend are drawn for n of the series: enough of the
// latter in each to smooth, and few enough to keep the picture small.
func pieces(n int) int { return min(n, max(30, min(120, n/6))) }

func newTrend(x, y []float64) trend {
	var t trend
	n := len(x)
	m := pieces(n)
	for i := range m {
		a, b := i*n/m, (i+1)*n/m
		part := slices.DeleteFunc(slices.Clone(y[a:b]), func(v float64) bool { return !finite(v) })
		if len(part) == 0 {
			continue
		}
		sum := 0.0
		for _, v := range part {
			sum += v / float64(len(part))
		}
		slices.Sort(part)
		t.x = append(t.x, (x[a]+x[b-1])/2)
		t.mean = append(t.mean, sum)
		t.lo = append(t.lo, quantile(part, 0.05))
		t.hi = append(t.hi, quantile(part, 0.95))
	}
	return t
}

// points pairs two slices up.
func points(x, y []float64) []xy {
	out := make([]xy, len(x))
	for i := range x {
		out[i] = xy{x[i], y[i]}
	}
	return out
}

func lossCurve(r *Run, t clock) *figure {
	f := stepCurve(r, t, "loss", "Training loss", "mean over a batch", ink,
		"The line is the mean over neighbouring steps, the band holds 90 % of them; a dot is an epoch's mean. It should fall and then level off.",
		func(s train.Step) float64 { return s.Loss })
	means, y := t.epochs(r, func(e train.Epoch) float64 { return float64(e.Loss) })
	if f != nil || len(means) == 0 {
		return f
	}
	p := t.plot(y.padded(0.08))
	p.Add(line(means, pen(ink, 1.8)), dots(means, ink.solid(), 2.6))
	return &figure{
		name: "loss", title: "Training loss", unit: "mean over an epoch", paint: drawInto(p),
		alt: "Training loss over the epochs.", how: "It should fall and then level off.",
	}
}

// stepCurve draws a value of every step, smoothed.
func stepCurve(r *Run, t clock, name, title, unit string, h hue, how string, value func(train.Step) float64) *figure {
	if len(r.Steps) == 0 {
		return nil
	}
	x, y := make([]float64, len(r.Steps)), make([]float64, len(r.Steps))
	for i, s := range r.Steps {
		x[i], y[i] = t.at(s.Step), value(s)
	}
	tr := newTrend(x, y)
	if len(tr.x) == 0 {
		return nil
	}
	all := empty().with(tr.lo...).with(tr.hi...)
	p := t.plot(all.padded(0.05))
	if all.lo >= 0 {
		p.Y.Min = 0
	}
	if means := empty().with(tr.mean...); all.lo > 0 && means.hi > 30*means.lo {
		p.Y.Min, p.Y.Max = all.lo/1.1, all.hi*1.1
		p.Y.Scale, p.Y.Tick.Marker = plot.LogScale{}, ticks{about: 7, log: true}
		unit += ", logarithmic scale"
	}
	p.Add(band(tr.x, tr.lo, tr.hi, h.alpha(0.22)), line(points(tr.x, tr.mean), pen(h, 1.8)))
	if len(tr.x) == 1 {
		p.Add(dots(points(tr.x, tr.mean), h.solid(), 2.6))
	}
	if name == "loss" && len(r.Epochs) <= 40 {
		means := epochMeans(r, t)
		p.Add(dots(means, h.solid(), 3.6), dots(means, paper.solid(), 2.2))
	}
	last := len(tr.mean) - 1
	return &figure{
		name: name, title: title, unit: unit, how: how, paint: drawInto(p),
		alt: fmt.Sprintf("%s over training: %s at first, %s at the end.", title, number(tr.mean[0]), number(tr.mean[last])),
	}
}

// epochMeans are each epoch's mean loss, at the middle of the steps that it is the mean of.
func epochMeans(r *Run, t clock) (means []xy) {
	before := 0
	for _, e := range r.Epochs {
		means = append(means, xy{(t.at(before) + t.at(e.Step)) / 2, float64(e.Loss)})
		before = e.Step
	}
	return means
}

// prefixed puts a word before a figure's name: "Validation error".
func prefixed(word string, q measure.Quantity) string {
	if q.Name == "" {
		return word + " error"
	}
	first, size := utf8.DecodeRuneInString(q.Name)
	return word + " " + string(unicode.ToLower(first)) + q.Name[size:]
}

func errorCurve(r *Run, t clock) *figure {
	if len(r.Epochs) == 0 {
		return nil
	}
	all, y := t.epochs(r, func(e train.Epoch) float64 { return float64(e.Error) })
	best, epoch, q := xy{y: math.Inf(1)}, 0, r.Epochs[0].Terms.Error
	for i, p := range all {
		if p.y < best.y {
			best, epoch = p, r.Epochs[i].Epoch
		}
	}
	if !finite(best.y) {
		return nil
	}
	y = bounds{min(0, y.lo*1.1), max(y.hi, 0)*1.1 + 1e-4}
	title := prefixed("Validation", q)
	f := &figure{
		name: "error", title: title, unit: q.Axis(),
		how: "Measured after every epoch on samples that are not trained on. The ring is the best epoch.",
		alt: fmt.Sprintf("%s over the epochs; best %s after epoch %d.", title, q.Unit.Text(best.y), epoch),
	}
	if recipe := r.Get("recipe"); r.Get("validation") == "0" && recipe != "search" && recipe != "siamese" { // to those, 0 is a share
		f.how = "No samples were held out: this is measured on samples that are trained on, and too good. The ring is the best epoch."
	}
	p := t.plot(y)
	p.Y.Tick.Marker = ticks{about: 5, unit: q.Unit}
	if best.y > 0 && y.lo == 0 && y.hi > 15*best.y {
		p.Y.Min, p.Y.Max = best.y/1.6, y.hi*1.1
		p.Y.Scale, p.Y.Tick.Marker = plot.LogScale{}, ticks{about: 7, log: true, unit: q.Unit}
		f.unit += ", logarithmic scale"
	}
	p.Add(line(all, pen(offending, 1.8)))
	if len(all) <= 40 {
		p.Add(dots(all, offending.solid(), 2.6))
	}
	p.Add(ring(best), beside(best, q.Unit.Text(best.y)))
	f.paint = drawInto(p)
	return f
}

// ring puts a ring round a point.
func ring(at xy) plot.Plotter {
	return layer(func(c draw.Canvas, x, y func(float64) vg.Length) {
		strokeCircle(c, pen(ink, 1.4), x(at.x), y(at.y), 5.5)
	})
}

// beside writes a word under a point, or above it where there is no room.
func beside(at xy, word string) plot.Plotter {
	return layer(func(c draw.Canvas, tx, ty func(float64) vg.Length) {
		st := style{size: textSize, hue: ink, align: draw.XCenter, bold: true}
		half := textWidth(word, st) / 2
		x, y := min(max(tx(at.x), c.Min.X+half), c.Max.X-half), ty(at.y)-20
		if y < c.Min.Y+2 {
			y += 31
		}
		write(c, x, y, word, st)
	})
}

// quantileLines are the epochs' quantiles as columns.
type quantileLines struct {
	x  []float64
	at [5][]float64 // the quantiles 5, 25, 50, 75 and 95 %
}

func columns(r *Run, t clock, of func(train.Epoch) train.Quantiles) quantileLines {
	var q quantileLines
	for _, e := range r.Epochs {
		v := of(e)
		q.x = append(q.x, t.at(e.Step))
		for i, p := range []measure.Number{v.P05, v.P25, v.P50, v.P75, v.P95} {
			q.at[i] = append(q.at[i], float64(p))
		}
	}
	return q
}

func (q quantileLines) bounds(b bounds) bounds {
	return b.with(q.at[0]...).with(q.at[2]...).with(q.at[4]...)
}

// addTo draws the bands and the median.
func (q quantileLines) addTo(p *plot.Plot, h hue) {
	median := points(q.x, q.at[2])
	p.Add(band(q.x, q.at[0], q.at[4], h.alpha(0.16)), band(q.x, q.at[1], q.at[3], h.alpha(0.28)), line(median, pen(h, 1.8)))
	if len(q.x) <= 40 {
		p.Add(dots(median, h.solid(), 2.2))
	}
}

func energyCurve(r *Run, t clock) *figure {
	if len(r.Epochs) == 0 {
		return nil
	}
	good := columns(r, t, func(e train.Epoch) train.Quantiles { return e.Correct })
	bad := columns(r, t, func(e train.Epoch) train.Quantiles { return e.Offending })
	p := t.plot(bad.bounds(good.bounds(empty())).padded(0.05))
	bad.addTo(p, offending)
	good.addTo(p, correct)
	w := r.terms()
	return &figure{
		name: "energies", title: sentence(w.Energies), unit: spreadUnit(w), paint: drawInto(p),
		legend: []key{{w.Correct, correct, swatch}, {w.Offending, offending, swatch}},
		how:    fmt.Sprintf("Blue are the %s of %s, orange those of %s. Where blue lies below, the two are told apart; bands that lie on each other are not.", w.Energies, w.Correct, w.Offending),
		alt:    fmt.Sprintf("%s of %s and of %s over the epochs, as bands.", sentence(w.Energies), w.Correct, w.Offending),
	}
}

func gapCurve(r *Run, t clock) *figure {
	if len(r.Epochs) == 0 {
		return nil
	}
	q := columns(r, t, func(e train.Epoch) train.Quantiles { return e.Gap })
	y := q.bounds(empty().with(0))
	m, has := r.Margin()
	if has {
		y = y.with(m)
	}
	p := t.plot(y.padded(0.05))
	q.addTo(p, gapHue)
	p.Add(level(0, pen(faint, 1)))
	var legend []key
	if has && m > 0 {
		p.Add(level(m, dashed(ink, 1.2)))
		legend = []key{{"margin m = " + setting(m), ink, dashes}}
	}
	w := r.terms()
	return &figure{
		legend: legend,
		name:   "gap", title: "Gap", unit: spreadUnit(w), paint: drawInto(p),
		how: fmt.Sprintf("How far the %s of %s lie above those of %s. Below zero the two are taken for each other.", w.Energies, w.Offending, w.Correct),
		alt: fmt.Sprintf("Gap between the %s of the two over the epochs, as bands.", w.Energies),
	}
}

// spreadUnit says what the bands of energies are.
func spreadUnit(w train.Terms) string {
	unit := ""
	if w.Unit != measure.Plain {
		unit = string(w.Unit) + "; "
	}
	return unit + "median, half and 90 % of the validation " + w.Samples
}

// sentence begins words with a capital.
func sentence(words string) string {
	first, size := utf8.DecodeRuneInString(words)
	return string(unicode.ToUpper(first)) + words[size:]
}

func rateCurve(r *Run, t clock) *figure {
	var all []xy
	y := empty().with(0)
	for i, s := range r.Steps {
		// A schedule is smooth: some hundred points draw it as well as all of them.
		if every := len(r.Steps)/200 + 1; i%every == 0 || i == len(r.Steps)-1 {
			all = append(all, xy{t.at(s.Step), s.LR})
		}
		y = y.with(s.LR)
	}
	if len(all) == 0 {
		if all, y = t.epochs(r, func(e train.Epoch) float64 { return e.LR }); len(all) == 0 {
			return nil
		}
		y = y.with(0)
	}
	y.hi *= 1.08
	p := t.plot(y.wide())
	p.Add(line(all, pen(muted, 1.8)))
	if len(all) == 1 {
		p.Add(dots(all, muted.solid(), 2.6))
	}
	return &figure{
		name: "learning_rate", title: "Learning rate", unit: "weights' change per unit of gradient", paint: drawInto(p),
		how: "The schedule, and every cut after a step that diverged.",
		alt: "Learning rate over training.",
	}
}
