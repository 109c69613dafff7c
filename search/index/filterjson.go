package index

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/energo-ml/energo/internal/excerpt"
)

// UnmarshalJSON reads a number or a text.
func (b *Bound) UnmarshalJSON(data []byte) error {
	*b = Bound{}
	if len(data) > 0 && data[0] == '"' {
		return json.Unmarshal(data, &b.text)
	}
	b.isNumber = true
	if err := json.Unmarshal(data, &b.number); err != nil || string(data) == "null" {
		return fmt.Errorf("a bound is %s; it must be a number or a text", excerpt.Of(data))
	}
	return nil
}

// MarshalJSON writes what UnmarshalJSON reads.
func (b Bound) MarshalJSON() ([]byte, error) {
	if b.isNumber {
		return json.Marshal(b.number)
	}
	return json.Marshal(b.text)
}

// UnmarshalJSON reads an object, a list of texts or a text. A member that does not exist is an error.
func (c *Condition) UnmarshalJSON(data []byte) error {
	*c = Condition{}
	switch {
	case len(data) > 0 && data[0] == '"':
		c.In = []string{""}
		return json.Unmarshal(data, &c.In[0])
	case len(data) > 0 && data[0] == '[':
		return json.Unmarshal(data, &c.In)
	}
	type plain Condition
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	return d.Decode((*plain)(c))
}

// MarshalJSON writes the shortest form.
func (c Condition) MarshalJSON() ([]byte, error) {
	if c.In != nil {
		if rest := c; len(c.In) > 0 {
			if rest.In = nil; rest.IsZero() {
				return json.Marshal(c.In)
			}
		}
	}
	type plain Condition
	return json.Marshal(plain(c))
}
