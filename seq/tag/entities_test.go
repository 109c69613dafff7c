package tag

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"
)

// modeScores are precision, recall and F1 of seqeval; types have these and the right entities by rows.
type modeScores struct {
	Micro, Macro [3]float64
	Types        [][]float64
}

func TestEntitiesAsSeqeval(t *testing.T) {
	f, err := os.Open("testdata/entities.jsonl.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for lines := bufio.NewScanner(z); lines.Scan(); n++ {
		var x struct {
			Right, Tagged   [][]string
			Default, Strict *modeScores
		}
		if err := json.Unmarshal(lines.Bytes(), &x); err != nil {
			t.Fatal(err)
		}
		for _, mode := range []struct {
			strict bool
			want   *modeScores
		}{{false, x.Default}, {true, x.Strict}} {
			if mode.want != nil {
				compareScores(t, ScoreEntities(x.Right, x.Tagged, mode.strict), mode.want)
			}
		}
		if t.Failed() {
			t.Fatalf("case %d: %v, tagged %v", n, x.Right, x.Tagged)
		}
	}
	if n != 180 {
		t.Errorf("%d cases", n)
	}
}

func compareScores(t *testing.T, got EntityScores, want *modeScores) {
	t.Helper()
	near := func(s EntityScore, p, r, f float64) {
		t.Helper()
		if math.Abs(s.Precision-p) > 1e-12 || math.Abs(s.Recall-r) > 1e-12 || math.Abs(s.F1-f) > 1e-12 {
			t.Errorf("%+v, want %v, %v, %v", s, p, r, f)
		}
	}
	near(got.Micro, want.Micro[0], want.Micro[1], want.Micro[2])
	near(got.Macro, want.Macro[0], want.Macro[1], want.Macro[2])
	if len(want.Types) != 4 || len(want.Types[0]) != len(got.Types) {
		t.Fatalf("types %+v, want %v", got.Types, want.Types)
	}
	for i, s := range got.Types {
		near(s, want.Types[0][i], want.Types[1][i], want.Types[2][i])
		if float64(s.Entities) != want.Types[3][i] {
			t.Errorf("%+v, want %v entities", s, want.Types[3][i])
		}
	}
}

func TestEntityScheme(t *testing.T) {
	for tags, want := range map[string]string{
		"O I-A I-A O B-A": IOB1, "O B-A I-A O": IOB2, "B-A I-B": IOB1, "B-A B-A": IOB2, "O S-A": IOBES, "B-A E-A O": IOBES, "U-A B-A L-A": BILOU,
		"O O": "", "": "", "NN VB": "", "B-A X-A": "", "B-A S-A U-A": "", "B O": "", "B-": "",
	} {
		if got := EntityScheme([][]string{strings.Fields(tags)}); got != want {
			t.Errorf("%s: %q, want %q", tags, got, want)
		}
	}
}
