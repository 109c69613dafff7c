package data

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/energo-ml/energo/internal/excerpt"
)

// The kinds of answers that a column can hold.
const (
	TableClass   = "class"   // one of several classes
	TableClasses = "classes" // any number of the classes
	TableNumber  = "number"  // a number
	TableRank    = "rank"    // a number by which the rows of a group are ordered, the greatest first
)

// TableTarget says what a table's answers are.
type TableTarget struct {
	Kind      string   `json:"kind"`
	Column    string   `json:"column"`
	Separator string   `json:"separator"` // between several classes
	Group     string   `json:"group"`     // of ranks: the column that names a row's group; "": all rows are one
	Classes   []string `json:"classes"`   // sorted
	Mean      float64  `json:"mean"`      // of numbers, over the training rows
	Scale     float64  `json:"scale"`     // … and their standard deviation; 1 where that is 0
}

// Fit fits a schema on some rows of a table. All columns but the target's, its group's and those to ignore are inputs. The kind "" is that of
// the column: TableClasses with a separator, TableNumber for numbers, else TableClass. A separator is of TableClasses alone. Classes are those of all rows; all else
// follows from the rows alone.
//
// Errors: there is no such column; a column of texts with more than 1,024 different ones; fewer than two classes; no column
// or more than 2¹⁶ features are left; an answer that is missing or no number.
func (t *Table) Fit(rows []int, target TableTarget, ignore []string) (*TableSchema, error) {
	column, err := t.Column(target.Column)
	if err != nil {
		return nil, err
	}
	skip := map[string]bool{target.Column: true}
	for _, name := range append(slices.Clone(ignore), target.Group) {
		if _, err := t.Column(name); err != nil && name != "" {
			return nil, err
		}
		skip[name] = true
	}
	if target.Kind == "" {
		target.Kind = TableClass
		if target.Separator != "" {
			target.Kind = TableClasses
		} else if column.Numbers != nil {
			target.Kind = TableNumber
		}
	}
	if target.Kind != TableClasses {
		target.Separator = ""
	}
	if target.Classes = target.classes(column.Texts); target.Classes == nil {
		target.Classes = []string{}
	}
	s := &TableSchema{Target: target}
	s.Target.Scale = 1
	if s.Target.numeric() {
		numbers, err := s.Target.numbers(t)
		if err != nil {
			return nil, err
		}
		var known []float64
		for _, r := range rows {
			known = append(known, numbers[r])
		}
		s.Target.Mean, s.Target.Scale = meanScale(known)
	}
	if s.Inputs, err = t.fitInputs(rows, skip); err == nil {
		if err = s.Check(); err != nil {
			err = fmt.Errorf("%s: %w", excerpt.Of(t.Path), err)
		}
	}
	return s, err
}

func (a *TableTarget) numeric() bool { return a.Kind == TableNumber || a.Kind == TableRank }

// split returns the classes that a cell names.
func (a *TableTarget) split(text string) (all []string) {
	if a.Kind == TableClass {
		return []string{text}
	}
	for part := range strings.SplitSeq(text, a.Separator) {
		if part = strings.TrimSpace(part); !Missing(part) {
			all = append(all, part)
		}
	}
	return all
}

// classes lists the classes that cells name, sorted; none for numbers.
func (a *TableTarget) classes(texts []string) (all []string) {
	if a.numeric() {
		return nil
	}
	seen := map[string]bool{}
	for _, text := range texts {
		for _, class := range a.split(text) {
			if !Missing(class) && !seen[class] {
				seen[class] = true
				all = append(all, class)
			}
		}
	}
	slices.Sort(all)
	return all
}

// check refuses what Fit gives of no table.
func (a *TableTarget) check() error {
	switch n := len(a.Classes); {
	case !slices.Contains([]string{TableClass, TableClasses, TableNumber, TableRank}, a.Kind):
		return fmt.Errorf("the target's kind is %q; it must be class, classes, number or rank", excerpt.Of(a.Kind))
	case a.Column == "":
		return errors.New("the target has no column")
	case a.Kind == TableClasses && a.Separator == "":
		return errors.New("several classes need a separator")
	case a.numeric() && n > 0:
		return fmt.Errorf("the target is a number and has %d classes", n)
	case !a.numeric() && (n < 2 || n > maxTableValues):
		return fmt.Errorf("column %s: it has %d classes; there must be from 2 to %d", excerpt.Of(a.Column), n, maxTableValues)
	case !slices.IsSorted(a.Classes) || len(slices.Compact(slices.Clone(a.Classes))) != n:
		return errors.New("the target's classes are not sorted, or some come twice")
	case !(math.Abs(a.Mean) <= math.MaxFloat32) || !(a.Scale > 0 && a.Scale <= math.MaxFloat32):
		return fmt.Errorf("the target has the mean %v and the scale %v; both must be numbers of float32, the scale above 0", a.Mean, a.Scale)
	}
	return nil
}

// TableAnswers are the answers of a table's rows: Labels of classes, Numbers of numbers and ranks.
type TableAnswers struct {
	Labels  [][]int   // of each row the places of its classes in the schema, sorted
	Numbers []float64 // as the file has them
	Groups  []string  // of ranks: the group's cell
}

// Answers returns the answers of all rows. Errors, with line and column: the column is not there; an answer that is
// missing, or is not a number where the schema has numbers; a class that the schema does not have.
func (s *TableSchema) Answers(t *Table) (a TableAnswers, err error) {
	if s.Target.numeric() {
		a.Numbers, err = s.Target.numbers(t)
		if err != nil || s.Target.Kind != TableRank {
			return a, err
		}
		a.Groups = make([]string, t.Rows())
		if s.Target.Group != "" {
			var c *TableColumn
			if c, err = t.Column(s.Target.Group); err == nil {
				a.Groups = c.Texts
			}
		}
		return a, err
	}
	a.Labels, err = s.Target.labels(t)
	return a, err
}

// numbers returns a column of answers, of which none may be missing.
func (a *TableTarget) numbers(t *Table) ([]float64, error) {
	c, err := t.Column(a.Column)
	if err != nil {
		return nil, err
	}
	numbers, err := t.numbers(c)
	if r := slices.IndexFunc(numbers, math.IsNaN); r >= 0 {
		return nil, t.Fault(r, a.Column, "the answer is missing")
	}
	return numbers, err
}

func (a *TableTarget) labels(t *Table) ([][]int, error) {
	c, err := t.Column(a.Column)
	if err != nil {
		return nil, err
	}
	all := make([][]int, t.Rows())
	for r, text := range c.Texts {
		if a.Kind == TableClass && Missing(text) {
			return nil, t.Fault(r, a.Column, "the answer is missing")
		}
		for _, class := range a.split(text) {
			i, ok := slices.BinarySearch(a.Classes, class)
			if !ok {
				return nil, t.Fault(r, a.Column, "the class %q is not one of the training table's", excerpt.Of(class))
			}
			all[r] = append(all[r], i)
		}
		slices.Sort(all[r])
		all[r] = slices.Compact(all[r])
	}
	return all, nil
}
