package tabular

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/optim"
	"github.com/energo-ml/energo/engine/tensor"
)

// kinds are targets of the table of tableText.
var kinds = map[string]data.TableTarget{
	data.TableClass:   {Kind: data.TableClass, Column: "kind"},
	data.TableClasses: {Kind: data.TableClasses, Column: "tags", Separator: ";"},
	data.TableNumber:  {Kind: data.TableNumber, Column: "price"},
	data.TableRank:    {Kind: data.TableRank, Column: "price", Group: "query"},
}

// tableOf returns a table of n rows whose answers follow from two numbers and a text.
func tableOf(t testing.TB, n int) *data.Table {
	t.Helper()
	rng := rand.New(rand.NewPCG(1, 1))
	var b strings.Builder
	b.WriteString("a,b,colour,kind,tags,price,query\n")
	for i := range n {
		x, y, red := rng.NormFloat64(), rng.NormFloat64(), rng.IntN(2)
		var tags []string
		if y > 0 {
			tags = append(tags, "up")
		}
		if red == 1 {
			tags = append(tags, "red")
		}
		kind := []string{"low", "middle", "high"}[min(2, int(max(0, x+1.5)))]
		fmt.Fprintf(&b, "%v,%v,%s,%s,%s,%v,q%d\n", 100+3*x, y, [...]string{"blue", "red"}[red], kind, strings.Join(tags, ";"), 2*x-5*float64(red)+1000, i%9)
	}
	table, err := data.ParseTable(strings.NewReader(b.String()), "a.csv")
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// modelOf returns an untrained model of a kind of answers, and the rows of its table.
func modelOf(t testing.TB, kind, network string, n int) (*Model, *data.Table, *Rows) {
	t.Helper()
	table := tableOf(t, n)
	schema, err := table.Fit(table.All(), kinds[kind], []string{"kind", "tags", "price", "query"})
	if err != nil {
		t.Fatal(err)
	}
	m, err := New(Spec{Network: network, Hidden: 8, Schema: schema}, rand.New(rand.NewPCG(3, 4)))
	if err != nil {
		t.Fatal(err)
	}
	rows, err := NewRows(schema, table, table.All())
	if err != nil {
		t.Fatal(err)
	}
	return m, table, rows
}

// TestFolder: a model that is opened is the one that was saved, and its answers with it.
func TestFolder(t *testing.T) {
	for kind := range kinds {
		for _, network := range Networks {
			m, table, _ := modelOf(t, kind, network, 50)
			dir := t.TempDir()
			if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), "has no "+CardFile) {
				t.Errorf("an empty folder: error %v", err)
			}
			if err := m.Save(dir); err != nil {
				t.Fatal(err)
			}
			opened, err := Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			want, err1 := m.Answer(table)
			got, err2 := opened.Answer(table)
			if err := errors.Join(err1, err2); err != nil || !reflect.DeepEqual(got, want) || !reflect.DeepEqual(opened.Spec, m.Spec) {
				t.Errorf("%s, %s: %v; opened %+v, saved %+v", kind, network, err, got, want)
			}
			other, _, _ := modelOf(t, kind, network, 51)
			if err := other.Load(dir); err == nil || !strings.Contains(err.Error(), "are not those of the table") {
				t.Errorf("%s: loaded into a model of other rows: error %v", kind, err)
			}
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	m, _, _ := modelOf(t, data.TableClass, "mlp", 20)
	dir := t.TempDir()
	if err := m.Save(dir); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, CardFile)
	card, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ from, to, want string }{
		{`"format": 1`, `"format": 2`, "format is 2; this version opens format 1"},
		{`"mlp"`, `"cnn"`, `network is "cnn"`},
		{`"hidden": 8`, `"hidden": 0`, "hidden is 0"},
		{`"hidden": 8`, `"hidden": 9`, "table.json describes: it has no tensor \"net.0.weight\" of shape [9 4]"},
		{`"middle"`, `"middling"`, ""}, // a name that weights do not have
		{`"scale": 1`, `"scale": -1`, "both must be numbers of float32, the scale above 0"},
		{`"inputs"`, `"imputs"`, "imputs"},
		{"{", "", CardFile},
	} {
		text := strings.Replace(string(card), c.from, c.to, 1)
		if text == string(card) {
			t.Fatalf("the card has no %s: %s", c.from, card)
		}
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(dir); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v; want %s", c.to, err, c.want)
		}
	}
	for _, s := range []Spec{{Network: "linear"}, {Network: "", Schema: m.Schema}, {Network: "mlp", Hidden: MostHidden + 1, Schema: m.Schema}} {
		if _, err := New(s, rand.New(rand.NewPCG(1, 1))); err == nil {
			t.Errorf("%+v is taken", s)
		}
	}
}

