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
	page := checkEncoderPage(t, f.siamese(t), []string{"roc", "pair_distances", "map", "distances", "queries", "false_accepts", "false_refusals"})
	for _, want := range []string{"A &lt;figure&gt;", "AUC ", "equal error rate ", "chosen on other pairs", "Each point is a threshold", "Queries and what they find"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

// TestWorst: the pairs on the wrong side of the threshold, the farthest from it first; one at the threshold is accepted.
func TestWorst(t *testing.T) {
	p := &Pairs{
		First: []int{0, 1, 2, 3, 4, 5}, Second: []int{9, 9, 9, 9, 9, 9},
		Same: []bool{true, true, true, false, false, false}, Distances: []float64{0.5, 0.7, 0.9, 0.5, 0.1, 0.6},
	}
	firsts := func(g *groups) (out []string) {
		for _, group := range g.All {
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
	edit := func(f func(p *Pairs)) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			fake := newFakeSearch()
			p := fake.vectors().pairs(fake.each)
			f(p)
			p.save(t, dir)
		}
	}
	const whole = `{"same":3,"different":2,"auc":1,"eer":0,"accuracy":1,"threshold":1,"tar_at_far":[],"chosen":1,"roc":[{"threshold":0,"far":0,"tar":0.5},{"threshold":1,"far":1,"tar":1}]}`
	write := func(from, to string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			if !strings.Contains(whole, from) {
				t.Fatalf("there is no %s", from)
			}
			writeFile(t, dir, VerificationFile, strings.Replace(whole, from, to, 1))
		}
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
		{"no pairs", remove(PairsFile), curve, "Distances of test pairs"},
		{"no vectors", remove(VectorsFile), "Distances of test pairs", "could not be read"},
		{"no curve", remove(VerificationFile), "Queries and what they find", curve},
		{"another curve", write("", ""), curve, "could not be read"},
		{"falling curve", write(`"tar":1`, `"tar":0.4`), "roc[1] is", curve},
		{"point", write(`,{"threshold":1,"far":1,"tar":1}`, ""), "the curve has 1 points", curve},
		{"no pair of the same", write(`"same":3`, `"same":0`), "0 pairs of the same and 2 others", curve},
		{"share", write(`"auc":1`, `"auc":1.5`), "a share is 1.5", curve},
		{"a name", write(`"chosen":1,`, ""), "chosen is missing", curve},
		{"no errors", edit(func(p *Pairs) {
			for i, same := range p.Same {
				p.Distances[i] = 9
				if same {
					p.Distances[i] = 0
				}
			}
		}), "There are none among the test pairs", "could not be read"},
		{"distance", edit(func(p *Pairs) { p.Distances[2] = math.NaN() }), "distances[2] is NaN", "Distances of test pairs"},
		{"picture", edit(func(p *Pairs) { p.Second[4] = 48 }), "pair 4 is of the pictures", "Distances of test pairs"},
		{"half a picture", func(t *testing.T, dir string) {
			saveTensors(t, filepath.Join(dir, PairsFile), nil, column(t, "first", []float64{0.5}), column(t, "second", []float64{1}), column(t, "same", []float64{1}), column(t, "distances", []float64{1}))
		}, "first[0] is 0.5", "Distances of test pairs"},
		{"lengths", func(t *testing.T, dir string) {
			saveTensors(t, filepath.Join(dir, PairsFile), nil, column(t, "first", []float64{1, 2}), column(t, "second", []float64{1}))
		}, "it must hold the tensors first, second", "Distances of test pairs"},
		{"nothing", func(t *testing.T, dir string) {
			saveTensors(t, filepath.Join(dir, PairsFile), nil, column(t, "second", []float64{1}))
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
