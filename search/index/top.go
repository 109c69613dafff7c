package index

// candidate is a row that may become a hit. Its number counts the rows of all parts, so that a lower one
// was added earlier.
type candidate struct {
	distance float64
	row      int
}

// worse tells whether a comes after b among hits.
func (a candidate) worse(b candidate) bool {
	return a.distance > b.distance || a.distance == b.distance && a.row > b.row
}

// top keeps the k best rows, as a heap with the worst first.
type top struct {
	k      int
	within float64 // rows beyond are not taken
	rows   []candidate
}

func (t *top) reset(k int, within float64) { t.k, t.within, t.rows = k, within, t.rows[:0] }

// worst is the distance beyond which no row is taken any more.
func (t *top) worst() float64 {
	if len(t.rows) < t.k {
		return t.within
	}
	return t.rows[0].distance
}

// add takes a row if it is among the k best so far.
func (t *top) add(f candidate) {
	if f.distance > t.within {
		return
	}
	if len(t.rows) < t.k {
		t.rows = append(t.rows, f)
		t.up(len(t.rows) - 1)
		return
	}
	if !t.rows[0].worse(f) {
		return
	}
	t.rows[0] = f
	t.down()
}

func (t *top) up(i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if !t.rows[i].worse(t.rows[parent]) {
			return
		}
		t.rows[i], t.rows[parent] = t.rows[parent], t.rows[i]
		i = parent
	}
}

func (t *top) down() {
	for i := 0; ; {
		child := 2*i + 1
		if child >= len(t.rows) {
			return
		}
		if child+1 < len(t.rows) && t.rows[child+1].worse(t.rows[child]) {
			child++
		}
		if !t.rows[child].worse(t.rows[i]) {
			return
		}
		t.rows[i], t.rows[child] = t.rows[child], t.rows[i]
		i = child
	}
}
