package bulk

import (
	"encoding/json"

	"github.com/energo-ml/energo/internal/bytetext"
)

type pictureJSON struct {
	ID    bytetext.String `json:"id"`
	Label bytetext.String `json:"label"`
	File  bytetext.String `json:"file"`
}

// MarshalJSON implements json.Marshaler: names that are not UTF-8 keep their bytes.
func (p Picture) MarshalJSON() ([]byte, error) {
	return json.Marshal(pictureJSON{bytetext.String(p.ID), bytetext.String(p.Label), bytetext.String(p.File)})
}

// UnmarshalJSON implements json.Unmarshaler.
func (p *Picture) UnmarshalJSON(text []byte) error {
	var q pictureJSON
	err := json.Unmarshal(text, &q)
	*p = Picture{string(q.ID), string(q.Label), string(q.File)}
	return err
}

type skippedJSON struct {
	Picture bytetext.String `json:"picture"`
	Error   bytetext.String `json:"error"`
}

// MarshalJSON implements json.Marshaler, as Picture's.
func (s Skipped) MarshalJSON() ([]byte, error) {
	return json.Marshal(skippedJSON{bytetext.String(s.Picture), bytetext.String(s.Error)})
}

// UnmarshalJSON implements json.Unmarshaler.
func (s *Skipped) UnmarshalJSON(text []byte) error {
	var q skippedJSON
	err := json.Unmarshal(text, &q)
	*s = Skipped{string(q.Picture), string(q.Error)}
	return err
}

// plain is a Plan without methods.
type plain Plan

type planJSON struct {
	Run bytetext.String `json:"run"`
	*plain
}

// MarshalJSON implements json.Marshaler, as Picture's.
func (p *Plan) MarshalJSON() ([]byte, error) {
	return json.Marshal(planJSON{bytetext.String(p.Run), (*plain)(p)})
}

// UnmarshalJSON implements json.Unmarshaler.
func (p *Plan) UnmarshalJSON(text []byte) error {
	q := planJSON{plain: (*plain)(p)}
	err := json.Unmarshal(text, &q)
	p.Run = string(q.Run)
	return err
}