// TestWrite: the rows come with the answer of least energy, the classes of energies below 0, the place in a group, the number.
func TestWrite(t *testing.T) {
	for kind := range kinds {
		m, table, _ := modelOf(t, kind, "mlp", 300)
		var b bytes.Buffer
		if err := m.Write(&b, table); err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(&b).ReadAll()
		if err != nil || len(rows) != 301 {
			t.Fatalf("%s: %d rows, %v", kind, len(rows), err)
		}
		k := len(table.Header)
		names := rows[0][k+1:]
		places := map[string][]bool{}
		for i, row := range rows[1:] {
			if table.Columns[0].Texts[i] != row[0] {
				t.Fatalf("%s: row %d begins with %s", kind, i, row[0])
			}
			var e []float64
			for _, text := range row[k+1:] {
				v, err := strconv.ParseFloat(text, 64)
				if err != nil {
					t.Fatal(err)
				}
				e = append(e, v)
			}
			switch kind {
			case data.TableClass:
				if "energy "+row[k] != names[slices.Index(e, slices.Min(e))] {
					t.Fatalf("row %d: %s of %v %v", i, row[k], names, e)
				}
			case data.TableClasses:
				for y, name := range names {
					if in := slices.Contains(strings.Split(row[k], ";"), strings.TrimPrefix(name, "energy ")); in != (e[y] < 0) {
						t.Fatalf("row %d: %q of %v %v", i, row[k], names, e)
					}
				}
			case data.TableRank:
				place, err := strconv.Atoi(row[k])
				if err != nil {
					t.Fatal(err)
				}
				if places[row[k-1]] == nil {
					places[row[k-1]] = make([]bool, 40)
				}
				if places[row[k-1]][place] {
					t.Fatalf("place %d of %s is given twice", place, row[k-1])
				}
				places[row[k-1]][place] = true
			default:
				if _, err := strconv.ParseFloat(row[k], 64); err != nil || len(e) != 0 {
					t.Fatalf("row %d: %q with %d energies", i, row[k], len(e))
				}
			}
		}
	}
}

func TestAnswerRefuses(t *testing.T) {
	m, _, _ := modelOf(t, data.TableRank, "linear", 50)
	for _, c := range []struct{ text, want string }{
		{"a,b,colour\n1,2,red\n", `b.csv: line 1: there is no column "query"`},
		{"a,b,query\n1,2,q\n", `b.csv: line 1: there is no column "colour"`},
		{"a,b,colour,query\n1,x,red,q\n", `b.csv: line 2: column b: "x" is not a number`},
		{"a,b,colour,query,energy\n1,2,red,q,3\n", `b.csv: line 1: there is a column "energy"`},
		{"a,b,colour,query,answer\n1,2,red,q,3\n", `b.csv: line 1: there is a column "answer"`},
	} {
		table, err := data.ParseTable(strings.NewReader(c.text), "b.csv")
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Write(new(bytes.Buffer), table); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: error %v; want %s", c.text, err, c.want)
		}
	}
	table, err := data.ParseTable(strings.NewReader("a,b,colour,query\n1,2,red,q\n2e38,2e38,blue,q\n"), "b.csv")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range m.Params() {
		for i := range p.Value.Float32s() {
			p.Value.Float32s()[i] = 1e4
		}
	}
	if _, err := m.Answer(table); err == nil || !strings.Contains(err.Error(), "b.csv: line 3: the model gives +Inf") {
		t.Errorf("an energy of +Inf: error %v", err)
	}
}

// everyTrainer calls do with a trainer by each functional and each loss of a kind of answers.
func everyTrainer(t *testing.T, kind, network string, n int, do func(t *testing.T, name string, trainer *Trainer, rows *Rows)) {
	t.Helper()
	names := functional.Names()
	if kind == data.TableNumber {
		names = nil
	}
	for _, name := range append(names, Losses(kind)...) {
		t.Run(kind+"/"+name, func(t *testing.T) {
			m, _, rows := modelOf(t, kind, network, n)
			loss := name
			if slices.Contains(names, name) {
				loss = ""
			}
			trainer, err := NewTrainer(m, name, functional.DefaultOptions(), loss)
			if err != nil {
				t.Fatal(err)
			}
			do(t, name, trainer, rows)
		})
	}
}

