package huggingface

import (
	"path/filepath"
	"strings"

	"github.com/energo-ml/energo/engine/onnx/export"
	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/internal/excerpt"
)

// textConfig is what config.json says of an encoder of tokens, with transformers' defaults.
type textConfig struct {
	Vocabulary int     `json:"vocab_size"`
	Hidden     int     `json:"hidden_size"`
	Layers     int     `json:"num_hidden_layers"`
	Heads      int     `json:"num_attention_heads"`
	Inner      int     `json:"intermediate_size"`
	Places     int     `json:"max_position_embeddings"`
	Types      int     `json:"type_vocab_size"`
	Act        string  `json:"hidden_act"`
	Eps        float64 `json:"layer_norm_eps"`
	Positions  string  `json:"position_embedding_type"`
	Decoder    bool    `json:"is_decoder"`
}

// bert writes the encoder, and what pools its tokens.
func bert(b *builder) {
	x, mask, c := bertEncoder(b)
	b.output("last_hidden_state", "a vector for each token", "batch,tokens", c.Hidden, x)
	if b.has("pooler.dense.weight") {
		b.output("pooler_output", "a vector of the first token, as the network's heads take it", "batch", c.Hidden, b.pooler(x, c.Hidden))
	}
	b.sentences(x, mask, c.Hidden)
}

// bertForSequences has a class for each text.
func bertForSequences(b *builder) {
	x, _, c := bertEncoder(b)
	n := b.labels("classifier.weight")
	b.output("logits", "a logit for each class", "batch", n, b.linear(b.pooler(x, c.Hidden), "classifier", c.Hidden, n))
}

// bertForTokens has a class for each token.
func bertForTokens(b *builder) {
	x, _, c := bertEncoder(b)
	n := b.labels("classifier.weight")
	b.output("logits", "a logit of each token for each class", "batch,tokens", n, b.linear(x, "classifier", c.Hidden, n))
}

// pooler is what BERT makes of the first token.
func (b *builder) pooler(x export.Value, hidden int) export.Value {
	return b.Unary("Tanh", b.linear(b.first(x, hidden), b.base+"pooler.dense", hidden, hidden))
}

// bertEncoder adds the inputs and the layers, and returns the vectors of the tokens and the mask, 1 or 0 as floats [batch, tokens].
func bertEncoder(b *builder) (x, mask export.Value, c *textConfig) {
	c = &textConfig{30522, 768, 12, 12, 3072, 512, 2, "gelu", 1e-12, "absolute", false}
	t := &transformer{
		layer: "encoder.layer", query: "attention.self.query", key: "attention.self.key", value: "attention.self.value", out: "attention.output.dense",
		norm1: "attention.output.LayerNorm", up: "intermediate.dense", down: "output.dense", norm2: "output.LayerNorm",
	}
	b.read(c, func() []setting {
		t.hidden, t.inner, t.heads, t.layers, t.eps, t.act = c.Hidden, c.Inner, c.Heads, c.Layers, c.Eps, c.Act
		return t.settings()
	})
	b.must("position_embedding_type", c.Positions, "absolute")
	b.must("is_decoder", c.Decoder, false)

	ids := b.tokens("input_ids", "rows of the vocabulary")
	mask = b.tokens("attention_mask", "1 for a token, 0 behind the end of a text")
	types := b.tokens("token_type_ids", "0; 1 for the tokens of a second text")
	x = b.Binary("Add", b.Gather(b.weight("embeddings.word_embeddings.weight", c.Vocabulary, c.Hidden), ids, 0),
		b.Gather(b.weight("embeddings.token_type_embeddings.weight", c.Types, c.Hidden), types, 0))
	x = b.Binary("Add", x, b.Gather(b.weight("embeddings.position_embeddings.weight", c.Places, c.Hidden), b.places(ids), 0))
	x = b.layerNorm(x, b.base+"embeddings.LayerNorm", c.Hidden, c.Eps)
	mask = b.Cast(mask, format.Float)
	bias := b.bias(mask)
	return b.layers(x, t, &bias), mask, c
}

// tokens adds an input of whole numbers.
func (b *builder) tokens(name, doc string) export.Value {
	return b.Input(export.Port{Name: name, Doc: doc, Kind: format.Int64, Shape: "batch,tokens"})
}

