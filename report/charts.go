package report

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// comparePage is what compare.tmpl shows.
type comparePage struct {
	Subtitle string
	Groups   []group
	Whys     []string // why cells collapsed or failed
	pictures
}

// A group is the cells of one model and energy.
type group struct {
	Title  string
	Rows   []compareRow
	Charts []view
}

// A compareRow is a line of the table.
type compareRow struct {
	Summary
	CollapsedText string
	Alarm         bool
}

// NameParts are the functional's name cut where a narrow column may break it.
func (r compareRow) NameParts() []string { return strings.SplitAfter(r.Functional, "_") }

// comparison works out the page and its charts.
func comparison(all []Summary) *comparePage {
	p := &comparePage{}
	for _, part := range byModel(all) {
		g := group{Title: strings.Trim(part[0].Model+" · "+part[0].Energy, " ·")}
		for _, s := range part {
			g.Rows = append(g.Rows, rowOf(s))
			p.Whys = append(p.Whys, whys(s)...)
		}
		slug := unclean.ReplaceAllString(part[0].Model+"_"+part[0].Energy, "-")
		for _, f := range []*figure{errorChart(part, slug), gapChart(part, slug), keptChart(part, slug)} {
			g.Charts = append(g.Charts, p.view(f))
		}
		p.Groups = append(p.Groups, g)
	}
	runs, failed := 0, 0
	for _, s := range all {
		runs, failed = runs+s.Seeds, failed+s.Failed
	}
	p.Subtitle = plural(runs, "run", "runs") + " under one protocol"
	if failed > 0 {
		p.Subtitle += fmt.Sprintf("; %s without a result", count(failed))
	}
	return p
}

// byModel groups the cells, in the order in which the groups appear.
func byModel(all []Summary) [][]Summary {
	var out [][]Summary
	for _, s := range all {
		i := slices.IndexFunc(out, func(g []Summary) bool { return g[0].Model == s.Model && g[0].Energy == s.Energy })
		if i < 0 {
			i, out = len(out), append(out, nil)
		}
		out[i] = append(out[i], s)
	}
	return out
}

// unclean is what file names are better without.
var unclean = regexp.MustCompile(`[^A-Za-z0-9_]`)

func rowOf(s Summary) compareRow {
	r := compareRow{Summary: s, Alarm: s.Collapsed > 0 || s.Failed > 0}
	if s.Failed == s.Seeds {
		r.CollapsedText = "failed"
		return r
	}
	ran := s.Seeds - s.Failed
	switch {
	case s.Collapsed == 0:
		r.CollapsedText = "no"
	case s.Collapsed == ran:
		r.CollapsedText = "yes"
	default:
		r.CollapsedText = fmt.Sprintf("%d of %d", s.Collapsed, ran)
	}
	if s.Failed > 0 {
		r.CollapsedText += fmt.Sprintf("; %d failed", s.Failed)
	}
	return r
}

// whys lists the reasons of a cell's collapses and failures, each once.
func whys(s Summary) []string {
	var out []string
	for _, r := range s.Runs {
		why := r.Failed
		if why == "" && r.Collapsed {
			why = r.Why
		}
		line := strings.Trim(s.Functional+", "+s.Model+", "+s.Energy, ", ") + ": " + why
		if why != "" && !slices.Contains(out, line) {
			out = append(out, line)
		}
	}
	return out
}

// rowHeight is the height of a functional's line in a chart.
const rowHeight = 23

// rowsPlot returns axes with a named line for every row, from the top, and what mark draws on each.
func rowsPlot(names []string, x, y bounds, mark func(c draw.Canvas, row int, x func(float64) vg.Length, y vg.Length)) *plot.Plot {
	p := axes(x, y, "")
	at := func(row int) float64 { return float64(len(names) - 1 - row) }
	var lines []plot.Tick
	for i, name := range names {
		lines = append(lines, plot.Tick{Value: at(i), Label: name})
	}
	p.Y.Tick.Marker = plot.ConstantTicks(lines)
	p.Y.Tick.Label.Color = ink.solid()
	p.Add(verticals(), layer(func(c draw.Canvas, tx, ty func(float64) vg.Length) {
		for i := range names {
			mark(c, i, tx, ty(at(i)))
		}
	}))
	return p
}