// TestStepAllocates: a warm step allocates nothing, by any functional or loss.
func TestStepAllocates(t *testing.T) {
	for kind := range kinds {
		everyTrainer(t, kind, "mlp", 64, func(t *testing.T, _ string, trainer *Trainer, rows *Rows) {
			tape, rng, samples := autodiff.NewTape(tensor.Float32), rand.New(rand.NewPCG(1, 1)), make([]int, 32)
			adam, params := new(optim.Adam), trainer.model.Params()
			step := func() {
				for i := range samples {
					samples[i] = rng.IntN(rows.Samples())
				}
				tape.Reset()
				l, err := trainer.Loss(tape, rows, samples, rng)
				if err != nil {
					t.Fatal(err)
				}
				for _, p := range params {
					p.ZeroGrad()
				}
				tape.Backward(l)
				adam.Step(params, 1e-3)
			}
			for range 10 {
				step()
			}
			if n := testing.AllocsPerRun(50, step); n != 0 {
				t.Errorf("a step allocates %v times", n)
			}
		})
	}
}

// TestLearns: every functional and every loss learns every kind of answers that it trains, which follow from the rows. Classes are learned by a
// network: of three that lie along a line, a linear regression of marks never gives the middle one. What is there to be seen failing fails:
// energy, which pushes nothing up, and square_square_misprint; but of several classes the misprint learns, since there one
// energy falls as the other rises.
func TestLearns(t *testing.T) {
	settings := map[string]struct {
		network string
		bound   float64
	}{data.TableClass: {"mlp", 0.01}, data.TableClasses: {"mlp", 0.01}, data.TableNumber: {"linear", 0.001}, data.TableRank: {"linear", 0.02}}
	for kind, s := range settings {
		everyTrainer(t, kind, s.network, 300, func(t *testing.T, name string, trainer *Trainer, rows *Rows) {
			train(t, trainer, rows, 1000)
			m, err := trainer.Measure(t.Context(), rows)
			if err != nil {
				t.Fatal(err)
			}
			v, fails := float64(m.Error.Value), name == "energy" || name == "square_square_misprint" && kind != data.TableClasses
			if !fails && !(v <= s.bound) {
				t.Errorf("error %v; at most %v is expected", m.Error.Text(), s.bound)
			}
			if fails && !(v > 0.1) {
				t.Errorf("error %v; it is expected to fail", m.Error.Text())
			}
		})
	}
}

// train takes steps of Adam over batches of 32 samples.
func train(t *testing.T, trainer *Trainer, rows *Rows, steps int) {
	t.Helper()
	tape, rng, samples := autodiff.NewTape(tensor.Float32), rand.New(rand.NewPCG(1, 1)), make([]int, 32)
	adam, params, schedule := new(optim.Adam), trainer.model.Params(), optim.Cosine{}
	for step := range steps {
		for i := range samples {
			samples[i] = rng.IntN(rows.Samples())
		}
		tape.Reset()
		l, err := trainer.Loss(tape, rows, samples, rng)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range params {
			p.ZeroGrad()
		}
		tape.Backward(l)
		adam.Step(params, 0.02*schedule.At(step, steps))
	}
}

// TestGradients: what a trainer records has the slope of its loss, by differences.
func TestGradients(t *testing.T) {
	for kind := range kinds {
		everyTrainer(t, kind, "mlp", 40, func(t *testing.T, _ string, trainer *Trainer, rows *Rows) {
			params, samples := trainer.model.Params(), []int{0, 3, 4, 8, 9, 20, 21, 30}
			value := func() float64 {
				tape := autodiff.NewTape(tensor.Float32)
				l, err := trainer.Loss(tape, rows, samples, rand.New(rand.NewPCG(5, 5)))
				if err != nil {
					t.Fatal(err)
				}
				for _, p := range params {
					p.ZeroGrad()
				}
				tape.Backward(l)
				return float64(l.Value.Float32s()[0])
			}
			value()
			var slope float64 // along the gradient
			var gradient [][]float32
			for _, p := range params {
				g := slices.Clone(p.Grad.Float32s())
				gradient = append(gradient, g)
				for _, v := range g {
					slope += float64(v) * float64(v)
				}
			}
			move := func(h float64) float64 {
				for i, p := range params {
					for j := range gradient[i] {
						p.Value.Float32s()[j] += float32(h * float64(gradient[i][j]))
					}
				}
				return value()
			}
			h := 1e-2 / math.Sqrt(slope+1e-12)
			up := move(h)
			down := move(-2 * h)
			if d := (up - down) / (2 * h); !(math.Abs(d-slope) <= 0.1*slope+1e-4) {
				t.Errorf("the slope along the gradient is %v by differences, %v by the tape", d, slope)
			}
		})
	}
}

