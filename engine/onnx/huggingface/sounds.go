package huggingface

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"slices"

	"github.com/energo-ml/energo/engine/onnx/export"
	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/excerpt"
)

// wav2vecConfig is what config.json says of a network over sound.
type wav2vecConfig struct {
	Hidden     int             `json:"hidden_size"`
	Layers     int             `json:"num_hidden_layers"`
	Heads      int             `json:"num_attention_heads"`
	Inner      int             `json:"intermediate_size"`
	Act        string          `json:"hidden_act"`
	Eps        float64         `json:"layer_norm_eps"`
	Norm       string          `json:"feat_extract_norm"`
	ConvAct    string          `json:"feat_extract_activation"`
	Widths     []int           `json:"conv_dim"`
	Strides    []int           `json:"conv_stride"`
	Kernels    []int           `json:"conv_kernel"`
	ConvBias   bool            `json:"conv_bias"`
	Span       int             `json:"num_conv_pos_embeddings"`
	Groups     int             `json:"num_conv_pos_embedding_groups"`
	PreNorm    bool            `json:"do_stable_layer_norm"`
	Adapter    bool            `json:"add_adapter"`
	Adapted    json.RawMessage `json:"adapter_attn_dim"`
	FeatNorm   bool            `json:"feat_proj_layer_norm"` // of HuBERT
	ConvNorm   bool            `json:"conv_pos_batch_norm"`  // of HuBERT
	Vocabulary int             `json:"vocab_size"`
	Blank      int             `json:"pad_token_id"`
}

// wav2vec writes the network without a head.
func wav2vec(b *builder) {
	x, c := wav2vecBody(b)
	b.output("last_hidden_state", "a vector for each frame", "batch,frames", c.Hidden, x)
}

// wav2vecForCTC has tokens for each frame, as CTC reads them.
func wav2vecForCTC(b *builder) {
	x, c := wav2vecBody(b)
	b.output("logits", "a logit of each frame for each token", "batch,frames", c.Vocabulary, b.linear(x, "lm_head", c.Hidden, c.Vocabulary))
	b.JSON("blank", c.Blank)
	b.Metadata("emissions", `"logits"`)
	b.texts(c)
}

// texts adds the texts of the tokens to the metadata, where the folder has them: "" for the blank, a space between words.
func (b *builder) texts(c *wav2vecConfig) {
	texts := make([]string, c.Vocabulary)
	known := false
	for _, file := range []string{"vocab.json", "added_tokens.json"} {
		path := filepath.Join(b.dir, file)
		var rows map[string]int
		there, err := readOptional(path, &rows)
		if err != nil {
			b.fail("%w", err)
		}
		known = known || there
		for _, text := range slices.Sorted(maps.Keys(rows)) {
			i := rows[text]
			if i < 0 || i >= len(texts) || texts[i] != "" && texts[i] != text {
				b.fail("%s: %q is token %d; the network has %d, each once", path, excerpt.Of(text), i, len(texts))
				return
			}
			texts[i] = text
		}
	}
	words := struct {
		Between string `json:"word_delimiter_token"`
	}{"|"}
	if _, err := readOptional(filepath.Join(b.dir, "tokenizer_config.json"), &words); err != nil {
		b.fail("%w", err)
	}
	if !known || b.err != nil {
		return
	}
	for i, text := range texts {
		switch {
		case i == c.Blank:
			texts[i] = ""
		case text == words.Between:
			texts[i] = " "
		case text == "": // of no use to the tokenizer
			texts[i] = fmt.Sprintf("<%d>", i)
		}
	}
	b.JSON("tokens", texts)
}

// wav2vecBody adds the input, the convolutions over the sound and the layers over their frames.
func wav2vecBody(b *builder) (export.Value, *wav2vecConfig) {
	c := &wav2vecConfig{
		Hidden: 768, Layers: 12, Heads: 12, Inner: 3072, Act: "gelu", Eps: 1e-5, Norm: "group", ConvAct: "gelu",
		Widths: []int{512, 512, 512, 512, 512, 512, 512}, Strides: []int{5, 2, 2, 2, 2, 2, 2}, Kernels: []int{10, 3, 3, 3, 3, 2, 2},
		Span: 128, Groups: 16, FeatNorm: true, Vocabulary: 32,
	}
	t := &transformer{
		layer: "encoder.layers", query: "attention.q_proj", key: "attention.k_proj", value: "attention.v_proj", out: "attention.out_proj",
		norm1: "layer_norm", up: "feed_forward.intermediate_dense", down: "feed_forward.output_dense", norm2: "final_layer_norm",
	}
	b.read(c, func() []setting {
		t.hidden, t.inner, t.heads, t.layers, t.eps, t.act, t.preNorm = c.Hidden, c.Inner, c.Heads, c.Layers, c.Eps, c.Act, c.PreNorm
		n := len(c.Widths)
		s := append(t.settings(), setting{"the number of conv_dim", n, 1, 64}, setting{"the number of conv_stride", len(c.Strides), n, n}, setting{"the number of conv_kernel", len(c.Kernels), n, n},
			setting{"num_conv_pos_embeddings", c.Span, 1, 1 << 12}, setting{"num_conv_pos_embedding_groups", c.Groups, 1, c.Hidden},
			setting{"vocab_size", c.Vocabulary, 1, 1 << 24}, setting{"pad_token_id", c.Blank, 0, c.Vocabulary - 1})
		for i := 0; i < min(n, len(c.Strides), len(c.Kernels)); i++ {
			s = append(s, setting{"one of conv_dim", c.Widths[i], 1, 1 << 16}, setting{"one of conv_stride", c.Strides[i], 1, 1 << 16}, setting{"one of conv_kernel", c.Kernels[i], 1, 1 << 16})
		}
		return s
	})
	b.must("feat_extract_norm", c.Norm, "group", "layer")
	b.must("add_adapter", c.Adapter, false)
	b.must("conv_pos_batch_norm", c.ConvNorm, false)
	if c.Adapted != nil && string(c.Adapted) != "null" {
		b.fail("%s: adapter_attn_dim is %s; it must be null", b.path, excerpt.Of(c.Adapted))
	}
	if b.err != nil {
		return export.Value{}, c
	}
	x := b.Transpose(b.frames(b.sound(), c), 0, 2, 1)
	width := c.Widths[len(c.Widths)-1]
	if c.FeatNorm {
		x = b.layerNorm(x, b.base+"feature_projection.layer_norm", width, c.Eps)
	}
	x = b.linear(x, b.base+"feature_projection.projection", width, c.Hidden)
	x = b.Binary("Add", x, b.around(x, c))
	const norm = "encoder.layer_norm"
	if c.PreNorm {
		return b.layerNorm(b.layers(x, t, nil), b.base+norm, c.Hidden, c.Eps), c
	}
	return b.layers(b.layerNorm(x, b.base+norm, c.Hidden, c.Eps), t, nil), c
}

