package data

import (
	"fmt"
	"math"
	"slices"

	"github.com/energo-ml/energo/internal/excerpt"
)

// Bounds of a schema.
const (
	maxTableValues   = 1024 // different texts of one column
	maxTableFeatures = 1 << 16
)

// TableSchema says how the rows of tables become features and answers. It is fitted on training rows.
type TableSchema struct {
	Inputs []TableInput `json:"inputs"`
	Target TableTarget  `json:"target"`
}

// TableInput is a column as features. One of numbers gives x = (v − Mean)/Scale, 0 where v is missing, and with Indicator a second feature that is 1
// where v is missing, else 0. One of texts gives a feature for each of Values: 1 for the cell's, all 0 where it is missing or not among them.
type TableInput struct {
	Name      string   `json:"name"`
	Text      bool     `json:"text"`
	Mean      float64  `json:"mean"`
	Scale     float64  `json:"scale"` // standard deviation over the training rows; 1 where that is 0
	Indicator bool     `json:"indicator"`
	Values    []string `json:"values"` // sorted
}

// width returns the number of features.
func (in *TableInput) width() int {
	switch {
	case in.Text:
		return len(in.Values)
	case in.Indicator:
		return 2
	}
	return 1
}

// Width returns the number of features of a row.
func (s *TableSchema) Width() (n int) {
	for i := range s.Inputs {
		n += s.Inputs[i].width()
	}
	return n
}

// fitInputs fits the inputs of all columns but those that skip names, on some of the rows.
func (t *Table) fitInputs(rows []int, skip map[string]bool) (all []TableInput, err error) {
	for i := range t.Columns {
		c := &t.Columns[i]
		if skip[c.Name] {
			continue
		}
		in := TableInput{Name: c.Name, Text: c.Numbers == nil, Scale: 1, Values: []string{}}
		if in.Text {
			err = in.fitTexts(c.Texts, rows)
		} else {
			in.fitNumbers(c.Numbers, rows)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", excerpt.Of(t.Path), err)
		}
		all = append(all, in)
	}
	return all, nil
}

func (in *TableInput) fitNumbers(numbers []float64, rows []int) {
	var known []float64
	for _, r := range rows {
		if v := numbers[r]; !math.IsNaN(v) {
			known = append(known, v)
		}
	}
	in.Indicator = len(known) < len(rows)
	in.Mean, in.Scale = meanScale(known)
}

// meanScale returns the mean and the standard deviation, 1 where that is 0 or too small to divide by.
func meanScale(x []float64) (mean, scale float64) {
	for _, v := range x {
		mean += v / float64(len(x))
	}
	for _, v := range x {
		scale += float64((v-mean)*(v-mean)) / float64(len(x))
	}
	if scale = math.Sqrt(scale); scale <= 1e-12*math.Abs(mean) || scale < 0x1p-126 {
		scale = 1
	}
	return mean, scale
}

func (in *TableInput) fitTexts(texts []string, rows []int) error {
	seen := map[string]bool{}
	for _, r := range rows {
		if text := texts[r]; !Missing(text) && !seen[text] {
			seen[text] = true
			in.Values = append(in.Values, text)
		}
	}
	if len(in.Values) > maxTableValues {
		return fmt.Errorf("column %s: it has %d different texts; at most %d become features, so ignore the column", excerpt.Of(in.Name), len(in.Values), maxTableValues)
	}
	slices.Sort(in.Values)
	return nil
}

// Features returns the features of all rows of a table, [rows, Width].
//
// Errors, with line and column: a column of the schema is not there; a text where the schema has a number; a number too far from the
// training rows' for float32.
func (s *TableSchema) Features(t *Table) ([]float32, error) {
	width, at := s.Width(), 0
	x := make([]float32, t.Rows()*width)
	for i := range s.Inputs {
		in := &s.Inputs[i]
		c, err := t.Column(in.Name)
		if err == nil && in.Text {
			in.encodeTexts(c.Texts, x[at:], width)
		} else if err == nil {
			err = in.encodeNumbers(t, c, x[at:], width)
		}
		if err != nil {
			return nil, err
		}
		at += in.width()
	}
	return x, nil
}

func (in *TableInput) encodeTexts(texts []string, x []float32, width int) {
	for r, text := range texts {
		if i, ok := slices.BinarySearch(in.Values, text); ok {
			x[r*width+i] = 1
		}
	}
}

func (in *TableInput) encodeNumbers(t *Table, c *TableColumn, x []float32, width int) error {
	numbers, err := t.numbers(c)
	if err != nil {
		return err
	}
	for r, v := range numbers {
		z := (v - in.Mean) / in.Scale
		switch {
		case math.IsNaN(v) && in.Indicator:
			x[r*width+1] = 1
		case math.IsNaN(v):
		case math.Abs(z) > math.MaxFloat32:
			return t.Fault(r, in.Name, "%v is too many standard deviations (%v) from the mean of the training rows (%v)", v, in.Scale, in.Mean)
		default:
			x[r*width] = float32(z)
		}
	}
	return nil
}
