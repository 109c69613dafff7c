package ctc

import (
	"cmp"
	"slices"
	"strings"

	"github.com/clipperhouse/displaywidth"
)

// Op is what became of an element of a reference in a hypothesis.
type Op byte

// The operations.
const (
	Match      Op = ' '
	Substitute Op = 'S'
	Insert     Op = 'I' // the hypothesis has an element more
	Delete     Op = 'D' // the hypothesis lacks one
)

// Edit is one operation, with the places it has come to in either sequence: those of its
// elements, or of the next one where it has none.
type Edit struct {
	Op       Op
	Ref, Hyp int
}

// Edits returns the fewest operations that turn a reference into a hypothesis: words,
// characters, or tokens. Among equally few, one is chosen by the sequences alone.
//
// Time grows with the product of the lengths, memory with their sum.
//
// Source: [levenshtein1966]; in bounded memory by [hirschberg1975].
func Edits[E comparable](ref, hyp []E) []Edit {
	return edits(nil, ref, hyp, 0, 0)
}

// maxCells bounds the size of the tables of edits.
const maxCells = 1 << 22

// edits appends the operations of two parts, which begin at r and h.
func edits[E comparable](dst []Edit, ref, hyp []E, r, h int) []Edit {
	for len(ref) > 0 && len(hyp) > 0 && ref[0] == hyp[0] {
		dst = append(dst, Edit{Match, r, h})
		ref, hyp, r, h = ref[1:], hyp[1:], r+1, h+1
	}
	if len(ref) < 2 || (len(ref)+1)*(len(hyp)+1) <= maxCells {
		return tableEdits(dst, ref, hyp, r, h)
	}
	middle := len(ref) / 2
	cut := bestCut(ref, hyp, middle)
	dst = edits(dst, ref[:middle], hyp[:cut], r, h)
	return edits(dst, ref[middle:], hyp[cut:], r+middle, h+cut)
}

// distances returns the distances between ref and each beginning of hyp.
func distances[E comparable](ref, hyp []E) []int32 {
	d := make([]int32, len(hyp)+1)
	for j := range d {
		d[j] = int32(j)
	}
	for i, a := range ref {
		nextRow(d, int32(i), a, hyp, nil)
	}
	return d
}

// nextRow extends the table by the reference's element a, after n others, and notes the operations
// by which each place is reached: a match or substitution rather than a deletion rather
// than an insertion.
func nextRow[E comparable](d []int32, n int32, a E, hyp []E, ops []Op) {
	diagonal := d[0]
	d[0] = n + 1
	for j, b := range hyp {
		best, op := diagonal, Match
		if a != b {
			best, op = diagonal+1, Substitute
		}
		diagonal = d[j+1]
		if v := diagonal + 1; v < best {
			best, op = v, Delete
		}
		if v := d[j] + 1; v < best {
			best, op = v, Insert
		}
		d[j+1] = best
		if ops != nil {
			ops[j+1] = op
		}
	}
}

// bestCut returns where the hypothesis parts if the reference does in the middle: the first
// of equally good places.
func bestCut[E comparable](ref, hyp []E, middle int) int {
	left := distances(ref[:middle], hyp)
	right := distances(backwards(ref[middle:]), backwards(hyp))
	best := 0
	for j := range left {
		if left[j]+right[len(hyp)-j] < left[best]+right[len(hyp)-best] {
			best = j
		}
	}
	return best
}

func backwards[E any](x []E) []E {
	x = slices.Clone(x)
	slices.Reverse(x)
	return x
}

// tableEdits appends the operations of two parts by the table of all their beginnings.
func tableEdits[E comparable](dst []Edit, ref, hyp []E, r, h int) []Edit {
	width := len(hyp) + 1
	ops := make([]Op, (len(ref)+1)*width)
	d := distances(nil, hyp)
	for i, a := range ref {
		nextRow(d, int32(i), a, hyp, ops[(i+1)*width:(i+2)*width])
	}
	from := len(dst)
	for i, j := len(ref), len(hyp); i > 0 || j > 0; {
		op := ops[i*width+j]
		switch {
		case i == 0:
			op = Insert
		case j == 0:
			op = Delete
		}
		if op != Insert {
			i--
		}
		if op != Delete {
			j--
		}
		dst = append(dst, Edit{op, r + i, h + j})
	}
	slices.Reverse(dst[from:])
	return dst
}

// ErrorCount adds up the errors of a corpus.
type ErrorCount struct {
	Length                               int // elements of the references
	Substitutions, Insertions, Deletions int
	Sequences, Wrong                     int // of references; those with an error
}

// Add counts the operations of one sequence.
func (c *ErrorCount) Add(edits []Edit) {
	before := c.Errors()
	for _, e := range edits {
		switch e.Op {
		case Substitute:
			c.Substitutions++
		case Insert:
			c.Insertions++
		case Delete:
			c.Deletions++
		}
		if e.Op != Insert {
			c.Length++
		}
	}
	c.Sequences++
	if c.Errors() > before {
		c.Wrong++
	}
}

// Errors returns the number of all operations.
func (c *ErrorCount) Errors() int { return c.Substitutions + c.Insertions + c.Deletions }

// Rate returns the errors for each element of the references: the word error rate, if these
// are words. It may be above 1, is NaN where nothing has been said nor heard, and +Inf where only
// something has been heard.
func (c *ErrorCount) Rate() float64 { return float64(c.Errors()) / float64(c.Length) }

// SequenceRate returns the part of the sequences that have an error; of none, NaN.
func (c *ErrorCount) SequenceRate() float64 { return float64(c.Wrong) / float64(c.Sequences) }

// Words cuts a text at white space, for word errors.
func Words(text string) []string { return strings.Fields(text) }

// Characters cuts a text into its characters, white space among them, for character errors.
func Characters(text string) []string { return strings.Split(text, "") }

// RenderEdits writes the operations for the eye, in lines of the reference, the hypothesis
// and, below errors, the operations' letters:
//
//	ref  the cat sat on the mat ***
//	hyp  the *** hat on the mat now
//	         D   S              I
//
// Without errors there is no third line. An empty element is written "", and columns are as wide as
// terminals show them, East Asian characters twice as wide as others.
func RenderEdits(ref, hyp []string, edits []Edit) string {
	var lines [3]strings.Builder
	for i, name := range []string{"ref", "hyp", "   "} {
		lines[i].WriteString(name + " ")
	}
	for _, e := range edits {
		var cell [3]string
		cell[2] = string(rune(e.Op))
		if e.Op != Insert {
			cell[0] = cmp.Or(ref[e.Ref], `""`)
		}
		if e.Op != Delete {
			cell[1] = cmp.Or(hyp[e.Hyp], `""`)
		}
		width := 1
		for _, s := range cell {
			width = max(width, displaywidth.String(s))
		}
		for i, s := range cell {
			if s == "" {
				s = strings.Repeat("*", width)
			}
			lines[i].WriteString(" " + s + strings.Repeat(" ", width-displaywidth.String(s)))
		}
	}
	text := ""
	for i := range lines {
		if s := strings.TrimRight(lines[i].String(), " "); s != "" {
			text += s + "\n"
		}
	}
	return text
}
