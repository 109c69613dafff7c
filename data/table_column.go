package data

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/energo-ml/energo/internal/excerpt"
)

// infer makes a column one of numbers where it can be.
func (t *Table) infer(c *TableColumn) error {
	for _, text := range c.Texts {
		if _, ok := number(text); !ok && !Missing(text) {
			return nil
		}
	}
	numbers, err := t.numbers(c)
	c.Numbers = numbers
	return err
}

// numbers reads the cells of a column as numbers, NaN where one is missing.
func (t *Table) numbers(c *TableColumn) ([]float64, error) {
	numbers := make([]float64, len(c.Texts))
	for i, text := range c.Texts {
		v, ok := number(text)
		switch {
		case Missing(text):
			v = math.NaN()
		case !ok:
			return nil, t.Fault(i, c.Name, "%q is not a number", excerpt.Of(text))
		case !(math.Abs(v) <= math.MaxFloat32):
			return nil, t.Fault(i, c.Name, "%s is not finite, or too great for float32", excerpt.Of(text))
		}
		numbers[i] = v
	}
	return numbers, nil
}

// number reads a number in decimal digits, or an infinite one.
func number(text string) (v float64, ok bool) {
	if strings.ContainsAny(text, "xX_") {
		return 0, false
	}
	v, err := strconv.ParseFloat(text, 64)
	return v, err == nil || errors.Is(err, strconv.ErrRange)
}

// Fault is an error about a cell: it names file, line or row, and column.
func (t *Table) Fault(row int, column, format string, values ...any) error {
	return fmt.Errorf("%s: %s: column %s: %s", excerpt.Of(t.Path), t.Place(row), excerpt.Of(column), fmt.Sprintf(format, values...))
}

// Column returns the column of a name. Errors: there is none.
func (t *Table) Column(name string) (*TableColumn, error) {
	i := slices.Index(t.Header, name)
	if i < 0 {
		return nil, fmt.Errorf("%s: line 1: there is no column %q; the columns are %s", excerpt.Of(t.Path), excerpt.Of(name), excerpt.Of(strings.Join(t.Header, ", ")))
	}
	return &t.Columns[i], nil
}

// Rows returns how many rows the table has.
func (t *Table) Rows() int { return len(t.Lines) }

// All lists the places of all rows.
func (t *Table) All() []int {
	rows := make([]int, t.Rows())
	for i := range rows {
		rows[i] = i
	}
	return rows
}
