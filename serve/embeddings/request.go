package embeddings

import (
	"strconv"

	"github.com/energo-ml/energo/serve"
	"github.com/energo-ml/energo/serve/wire"
)

// The forms of vectors.
const (
	asFloats = "float"
	asBase64 = "base64"
)

// request is a body.
type request struct {
	model      string
	inputs     []input
	format     string
	dimensions *int
	user       string // who asks, for OpenAI; it is taken and not used
}

// input is a text or a picture, or numbers of tokens.
type input struct {
	field  string
	text   *string
	tokens []int
}

// decode reads a request.
func (q *request) decode(text []byte, o *Options) error {
	q.format = asFloats
	if err := wire.Decode(text, wire.Object(map[string]wire.Reader{
		"model": wire.Text(&q.model), "input": q.readInput(o), "encoding_format": wire.Text(&q.format),
		"dimensions": wire.Optional(&q.dimensions, wire.Integer), "user": wire.Text(&q.user),
	})); err != nil {
		return err
	}
	switch {
	case q.model == "":
		return wire.Malformed("model", "model is missing; it must be the name of a model")
	case len(q.inputs) == 0:
		return wire.Malformed("input", "input is missing or empty; it must be a text, a picture as a data URL, or a list of such")
	case q.format != asFloats && q.format != asBase64:
		return wire.Invalid("encoding_format", "encoding_format is %.40q; it must be float or base64", q.format)
	}
	return nil
}

// readInput takes a string, a list of strings, a list of tokens or a list of such lists.
func (q *request) readInput(o *Options) wire.Reader {
	return func(field string, text []byte) error {
		if text[0] == '"' {
			in := input{field: field, text: new(string)}
			q.inputs = []input{in}
			return wire.Text(in.text)(field, text)
		}
		if text[0] != '[' {
			return wire.WrongKind(field, text, "a string, a list of strings, or tokens")
		}
		var list [][]byte
		if err := wire.List(&list, max(o.Inputs, o.Tokens))(field, text); err != nil {
			return err
		}
		if len(list) > 0 && list[0][0] != '"' && list[0][0] != '[' { // the tokens of one text
			in := input{field: field}
			err := wire.Elements(&in.tokens, o.Tokens, wire.Integer)(field, text)
			q.inputs = []input{in}
			return err
		}
		if len(list) > o.Inputs {
			return wire.Invalid(field, "input has %d elements; at most %d are allowed", len(list), o.Inputs)
		}
		for i, v := range list {
			in := input{field: field + "[" + strconv.Itoa(i) + "]"}
			var err error
			switch v[0] {
			case '[':
				err = wire.Elements(&in.tokens, o.Tokens, wire.Integer)(in.field, v)
			default:
				in.text = new(string)
				err = wire.Text(in.text)(in.field, v)
			}
			if err != nil {
				return err
			}
			q.inputs = append(q.inputs, in)
		}
		return nil
	}
}

// files are the inputs as pictures.
func (q *request) files() ([]serve.File, error) {
	var all []serve.File
	for _, in := range q.inputs {
		if in.text == nil {
			return nil, wire.Invalid(in.field, "%s is tokens; the model %s takes pictures as data URLs", in.field, q.model)
		}
		b, err := wire.DataURL(*in.text)
		if err != nil {
			return nil, wire.Invalid(in.field, "%s %v; the model %s takes pictures", in.field, err, q.model)
		}
		all = append(all, serve.File{Bytes: b, Place: in.field})
	}
	return all, nil
}

// coded are the tokens of the inputs, and how many they are together.
func (q *request) coded(e TextEncoder, most int) (all [][]int, n int, err error) {
	for _, in := range q.inputs {
		ids := in.tokens
		if in.text != nil {
			ids, err = e.Tokens(*in.text)
		} else {
			err = e.Check(ids)
		}
		if err != nil {
			return nil, 0, wire.Invalid(in.field, "%s: %v", in.field, err)
		}
		if n += len(ids); n > most {
			return nil, 0, wire.Invalid(in.field, "the inputs up to %s have %d tokens together; at most %d are allowed", in.field, n, most)
		}
		all = append(all, ids)
	}
	return all, n, nil
}
