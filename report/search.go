package report

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/energo-ml/energo/measure"
	"github.com/energo-ml/energo/retrieval"
	"github.com/energo-ml/energo/train"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// searched is what a run of search came to, as far as the page shows it: a part of result.json.
type searched struct {
	Classes    []string          `json:"classes"`
	HeldOut    []string          `json:"held_out"`
	Among      *retrieval.Report `json:"among_test"`
	InTraining *retrieval.Report `json:"in_training"`
}

// Bounds of the work for a page: of how many pictures all pairs are looked at, and for how many the nearest one
// is searched for.
const (
	mostPaired  = 1000
	mostQueries = 10000
)

// readPart reads a JSON file of a run into v. The error is fs.ErrNotExist where there is none.
func readPart(dir, file string, v any) error {
	text, err := os.ReadFile(filepath.Join(dir, file))
	if err != nil {
		return err
	}
	return json.Unmarshal(text, v)
}

// readSearched returns nil where the run is none of search, has not been evaluated, or says what cannot be, which is noted.
func readSearched(r *Run) *searched {
	s := &searched{}
	if r.Get("recipe") != "search" || r.Result == nil {
		return nil
	}
	err := readPart(r.Dir, resultFile, s)
	if err == nil {
		err = s.check()
	}
	if err != nil {
		r.note("%s could not be read: %v.", resultFile, err)
		return nil
	}
	return s
}

// check refuses figures that cannot be.
func (s *searched) check() error {
	if s.Among == nil {
		return errors.New("among_test is missing")
	}
	for _, m := range []*retrieval.Report{s.Among, s.InTraining} {
		if m == nil {
			continue
		}
		if m.Queries < 1 || m.Wrong < 0 || m.Wrong > m.Queries {
			return fmt.Errorf("%d of %d queries are wrong", m.Wrong, m.Queries)
		}
		shares := []float64{m.Precision1, m.RPrecision, m.MAPAtR}
		for _, k := range m.Recall {
			if k.K < 1 {
				return fmt.Errorf("recall is of %d pictures; it must be of 1 at least", k.K)
			}
			shares = append(shares, k.Share)
		}
		for _, c := range m.Classes {
			if c.Label < 0 || c.Label >= len(s.Classes) || c.Queries < 1 {
				return fmt.Errorf("class %d of %d has %d queries", c.Label, len(s.Classes), c.Queries)
			}
			shares = append(shares, c.Precision1)
		}
		if m.NMI != nil {
			shares = append(shares, *m.NMI)
		}
		for _, v := range shares {
			if !(v >= 0 && v <= 1) {
				return fmt.Errorf("a share is %v; it must be from 0 to 1", v)
			}
		}
	}
	return nil
}

// tiles are the headline figures.
func (s *searched) tiles(r *Run) []tile {
	m := s.Among
	ci := wilson(m.Queries-m.Wrong, m.Queries)
	out := []tile{{
		Label: "Precision@1", Value: percent(m.Precision1),
		Note: fmt.Sprintf("the nearest picture is of another class for %s of %s; 95 %% interval %s to %s", count(m.Wrong), plural(m.Queries, "query", "queries"), percent(ci.lo), percent(ci.hi)),
	}}
	if len(s.HeldOut) > 0 {
		out = append(out, tile{Label: "Classes held out", Value: count(len(s.HeldOut)), Note: "not trained on; all test pictures are theirs: " + strings.Join(s.HeldOut, ", ")})
	}
	if n := len(m.Recall); n > 0 {
		k := m.Recall[n-1]
		out = append(out, tile{Label: fmt.Sprintf("Recall@%d", k.K), Value: percent(k.Share), Note: fmt.Sprintf("of the queries have one of their class among the %d nearest", k.K)})
	}
	out = append(
		out,
		tile{Label: "MAP@R", Value: percent(m.MAPAtR), Note: "as R-precision, but right ones count more in front"},
		tile{Label: "R-precision", Value: percent(m.RPrecision), Note: "right ones among the R nearest, R being all of the class"},
	)
	if m.NMI != nil {
		out = append(out, tile{Label: "NMI", Value: fmt.Sprintf("%.3f", *m.NMI), Note: "how well clusters of the vectors agree with the classes, from 0 to 1"})
	}
	return append(out, endTiles(r)...)
}

// endTiles say whether the distances collapsed, how far they are apart, and how long it took.
func endTiles(r *Run) []tile {
	out := append([]tile{collapseTile(r, nil)}, gapTiles(r, nil)...)
	if t, ok := timeTile(r); ok {
		out = append(out, t)
	}
	return out
}