// strip returns a figure with a line for every cell, named at the left.
func strip(part []Summary, name, title, unit string, x bounds, marker ticks, mark func(c draw.Canvas, s Summary, x func(float64) vg.Length, y vg.Length)) *figure {
	var names []string
	for _, s := range part {
		names = append(names, s.Functional)
	}
	p := rowsPlot(names, x, bounds{-0.5, float64(len(part)) - 0.5}, func(c draw.Canvas, row int, x func(float64) vg.Length, y vg.Length) {
		mark(c, part[row], x, y)
	})
	marker.about = 4
	if p.X.Tick.Marker = marker; marker.log {
		p.X.Scale = plot.LogScale{}
	}
	return &figure{
		name: name, title: title, unit: unit, width: panelWidth, height: vg.Length(len(part))*rowHeight + 96,
		paint: drawInto(p), alt: title + " of " + plural(len(part), "functional", "functionals") + ".", legend: runKeys(part),
	}
}

// eachRun draws a dot for every run and a bar for their mean.
func eachRun(value func(RunLine) float64, mean func(Summary) float64) func(draw.Canvas, Summary, func(float64) vg.Length, vg.Length) {
	return func(c draw.Canvas, s Summary, x func(float64) vg.Length, y vg.Length) {
		h := correct
		if s.Collapsed > 0 {
			h = offending
		}
		if m := mean(s); finite(m) {
			at := min(max(x(m), c.Min.X), c.Max.X)
			c.StrokeLine2(pen(h, 2), at, y-7, at, y+7)
		}
		for _, r := range s.Runs {
			if v := value(r); r.Failed == "" && finite(v) {
				fillDisc(c, h.alpha(0.55), min(max(x(v), c.Min.X), c.Max.X), y, 3.4)
			}
		}
	}
}

// runKeys is the legend of charts made by eachRun.
func runKeys(part []Summary) []key {
	keys := []key{{"a run", correct, dot}}
	if slices.ContainsFunc(part, func(s Summary) bool { return s.Collapsed > 0 }) {
		keys = append(keys, key{"of a functional that collapsed", offending, dot})
	}
	return keys
}

func errorChart(part []Summary, slug string) *figure {
	b, least := empty(), math.Inf(1)
	for _, s := range part {
		for _, r := range s.Runs {
			if v := float64(r.Error); r.Failed == "" && finite(v) {
				b = b.with(v)
				if v > 0 {
					least = math.Min(least, v)
				}
			}
		}
	}
	if b.lo > b.hi {
		b = bounds{0, 1}
	}
	log := !math.IsInf(least, 1) && b.hi > 5*least
	x := bounds{0, b.hi*1.1 + 1e-4}
	if log {
		x = bounds{least / 1.3, b.hi * 1.2}
	}
	clamped := func(v float64) float64 {
		if log {
			return math.Max(v, x.lo) // an error of zero lies at the edge
		}
		return v
	}
	q := part[0].Error.Quantity
	unit := q.Axis()
	if log {
		unit += ", logarithmic scale"
	}
	f := strip(part, "compare_error_"+slug, prefixed("Test", q), unit, x, ticks{log: log, unit: q.Unit},
		eachRun(func(r RunLine) float64 { return clamped(float64(r.Error)) }, func(s Summary) float64 { return clamped(float64(s.Error.Mean)) }))
	f.how = "A dot is a run with its own seed, the bar their mean. Left is better."
	return f
}

func keptChart(part []Summary, slug string) *figure {
	f := strip(part, "compare_margin_"+slug, "Margin kept", "of the test set, the gap at least m (above 0 where there is no m)", bounds{0, 1}, ticks{unit: part[0].Kept.Unit},
		eachRun(func(r RunLine) float64 { return float64(r.Kept) }, func(s Summary) float64 { return float64(s.Kept.Mean) }))
	f.how = "How often the correct answer is lower by what the functional asks for. Right is better."
	return f
}

func gapChart(part []Summary, slug string) *figure {
	b := empty().with(0)
	for _, s := range part {
		b = b.with(float64(s.GapP05.Mean), float64(s.GapP50.Mean))
	}
	f := strip(part, "compare_gap_"+slug, "Gap E⁻ − E⁺", "on the test set, mean over the runs", b.padded(0.06), ticks{},
		func(c draw.Canvas, s Summary, x func(float64) vg.Length, y vg.Length) {
			lo, mid := float64(s.GapP05.Mean), float64(s.GapP50.Mean)
			if !finite(lo) || !finite(mid) {
				return
			}
			c.StrokeLine2(draw.LineStyle{Color: gapHue.alpha(0.45), Width: 4}, x(lo), y, x(mid), y)
			fillDisc(c, gapHue.solid(), x(mid), y, 3.8)
			c.StrokeLine2(pen(gapHue, 2), x(lo), y-5, x(lo), y+5)
		})
	f.legend = []key{{"median", gapHue, dot}, {"from the lowest 5 %", gapHue, stroke}}
	f.how = "Each functional has its own scale of energies: what counts is that the lower end lies right of zero."
	return f
}
