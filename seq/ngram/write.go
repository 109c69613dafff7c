package ngram

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"strconv"

	"github.com/energo-ml/energo/internal/wholefile"
)

// Save writes the model as an ARPA file to path; see [Model.Write]. The file appears whole
// or not at all.
func (m *Model) Save(path string) error {
	f, err := wholefile.Create(path)
	if err != nil {
		return err
	}
	defer f.Abort()
	if err := m.Write(f); err != nil {
		return err
	}
	return f.Commit()
}

// Write writes the model in ARPA format. Logarithms have seven decimals.
func (m *Model) Write(w io.Writer) error {
	b := bufio.NewWriter(w)
	fmt.Fprint(b, "\\data\\\n")
	for order := 1; order <= m.order; order++ {
		fmt.Fprintf(b, "ngram %d=%d\n", order, m.count(order))
	}
	for order := 1; order <= m.order; order++ {
		fmt.Fprintf(b, "\n\\%d-grams:\n", order)
		m.level(order, func(n int32, at *node) {
			if math.IsNaN(at.logProb) {
				return
			}
			b.Write(decimal(b.AvailableBuffer(), at.logProb))
			b.WriteByte('\t')
			m.writeWords(b, n)
			if at.inner || at.backoff != 0 {
				b.WriteByte('\t')
				b.Write(decimal(b.AvailableBuffer(), at.backoff))
			}
			b.WriteByte('\n')
		})
	}
	fmt.Fprint(b, "\n\\end\\\n")
	return b.Flush()
}

// count returns the number of n-grams of an order.
func (m *Model) count(order int) int {
	count := 0
	m.level(order, func(_ int32, at *node) {
		if !math.IsNaN(at.logProb) {
			count++
		}
	})
	return count
}

func (m *Model) writeWords(b *bufio.Writer, n int32) {
	at := &m.nodes[n]
	if at.depth > 1 {
		m.writeWords(b, at.parent)
		b.WriteByte(' ')
	}
	b.WriteString(m.words[at.word])
}

// decimal appends a natural logarithm as one to base 10.
func decimal(b []byte, v float64) []byte {
	return strconv.AppendFloat(b, v/math.Ln10, 'f', 7, 64)
}
