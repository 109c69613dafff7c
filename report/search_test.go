package report

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/energo-ml/energo/loss/distance"

	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/search/retrieval"
	"gonum.org/v1/plot/vg"
	"pgregory.net/rapid"
)

var fixedColour = regexp.MustCompile(`(fill|stroke):#[0-9A-F]{6}`)

// checkEncoderPage writes a run's page and pictures, and holds them against what every page keeps to.
func checkEncoderPage(t *testing.T, dir string, names []string) string {
	t.Helper()
	if err := Write(dir, blobs(28, 28), ""); err != nil {
		t.Fatal(err)
	}
	all := checkOutput(t, dir, PageFile)
	for _, name := range names {
		if all["plots/"+name+".svg"] == nil {
			t.Errorf("plots/%s.svg is missing", name)
		}
	}
	page := string(all[PageFile])
	if bad := fixedColour.FindString(page); bad != "" {
		t.Errorf("the page has a fixed colour: %s", bad)
	}
	for _, bad := range []string{"could not be read", "cannot be drawn", "The energy surface on the test set", "No samples were held out"} {
		if strings.Contains(page, bad) {
			t.Errorf("the page has %q", bad)
		}
	}
	if _, again := composed(t, dir, blobs(28, 28)); again != page {
		t.Error("the page differs on a second run")
	}
	return page
}

func TestWriteSearch(t *testing.T) {
	dir := newFakeSearch().search(t)
	page := checkEncoderPage(t, dir, []string{"map", "distances", "queries", "recall", "classes", "confusion", "mistakes", "loss", "error"})
	wrong := 0
	v := newFakeSearch().vectors()
	for i := range v.n() {
		if v.Labels[v.nearest(i, 1)[0].index] != v.Labels[i] {
			wrong++
		}
	}
	if wrong < shownMistakes {
		t.Fatalf("%d mistakes are too few for the test", wrong)
	}
	for _, want := range []string{
		"A &lt;figure&gt;", fmt.Sprintf("For %d of 48 queries the nearest is of the query’s class (95 %% interval", 48-wrong), "Recall@k", "Test error",
		"Who is taken for whom", "&lt;class 1&gt;", `/0 &amp; more.png`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if got, want := strings.Count(page, `<img src="data:image/png`), shownQueries*(1+shownNearest)+3*shownMistakes; got != want {
		t.Errorf("%d pictures, want %d", got, want)
	}
}

// TestSearchEdges: what a folder lacks is left out, what is damaged is noted, and the rest is shown.
func TestSearchEdges(t *testing.T) {
	edit := func(f func(v *Vectors)) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			v := newFakeSearch().vectors()
			f(v)
			v.save(t, dir)
		}
	}
	part := func(from, to string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			text, err := os.ReadFile(filepath.Join(dir, RetrievalFile))
			if err != nil {
				t.Fatal(err)
			}
			changed := regexp.MustCompile(from).ReplaceAllString(string(text), to)
			if changed == string(text) {
				t.Fatalf("%s does not match", from)
			}
			writeFile(t, dir, RetrievalFile, changed)
		}
	}
	tests := []struct {
		name         string
		damage       func(*testing.T, string)
		want, absent string
	}{
		{"whole", func(*testing.T, string) {}, "The vectors in a plane", "could not be read"},
		{"no vectors", func(t *testing.T, dir string) { os.Remove(filepath.Join(dir, VectorsFile)) }, "Precision@1 by class", "could not be read"},
		{"vectors cut off", func(t *testing.T, dir string) { os.Truncate(filepath.Join(dir, VectorsFile), 900) }, VectorsFile + " could not be read", "The vectors in a plane"},
		{"label", edit(func(v *Vectors) { v.Labels[7] = 4 }), "labels[7] is 4; it must be a whole number of at least 0 and below 4", "Who is taken"},
		{"not finite", edit(func(v *Vectors) { v.Values[3] = float32(math.Inf(1)) }), VectorsFile + " could not be read", "Who is taken"},
		{"metric", edit(func(v *Vectors) { v.Metric = "miles" }), "miles", "Who is taken"},
		{"paths", edit(func(v *Vectors) { v.Paths = v.Paths[:5] }), "paths of 5 pictures, but 48 vectors", "Who is taken"},
		{"one number", edit(func(v *Vectors) { v.Values, v.Dim = v.Values[:v.n()], 1 }), "48 vectors of 1 numbers have no plane", "The vectors in a plane"},
		{"all alike", edit(func(v *Vectors) { clear(v.Values) }), "Queries and what they find", "could not be read"},
		{"fewer pictures", edit(func(v *Vectors) { v.Values, v.Labels, v.Paths = v.Values[:10], v.Labels[:2], v.Paths[:2] }), "mistake 0 names picture", ""},
		{"other name", part(`"among_test":`, `"among":`), RetrievalFile + " could not be read", "Precision@1 by class"},
		{"no figures", func(t *testing.T, dir string) { writeFile(t, dir, RetrievalFile, `{"classes":[],"among_test":null}`) }, "among_test is missing", "Precision@1 by class"},
		{"share", part(`"share":0.\d+`, `"share":1.5`), "a share is 1.5; it must be from 0 to 1", "Precision@1 by class"},
		{"class", part(`"label":3`, `"label":9`), "class 9 of 4 has 12 queries", "Precision@1 by class"},
		{"other types", part(`"queries":48`, `"queries":"many"`), RetrievalFile + " could not be read", "Precision@1 by class"},
		{"alone", part(`"left_out":0`, `"left_out":2`), "Left out as queries: 2 pictures that are alone", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := newFakeSearch().search(t)
			test.damage(t, dir)
			_, page := composed(t, dir, nil)
			checkPage(t, []byte(page))
			if !strings.Contains(page, test.want) {
				t.Errorf("the page lacks %q", test.want)
			}
			if test.absent != "" && strings.Contains(page, test.absent) {
				t.Errorf("the page has %q", test.absent)
			}
		})
	}
}

