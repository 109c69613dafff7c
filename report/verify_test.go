package report

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestWriteSiamese(t *testing.T) {
	f := newFakeSearch()
	page := checkFound(t, f.siamese(t), []string{"roc", "distances", "map", "false_accepts", "false_refusals"})
	for _, want := range []string{"Accuracy", "test pairs wrong; 95\u00a0% interval", "Equal error rate", "AUC", "Accepted at 1 %", "chosen on other pairs", "the best on 90 held-out pairs", "Each point is a threshold"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

// TestWorst: the pairs on the wrong side of the threshold, the farthest from it first; one at the threshold is accepted.
func TestWorst(t *testing.T) {
	p := &pairing{
		first: []int{0, 1, 2, 3, 4, 5}, second: []int{9, 9, 9, 9, 9, 9},
		same: []bool{true, true, true, false, false, false}, distances: []float64{0.5, 0.7, 0.9, 0.5, 0.1, 0.6},
	}
	firsts := func(g *groups) (out []string) {
		for _, group := range g.all {
			out = append(out, group[0].Title)
		}
		return out
	}
	if got, want := firsts(p.worst(0.5, true, nil, nil)), []string{"test picture 2", "test picture 1"}; !slices.Equal(got, want) {
		t.Errorf("refused %v, want %v", got, want)
	}
	if got, want := firsts(p.worst(0.5, false, nil, nil)), []string{"test picture 4", "test picture 3"}; !slices.Equal(got, want) {
		t.Errorf("accepted %v, want %v", got, want)
	}
}

// TestSiameseEdges: what a folder lacks is left out, what is damaged is noted, and the rest is shown.
func TestSiameseEdges(t *testing.T) {
	edit := func(f func(p *pairing)) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			fake := newFakeSearch()
			p := fake.vectors().pairs(fake.each)
			f(p)
			p.save(t, dir)
		}
	}
	write := func(name, text string) func(*testing.T, string) {
		return func(t *testing.T, dir string) { writeFile(t, dir, name, text) }
	}
	remove := func(names ...string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			for _, name := range names {
				if err := os.Remove(filepath.Join(dir, name)); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	const curve = "Each point is a threshold"
	tests := []struct {
		name         string
		damage       func(*testing.T, string)
		want, absent string
	}{
		{"whole", func(*testing.T, string) {}, curve, "could not be read"},
		{"no pairs", remove(pairsFile), curve, "Distances of test pairs"},
		{"no vectors", remove(vectorsFile), "Distances of test pairs", "could not be read"},
		{"no curve", remove(verificationFile), "Equal error rate", curve},
		{"falling curve", write(verificationFile, `{"roc":[{"tar":0.5},{"far":1,"tar":0.4}]}`), "roc[1] is", curve},
		{"point", write(verificationFile, `{"roc":[{"tar":0.5}]}`), "the curve has 1 points", curve},
		{"no pair of the same", write(resultFile, `{"test_error":0,"epochs":2,"steps":12,"train_seconds":1,"collapsed":false,"different":3}`), "0 pairs of the same and 3 others", "Equal error rate"},
		{"no errors", edit(func(p *pairing) {
			for i, same := range p.same {
				p.distances[i] = 9
				if same {
					p.distances[i] = 0
				}
			}
		}), "There are none among the test pairs", "could not be read"},
		{"distance", edit(func(p *pairing) { p.distances[2] = math.NaN() }), "distances[2] is NaN", "Distances of test pairs"},
		{"picture", edit(func(p *pairing) { p.second[4] = 48 }), "pair 4 is of the pictures", "Distances of test pairs"},
		{"half a picture", func(t *testing.T, dir string) {
			saveTensors(t, filepath.Join(dir, pairsFile), nil, column(t, "first", []float64{0.5}), column(t, "second", []float64{1}), column(t, "same", []float64{1}), column(t, "distances", []float64{1}))
		}, "first[0] is 0.5", "Distances of test pairs"},
		{"lengths", func(t *testing.T, dir string) {
			saveTensors(t, filepath.Join(dir, pairsFile), nil, column(t, "first", []float64{1, 2}), column(t, "second", []float64{1}))
		}, "it must hold the tensors first, second", "Distances of test pairs"},
		{"nothing", func(t *testing.T, dir string) {
			saveTensors(t, filepath.Join(dir, pairsFile), nil, column(t, "second", []float64{1}))
		}, "it must hold the tensors first, second", "Distances of test pairs"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := newFakeSearch().siamese(t)
			test.damage(t, dir)
			_, page := composed(t, dir, nil)
			text := strings.ReplaceAll(page, "distances[2] is NaN", "distances[2] is …") // which checkPage refuses elsewhere
			checkPage(t, []byte(text))
			if !strings.Contains(page, test.want) {
				t.Errorf("the page lacks %q", test.want)
			}
			if test.absent != "" && strings.Contains(page, test.absent) {
				t.Errorf("the page has %q", test.absent)
			}
		})
	}
}
