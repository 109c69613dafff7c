package tabular

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/engine/onnx/export/exporttest"
	"github.com/energo-ml/energo/engine/onnx/value"
)

// cellsOf are the inputs of a graph for rows of a table: the numbers and the places of the texts of a schema.
func cellsOf(t *testing.T, s *data.TableSchema, table *data.Table, rows []int) map[string]*value.Value {
	t.Helper()
	var numbers []float64
	var texts []int64
	width := [2]int{}
	for _, r := range rows {
		for _, in := range s.Inputs {
			c, err := table.Column(in.Name)
			if err != nil {
				t.Fatal(err)
			}
			if in.Text {
				texts = append(texts, int64(slices.Index(in.Values, c.Texts[r])))
			} else {
				numbers = append(numbers, c.Numbers[r])
			}
		}
	}
	width[0], width[1] = len(numbers)/len(rows), len(texts)/len(rows)
	all := map[string]*value.Value{}
	if width[0] > 0 {
		all["numbers"] = exporttest.Of(t, numbers, len(rows), width[0])
	}
	if width[1] > 0 {
		all["texts"] = exporttest.Of(t, texts, len(rows), width[1])
	}
	return all
}

// checked is a model of a table with the ONNX model's cases: one row, and three of which some cells are missing.
func checked(t *testing.T, text string, target data.TableTarget, network string) exporttest.Model {
	t.Helper()
	table, err := data.ParseTable(strings.NewReader(text), "a.csv")
	if err != nil {
		t.Fatal(err)
	}
	schema, err := table.Fit(table.All(), target, nil)
	if err != nil {
		t.Fatal(err)
	}
	m, err := New(Spec{Network: network, Hidden: 5, Schema: schema}, rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		t.Fatal(err)
	}
	x, err := schema.Features(table)
	if err != nil {
		t.Fatal(err)
	}
	out := m.Outputs(x)
	name, k := "energies", len(out)/table.Rows()
	if target.Kind == data.TableNumber {
		name = "answers"
		for i := range out {
			out[i] = float32(schema.Target.Mean + float64(schema.Target.Scale*float64(out[i])))
		}
	}
	model := exporttest.Model{Graph: m.Graph()}
	for _, rows := range [][]int{{0}, {1, 2, 3}} {
		var want []float32
		for _, r := range rows {
			want = append(want, out[r*k:(r+1)*k]...)
		}
		model.Cases = append(model.Cases, exporttest.Case{
			In: cellsOf(t, schema, table, rows), Out: map[string]*value.Value{name: exporttest.Of(t, want, len(rows), k)},
		})
	}
	return model
}

// TestGraph: the ONNX model makes the features of cells itself and gives the model's energies or numbers, also of cells that are missing and of
// columns of one sort alone.
func TestGraph(t *testing.T) {
	const both = "colour,year,size,price,kind,tags\n" +
		"red,1990,3.5,10,low,a;b\nblue,2001,NA,20,high,b\n,2010,1.5,30,low,\nred,NA,2.5,25,high,a\nblue,1999,0.5,12,low,a\n"
	const numbers = "size,price\n3.5,10\n2.5,20\n1.5,30\n4,11\n"
	const texts = "colour,kind\nred,low\nblue,high\n?,low\nred,high\n"
	class := data.TableTarget{Kind: data.TableClass, Column: "kind"}
	number := data.TableTarget{Kind: data.TableNumber, Column: "price"}
	exporttest.Check(t,
		checked(t, both, class, "mlp"), checked(t, both, class, "linear"), checked(t, both, number, "mlp"),
		checked(t, both, data.TableTarget{Kind: data.TableClasses, Column: "tags", Separator: ";"}, "mlp"),
		checked(t, both, data.TableTarget{Kind: data.TableRank, Column: "price"}, "mlp"),
		checked(t, numbers, number, "linear"), checked(t, texts, class, "linear"),
	)
}

// TestGraphOfOtherTexts: a place outside the values is a text that training had not, as −1 is.
func TestGraphOfOtherTexts(t *testing.T) {
	m := checked(t, "colour,kind\nred,low\nblue,high\n?,low\nred,high\n", data.TableTarget{Kind: data.TableClass, Column: "kind"}, "linear")
	other := m.Cases[1] // the second of its rows has no text
	for _, place := range []int64{2, -2, math.MaxInt64} {
		in := exporttest.Of(t, []int64{0, place, 1}, 3, 1)
		m.Cases = append(m.Cases, exporttest.Case{In: map[string]*value.Value{"texts": in}, Out: other.Out})
	}
	exporttest.Check(t, m)
}
