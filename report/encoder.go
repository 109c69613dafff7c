package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/energo-ml/energo/internal/card"
	"github.com/energo-ml/energo/internal/wholefile"
	"github.com/energo-ml/energo/train"
	"gonum.org/v1/plot"
)

// writePart writes a JSON file of a run's folder.
func writePart(dir, file string, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return wholefile.Write(filepath.Join(dir, file), append(text, '\n'))
}

// readPart reads a JSON file of a run's folder into v, and checks it. The error is fs.ErrNotExist where there is none.
func readPart(dir, file string, v interface{ check() error }) error {
	text, err := os.ReadFile(filepath.Join(dir, file))
	if err == nil {
		err = card.Decode(text, v)
	}
	if err == nil {
		err = v.check()
	}
	return err
}

// part reads a part of a run's folder; nothing where there is none, or where it is damaged, which is noted.
func part[T any](r *Run, file string, read func(dir string) (T, error)) (none T) {
	v, err := read(r.Dir)
	if err == nil {
		return v
	}
	if !errors.Is(err, fs.ErrNotExist) {
		r.note("%s could not be read: %v.", file, err)
	}
	return none
}

// addEncoder draws what a run's encoder makes of the test pictures, as far as the folder says it.
func (p *page) addEncoder(r *Run, images Images) {
	x := part(r, VectorsFile, readVectors)
	if x != nil {
		p.addVectors(r, x, images)
	}
	if s := part(r, RetrievalFile, readRetrieval); s != nil {
		p.addSearch(r, s, x, images)
	}
	if v := part(r, VerificationFile, readVerification); v != nil {
		p.addVerify(r, v, x, images)
	}
}

// Bounds of the work for a page: of how many pictures all pairs are looked at, and for how many the nearest one
// is searched for.
const (
	mostPaired  = 1000
	mostQueries = 10000
)

// What a page shows of queries, at most.
const (
	shownQueries = 12
	shownNearest = 8
)

// A vectorsView is what the page shows of vectors.
type vectorsView struct {
	Map, Distances view
	Queries        *groups
}

// order is that in which pictures are looked at where not all are.
func (v *Vectors) order() []int { return train.Rand(1, "queries", 0).Perm(v.n()) }

// addVectors draws where the vectors of the test pictures lie, and what lies near some of them.
func (p *page) addVectors(r *Run, x *Vectors, images Images) {
	v := &vectorsView{}
	p.Vectors = v
	if m, err := newVectorMap(x); err == nil {
		v.Map = p.sized(m.figure)
	} else {
		r.note("The vectors cannot be drawn in a plane: %v.", err)
	}
	v.Distances, v.Queries = p.view(apartFigure(x)), p.groups(queryGroups(x, images))
}

// apartFigure draws how far pictures of one class and of different classes are apart.
func apartFigure(x *Vectors) *figure {
	same, different := x.apart(x.order(), mostPaired)
	if len(same) == 0 || len(different) == 0 {
		return nil
	}
	f := distanceFigure(same, different)
	f.title = "Distances of test pictures"
	f.legend = []key{{"same class", correct, swatch}, {"different classes", offending, swatch}}
	f.how = "The less the two overlap, the better a class keeps together. For searching it is enough that the nearest ones are right."
	if x.n() > mostPaired {
		f.how += fmt.Sprintf(" These are the pairs among %s pictures drawn at random.", count(mostPaired))
	}
	return f
}

// distanceFigure draws how the distances of pairs of the same and of others, both ascending, are spread, with marks on
// top. Its unit says what is left out; the other words are the caller's.
func distanceFigure(same, different []float64, marks ...plot.Plotter) *figure {
	b, out := robust(same, different)
	f := overlap(b, binWidth(b, len(same)+len(different)), same, different, true, "distance", marks...)
	f.name, f.unit = "distances", "share of the pairs of a kind in a bin"+leftOut(out)
	f.alt = fmt.Sprintf("Histograms of distances: pairs of the same have a median of %s, others of %s.", number(quantile(same, 0.5)), number(quantile(different, 0.5)))
	return f
}

// queryGroups are queries that have another picture of their class to find, each with what is nearest.
func queryGroups(x *Vectors, images Images) *groups {
	g := &groups{Kind: "queries", title: "Queries and what they find", unit: "at the left a query, then the nearest pictures with their distances", perLine: 1}
	sizes := x.sizes()
	for _, i := range x.order() {
		if len(g.All) == shownQueries {
			break
		}
		if sizes[x.Labels[i]] < 2 {
			continue
		}
		group := []shot{newShot(images, x, i, "query", "query")}
		for _, near := range x.nearest(i, shownNearest) {
			group = append(group, newShot(images, x, near.index, verdict(x.Labels[near.index] == x.Labels[i]), short(near.distance)))
		}
		g.All = append(g.All, group)
	}
	return g
}
