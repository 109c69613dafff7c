package report

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/search/retrieval"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// RetrievalFile holds the figures of searching on a run's test set.
const RetrievalFile = "retrieval.json"

// Retrieval holds the figures of searching on a run's test set.
type Retrieval struct {
	Classes    []string          `json:"classes"`               // names of the labels
	HeldOut    []string          `json:"held_out,omitempty"`    // classes that were not trained on; all test pictures are theirs
	Among      *retrieval.Report `json:"among_test"`            // each test picture searches among the other ones
	InTraining *retrieval.Report `json:"in_training,omitempty"` // … among the training pictures; nil where classes are held out
	Baselines  []Baseline        `json:"baselines,omitempty"`   // of the same search as Among: chance, vectors without training, and the run's own last
	Notes      []string          `json:"notes,omitempty"`       // what the data has chosen, and what is odd about it
}

// Baseline is what a way to search comes to on a run's test pictures.
type Baseline struct {
	Name       string  `json:"name"`
	Precision1 float64 `json:"precision_at_1"`
	MAPAtR     float64 `json:"map_at_r"`
}

// Plainest returns the best of the baselines that are not the run's own, by precision@1; ok is false where there are none.
func (s *Retrieval) Plainest() (best Baseline, ok bool) {
	for i := range len(s.Baselines) - 1 {
		if b := s.Baselines[i]; !ok || b.Precision1 > best.Precision1 {
			best, ok = b, true
		}
	}
	return best, ok
}

// Write writes RetrievalFile into a run's folder.
func (s *Retrieval) Write(dir string) error { return writePart(dir, RetrievalFile, s) }

func readRetrieval(dir string) (*Retrieval, error) {
	s := &Retrieval{}
	return s, readPart(dir, RetrievalFile, s)
}