// TestSearchSizes: from a handful of pictures to many classes.
func TestSearchSizes(t *testing.T) {
	tests := []struct {
		fakeSearch
		want []string
	}{
		{fakeSearch{classes: 1, each: 2, dim: 2, near: 0.1}, []string{"this is all of them", "No mistakes are listed", "of 2 queries"}},
		{fakeSearch{classes: 2, each: 3, dim: 3, near: 0.1, heldOut: true}, []string{"not trained on: &lt;class 0&gt;, &lt;class 1&gt;"}},
		{fakeSearch{classes: 45, each: 2, dim: 4, near: 0.1}, []string{"the 30 worst of 45 classes", "35 other classes"}},
	}
	for _, test := range tests {
		t.Run(fmt.Sprint(test.classes), func(t *testing.T) {
			p, page := composed(t, test.search(t), blobs(20, 30))
			checkPage(t, []byte(page))
			for _, want := range test.want {
				if !strings.Contains(page, want) {
					t.Errorf("the page lacks %q", want)
				}
			}
			if got := p.Search.Confusion.Shown(); got != (test.classes <= maxCells) {
				t.Errorf("the confusion of %d classes is shown: %v", test.classes, got)
			}
		})
	}
}

// TestNearest holds the searches for a page against looking at all pairs.
func TestNearest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, dim := rapid.IntRange(2, 12).Draw(t, "n"), rapid.IntRange(1, 3).Draw(t, "dim")
		v := &Vectors{Dim: dim, Classes: []string{"a", "b", "c"}, Metric: distance.Euclidean}
		v.Values = rapid.SliceOfN(rapid.SampledFrom([]float32{-1, 0, 0.5, 2}), n*dim, n*dim).Draw(t, "values")
		v.Labels = rapid.SliceOfN(rapid.IntRange(0, 2), n, n).Draw(t, "labels")
		order := rapid.Permutation(indices(n)).Draw(t, "order")
		most := rapid.IntRange(1, n).Draw(t, "most")
		m, err := v.takenFor(order, most)
		if err != nil {
			t.Fatal(err)
		}
		classes := v.present()
		counts := make([]int, m.k*m.k)
		for i := range n {
			near := v.nearest(i, n)
			if len(near) != n-1 {
				t.Fatalf("%d neighbours of %d", len(near), n)
			}
			for a, q := range near {
				if q.index == i || q.distance != distance.Between(v.measure(), v.row(i), v.row(q.index)) {
					t.Fatalf("neighbour %d of %d is %v", a, i, q)
				}
				if a > 0 && (near[a-1].distance > q.distance || near[a-1].distance == q.distance && near[a-1].index > q.index) {
					t.Fatalf("neighbours of %d are out of order: %v", i, near)
				}
			}
			if slices.Contains(order[:most], i) {
				counts[slices.Index(classes, v.Labels[i])*m.k+slices.Index(classes, v.Labels[near[0].index])]++
			}
		}
		if !slices.Equal(counts, m.counts) {
			t.Fatalf("counts %v, want %v", m.counts, counts)
		}
		same, different := v.apart(order, most)
		if len(same)+len(different) != most*(most-1)/2 || !slices.IsSorted(same) || !slices.IsSorted(different) {
			t.Fatalf("%v and %v of %d pictures", same, different, most)
		}
	})
}

