package tag

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/energo-ml/energo/data"
)

// crfsuiteCase is a line of testdata/crfsuite.jsonl.gz, which oracle/crfsuite.py writes.
type crfsuiteCase struct {
	Train, Test, Tagged string
	C2, Loss            float64
	Features            int
	Settings            map[string]float64
}

func crfsuiteCases(t *testing.T) (all []crfsuiteCase) {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", "crfsuite.jsonl.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(z)
	for {
		var c crfsuiteCase
		err := d.Decode(&c)
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
}

func attributeText(t *testing.T, text string) *data.AttributeText {
	t.Helper()
	x, err := data.ReadAttributes(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// trainer returns one of a text.
func trainer(t *testing.T, text *data.AttributeText, o AttributeOptions, training AttributeTraining) (*Attributes, *AttributeTrainer) {
	t.Helper()
	x, err := NewAttributeLexicon(text.Sequences)
	if err != nil {
		t.Fatal(err)
	}
	batch := x.Encode(text.Sequences)
	a, err := NewAttributes(x, batch, text.Weights, o)
	if err != nil {
		t.Fatal(err)
	}
	tr, err := NewAttributeTrainer(a, batch, text.Weights, training)
	if err != nil {
		t.Fatal(err)
	}
	return a, tr
}

// Trained to the end, the weights are CRFsuite's: as many, with the same objective, tags and marginals.
func TestAttributesAreCRFsuites(t *testing.T) {
	for i, c := range crfsuiteCases(t) {
		a, tr := trainer(t, attributeText(t, c.Train), AttributeOptions{
			MinFrequency: c.Settings["minfreq"], PossibleStates: c.Settings["possible_states"] == 1, PossibleTransitions: c.Settings["possible_transitions"] == 1,
		}, AttributeTraining{C2: c.C2, Epsilon: 1e-9, Delta: 1e-15})
		if a.Size() != c.Features {
			t.Errorf("case %d: %d weights; CRFsuite has %d", i, a.Size(), c.Features)
		}
		steps := 0
		for ; !tr.Settled() && steps < 1000; steps++ {
			if err := tr.Step(); err != nil {
				t.Fatal(err)
			}
		}
		if loss, err := tr.Objective(); err != nil || math.Abs(loss-c.Loss) > 2e-6 || steps > 200 {
			t.Errorf("case %d: the objective is %v after %d steps (%v); CRFsuite's is %v", i, loss, steps, err, c.Loss)
		}
		dir := t.TempDir()
		if err := NewModel(a).Save(dir); err != nil {
			t.Fatal(err)
		}
		m, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		sequences := strings.Split(strings.TrimSuffix(c.Tagged, "\n\n"), "\n\n")
		test := attributeText(t, c.Test).Sequences
		if len(sequences) != len(test) {
			t.Fatalf("case %d: %d sequences are read; CRFsuite reads %d", i, len(test), len(sequences))
		}
		for j, s := range test {
			answer, err := m.Answer(s.Words)
			if err != nil {
				t.Fatal(err)
			}
			for k, line := range strings.Split(sequences[j], "\n") {
				fields := strings.Split(line, "\t")
				if answer.Tags[k] != fields[0] {
					t.Errorf("case %d, sequence %d, item %d: %s; CRFsuite tags %s", i, j, k, answer.Tags[k], fields[0])
				}
				for _, f := range fields[1:] {
					at := strings.LastIndex(f, ":")
					want, err := strconv.ParseFloat(f[at+1:], 64)
					y := m.Lexicon().tagOf[f[:at]]
					if err != nil || math.Abs(answer.All[k][y]-want) > 1e-6+5e-7 { // six digits are written
						t.Errorf("case %d, sequence %d, item %d: P(%s) = %v; CRFsuite has %v", i, j, k, f[:at], answer.All[k][y], f[at+1:])
					}
				}
			}
		}
	}
}

// The gradient is that of finite differences, and a sequence of weight 2 is as two.
func TestAttributeObjective(t *testing.T) {
	const text = "A\ta:2\tb\nB\tc\tb:-1\n\n@weight:2\nB\ta\nA\n\n"
	a, tr := trainer(t, attributeText(t, text), AttributeOptions{PossibleStates: true}, AttributeTraining{C2: 0.3})
	twice := attributeText(t, strings.Replace(text, "@weight:2\nB\ta\nA\n", "B\ta\nA\n\nB\ta\nA\n", 1))
	_, tr2 := trainer(t, twice, AttributeOptions{PossibleStates: true}, AttributeTraining{C2: 0.3})
	x := make([]float64, a.Size())
	for i := range x {
		x[i] = math.Sin(float64(7 * i))
	}
	grad, other := make([]float64, len(x)), make([]float64, len(x))
	v, err := tr.evaluate(x, grad)
	if err != nil {
		t.Fatal(err)
	}
	if w, err := tr2.evaluate(x, other); err != nil || math.Abs(v-w) > 1e-12 {
		t.Errorf("the objective is %v with a weight, %v with the sequence twice (%v)", v, w, err)
	}
	for i := range x {
		const h = 1e-5
		x[i] += h
		up, _ := tr.evaluate(x, other)
		x[i] -= 2 * h
		down, _ := tr.evaluate(x, other)
		x[i] += h
		if d := (up - down) / (2 * h); math.Abs(d-grad[i]) > 1e-8 {
			t.Errorf("derivative %d is %v; differences give %v", i, grad[i], d)
		}
	}
}

// A trainer that is given the state of another resumes with its bits.
func TestAttributeTrainerResumes(t *testing.T) {
	c := crfsuiteCases(t)[0]
	text := attributeText(t, c.Train)
	_, one := trainer(t, text, AttributeOptions{}, AttributeTraining{C2: 1})
	_, two := trainer(t, text, AttributeOptions{}, AttributeTraining{C2: 1})
	for range 9 {
		if err := one.Step(); err != nil {
			t.Fatal(err)
		}
	}
	for i, s := range one.State() {
		copy(two.State()[i].Tensor.Float64s(), s.Tensor.Float64s())
	}
	for range 3 {
		for _, x := range []*AttributeTrainer{one, two} {
			if err := x.Step(); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i, w := range one.a.w {
		if w != two.a.w[i] {
			t.Fatalf("weight %d is %v, resumed %v", i, w, two.a.w[i])
		}
	}
}

func TestAttributesRefuse(t *testing.T) {
	if _, err := NewAttributeLexicon([]data.Sentence{{Words: []string{"a:x"}, Tags: []string{"A"}}}); err == nil || !strings.Contains(err.Error(), `the value "x"`) {
		t.Errorf("%v", err)
	}
	if _, err := NewAttributes(farmLexicon(t), nil, nil, AttributeOptions{}); err == nil || !strings.Contains(err.Error(), "must be of attributes") {
		t.Errorf("%v", err)
	}
	text := attributeText(t, "A\ta\n")
	a, _ := trainer(t, text, AttributeOptions{}, AttributeTraining{})
	if _, err := NewAttributes(a.words, nil, nil, AttributeOptions{MinFrequency: -1}); err == nil || !strings.Contains(err.Error(), "MinFrequency is -1") {
		t.Errorf("%v", err)
	}
	if _, err := NewAttributeTrainer(a, nil, nil, AttributeTraining{C2: math.NaN()}); err == nil || !strings.Contains(err.Error(), "C2 is NaN") {
		t.Errorf("%v", err)
	}
	m := NewModel(a)
	if _, err := m.Tag([][]string{{"a"}, {"a", "b:c"}}); err == nil || !strings.Contains(err.Error(), "sequence 2, item 2") {
		t.Errorf("%v", err)
	}
	if _, err := m.Answer([]string{":1"}); err == nil || !strings.Contains(err.Error(), "must have a name") {
		t.Errorf("%v", err)
	}
	var out bytes.Buffer
	if err := text.Labelled(&out, [][]string{{"B:1"}}); err != nil || out.String() != "B\\:1\ta\n" {
		t.Errorf("%q (%v)", out.String(), err)
	}
}
