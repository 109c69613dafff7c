package tabular

import (
	"fmt"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/engine/onnx/export"
	onnx "github.com/energo-ml/energo/engine/onnx/format"
)

// Graph returns the model as an ONNX model that is being built. It takes the cells of rows and makes the features of them itself: "numbers",
// those of the columns of numbers as they stand in the table, NaN where one is missing; and "texts", for each column of texts the place of the
// cell among its values, from 0, and −1 for a missing or another one. An input that no column has is not there. A cell that
// data.TableSchema.Features refuses gives answers that are not finite.
//
// The metadata, as JSON: numbers (the names of these columns), texts (name and values of these), labels (the classes), and answers (the kind of
// the target, as it is).
func (m *Model) Graph() *export.Graph {
	target := &m.Schema.Target
	g := export.New("table", fmt.Sprintf("Answers in the column %q of a table.", target.Column))
	out := g.Module(m.net, features(g, m.Schema))
	name, doc := "energies", "of the classes, in the order of the labels. The answer is the class of the least energy"
	switch target.Kind {
	case data.TableClasses:
		doc = "of the classes, in the order of the labels. In the answer are those below 0"
	case data.TableRank:
		doc = "of the row: rows are ordered by it, the least first"
	case data.TableNumber:
		name, doc = "answers", "the number"
		out = g.Binary("Add", g.Binary("Mul", out, g.Float(target.Scale)), g.Float(target.Mean))
	}
	layers := m.layers()
	g.Output(export.Port{Name: name, Doc: doc, Shape: fmt.Sprintf("batch,%d", layers[len(layers)-1][0])}, out)
	if len(target.Classes) > 0 {
		g.JSON("labels", target.Classes)
	}
	g.Metadata("answers", target.Kind)
	return g
}

// cells is the inputs of a graph, and where the features of each column stand among those made of them.
type cells struct {
	g      *export.Graph
	parts  []export.Value // features side by side
	width  int            // of all parts
	places map[int][]int  // of a column's features, by the column's index
}

// features adds the inputs, and what makes the features of them, in the order of the schema.
func features(g *export.Graph, s *data.TableSchema) export.Value {
	c := &cells{g: g, places: map[int][]int{}}
	c.numbers(s.Inputs)
	c.texts(s.Inputs)
	var order []int
	for i := range s.Inputs {
		order = append(order, c.places[i]...)
	}
	if len(order) == 0 {
		g.Fail(fmt.Errorf("no column of the table has features"))
		return export.Value{}
	}
	return g.Gather(g.Concat(1, c.parts...), g.Ints(order...), 1)
}

// numbers adds the features of the columns of numbers: the standardised ones, and behind them those that tell missing ones.
func (c *cells) numbers(inputs []data.TableInput) {
	var names []string
	var mean, scale []float64
	var missing []int // places of the columns with an indicator, among those of numbers
	for i, in := range inputs {
		if in.Text {
			continue
		}
		c.places[i] = []int{len(names)}
		if in.Indicator {
			missing = append(missing, len(names))
		}
		names, mean, scale = append(names, in.Name), append(mean, in.Mean), append(scale, in.Scale)
	}
	if len(names) == 0 {
		return
	}
	at := len(names)
	for i, in := range inputs {
		if in.Indicator && !in.Text {
			c.places[i] = append(c.places[i], at)
			at++
		}
	}
	g := c.g
	g.JSON("numbers", names)
	x := g.Input(export.Port{
		Name: "numbers", Doc: "the columns of numbers as they stand in the table, NaN for a missing one", Kind: onnx.Double, Shape: fmt.Sprintf("batch,%d", len(names)),
	})
	z := g.Binary("Div", g.Binary("Sub", x, g.Doubles("numbers.mean", mean...)), g.Doubles("numbers.scale", scale...))
	isMissing := g.Unary("IsNaN", x).As(onnx.Bool)
	z = g.Add("Where", 2, []export.Value{isMissing, g.Doubles("numbers.missing", 0), z}).As(onnx.Double)
	c.parts, c.width = append(c.parts, g.Cast(z, onnx.Float)), at
	if len(missing) > 0 {
		c.parts = append(c.parts, g.Gather(g.Cast(isMissing, onnx.Float), g.Ints(missing...), 1))
	}
}

// texts adds the features of the columns of texts: 1 for a cell's value.
func (c *cells) texts(inputs []data.TableInput) {
	type column struct {
		Name   string   `json:"name"`
		Values []string `json:"values"`
	}
	g, columns := c.g, []column{}
	for _, in := range inputs {
		if in.Text {
			columns = append(columns, column{in.Name, in.Values})
		}
	}
	if len(columns) == 0 {
		return
	}
	g.JSON("texts", columns)
	x := g.Input(export.Port{
		Name: "texts", Doc: "for each column of texts the place of the cell among its values, from 0; -1 for a missing or another one",
		Kind: onnx.Int64, Shape: fmt.Sprintf("batch,%d", len(columns)),
	})
	at := 0
	for i, in := range inputs {
		if !in.Text {
			continue
		}
		if n := len(in.Values); n > 0 {
			c.places[i] = places(c.width, n)
			equal := g.Binary("Equal", g.Gather(x, g.Ints(at), 1), g.Ints(places(0, n)...)).As(onnx.Bool)
			c.parts, c.width = append(c.parts, g.Cast(equal, onnx.Float)), c.width+n
		}
		at++
	}
}

// places lists n places from one on.
func places(from, n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = from + i
	}
	return all
}
