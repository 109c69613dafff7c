package pgvector

import (
	"encoding/json"
	"strings"

	"github.com/energo-ml/energo/search/index"
)

// PostgreSQL's texts have no byte 0. Bytes 0 and 1 become two each; the order of texts, and what begins with what, stay.
var (
	toServer   = strings.NewReplacer("\x00", "\x01\x01", "\x01", "\x01\x02")
	fromServer = strings.NewReplacer("\x01\x01", "\x00", "\x01\x02", "\x01")
)

// stored is a text as the server has it.
func stored(s string) string { return toServer.Replace(s) }

// restored is a text of the server's as it was.
func restored(s string) string { return fromServer.Replace(s) }

// storedAll is stored of each text.
func storedAll(texts []string) []string {
	out := make([]string, len(texts))
	for i, s := range texts {
		out[i] = stored(s)
	}
	return out
}

// storedFields is the column fields of an item.
func storedFields(it *index.Item) (string, error) {
	fields := make(map[string]string, len(it.Fields))
	for name, value := range it.Fields {
		fields[stored(name)] = stored(value)
	}
	text, err := json.Marshal(fields)
	return string(text), err
}

// restoredFields reads the column fields.
func restoredFields(text string) (map[string]string, error) {
	var read map[string]string
	if err := json.Unmarshal([]byte(text), &read); err != nil || len(read) == 0 {
		return nil, err
	}
	fields := make(map[string]string, len(read))
	for name, value := range read {
		fields[restored(name)] = restored(value)
	}
	return fields, nil
}

// Names in the column numbers.
const (
	numberLabel = "label"
	numberID    = "id"
	numberField = "field:" // and the field's name
)

// storedNumbers is the column numbers of an item.
func storedNumbers(it *index.Item) (string, error) {
	numbers := map[string]float64{}
	add := func(name, text string) {
		if x, ok := index.Decimal(text); ok {
			numbers[name] = x
		}
	}
	add(numberLabel, it.Label)
	add(numberID, it.ID)
	for name, value := range it.Fields {
		add(numberField+stored(name), value)
	}
	text, err := json.Marshal(numbers)
	return string(text), err
}