func indices(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// TestLegendLines: every entry in order, and a line is no wider than it may be unless it is a single entry.
func TestLegendLines(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var keys []key
		for _, text := range rapid.SliceOfN(rapid.StringN(0, 20, -1), 0, 12).Draw(t, "texts") {
			keys = append(keys, key{text: text, form: keyForm(rapid.IntRange(0, 3).Draw(t, "form"))})
		}
		width := rapid.Float64Range(10, 400).Draw(t, "width")
		var all []key
		for _, l := range legendLines(keys, vg.Length(width)) {
			w := -float64(keySpace)
			for _, k := range l {
				w += float64(k.width()) + keySpace
			}
			if len(l) == 0 || len(l) > 1 && w > width+1e-6 {
				t.Fatalf("a line of %d entries is %v wide, of %v", len(l), w, width)
			}
			all = append(all, l...)
		}
		if !slices.Equal(all, keys) {
			t.Fatalf("%v became %v", keys, all)
		}
	})
}

func TestShort(t *testing.T) {
	for _, test := range []struct {
		v    float64
		want string
	}{{0, "0"}, {0.25, "0.250"}, {-1.5, "−1.50"}, {1234, "1,234"}, {4.42e-6, "4.4e−6"}, {-3e-12, "−3.0e−12"}, {1e7, "1.0e7"}, {0.001, "0.00100"}} {
		if got := short(test.v); strings.ReplaceAll(got, ",", "") != strings.ReplaceAll(test.want, ",", "") {
			t.Errorf("short(%v) = %q, want %q", test.v, got, test.want)
		}
	}
}

// TestPlaneImages: red, green and blue come from the three planes of each picture.
func TestPlaneImages(t *testing.T) {
	pixels := make([]byte, 2*3*2*2)
	for i := range pixels {
		pixels[i] = byte(i)
	}
	images, err := PlaneImages(pixels, 3, 2, 2)
	if err != nil {
		t.Fatal(err)
	}
	r, g, b, a := images(1).At(1, 0).RGBA()
	if r>>8 != 13 || g>>8 != 17 || b>>8 != 21 || a>>8 != 255 {
		t.Errorf("pixel (1, 0) of picture 1 is %d, %d, %d, %d", r>>8, g>>8, b>>8, a>>8)
	}
	if images(2) != nil || images(-1) != nil {
		t.Error("there are pictures outside the set")
	}
	for _, bad := range [][3]int{{2, 2, 2}, {3, 2, 5}, {1, 0, 2}} {
		if _, err := PlaneImages(pixels, bad[0], bad[1], bad[2]); err == nil {
			t.Errorf("%d bytes are pictures of %v", len(pixels), bad)
		}
	}
}

// TestPagesOfOddResults: whatever the files of searching and of pairs hold, the page is drawn.
func TestPagesOfOddResults(t *testing.T) {
	for i, odd := range oddFigures {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			dir := t.TempDir()
			writeFile(t, dir, ConfigFile, "seed: 1")
			writeFile(t, dir, RetrievalFile, odd.retrieval)
			writeFile(t, dir, VerificationFile, odd.verification)
			writeFile(t, dir, VectorsFile, "")
			writeFile(t, dir, PairsFile, "")
			p, page := composed(t, dir, nil)
			checkPage(t, []byte(page))
			if (p.Search != nil) != (odd.retrieval != "") || (p.Verify != nil) != (odd.verification != "") {
				t.Errorf("shown: searching %v, pairs %v", p.Search != nil, p.Verify != nil)
			}
		})
	}
}

const oddReport = `"left_out":0,"gallery":0,"precision_at_1":0,"r_precision":0,"map_at_r":0,"map":0,"wrong":0`

var oddFigures = []struct{ retrieval, verification string }{
	{`{"classes":["a"],"among_test":{"queries":1,"recall":[{"k":1,"share":0},{"k":1,"share":1}],"classes":[{"label":0,"queries":9223372036854775807,"precision_at_1":0}],` + oddReport + `}}`, ""},
	{"", `{"same":1,"different":1,"auc":0,"eer":0,"accuracy":0,"threshold":0,"tar_at_far":[],"chosen":1e308,"roc":[{"threshold":0,"far":0,"tar":0},{"threshold":0,"far":0,"tar":0}]}`},
	{"", `{"same":3,"different":2,"auc":1,"eer":1,"accuracy":9,"threshold":-1,"tar_at_far":[{"far":0.01,"tar":0.5,"threshold":0}],"chosen":0,"roc":[{"threshold":0,"far":0,"tar":0},{"threshold":1,"far":1,"tar":1}]}`},
}