// check refuses figures that cannot be.
func (s *Retrieval) check() error {
	if s.Among == nil {
		return errors.New("among_test is missing")
	}
	for _, b := range s.Baselines {
		if err := checkShares(b.Precision1, b.MAPAtR); err != nil {
			return err
		}
	}
	for _, m := range []*retrieval.Report{s.Among, s.InTraining} {
		if m == nil {
			continue
		}
		if m.Queries < 1 || m.Wrong < 0 || m.Wrong > m.Queries {
			return fmt.Errorf("%d of %d queries are wrong", m.Wrong, m.Queries)
		}
		for _, k := range m.Recall {
			if k.K < 1 {
				return fmt.Errorf("recall is of %d pictures; it must be of 1 at least", k.K)
			}
			if err := checkShares(k.Share); err != nil {
				return err
			}
		}
		for _, c := range m.Classes {
			if c.Label < 0 || c.Label >= len(s.Classes) || c.Queries < 1 {
				return fmt.Errorf("class %d of %d has %d queries", c.Label, len(s.Classes), c.Queries)
			}
			if err := checkShares(c.Precision1); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkShares refuses numbers that are no fractions.
func checkShares(all ...float64) error {
	for _, v := range all {
		if !(v >= 0 && v <= 1) {
			return fmt.Errorf("a share is %v; it must be from 0 to 1", v)
		}
	}
	return nil
}

// A searchView is what the page shows of searching.
type searchView struct {
	Words              string
	Recall             view
	ByClass, Confusion view
	Mistakes           *groups
}

// addSearch draws the figures of searching. x is nil where the vectors are not at hand.
func (p *page) addSearch(r *Run, s *Retrieval, x *Vectors, images Images) {
	v := &searchView{Words: s.words(), Recall: p.view(recallFigure(s)), ByClass: p.view(classFigure(s))}
	p.Search = v
	if x == nil {
		return
	}
	if len(x.present()) <= maxCells {
		m, err := x.takenFor(x.order(), mostQueries)
		if p.err = cmp.Or(p.err, err); err == nil {
			v.Confusion = p.view(takenFigure(m))
		}
	}
	g, err := mistakeGroups(x, s.Among, images)
	if err != nil {
		r.note("%s could not be read: %v.", RetrievalFile, err)
		return
	}
	v.Mistakes = p.groups(g)
}

// words say what was searched.
func (s *Retrieval) words() string {
	m := s.Among
	ci := wilson(m.Queries-m.Wrong, m.Queries)
	out := fmt.Sprintf("Each test picture is the query once and is searched for among all other ones. For %s of %s the nearest is of the query’s class (95 %% interval %s to %s).",
		count(m.Queries-m.Wrong), plural(m.Queries, "query", "queries"), percent(ci.lo), percent(ci.hi))
	if len(s.HeldOut) > 0 {
		out += " They are of classes that the network was not trained on: " + strings.Join(s.HeldOut, ", ") + "."
	}
	if n := m.LeftOut; n > 0 {
		out += fmt.Sprintf(" Left out as queries: %s that %s alone in a class.", plural(n, "picture", "pictures"), map[bool]string{true: "is", false: "are"}[n == 1])
	}
	return out + s.besides() + sentences(s.Notes)
}

// sentences makes a sentence of each note, behind a space.
func sentences(notes []string) (out string) {
	for _, note := range notes {
		first, size := utf8.DecodeRuneInString(note)
		if size > 0 {
			out += " " + string(unicode.ToUpper(first)) + note[size:] + "."
		}
	}
	return out
}

// besides says what other ways to search come to on the same pictures.
func (s *Retrieval) besides() string {
	best, ok := s.Plainest()
	if !ok {
		return ""
	}
	var parts []string
	for _, b := range s.Baselines[:len(s.Baselines)-1] {
		parts = append(parts, fmt.Sprintf("%s %s (MAP@R %s)", b.Name, percent(b.Precision1), percent(b.MAPAtR)))
	}
	own := s.Baselines[len(s.Baselines)-1]
	out := fmt.Sprintf(" On the same pictures the precision@1 is by %s, and by this run %s (MAP@R %s).", strings.Join(parts, ", by "), percent(own.Precision1), percent(own.MAPAtR))
	if !(own.Precision1 > best.Precision1) {
		out += fmt.Sprintf(" The run does not beat %s.", best.Name)
	}
	return out
}

// recallFigure draws how the share of answered queries grows with the number of pictures looked at.
func recallFigure(s *Retrieval) *figure {
	points := recallPoints(s.Among)
	if len(points) < 2 {
		return nil
	}
	training, last := recallPoints(s.InTraining), points[len(points)-1]
	var at []plot.Tick
	for _, k := range points {
		at = append(at, plot.Tick{Value: k.x, Label: count(int(k.x))})
	}
	f := &figure{
		name: "recall", title: "Recall@k", unit: "queries with one of their class among the k nearest", width: panelWidth, height: panelHeight,
		how: "How many pictures one has to look at until one of the query’s class is among them. k = 1 is the precision@1.",
		alt: fmt.Sprintf("Recall at k: %s at %d, %s at %d.", percent(points[0].y), int(points[0].x), percent(last.y), int(last.x)),
	}
	if s.InTraining != nil {
		f.legend = []key{{"among test pictures", correct, stroke}, {"among training pictures", ink, dashes}}
	}
	x, y := bounds{points[0].x, last.x}, empty()
	for _, k := range slices.Concat(points, training) {
		y = y.with(k.y)
	}
	p := axes(x.padded(0.02), bounds{y.lo - 0.15*(1-y.lo) - 0.002, 1}, "k")
	p.X.Tick.Marker = plot.ConstantTicks(at)
	p.Y.Tick.Marker = ticks{about: 5, unit: measure.Share}
	p.Add(line(training, dashed(ink, 1.2)), line(points, pen(correct, 2)), dots(points, correct.solid(), 3.6))
	f.paint = drawInto(p)
	return f
}

// recallPoints are the shares of a report, which may be nil, by the number of pictures looked at.
func recallPoints(m *retrieval.Report) (points []xy) {
	if m != nil {
		for _, k := range m.Recall {
			points = append(points, xy{float64(k.K), k.Share})
		}
	}
	return points
}

// mostClasses is how many classes a picture of all has lines for.
const mostClasses = 30

// classFigure draws the precision@1 of each class with its interval; of very many those of the least precision.
func classFigure(s *Retrieval) *figure {
	all, unit := slices.Clone(s.Among.Classes), "with its 95 % interval"
	if n := len(all); n > mostClasses {
		slices.SortStableFunc(all, func(a, b retrieval.Class) int { return cmp.Compare(a.Precision1, b.Precision1) })
		all, unit = all[:mostClasses], fmt.Sprintf("the %d worst of %s classes, with 95 %% intervals", mostClasses, count(n))
	}
	if len(all) == 0 {
		return nil
	}
	x := bounds{1, 1}
	var names []string
	for _, c := range all {
		x = x.with(interval(c).lo, c.Precision1)
		names = append(names, cut(s.Classes[c.Label]))
	}
	p := rowsPlot(names, bounds{x.lo - 0.03*x.width() - 1e-3, 1}, bounds{-0.6, float64(len(all)) - 0.4}, func(c draw.Canvas, row int, tx func(float64) vg.Length, y vg.Length) {
		b := interval(all[row])
		c.StrokeLine2(draw.LineStyle{Color: correct.alpha(0.45), Width: 3}, tx(b.lo), y, tx(b.hi), y)
		fillDisc(c, correct.solid(), tx(all[row].Precision1), y, 3.6)
	})
	p.X.Tick.Marker = ticks{about: 4, unit: measure.Share}
	return &figure{
		name: "classes", title: "Precision@1 by class", unit: unit, width: panelWidth, height: vg.Length(len(all))*rowHeight + 86, paint: drawInto(p),
		how: "The share of a class’s queries whose nearest picture is of the class. Where intervals overlap by far, the difference may be chance.",
		alt: fmt.Sprintf("Precision at 1 of %s.", plural(len(all), "class", "classes")),
	}
}

// interval is the 95 % interval of a class's precision.
func interval(c retrieval.Class) bounds {
	return wilson(int(math.Round(c.Precision1*float64(c.Queries))), c.Queries)
}

// takenFigure draws whose pictures are taken for whose.
func takenFigure(m confusion) *figure {
	n, wrong := m.samples()
	if n == 0 {
		return nil
	}
	f := m.figure()
	f.title, f.unit = "Who is taken for whom", "queries; rows are their classes, columns those of the nearest picture"
	f.alt = fmt.Sprintf("Confusion matrix of %d classes: for %s of %s the nearest picture is of another class.", m.k, count(wrong), plural(n, "query", "queries"))
	f.how = "Off the diagonal are the queries whose nearest picture is of another class. The last column is their fraction of the class."
	return f
}

// shownMistakes is how many mistakes a page shows, at most.
const shownMistakes = 12

// mistakeGroups are the hardest queries: each with the nearest picture, which is wrong, and the nearest right one.
func mistakeGroups(x *Vectors, r *retrieval.Report, images Images) (*groups, error) {
	g := &groups{Kind: "mistakes", title: "The hardest mistakes", unit: "a query, the nearest picture, and the nearest of the query's class, with their distances", perLine: 3}
	for n, m := range r.Mistakes {
		for _, i := range []int{m.Query, m.Wrong, m.Right} {
			if i < 0 || i >= x.n() {
				return nil, fmt.Errorf("mistake %d names picture %d; there are %d", n, i, x.n())
			}
		}
		if n < shownMistakes {
			g.All = append(g.All, []shot{
				newShot(images, x, m.Query, "query", "query"),
				newShot(images, x, m.Wrong, "wrong", short(m.Distance)),
				newShot(images, x, m.Right, "right", short(m.RightDistance)),
			})
		}
	}
	return g, nil
}
