package measure

// A Table is figures side by side: a row of numbers for each thing that is measured.
type Table struct {
	Key     string     `json:"key"`
	Name    string     `json:"name"` // what the rows are: "told from"
	Columns []Quantity `json:"columns"`
	Rows    []Row      `json:"rows"`
}

// A Row is a thing with one value for each column.
type Row struct {
	Name   string   `json:"name"`
	Values []Number `json:"values"`
}

// Add appends a row.
func (t *Table) Add(name string, values ...float64) {
	r := Row{Name: name}
	for _, v := range values {
		r.Values = append(r.Values, Number(v))
	}
	t.Rows = append(t.Rows, r)
}

// Text writes the value of a column with its unit; "–" where the row has none.
func (t *Table) Text(row Row, column int) string {
	if column >= len(row.Values) {
		return "–"
	}
	return t.Columns[column].Unit.Text(float64(row.Values[column]))
}