// A searchView is what the page shows of searching.
type searchView struct {
	Words              string
	Map, MapNarrow     view
	Distances, Recall  view
	ByClass, Confusion view
	Queries, Mistakes  *sheetOfGroups
	Pictured           bool
}

// addSearch draws what a run of search came to. What is missing or damaged is noted.
func (p *page) addSearch(r *Run, s *searched, images Images) error {
	v := &searchView{Pictured: images != nil, Words: s.words()}
	p.Search, p.Tiles = v, s.tiles(r)
	var err error
	show := func(f *figure) view {
		if f == nil || err != nil {
			return view{}
		}
		var out view
		out, err = p.view(f)
		return out
	}
	v.Recall, v.ByClass = show(recallFigure(s)), show(classFigure(s))
	x, readErr := readVectors(r.Dir)
	if readErr != nil {
		if !errors.Is(readErr, fs.ErrNotExist) {
			r.note("%s could not be read: %v.", vectorsFile, readErr)
		}
		return err
	}
	order := train.Rand(1, "queries", 0).Perm(x.n)
	v.Distances = show(apartFigure(x, order))
	p.addMap(r, x, &v.Map, &v.MapNarrow, &err)
	if len(x.present()) <= maxCells {
		m, e := x.takenFor(order, mostQueries)
		if e != nil {
			return e
		}
		v.Confusion = show(takenFigure(m))
	}
	if err != nil {
		return err
	}
	if v.Queries, err = p.groups(queryGroups(x, order, images)); err != nil {
		return err
	}
	g, mistakeErr := mistakeGroups(x, s.Among, images)
	if mistakeErr != nil {
		r.note("%s could not be read: %v.", resultFile, mistakeErr)
		return nil
	}
	v.Mistakes, err = p.groups(g)
	return err
}

// addMap draws the vectors in a plane, wide and narrow.
func (p *page) addMap(r *Run, x *vectors, wide, narrow *view, err *error) {
	if *err != nil {
		return
	}
	m, e := newVectorMap(x)
	if e != nil {
		r.note("The vectors cannot be drawn in a plane: %v.", e)
		return
	}
	*wide, *err = p.view(m.figure(planeSize))
	*narrow = p.bare(m.figure(planeNarrow), err)
}

// words say what was searched.
func (s *searched) words() string {
	out := "Each test picture is the query once and is searched for among all other ones."
	if len(s.HeldOut) > 0 {
		out += " They are of classes that the network was not trained on: " + strings.Join(s.HeldOut, ", ") + "."
	}
	if n := s.Among.LeftOut; n > 0 {
		out += fmt.Sprintf(" Left out as queries: %s that %s alone in a class.", plural(n, "picture", "pictures"), map[bool]string{true: "is", false: "are"}[n == 1])
	}
	if t := s.InTraining; t != nil {
		out += fmt.Sprintf(" Among the %s instead, precision@1 is %s and MAP@R %s.", plural(t.Gallery, "training picture", "training pictures"), percent(t.Precision1), percent(t.MAPAtR))
	}
	return out
}

// recallFigure draws how the share of answered queries grows with the number of pictures looked at.
func recallFigure(s *searched) *figure {
	var points, training []xy
	var at []plot.Tick
	y := empty()
	for _, k := range s.Among.Recall {
		points = append(points, xy{float64(k.K), k.Share})
		at = append(at, plot.Tick{Value: float64(k.K), Label: count(k.K)})
		y = y.with(k.Share)
	}
	if len(points) < 2 {
		return nil
	}
	f := &figure{
		name: "recall", title: "Recall@k", unit: "queries with one of their class among the k nearest", width: panelWidth, height: panelHeight,
		how: "How many pictures one has to look at until one of the query’s class is among them. k = 1 is the precision@1.",
		alt: fmt.Sprintf("Recall at k: %s at %d, %s at %d.", percent(points[0].y), int(points[0].x), percent(points[len(points)-1].y), int(points[len(points)-1].x)),
	}
	if s.InTraining != nil {
		for _, k := range s.InTraining.Recall {
			training = append(training, xy{float64(k.K), k.Share})
			y = y.with(k.Share)
		}
		f.legend = []key{{"among test pictures", correct, stroke}, {"among training pictures", ink, dashes}}
	}
	x := bounds{points[0].x, points[len(points)-1].x}
	p := axes(x.padded(0.02), bounds{y.lo - 0.15*(1-y.lo) - 0.002, 1}, "k")
	p.X.Tick.Marker = plot.ConstantTicks(at)
	p.Y.Tick.Marker = ticks{about: 5, unit: measure.Share}
	p.Add(line(training, dashed(ink, 1.2)), line(points, pen(correct, 2)), dots(points, correct.solid(), 3.6))
	f.paint = drawInto(p)
	return f
}