// sound adds the input, and to the metadata how it is prepared where the folder says it.
func (b *builder) sound() export.Value {
	x := b.Input(export.Port{Name: "input_values", Doc: "sounds of equal length, prepared as preprocessor_config.json says", Kind: format.Float, Shape: "batch,samples"})
	p := struct {
		Rate int  `json:"sampling_rate"`
		Unit bool `json:"do_normalize"`
	}{16000, true}
	there, err := readOptional(filepath.Join(b.dir, "preprocessor_config.json"), &p)
	if err != nil {
		b.fail("%w", err)
	}
	if there && b.err == nil {
		b.Metadata("features", `"waveform"`)
		b.JSON("rate", p.Rate)
		b.JSON("normalise", p.Unit)
	}
	return x
}

// frames adds the convolutions over the sound, to [batch, features, frames].
func (b *builder) frames(x export.Value, c *wav2vecConfig) export.Value {
	x = b.Unsqueeze(x, 1)
	before := 1
	for i, width := range c.Widths {
		name := fmt.Sprintf("%sfeature_extractor.conv_layers.%d.", b.base, i)
		in := []export.Value{x, b.head(name+"conv.weight", width, before, c.Kernels[i])}
		if c.ConvBias {
			in = append(in, b.head(name+"conv.bias", width))
		}
		x = b.Add("Conv", 3, in, export.Ints("strides", c.Strides[i]))
		switch {
		case c.Norm == "layer":
			x = b.Transpose(b.layerNorm(b.Transpose(x, 0, 2, 1), name+"layer_norm", width, 1e-5), 0, 2, 1)
		case i == 0: // of groups of one channel
			x = b.Add("InstanceNormalization", 3, []export.Value{x, b.head(name+"layer_norm.weight", width), b.head(name+"layer_norm.bias", width)}, export.Float("epsilon", 1e-5))
		}
		x = b.activation(x, c.ConvAct)
		before = width
	}
	return x
}

// around adds what each frame's surroundings say of its place: a convolution in groups over all features, as many frames as there were.
func (b *builder) around(x export.Value, c *wav2vecConfig) export.Value {
	const name = "encoder.pos_conv_embed.conv."
	w := b.Tensor(b.base+name+"weight", b.weightNorm(b.base+name, c))
	before := c.Span / 2
	y := b.Add("Conv", 3, []export.Value{b.Transpose(x, 0, 2, 1), w, b.weight(name+"bias", c.Hidden)},
		export.Int("group", c.Groups), export.Ints("pads", before, c.Span-1-before))
	return b.Transpose(b.activation(y, c.ConvAct), 0, 2, 1)
}

// weightNorm is g·v/|v|, the length being that of each place of the kernel.
func (b *builder) weightNorm(name string, c *wav2vecConfig) *tensor.Tensor {
	lengths, directions := "parametrizations.weight.original0", "parametrizations.weight.original1"
	if b.weights[name+"weight_g"] != nil {
		lengths, directions = "weight_g", "weight_v"
	}
	rows := c.Hidden * (c.Hidden / c.Groups)
	b.check(name+lengths, 1, 1, c.Span)
	b.check(name+directions, c.Hidden, c.Hidden/c.Groups, c.Span)
	if b.err != nil {
		return tensor.New(tensor.Float32)
	}
	g := b.weights[name+lengths].Convert(tensor.Float64).Float64s()
	w := b.weights[name+directions].Convert(tensor.Float64)
	v := w.Float64s()
	for k := range c.Span {
		sum := 0.0
		for r := range rows {
			sum += float64(v[r*c.Span+k] * v[r*c.Span+k])
		}
		for r := range rows {
			v[r*c.Span+k] *= g[k] / math.Sqrt(sum)
		}
	}
	return w
}
