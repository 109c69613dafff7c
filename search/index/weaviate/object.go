package weaviate

import (
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/energo-ml/energo/search/index"
)

// space is the namespace of our UUIDs.
var space = [16]byte{0x5e, 0x1c, 0x3b, 0x8a, 0x0f, 0x64, 0x4d, 0x27, 0x9a, 0xd1, 0x72, 0xe0, 0xc6, 0x95, 0x38, 0x4b}

// uuid is where an item is kept: the UUID of version 5 (RFC 9562) of its identifier, so that whoever adds
// it again finds its place.
func uuid(id string) string {
	h := sha1.New()
	h.Write(space[:])
	h.Write([]byte(id))
	u := h.Sum(nil)[:16]
	u[6] = u[6]&0x0f | 0x50
	u[8] = u[8]&0x3f | 0x80
	s := hex.EncodeToString(u)
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}

// object is an item as the server has it.
type object struct {
	Class      string     `json:"class"`
	UUID       string     `json:"id"`
	Vector     []float32  `json:"vector"`
	Properties properties `json:"properties"`
}

type properties struct {
	Key    string   `json:"key"`
	Label  string   `json:"label"`
	Fields string   `json:"fields"`
	Terms  []string `json:"terms"`
	Order  string   `json:"order"`
}

// object is an item that is added as number i of a batch at a time in nanoseconds.
func (x *Index) object(it *index.Item, time int64, i int) (object, error) {
	fields, err := json.Marshal(it.Fields) // keys in order; null for none
	if err != nil {
		return object{}, fmt.Errorf("weaviate: fields of item %q: %w", it.ID, err)
	}
	p := properties{
		Key: it.ID, Label: it.Label, Fields: string(fields), Terms: []string{labelTerm(it.Label)},
		Order: fmt.Sprintf("%016x%08x", uint64(time), uint32(i)),
	}
	for key, value := range it.Fields {
		p.Terms = append(p.Terms, fieldTerm(key, value))
	}
	slices.Sort(p.Terms)
	return object{x.class, uuid(it.ID), it.Vector, p}, nil
}

// labelTerm and fieldTerm are the terms that filters look for. The server cuts spaces off a
// term's ends and knows no empty ones; quotes keep both, and tell a key from its value.
func labelTerm(label string) string { return "label " + quote(label) }

func fieldTerm(key, value string) string { return "field " + quote(key) + ":" + quote(value) }

// quote writes a string as JSON, which is how GraphQL writes one too. It must be UTF-8.
func quote(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err) // strings have no value that JSON has not
	}
	return string(b)
}

// item is the item of an object.
func (o *object) item() (index.Item, error) {
	it := index.Item{ID: o.Properties.Key, Vector: o.Vector, Label: o.Properties.Label}
	var err error
	it.Fields, err = o.Properties.fields()
	return it, err
}

func (p *properties) fields() (map[string]string, error) {
	var f map[string]string
	if err := json.Unmarshal([]byte(p.Fields), &f); err != nil {
		return nil, fmt.Errorf("weaviate: item %q: its fields on the server are not a JSON object of strings: %w", p.Key, err)
	}
	return f, nil
}
