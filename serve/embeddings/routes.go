package embeddings

import (
	"encoding/base64"
	"encoding/binary"
	"math"
	"net/http"

	"github.com/energo-ml/energo/serve"
	"github.com/energo-ml/energo/serve/bearer"
	"github.com/energo-ml/energo/serve/openai"
	"github.com/energo-ml/energo/serve/openapi"
	"github.com/energo-ml/energo/serve/shelf"
	"github.com/energo-ml/energo/serve/wire"
)

// Routes lists everything that is answered.
func (s *Service) Routes() []serve.Route {
	text, object, list, integer := openapi.Text, openapi.Object, openapi.ListOf, openapi.Integer
	tokens := list(integer().With("minimum", 0)).With("minItems", 1)
	request := object(map[string]openapi.Schema{
		"model": text(),
		"input": openapi.Schema{"anyOf": []openapi.Schema{text(), list(text()).With("minItems", 1), tokens, list(openapi.Schema{"anyOf": []openapi.Schema{text(), tokens}}).With("minItems", 1)}}.
			With("description", "A picture as a data URL for an encoder of pictures, a text or its tokens for one of texts, or several."),
		"encoding_format": text().With("enum", []string{asFloats, asBase64}, "default", asFloats, "description", "base64 is float32 coordinates in little-endian bytes."),
		"dimensions":      integer().With("description", "Those of the model; its vectors are not cut."),
		"user":            text().With("description", "Taken for OpenAI's clients, and not used."),
	}, "model", "input")
	vector := openapi.Schema{"anyOf": []openapi.Schema{list(openapi.Number()), text().With("contentEncoding", "base64")}}
	answer := object(map[string]openapi.Schema{
		"object": text().With("const", "list"), "model": text(),
		"data":  list(object(map[string]openapi.Schema{"object": text().With("const", "embedding"), "index": integer(), "embedding": vector}, "object", "index", "embedding")),
		"usage": object(map[string]openapi.Schema{"prompt_tokens": integer(), "total_tokens": integer()}, "prompt_tokens", "total_tokens").With("description", "The tokens of the texts."),
	}, "object", "data", "model", "usage")
	r := serve.Route{Pattern: "POST /v1/embeddings", Do: s.embed, Scope: bearer.ScopeRead, Doc: openapi.Operation{
		ID: "createEmbeddings", Summary: "Vectors of pictures and texts",
		Body:     openapi.Content{"application/json": openapi.Ref("EmbeddingsRequest")},
		Answers:  map[int]openapi.Answer{200: {Description: "A vector for each input, in their order.", Content: openapi.Content{"application/json": openapi.Ref("EmbeddingsAnswer")}}},
		Refusals: []int{404}, Schemas: map[string]openapi.Schema{"EmbeddingsRequest": request, "EmbeddingsAnswer": answer},
	}}
	openai.Speak(&r)
	return []serve.Route{r}
}

// answer is what comes back.
type answer struct {
	Object string      `json:"object"`
	Data   []embedding `json:"data"`
	Model  string      `json:"model"`
	Usage  usage       `json:"usage"`
}

type embedding struct {
	Object    string `json:"object"`
	Index     int    `json:"index"`
	Embedding any    `json:"embedding"` // []float32, or base64
}

type usage struct {
	Prompt int `json:"prompt_tokens"`
	Total  int `json:"total_tokens"`
}

// embed answers POST /v1/embeddings.
func (s *Service) embed(w http.ResponseWriter, r *http.Request) error {
	b, err := wire.Read(r)
	if err != nil {
		return err
	}
	if b.JSON == nil {
		return wire.Media("the body must be application/json")
	}
	q := &request{}
	if err := q.decode(b.JSON, &s.o); err != nil {
		return err
	}
	held, err := s.models.Take(q.model)
	if err != nil {
		return err
	}
	defer held.Done()
	vectors, tokens, err := s.vectors(r, q, held)
	if err != nil {
		return err
	}
	held.Leave()
	a := answer{Object: "list", Model: q.model, Usage: usage{tokens, tokens}}
	for i, v := range vectors {
		e := embedding{Object: "embedding", Index: i, Embedding: v}
		if q.format == asBase64 {
			e.Embedding = packed(v)
		}
		a.Data = append(a.Data, e)
	}
	wire.WriteJSON(w, http.StatusOK, a)
	return nil
}

// vectors are those of a request's inputs, and the number of their tokens.
func (s *Service) vectors(r *http.Request, q *request, held *shelf.Held[*model]) (vectors [][]float32, tokens int, err error) {
	m := held.Model
	if q.dimensions != nil && *q.dimensions != m.dim {
		return nil, 0, wire.Invalid("dimensions", "dimensions is %d; the vectors of the model %s have %d and are not cut", *q.dimensions, m.name, m.dim)
	}
	if m.texts == nil {
		files, err := q.files()
		if err == nil {
			err = held.Enter(r.Context())
		}
		if err != nil {
			return nil, 0, err
		}
		vectors, err = serve.Through(r.Context(), m.pictures, m.images, files)
		return vectors, 0, err
	}
	if err := held.Enter(r.Context()); err != nil {
		return nil, 0, err
	}
	texts, tokens, err := q.coded(m.texts, s.o.Tokens)
	if err == nil {
		vectors, err = m.tokens.Do(r.Context(), nil, texts...)
	}
	return vectors, tokens, err
}

// packed is a vector as base64 of its bytes.
func packed(v []float32) string {
	b := make([]byte, 0, 4*len(v))
	for _, x := range v {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
	}
	return base64.StdEncoding.EncodeToString(b)
}
