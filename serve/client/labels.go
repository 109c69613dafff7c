package client

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"strconv"
)

// Classified is what a model says of pictures.
type Classified struct {
	Model     string    `json:"model"`
	Answers   []Classes `json:"answers"` // of the pictures, in their order
	Beta      float64   `json:"beta"`    // of the free energies and the probabilities
	Unscaled  string    `json:"no_probabilities"`
	Threshold *float64  `json:"threshold"` // of free energies; nil where none is known
}

// Classes are those of a picture.
type Classes struct {
	Label      string  `json:"label"`
	Gap        float64 `json:"gap"`     // how much higher the least energy of the other classes is
	Classes    []Class `json:"classes"` // of the least energies, the least first
	FreeEnergy float64 `json:"free_energy"`
	Foreign    *bool   `json:"foreign"` // whether the free energy is above the threshold; nil without one
}

// Class is one that a picture may be of.
type Class struct {
	Label       string   `json:"label"`
	Class       int      `json:"class"` // its place among all classes
	Energy      float64  `json:"energy"`
	Probability *float64 `json:"probability"` // nil where Classified.Unscaled says why
}

// Classify asks a model for the top classes of pictures' files; "" is the only model, and 0 the server's default of classes.
func (c *Client) Classify(ctx context.Context, model string, top int, pictures ...[]byte) (*Classified, error) {
	var out Classified
	return &out, c.post(ctx, "/v1/classify", struct {
		Model  string   `json:"model,omitempty"`
		Top    int      `json:"top,omitempty"`
		Images [][]byte `json:"images"`
	}{model, top, append([][]byte{}, pictures...)}, &out)
}

// ClassifyFile is Classify of one picture, which is read while it is sent.
func (c *Client) ClassifyFile(ctx context.Context, model string, top int, picture File) (*Classified, error) {
	params := modelParam(model)
	if top != 0 {
		params.Set("top", strconv.Itoa(top))
	}
	var out Classified
	b := raw(picture)
	return &out, c.ask(ctx, http.MethodPost, "/v1/classify"+query(params), &b, &out)
}

// modelParam names a model in an address.
func modelParam(model string) url.Values {
	params := url.Values{}
	if model != "" {
		params.Set("model", model)
	}
	return params
}

// TagRequest is words to tag: one of Text, Tokens and Attributes.
type TagRequest struct {
	Model         string     `json:"model,omitempty"`         // "" is the only tagger
	Text          string     `json:"text,omitempty"`          // a sentence a line
	Tokens        [][]string `json:"tokens,omitempty"`        // sentences of words
	Attributes    string     `json:"attributes,omitempty"`    // in the form of CRFsuite's files
	Probabilities bool       `json:"probabilities,omitempty"` // each tag with its probability
	Marginals     bool       `json:"marginals,omitempty"`     // the probabilities of all tags
}

// Tagged is what a tagger says.
type Tagged struct {
	Model     string     `json:"model"`
	Sentences []Sentence `json:"sentences"`
	Unscaled  string     `json:"no_probabilities"` // why the probabilities mean nothing; "" where they do
}

// Sentence is a sentence with its tags.
type Sentence struct {
	Words         []string             `json:"words"`
	Offsets       [][2]int             `json:"offsets"` // of the words in the text: the first character and the one behind the last
	Tags          []string             `json:"tags"`
	Probabilities []float64            `json:"probabilities"`
	Marginals     []map[string]float64 `json:"marginals"`
}

// Tag asks a tagger.
func (c *Client) Tag(ctx context.Context, q TagRequest) (*Tagged, error) {
	var out Tagged
	return &out, c.post(ctx, "/v1/tag", q, &out)
}

// PredictRequest is rows of a table.
type PredictRequest struct {
	Model   string   `json:"model,omitempty"`   // "" is the only model of tables
	Columns []string `json:"columns,omitempty"` // names of the columns, where rows are lists
	Rows    []any    `json:"rows"`              // map[string]any of cells by their columns, or []any in the order of Columns; nil is a cell that is missing
}

// Predicted is what a model says of rows.
type Predicted struct {
	Model   string      `json:"model"`
	Kind    string      `json:"kind"`    // class, classes, number or rank
	Column  string      `json:"column"`  // that is answered
	Answers []RowAnswer `json:"answers"` // of the rows, in their order
}

// RowAnswer is what is said of a row.
type RowAnswer struct {
	Answer   json.RawMessage    `json:"answer"` // a text, a list of texts, or a number, by the kind
	Energies map[string]float64 `json:"energies"`
	Energy   *float64           `json:"energy"` // of a rank
}

// Predict asks a model of tables.
func (c *Client) Predict(ctx context.Context, q PredictRequest) (*Predicted, error) {
	var out Predicted
	return &out, c.post(ctx, "/v1/predict", q, &out)
}

// PredictCSV sends a table in CSV, which is read meanwhile, and writes it with the answers in columns behind its own.
func (c *Client) PredictCSV(ctx context.Context, w io.Writer, model string, table File) error {
	b := body{File: table, kind: "text/csv"}
	return c.copy(ctx, w, "/v1/predict"+query(modelParam(model)), &b)
}

// Embed asks a model for the vectors of texts.
func (c *Client) Embed(ctx context.Context, model string, texts ...string) ([][]float32, error) {
	var out struct {
		Data []struct {
			Index     int
			Embedding []byte
		}
	}
	err := c.post(ctx, "/v1/embeddings", map[string]any{"model": model, "input": append([]string{}, texts...), "encoding_format": "base64"}, &out)
	if err != nil {
		return nil, err
	}
	if len(out.Data) != len(texts) {
		return nil, fmt.Errorf("client: the server answers %d inputs with %d vectors", len(texts), len(out.Data))
	}
	all := make([][]float32, len(texts))
	for _, v := range out.Data {
		if v.Index < 0 || v.Index >= len(all) || all[v.Index] != nil || len(v.Embedding)%4 != 0 {
			return nil, fmt.Errorf("client: vector %d of the answer has no input of its own, or is not of float32", v.Index)
		}
		all[v.Index] = floats(v.Embedding)
	}
	return all, nil
}

// floats are numbers of their little-endian bytes.
func floats(b []byte) []float32 {
	all := make([]float32, len(b)/4)
	for i := range all {
		all[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return all
}

// EmbedPictures asks a model for the vectors of pictures' files.
func (c *Client) EmbedPictures(ctx context.Context, model string, pictures ...[]byte) ([][]float32, error) {
	urls := make([]string, len(pictures))
	for i, p := range pictures {
		urls[i] = "data:application/octet-stream;base64," + base64.StdEncoding.EncodeToString(p)
	}
	return c.Embed(ctx, model, urls...)
}
