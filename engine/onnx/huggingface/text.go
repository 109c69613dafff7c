package huggingface

import (
	"math"
	"path/filepath"
	"strings"

	"github.com/energo-ml/energo/engine/onnx/export"
	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/tensor"
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
	Pad        int     `json:"pad_token_id"`
	Buckets    int     `json:"relative_attention_num_buckets"` // of MPNet
}

// readText reads the settings; t takes its numbers from them.
func (b *builder) readText(c *textConfig, t *transformer) {
	b.read(c, func() []setting {
		t.hidden, t.inner, t.heads, t.layers, t.eps, t.act = c.Hidden, c.Inner, c.Heads, c.Layers, c.Eps, c.Act
		return append(t.settings(), setting{"pad_token_id", c.Pad, 0, c.Vocabulary - 1}, setting{"max_position_embeddings", c.Places, 1, 1 << 24},
			setting{"relative_attention_num_buckets", c.Buckets, 4, 256})
	})
	b.must("position_embedding_type", c.Positions, "absolute")
	b.must("is_decoder", c.Decoder, false)
}

// bertNames are the names of BERT's layers.
func bertNames() *transformer {
	return &transformer{
		layer: "encoder.layer", query: "attention.self.query", key: "attention.self.key", value: "attention.self.value", out: "attention.output.dense",
		norm1: "attention.output.LayerNorm", up: "intermediate.dense", down: "output.dense", norm2: "output.LayerNorm",
	}
}

// A text is what an encoder of tokens has come to.
type text struct {
	x, mask export.Value // the vectors of the tokens; 1 or 0 for each, as floats [batch, tokens]
	hidden  int
}

// encoded writes the outputs of an encoder without a head.
func (b *builder) encoded(t text) {
	b.output("last_hidden_state", "a vector for each token", "batch,tokens", t.hidden, t.x)
	if b.has("pooler.dense.weight") {
		b.output("pooler_output", "a vector of the first token, as the network's heads take it", "batch", t.hidden, b.pooler(t))
	}
	b.sentences(t)
}

// classes writes the logits of a head over x.
func (b *builder) classes(x export.Value, name, doc, shape string, hidden int) {
	n := b.labels(name + ".weight")
	b.output("logits", doc, shape, n, b.linear(x, name, hidden, n))
}

const (
	ofTexts  = "a logit for each class"
	ofTokens = "a logit of each token for each class"
)

// bert writes the encoder.
func bert(b *builder) { b.encoded(bertEncoder(b)) }

// bertForSequences has a class for each text.
func bertForSequences(b *builder) {
	t := bertEncoder(b)
	b.classes(b.pooler(t), "classifier", ofTexts, "batch", t.hidden)
}

// bertForTokens has a class for each token.
func bertForTokens(b *builder) {
	t := bertEncoder(b)
	b.classes(t.x, "classifier", ofTokens, "batch,tokens", t.hidden)
}

// pooler is what BERT makes of the first token.
func (b *builder) pooler(t text) export.Value {
	return b.Unary("Tanh", b.linear(b.first(t.x, t.hidden), b.base+"pooler.dense", t.hidden, t.hidden))
}

// bertEncoder adds words, types and places of tokens, and the layers.
func bertEncoder(b *builder) text {
	c := &textConfig{30522, 768, 12, 12, 3072, 512, 2, "gelu", 1e-12, "absolute", false, 0, 32}
	t := bertNames()
	b.readText(c, t)
	ids, mask := b.words()
	types := b.tokens("token_type_ids", "0; 1 for the tokens of a second text")
	x := b.Binary("Add", b.embedding("word", c.Vocabulary, c, ids), b.embedding("token_type", c.Types, c, types))
	x = b.Binary("Add", x, b.embedding("position", c.Places, c, b.places(ids)))
	return b.layered(x, mask, nil, t)
}