// TestMeasure: the figures of each kind, of answers that are right, are those of no error.
func TestMeasure(t *testing.T) {
	for kind := range kinds {
		m, table, rows := modelOf(t, kind, "linear", 300)
		trainer, err := NewTrainer(m, "nll", functional.DefaultOptions(), map[string]string{data.TableNumber: "mse"}[kind])
		if err != nil {
			t.Fatal(err)
		}
		got, err := trainer.Measure(t.Context(), rows)
		if err != nil {
			t.Fatal(err)
		}
		a, err := m.Answer(table)
		if err != nil {
			t.Fatal(err)
		}
		wrong := 0.0
		switch kind {
		case data.TableClass, data.TableClasses:
			column, err := table.Column(kinds[kind].Column)
			if err != nil {
				t.Fatal(err)
			}
			for i, text := range a.Texts {
				want := strings.Split(column.Texts[i], ";")
				slices.Sort(want)
				if strings.Join(want, ";") != text {
					wrong++
				}
			}
			wrong /= 300
		case data.TableNumber:
			wrong = unexplained(t, table, a)
		case data.TableRank:
			wrong = disordered(table, a)
		}
		if math.Abs(wrong-float64(got.Error.Value)) > 1e-4 || got.Error.Key == "" || !(got.Chance > 0) {
			t.Errorf("%s: error %v of %s; the answers have %v", kind, got.Error.Value, got.Error.Key, wrong)
		}
	}
	m, _, rows := modelOf(t, data.TableClass, "linear", 300)
	trainer, err := NewTrainer(m, "nll", functional.DefaultOptions(), "")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := trainer.Measure(ctx, rows); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: error %v", err)
	}
}

// unexplained is Σ(y − f)²/Σ(y − ȳ)² of what was answered.
func unexplained(t *testing.T, table *data.Table, a *Answers) float64 {
	t.Helper()
	y := table.Columns[5].Numbers
	var mean, off, away float64
	for _, v := range y {
		mean += v / float64(len(y))
	}
	for i, text := range a.Texts {
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			t.Fatal(err)
		}
		off, away = off+(f-y[i])*(f-y[i]), away+(y[i]-mean)*(y[i]-mean)
	}
	return off / away
}

// disordered is the share of the pairs of a group of which the greater has no lower energy.
func disordered(table *data.Table, a *Answers) float64 {
	y, group, wrong, all := table.Columns[5].Numbers, table.Columns[6].Texts, 0.0, 0.0
	for i := range y {
		for j := range y {
			if y[i] > y[j] && group[i] == group[j] {
				all++
				if a.Energies[i] >= a.Energies[j] {
					wrong++
				}
			}
		}
	}
	return wrong / all
}

func TestTrainerRefuses(t *testing.T) {
	m, _, _ := modelOf(t, data.TableNumber, "linear", 20)
	for _, c := range []struct{ name, loss, want string }{
		{"nll", "", `loss is ""; to train answers of the kind number it must be one of mse, l1, huber, smooth_l1`},
		{"", "cross_entropy", `loss is "cross_entropy"`},
		{"", "ms", `loss is "ms"`},
	} {
		if _, err := NewTrainer(m, c.name, functional.DefaultOptions(), c.loss); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: error %v", c, err)
		}
	}
	m, _, _ = modelOf(t, data.TableClass, "linear", 20)
	if _, err := NewTrainer(m, "nll", functional.Options{}, ""); err == nil || !strings.Contains(err.Error(), "beta is 0") {
		t.Errorf("a functional out of range: error %v", err)
	}
}

func TestDivide(t *testing.T) {
	table, rng := tableOf(t, 100), rand.New(rand.NewPCG(1, 1))
	s, err := Divide(table, "", "query", 0.25, rng)
	if err != nil {
		t.Fatal(err)
	}
	rows := slices.Concat(s.Train, s.Test)
	if len(s.Test) != 25 || s.Validation != nil {
		t.Errorf("%d rows for the test", len(s.Test))
	}
	seen, last := map[string]bool{}, ""
	for _, r := range rows {
		g := table.Columns[6].Texts[r]
		if g != last && seen[g] {
			t.Errorf("the rows of %s are not together", g)
		}
		seen[g], last = true, g
	}
	slices.Sort(rows)
	if !slices.Equal(rows, table.All()) {
		t.Errorf("not every row once: %v", rows)
	}
	split, err := data.ParseTable(strings.NewReader("a,s\n1,test\n2,train\n3,validation\n4,train\n"), "a.csv")
	if err != nil {
		t.Fatal(err)
	}
	if s, err := Divide(split, "s", "", 0, rng); err != nil || !reflect.DeepEqual(s, Split{Train: []int{1, 3}, Validation: []int{2}, Test: []int{0}}) {
		t.Errorf("%+v, %v", s, err)
	}
	for _, c := range [][2]string{{"a", `line 2: column a: "1" is not train, validation or test`}, {"b", `there is no column "b"`}} {
		if _, err := Divide(split, c[0], "", 0, rng); err == nil || !strings.Contains(err.Error(), c[1]) {
			t.Errorf("error %v; want %s", err, c[1])
		}
	}
	if _, err := Divide(split, "", "b", 0.5, rng); err == nil {
		t.Error("a group that is not there is taken")
	}
}