// mostClasses is how many classes a picture of all has lines for.
const mostClasses = 30

// classFigure draws the precision@1 of each class with its interval; of very many those of the least precision.
func classFigure(s *searched) *figure {
	all, unit := slices.Clone(s.Among.Classes), "with its 95 % interval"
	if n := len(all); n > mostClasses {
		slices.SortStableFunc(all, func(a, b retrieval.Class) int { return cmp.Compare(a.Precision1, b.Precision1) })
		all, unit = all[:mostClasses], fmt.Sprintf("the %d worst of %s classes, with 95 %% intervals", mostClasses, count(n))
	}
	if len(all) == 0 {
		return nil
	}
	x := bounds{1, 1}
	var names []plot.Tick
	for i, c := range all {
		x = x.with(interval(c).lo, c.Precision1)
		names = append(names, plot.Tick{Value: float64(len(all) - 1 - i), Label: cut(s.Classes[c.Label])})
	}
	p := axes(bounds{x.lo - 0.03*x.width() - 1e-3, 1}, bounds{-0.6, float64(len(all)) - 0.4}, "")
	p.X.Tick.Marker, p.Y.Tick.Marker = ticks{about: 4, unit: measure.Share}, plot.ConstantTicks(names)
	p.Y.Tick.Label.Color = ink.solid()
	p.Add(&plotter.Grid{Vertical: draw.LineStyle{Color: grid.solid(), Width: 0.8}}, layer(func(c draw.Canvas, tx, ty func(float64) vg.Length) {
		for i, k := range all {
			b, y := interval(k), ty(float64(len(all)-1-i))
			c.StrokeLine2(draw.LineStyle{Color: correct.alpha(0.45), Width: 3}, tx(b.lo), y, tx(b.hi), y)
			fillDisc(c, correct.solid(), tx(k.Precision1), y, 3.6)
		}
	}))
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

// apartFigure draws how far pictures of one class and of different classes are apart.
func apartFigure(x *vectors, order []int) *figure {
	same, different := x.apart(order, mostPaired)
	if len(same) == 0 || len(different) == 0 {
		return nil
	}
	f := distanceFigure(same, different)
	f.title = "Distances of test pictures"
	f.legend = []key{{"same class", correct, swatch}, {"different classes", offending, swatch}}
	f.how = "The less the two overlap, the better a class keeps together. For searching it is enough that the nearest ones are right."
	if x.n > mostPaired {
		f.how += fmt.Sprintf(" These are the pairs among %s pictures drawn at random.", count(mostPaired))
	}
	return f
}

// distanceFigure draws how the distances of pairs of the same and of others, both ascending, are spread, with marks on
// top. Its unit says what is left out; the other words are the caller's.
func distanceFigure(same, different []float64, marks ...plot.Plotter) *figure {
	b, out := robust(same, different)
	step := binWidth(b, len(same)+len(different))
	hs, hd := bins(b, step), bins(b, step)
	hs.add(same)
	hd.add(different)
	hs.of, hd.of = len(same), len(different)
	p := axes(hs.span(), bounds{0, 1.06 * max(hs.height(hs.peak()), hd.height(hd.peak()))}, "distance")
	p.Y.Tick.Marker = ticks{about: 5, unit: measure.Share}
	p.Add(hd.areas(func(float64) shade { return offending.alpha(0.30) }), hs.areas(func(float64) shade { return correct.alpha(0.30) }),
		hd.outline(offending), hs.outline(correct))
	p.Add(marks...)
	return &figure{
		name: "distances", unit: "share of the pairs of a kind in a bin" + leftOut(out), width: panelWidth, height: panelHeight, paint: drawInto(p),
		alt: fmt.Sprintf("Histograms of distances: pairs of the same have a median of %s, others of %s.", number(quantile(same, 0.5)), number(quantile(different, 0.5))),
	}
}

// takenFigure draws whose pictures are taken for whose.
func takenFigure(m confusion) *figure {
	n, wrong := 0, 0
	for y := range m.k {
		n += m.total[y]
		wrong += m.total[y] - m.counts[y*m.k+y]
	}
	if n == 0 {
		return nil
	}
	f := m.figure()
	f.title, f.unit = "Who is taken for whom", "queries; rows are their classes, columns those of the nearest picture"
	f.alt = fmt.Sprintf("Confusion matrix of %d classes: for %s of %s the nearest picture is of another class.", m.k, count(wrong), plural(n, "query", "queries"))
	f.how = "Off the diagonal are the queries whose nearest picture is of another class. The last column is their fraction of the class."
	return f
}