// distilConfig is what config.json says of a DistilBERT.
type distilConfig struct {
	Vocabulary int    `json:"vocab_size"`
	Hidden     int    `json:"dim"`
	Layers     int    `json:"n_layers"`
	Heads      int    `json:"n_heads"`
	Inner      int    `json:"hidden_dim"`
	Places     int    `json:"max_position_embeddings"`
	Act        string `json:"activation"`
}

// distilbert writes the encoder: that of BERT without types of tokens.
func distilbert(b *builder) { b.encoded(distilbertEncoder(b)) }

// distilbertForSequences has a class for each text.
func distilbertForSequences(b *builder) {
	t := distilbertEncoder(b)
	x := b.Unary("Relu", b.linear(b.first(t.x, t.hidden), "pre_classifier", t.hidden, t.hidden))
	b.classes(x, "classifier", ofTexts, "batch", t.hidden)
}

func distilbertEncoder(b *builder) text {
	c := &distilConfig{30522, 768, 6, 12, 3072, 512, "gelu"}
	t := &transformer{
		layer: "transformer.layer", query: "attention.q_lin", key: "attention.k_lin", value: "attention.v_lin", out: "attention.out_lin",
		norm1: "sa_layer_norm", up: "ffn.lin1", down: "ffn.lin2", norm2: "output_layer_norm", eps: 1e-12,
	}
	b.read(c, func() []setting {
		t.hidden, t.inner, t.heads, t.layers, t.act = c.Hidden, c.Inner, c.Heads, c.Layers, c.Act
		return append(t.settings(), setting{"vocab_size", c.Vocabulary, 1, math.MaxInt32}, setting{"max_position_embeddings", c.Places, 1, 1 << 24})
	})
	ids, mask := b.words()
	all := &textConfig{Hidden: c.Hidden}
	x := b.Binary("Add", b.embedding("word", c.Vocabulary, all, ids), b.embedding("position", c.Places, all, b.places(ids)))
	return b.layered(x, mask, nil, t)
}

// roberta writes the encoder: that of BERT, whose places begin behind that of what fills texts up, and all tokens of one type.
func roberta(b *builder) { b.encoded(robertaEncoder(b)) }

// robertaForSequences has a class for each text.
func robertaForSequences(b *builder) {
	t := robertaEncoder(b)
	x := b.Unary("Tanh", b.linear(b.first(t.x, t.hidden), "classifier.dense", t.hidden, t.hidden))
	b.classes(x, "classifier.out_proj", ofTexts, "batch", t.hidden)
}

func robertaEncoder(b *builder) text {
	c := &textConfig{50265, 768, 12, 12, 3072, 512, 2, "gelu", 1e-12, "absolute", false, 1, 32}
	t := bertNames()
	b.readText(c, t)
	ids, mask := b.words()
	x := b.Binary("Add", b.embedding("word", c.Vocabulary, c, ids), b.embedding("token_type", c.Types, c, b.Ints(0)))
	x = b.Binary("Add", x, b.embedding("position", c.Places, c, b.placesBehind(ids, c.Pad)))
	return b.layered(x, mask, nil, t)
}

// mpnet writes the encoder: that of RoBERTa without types, whose attention knows how far two tokens are apart.
func mpnet(b *builder) {
	c := &textConfig{30527, 768, 12, 12, 3072, 512, 0, "gelu", 1e-12, "absolute", false, 1, 32}
	t := bertNames()
	t.query, t.key, t.value, t.out, t.norm1 = "attention.attn.q", "attention.attn.k", "attention.attn.v", "attention.attn.o", "attention.LayerNorm"
	b.readText(c, t)
	ids, mask := b.words()
	x := b.Binary("Add", b.embedding("word", c.Vocabulary, c, ids), b.embedding("position", c.Places, c, b.placesBehind(ids, mpnetPad)))
	if b.err != nil {
		return
	}
	// The bias of a score is a row of a table, by the bucket of the distance, which another table has by the distance.
	buckets := tensor.New(tensor.Float32, 2*c.Places-1)
	for i := range buckets.Float32s() {
		buckets.Float32s()[i] = float32(bucket(i-(c.Places-1), c.Buckets))
	}
	places := b.places(ids)
	apart := b.Binary("Sub", b.Unsqueeze(places, 0), b.Unsqueeze(places, 1)) // key less query
	apart = b.Gather(b.Cast(b.Tensor("buckets", buckets), format.Int64), b.Binary("Add", apart, b.Ints(c.Places-1)), 0)
	bias := b.Transpose(b.Gather(b.weight("encoder.relative_attention_bias.weight", c.Buckets, c.Heads), apart, 0), 2, 0, 1)
	bias = b.Unsqueeze(bias, 0)
	b.encoded(b.layered(x, mask, &bias, t))
}