// places are the numbers from 0 on, one for each token. A gather by them refuses more tokens than there are places.
func (b *builder) places(ids export.Value) export.Value {
	n := b.Add("Shape", 1, []export.Value{ids}, export.Int("start", 1), export.Int("end", 2)).As(format.Int64)
	scalar := func(v export.Value) export.Value { return b.Add("Squeeze", 0, []export.Value{v, b.Ints(0)}) }
	return b.Add("Range", 1, []export.Value{scalar(b.Ints(0)), scalar(n), scalar(b.Ints(1))})
}

// bias is what is added to the scores of attention: 0 for a token, the least float32 behind the end.
func (b *builder) bias(mask export.Value) export.Value {
	return b.Binary("Mul", b.Binary("Sub", b.Float(1), b.Unsqueeze(mask, 1, 2)), b.Float(-0x1.fffffep127))
}

// A stage is a part of a sentence-transformers model.
type stage struct {
	Path string `json:"path"`
	Type string `json:"type"`
}

// pooling is what sentence-transformers makes of the tokens' vectors.
type pooling struct {
	First bool   `json:"pooling_mode_cls_token"`
	Mean  bool   `json:"pooling_mode_mean_tokens"`
	Max   bool   `json:"pooling_mode_max_tokens"`
	Root  bool   `json:"pooling_mode_mean_sqrt_len_tokens"`
	Mode  string `json:"pooling_mode"` // in newer files
}

// sentences adds the vector of a text as modules.json says it, an output "sentence_embedding", where there is that file.
func (b *builder) sentences(x, mask export.Value, hidden int) {
	path := filepath.Join(b.dir, "modules.json")
	var stages []stage
	there, err := readOptional(path, &stages)
	if err != nil {
		b.fail("%w", err)
	}
	if !there || b.err != nil {
		return
	}
	for _, s := range stages {
		switch name := s.Type[strings.LastIndex(s.Type, ".")+1:]; name {
		case "Transformer":
		case "Pooling":
			x = b.pool(x, mask, s.Path, hidden)
		case "Normalize":
			x = b.unit(x)
		default:
			b.fail("%s: a stage is of type %q; it must be Transformer, Pooling or Normalize", path, excerpt.Of(s.Type))
		}
	}
	if b.err == nil && x.Rank() != 2 {
		b.fail("%s: no stage is of type Pooling, so that a text has no one vector", path)
	}
	b.output("sentence_embedding", "a vector for each text", "batch", hidden, x)
	b.Metadata("output", "sentence_embedding")
}

// pool makes one vector of the tokens'.
func (b *builder) pool(x, mask export.Value, dir string, hidden int) export.Value {
	path := filepath.Join(b.dir, dir, configFile)
	var p pooling
	if !filepath.IsLocal(dir) {
		b.fail("%s: the folder of a stage is %q; it must be in the model's", b.dir, excerpt.Of(dir))
	} else if err := readJSON(path, &p); err != nil {
		b.fail("%w", err)
	}
	if b.err != nil || x.Rank() != 3 {
		b.fail("%s: a second stage pools what is no more of tokens", b.dir)
		return export.Value{}
	}
	switch p {
	case pooling{Mean: true}, pooling{Mode: "mean"}:
		column := b.Unsqueeze(mask, 2)
		sum := b.Add("ReduceSum", 2, []export.Value{b.Binary("Mul", x, column), b.Ints(1)}, export.Int("keepdims", 0))
		n := b.Add("ReduceSum", 2, []export.Value{column, b.Ints(1)}, export.Int("keepdims", 0))
		return b.Binary("Div", sum, b.Binary("Max", n, b.Float(1e-9)))
	case pooling{First: true}, pooling{Mode: "cls"}:
		return b.first(x, hidden)
	}
	b.fail("%s: the tokens are pooled as %+v; it must be the mean or the first token alone", path, p)
	return export.Value{}
}

// unit divides vectors by their Euclidean lengths, those of less than 10⁻¹² by that.
func (b *builder) unit(x export.Value) export.Value {
	length := b.Unary("Sqrt", b.Unsqueeze(b.Reduce("ReduceSumSquare", x), x.Rank()-1))
	return b.Binary("Div", x, b.Binary("Max", length, b.Float(1e-12)))
}
