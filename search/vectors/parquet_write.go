package vectors

import (
	"bufio"
	"slices"

	"github.com/energo-ml/energo/search/index"
	"github.com/parquet-go/parquet-go"
)

// rowGroup is how many rows of a Parquet file stand together, which are in memory while they are written.
const rowGroup = 1 << 14

// parquetSink writes a Parquet file: id, label and fields as texts, the vector as a list of floats.
type parquetSink struct {
	out     *bufio.Writer
	rows    *parquet.GenericWriter[any]
	columns []parquetOut // by their numbers
	buffer  parquet.Row
}

// parquetOut is a leaf that is written.
type parquetOut struct {
	name     string
	what     columnKind
	optional int // the definition level of a value
}

func newParquetSink(out *bufio.Writer, o Outline) (*parquetSink, error) {
	group := parquet.Group{"id": parquet.String(), "label": parquet.Optional(parquet.String()), "vector": parquet.List(parquet.Leaf(parquet.FloatType))}
	for _, name := range o.Fields {
		group[name] = parquet.Optional(parquet.String())
	}
	schema := parquet.NewSchema("items", group)
	s := &parquetSink{out: out, columns: make([]parquetOut, len(schema.Columns()))}
	for i, path := range schema.Columns() {
		leaf, _ := schema.Lookup(path...)
		c := parquetOut{name: path[0], optional: leaf.MaxDefinitionLevel}
		if at := slices.Index([]string{"id", "label", "vector"}, path[0]); at >= 0 {
			c.what = []columnKind{ofID, ofLabel, ofVector}[at]
		}
		s.columns[i] = c
	}
	err := guard(func() error {
		s.rows = parquet.NewGenericWriter[any](out, schema, parquet.Compression(&parquet.Snappy), parquet.MaxRowsPerRowGroup(rowGroup), parquet.CreatedBy("energo", "", ""))
		return nil
	})
	return s, err
}

func (s *parquetSink) write(item *index.Item) error {
	s.buffer = s.buffer[:0]
	for i, c := range s.columns {
		if c.what == ofVector {
			for j, x := range item.Vector {
				s.buffer = append(s.buffer, parquet.FloatValue(x).Level(min(j, 1), c.optional, i))
			}
			continue
		}
		text, has := item.ID, true
		switch c.what {
		case ofLabel:
			text, has = item.Label, item.Label != ""
		case ofField:
			text, has = item.Fields[c.name]
		}
		if has {
			s.buffer = append(s.buffer, parquet.ByteArrayValue([]byte(text)).Level(0, c.optional, i))
		} else {
			s.buffer = append(s.buffer, parquet.NullValue().Level(0, 0, i))
		}
	}
	return guard(func() error {
		_, err := s.rows.WriteRows([]parquet.Row{s.buffer})
		return err
	})
}

func (s *parquetSink) finish() error {
	if err := guard(s.rows.Close); err != nil {
		return err
	}
	return s.out.Flush()
}