// mpnetPad is the token of MPNet that fills texts up, whatever its settings say.
const mpnetPad = 1

// bucket is the place of a distance between tokens in a table of n rows: half of them for keys before the query and half behind; of each, half for
// distances of their own, and the other half of distances to 128 in logarithmic steps.
func bucket(distance, n int) int {
	n /= 2
	first, d := 0, -distance
	if d < 0 {
		first, d = n, -d
	}
	exact := n / 2
	if d < exact {
		return first + d
	}
	step := float32(math.Log(float64(float32(d)/float32(exact)))) / float32(math.Log(128/float64(exact))) * float32(n-exact)
	return first + min(exact+int(step), n-1)
}

// embedding adds rows of a table of the embeddings.
func (b *builder) embedding(name string, rows int, c *textConfig, at export.Value) export.Value {
	return b.Gather(b.weight("embeddings."+name+"_embeddings.weight", rows, c.Hidden), at, 0)
}

// words adds the inputs of all encoders, and returns the rows of the vocabulary and the mask.
func (b *builder) words() (ids, mask export.Value) {
	ids = b.tokens("input_ids", "rows of the vocabulary")
	return ids, b.Cast(b.tokens("attention_mask", "1 for a token, 0 behind the end of a text"), format.Float)
}

// layered adds the norm of embeddings and the layers. bias is added to all scores, where it is there.
func (b *builder) layered(x, mask export.Value, bias *export.Value, t *transformer) text {
	x = b.layerNorm(x, b.base+"embeddings.LayerNorm", t.hidden, t.eps)
	hidden := b.hide(mask)
	if bias != nil {
		hidden = b.Binary("Add", hidden, *bias)
	}
	return text{b.layers(x, t, &hidden), mask, t.hidden}
}

// tokens adds an input of whole numbers.
func (b *builder) tokens(name, doc string) export.Value {
	return b.Input(export.Port{Name: name, Doc: doc, Kind: format.Int64, Shape: "batch,tokens"})
}

// places are the numbers from 0 on, one for each token. A gather by them refuses more tokens than there are places.
func (b *builder) places(ids export.Value) export.Value {
	n := b.Add("Shape", 1, []export.Value{ids}, export.Int("start", 1), export.Int("end", 2)).As(format.Int64)
	n = b.Add("Squeeze", 0, []export.Value{n, b.Ints(0)})
	return b.Add("Range", 1, []export.Value{b.scalar(0), n, b.scalar(1)})
}

// placesBehind are the numbers from pad + 1 on, one for each token that is not pad, whose place is pad.
func (b *builder) placesBehind(ids export.Value, pad int) export.Value {
	is := b.Cast(b.Unary("Not", b.Binary("Equal", ids, b.Ints(pad)).As(format.Bool)), format.Int64)
	count := b.Add("CumSum", 2, []export.Value{is, b.scalar(1)})
	return b.Binary("Add", b.Binary("Mul", count, is), b.Ints(pad))
}

// scalar is a whole number without a dimension.
func (b *builder) scalar(v int) export.Value {
	return b.Add("Squeeze", 0, []export.Value{b.Ints(v), b.Ints(0)})
}

// hide is what is added to the scores of attention: 0 for a token, the least float32 behind the end.
func (b *builder) hide(mask export.Value) export.Value {
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
func (b *builder) sentences(t text) {
	x, mask, hidden := t.x, t.mask, t.hidden
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