// FuzzFigures feeds the readers of figures texts of any content: what is taken can be drawn.
func FuzzFigures(f *testing.F) {
	for _, odd := range oddFigures {
		f.Add([]byte(odd.retrieval), []byte(odd.verification))
	}
	f.Fuzz(func(t *testing.T, searching, telling []byte) {
		dir := t.TempDir()
		writeFile(t, dir, RetrievalFile, string(searching))
		writeFile(t, dir, VerificationFile, string(telling))
		if s, err := readRetrieval(dir); err == nil {
			s.words()
			recallFigure(s)
			classFigure(s)
		}
		if v, err := readVerification(dir); err == nil {
			v.curve(planeSize)
		}
	})
}

// FuzzVectors feeds the readers of vectors and pairs tensors of any shape and content: what is taken holds together.
func FuzzVectors(f *testing.F) {
	f.Add("euclidean", `["a","b"]`, `["x","y"]`, []byte{2, 2, 1, 2}, []byte{0, 1, 2, 3, 0, 1})
	f.Add("", "[]", "null", []byte{0, 0}, []byte{9})
	f.Fuzz(func(t *testing.T, metric, classes, paths string, shapes, values []byte) {
		var tensors []tensor.Named
		for _, name := range []string{"vectors", "labels", "first", "second", "same", "distances"} {
			var one *tensor.Tensor
			one, shapes, values = oddTensor(shapes, values)
			tensors = append(tensors, tensor.Named{Name: name, Tensor: one})
		}
		file := &tensor.File{Tensors: tensors, Metadata: map[string]string{"metric": metric, "classes": classes, "paths": paths}}
		if v, err := decodeVectors(file); err == nil {
			for i, label := range v.Labels {
				if label >= len(v.Classes) || len(v.row(i)) != v.Dim || len(v.Paths) != v.n() {
					t.Fatalf("picture %d of %d, label %d of %d, %d paths", i, v.n(), label, len(v.Classes), len(v.Paths))
				}
			}
		}
		if p, err := decodePairs(file); err == nil && (len(p.First) != len(p.Second) || len(p.Same) != len(p.Distances)) {
			t.Fatal("columns of different lengths")
		}
	})
}

// oddTensor takes a small tensor's shape and elements from the beginnings of two lists, and returns what is left of those: a
// rank up to 3, dimensions up to 3, and elements that are small whole numbers, halves, infinite or NaN.
func oddTensor(shapes, values []byte) (*tensor.Tensor, []byte, []byte) {
	next := func(list *[]byte) (b byte) {
		if len(*list) > 0 {
			b, *list = (*list)[0], (*list)[1:]
		}
		return b
	}
	kind := next(&shapes)
	shape := make([]int, kind%4)
	for i := range shape {
		shape[i] = int(next(&shapes) % 4)
	}
	x := tensor.New(tensor.Float32, shape...)
	for i := range x.Float32s() {
		switch b := next(&values); {
		case b < 200:
			x.Float32s()[i] = float32(b) / 2
		case b < 220:
			x.Float32s()[i] = -float32(b)
		case b < 240:
			x.Float32s()[i] = float32(math.Inf(int(b%2)*2 - 1))
		default:
			x.Float32s()[i] = float32(math.NaN())
		}
	}
	return x, shapes, values
}

// TestReadVectorsMissing: tensors that are not there are named.
func TestReadVectorsMissing(t *testing.T) {
	dir := t.TempDir()
	saveTensors(t, filepath.Join(dir, VectorsFile), nil, tensor.Named{Name: "vectors", Tensor: tensor.New(tensor.Float32, 2, 2)})
	if _, err := readVectors(dir); err == nil || !strings.Contains(err.Error(), "labels [N]") {
		t.Errorf("vectors without labels: %v", err)
	}
}

// TestInterval: of a class with all right, the interval reaches 1.
func TestInterval(t *testing.T) {
	if b := interval(retrieval.Class{Queries: 20, Precision1: 1}); b.hi != 1 || !(b.lo > 0.8 && b.lo < 0.9) {
		t.Errorf("20 of 20: %v", b)
	}
}
